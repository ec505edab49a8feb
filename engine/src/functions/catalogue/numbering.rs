//! How is every position of a batch given the number of a cell?
//!
//! This module must not know any SQL function, nor any scheme of cells.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array};
use datafusion::common::Result;

use super::super::arguments::Arguments;
use super::super::form::{Argument, Form};
use super::super::positions::Positions;

/// A level of the cells, then a position as two numbers or as a point.
pub(super) const LEVEL_AND_POSITION: &[Form] = &[
    Form::Exact(&[Argument::Integer, Argument::Number, Argument::Number]),
    Form::Exact(&[Argument::Integer, Argument::Point]),
];

/// The number that `cell` gives to each row's longitude and latitude in degrees; null where one is null, or it gives none.
pub(super) fn numbered(
    arguments: &Arguments,
    cell: impl Fn(usize, f64, f64) -> Result<Option<u64>>,
) -> Result<ArrayRef> {
    let (positions, _) = Positions::take(arguments, 1)?;
    let mut cells = Int64Array::builder(arguments.rows());
    for row in 0..arguments.rows() {
        let number = match positions.get(row) {
            Some((lon, lat)) => cell(row, lon, lat)?,
            None => None,
        };
        cells.append_option(number.and_then(|number| i64::try_from(number).ok()));
    }
    Ok(Arc::new(cells.finish()))
}
