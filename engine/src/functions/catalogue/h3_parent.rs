//! `h3_parent(cell, resolution)`: the coarser cell of H3 that a cell belongs to.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array};
use datafusion::common::Result;
use datafusion::logical_expr::{Documentation, ReturnFieldArgs};

use super::super::arguments::Arguments;
use super::super::documentation::cell_page;
use super::super::form::{Argument, Form};
use super::super::row_function::RowFunction;
use super::super::spatial::Returned;
use super::h3_cell::cell;
use super::h3_index::Resolutions;

/// Goes up by numbers: a cell lies nearly, not wholly, within its parent.
///
/// *Nulls*: strict; null where the number of a row is no cell, or its resolution is coarser than the one asked for.
/// *Errors*: the same as constants; a resolution written out that is outside 0 to 15. *Source*: H3, <https://h3geo.org>.
#[derive(Debug)]
pub(crate) struct H3Parent;

impl RowFunction for H3Parent {
    fn name(&self) -> &'static str {
        "h3_parent"
    }

    fn forms(&self) -> &'static [Form] {
        &[Form::Exact(&[Argument::Integer, Argument::Integer])]
    }

    fn returned(&self, _call: &ReturnFieldArgs<'_>) -> Result<Returned> {
        Ok(Returned::Integer)
    }

    fn invoke(&self, arguments: &Arguments) -> Result<ArrayRef> {
        let (numbers, resolutions) = (arguments.integer(0)?, Resolutions::take(arguments, 1)?);
        let mut parents = Int64Array::builder(arguments.rows());
        for row in 0..arguments.rows() {
            let parent = match (cell(arguments, numbers, row)?, resolutions.get(row)) {
                (Some(cell), Some(resolution)) => match cell.parent(resolution) {
                    Some(parent) => Some(u64::from(parent)),
                    None => arguments.refuse(|| {
                        format!(
                            "an h3 cell of resolution {} has no parent of resolution {resolution}",
                            cell.resolution()
                        )
                    })?,
                },
                _ => None,
            };
            parents.append_option(parent.and_then(|parent| i64::try_from(parent).ok()));
        }
        Ok(Arc::new(parents.finish()))
    }

    fn documentation(&self) -> Documentation {
        cell_page("The coarser H3 cell that a cell belongs to.", "H3_PARENT(cell, resolution)")
            .with_argument("cell", "the number of the cell; a row with another number is null")
            .with_argument("resolution", "0 to that of the cell; a row with a finer one is null")
            .with_sql_example("SELECT H3_PARENT(H3_INDEX(7, 10.5, 20.25), 3)")
            .build()
    }
}
