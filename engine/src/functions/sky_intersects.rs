//! `sky_intersects(a, b)`: do two geometries share a position (ADQL `INTERSECTS`)?

use std::sync::Arc;

use arrow::array::{ArrayRef, Int32Array};
use datafusion::common::Result;
use datafusion::logical_expr::{Documentation, Expr};

use super::arguments::Arguments;
use super::documentation::page;
use super::form::{Argument, Form};
use super::geometry_type::GeometryKind;
use super::predicate::SpatialPredicate;
use super::sky_contains::points_within;
use super::spatial::{Returned, SpatialFunction};

/// Tests for overlap; a point overlaps what contains it.
///
/// *Shape*: two geometries a row to 1 or 0, in either order the same. *Nulls*: strict.
/// *Source*: ADQL 2.1 section 4.2.
#[derive(Debug)]
pub(crate) struct SkyIntersectsFunction;

impl SpatialFunction for SkyIntersectsFunction {
    fn name(&self) -> &'static str {
        "sky_intersects"
    }

    fn forms(&self) -> &'static [Form] {
        &[Form::Exact(&[Argument::Geometry, Argument::Geometry])]
    }

    fn returned(&self) -> Returned {
        Returned::Flag
    }

    fn invoke(&self, arguments: &Arguments) -> Result<ArrayRef> {
        let (first, second) = (arguments.geometry(0)?, arguments.geometry(1)?);
        for (point, other) in [(&first, &second), (&second, &first)] {
            if point.kind() == GeometryKind::Point && other.is_constant() {
                return points_within(point, other, arguments.rows());
            }
        }
        let mut flags = Int32Array::builder(arguments.rows());
        for row in 0..arguments.rows() {
            let flag = match (first.region(row)?, second.region(row)?) {
                (Some(first), Some(second)) => arguments.settle(first.intersects(&second))?,
                _ => None,
            };
            flags.append_option(flag.map(i32::from));
        }
        Ok(Arc::new(flags.finish()))
    }

    fn documentation(&self) -> Documentation {
        page("1 where two geometries share a position, else 0; boundaries belong.", "INTERSECTS(a, b)")
            .with_argument("a, b", "any geometries; a point intersects what contains it")
            .with_sql_example("SELECT INTERSECTS(CIRCLE(10.0, 0.0, 1.0), CIRCLE(11.5, 0.0, 1.0))")
            .build()
    }

    fn overlap<'a>(&self, args: &'a [Expr]) -> Option<[&'a Expr; 2]> {
        let [first, second] = args else { return None };
        Some([first, second])
    }

    fn predicate(&self, args: &[Expr]) -> Option<SpatialPredicate> {
        let [first, second] = args else { return None };
        [(first, second), (second, first)].into_iter().find_map(|(point, other)| {
            SpatialPredicate::point_within(point, other).or_else(|| SpatialPredicate::point_within_disc(point, other))
        })
    }
}
