//! Which condition of a query says that two positions lie near each other, neither of them constant?
//!
//! ```text
//! sky_distance(a.ra, a.dec, b.ra, b.dec) * 3600 < 1.5
//! 0.1 >= sky_distance(a.pos, sky_point(b.ra, b.dec))              ->  ends, radius in degrees
//! sky_contains(sky_point(a.ra, a.dec), sky_circle(b.ra, b.dec, b.r)) = 1
//! sky_intersects(sky_circle(a.ra, a.dec, a.r), sky_circle(b.ra, b.dec, b.r)) = 1      radius a.r + b.r
//! q3c_dist_pm(a.ra, a.dec, a.pmra, .., b.ra, b.dec, b.epoch) < 0.1                    radius 0.1 + the way of a
//! ```
//! A position that moves is an end as it is, and also where it comes from, with a radius that is longer by its way: whoever
//! uses this takes what fits.
//!
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
use super::row_function::RowUdf;
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

/// If `condition` is true only for positions near each other, says which and how near, in every way that is known.
pub(crate) fn near(condition: &Expr) -> Vec<Nearness> {
    match condition {
        Expr::Alias(alias) => near(&alias.expr),
        Expr::BinaryExpr(BinaryExpr { left, op, right }) => {
            let Some(comparison) = Comparison::of(*op) else { return Vec::new() };
            [compared(left, comparison, right), compared(right, comparison.reversed(), left)].concat()
        }
        Expr::Between(Between { expr, negated: false, high, .. }) => compared(expr, Comparison::LessOrEqual, high),
        _ => Vec::new(),
    }
}

/// An end of a distance, and how far the position may be from it, where it is not there itself.
type Reached = (NearEnd, Option<Expr>);

/// The two ends between which an expression measures, in every way that is known.
fn measured(expr: &Expr) -> Vec<[Reached; 2]> {
    let call = without_cast(scaled(expr).0, |to| to == &DataType::Float64);
    if let Some((from, to)) = RowUdf::call(call).and_then(|(function, args)| function.measured(args)) {
        return vec![[(numbers(from.from), Some(from.by)), (numbers(to), None)]];
    }
    let ends = SpatialUdf::call(call).and_then(|(function, args)| function.separation(args));
    let Some([first, second]) = ends.map(|ends| ends.map(reached)) else { return Vec::new() };
    first.iter().flat_map(|first| second.iter().map(|second| [first.clone(), second.clone()])).collect()
}

/// An end as it is, and as the place that it moved from.
fn reached(end: SeparationEnd<'_>) -> Vec<Reached> {
    let moved = match end {
        SeparationEnd::Point(point) => RowUdf::call(point).and_then(|(function, args)| function.moved(args)),
        SeparationEnd::Position(_) => None,
    };
    std::iter::once((owned(end), None)).chain(moved.map(|moved| (numbers(moved.from), Some(moved.by)))).collect()
}

fn compared(measure: &Expr, comparison: Comparison, bound: &Expr) -> Vec<Nearness> {
    let flag = flag(measure, comparison, bound);
    if flag.is_empty() { distance(measure, comparison, bound) } else { flag }
}

/// Two ends, and the sum of how far each may be from there and of the radius.
fn nearness([first, second]: [Reached; 2], radius: &Expr) -> Nearness {
    let ways = [first.1, second.1].into_iter().flatten();
    let radius = ways.fold(radius.clone(), |radius, way| (radius + way) * lit(WIDENED));
    Nearness { ends: [first.0, second.0], radius }
}

/// `sky_distance(..) < r` and its like.
fn distance(measure: &Expr, comparison: Comparison, bound: &Expr) -> Vec<Nearness> {
    if !matches!(comparison, Comparison::Less | Comparison::LessOrEqual | Comparison::Equal) {
        return Vec::new();
    }
    let scale = scaled(measure).1;
    let radius = match constant_number(bound) {
        Some(bound) if bound.is_nan() => lit(f64::NAN),
        // Nothing is as near as that: a way is not added to it.
        Some(bound) => match largest(|degrees| scale.apply(degrees) <= bound) {
            Some(radius) => lit(radius),
            None => lit(f64::NEG_INFINITY),
        },
        None => {
            let bound = cast(bound.clone(), DataType::Float64);
            match scale {
                Scale::Times(factor) => bound * lit(WIDENED) / lit(factor),
                Scale::Over(divisor) => bound * lit(WIDENED) * lit(divisor),
            }
        }
    };
    measured(measure).into_iter().map(|ends| nearness(ends, &radius)).collect()
}

/// `sky_contains(point, sky_circle(..)) = 1` and its like.
fn flag(measure: &Expr, comparison: Comparison, bound: &Expr) -> Vec<Nearness> {
    let Some((function, args)) = SpatialUdf::call(without_cast(measure, DataType::is_numeric)) else {
        return Vec::new();
    };
    let (Some(discs), Some(bound)) = (function.overlap(args), constant_number(bound)) else { return Vec::new() };
    if comparison.holds(0.0, bound) || !comparison.holds(1.0, bound) {
        return Vec::new();
    }
    let [Some(first), Some(second)] = discs.map(disc) else { return Vec::new() };
    let radius = match (first.1, second.1) {
        (Some(first), Some(second)) => (first + second) * lit(WIDENED),
        (Some(radius), None) | (None, Some(radius)) => radius,
        (None, None) => lit(0.0),
    };
    let pairs = first.0.iter().flat_map(|first| second.0.iter().map(|second| [first.clone(), second.clone()]));
    pairs.map(|ends| nearness(ends, &radius)).collect()
}

/// The centre of a disc and its radius, if it is no point.
fn disc(geometry: &Expr) -> Option<(Vec<Reached>, Option<Expr>)> {
    let number = |radius: &Expr| match constant_number(radius) {
        Some(radius) => lit(radius),
        None => cast(radius.clone(), DataType::Float64),
    };
    match shape(geometry) {
        Some(Shape::Circle(center, radius) | Shape::Ellipse(center, radius)) => {
            Some((vec![(numbers(center), None)], Some(number(radius))))
        }
        _ => Some((reached(SeparationEnd::Point(geometry)), None)),
    }
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
