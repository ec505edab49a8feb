//! `healpix_ring(order, lon, lat)` and `healpix_ring(order, point)`: the cell of a position in the RING scheme.

use arrow::array::ArrayRef;
use datafusion::common::Result;
use datafusion::logical_expr::{Documentation, ReturnFieldArgs};
use sidereus_sky::{Cell, hash};

use super::super::arguments::Arguments;
use super::super::documentation::cell_page;
use super::super::form::Form;
use super::super::row_function::RowFunction;
use super::super::spatial::Returned;
use super::numbering::{LEVEL_AND_POSITION, numbered};
use super::orders::Orders;

/// Numbers a position along circles of latitude.
///
/// *Units*: degrees. *Nulls*: strict; null where a row is no position. *Errors*: an order outside 0 to 29, or no
/// position, as constants. *Source*: Górski et al. 2005, ApJ 622, 759, section 4.1.
#[derive(Debug)]
pub(crate) struct HealpixRing;

impl RowFunction for HealpixRing {
    fn name(&self) -> &'static str {
        "healpix_ring"
    }

    fn forms(&self) -> &'static [Form] {
        LEVEL_AND_POSITION
    }

    fn returned(&self, _call: &ReturnFieldArgs<'_>) -> Result<Returned> {
        Ok(Returned::Integer)
    }

    fn invoke(&self, arguments: &Arguments) -> Result<ArrayRef> {
        let orders = Orders::take(arguments, 0)?;
        numbered(arguments, |row, lon, lat| {
            let Some(order) = orders.get(row) else { return Ok(None) };
            let cell = arguments.settle(hash(order, lon, lat).and_then(|npix| Cell::new(order, npix)))?;
            Ok(cell.map(|cell| cell.ring()))
        })
    }

    fn documentation(&self) -> Documentation {
        cell_page(
            "The number of the HEALPix cell that a position is in, in the RING scheme.",
            "HEALPIX_RING(order, lon, lat)",
        )
        .with_alternative_syntax("HEALPIX_RING(order, point)")
        .with_argument("order", "0 to 29; `nside` is 2^order")
        .with_argument("lon, lat", "degrees; a row that is no position is null")
        .with_argument("point", "the position as a point")
        .with_sql_example("SELECT HEALPIX_RING(8, 10.5, 20.25)")
        .build()
    }
}
