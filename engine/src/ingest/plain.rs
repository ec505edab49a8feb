//! Tables without positions: one Parquet file, rows as they come.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use arrow::datatypes::DataType;
use rayon::prelude::*;

use super::columns::ColumnPlan;
use super::failure::{bad_input, failed};
use super::import::ImportOptions;
use super::leaf::LeafFile;
use super::progress::ImportProgress;
use super::reading::{CHUNKS_PER_THREAD, next_chunks};
use super::rejects::RejectFile;
use super::settings::unsorted_properties;
use super::sources::Source;
use crate::error::EngineError;
use crate::tables::{ReadOptions, TableBatch, open_table};

/// Writes the rows of all sources into one file.
pub(super) struct PlainWriter<'a> {
    pub(super) plan: &'a ColumnPlan,
    pub(super) options: &'a ImportOptions,
    pub(super) rejects: RejectFile,
    pub(super) progress: &'a ImportProgress,
    /// Rows written.
    pub(super) rows: u64,
}

impl PlainWriter<'_> {
    /// Writes the file, in place of an unfinished one; tells which guessed types were too narrow.
    ///
    /// *Errors*: a source cannot be read, too many rows are rejected, the file cannot be written.
    pub(super) fn write(
        &mut self,
        sources: &[Source],
        read: &ReadOptions,
        path: &Path,
    ) -> Result<Option<BTreeMap<String, DataType>>, EngineError> {
        let schema = Arc::clone(&self.plan.schema);
        let settings = unsorted_properties(&schema, self.options.write.codec)
            .map_err(|error| bad_input(format!("the columns cannot be written as Parquet: {error}")))?;
        // An unfinished one of an interrupted import.
        let _ = std::fs::remove_file(path);
        let mut file = LeafFile::create(path, &schema, &settings).map_err(failed(path, "begin it"))?;
        let count = CHUNKS_PER_THREAD * rayon::current_num_threads();
        for source in sources {
            let mut reader = open_table(source.open()?, read)?;
            loop {
                let chunks = next_chunks(reader.as_mut(), count)?;
                if chunks.is_empty() {
                    break;
                }
                let plan = self.plan;
                let decoded: Vec<TableBatch> = chunks
                    .into_par_iter()
                    .map(|chunk| match chunk.decode()? {
                        narrow if !narrow.widen.is_empty() => Ok(narrow),
                        batch => plan.apply(batch),
                    })
                    .collect::<Result<_, EngineError>>()?;
                for batch in decoded {
                    if !batch.widen.is_empty() {
                        return Ok(Some(batch.widen));
                    }
                    let rejects = self.rejects.add(&source.name(), &batch.rejects);
                    rejects.map_err(failed(path, "write rejected rows"))?;
                    file.write(&batch.rows).map_err(failed(path, "write it"))?;
                    self.rows += batch.rows.num_rows() as u64;
                    self.progress.rows.store(self.rows, Ordering::Relaxed);
                }
                self.rejects.check(self.rows + self.rejects.count, self.options.max_rejects, false)?;
            }
        }
        self.rejects.check(self.rows + self.rejects.count, self.options.max_rejects, true)?;
        file.finish().map_err(failed(path, "finish it"))?;
        Ok(None)
    }
}
