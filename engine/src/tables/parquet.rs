//! The rows of a Parquet file.
//!
//! Chunks are parts of row groups, decoded on their own. A stream is copied to a nameless file first.

use std::fs::File;
use std::io::{BufReader, Read};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use arrow::datatypes::{DataType, FieldRef, Schema, SchemaRef};
use bytes::Bytes;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder, RowSelection, RowSelector,
};
use parquet::errors::ParquetError;
use parquet::file::reader::{ChunkReader, Length};

use super::input::{ReadAt, Unpacked};
use super::{Chunk, Guard, TableBatch, TableReader, bad_table, parquet_pages};
use crate::error::EngineError;

/// Rows of a chunk.
const CHUNK_ROWS: usize = 1 << 17;
/// Bytes of a chunk of a file from strangers.
const CHUNK_BYTES: u64 = 16 << 20;

/// Reads a Parquet file.
pub(super) struct ParquetTable {
    source: Arc<Source>,
    guard: Option<Guard>,
    row_group: usize,
    done: usize,
    row: u64,
    /// Rows of a chunk of this row group.
    chunk_rows: usize,
    /// Bytes of the pages so far, unpacked.
    walked: u64,
}

struct Source {
    name: String,
    file: SharedFile,
    metadata: ArrowReaderMetadata,
}

impl ParquetTable {
    /// Reads the footer.
    pub(super) fn open(unpacked: Unpacked) -> Result<Self, EngineError> {
        let (name, guard) = (unpacked.name.clone(), unpacked.guard.clone());
        let file = SharedFile(Arc::new(unpacked.into_file()?));
        let bad = |why: &dyn std::fmt::Display| bad_table(&name, format!("it cannot be read as Parquet: {why}"));
        if guard.is_some() {
            parquet_pages::check_footer(&file.0).map_err(|why| bad(&why))?;
        }
        let load = || {
            let metadata = ArrowReaderMetadata::load(&file, ArrowReaderOptions::new())?;
            match guard {
                None => Ok(metadata),
                // A view takes as much room however often it is repeated.
                Some(_) => {
                    let fields: Vec<FieldRef> = metadata.schema().fields().iter().map(viewed).collect();
                    let schema = Schema::new_with_metadata(fields, metadata.schema().metadata().clone());
                    let options = ArrowReaderOptions::new().with_schema(Arc::new(schema));
                    ArrowReaderMetadata::try_new(Arc::clone(metadata.metadata()), options)
                }
            }
        };
        let metadata = caught(load).map_err(|why| bad(&why))?;
        let source = Arc::new(Source { name, file, metadata });
        Ok(Self { source, guard, row_group: 0, done: 0, row: 1, chunk_rows: CHUNK_ROWS, walked: 0 })
    }

    /// Looks at the pages of the next row group.
    fn enter(&mut self) -> Result<(), EngineError> {
        let Some(guard) = &self.guard else { return Ok(()) };
        let (metadata, file) = (self.source.metadata.metadata(), &self.source.file.0);
        let rows = u64::try_from(metadata.row_group(self.row_group).num_rows()).unwrap_or(0);
        guard.check_rows((self.row - 1).saturating_add(rows))?;
        let size = parquet_pages::check_group(file, metadata, self.row_group);
        let size = size.map_err(|why| bad_table(&self.source.name, why))?;
        self.walked = self.walked.saturating_add(size.bytes);
        parquet_pages::count(guard, self.walked, file)?;
        let row_bytes = (size.bytes + 16 * size.values) / rows.max(1);
        self.chunk_rows = usize::try_from(CHUNK_BYTES / row_bytes.max(1)).unwrap_or(1).clamp(1, CHUNK_ROWS);
        Ok(())
    }
}

/// A field whose texts, also those within, are views.
fn viewed(field: &FieldRef) -> FieldRef {
    let kind = match field.data_type() {
        DataType::Utf8 | DataType::LargeUtf8 => DataType::Utf8View,
        DataType::Binary | DataType::LargeBinary => DataType::BinaryView,
        DataType::Dictionary(_, values) => {
            let values = Arc::new(field.as_ref().clone().with_data_type(values.as_ref().clone()));
            return viewed(&values);
        }
        DataType::List(item) => DataType::List(viewed(item)),
        DataType::LargeList(item) => DataType::LargeList(viewed(item)),
        DataType::FixedSizeList(item, count) => DataType::FixedSizeList(viewed(item), *count),
        DataType::Struct(fields) => DataType::Struct(fields.iter().map(viewed).collect()),
        _ => return Arc::clone(field),
    };
    Arc::new(field.as_ref().clone().with_data_type(kind))
}

/// What a decoder gives; one that panics has met bytes that it did not expect.
fn caught<T>(decode: impl FnOnce() -> Result<T, ParquetError>) -> Result<T, ParquetError> {
    match catch_unwind(AssertUnwindSafe(decode)) {
        Ok(decoded) => decoded,
        Err(_) => Err(ParquetError::General("its bytes are damaged".to_owned())),
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
        if self.done == 0 {
            self.enter()?;
        }
        let (number, skipped, taken) = (self.row_group, self.done, self.chunk_rows.min(rows - self.done));
        self.done += taken;
        if self.done == rows {
            (self.row_group, self.done) = (number + 1, 0);
        }
        let (source, first) = (Arc::clone(&self.source), self.row);
        self.row += taken as u64;
        Ok(Some(Chunk::new(move || {
            let rows = caught(|| source.rows(number, skipped, taken));
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
        let found: usize = batches.iter().map(RecordBatch::num_rows).sum();
        if found != taken {
            return Err(ParquetError::General(format!("it has {found} rows where its footer says {taken}")));
        }
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
