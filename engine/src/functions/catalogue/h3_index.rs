//! `h3_index(resolution, lon, lat)` and `h3_index(resolution, point)`: in which cell of H3 is a position?

use arrow::array::ArrayRef;
use datafusion::common::{Result, exec_err};
use datafusion::logical_expr::{Documentation, ReturnFieldArgs};
use h3o::{LatLng, Resolution};
use sidereus_sky::SkyPoint;

use super::super::arguments::{Arguments, Integers};
use super::super::documentation::cell_page;
use super::super::form::Form;
use super::super::geometry_type::is_position;
use super::super::row_function::RowFunction;
use super::super::spatial::Returned;
use super::numbering::{LEVEL_AND_POSITION, numbered};

/// Numbers a position in the hexagons of H3.
///
/// *Units*: degrees. *Nulls*: strict; null where a row is no position or has no such resolution. *Errors*: the same as
/// constants. *Source*: H3, <https://h3geo.org>; longitude and latitude are taken for those of the sphere.
#[derive(Debug)]
pub(crate) struct H3Index;

impl RowFunction for H3Index {
    fn name(&self) -> &'static str {
        "h3_index"
    }

    fn forms(&self) -> &'static [Form] {
        LEVEL_AND_POSITION
    }

    fn returned(&self, _call: &ReturnFieldArgs<'_>) -> Result<Returned> {
        Ok(Returned::Integer)
    }

    fn invoke(&self, arguments: &Arguments) -> Result<ArrayRef> {
        let resolutions = Resolutions::take(arguments, 0)?;
        numbered(arguments, |row, lon, lat| {
            let Some(resolution) = resolutions.get(row) else { return Ok(None) };
            if !is_position(lon, lat) {
                return Ok(arguments.settle(SkyPoint::from_degrees(lon, lat))?.map(|_| 0));
            }
            Ok(LatLng::new(lat, lon).ok().map(|place| u64::from(place.to_cell(resolution))))
        })
    }

    fn documentation(&self) -> Documentation {
        cell_page("The number of the H3 cell that a position is in.", "H3_INDEX(resolution, lon, lat)")
            .with_alternative_syntax("H3_INDEX(resolution, point)")
            .with_argument("resolution", "0 to 15; a cell of the next one has about a seventh of the area")
            .with_argument("lon, lat", "degrees; a row that is no position is null")
            .with_argument("point", "the position as a point")
            .with_sql_example("SELECT H3_INDEX(7, 10.5, 20.25)")
            .build()
    }
}

/// A resolution a row.
#[derive(Debug)]
pub(crate) struct Resolutions<'a>(Integers<'a>);

impl<'a> Resolutions<'a> {
    /// Reads the resolutions in argument `index`.
    ///
    /// *Errors*: one that is written out and outside 0 to 15.
    pub(crate) fn take(arguments: &'a Arguments, index: usize) -> Result<Self> {
        let resolutions = arguments.integer(index)?;
        match resolutions {
            Integers::Constant(Some(number)) if resolution(number).is_none() => {
                exec_err!("h3 resolution {number} is outside 0 to 15")
            }
            _ => Ok(Self(resolutions)),
        }
    }

    /// The resolution of a row; `None` where it is null or there is none such.
    pub(crate) fn get(&self, row: usize) -> Option<Resolution> {
        resolution(self.0.get(row)?)
    }
}

fn resolution(number: i64) -> Option<Resolution> {
    Resolution::try_from(u8::try_from(number).ok()?).ok()
}
