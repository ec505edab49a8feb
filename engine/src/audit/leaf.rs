//! Are the rows of a partition in their cell, in order, and is their key that of their position?

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;

use arrow::array::{Array, AsArray, Float64Array, Int64Array, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type, Int64Type, SchemaRef};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use sidereus_sky::{Cell, hash29};

use crate::catalog::{PositionColumns, SpatialIndex};

/// Order of the cells in which rows are counted.
pub(super) const COUNTED_ORDER: u8 = 10;

/// What a file of rows must be.
#[derive(Debug, Clone, Copy)]
pub(super) struct Expected<'a> {
    pub(super) cell: Option<Cell>,
    /// Whether rows must lie in the cell; those of a margin must not.
    pub(super) is_margin: bool,
    pub(super) schema: &'a SchemaRef,
    pub(super) positions: Option<&'a PositionColumns>,
    pub(super) index: Option<&'a SpatialIndex>,
}

/// What a file of rows is.
#[derive(Debug, Default)]
pub(super) struct LeafReport {
    pub(super) rows: u64,
    pub(super) row_groups: usize,
    pub(super) problems: Vec<String>,
    /// Rows by cell of [`COUNTED_ORDER`], where positions are known.
    pub(super) counts: BTreeMap<u64, u64>,
}

/// Reads all rows of a file and judges them.
pub(super) fn check(path: &Path, expected: Expected<'_>) -> LeafReport {
    let mut report = LeafReport::default();
    if let Err(why) = read(path, expected, &mut report) {
        report.problems.push(format!("cannot be read: {why}"));
    }
    report
}

fn read(path: &Path, expected: Expected<'_>, report: &mut LeafReport) -> Result<(), String> {
    let file = File::open(path).map_err(|error| error.to_string())?;
    let builder = ParquetRecordBatchReaderBuilder::try_new(file).map_err(|error| error.to_string())?;
    report.row_groups = builder.metadata().num_row_groups();
    if let Some(difference) = difference(expected.schema, builder.schema()) {
        report.problems.push(difference);
    }
    // Every column is decoded: what cannot be read must come to light.
    let mask = ProjectionMask::all();
    let reader = builder.with_projection(mask).with_batch_size(8192).build().map_err(|error| error.to_string())?;
    let mut judge = Judge { expected, last_key: i64::MIN, wrong: BTreeMap::new() };
    for batch in reader {
        let batch = batch.map_err(|error| error.to_string())?;
        judge.judge(&batch, report)?;
        report.rows += batch.num_rows() as u64;
    }
    for (what, (rows, first)) in judge.wrong {
        report.problems.push(format!("{rows} rows {what}; the first is row {first}"));
    }
    Ok(())
}

fn difference(expected: &SchemaRef, found: &SchemaRef) -> Option<String> {
    let columns = |schema: &SchemaRef| -> Vec<(String, DataType)> {
        schema.fields().iter().map(|field| (field.name().clone(), field.data_type().clone())).collect()
    };
    let (expected, found) = (columns(expected), columns(found));
    let differs = expected.iter().zip(&found).find(|(expected, found)| expected != found);
    match differs {
        Some(((name, kind), (other, other_kind))) => {
            Some(format!("has the column {other} {other_kind}, expected {name} {kind}"))
        }
        None if expected.len() != found.len() => {
            Some(format!("has {} columns, expected {}", found.len(), expected.len()))
        }
        None => None,
    }
}

struct Judge<'a> {
    expected: Expected<'a>,
    last_key: i64,
    /// What is wrong, with the number of rows and the first of them.
    wrong: BTreeMap<&'static str, (u64, u64)>,
}

impl Judge<'_> {
    fn judge(&mut self, batch: &RecordBatch, report: &mut LeafReport) -> Result<(), String> {
        let Expected { cell, positions, index, .. } = self.expected;
        let column = |name: &str| batch.column_by_name(name).ok_or_else(|| format!("it has no column {name}"));
        let floats = |name: &str| -> Result<Float64Array, String> {
            let floats = cast(column(name)?, &DataType::Float64).map_err(|error| error.to_string())?;
            Ok(floats.as_primitive::<Float64Type>().clone())
        };
        let places =
            positions.map(|columns| Ok::<_, String>((floats(&columns.ra)?, floats(&columns.dec)?))).transpose()?;
        let keys = match index {
            None => None,
            Some(index) => {
                let keys = cast(column(&index.column)?, &DataType::Int64).map_err(|error| error.to_string())?;
                Some((keys.as_primitive::<Int64Type>().clone(), 2 * u32::from(29_u8.saturating_sub(index.order))))
            }
        };
        // A position in single precision was rounded after its key was made.
        let exact = positions.is_some_and(|columns| {
            [&columns.ra, &columns.dec]
                .iter()
                .all(|name| batch.column_by_name(name).is_some_and(|column| column.data_type() == &DataType::Float64))
        });
        for row in 0..batch.num_rows() {
            let at = report.rows + row as u64;
            let hashed = places.as_ref().map(|(ra, dec)| hashed(ra, dec, row));
            if hashed == Some(None) {
                self.note("have no place on the sky", at);
            }
            let key = match &keys {
                Some((keys, shift)) => self.key((keys, row, *shift), hashed.flatten().filter(|_| exact), at),
                None => hashed.flatten(),
            };
            let Some(key) = key else { continue };
            *report.counts.entry(key >> (2 * (29 - COUNTED_ORDER))).or_default() += 1;
            let Some(range) = cell.map(Cell::range29) else { continue };
            match (range.start..range.end).contains(&key) {
                false if !self.expected.is_margin => self.note("lie outside of the partition's cell", at),
                true if self.expected.is_margin => self.note("lie in the partition's own cell, and are no margin", at),
                _ => {}
            }
        }
        Ok(())
    }

    /// The order-29 key of a row by its column of keys.
    fn key(&mut self, (keys, row, shift): (&Int64Array, usize, u32), hashed: Option<u64>, at: u64) -> Option<u64> {
        if keys.is_null(row) {
            self.note("have no key", at);
            return None;
        }
        let key = keys.value(row);
        // The reference implementation leaves the rows of margins as they come.
        if key < self.last_key && !self.expected.is_margin {
            self.note("have a smaller key than the row before", at);
        }
        self.last_key = key;
        let key = u64::try_from(key).ok().and_then(|key| key.checked_mul(1 << shift));
        if key.is_none() {
            self.note("have a key that is no cell", at);
        }
        if let (Some(key), Some(hashed)) = (key, hashed)
            && key != hashed >> shift << shift
        {
            self.note("have a key of another place than their position's", at);
        }
        key
    }

    fn note(&mut self, what: &'static str, row: u64) {
        self.wrong.entry(what).or_insert((0, row)).0 += 1;
    }
}

fn hashed(ra: &Float64Array, dec: &Float64Array, row: usize) -> Option<u64> {
    (ra.is_valid(row) && dec.is_valid(row)).then(|| hash29(ra.value(row), dec.value(row)).ok())?
}
