//! From the chunks of a table file to one Parquet file.
//!
//! ```text
//!  chunks read ahead  |  chunks decoded        |  rows written
//!  one thread         |  all threads           |  one thread, while the next are decoded
//! ```
//! Values are stored plain: the file is read a few times and thrown away.

use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use parquet::arrow::ArrowWriter;
use parquet::errors::ParquetError;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use rayon::prelude::*;
use tempfile::{NamedTempFile, TempPath};

use super::UploadOptions;
use super::columns::{converted, stored};
use super::slices::slices;
use crate::catalog::UPLOADS;
use crate::error::{DISK_FULL, EngineError, ErrorKind, is_disk_full};
use crate::integrity::NanCounts;
use crate::tables::{Chunk, Guard, ReadOptions, TableBatch, TableFormat, TableInput, TableReader, open_guarded};

/// Chunks that are decoded at a time.
const CHUNKS: usize = 4;
/// Bytes that they may take together, unless one is larger.
const CHUNK_BYTES: usize = 32 << 20;
/// Rows of a row group, and of a page.
const GROUP_ROWS: usize = 1 << 18;
const PAGE_ROWS: usize = 1 << 13;
/// Bytes of a row group that is being written.
const GROUP_BYTES: usize = 32 << 20;
/// Characters of a message.
const LONGEST_MESSAGE: usize = 2000;
/// Times that a text file is read because a guessed type was too narrow.
const MOST_ATTEMPTS: usize = 4;

/// Reads a table and writes it to a file that appears when it is complete.
pub(super) fn store(name: &str, input: TableInput, path: &Path, options: &UploadOptions) -> Result<(), EngineError> {
    let title = format!("{UPLOADS}.{name}");
    let otherwise = options.format.or_else(|| TableFormat::of_name(&input.name())).filter(|it| *it != TableFormat::Cds);
    let folder = path.parent().unwrap_or_else(|| Path::new("."));
    let guard = Guard::new(options.limits, Arc::clone(&options.bytes_read));
    let (input, _copy) = on_disk(input, folder, &guard).map_err(|error| failed(&title, &guard, "copied", &error))?;
    let work = Work { title, input, guard, options, folder };
    let mut read = ReadOptions { otherwise, bytes_read: Arc::clone(&options.bytes_read), ..ReadOptions::default() };
    for _ in 0..MOST_ATTEMPTS {
        options.bytes_read.store(0, Ordering::Relaxed);
        match work.attempt(&read).map_err(|error| work.named(error))? {
            Attempt::Stored(file) => {
                let persisted = file.persist(path);
                persisted.map_err(|error| failed(&work.title, &work.guard, "stored", &error.error))?;
                return Ok(());
            }
            Attempt::Widen(types) => read.widened.extend(types),
        }
    }
    Err(work.bad("the types of its columns cannot be told from its rows"))
}

enum Attempt {
    Stored(NamedTempFile),
    Widen(std::collections::BTreeMap<String, arrow::datatypes::DataType>),
}

struct Work<'a> {
    title: String,
    input: std::path::PathBuf,
    guard: Guard,
    options: &'a UploadOptions,
    folder: &'a Path,
}

impl Work<'_> {
    fn attempt(&self, read: &ReadOptions) -> Result<Attempt, EngineError> {
        let input = TableInput::Spooled { name: self.title.clone(), path: self.input.clone() };
        let file_bytes = std::fs::metadata(&self.input).map_or(0, |metadata| metadata.len());
        let mut reader = open_guarded(input, read, &self.guard)?;
        let schema = stored(&reader.schema(), |why| self.bad(&why))?;
        self.guard.check_columns(schema.fields().len())?;
        let file = NamedTempFile::new_in(self.folder);
        let file = file.map_err(|error| failed(&self.title, &self.guard, "stored", &error))?;
        let mut output = Output::new(file, schema, file_bytes).map_err(|error| self.unwritable(&error))?;
        let mut decoded: Vec<TableBatch> = Vec::new();
        let mut chunks = next_chunks(reader.as_mut())?;
        while !chunks.is_empty() || !decoded.is_empty() {
            if self.options.cancelled.load(Ordering::Relaxed) {
                return Err(EngineError::request(ErrorKind::Unavailable, "the upload was given up"));
            }
            let (raw, done) = (std::mem::take(&mut chunks), std::mem::take(&mut decoded));
            let is_small = raw.len() < 2;
            let decode = || raw.into_par_iter().map(Chunk::decode).collect::<Result<Vec<_>, _>>();
            let write = || -> Result<Vec<Chunk>, EngineError> {
                done.into_iter().try_for_each(|batch| output.write(&batch.rows, self))?;
                next_chunks(reader.as_mut())
            };
            let (next, following) = if is_small { (decode(), write()) } else { rayon::join(decode, write) };
            for batch in next? {
                if !batch.widen.is_empty() {
                    return Ok(Attempt::Widen(batch.widen));
                }
                self.check_rejects(&batch)?;
                decoded.push(batch);
            }
            chunks = following?;
        }
        let file = output.finish(self.options.durable).map_err(|error| self.unwritable(&error))?;
        Ok(Attempt::Stored(file))
    }

    /// Unlike an import, which tells people of rows that it leaves out, an upload is whole or refused.
    fn check_rejects(&self, batch: &TableBatch) -> Result<(), EngineError> {
        let Some(reject) = batch.rejects.first() else { return Ok(()) };
        let column = if reject.column.is_empty() { String::new() } else { format!(", column {:?}", reject.column) };
        let (place, reason, text) = (reject.place, &reject.reason, &reject.text);
        Err(self.bad(&format!("line or row {place}{column}: {reason}, found {text:?}")))
    }

    fn bad(&self, why: &str) -> EngineError {
        EngineError::request(ErrorKind::BadQuery, format!("{}: {why}", self.title))
    }

    fn unwritable(&self, error: &ParquetError) -> EngineError {
        if is_disk_full(error) {
            return EngineError::request(ErrorKind::Unavailable, format!("{}: {DISK_FULL}", self.title));
        }
        self.bad(&format!("it cannot be stored: {error}"))
    }

    /// The error of a reader, or the limit that made it fail.
    fn named(&self, error: EngineError) -> EngineError {
        match self.guard.exceeded() {
            Some(limit) => EngineError::request(ErrorKind::LimitExceeded, format!("{}: {limit}", self.title)),
            None => shortened(error),
        }
    }
}

/// Messages repeat what is in the file: names of any length.
fn shortened(error: EngineError) -> EngineError {
    let text = error.to_string();
    match text.char_indices().nth(LONGEST_MESSAGE) {
        Some((end, _)) => EngineError::request(error.kind(), format!("{}...", &text[..end])),
        None => error,
    }
}

/// The file of an input; what comes as a stream is copied to one that is gone when the copy is dropped.
fn on_disk(input: TableInput, folder: &Path, guard: &Guard) -> io::Result<(std::path::PathBuf, Option<TempPath>)> {
    let mut bytes = match input {
        TableInput::File(path) | TableInput::Spooled { path, .. } => return Ok((path, None)),
        TableInput::Stream { bytes, .. } => bytes,
    };
    let mut copy = NamedTempFile::new_in(folder)?;
    let most = guard.limits().bytes;
    let copied = io::copy(&mut io::Read::take(&mut bytes, most.saturating_add(1)), copy.as_file_mut())?;
    if copied > most {
        return Err(io::Error::other(
            guard.too_large(format!("it has more than {most} bytes, the limit of an upload")),
        ));
    }
    let path = copy.into_temp_path();
    Ok((path.to_path_buf(), Some(path)))
}

fn failed(title: &str, guard: &Guard, what: &str, error: &io::Error) -> EngineError {
    match guard.exceeded() {
        Some(limit) => EngineError::request(ErrorKind::LimitExceeded, format!("{title}: {limit}")),
        None if is_disk_full(error) => EngineError::request(ErrorKind::Unavailable, format!("{title}: {DISK_FULL}")),
        None => EngineError::request(ErrorKind::Unavailable, format!("{title}: it cannot be {what}: {error}")),
    }
}

fn next_chunks(reader: &mut dyn TableReader) -> Result<Vec<Chunk>, EngineError> {
    let mut chunks = Vec::with_capacity(CHUNKS);
    let mut bytes = 0;
    while chunks.len() < CHUNKS
        && bytes < CHUNK_BYTES
        && let Some(chunk) = reader.next_chunk()?
    {
        bytes += chunk.bytes();
        chunks.push(chunk);
    }
    Ok(chunks)
}

/// The file that is being written.
struct Output {
    writer: ArrowWriter<NamedTempFile>,
    schema: SchemaRef,
    nans: NanCounts,
    /// Bytes of the table's file.
    file_bytes: u64,
    rows: u64,
    value_bytes: u64,
    group: usize,
    group_rows: usize,
}

impl Output {
    fn new(file: NamedTempFile, schema: SchemaRef, file_bytes: u64) -> Result<Self, ParquetError> {
        let properties = WriterProperties::builder()
            .set_created_by(format!("sidereus {}", env!("CARGO_PKG_VERSION")))
            .set_dictionary_enabled(false)
            .set_data_page_row_count_limit(PAGE_ROWS)
            .set_write_batch_size(PAGE_ROWS)
            .set_max_row_group_row_count(Some(GROUP_ROWS))
            .set_statistics_enabled(EnabledStatistics::Page)
            .build();
        let writer = ArrowWriter::try_new(file, Arc::clone(&schema), Some(properties))?;
        let nans = NanCounts::of_schema(&schema);
        Ok(Self { writer, schema, nans, file_bytes, rows: 0, value_bytes: 0, group: 0, group_rows: 0 })
    }

    fn write(&mut self, batch: &RecordBatch, work: &Work<'_>) -> Result<(), EngineError> {
        self.rows = self.rows.saturating_add(batch.num_rows() as u64);
        work.guard.check_rows(self.rows)?;
        for (slice, bytes) in slices(batch) {
            self.value_bytes = self.value_bytes.saturating_add(bytes);
            work.guard.check_values(self.value_bytes, self.file_bytes)?;
            let rows = converted(&slice, &self.schema).map_err(|error| work.bad(&error.to_string()))?;
            self.append(&rows).map_err(|error| work.unwritable(&error))?;
        }
        Ok(())
    }

    fn append(&mut self, rows: &RecordBatch) -> Result<(), ParquetError> {
        let is_full = self.group_rows + rows.num_rows() > GROUP_ROWS;
        if self.group_rows > 0 && (is_full || self.writer.in_progress_size() > GROUP_BYTES) {
            self.writer.flush()?;
            self.group += 1;
            self.group_rows = 0;
        }
        self.writer.write(rows)?;
        self.nans.add(rows, self.group);
        self.group_rows += rows.num_rows();
        Ok(())
    }

    fn finish(mut self, durable: bool) -> Result<NamedTempFile, ParquetError> {
        for entry in self.nans.entries() {
            self.writer.append_key_value_metadata(entry);
        }
        let file = self.writer.into_inner()?;
        if durable {
            File::sync_all(file.as_file())?;
        }
        Ok(file)
    }
}
