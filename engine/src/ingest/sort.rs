//! In which order do the rows lie on the sky?
//!
//! Rows are not moved here: what is sorted is their addresses, 16 bytes a row. Rows of equal key keep the order in
//! which they came, so the same input gives the same files.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, ArrowPrimitiveType, AsArray, Int64Array, PrimitiveArray, RecordBatch, RecordBatchOptions,
};
use arrow::buffer::{BooleanBuffer, NullBuffer, ScalarBuffer};
use arrow::compute::interleave;
use arrow::datatypes::{DataType, Float32Type, Float64Type, Int32Type, Int64Type};
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
    let all = batches.iter().map(RecordBatch::num_rows).sum();
    let mut rows = vec![RowAddress { key: 0, batch: 0, row: 0 }; all];
    let mut left = rows.as_mut_slice();
    let parts: Vec<_> = batches.iter().map_while(|batch| left.split_off_mut(..batch.num_rows())).collect();
    parts.into_par_iter().zip(batches).enumerate().for_each(|(number, (rows, batch))| fill(rows, number, batch));
    rows.par_sort_unstable();
    rows
}

fn fill(rows: &mut [RowAddress], number: usize, batch: &RecordBatch) {
    let keys = batch.column(0).as_any().downcast_ref::<Int64Array>().expect("the key is the first column");
    let batch = u32::try_from(number).expect("fewer than 2^32 batches fit into memory");
    for ((place, row), key) in rows.iter_mut().zip(0..).zip(keys.values()) {
        *place = RowAddress { key: key.cast_unsigned(), batch, row };
    }
}

/// The rows at the given addresses, in that order.
pub(super) fn gather(batches: &[RecordBatch], rows: &[RowAddress]) -> Result<RecordBatch, ArrowError> {
    let indices: Vec<(usize, usize)> = rows.iter().map(|row| (row.batch as usize, row.row as usize)).collect();
    let Some(first) = batches.first() else { return Err(ArrowError::InvalidArgumentError("no batches".to_owned())) };
    let column = |number: usize| {
        let columns: Vec<&dyn Array> = batches.iter().map(|batch| &**batch.column(number)).collect();
        match first.column(number).data_type() {
            DataType::Float32 => numbers::<Float32Type>(&columns, &indices),
            DataType::Float64 => numbers::<Float64Type>(&columns, &indices),
            DataType::Int32 => numbers::<Int32Type>(&columns, &indices),
            DataType::Int64 => numbers::<Int64Type>(&columns, &indices),
            _ => interleave(&columns, &indices),
        }
    };
    let columns = (0..first.num_columns()).map(column).collect::<Result<Vec<_>, _>>()?;
    let options = RecordBatchOptions::new().with_row_count(Some(rows.len()));
    RecordBatch::try_new_with_options(first.schema(), columns, &options)
}

/// The numbers at the given places; whether each is there is asked of the bits themselves.
fn numbers<T: ArrowPrimitiveType>(columns: &[&dyn Array], places: &[(usize, usize)]) -> Result<ArrayRef, ArrowError> {
    let columns: Vec<&PrimitiveArray<T>> = columns.iter().map(|column| column.as_primitive()).collect();
    let all: Vec<&[T::Native]> = columns.iter().map(|column| &**column.values()).collect();
    let values: ScalarBuffer<T::Native> = places.iter().map(|(column, row)| all[*column][*row]).collect();
    let nulls = columns.iter().any(|column| column.null_count() > 0).then(|| {
        let all: Vec<Option<&BooleanBuffer>> =
            columns.iter().map(|column| column.nulls().map(NullBuffer::inner)).collect();
        NullBuffer::new(BooleanBuffer::collect_bool(places.len(), |place| {
            let (column, row) = places[place];
            all[column].is_none_or(|present| present.value(row))
        }))
    });
    Ok(Arc::new(PrimitiveArray::<T>::try_new(values, nulls)?))
}
