//! Many constant regions around the same position: one region.
//!
//! ```text
//!  CONTAINS(p, c1) = 1 OR CONTAINS(p, c2) = 1     ->  sky_contains(p, sky_region('Union ICRS (c1 c2)')) = 1
//!  CONTAINS(p, c1) = 0 AND CONTAINS(p, c2) = 0    ->  sky_contains(p, sky_region('Union ICRS (c1 c2)')) = 0
//! ```
//!
//! *Why it is exact*: a point is in the union if and only if it is in one of the parts. The parts are literals, never
//! NULL, so all conditions are NULL for the same rows: those whose position is NULL. Numbers are written so that they
//! read back to the same bits. A part that would be an error when evaluated (a latitude of 91 degrees) is left alone, so
//! that it stays an error.

use std::collections::HashMap;

use sqlparser::ast::{BinaryOperator, Expr, Function, UnaryOperator, Value};

use super::chains::{Chain, claim};
use crate::walk::{arguments, bare};
use crate::write::call;

/// Folds the region conditions of a chain; the others keep their order.
pub(super) fn fold(conditions: Vec<Expr>, chain: Chain) -> Vec<Expr> {
    let parts: Vec<Option<(String, String)>> = conditions.iter().map(|expr| constant_region(expr, chain)).collect();
    let mut groups: HashMap<&str, Vec<&str>> = HashMap::new();
    for (position, region) in parts.iter().flatten() {
        groups.entry(position).or_default().push(region);
    }
    let mut folded: HashMap<&str, Expr> = HashMap::new();
    let mut result = Vec::with_capacity(conditions.len());
    for (condition, part) in conditions.into_iter().zip(&parts) {
        let Some((position, _)) = part else {
            result.push(condition);
            continue;
        };
        let regions = groups.get(position.as_str()).map_or(&[] as &[&str], Vec::as_slice);
        if regions.len() < 2 {
            result.push(condition);
        } else if folded.insert(position, Expr::value(Value::Null)).is_none()
            && let Some(union) = union_condition(&condition, regions, chain)
        {
            result.push(union);
        }
    }
    result
}

/// The condition on the union, about the position of one of its parts.
fn union_condition(part: &Expr, regions: &[&str], chain: Chain) -> Option<Expr> {
    let (function, _) = claim(part)?;
    let Expr::Function(function) = function else { return None };
    let position = arguments(function).first().map(|position| (*position).clone())?;
    let text = format!("Union ICRS ( {} )", regions.join(" "));
    let region = call("sky_region", vec![Expr::value(Value::SingleQuotedString(text))]);
    let bit = if chain.folds_positive() { "1" } else { "0" };
    Some(Expr::BinaryOp {
        left: Box::new(call("sky_contains", vec![position, region])),
        op: BinaryOperator::Eq,
        right: Box::new(Expr::value(Value::Number(bit.into(), false))),
    })
}

/// The position and the STC-S text of a condition that a position is in a constant region.
fn constant_region(condition: &Expr, chain: Chain) -> Option<(String, String)> {
    let (function, positive) = claim(condition)?;
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
    Some((position.to_string(), stcs(region)?))
}

/// The STC-S text of a constructor whose arguments are valid numbers.
fn stcs(region: &Expr) -> Option<String> {
    let Expr::Function(function) = bare(region) else { return None };
    let values = numbers(function)?;
    let shape = match (name(function), values.as_slice()) {
        ("sky_circle", [_, _, radius]) if (0.0..=180.0).contains(radius) => "Circle",
        ("sky_box", [_, _, width, height]) if (0.0..=180.0).contains(width) && (0.0..=180.0).contains(height) => "Box",
        ("sky_polygon", corners) if corners.len() >= 6 && corners.len().is_multiple_of(2) => "Polygon",
        _ => return None,
    };
    let positions = if shape == "Polygon" { &values[..] } else { &values[..2] };
    let valid = positions.chunks_exact(2).all(|pair| (-90.0..=90.0).contains(&pair[1]));
    let finite = values.iter().all(|value| value.is_finite());
    let written: Vec<String> = values.iter().map(|value| format!("{value:?}")).collect();
    (valid && finite).then(|| format!("{shape} ICRS {}", written.join(" ")))
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
