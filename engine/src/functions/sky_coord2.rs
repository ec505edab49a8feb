//! `sky_coord2(point)`: the latitude of a point (ADQL `COORD2`).

use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array};
use datafusion::common::Result;
use datafusion::logical_expr::Documentation;

use super::arguments::Arguments;
use super::documentation::page;
use super::form::{Argument, Form};
use super::spatial::{Returned, SpatialFunction};

/// Latitude of a point, as it was given to `sky_point`.
///
/// *Units*: degrees. *Nulls*: strict. *Source*: ADQL 2.1 section 4.2.
#[derive(Debug)]
pub(crate) struct SkyCoord2Function;

impl SpatialFunction for SkyCoord2Function {
    fn name(&self) -> &'static str {
        "sky_coord2"
    }

    fn forms(&self) -> &'static [Form] {
        &[Form::Exact(&[Argument::Point])]
    }

    fn returned(&self) -> Returned {
        Returned::Number("deg")
    }

    fn invoke(&self, arguments: &Arguments) -> Result<ArrayRef> {
        let points = arguments.geometry(0)?;
        let lat = |row| points.position(row).map(|position| position.1);
        Ok(Arc::new(Float64Array::from_iter((0..arguments.rows()).map(lat))))
    }

    fn documentation(&self) -> Documentation {
        page("The latitude of a point in degrees.", "COORD2(point)")
            .with_argument("point", "a point")
            .with_sql_example("SELECT COORD2(POINT(370.0, -5.5))")
            .build()
    }
}
