//! How do some columns of Parquet files become a file of their own, without a look at their values?
//!
//! Column chunks are copied as they are; the schema, also Arrow's, is restricted to the columns, and the footer is written anew.
//! Row groups of several files follow each other. Neither page indexes nor filters of blocks come along: whoever asks for these
//! columns reads them whole.

use std::io::{self, Read, Write};
use std::sync::Arc;

use arrow::datatypes::{Field, Schema};
use bytes::{Buf, Bytes};
use futures::{StreamExt, TryStreamExt};
use parquet::arrow::{add_encoded_arrow_schema_to_metadata, parquet_to_arrow_schema};
use parquet::column::writer::ColumnCloseResult;
use parquet::errors::ParquetError;
use parquet::file::metadata::{ColumnChunkMetaData, KeyValue, ParquetMetaData};
use parquet::file::properties::WriterProperties;
use parquet::file::reader::{ChunkReader, Length};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::{Type, TypePtr};
use sidereus_engine::{CatalogFile, EngineError};
use tokio::sync::mpsc;

use super::HatsError;
use crate::storage::{ObjectWriter, StorageError, Written};

/// Chunks that are read at the same time, and that wait to be written.
const AHEAD: usize = 4;
/// The key of Arrow's schema.
const ARROW: &str = "ARROW:schema";
/// What pandas says of all columns, which is wrong for some of them.
const PANDAS: &str = "pandas";
/// A note that the reader of schemas adds.
const FIELD_ID: &str = "PARQUET:field_id";

/// A file and its footer.
#[derive(Debug)]
pub(super) struct Source {
    /// The file.
    pub(super) file: CatalogFile,
    /// Its footer.
    pub(super) footer: Arc<ParquetMetaData>,
}

impl Source {
    /// Reads the footer of a file.
    ///
    /// *Errors*: those of the engine.
    pub(super) async fn open(file: CatalogFile) -> Result<Self, EngineError> {
        let footer = Arc::new(file.footer().await?);
        Ok(Self { file, footer })
    }

    /// The columns as the file declares them.
    ///
    /// *Errors*: a type that Arrow has no word for.
    pub(super) fn schema(&self) -> Result<Schema, ParquetError> {
        let file = self.footer.file_metadata();
        parquet_to_arrow_schema(file.schema_descr(), file.key_value_metadata())
    }
}

/// Writes some columns, by their places, of files of the same columns.
///
/// *Errors*: files that differ, or that cannot be read; the account or the disk.
pub(super) async fn copy(sources: &[Source], columns: &[usize], out: ObjectWriter) -> Result<Written, HatsError> {
    let Some(first) = sources.first() else { return Err(HatsError::absent("this partition has no files")) };
    let plan = Plan::new(first, columns)?;
    let mut groups = Vec::new();
    for source in sources {
        if plan.root(source, columns)? != plan.root {
            return Err(HatsError::broken("the files of this partition have different columns"));
        }
        groups.extend(plan.groups(source, columns)?);
    }
    let chunks: Vec<_> = sources.iter().flat_map(|source| plan.ranges(source, columns)).collect();
    let (sender, receiver) = mpsc::channel(AHEAD);
    let writing = tokio::task::spawn_blocking(move || plan.write(groups, receiver, out));
    let mut reading = futures::stream::iter(chunks)
        .map(|(file, range)| async move { file.read(range?).await.map_err(HatsError::from) })
        .buffered(AHEAD);
    while let Some(chunk) = reading.try_next().await? {
        // Whoever does not take it any more tells why below.
        if sender.send(chunk).await.is_err() {
            break;
        }
    }
    drop(sender);
    writing.await.map_err(|error| HatsError::Storage(io::Error::other(error.to_string()).into()))?
}

type Range = std::ops::Range<u64>;

/// The file to be.
struct Plan {
    root: TypePtr,
    properties: WriterProperties,
}

/// A row group to be: rows, and what is known of each chunk.
type Group = (u64, Vec<ColumnChunkMetaData>);

impl Plan {
    fn new(source: &Source, columns: &[usize]) -> Result<Self, HatsError> {
        let file = source.footer.file_metadata();
        let is_whole = columns.len() == file.schema_descr().root_schema().get_fields().len();
        let stays = |pair: &&KeyValue| pair.key != ARROW && (pair.key != PANDAS || is_whole);
        let pairs = file.key_value_metadata();
        let kept: Vec<KeyValue> = pairs.into_iter().flatten().filter(stays).cloned().collect();
        let mut properties = WriterProperties::builder().set_key_value_metadata(Some(kept)).build();
        if pairs.into_iter().flatten().any(|pair| pair.key == ARROW) {
            let schema = source.schema()?;
            let fields = columns.iter().filter_map(|column| schema.fields().get(*column)).map(|field| {
                let mut field: Field = field.as_ref().clone();
                field.metadata_mut().remove(FIELD_ID);
                field
            });
            let schema = Schema::new_with_metadata(fields.collect::<Vec<_>>(), schema.metadata().clone());
            add_encoded_arrow_schema_to_metadata(&schema, &mut properties);
        }
        let root = TypePtr::new(Type::group_type_builder("schema").build()?);
        let plan = Self { root, properties };
        Ok(Self { root: plan.root(source, columns)?, ..plan })
    }

    fn root(&self, source: &Source, columns: &[usize]) -> Result<TypePtr, HatsError> {
        let root = source.footer.file_metadata().schema_descr().root_schema();
        let fields = columns.iter().filter_map(|column| root.get_fields().get(*column)).cloned().collect();
        Ok(TypePtr::new(Type::group_type_builder(root.name()).with_fields(fields).build()?))
    }

    /// The chunks of a file in the order in which they are written, row group by row group.
    fn chunks<'a>(
        &self,
        source: &'a Source,
        columns: &'a [usize],
    ) -> impl Iterator<Item = Vec<&'a ColumnChunkMetaData>> {
        let schema = source.footer.file_metadata().schema_descr();
        let leaves =
            |column: usize| (0..schema.num_columns()).filter(move |leaf| schema.get_column_root_idx(*leaf) == column);
        let leaves: Vec<usize> = columns.iter().flat_map(|column| leaves(*column)).collect();
        let groups = source.footer.row_groups().iter();
        groups.map(move |group| leaves.iter().filter_map(|leaf| group.columns().get(*leaf)).collect())
    }

    fn groups(&self, source: &Source, columns: &[usize]) -> Result<Vec<Group>, HatsError> {
        let rows = source.footer.row_groups().iter().map(|group| u64::try_from(group.num_rows()));
        let rows: Vec<u64> =
            rows.collect::<Result<_, _>>().map_err(|_| HatsError::broken("a row group has fewer rows than none"))?;
        Ok(rows
            .into_iter()
            .zip(self.chunks(source, columns).map(|chunks| chunks.into_iter().cloned().collect()))
            .collect())
    }

    fn ranges(&self, source: &Source, columns: &[usize]) -> Vec<(CatalogFile, Result<Range, HatsError>)> {
        let ranges =
            self.chunks(source, columns).flatten().map(|chunk| (source.file.clone(), range(chunk, source.file.size())));
        ranges.collect()
    }

    /// Writes what comes.
    fn write(
        self,
        groups: Vec<Group>,
        mut chunks: mpsc::Receiver<Bytes>,
        out: ObjectWriter,
    ) -> Result<Written, HatsError> {
        let sink = Sink { out: Some(out), failed: None };
        let mut writer = SerializedFileWriter::new(sink, self.root, Arc::new(self.properties))?;
        let written = append(&mut writer, groups, &mut chunks).and_then(|()| Ok(writer.finish().map(drop)?));
        if let Some(error) = writer.inner_mut().failed.take() {
            return Err(error.into());
        }
        written?;
        let whole = writer.inner_mut().out.take();
        Ok(whole.ok_or_else(|| HatsError::broken("a file was finished twice"))?.finish()?)
    }
}

fn append(
    writer: &mut SerializedFileWriter<Sink>,
    groups: Vec<Group>,
    chunks: &mut mpsc::Receiver<Bytes>,
) -> Result<(), HatsError> {
    for (rows, columns) in groups {
        let mut group = writer.next_row_group()?;
        for metadata in columns {
            let bytes = chunks.blocking_recv().ok_or_else(|| HatsError::broken("the file was not read to its end"))?;
            let start = first_byte(&metadata);
            let close = ColumnCloseResult {
                bytes_written: bytes.len() as u64,
                rows_written: rows,
                metadata,
                bloom_filter: None,
                column_index: None,
                offset_index: None,
            };
            group.append_column(&Chunk { start, bytes }, close)?;
        }
        group.close()?;
    }
    Ok(())
}

/// Where the bytes of a chunk begin.
fn first_byte(chunk: &ColumnChunkMetaData) -> i64 {
    chunk.dictionary_page_offset().unwrap_or_else(|| chunk.data_page_offset())
}

/// Where the bytes of a chunk lie.
///
/// *Errors*: a footer that names bytes beyond the file.
fn range(chunk: &ColumnChunkMetaData, size: u64) -> Result<Range, HatsError> {
    let (start, length) = (u64::try_from(first_byte(chunk)), u64::try_from(chunk.compressed_size()));
    let range = start.ok().zip(length.ok()).and_then(|(start, length)| Some(start..start.checked_add(length)?));
    range
        .filter(|range| range.end <= size)
        .ok_or_else(|| HatsError::broken("a footer names bytes beyond the end of its file"))
}

/// The bytes of one chunk, by their places in its file.
struct Chunk {
    start: i64,
    bytes: Bytes,
}

impl Length for Chunk {
    fn len(&self) -> u64 {
        self.start.unsigned_abs() + self.bytes.len() as u64
    }
}

impl ChunkReader for Chunk {
    type T = Box<dyn Read>;

    fn get_read(&self, start: u64) -> Result<Self::T, ParquetError> {
        let skipped = usize::try_from(start.saturating_sub(self.start.unsigned_abs())).unwrap_or(usize::MAX);
        Ok(Box::new(self.bytes.slice(skipped.min(self.bytes.len())..).reader()))
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes, ParquetError> {
        let skipped = usize::try_from(start.saturating_sub(self.start.unsigned_abs())).unwrap_or(usize::MAX);
        let end = skipped.saturating_add(length);
        if end > self.bytes.len() {
            return Err(ParquetError::EOF("bytes beyond a chunk".to_owned()));
        }
        Ok(self.bytes.slice(skipped..end))
    }
}

/// A file on an account as the writer of Parquet sees it.
struct Sink {
    /// Taken at the end.
    out: Option<ObjectWriter>,
    /// Why it took no more.
    failed: Option<StorageError>,
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let out = self.out.as_mut().ok_or_else(|| io::Error::other("bytes after the end of a file"))?;
        match out.write(bytes) {
            Ok(()) => Ok(bytes.len()),
            Err(error) => {
                let message = error.to_string();
                self.failed = Some(error);
                Err(io::Error::other(message))
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
