//! All rows in order of their keys: in memory, or in runs on disk.

use std::io;
use std::ops::Range;

use arrow::array::RecordBatch;

use super::failure::bad_input;
use super::runs::Run;
use super::settings::PAGE_ROWS;
use super::sort::{RowAddress, gather, sorted_rows};
use super::writer::PartitionWriter;
use crate::error::EngineError;

/// Rows that are gathered at a time.
const GATHERED_ROWS: usize = 8 * PAGE_ROWS;

/// Keyed rows that can be taken in order.
pub(super) enum SortedRows {
    /// Batches in memory, and the order of their rows.
    Memory(Vec<RecordBatch>, Vec<RowAddress>),
    /// Sorted runs; rows of equal key come in order of the runs.
    Runs(Vec<Run>),
}

impl SortedRows {
    /// Sorts batches.
    pub(super) fn in_memory(batches: Vec<RecordBatch>) -> Self {
        let order = sorted_rows(&batches);
        Self::Memory(batches, order)
    }

    /// Rows whose key is smaller.
    ///
    /// *Errors*: a run cannot be read.
    pub(super) fn rows_before(&self, key: u64) -> io::Result<usize> {
        match self {
            Self::Memory(_, order) => Ok(order.partition_point(|row| row.key < key)),
            Self::Runs(runs) => runs.iter().map(|run| run.rows_before(key)).sum(),
        }
    }

    /// Number of rows.
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Memory(_, order) => order.len(),
            Self::Runs(runs) => runs.iter().map(Run::len).sum(),
        }
    }

    /// Writes the rows of a range of keys; from runs at most so many are held at a time, but for equal keys.
    pub(super) fn write(
        &self,
        keys: Range<u64>,
        writer: &mut PartitionWriter<'_>,
        most_rows: usize,
    ) -> Result<(), EngineError> {
        match self {
            Self::Memory(batches, order) => {
                let rows_before = |key| order.partition_point(|row| row.key < key);
                write_gathered(batches, &order[rows_before(keys.start)..rows_before(keys.end)], writer)
            }
            Self::Runs(runs) => write_merged(runs, keys, (writer, most_rows)),
        }
    }
}

fn write_gathered(
    batches: &[RecordBatch],
    rows: &[RowAddress],
    writer: &mut PartitionWriter<'_>,
) -> Result<(), EngineError> {
    for chunk in rows.chunks(GATHERED_ROWS) {
        let batch = gather(batches, chunk).map_err(|error| bad_input(format!("the rows cannot be sorted: {error}")))?;
        writer.write(&batch)?;
    }
    Ok(())
}

/// Halves the range until its rows may be held, then sorts them.
fn write_merged(
    runs: &[Run],
    keys: Range<u64>,
    (writer, most_rows): (&mut PartitionWriter<'_>, usize),
) -> Result<(), EngineError> {
    let unreadable = |error: io::Error| bad_input(format!("the scratch files cannot be read: {error}"));
    let places = |run: &Run| Ok(run.rows_before(keys.start)?..run.rows_before(keys.end)?);
    let places: Vec<Range<usize>> = runs.iter().map(places).collect::<io::Result<_>>().map_err(unreadable)?;
    let count: usize = places.iter().map(ExactSizeIterator::len).sum();
    let parts = runs.iter().zip(places).flat_map(|(run, places)| run.rows(places));
    let is_one_key = keys.end - keys.start <= 1;
    if count > most_rows && !is_one_key {
        let middle = keys.start + (keys.end - keys.start) / 2;
        write_merged(runs, keys.start..middle, (&mut *writer, most_rows))?;
        return write_merged(runs, middle..keys.end, (writer, most_rows));
    }
    if is_one_key {
        return parts.into_iter().try_for_each(|part| writer.write(&part.map_err(unreadable)?));
    }
    let batches: Vec<RecordBatch> = parts.collect::<io::Result<_>>().map_err(unreadable)?;
    write_gathered(&batches, &sorted_rows(&batches), writer)
}
