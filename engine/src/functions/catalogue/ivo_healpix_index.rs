//! `ivo_healpix_index(order, lon, lat)` and `ivo_healpix_index(order, point)`: in which HEALPix cell is a position?

use arrow::array::ArrayRef;
use datafusion::common::Result;
use datafusion::logical_expr::{Documentation, ReturnFieldArgs};
use sidereus_sky::hash;

use super::super::arguments::Arguments;
use super::super::documentation::cell_page;
use super::super::form::Form;
use super::super::row_function::RowFunction;
use super::super::spatial::Returned;
use super::numbering::{LEVEL_AND_POSITION, numbered};
use super::orders::Orders;

/// Numbers a position in the NESTED scheme.
///
/// *Units*: degrees. *Nulls*: strict; null where a row is no position. *Errors*: an order outside 0 to 29, or no
/// position, as constants. *Source*: IVOA catalogue of ADQL user-defined functions 1.2, section 2.1; order first.
#[derive(Debug)]
pub(crate) struct HealpixIndex;

impl RowFunction for HealpixIndex {
    fn name(&self) -> &'static str {
        "ivo_healpix_index"
    }

    fn forms(&self) -> &'static [Form] {
        LEVEL_AND_POSITION
    }

    fn returned(&self, _call: &ReturnFieldArgs<'_>) -> Result<Returned> {
        Ok(Returned::Integer)
    }

    fn invoke(&self, arguments: &Arguments) -> Result<ArrayRef> {
        let orders = Orders::take(arguments, 0)?;
        numbered(arguments, |row, lon, lat| match orders.get(row) {
            Some(order) => arguments.settle(hash(order, lon, lat)),
            None => Ok(None),
        })
    }

    fn documentation(&self) -> Documentation {
        cell_page(
            "The number of the HEALPix cell that a position is in, in the NESTED scheme.",
            "IVO_HEALPIX_INDEX(order, lon, lat)",
        )
        .with_alternative_syntax("IVO_HEALPIX_INDEX(order, point)")
        .with_argument("order", "0 to 29; the sphere has 12 * 4^order cells")
        .with_argument("lon, lat", "degrees; a row that is no position is null")
        .with_argument("point", "the position as a point")
        .with_sql_example("SELECT IVO_HEALPIX_INDEX(17, 1, 1)")
        .build()
    }
}
