//! `sky_contains(inner, outer)`: does a geometry lie wholly within another (ADQL `CONTAINS`)?

use std::sync::Arc;

use arrow::array::{ArrayRef, Int32Array};
use datafusion::common::Result;
use datafusion::logical_expr::{Documentation, Expr};

use super::arguments::{Arguments, Geometries};
use super::documentation::page;
use super::form::{Argument, Form};
use super::geometry_type::GeometryKind;
use super::predicate::SpatialPredicate;
use super::prepared::prepared;
use super::spatial::{Returned, SpatialFunction};

/// Tests containment; the boundary of `outer` belongs to it.
///
/// *Shape*: two geometries a row to 1 or 0. *Nulls*: strict. *Cost*: a prepared test where `outer` is constant and
/// `inner` a point. *Source*: ADQL 2.1 section 4.2.
#[derive(Debug)]
pub(crate) struct SkyContainsFunction;

impl SpatialFunction for SkyContainsFunction {
    fn name(&self) -> &'static str {
        "sky_contains"
    }

    fn forms(&self) -> &'static [Form] {
        &[Form::Exact(&[Argument::Geometry, Argument::Geometry])]
    }

    fn returned(&self) -> Returned {
        Returned::Flag
    }

    fn invoke(&self, arguments: &Arguments) -> Result<ArrayRef> {
        let (inner, outer) = (arguments.geometry(0)?, arguments.geometry(1)?);
        if inner.kind() == GeometryKind::Point && outer.is_constant() {
            return points_within(&inner, &outer, arguments.rows());
        }
        let mut flags = Int32Array::builder(arguments.rows());
        for row in 0..arguments.rows() {
            let flag = match (inner.region(row)?, outer.region(row)?) {
                (Some(inner), Some(outer)) => arguments.settle(outer.contains_region(&inner))?,
                _ => None,
            };
            flags.append_option(flag.map(i32::from));
        }
        Ok(Arc::new(flags.finish()))
    }

    fn documentation(&self) -> Documentation {
        page("1 where one geometry lies wholly within another, else 0; a boundary belongs.", "CONTAINS(inner, outer)")
            .with_argument("inner", "any geometry, mostly a point")
            .with_argument("outer", "any geometry")
            .with_sql_example("SELECT CONTAINS(POINT(56.8, 24.1), CIRCLE(56.75, 24.12, 1.0))")
            .build()
    }

    fn overlap<'a>(&self, args: &'a [Expr]) -> Option<[&'a Expr; 2]> {
        let [inner, outer] = args else { return None };
        Some([inner, outer])
    }

    fn predicate(&self, args: &[Expr]) -> Option<SpatialPredicate> {
        let [inner, outer] = args else { return None };
        SpatialPredicate::point_within(inner, outer).or_else(|| SpatialPredicate::point_within_disc(inner, outer))
    }
}

/// Tests points against one region.
pub(crate) fn points_within(points: &Geometries, region: &Geometries, rows: usize) -> Result<ArrayRef> {
    let Some(prepared) = prepared(region)? else { return Ok(Arc::new(Int32Array::new_null(rows))) };
    let flag = |row| points.position(row).map(|(lon, lat)| i32::from(prepared.contains_lonlat(lon, lat)));
    Ok(Arc::new(Int32Array::from_iter((0..rows).map(flag))))
}
