//! `sky_coord1(point)`: the longitude of a point (ADQL `COORD1`).

use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array};
use datafusion::common::Result;
use datafusion::logical_expr::Documentation;

use super::arguments::Arguments;
use super::documentation::page;
use super::form::{Argument, Form};
use super::spatial::{Returned, SpatialFunction};

/// Longitude of a point, as it was given to `sky_point`.
///
/// *Units*: degrees. *Nulls*: strict. *Source*: ADQL 2.1 section 4.2.
#[derive(Debug)]
pub(crate) struct SkyCoord1Function;

impl SpatialFunction for SkyCoord1Function {
    fn name(&self) -> &'static str {
        "sky_coord1"
    }

    fn forms(&self) -> &'static [Form] {
        &[Form::Exact(&[Argument::Point])]
    }

    fn returned(&self) -> Returned {
        Returned::Number("deg")
    }

    fn invoke(&self, arguments: &Arguments) -> Result<ArrayRef> {
        let points = arguments.geometry(0)?;
        let lon = |row| points.position(row).map(|position| position.0);
        Ok(Arc::new(Float64Array::from_iter((0..arguments.rows()).map(lon))))
    }

    fn documentation(&self) -> Documentation {
        page("The longitude of a point in degrees.", "COORD1(point)")
            .with_argument("point", "a point")
            .with_sql_example("SELECT COORD1(POINT(370.0, -5.5))")
            .build()
    }
}
