//! `sky_box(lon, lat, width, height)` and `sky_box(center, width, height)`: the box of ADQL (`BOX`).

use std::sync::Arc;

use arrow::array::{ArrayRef, StringArray};
use datafusion::common::Result;
use datafusion::logical_expr::Documentation;
use sidereus_sky::{Region, SkyBox};

use super::arguments::Arguments;
use super::documentation::page;
use super::form::{Argument, Form};
use super::geometry_type::GeometryKind;
use super::positions::Positions;
use super::spatial::{Returned, SpatialFunction};

/// Puts a box together. It is a region in STC-S: a wide box has no corners that great circles could join.
///
/// *Units*: degrees. *Nulls*: null where the numbers of a row are impossible. *Errors*: such numbers as constants.
/// *Source*: ADQL 2.1 section 4.2.
#[derive(Debug)]
pub(crate) struct SkyBoxFunction;

impl SpatialFunction for SkyBoxFunction {
    fn name(&self) -> &'static str {
        "sky_box"
    }

    fn forms(&self) -> &'static [Form] {
        &[
            Form::Exact(&[Argument::Number, Argument::Number, Argument::Number, Argument::Number]),
            Form::Exact(&[Argument::Point, Argument::Number, Argument::Number]),
        ]
    }

    fn returned(&self) -> Returned {
        Returned::Geometry(GeometryKind::Region)
    }

    fn invoke(&self, arguments: &Arguments) -> Result<ArrayRef> {
        let (centers, next) = Positions::take(arguments, 0)?;
        let (widths, heights) = (arguments.number(next)?, arguments.number(next + 1)?);
        let mut boxes = Vec::with_capacity(arguments.rows());
        for row in 0..arguments.rows() {
            let region = match (centers.get(row), widths.get(row), heights.get(row)) {
                (Some((lon, lat)), Some(width), Some(height)) => {
                    arguments.settle(SkyBox::from_degrees(lon, lat, width, height))?
                }
                _ => None,
            };
            boxes.push(region.map(|region| Region::Box(region).to_stcs()));
        }
        Ok(Arc::new(StringArray::from(boxes)))
    }

    fn documentation(&self) -> Documentation {
        page("A box whose sides are great circles through the ends of its arms.", "BOX(lon, lat, width, height)")
            .with_alternative_syntax("BOX(center, width, height)")
            .with_argument("lon, lat", "centre in degrees")
            .with_argument("center", "centre as a point")
            .with_argument("width, height", "full lengths of the arms in degrees; it is no range of coordinates")
            .with_sql_example("SELECT CONTAINS(POINT(10.4, 0.9), BOX(10.0, 0.0, 1.0, 2.0))")
            .build()
    }
}
