//! How does a table file become record batches?
//!
//! ```text
//!  file -> unpack -> format -> [frame -> decode] -> batches and rejected rows
//!          gzip      by first   one      any thread
//!          zstd      bytes      thread
//! ```
//! A [`TableReader`] cuts its input into [`Chunk`]s, which is cheap, in order, and takes any `Read`; decoding a chunk is
//! the work, and knows nothing of the others. Units, UCDs and descriptions are field metadata. Null is what the format
//! calls null; in FITS and VOTable that includes NaN. Memory is bounded by the chunks that are held, whatever sizes a
//! file declares.
//!
//! This module must not know catalogs, keys or positions.

mod base64_stream;
mod binary;
mod cells;
mod csv;
mod ecsv;
mod fits;
mod fits_header;
mod fixed_width;
mod format;
mod frame;
mod guess;
mod input;
mod ipc;
mod ipc_messages;
mod limits;
mod lists;
mod open;
mod parquet;
mod parquet_pages;
mod stops;
mod text;
mod thrift;
mod votable;
mod votable_data;
mod votable_header;

pub use format::TableFormat;
pub use input::TableInput;
pub(crate) use limits::Guard;
pub use limits::UploadLimits;
pub(crate) use open::open_guarded;
pub use open::{ReadOptions, open_table};

use std::collections::BTreeMap;

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Field, SchemaRef};

use crate::error::{EngineError, ErrorKind};

/// Cuts a table file into chunks.
pub trait TableReader: Send {
    /// Columns of every batch.
    fn schema(&self) -> SchemaRef;

    /// The next chunk; `None` at the end.
    ///
    /// *Errors*: the file is damaged, ends early or is of another form than it says.
    fn next_chunk(&mut self) -> Result<Option<Chunk>, EngineError>;
}

/// Bytes of a decoded chunk, unless it says another number.
const USUAL_BYTES: usize = 8 << 20;

/// Some rows, still as bytes of the file.
pub struct Chunk {
    decode: Box<dyn FnOnce() -> Result<TableBatch, EngineError> + Send>,
    bytes: usize,
}

impl std::fmt::Debug for Chunk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Chunk")
    }
}

impl Chunk {
    fn new(decode: impl FnOnce() -> Result<TableBatch, EngineError> + Send + 'static) -> Self {
        Self { decode: Box::new(decode), bytes: USUAL_BYTES }
    }

    /// Says that it takes more memory, or less, than chunks of some megabytes do.
    fn holding(self, bytes: usize) -> Self {
        Self { bytes, ..self }
    }

    /// About how many bytes it will take when it is decoded.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Decodes the rows.
    ///
    /// *Errors*: the bytes are damaged in a way that concerns more than a row.
    pub fn decode(self) -> Result<TableBatch, EngineError> {
        (self.decode)()
    }
}

/// Decoded rows, and those that could not be.
#[derive(Debug)]
pub struct TableBatch {
    /// The readable rows.
    pub rows: RecordBatch,
    /// Where each of them stood.
    pub places: Places,
    /// The others.
    pub rejects: Vec<Reject>,
    /// Columns whose guessed type was too narrow, and what would do. Unless empty, `rows` must not be used: the file is
    /// to be opened again with these types.
    pub widen: BTreeMap<String, DataType>,
}

impl TableBatch {
    fn of_rows(rows: RecordBatch, first: u64) -> Self {
        Self { rows, places: Places::From(first), rejects: Vec::new(), widen: BTreeMap::new() }
    }
}

/// Lines (of text formats) or rows (of others) of a batch, counted from 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Places {
    /// Each after the other.
    From(u64),
    /// One by one.
    Each(Vec<u64>),
}

impl Places {
    /// Place of a row of the batch.
    #[must_use]
    pub fn of(&self, row: usize) -> u64 {
        match self {
            Self::From(first) => first + row as u64,
            Self::Each(places) => places.get(row).copied().unwrap_or_default(),
        }
    }
}

/// A row that cannot be taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reject {
    /// Line of a text file, row of another, from 1.
    pub place: u64,
    /// The column at fault; empty where it is the whole row.
    pub column: String,
    /// What was expected.
    pub reason: String,
    /// What was found, shortened.
    pub text: String,
}

/// An error of a file's content: names the file.
fn bad_table(name: &str, message: impl std::fmt::Display) -> EngineError {
    EngineError::request(ErrorKind::BadQuery, format!("{name}: {message}"))
}

/// A file that cannot be read: another time it may be, unless it is damaged.
fn unreadable(name: &str, error: &std::io::Error) -> EngineError {
    if matches!(error.kind(), std::io::ErrorKind::InvalidData | std::io::ErrorKind::UnexpectedEof) {
        return bad_table(name, error);
    }
    EngineError::request(ErrorKind::Unavailable, format!("{name}: cannot read it: {error}"))
}

/// More columns than any table has.
const MOST_COLUMNS: usize = 10_000;

/// A nullable field with those of unit, UCD and description that are not empty.
fn described(name: &str, kind: DataType, marks: &[(&str, &str)]) -> Field {
    let marks = marks.iter().filter(|(_, value)| !value.trim().is_empty());
    Field::new(name, kind, true)
        .with_metadata(marks.map(|(key, value)| ((*key).to_owned(), value.trim().to_owned())).collect())
}

/// Gives columns of one name different ones, and those without a name `column_N`.
pub(crate) fn distinct_names(names: impl IntoIterator<Item = String>) -> Vec<String> {
    let mut taken = std::collections::HashSet::new();
    let mut distinct = Vec::new();
    for (number, name) in (1..).zip(names) {
        let base = if name.is_empty() { format!("column_{number}") } else { name };
        let mut name = base.clone();
        let mut again = 2;
        while !taken.insert(name.clone()) {
            name = format!("{base}_{again}");
            again += 1;
        }
        distinct.push(name);
    }
    distinct
}
