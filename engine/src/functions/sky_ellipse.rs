//! `sky_ellipse(lon, lat, semi_major, semi_minor, position_angle)`: an ellipse (`ELLIPSE`, an extension of ADQL).

use std::sync::Arc;

use arrow::array::{ArrayRef, StringArray};
use datafusion::common::Result;
use datafusion::logical_expr::{Documentation, Expr};
use sidereus_sky::{Ellipse, Region};

use super::arguments::Arguments;
use super::documentation::page;
use super::form::{Argument, Form};
use super::geometry_type::GeometryKind;
use super::spatial::{Position, Returned, Shape, SpatialFunction};

/// Puts an ellipse together, as a region in STC-S.
///
/// *Units*: degrees. *Nulls*: null where the numbers of a row are impossible. *Errors*: such numbers as constants.
#[derive(Debug)]
pub(crate) struct SkyEllipseFunction;

impl SpatialFunction for SkyEllipseFunction {
    fn name(&self) -> &'static str {
        "sky_ellipse"
    }

    fn forms(&self) -> &'static [Form] {
        const N: Argument = Argument::Number;
        &[Form::Exact(&[N, N, N, N, N])]
    }

    fn returned(&self) -> Returned {
        Returned::Geometry(GeometryKind::Region)
    }

    fn invoke(&self, arguments: &Arguments) -> Result<ArrayRef> {
        let numbers = (0..5).map(|index| arguments.number(index)).collect::<Result<Vec<_>>>()?;
        let mut ellipses = Vec::with_capacity(arguments.rows());
        for row in 0..arguments.rows() {
            let values: Option<Vec<f64>> = numbers.iter().map(|numbers| numbers.get(row)).collect();
            let ellipse = match values.as_deref() {
                Some(&[lon, lat, major, minor, angle]) => {
                    arguments.settle(Ellipse::from_degrees(lon, lat, major, minor, angle))?
                }
                _ => None,
            };
            ellipses.push(ellipse.map(|ellipse| Region::Ellipse(ellipse).to_stcs()));
        }
        Ok(Arc::new(StringArray::from(ellipses)))
    }

    fn documentation(&self) -> Documentation {
        page("The positions within an ellipse on the sky.", "ELLIPSE(lon, lat, semi_major, semi_minor, position_angle)")
            .with_argument("lon, lat", "centre in degrees")
            .with_argument("semi_major, semi_minor", "half axes in degrees")
            .with_argument("position_angle", "of the major axis, in degrees from north through east")
            .with_sql_example("SELECT CONTAINS(POINT(10.0, 41.9), ELLIPSE(10.0, 41.0, 1.0, 0.3, 0.0))")
            .build()
    }

    fn shape<'a>(&self, args: &'a [Expr]) -> Option<Shape<'a>> {
        let [lon, lat, semi_major, ..] = args else { return None };
        Some(Shape::Ellipse(Position { lon, lat }, semi_major))
    }
}
