//! How far apart may two rows be, where that depends on both?
//!
//! ```text
//!  DISTANCE(a.., b..) < 3 * SQRT(a.err * a.err + b.err * b.err)
//!      3 * sqrt(left: a.err * a.err  +  right: b.err * b.err)
//! ```
//! The side in memory gives the least and the greatest value of each of its parts; a row of the other gives its own. Interval
//! arithmetic makes of them the greatest radius that the row may need.
//!
//! *Guarantee*: never less than the radius of any pair; where nothing bounds it, infinite. A radius that is null, so that
//! the condition holds for no pair of the row, may be any. This module must not know what the radius is for.

use std::fmt::{self, Display};

use arrow::array::Float64Array;
use arrow::datatypes::DataType;
use datafusion::common::{DFSchema, Result};
use datafusion::functions::{core, math};
use datafusion::logical_expr::{BinaryExpr, Expr, ExprSchemable, Operator, ScalarUDF, cast};

use super::node::belongs;
use crate::functions::without_one_nan;

/// What each step is widened by, in parts of its value: many times the rounding of single precision.
const WIDENED: f64 = 1e-6;
/// Expressions nested deeper than this are declined.
const MAX_DEPTH: usize = 64;

/// An expression over two sides, taken apart down to expressions over one.
#[derive(Debug, Clone)]
pub(super) enum Reach<E> {
    /// Of the left side (`true`) or the right, type double.
    Side(bool, E),
    One(Unary, Box<Self>),
    Two(Binary, Box<[Self; 2]>),
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Unary {
    Negative,
    Abs,
    Sqrt,
    Square,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Binary {
    Add,
    Subtract,
    Multiply,
    Divide,
    /// The greater or the lesser of two, whichever is not null.
    Choose,
}

/// Every value lies between these two.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Span {
    low: f64,
    high: f64,
}

/// Values of rows, or of all rows together; `None` is null.
pub(super) enum Values {
    All(Option<Span>),
    Each(Vec<Option<Span>>),
}

impl Reach<Expr> {
    /// Takes a radius apart; `None` where nothing is known to bound it.
    pub(super) fn of(radius: &Expr, left: &DFSchema, right: &DFSchema) -> Option<Self> {
        Self::parts(radius, (left, right), MAX_DEPTH)
    }

    fn parts(expr: &Expr, sides: (&DFSchema, &DFSchema), depth: usize) -> Option<Self> {
        let depth = depth.checked_sub(1)?;
        for (of_left, side) in [(true, sides.0), (false, sides.1)] {
            if belongs(expr, side) {
                let number = expr.get_type(side).is_ok_and(|of| of.is_integer() || of.is_floating());
                return number.then(|| Self::Side(of_left, cast(expr.clone(), DataType::Float64)));
            }
        }
        let one = |operation, inner| Some(Self::One(operation, Box::new(Self::parts(inner, sides, depth)?)));
        let two = |operation, first, second| {
            let parts = [Self::parts(first, sides, depth)?, Self::parts(second, sides, depth)?];
            Some(Self::Two(operation, Box::new(parts)))
        };
        match without_one_nan(expr) {
            Expr::Alias(alias) => Self::parts(&alias.expr, sides, depth),
            Expr::Cast(cast) if cast.field.data_type().is_floating() => Self::parts(&cast.expr, sides, depth),
            Expr::Negative(inner) => one(Unary::Negative, inner),
            Expr::BinaryExpr(BinaryExpr { left, op, right }) => match op {
                Operator::Plus => two(Binary::Add, left, right),
                Operator::Minus => two(Binary::Subtract, left, right),
                Operator::Multiply => two(Binary::Multiply, left, right),
                // Of whole numbers it cuts off.
                Operator::Divide if is_float(left, sides) || is_float(right, sides) => two(Binary::Divide, left, right),
                _ => None,
            },
            Expr::ScalarFunction(call) => {
                let is = |known: std::sync::Arc<ScalarUDF>| *call.func == *known;
                match call.args.as_slice() {
                    [inner] if is(math::abs()) => one(Unary::Abs, inner),
                    [inner] if is(math::sqrt()) => one(Unary::Sqrt, inner),
                    [inner, power] if is(math::power()) && is_two(power) => one(Unary::Square, inner),
                    [first, second] if is(core::greatest()) || is(core::least()) => two(Binary::Choose, first, second),
                    _ => None,
                }
            }
            _ => None,
        }
    }
}

/// Whether an expression over one side is of floating point; one over both is not said to be.
fn is_float(expr: &Expr, (left, right): (&DFSchema, &DFSchema)) -> bool {
    [left, right].into_iter().any(|side| belongs(expr, side) && expr.get_type(side).is_ok_and(|of| of.is_floating()))
        || matches!(without_one_nan(expr), Expr::Cast(cast) if cast.field.data_type().is_floating())
}

fn is_two(expr: &Expr) -> bool {
    match expr {
        Expr::Literal(value, _) => value.cast_to(&DataType::Float64).is_ok_and(|value| value == 2.0_f64.into()),
        Expr::Cast(cast) => is_two(&cast.expr),
        _ => false,
    }
}

impl<E> Reach<E> {
    /// The same over other expressions.
    pub(super) fn map<F>(&self, to: &mut impl FnMut(bool, &E) -> Result<F>) -> Result<Reach<F>> {
        Ok(match self {
            Self::Side(left, expr) => Reach::Side(*left, to(*left, expr)?),
            Self::One(operation, inner) => Reach::One(*operation, Box::new(inner.map(to)?)),
            Self::Two(operation, parts) => Reach::Two(*operation, Box::new([parts[0].map(to)?, parts[1].map(to)?])),
        })
    }

    /// The expressions over one of the sides, in order.
    pub(super) fn of_side(&self, left: bool) -> Vec<&E> {
        match self {
            Self::Side(of_left, expr) if *of_left == left => vec![expr],
            Self::Side(..) => Vec::new(),
            Self::One(_, inner) => inner.of_side(left),
            Self::Two(_, parts) => parts.iter().flat_map(|part| part.of_side(left)).collect(),
        }
    }

    /// The bounds of its values; `part` gives those of each expression over one side, and is asked in order.
    pub(super) fn bounds(&self, part: &mut impl FnMut(bool, &E) -> Result<Values>) -> Result<Values> {
        Ok(match self {
            Self::Side(left, expr) => part(*left, expr)?,
            Self::One(operation, inner) => {
                let bound = |span: Option<Span>| span.map(|span| span.changed(*operation).widened());
                match inner.bounds(part)? {
                    Values::All(span) => Values::All(bound(span)),
                    Values::Each(spans) => Values::Each(spans.into_iter().map(bound).collect()),
                }
            }
            Self::Two(operation, parts) => {
                let (first, second) = (parts[0].bounds(part)?, parts[1].bounds(part)?);
                let bound = |first, second| combined(*operation, first, second).map(Span::widened);
                match (first, second) {
                    (Values::All(first), Values::All(second)) => Values::All(bound(first, second)),
                    (Values::All(first), Values::Each(second)) => {
                        Values::Each(second.into_iter().map(|second| bound(first, second)).collect())
                    }
                    (Values::Each(first), Values::All(second)) => {
                        Values::Each(first.into_iter().map(|first| bound(first, second)).collect())
                    }
                    (Values::Each(first), Values::Each(second)) => {
                        Values::Each(first.into_iter().zip(second).map(|(a, b)| bound(a, b)).collect())
                    }
                }
            }
        })
    }
}

impl Values {
    /// The values of rows.
    pub(super) fn of_rows(values: &Float64Array) -> Self {
        Self::Each(values.iter().map(|value| value.map(Span::of)).collect())
    }

    /// The greatest value of each of some rows; negative where it is null.
    pub(super) fn greatest(self, rows: usize) -> Vec<f64> {
        let greatest = |span: Option<Span>| span.map_or(-1.0, |span| span.high);
        match self {
            Self::All(span) => vec![greatest(span); rows],
            Self::Each(spans) => spans.into_iter().map(greatest).collect(),
        }
    }
}

fn combined(operation: Binary, first: Option<Span>, second: Option<Span>) -> Option<Span> {
    match (operation, first, second) {
        (Binary::Choose, Some(one), None) | (Binary::Choose, None, Some(one)) => Some(one),
        (operation, Some(first), Some(second)) => Some(first.with(operation, second)),
        _ => None,
    }
}

impl Span {
    /// What nothing is known of; so is NaN, which is above every number.
    const ALL: Self = Self { low: f64::NEG_INFINITY, high: f64::INFINITY };

    fn of(value: f64) -> Self {
        Self::between(value, value)
    }

    fn between(low: f64, high: f64) -> Self {
        if low.is_nan() || high.is_nan() { Self::ALL } else { Self { low, high } }
    }

    /// The bounds of all values of a column; `None` where all are null.
    pub(super) fn over(values: &Float64Array) -> Option<Self> {
        values.iter().flatten().map(Self::of).reduce(Self::joined)
    }

    fn joined(self, other: Self) -> Self {
        Self { low: self.low.min(other.low), high: self.high.max(other.high) }
    }

    fn changed(self, operation: Unary) -> Self {
        let Self { low, high } = self;
        match operation {
            Unary::Negative => Self { low: -high, high: -low },
            Unary::Abs if low >= 0.0 => self,
            Unary::Abs => Self { low: 0.0, high: high.max(-low) },
            // Of a negative number it is NaN.
            Unary::Sqrt if low < 0.0 => Self::ALL,
            Unary::Sqrt => Self { low: low.sqrt(), high: high.sqrt() },
            Unary::Square => {
                let Self { low, high } = self.changed(Unary::Abs);
                Self { low: low * low, high: high * high }
            }
        }
    }

    fn with(self, operation: Binary, other: Self) -> Self {
        let corners = |combine: fn(f64, f64) -> f64| {
            let all = [(self.low, other.low), (self.low, other.high), (self.high, other.low), (self.high, other.high)];
            let spans = all.map(|(first, second)| Self::of(combine(first, second)));
            spans.into_iter().reduce(Self::joined).unwrap_or(Self::ALL)
        };
        match operation {
            Binary::Add => Self::between(self.low + other.low, self.high + other.high),
            Binary::Subtract => Self::between(self.low - other.high, self.high - other.low),
            Binary::Multiply => corners(|first, second| first * second),
            Binary::Divide if other.low <= 0.0 && other.high >= 0.0 => Self::ALL,
            Binary::Divide => corners(|first, second| first / second),
            Binary::Choose => self.joined(other),
        }
    }

    fn widened(self) -> Self {
        let by = WIDENED * self.low.abs().max(self.high.abs());
        Self::between(self.low - by, self.high + by)
    }
}

impl<E: Display> Display for Reach<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Side(_, expr) => expr.fmt(f),
            Self::One(Unary::Negative, inner) => write!(f, "-({inner})"),
            Self::One(Unary::Abs, inner) => write!(f, "abs({inner})"),
            Self::One(Unary::Sqrt, inner) => write!(f, "sqrt({inner})"),
            Self::One(Unary::Square, inner) => write!(f, "power({inner}, 2)"),
            Self::Two(operation, parts) => {
                let [first, second] = parts.as_ref();
                match operation {
                    Binary::Add => write!(f, "({first} + {second})"),
                    Binary::Subtract => write!(f, "({first} - {second})"),
                    Binary::Multiply => write!(f, "({first} * {second})"),
                    Binary::Divide => write!(f, "({first} / {second})"),
                    Binary::Choose => write!(f, "one of ({first}, {second})"),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Expressions over numbers that the judge computes itself.
    fn tree() -> impl Strategy<Value = Reach<usize>> {
        let leaf = (any::<bool>(), 0_usize..3).prop_map(|(left, index)| Reach::Side(left, index));
        leaf.prop_recursive(4, 24, 2, |inner| {
            let unary = prop::sample::select(vec![Unary::Negative, Unary::Abs, Unary::Sqrt, Unary::Square]);
            let operations = [Binary::Add, Binary::Subtract, Binary::Multiply, Binary::Divide, Binary::Choose];
            let binary = prop::sample::select(operations.to_vec());
            prop_oneof![
                (unary, inner.clone()).prop_map(|(operation, part)| Reach::One(operation, Box::new(part))),
                (binary, inner.clone(), inner).prop_map(|(operation, a, b)| Reach::Two(operation, Box::new([a, b]))),
            ]
        })
    }

    /// The values that the expression may have; the two of a choice are tried both.
    fn values(reach: &Reach<usize>, left: &[Option<f64>], right: &[Option<f64>]) -> Vec<Option<f64>> {
        match reach {
            Reach::Side(of_left, index) => vec![if *of_left { left[*index] } else { right[*index] }],
            Reach::One(operation, inner) => {
                let change = |value: f64| match operation {
                    Unary::Negative => -value,
                    Unary::Abs => value.abs(),
                    Unary::Sqrt => value.sqrt(),
                    Unary::Square => value * value,
                };
                values(inner, left, right).into_iter().map(|value| value.map(change)).collect()
            }
            Reach::Two(operation, parts) => {
                let (first, second) = (values(&parts[0], left, right), values(&parts[1], left, right));
                let mut all = Vec::new();
                for a in &first {
                    for b in &second {
                        match operation {
                            Binary::Choose => all.extend([a.or(*b), b.or(*a)]),
                            Binary::Add => all.push(a.zip(*b).map(|(a, b)| a + b)),
                            Binary::Subtract => all.push(a.zip(*b).map(|(a, b)| a - b)),
                            Binary::Multiply => all.push(a.zip(*b).map(|(a, b)| a * b)),
                            Binary::Divide => all.push(a.zip(*b).map(|(a, b)| a / b)),
                        }
                    }
                }
                all.truncate(64);
                all
            }
        }
    }

    fn row() -> impl Strategy<Value = Vec<Option<f64>>> {
        let value = prop_oneof![-5.0..5.0, Just(0.0), Just(f64::NAN), Just(f64::INFINITY), -1e-3..1e-3];
        prop::collection::vec(prop::option::weighted(0.9, value), 3)
    }

    proptest! {
        #[test]
        fn no_pair_reaches_farther(
            reach in tree(), held in prop::collection::vec(row(), 1..5), streamed in prop::collection::vec(row(), 1..5),
            left_is_held in any::<bool>()
        ) {
            let column = |rows: &[Vec<Option<f64>>], index: usize| {
                rows.iter().map(|row| row[index]).collect::<Float64Array>()
            };
            let bounds = reach.bounds(&mut |left, index| Ok(if left == left_is_held {
                Values::All(Span::over(&column(&held, *index)))
            } else {
                Values::of_rows(&column(&streamed, *index))
            }));
            let greatest = bounds.unwrap().greatest(streamed.len());
            for (row, bound) in streamed.iter().zip(greatest) {
                for other in &held {
                    let (left, right) = if left_is_held { (other, row) } else { (row, other) };
                    for value in values(&reach, left, right).into_iter().flatten() {
                        // NaN is above every number.
                        prop_assert!(bound == f64::INFINITY || value <= bound, "{value} beyond {bound}");
                    }
                }
            }
        }
    }
}
