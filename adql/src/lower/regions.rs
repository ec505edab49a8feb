//! Many constant regions around the same position: one region.
//!
//! ```text
//!  CONTAINS(p, c1) = 1 OR CONTAINS(p, c2) = 1     ->  sky_contains(p, sky_region('Union ICRS (c1 c2)')) = 1
//!  CONTAINS(p, c1) = 0 AND CONTAINS(p, c2) = 0    ->  sky_contains(p, sky_region('Union ICRS (c1 c2)')) = 0
//! ```
//!
//! A distance from a constant position that is compared with a number is a circle: what is nearer than `r` is within
//! the number that comes before `r`, for a circle contains its rim, and compares the same distance.
//!
//! *Why it is exact*: a point is in the union if and only if it is in one of the parts. The parts are literals, never
//! NULL, so all conditions are NULL for the same rows: those whose position is NULL. Numbers are written so that they
//! read back to the same bits. A part that would be an error when evaluated (a latitude of 91 degrees) is left alone, so
//! that it stays an error.

use std::fmt::Write;

use sqlparser::ast::{BinaryOperator, Expr, Function, UnaryOperator, Value};

use super::chains::{Chain, claim};
use crate::walk::{arguments, bare};
use crate::write::call;

/// A condition that a position is in a constant region.
pub(super) struct RegionPart {
    /// The position, as SQL.
    pub(super) position: String,
    /// The region, as STC-S.
    pub(super) text: String,
}

/// The condition on the union of regions, about the position of a condition on one of them.
pub(super) fn union_condition(part: &Expr, regions: &str, chain: Chain) -> Option<Expr> {
    let position = match claim(part) {
        Some((Expr::Function(function), _)) => (*arguments(function).first()?).clone(),
        Some(_) => return None,
        None => {
            let [lon, lat] = Nearness::of(part, chain)?.position;
            call("sky_point", vec![lon.clone(), lat.clone()])
        }
    };
    let text = format!("Union ICRS ( {regions} )");
    let region = call("sky_region", vec![Expr::value(Value::SingleQuotedString(text))]);
    let bit = if chain.folds_positive() { "1" } else { "0" };
    Some(Expr::BinaryOp {
        left: Box::new(call("sky_contains", vec![position, region])),
        op: BinaryOperator::Eq,
        right: Box::new(Expr::value(Value::Number(bit.into(), false))),
    })
}

/// The position and the region of a condition that a position is in a constant region, or near a constant position.
pub(super) fn constant_region(condition: &Expr, chain: Chain) -> Option<RegionPart> {
    let Some((function, positive)) = claim(condition) else {
        let Nearness { position: [lon, lat], center, radius } = Nearness::of(condition, chain)?;
        let text = stcs_of("Circle", &[center.0, center.1, radius])?;
        return Some(RegionPart { position: format!("sky_point({lon}, {lat})"), text });
    };
    if positive != chain.folds_positive() {
        return None;
    }
    let Expr::Function(function) = function else { return None };
    if name(function) != "sky_contains" {
        return None;
    }
    let [position, region] = arguments(function)[..] else { return None };
    let Expr::Function(point) = bare(position) else { return None };
    // A constant position would make the whole condition constant; that is the planner's business.
    if name(point) != "sky_point" || numbers(point).is_some() {
        return None;
    }
    let text = stcs(region)?;
    Some(RegionPart { position: position.to_string(), text })
}

/// `sky_distance(ra, dec, 10, 20) < 1` and its like.
struct Nearness<'a> {
    position: [&'a Expr; 2],
    center: (f64, f64),
    /// The largest distance for which the condition is true, or for a chain of AND false.
    radius: f64,
}

impl<'a> Nearness<'a> {
    fn of(condition: &'a Expr, chain: Chain) -> Option<Self> {
        let (distance, op, bound) = comparison(condition)?;
        let positive = matches!(op, BinaryOperator::Lt | BinaryOperator::LtEq);
        if positive != chain.folds_positive() {
            return None;
        }
        let radius = match op {
            BinaryOperator::LtEq | BinaryOperator::Gt => bound,
            _ if bound > 0.0 => bound.next_down(),
            _ => return None,
        };
        let given: Vec<&Expr> = arguments(distance).into_iter().flat_map(coordinates).collect();
        let [first_lon, first_lat, second_lon, second_lat] = given[..] else { return None };
        let constants = |lon, lat| Some((constant(lon)?.as_f64(), constant(lat)?.as_f64()));
        match (constants(first_lon, first_lat), constants(second_lon, second_lat)) {
            (None, Some(center)) => Some(Self { position: [first_lon, first_lat], center, radius }),
            (Some(center), None) => Some(Self { position: [second_lon, second_lat], center, radius }),
            _ => None,
        }
    }
}

/// A distance compared with a constant, the distance on the left: negations and reversed comparisons are resolved.
fn comparison(condition: &Expr) -> Option<(&Function, BinaryOperator, f64)> {
    match bare(condition) {
        Expr::UnaryOp { op: UnaryOperator::Not, expr } => {
            let (distance, op, bound) = comparison(expr)?;
            let negated = match op {
                BinaryOperator::Lt => BinaryOperator::GtEq,
                BinaryOperator::LtEq => BinaryOperator::Gt,
                BinaryOperator::Gt => BinaryOperator::LtEq,
                _ => BinaryOperator::Lt,
            };
            Some((distance, negated, bound))
        }
        Expr::BinaryOp { left, op, right } => {
            let reversed = match op {
                BinaryOperator::Lt => BinaryOperator::Gt,
                BinaryOperator::LtEq => BinaryOperator::GtEq,
                BinaryOperator::Gt => BinaryOperator::Lt,
                BinaryOperator::GtEq => BinaryOperator::LtEq,
                _ => return None,
            };
            let measured = |expr| match bare(expr) {
                Expr::Function(function) if name(function) == "sky_distance" => Some(function),
                _ => None,
            };
            match (measured(left), measured(right)) {
                (Some(distance), None) => Some((distance, op.clone(), constant(right)?.as_f64())),
                (None, Some(distance)) => Some((distance, reversed, constant(left)?.as_f64())),
                _ => None,
            }
        }
        _ => None,
    }
}

/// The coordinates of a point, or a coordinate itself.
fn coordinates(argument: &Expr) -> Vec<&Expr> {
    match bare(argument) {
        Expr::Function(point) if name(point) == "sky_point" => arguments(point),
        _ => vec![argument],
    }
}

/// The STC-S text of a constructor whose arguments are valid numbers.
fn stcs(region: &Expr) -> Option<String> {
    let Expr::Function(function) = bare(region) else { return None };
    let shape = match name(function) {
        "sky_circle" => "Circle",
        "sky_box" => "Box",
        "sky_polygon" => "Polygon",
        _ => return None,
    };
    stcs_of(shape, &numbers(function)?)
}

/// The STC-S text of a shape, if its numbers are valid.
fn stcs_of(shape: &str, values: &[f64]) -> Option<String> {
    let positions = match (shape, values) {
        ("Circle", [_, _, radius]) if (0.0..=180.0).contains(radius) => &values[..2],
        ("Box", [_, _, width, height]) if [width, height].iter().all(|side| (0.0..=180.0).contains(*side)) => {
            &values[..2]
        }
        ("Polygon", corners) if corners.len() >= 6 && corners.len().is_multiple_of(2) => values,
        _ => return None,
    };
    let valid = positions.chunks_exact(2).all(|pair| (-90.0..=90.0).contains(&pair[1]));
    if !valid || !values.iter().all(|value| value.is_finite()) {
        return None;
    }
    let mut text = format!("{shape} ICRS");
    for value in values {
        write!(text, " {value:?}").ok()?;
    }
    Some(text)
}

/// The values of a call's arguments if all are constant; a constant point counts as two.
fn numbers(function: &Function) -> Option<Vec<f64>> {
    let mut values = Vec::new();
    for argument in arguments(function) {
        match bare(argument) {
            Expr::Function(point) if name(point) == "sky_point" => values.extend(numbers(point)?),
            other => values.push(constant(other)?.as_f64()),
        }
    }
    Some(values)
}

fn name(function: &Function) -> &str {
    function.name.0.first().and_then(|part| part.as_ident()).map_or("", |ident| ident.value.as_str())
}

/// A constant as the planner would compute it: whole numbers stay whole.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Constant {
    Whole(i64),
    Real(f64),
}

impl Constant {
    #[expect(clippy::cast_precision_loss, reason = "the planner converts an integer argument to f64 in the same way")]
    fn as_f64(self) -> f64 {
        match self {
            Self::Whole(value) => value as f64,
            Self::Real(value) => value,
        }
    }
}

fn constant(expr: &Expr) -> Option<Constant> {
    match bare(expr) {
        Expr::Value(value) => match &value.value {
            Value::Number(digits, _) if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
                digits.parse().ok().map(Constant::Whole)
            }
            Value::Number(digits, _) => digits.parse().ok().map(Constant::Real),
            _ => None,
        },
        Expr::UnaryOp { op: UnaryOperator::Plus, expr } => constant(expr),
        Expr::UnaryOp { op: UnaryOperator::Minus, expr } => Some(match constant(expr)? {
            Constant::Whole(value) => Constant::Whole(value.checked_neg()?),
            Constant::Real(value) => Constant::Real(-value),
        }),
        Expr::BinaryOp { left, op, right } => calculate(constant(left)?, op, constant(right)?),
        _ => None,
    }
}

fn calculate(left: Constant, op: &BinaryOperator, right: Constant) -> Option<Constant> {
    if let (Constant::Whole(left), Constant::Whole(right)) = (left, right) {
        return match op {
            BinaryOperator::Plus => left.checked_add(right),
            BinaryOperator::Minus => left.checked_sub(right),
            BinaryOperator::Multiply => left.checked_mul(right),
            BinaryOperator::Divide => left.checked_div(right),
            _ => None,
        }
        .map(Constant::Whole);
    }
    let (left, right) = (left.as_f64(), right.as_f64());
    match op {
        BinaryOperator::Plus => Some(left + right),
        BinaryOperator::Minus => Some(left - right),
        BinaryOperator::Multiply => Some(left * right),
        BinaryOperator::Divide => Some(left / right),
        _ => None,
    }
    .map(Constant::Real)
}
