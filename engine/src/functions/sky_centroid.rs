//! `sky_centroid(geometry)`: the centre of a geometry (ADQL `CENTROID`).

use arrow::array::ArrayRef;
use datafusion::common::Result;
use datafusion::logical_expr::Documentation;

use super::arguments::Arguments;
use super::documentation::page;
use super::form::{Argument, Form};
use super::geometry_type::{GeometryKind, fixed_size_array};
use super::spatial::{Returned, SpatialFunction};

/// The centre of the area; a point is its own.
///
/// *Nulls*: null where a row's geometry has no centre. *Errors*: a constant without centre (everything, nothing).
/// *Source*: ADQL 2.1 section 4.2.
#[derive(Debug)]
pub(crate) struct SkyCentroidFunction;

impl SpatialFunction for SkyCentroidFunction {
    fn name(&self) -> &'static str {
        "sky_centroid"
    }

    fn forms(&self) -> &'static [Form] {
        &[Form::Exact(&[Argument::Geometry])]
    }

    fn returned(&self) -> Returned {
        Returned::Geometry(GeometryKind::Point)
    }

    fn invoke(&self, arguments: &Arguments) -> Result<ArrayRef> {
        let geometries = arguments.geometry(0)?;
        let mut centers = Vec::with_capacity(arguments.rows());
        for row in 0..arguments.rows() {
            let center = match geometries.region(row)? {
                Some(region) => arguments.settle(region.centroid())?,
                None => None,
            };
            centers.push(center.map(|point| [point.lon_deg(), point.lat_deg()]));
        }
        fixed_size_array(&centers)
    }

    fn documentation(&self) -> Documentation {
        page("The centre of a geometry, as a point.", "CENTROID(geometry)")
            .with_argument("geometry", "any geometry")
            .with_sql_example("SELECT CENTROID(CIRCLE(10.0, 20.0, 1.0))")
            .build()
    }
}
