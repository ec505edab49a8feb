//! The rows of a Parquet file.
//!
//! Chunks are parts of row groups, decoded on their own. A stream is copied to a nameless file first.

use std::fs::File;
use std::io::{BufReader, Read};
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use arrow::datatypes::SchemaRef;
use bytes::Bytes;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder, RowSelection, RowSelector,
};
use parquet::errors::ParquetError;
use parquet::file::reader::{ChunkReader, Length};

use super::input::{ReadAt, Unpacked};
use super::{Chunk, TableBatch, TableReader, bad_table};
use crate::error::EngineError;

/// Rows of a chunk.
const CHUNK_ROWS: usize = 1 << 17;

/// Reads a Parquet file.
pub(super) struct ParquetTable {
    source: Arc<Source>,
    row_group: usize,
    done: usize,
    row: u64,
}

struct Source {
    name: String,
    file: SharedFile,
    metadata: ArrowReaderMetadata,
}

impl ParquetTable {
    /// Reads the footer.
    pub(super) fn open(unpacked: Unpacked) -> Result<Self, EngineError> {
        let name = unpacked.name.clone();
        let file = SharedFile(Arc::new(unpacked.into_file()?));
        let metadata = ArrowReaderMetadata::load(&file, ArrowReaderOptions::new());
        let metadata = metadata.map_err(|error| bad_table(&name, format!("it cannot be read as Parquet: {error}")))?;
        Ok(Self { source: Arc::new(Source { name, file, metadata }), row_group: 0, done: 0, row: 1 })
    }
}

impl TableReader for ParquetTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(self.source.metadata.schema())
    }

    fn next_chunk(&mut self) -> Result<Option<Chunk>, EngineError> {
        let groups = self.source.metadata.metadata().row_groups();
        let Some(group) = groups.get(self.row_group) else { return Ok(None) };
        let rows = usize::try_from(group.num_rows()).unwrap_or(0);
        let (number, skipped, taken) = (self.row_group, self.done, CHUNK_ROWS.min(rows - self.done));
        self.done += taken;
        if self.done == rows {
            (self.row_group, self.done) = (number + 1, 0);
        }
        let (source, first) = (Arc::clone(&self.source), self.row);
        self.row += taken as u64;
        Ok(Some(Chunk::new(move || {
            let rows = source.rows(number, skipped, taken);
            let rows = rows.map_err(|error| bad_table(&source.name, format!("row {first} or behind: {error}")))?;
            Ok(TableBatch::of_rows(rows, first))
        })))
    }
}

impl Source {
    fn rows(&self, row_group: usize, skipped: usize, taken: usize) -> Result<RecordBatch, ParquetError> {
        let selection = RowSelection::from(vec![RowSelector::skip(skipped), RowSelector::select(taken)]);
        let reader = ParquetRecordBatchReaderBuilder::new_with_metadata(self.file.clone(), self.metadata.clone())
            .with_row_groups(vec![row_group])
            .with_row_selection(selection)
            .with_batch_size(CHUNK_ROWS)
            .build()?;
        let batches: Vec<RecordBatch> = reader.collect::<Result<_, _>>()?;
        Ok(concat_batches(self.metadata.schema(), &batches)?)
    }
}

/// A file that many threads read at once, each at its place.
#[derive(Clone)]
struct SharedFile(Arc<File>);

impl SharedFile {
    fn at(&self, at: u64) -> ReadAt {
        ReadAt { file: Arc::clone(&self.0), at }
    }
}

impl Length for SharedFile {
    fn len(&self) -> u64 {
        self.0.metadata().map_or(0, |metadata| metadata.len())
    }
}

impl ChunkReader for SharedFile {
    type T = BufReader<ReadAt>;

    fn get_read(&self, start: u64) -> Result<Self::T, ParquetError> {
        Ok(BufReader::new(self.at(start)))
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes, ParquetError> {
        let mut bytes = Vec::new();
        self.at(start).take(length as u64).read_to_end(&mut bytes)?;
        if bytes.len() < length {
            return Err(ParquetError::EOF(format!("{length} bytes expected, {} found", bytes.len())));
        }
        Ok(bytes.into())
    }
}
