//! `sky_area(geometry)`: the area of a geometry in square degrees (ADQL `AREA`).

use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array};
use datafusion::common::Result;
use datafusion::logical_expr::Documentation;

use super::arguments::Arguments;
use super::documentation::page;
use super::form::{Argument, Form};
use super::spatial::{Returned, SpatialFunction};

/// The area; a point has none.
///
/// *Units*: square degrees. *Nulls*: null where a row's area has no closed form (overlapping unions).
/// *Errors*: such a constant. *Source*: ADQL 2.1 section 4.2.
#[derive(Debug)]
pub(crate) struct SkyAreaFunction;

impl SpatialFunction for SkyAreaFunction {
    fn name(&self) -> &'static str {
        "sky_area"
    }

    fn forms(&self) -> &'static [Form] {
        &[Form::Exact(&[Argument::Geometry])]
    }

    fn returned(&self) -> Returned {
        Returned::Number("deg2")
    }

    fn invoke(&self, arguments: &Arguments) -> Result<ArrayRef> {
        let geometries = arguments.geometry(0)?;
        let mut areas = Float64Array::builder(arguments.rows());
        for row in 0..arguments.rows() {
            let area = match geometries.region(row)? {
                Some(region) => arguments.settle(region.area_sq_deg())?,
                None => None,
            };
            areas.append_option(area);
        }
        Ok(Arc::new(areas.finish()))
    }

    fn documentation(&self) -> Documentation {
        page("The area of a geometry in square degrees.", "AREA(geometry)")
            .with_argument("geometry", "any geometry; the area of a point is 0")
            .with_sql_example("SELECT ROUND(AREA(CIRCLE(10.0, 20.0, 180.0)), 6)")
            .build()
    }
}
