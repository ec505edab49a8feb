//! `sky_point(lon, lat)`: the position at two coordinates (ADQL `POINT`).

use arrow::array::ArrayRef;
use datafusion::common::Result;
use datafusion::logical_expr::{Documentation, Expr};
use sidereus_sky::SkyPoint;

use super::arguments::Arguments;
use super::documentation::page;
use super::form::{Argument, Form};
use super::geometry_type::{GeometryKind, fixed_size_array, is_position, reduced_longitude};
use super::spatial::{Position, Returned, Shape, SpatialFunction};

/// Puts a point together.
///
/// *Units*: degrees. *Shape*: two numbers a row to a point. *Nulls*: null where a coordinate of a row is NaN, infinite
/// or a latitude beyond the poles. *Errors*: such coordinates as constants. *Source*: ADQL 2.1 section 4.2.
#[derive(Debug)]
pub(crate) struct SkyPointFunction;

impl SpatialFunction for SkyPointFunction {
    fn name(&self) -> &'static str {
        "sky_point"
    }

    fn forms(&self) -> &'static [Form] {
        &[Form::Exact(&[Argument::Number, Argument::Number])]
    }

    fn returned(&self) -> Returned {
        Returned::Geometry(GeometryKind::Point)
    }

    fn invoke(&self, arguments: &Arguments) -> Result<ArrayRef> {
        let (lon, lat) = (arguments.number(0)?, arguments.number(1)?);
        let mut points = Vec::with_capacity(arguments.rows());
        for row in 0..arguments.rows() {
            let point = match (lon.get(row), lat.get(row)) {
                (Some(lon), Some(lat)) if is_position(lon, lat) => Some([reduced_longitude(lon), lat]),
                (Some(lon), Some(lat)) => arguments.settle(SkyPoint::from_degrees(lon, lat))?.map(|_| [lon, lat]),
                _ => None,
            };
            points.push(point);
        }
        fixed_size_array(&points)
    }

    fn documentation(&self) -> Documentation {
        page("The position at a longitude and a latitude.", "POINT(lon, lat)")
            .with_argument("lon", "right ascension in degrees; reduced to [0, 360)")
            .with_argument("lat", "declination in degrees, -90 to 90; a row with another value, or NaN, is null")
            .with_sql_example("SELECT POINT(370.0, -5.5)")
            .build()
    }

    fn shape<'a>(&self, args: &'a [Expr]) -> Option<Shape<'a>> {
        let [lon, lat] = args else { return None };
        Some(Shape::Point(Position { lon, lat }))
    }
}
