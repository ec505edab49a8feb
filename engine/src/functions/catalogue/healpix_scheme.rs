//! `healpix_nest_to_ring(order, npix)` and `healpix_ring_to_nest(order, npix)`: the number of a cell in the other scheme.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array};
use datafusion::common::Result;
use datafusion::logical_expr::{Documentation, ReturnFieldArgs};
use sidereus_sky::Cell;

use super::super::arguments::Arguments;
use super::super::documentation::cell_page;
use super::super::form::{Argument, Form};
use super::super::row_function::RowFunction;
use super::super::spatial::Returned;
use super::orders::Orders;

/// Renumbers a cell.
///
/// *Nulls*: strict; null where the order of a row has no such cell. *Errors*: such a cell as constants.
/// *Source*: Górski et al. 2005, ApJ 622, 759, section 4.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HealpixScheme {
    /// From NESTED to RING.
    Ring,
    /// From RING to NESTED.
    Nested,
}

impl RowFunction for HealpixScheme {
    fn name(&self) -> &'static str {
        if *self == Self::Ring { "healpix_nest_to_ring" } else { "healpix_ring_to_nest" }
    }

    fn forms(&self) -> &'static [Form] {
        &[Form::Exact(&[Argument::Integer, Argument::Integer])]
    }

    fn returned(&self, _call: &ReturnFieldArgs<'_>) -> Result<Returned> {
        Ok(Returned::Integer)
    }

    fn invoke(&self, arguments: &Arguments) -> Result<ArrayRef> {
        let (orders, cells) = (Orders::take(arguments, 0)?, arguments.integer(1)?);
        let mut numbers = Int64Array::builder(arguments.rows());
        for row in 0..arguments.rows() {
            let number = match (orders.get(row), cells.get(row)) {
                (Some(order), Some(npix)) => {
                    // A negative number is beyond the last cell of every order.
                    let npix = u64::try_from(npix).unwrap_or(u64::MAX);
                    arguments.settle(match self {
                        Self::Ring => Cell::new(order, npix).map(Cell::ring),
                        Self::Nested => Cell::from_ring(order, npix).map(Cell::npix),
                    })?
                }
                _ => None,
            };
            numbers.append_option(number.and_then(|number| i64::try_from(number).ok()));
        }
        Ok(Arc::new(numbers.finish()))
    }

    fn documentation(&self) -> Documentation {
        let (description, syntax, example) = match self {
            Self::Ring => (
                "The RING number of a HEALPix cell that is given by its NESTED number.",
                "HEALPIX_NEST_TO_RING(order, npix)",
                "SELECT HEALPIX_NEST_TO_RING(2, 60)",
            ),
            Self::Nested => (
                "The NESTED number of a HEALPix cell that is given by its RING number.",
                "HEALPIX_RING_TO_NEST(order, npix)",
                "SELECT HEALPIX_RING_TO_NEST(2, 22)",
            ),
        };
        cell_page(description, syntax)
            .with_argument("order", "0 to 29")
            .with_argument("npix", "the number of the cell; a row with a number that the order does not have is null")
            .with_sql_example(example)
            .build()
    }
}
