//! `gaia_healpix_index(order, source_id)`: the HEALPix cell that a source of Gaia was numbered in.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array};
use datafusion::common::{Result, exec_err};
use datafusion::logical_expr::{Documentation, ReturnFieldArgs};

use super::super::arguments::{Arguments, Integers};
use super::super::documentation::cell_page;
use super::super::form::{Argument, Form};
use super::super::row_function::RowFunction;
use super::super::spatial::Returned;

/// Takes the cell of order 12 or coarser out of a source number.
///
/// *Nulls*: strict; null where a row's number is negative or its order outside 0 to 12. *Errors*: the same as constants.
/// *Source*: Gaia DR3 documentation, `source_id`: bits 36 and above are the NESTED index at order 12, ICRS.
#[derive(Debug)]
pub(crate) struct GaiaHealpixIndex;

impl RowFunction for GaiaHealpixIndex {
    fn name(&self) -> &'static str {
        "gaia_healpix_index"
    }

    fn forms(&self) -> &'static [Form] {
        &[Form::Exact(&[Argument::Integer, Argument::Integer])]
    }

    fn returned(&self, _call: &ReturnFieldArgs<'_>) -> Result<Returned> {
        Ok(Returned::Integer)
    }

    fn invoke(&self, arguments: &Arguments) -> Result<ArrayRef> {
        let (orders, sources) = (arguments.integer(0)?, arguments.integer(1)?);
        if let Integers::Constant(Some(order)) = orders
            && !(0..=12).contains(&order)
        {
            return exec_err!("order {order} is outside 0 to 12: a source_id holds no finer cell");
        }
        let mut cells = Int64Array::builder(arguments.rows());
        for row in 0..arguments.rows() {
            let cell = match (orders.get(row), sources.get(row)) {
                (Some(order @ 0..=12), Some(source @ 0..)) => Some(source >> (35 + 2 * (12 - order))),
                (Some(_), Some(source)) => arguments.refuse(|| format!("{source} is no source_id"))?,
                _ => None,
            };
            cells.append_option(cell);
        }
        Ok(Arc::new(cells.finish()))
    }

    fn documentation(&self) -> Documentation {
        cell_page(
            "The HEALPix cell (NESTED, ICRS) that a source of Gaia was first seen in, read from its number.",
            "GAIA_HEALPIX_INDEX(order, source_id)",
        )
        .with_argument("order", "0 to 12")
        .with_argument("source_id", "the number of the source; a row with a negative one is null")
        .with_sql_example("SELECT GAIA_HEALPIX_INDEX(4, 4295806720)")
        .build()
    }
}
