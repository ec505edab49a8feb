//! `sky_coordsys(geometry)`: the coordinate system of a geometry (ADQL `COORDSYS`).

use std::sync::Arc;

use arrow::array::{ArrayRef, StringArray};
use datafusion::common::Result;
use datafusion::logical_expr::Documentation;

use super::arguments::Arguments;
use super::documentation::page;
use super::form::{Argument, Form};
use super::spatial::{Returned, SpatialFunction};

/// Always `ICRS`: every geometry is kept in it.
///
/// *Nulls*: strict. *Source*: ADQL 2.1 section 4.2 (deprecated there).
#[derive(Debug)]
pub(crate) struct SkyCoordsysFunction;

impl SpatialFunction for SkyCoordsysFunction {
    fn name(&self) -> &'static str {
        "sky_coordsys"
    }

    fn forms(&self) -> &'static [Form] {
        &[Form::Exact(&[Argument::Geometry])]
    }

    fn returned(&self) -> Returned {
        Returned::Text
    }

    fn invoke(&self, arguments: &Arguments) -> Result<ArrayRef> {
        let geometries = arguments.geometry(0)?;
        let mut systems = Vec::with_capacity(arguments.rows());
        for row in 0..arguments.rows() {
            systems.push((!geometries.is_null(row)).then_some("ICRS"));
        }
        Ok(Arc::new(StringArray::from(systems)))
    }

    fn documentation(&self) -> Documentation {
        page("The coordinate system of a geometry: always ICRS.", "COORDSYS(geometry)")
            .with_argument("geometry", "any geometry")
            .with_sql_example("SELECT COORDSYS(POINT(10.0, 20.0))")
            .build()
    }
}
