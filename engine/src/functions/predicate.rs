//! Which condition of a query says that a row's position lies in a constant region?
//!
//! ```text
//! sky_contains(sky_point(ra, dec), sky_circle(10, 20, 1)) = 1
//! 0.5 > sky_distance(10, 20, ra, dec)                             ->  lon: ra, lat: dec, region
//! NOT (sky_intersects(..) = 1 OR sky_distance(..) BETWEEN 1 AND 2)
//! ```
//! This is the one place that knows how such conditions are written. Functions are known by type, through the hooks of
//! [`super::spatial::SpatialFunction`], never by name.
//!
//! *Guarantee*: for every row, the condition is true where and only where the row's position [`is_position`] and the
//! region contains it. Where it is no position, the condition is null, and so is its negation: the row is dropped either
//! way. What cannot be said exactly is declined (`None`); the condition is then evaluated as it is.
//!
//! This module must not know catalogs, scans or which columns an index was built from.
//!
//! [`is_position`]: super::geometry_type::is_position

use datafusion::arrow::datatypes::DataType;
use datafusion::common::Column;
use datafusion::logical_expr::{Between, BinaryExpr, Expr, Operator};
use sidereus_sky::{Circle, Region};

use super::comparison::{BEYOND_ANTIPODE_DEG, Comparison, largest, scaled};
use super::constant::{constant_number, constant_position, constant_region};
use super::geometry_type::{is_position, reduced_longitude};
use super::spatial::{Position, SeparationEnd, Shape, SpatialUdf};

/// Conditions nested deeper than this are declined.
const MAX_DEPTH: usize = 32;

/// A condition that is true exactly for positions within a region.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct SpatialPredicate {
    /// Column of longitudes in degrees.
    pub(crate) lon: Column,
    /// Column of latitudes in degrees.
    pub(crate) lat: Column,
    /// The positions for which the condition is true.
    pub(crate) region: Region,
}

/// If `expr` is true exactly for rows whose position lies in a constant region, says so.
pub(crate) fn recognise(expr: &Expr) -> Option<SpatialPredicate> {
    condition(expr, MAX_DEPTH)
}

/// The two positions whose separation `expr` measures, in degrees.
fn separation(expr: &Expr) -> Option<[SeparationEnd<'_>; 2]> {
    let (function, args) = SpatialUdf::call(without_cast(expr, |to| to == &DataType::Float64))?;
    function.separation(args)
}

impl SpatialPredicate {
    /// `point` made of columns, tested against a constant region.
    pub(super) fn point_within(point: &Expr, region: &Expr) -> Option<Self> {
        let Shape::Point(position) = shape(point)? else { return None };
        let (lon, lat) = columns(position)?;
        Some(Self { lon, lat, region: constant_region(region)? })
    }

    /// A constant point, tested against a circle of constant radius around columns.
    pub(super) fn point_within_disc(point: &Expr, disc: &Expr) -> Option<Self> {
        let Shape::Circle(center, radius) = shape(disc)? else { return None };
        let (lon, lat) = columns(center)?;
        let (point_lon, point_lat) = point_position(point)?;
        let circle = Circle::from_degrees(point_lon, point_lat, constant_number(radius)?).ok()?;
        Some(Self { lon, lat, region: Region::Circle(circle) })
    }

    fn negated(self) -> Self {
        let region = match self.region {
            Region::Not(region) => *region,
            Region::AllSky => Region::Empty,
            Region::Empty => Region::AllSky,
            region => Region::Not(Box::new(region)),
        };
        Self { region, ..self }
    }
}

fn condition(expr: &Expr, depth: usize) -> Option<SpatialPredicate> {
    let depth = depth.checked_sub(1)?;
    match expr {
        Expr::Alias(alias) => condition(&alias.expr, depth),
        Expr::Not(inner) => condition(inner, depth).map(SpatialPredicate::negated),
        Expr::BinaryExpr(BinaryExpr { op: Operator::Or, .. }) => joined(expr, Operator::Or, depth),
        Expr::BinaryExpr(BinaryExpr { op: Operator::And, .. }) => joined(expr, Operator::And, depth),
        Expr::BinaryExpr(BinaryExpr { left, op, right }) => {
            let comparison = Comparison::of(*op)?;
            compared(left, comparison, right).or_else(|| compared(right, comparison.reversed(), left))
        }
        Expr::Between(Between { expr, negated, low, high }) => {
            let low = compared(expr, Comparison::GreaterOrEqual, low)?;
            let high = compared(expr, Comparison::LessOrEqual, high)?;
            let between = combined(vec![low, high], Operator::And)?;
            Some(if *negated { between.negated() } else { between })
        }
        Expr::InList(list) => {
            let any = list.list.iter().map(|value| compared(&list.expr, Comparison::Equal, value));
            let any = combined(any.collect::<Option<Vec<_>>>()?, Operator::Or)?;
            Some(if list.negated { any.negated() } else { any })
        }
        _ => None,
    }
}

/// Conditions on the same columns, joined by one operator; the chain is walked without recursion.
fn joined(expr: &Expr, op: Operator, depth: usize) -> Option<SpatialPredicate> {
    let mut pending = vec![expr];
    let mut parts = Vec::new();
    while let Some(next) = pending.pop() {
        match next {
            Expr::BinaryExpr(binary) if binary.op == op => pending.extend([&*binary.right, &*binary.left]),
            other => parts.push(condition(other, depth)?),
        }
    }
    combined(parts, op)
}

/// Conditions on the same columns, joined by OR or AND; what changes nothing is left away.
fn combined(parts: Vec<SpatialPredicate>, op: Operator) -> Option<SpatialPredicate> {
    let (join, neutral): (fn(Vec<Region>) -> Region, Region) = match op {
        Operator::Or => (Region::Union, Region::Empty),
        _ => (Region::Intersection, Region::AllSky),
    };
    let first = parts.first()?;
    let (lon, lat) = (first.lon.clone(), first.lat.clone());
    if parts.iter().any(|part| part.lon != lon || part.lat != lat) {
        return None;
    }
    let mut regions: Vec<Region> = parts.into_iter().map(|part| part.region).collect();
    regions.retain(|region| *region != neutral);
    let region = match regions.len() {
        0 => neutral,
        1 => regions.pop()?,
        _ => join(regions),
    };
    Some(SpatialPredicate { lon, lat, region })
}

/// A number that depends on the position, compared with a constant.
fn compared(measure: &Expr, comparison: Comparison, constant: &Expr) -> Option<SpatialPredicate> {
    if !mentions_call(measure) {
        return None;
    }
    let bound = constant_number(constant)?;
    // NaN and negative zero compare in ways of their own.
    if bound.is_nan() || (bound == 0.0 && bound.is_sign_negative()) {
        return None;
    }
    flag_compared(measure, comparison, bound).or_else(|| distance_compared(measure, comparison, bound))
}

fn mentions_call(expr: &Expr) -> bool {
    SpatialUdf::call(without_cast(scaled(expr).0, DataType::is_numeric)).is_some()
}

/// `sky_contains(..) = 1` and its like: the truth for each of the two values decides.
fn flag_compared(measure: &Expr, comparison: Comparison, bound: f64) -> Option<SpatialPredicate> {
    let (function, args) = SpatialUdf::call(without_cast(measure, DataType::is_numeric))?;
    let inside = function.predicate(args)?;
    Some(match (comparison.holds(0.0, bound), comparison.holds(1.0, bound)) {
        (false, true) => inside,
        (true, false) => inside.negated(),
        (true, true) => SpatialPredicate { region: Region::AllSky, ..inside },
        (false, false) => SpatialPredicate { region: Region::Empty, ..inside },
    })
}

/// `sky_distance(..) < r` and its like, also of a multiple of the separation.
fn distance_compared(measure: &Expr, comparison: Comparison, bound: f64) -> Option<SpatialPredicate> {
    let (distance, scale) = scaled(measure);
    let [first, second] = separation(distance)?;
    let (center, (lon, lat)) = match (end_position(first), end_columns(second)) {
        (Some(center), Some(columns)) => (center, columns),
        _ => (end_position(second)?, end_columns(first)?),
    };
    let (nearer, negated) = match comparison {
        Comparison::LessOrEqual | Comparison::Less => (comparison, false),
        Comparison::Greater => (Comparison::LessOrEqual, true),
        Comparison::GreaterOrEqual => (Comparison::Less, true),
        Comparison::Equal | Comparison::NotEqual => return None,
    };
    let region = match largest(|degrees| nearer.holds(scale.apply(degrees), bound)) {
        None => Region::Empty,
        Some(radius) if radius >= BEYOND_ANTIPODE_DEG => Region::AllSky,
        Some(radius) => Region::Circle(Circle::from_degrees(center.0, center.1, radius).ok()?),
    };
    let within = SpatialPredicate { lon, lat, region };
    Some(if negated { within.negated() } else { within })
}

pub(super) fn shape(expr: &Expr) -> Option<Shape<'_>> {
    let (function, args) = SpatialUdf::call(without_alias(expr))?;
    function.shape(args)
}

fn end_position(end: SeparationEnd<'_>) -> Option<(f64, f64)> {
    match end {
        SeparationEnd::Position(position) => pair_position(position),
        SeparationEnd::Point(point) => point_position(point),
    }
}

fn end_columns(end: SeparationEnd<'_>) -> Option<(Column, Column)> {
    match end {
        SeparationEnd::Position(position) => columns(position),
        SeparationEnd::Point(point) => match shape(point)? {
            Shape::Point(position) => columns(position),
            Shape::Circle(..) | Shape::Ellipse(..) => None,
        },
    }
}

/// The constant position of an expression of kind point.
fn point_position(point: &Expr) -> Option<(f64, f64)> {
    match shape(point) {
        Some(Shape::Point(position)) => pair_position(position),
        Some(Shape::Circle(..) | Shape::Ellipse(..)) => None,
        None => constant_position(point),
    }
}

fn pair_position(position: Position<'_>) -> Option<(f64, f64)> {
    let (lon, lat) = (constant_number(position.lon)?, constant_number(position.lat)?);
    is_position(lon, lat).then(|| (reduced_longitude(lon), lat))
}

fn columns(position: Position<'_>) -> Option<(Column, Column)> {
    Some((column(position.lon)?, column(position.lat)?))
}

/// A column, perhaps widened to a double.
fn column(expr: &Expr) -> Option<Column> {
    match without_cast(expr, |to| to == &DataType::Float64) {
        Expr::Column(column) => Some(column.clone()),
        _ => None,
    }
}

pub(super) fn without_alias(expr: &Expr) -> &Expr {
    match expr {
        Expr::Alias(alias) => without_alias(&alias.expr),
        other => other,
    }
}

/// The expression below aliases and casts to types that `allowed` says keep its value.
pub(super) fn without_cast(expr: &Expr, allowed: fn(&DataType) -> bool) -> &Expr {
    match without_alias(expr) {
        Expr::Cast(cast) if allowed(cast.field.data_type()) => without_cast(&cast.expr, allowed),
        other => other,
    }
}

#[cfg(test)]
#[path = "predicate_tests.rs"]
mod tests;
