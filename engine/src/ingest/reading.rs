//! How do sources become sorted rows within bounded memory?
//!
//! ```text
//!  source -> chunks -> [decode, choose columns, key] -> rows in memory -> (when they are too many) a run on disk
//!            one        all threads, in order
//! ```

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use arrow::array::{Array, BooleanArray, RecordBatch};
use arrow::compute::filter_record_batch;
use arrow::datatypes::{DataType, SchemaRef};
use arrow::util::display::array_value_to_string;
use rayon::prelude::*;

use super::columns::ColumnPlan;
use super::failure::{bad_input, failed};
use super::import::ImportOptions;
use super::journal::{Journal, RunEntry};
use super::keys::key_batch;
use super::progress::ImportProgress;
use super::rejects::RejectFile;
use super::runs::Run;
use super::sort::RowAddress;
use super::sorted::SortedRows;
use super::sources::Source;
use crate::error::EngineError;
use crate::tables::{Chunk, ReadOptions, Reject, TableBatch, TableReader, open_table};

/// Chunks that are decoded at a time, for each thread.
pub(super) const CHUNKS_PER_THREAD: usize = 4;

/// What reading all sources came to.
pub(super) enum ReadOutcome {
    /// All rows.
    Rows(SortedRows),
    /// Guessed types were too narrow; these will do, and all is to be read again.
    Widen(BTreeMap<String, DataType>),
}

/// Reads the sources of one import.
pub(super) struct Reading<'a> {
    pub(super) sources: &'a [Source],
    pub(super) options: &'a ImportOptions,
    pub(super) read: ReadOptions,
    pub(super) plan: &'a ColumnPlan,
    pub(super) schema: SchemaRef,
    pub(super) progress: &'a ImportProgress,
    pub(super) journal: &'a mut Journal,
    pub(super) rejects: &'a mut RejectFile,
    /// Where to go on, and what has been read.
    pub(super) state: RunEntry,
    /// Runs on disk.
    pub(super) runs: Vec<Run>,
    /// Rows in memory, and about how many bytes.
    pub(super) held: (Vec<RecordBatch>, usize),
}

/// A decoded chunk of keyed rows.
struct Keyed {
    batch: RecordBatch,
    rekeyed: u64,
    rejects: Vec<Reject>,
    widen: BTreeMap<String, DataType>,
}

impl Reading<'_> {
    /// Reads from where the state says to the end of the last source.
    pub(super) fn run(mut self, rekeyed: &mut u64) -> Result<ReadOutcome, EngineError> {
        let (first, chunks) = (self.state.source, self.state.chunk);
        for (number, source) in self.sources.iter().enumerate().skip(first) {
            let mut reader = open_table(source.open()?, &self.read)?;
            if number == first {
                for _ in 0..chunks {
                    reader.next_chunk()?;
                }
            }
            if let Some(widen) = self.read_source(&source.name(), reader.as_mut())? {
                return Ok(ReadOutcome::Widen(widen));
            }
            self.state.source = number + 1;
            self.state.chunk = 0;
        }
        self.rejects.check(self.state.read, self.options.max_rejects, true)?;
        *rekeyed = self.state.rekeyed;
        if self.runs.is_empty() {
            return Ok(ReadOutcome::Rows(SortedRows::in_memory(self.held.0)));
        }
        self.spill()?;
        Ok(ReadOutcome::Rows(SortedRows::Runs(self.runs)))
    }

    fn read_source(
        &mut self,
        name: &str,
        reader: &mut dyn TableReader,
    ) -> Result<Option<BTreeMap<String, DataType>>, EngineError> {
        let count = CHUNKS_PER_THREAD * rayon::current_num_threads();
        let mut chunks = next_chunks(reader, count)?;
        while !chunks.is_empty() {
            let taken = chunks.len();
            let (plan, schema) = (self.plan, &self.schema);
            let decode = || -> Result<Vec<Keyed>, EngineError> {
                chunks.into_par_iter().map(|chunk| keyed(chunk.decode()?, plan, schema)).collect()
            };
            let (decoded, following) = rayon::join(decode, || next_chunks(reader, count));
            for part in decoded? {
                if !part.widen.is_empty() {
                    return Ok(Some(part.widen));
                }
                self.take(name, part)?;
            }
            chunks = following?;
            self.state.chunk += taken;
            self.rejects.check(self.state.read, self.options.max_rejects, false)?;
            if self.held.1 > self.options.memory {
                self.spill()?;
            }
        }
        Ok(None)
    }

    fn take(&mut self, name: &str, part: Keyed) -> Result<(), EngineError> {
        let rows = part.batch.num_rows();
        self.rejects.add(name, &part.rejects).map_err(failed(&self.journal.path("rejects"), "write rejected rows"))?;
        self.state.read += (rows + part.rejects.len()) as u64;
        self.state.rekeyed += part.rekeyed;
        self.held.1 += part.batch.get_array_memory_size() + rows * size_of::<RowAddress>();
        self.progress.rows.fetch_add(rows as u64, Ordering::Relaxed);
        self.progress.rejects.store(self.rejects.count, Ordering::Relaxed);
        if rows > 0 {
            self.held.0.push(part.batch);
        }
        Ok(())
    }

    fn spill(&mut self) -> Result<(), EngineError> {
        if self.held.0.is_empty() {
            return Ok(());
        }
        let path = self.journal.path(&format!("run-{}", self.runs.len()));
        let failed = |doing| failed(&path, doing);
        Run::write(&self.held.0, &path).map_err(failed("write sorted rows"))?;
        self.held = (Vec::new(), 0);
        self.state.reject_bytes = self.rejects.sync().map_err(failed("write rejected rows"))?;
        self.state.rejects = self.rejects.count;
        self.journal.add_run(&self.state).map_err(failed("write the journal"))?;
        self.runs.push(Run::open(&path).map_err(failed("read sorted rows"))?);
        Ok(())
    }
}

/// At most so many chunks.
pub(super) fn next_chunks(reader: &mut dyn TableReader, count: usize) -> Result<Vec<Chunk>, EngineError> {
    let mut chunks = Vec::with_capacity(count);
    while chunks.len() < count
        && let Some(chunk) = reader.next_chunk()?
    {
        chunks.push(chunk);
    }
    Ok(chunks)
}

/// Columns of the catalog with keys; rows without a place on the sky join the rejects.
fn keyed(batch: TableBatch, plan: &ColumnPlan, schema: &SchemaRef) -> Result<Keyed, EngineError> {
    if !batch.widen.is_empty() {
        let batch_of_none = RecordBatch::new_empty(Arc::clone(schema));
        return Ok(Keyed { batch: batch_of_none, rekeyed: 0, rejects: Vec::new(), widen: batch.widen });
    }
    let TableBatch { rows, places, mut rejects, widen } = plan.apply(batch)?;
    let keyed = key_batch(&rows, &plan.positions, schema)?;
    if keyed.bad.is_empty() {
        return Ok(Keyed { batch: keyed.batch, rekeyed: keyed.rekeyed, rejects, widen });
    }
    let mut kept = vec![true; rows.num_rows()];
    for row in keyed.bad {
        kept[row] = false;
        let show = |name: &str| {
            let column = rows.column_by_name(name).filter(|column| column.is_valid(row));
            column.and_then(|column| array_value_to_string(column, row).ok()).unwrap_or_else(|| "null".to_owned())
        };
        let (ra, dec) = (&plan.positions.ra, &plan.positions.dec);
        rejects.push(Reject {
            place: places.of(row),
            column: format!("{ra} {dec}"),
            reason: "no place on the sky, expected degrees".to_owned(),
            text: format!("{} {}", show(ra), show(dec)),
        });
    }
    rejects.sort_by_key(|reject| reject.place);
    let batch = filter_record_batch(&keyed.batch, &BooleanArray::from(kept));
    let batch = batch.map_err(|error| bad_input(format!("rows cannot be left out: {error}")))?;
    Ok(Keyed { batch, rekeyed: keyed.rekeyed, rejects, widen })
}
