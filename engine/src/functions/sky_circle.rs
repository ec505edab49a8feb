//! `sky_circle(lon, lat, radius)` and `sky_circle(point, radius)`: a small circle (ADQL `CIRCLE`).

use arrow::array::ArrayRef;
use datafusion::common::Result;
use datafusion::logical_expr::{Documentation, Expr};
use sidereus_sky::Circle;

use super::arguments::Arguments;
use super::documentation::page;
use super::form::{Argument, Form};
use super::geometry_type::{GeometryKind, fixed_size_array, reduced_longitude};
use super::positions::Positions;
use super::spatial::{Position, Returned, Shape, SpatialFunction, SpatialUdf};

/// Puts a circle together.
///
/// *Units*: degrees. *Nulls*: null where the centre of a row is no position or its radius is outside 0 to 180.
/// *Errors*: such numbers as constants. *Source*: ADQL 2.1 section 4.2.
#[derive(Debug)]
pub(crate) struct SkyCircleFunction;

impl SpatialFunction for SkyCircleFunction {
    fn name(&self) -> &'static str {
        "sky_circle"
    }

    fn forms(&self) -> &'static [Form] {
        &[
            Form::Exact(&[Argument::Number, Argument::Number, Argument::Number]),
            Form::Exact(&[Argument::Point, Argument::Number]),
        ]
    }

    fn returned(&self) -> Returned {
        Returned::Geometry(GeometryKind::Circle)
    }

    fn invoke(&self, arguments: &Arguments) -> Result<ArrayRef> {
        let (centers, next) = Positions::take(arguments, 0)?;
        let radii = arguments.number(next)?;
        let mut circles = Vec::with_capacity(arguments.rows());
        for row in 0..arguments.rows() {
            let circle = match (centers.get(row), radii.get(row)) {
                (Some((lon, lat)), Some(radius)) => arguments
                    .settle(Circle::from_degrees(lon, lat, radius))?
                    .map(|_| [reduced_longitude(lon), lat, radius]),
                _ => None,
            };
            circles.push(circle);
        }
        fixed_size_array(&circles)
    }

    fn documentation(&self) -> Documentation {
        page("The positions that lie no farther than a radius from a centre.", "CIRCLE(lon, lat, radius)")
            .with_alternative_syntax("CIRCLE(center, radius)")
            .with_argument("lon, lat", "centre in degrees")
            .with_argument("center", "centre as a point")
            .with_argument("radius", "degrees, 0 to 180; a row with another value, or NaN, is null")
            .with_sql_example("SELECT CIRCLE(56.75, 24.12, 1.0)")
            .build()
    }

    fn shape<'a>(&self, args: &'a [Expr]) -> Option<Shape<'a>> {
        match args {
            [lon, lat, radius] => Some(Shape::Circle(Position { lon, lat }, radius)),
            [center, radius] => {
                let (function, args) = SpatialUdf::call(center)?;
                let Shape::Point(position) = function.shape(args)? else { return None };
                Some(Shape::Circle(position, radius))
            }
            _ => None,
        }
    }
}
