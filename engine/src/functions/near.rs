//! Which condition of a query says that two positions lie near each other, neither of them constant?
//!
//! ```text
//! sky_distance(a.ra, a.dec, b.ra, b.dec) * 3600 < 1.5
//! 0.1 >= sky_distance(a.pos, sky_point(b.ra, b.dec))              ->  ends, radius in degrees
//! sky_contains(sky_point(a.ra, a.dec), sky_circle(b.ra, b.dec, b.r)) = 1
//! ```
//! *Guarantee*: where the condition is true, both ends are positions and their separation is at most the radius; a
//! radius that is NaN bounds nothing, one that is null makes the condition null. The other way round nothing is said:
//! whoever uses this still evaluates the condition.
//!
//! This module must not know joins, nor which table a column belongs to.

use datafusion::arrow::datatypes::DataType;
use datafusion::common::ScalarValue;
use datafusion::logical_expr::{Between, BinaryExpr, Expr, cast, lit};

use super::comparison::{Comparison, Scale, largest, scaled};
use super::constant::constant_number;
use super::predicate::{shape, without_cast};
use super::spatial::{Position, SeparationEnd, Shape, SpatialUdf};

/// What a radius made of columns is widened by, against the rounding of the division that makes it.
const WIDENED: f64 = 1.0 + 1e-12;

/// A position that depends on a row.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum NearEnd {
    /// Longitude and latitude in degrees.
    Numbers(Expr, Expr),
    /// An expression that may be of kind point.
    Point(Expr),
}

/// Two positions that lie within a radius of each other wherever a condition is true.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Nearness {
    /// The positions.
    pub(crate) ends: [NearEnd; 2],
    /// Degrees, `Float64`.
    pub(crate) radius: Expr,
}

/// If `condition` is true only for positions near each other, says which and how near.
pub(crate) fn near(condition: &Expr) -> Option<Nearness> {
    match condition {
        Expr::Alias(alias) => near(&alias.expr),
        Expr::BinaryExpr(BinaryExpr { left, op, right }) => {
            let comparison = Comparison::of(*op)?;
            compared(left, comparison, right).or_else(|| compared(right, comparison.reversed(), left))
        }
        Expr::Between(Between { expr, negated: false, high, .. }) => compared(expr, Comparison::LessOrEqual, high),
        _ => None,
    }
}

/// The two ends between which an expression measures.
fn measured(expr: &Expr) -> Option<[NearEnd; 2]> {
    let (function, args) = SpatialUdf::call(without_cast(scaled(expr).0, |to| to == &DataType::Float64))?;
    function.separation(args).map(|ends| ends.map(owned))
}

fn compared(measure: &Expr, comparison: Comparison, bound: &Expr) -> Option<Nearness> {
    flag(measure, comparison, bound).or_else(|| distance(measure, comparison, bound))
}

/// `sky_distance(..) < r` and its like.
fn distance(measure: &Expr, comparison: Comparison, bound: &Expr) -> Option<Nearness> {
    if !matches!(comparison, Comparison::Less | Comparison::LessOrEqual | Comparison::Equal) {
        return None;
    }
    let ends = measured(measure)?;
    let scale = scaled(measure).1;
    let radius = match constant_number(bound) {
        Some(bound) if bound.is_nan() => lit(f64::NAN),
        Some(bound) => lit(largest(|degrees| scale.apply(degrees) <= bound).unwrap_or(-1.0)),
        None => {
            let bound = cast(bound.clone(), DataType::Float64);
            match scale {
                Scale::Times(factor) => bound * lit(WIDENED) / lit(factor),
                Scale::Over(divisor) => bound * lit(WIDENED) * lit(divisor),
            }
        }
    };
    Some(Nearness { ends, radius })
}

/// `sky_contains(point, sky_circle(..)) = 1` and its like.
fn flag(measure: &Expr, comparison: Comparison, bound: &Expr) -> Option<Nearness> {
    let (function, args) = SpatialUdf::call(without_cast(measure, DataType::is_numeric))?;
    let (point, disc) = function.within(args)?;
    let bound = constant_number(bound)?;
    if comparison.holds(0.0, bound) || !comparison.holds(1.0, bound) {
        return None;
    }
    let Shape::Circle(center, radius) = shape(disc)? else { return None };
    let point = match shape(point) {
        Some(Shape::Point(position)) => numbers(position),
        Some(Shape::Circle(..)) => return None,
        None => NearEnd::Point(point.clone()),
    };
    let radius = match constant_number(radius) {
        Some(radius) => lit(radius),
        None => cast(radius.clone(), DataType::Float64),
    };
    Some(Nearness { ends: [point, numbers(center)], radius })
}

fn owned(end: SeparationEnd<'_>) -> NearEnd {
    match end {
        SeparationEnd::Position(position) => numbers(position),
        SeparationEnd::Point(point) => match shape(point) {
            Some(Shape::Point(position)) => numbers(position),
            _ => NearEnd::Point(point.clone()),
        },
    }
}

fn numbers(position: Position<'_>) -> NearEnd {
    let double = |expr: &Expr| match expr {
        Expr::Literal(ScalarValue::Float64(_), _) => expr.clone(),
        other => cast(other.clone(), DataType::Float64),
    };
    NearEnd::Numbers(double(position.lon), double(position.lat))
}
