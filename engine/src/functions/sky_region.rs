//! `sky_region(text)`: a region written in STC-S (ADQL `REGION`).

use std::sync::Arc;

use arrow::array::{ArrayRef, StringArray};
use datafusion::common::Result;
use datafusion::logical_expr::Documentation;
use sidereus_sky::Region;

use super::arguments::Arguments;
use super::documentation::page;
use super::form::{Argument, Form};
use super::geometry_type::GeometryKind;
use super::spatial::{Returned, SpatialFunction};

/// Reads a region and writes it again in one form, every number bit for bit.
///
/// *Nulls*: null where the text of a row is no region. *Errors*: such a text as a constant.
/// *Source*: ADQL 2.1 section 4.2, STC-S 1.33.
#[derive(Debug)]
pub(crate) struct SkyRegionFunction;

impl SpatialFunction for SkyRegionFunction {
    fn name(&self) -> &'static str {
        "sky_region"
    }

    fn forms(&self) -> &'static [Form] {
        &[Form::Exact(&[Argument::Text])]
    }

    fn returned(&self) -> Returned {
        Returned::Geometry(GeometryKind::Region)
    }

    fn invoke(&self, arguments: &Arguments) -> Result<ArrayRef> {
        let texts = arguments.text(0)?;
        let mut regions = Vec::with_capacity(arguments.rows());
        for row in 0..arguments.rows() {
            let region = match texts.get(row) {
                Some(text) => arguments.settle(Region::from_stcs(text))?,
                None => None,
            };
            regions.push(region.map(|region| region.to_stcs()));
        }
        Ok(Arc::new(StringArray::from(regions)))
    }

    fn documentation(&self) -> Documentation {
        page("A region written in STC-S, or as the numbers of a DALI point, circle or polygon.", "REGION(text)")
            .with_argument("text", "such as `Circle ICRS 10 20 0.5` or `Union ( Circle 10 20 1 Box 12 20 1 1 )`")
            .with_sql_example("SELECT ROUND(AREA(REGION('Circle ICRS 10 20 0.5')), 6)")
            .build()
    }
}
