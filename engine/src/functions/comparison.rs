//! For which separations is a comparison with a constant true?
//!
//! This module must not know any SQL function, nor what the separation is of.

use datafusion::logical_expr::{BinaryExpr, Expr, Operator};

use super::constant::constant_number;
use super::predicate::without_alias;

/// A separation beyond this many degrees is farther than any two positions lie, whatever the rounding.
pub(crate) const BEYOND_ANTIPODE_DEG: f64 = 180.5;

/// A comparison of two numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Comparison {
    /// `=`
    Equal,
    /// `<>`
    NotEqual,
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
}

impl Comparison {
    /// The comparison that an operator makes.
    pub(crate) fn of(op: Operator) -> Option<Self> {
        Some(match op {
            Operator::Eq => Self::Equal,
            Operator::NotEq => Self::NotEqual,
            Operator::Lt => Self::Less,
            Operator::LtEq => Self::LessOrEqual,
            Operator::Gt => Self::Greater,
            Operator::GtEq => Self::GreaterOrEqual,
            _ => return None,
        })
    }

    /// The comparison with its sides exchanged.
    pub(crate) fn reversed(self) -> Self {
        match self {
            Self::Less => Self::Greater,
            Self::LessOrEqual => Self::GreaterOrEqual,
            Self::Greater => Self::Less,
            Self::GreaterOrEqual => Self::LessOrEqual,
            Self::Equal | Self::NotEqual => self,
        }
    }

    /// Whether it is true of two numbers, neither of them NaN.
    pub(crate) fn holds(self, left: f64, right: f64) -> bool {
        match self {
            Self::Equal => left == right,
            Self::NotEqual => left != right,
            Self::Less => left < right,
            Self::LessOrEqual => left <= right,
            Self::Greater => left > right,
            Self::GreaterOrEqual => left >= right,
        }
    }
}

/// What a separation in degrees is multiplied or divided by before it is compared.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Scale {
    /// Multiplied by this.
    Times(f64),
    /// Divided by this.
    Over(f64),
}

impl Scale {
    /// The number that is compared.
    pub(crate) fn apply(self, degrees: f64) -> f64 {
        match self {
            Self::Times(factor) => degrees * factor,
            Self::Over(divisor) => degrees / divisor,
        }
    }
}

/// Takes a positive constant factor or divisor off an expression.
pub(crate) fn scaled(expr: &Expr) -> (&Expr, Scale) {
    let positive = |expr: &Expr| constant_number(expr).filter(|number| number.is_normal() && *number > 0.0);
    if let Expr::BinaryExpr(BinaryExpr { left, op, right }) = without_alias(expr) {
        match (op, positive(left), positive(right)) {
            (Operator::Multiply, None, Some(factor)) => return (left, Scale::Times(factor)),
            (Operator::Multiply, Some(factor), None) => return (right, Scale::Times(factor)),
            (Operator::Divide, None, Some(divisor)) => return (left, Scale::Over(divisor)),
            _ => {}
        }
    }
    (expr, Scale::Times(1.0))
}

/// The largest number of degrees that a separation could have and for which `holds` is true; `None` if there is none.
///
/// `holds` must be true up to some number and false beyond. Doubles that are not negative are ordered as their bits, so
/// the bound is found to the last of them: it is exact for every separation, whatever the rounding of the scale.
pub(crate) fn largest(holds: impl Fn(f64) -> bool) -> Option<f64> {
    if !holds(0.0) {
        return None;
    }
    if holds(BEYOND_ANTIPODE_DEG) {
        return Some(BEYOND_ANTIPODE_DEG);
    }
    let (mut inside, mut beyond) = (0.0_f64.to_bits(), BEYOND_ANTIPODE_DEG.to_bits());
    while beyond - inside > 1 {
        let middle = inside + (beyond - inside) / 2;
        if holds(f64::from_bits(middle)) { inside = middle } else { beyond = middle }
    }
    Some(f64::from_bits(inside))
}
