//! How many NaNs hide behind a column's statistics?
//!
//! Parquet's minimum and maximum of a float column never see NaN, which here sorts above all numbers: a page whose
//! maximum is 3 may hold rows that satisfy `m > 5`. Each leaf file therefore counts the NaNs of every float column
//! at its top level, a figure for each row group, in the key-value metadata of its footer:
//! `sidereus:nan_count:<column>` = `0,17,0`. A file without the entry says nothing about NaN.

use std::collections::BTreeMap;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Float16Type, Float32Type, Float64Type, Schema};
use parquet::file::metadata::{KeyValue, ParquetMetaData};

/// What the keys of the footer's entries begin with.
pub(crate) const PREFIX: &str = "sidereus:nan_count:";

/// NaN counts of one Parquet file: for each float column, one figure a row group.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NanCounts {
    columns: BTreeMap<String, Vec<u64>>,
}

impl NanCounts {
    /// NaNs of a column in a row group; `None` where the file does not tell.
    #[must_use]
    pub fn count(&self, column: &str, row_group: usize) -> Option<u64> {
        self.columns.get(column)?.get(row_group).copied()
    }

    /// Whether the file tells that a column has no NaN in a row group.
    #[must_use]
    pub fn is_nan_free(&self, column: &str, row_group: usize) -> bool {
        self.count(column, row_group) == Some(0)
    }

    /// Zero rows of the float columns of a schema.
    pub(crate) fn of_schema(schema: &Schema) -> Self {
        let floats = schema.fields().iter().filter(|field| is_float(field.data_type()));
        Self { columns: floats.map(|field| (field.name().clone(), Vec::new())).collect() }
    }

    /// Adds the rows of a batch to the figures of a row group, which is the last one or a new one.
    pub(crate) fn add(&mut self, batch: &RecordBatch, row_group: usize) {
        for (name, counts) in &mut self.columns {
            counts.resize(row_group + 1, 0);
            counts[row_group] += batch.column_by_name(name).map_or(0, nans);
        }
    }

    /// Entries for the footer.
    pub(crate) fn entries(&self) -> impl Iterator<Item = KeyValue> + '_ {
        self.columns.iter().map(|(name, counts)| {
            let counts: Vec<String> = counts.iter().map(u64::to_string).collect();
            KeyValue::new(format!("{PREFIX}{name}"), counts.join(","))
        })
    }
}

/// Reads the NaN counts of a leaf file's footer.
///
/// *Guarantee*: a figure is told only where the file holds one for every row group; damaged entries are left out.
#[must_use]
pub fn nan_counts(metadata: &ParquetMetaData) -> NanCounts {
    let entries = metadata.file_metadata().key_value_metadata().map_or(&[][..], Vec::as_slice);
    let columns = entries.iter().filter_map(|entry| {
        let column = entry.key.strip_prefix(PREFIX)?;
        let counts: Vec<u64> =
            entry.value.as_ref()?.split(',').map(|count| count.parse().ok()).collect::<Option<_>>()?;
        (counts.len() == metadata.num_row_groups()).then(|| (column.to_owned(), counts))
    });
    NanCounts { columns: columns.collect() }
}

fn is_float(kind: &DataType) -> bool {
    matches!(kind, DataType::Float16 | DataType::Float32 | DataType::Float64)
}

fn nans(array: &ArrayRef) -> u64 {
    let valid = |row: usize| array.is_valid(row);
    let count = match array.data_type() {
        DataType::Float16 => {
            let values = array.as_primitive::<Float16Type>().values().iter().enumerate();
            values.filter(|(row, value)| value.is_nan() && valid(*row)).count()
        }
        DataType::Float32 => {
            let values = array.as_primitive::<Float32Type>().values().iter().enumerate();
            values.filter(|(row, value)| value.is_nan() && valid(*row)).count()
        }
        DataType::Float64 => {
            let values = array.as_primitive::<Float64Type>().values().iter().enumerate();
            values.filter(|(row, value)| value.is_nan() && valid(*row)).count()
        }
        _ => 0,
    };
    count as u64
}
