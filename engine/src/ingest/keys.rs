//! Which order-29 cell does each row lie in?
//!
//! The key is always computed from the position: a key that came with the rows is replaced, for the position is what
//! people see and what exact tests use.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, Float64Array, Int64Array, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use rayon::prelude::*;
use sidereus_sky::hash29;

use super::failure::bad_input;
use crate::catalog::PositionColumns;
use crate::error::EngineError;
use crate::integrity::NAN_COUNT;

/// Name of the spatial index column.
pub const KEY_COLUMN: &str = "_healpix_29";

/// The schema as it is written: the key first, then the given columns without an earlier key.
///
/// Marks of the files that the rows came from (pandas' index, Parquet field numbers, NaN counts) are dropped.
#[must_use]
pub fn keyed_schema(schema: &Schema) -> SchemaRef {
    let kept = schema.fields().iter().filter(|field| field.name() != KEY_COLUMN);
    let fields: Vec<Field> = std::iter::once(key_field()).chain(kept.map(|field| without_number(field))).collect();
    let mut metadata = schema.metadata().clone();
    metadata.retain(|key, _| key != "pandas" && key != "ARROW:schema" && !key.starts_with(NAN_COUNT));
    Arc::new(Schema::new_with_metadata(fields, metadata))
}

fn key_field() -> Field {
    let metadata = [("ucd", "pos.healpix"), ("description", "HEALPix index of the position, order 29, NESTED, ICRS")];
    Field::new(KEY_COLUMN, DataType::Int64, false)
        .with_metadata(metadata.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect())
}

fn without_number(field: &Field) -> Field {
    let mut metadata = field.metadata().clone();
    metadata.remove("PARQUET:field_id");
    field.clone().with_metadata(metadata)
}

/// Batches with their keys, in the order given.
pub(super) struct KeyedRows {
    /// Batches of [`keyed_schema`].
    pub(super) batches: Vec<RecordBatch>,
    /// Rows that came with another key than their position's.
    pub(super) rekeyed: u64,
}

/// Computes the keys of all batches, in parallel.
///
/// *Errors*: a position column is missing or not numeric; any position is null, not finite or outside the sky: the
/// message tells how many and which is the first.
pub(super) fn with_keys(batches: &[RecordBatch], positions: &PositionColumns) -> Result<KeyedRows, EngineError> {
    let Some(first) = batches.first() else {
        return Err(bad_input("there are no rows to write"));
    };
    let schema = keyed_schema(&first.schema());
    let keyed: Vec<Keyed> =
        batches.par_iter().map(|batch| key_batch(batch, positions, &schema)).collect::<Result<_, _>>()?;
    refuse_bad_positions(&keyed, positions)?;
    let rekeyed = keyed.iter().map(|part| part.rekeyed).sum();
    Ok(KeyedRows { batches: keyed.into_iter().map(|part| part.batch).collect(), rekeyed })
}

/// One batch with its keys.
pub(super) struct Keyed {
    /// Batch of [`keyed_schema`].
    pub(super) batch: RecordBatch,
    /// Rows that came with another key than their position's.
    pub(super) rekeyed: u64,
    /// Rows without a place on the sky, whose key is 0.
    pub(super) bad: Vec<usize>,
}

/// Computes the keys of a batch.
///
/// *Errors*: a position column is missing or not numeric; the batch does not fit the schema.
pub(super) fn key_batch(
    batch: &RecordBatch,
    positions: &PositionColumns,
    schema: &SchemaRef,
) -> Result<Keyed, EngineError> {
    let ra = position_column(batch, &positions.ra)?;
    let dec = position_column(batch, &positions.dec)?;
    let mut bad = Vec::new();
    let keys: Int64Array = (0..batch.num_rows())
        .map(|row| match key_of(&ra, &dec, row) {
            Some(key) => key,
            None => {
                bad.push(row);
                0
            }
        })
        .collect::<Vec<i64>>()
        .into();
    let rekeyed = earlier_keys(batch).map_or(0, |earlier| count_different(&earlier, &keys));
    let kept = batch.schema_ref().fields().iter().zip(batch.columns()).filter(|(field, _)| field.name() != KEY_COLUMN);
    let columns: Vec<ArrayRef> =
        std::iter::once(Arc::new(keys) as ArrayRef).chain(kept.map(|(_, array)| Arc::clone(array))).collect();
    let batch = RecordBatch::try_new(Arc::clone(schema), columns)
        .map_err(|error| bad_input(format!("batches of one catalog must have one schema: {error}")))?;
    Ok(Keyed { batch, rekeyed, bad })
}

fn position_column(batch: &RecordBatch, name: &str) -> Result<Float64Array, EngineError> {
    let column =
        batch.column_by_name(name).ok_or_else(|| bad_input(format!("there is no position column {name:?}")))?;
    let kind = column.data_type();
    if !kind.is_numeric() {
        return Err(bad_input(format!("position column {name:?} is {kind}, expected numbers of degrees")));
    }
    let degrees = cast(column, &DataType::Float64)
        .map_err(|error| bad_input(format!("position column {name:?} cannot be read as degrees: {error}")))?;
    let degrees = degrees.as_any().downcast_ref::<Float64Array>().expect("a cast to Float64 gives Float64");
    Ok(degrees.clone())
}

/// The key of a row; `None` where the position is null, not finite or off the sky.
fn key_of(ra: &Float64Array, dec: &Float64Array, row: usize) -> Option<i64> {
    if ra.is_null(row) || dec.is_null(row) {
        return None;
    }
    let (ra_deg, dec_deg) = (ra.value(row), dec.value(row));
    if !(-360.0..=360.0).contains(&ra_deg) {
        return None;
    }
    hash29(ra_deg, dec_deg).ok().and_then(|key| i64::try_from(key).ok())
}

fn earlier_keys(batch: &RecordBatch) -> Option<Int64Array> {
    let earlier = cast(batch.column_by_name(KEY_COLUMN)?, &DataType::Int64).ok()?;
    earlier.as_any().downcast_ref::<Int64Array>().cloned()
}

fn count_different(earlier: &Int64Array, keys: &Int64Array) -> u64 {
    let different =
        keys.values().iter().enumerate().filter(|(row, key)| earlier.is_null(*row) || earlier.value(*row) != **key);
    different.count() as u64
}

fn refuse_bad_positions(parts: &[Keyed], positions: &PositionColumns) -> Result<(), EngineError> {
    let bad: usize = parts.iter().map(|part| part.bad.len()).sum();
    if bad == 0 {
        return Ok(());
    }
    let mut before = 0;
    for part in parts {
        if let Some(row) = part.bad.first() {
            let (ra, dec) = (&positions.ra, &positions.dec);
            return Err(bad_input(format!(
                "{bad} rows have no place on the sky ({ra} or {dec} is null, not finite or out of range); the first is row {}",
                before + row
            )));
        }
        before += part.batch.num_rows();
    }
    Ok(())
}
