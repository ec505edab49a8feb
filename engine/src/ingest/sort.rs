//! In which order do the rows lie on the sky?
//!
//! Rows are not moved here: what is sorted is their addresses, 16 bytes a row. Rows of equal key keep the order in
//! which they came, so the same input gives the same files.

use arrow::array::{Array, Int64Array, RecordBatch};
use arrow::compute::interleave_record_batch;
use arrow::error::ArrowError;
use rayon::prelude::*;

/// Where a row lies in the input, beneath its key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct RowAddress {
    /// The row's order-29 cell.
    pub(super) key: u64,
    batch: u32,
    row: u32,
}

/// Addresses of all rows of keyed batches, sorted by key, then by place in the input.
pub(super) fn sorted_rows(batches: &[RecordBatch]) -> Vec<RowAddress> {
    let mut rows: Vec<RowAddress> =
        batches.par_iter().enumerate().flat_map_iter(|(number, batch)| addresses(number, batch)).collect();
    rows.par_sort_unstable();
    rows
}

fn addresses(number: usize, batch: &RecordBatch) -> impl Iterator<Item = RowAddress> + '_ {
    let keys = batch.column(0).as_any().downcast_ref::<Int64Array>().expect("the key is the first column");
    keys.values().iter().enumerate().map(move |(row, key)| RowAddress {
        key: key.cast_unsigned(),
        batch: u32::try_from(number).expect("fewer than 2^32 batches fit into memory"),
        row: u32::try_from(row).expect("a batch has fewer than 2^32 rows"),
    })
}

/// The rows at the given addresses, in that order.
pub(super) fn gather(batches: &[RecordBatch], rows: &[RowAddress]) -> Result<RecordBatch, ArrowError> {
    let batches: Vec<&RecordBatch> = batches.iter().collect();
    let indices: Vec<(usize, usize)> = rows.iter().map(|row| (row.batch as usize, row.row as usize)).collect();
    interleave_record_batch(&batches, &indices)
}
