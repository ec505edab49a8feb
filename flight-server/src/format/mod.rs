//! In which forms can rows leave the service?
//!
//! [`ALL`] is the list; each format is one file that implements [`OutputFormat`]. A format turns batches into bytes and
//! knows neither where they come from nor where they go; [`encode`](mod@encode) drives it.

mod arrow_ipc;
mod cells;
mod encode;
mod fits;
mod head;
mod html;
mod json;
mod json_rows;
mod negotiate;
mod parquet;
mod separated;
mod table;
pub(crate) mod votable;
pub(crate) mod xml;

#[cfg(test)]
mod kit;

use std::fmt::Debug;

use ::arrow::error::ArrowError;
use ::arrow::record_batch::RecordBatch;
use sidereus_engine::{DISK_FULL, is_disk_full};

pub(crate) use encode::{EncodeError, Encoding, WriteError};
pub(crate) use head::Head;
pub(crate) use negotiate::default_for;

/// Every format; the first is the plainest that every client of TAP reads.
pub(crate) static ALL: [&dyn OutputFormat; 14] = [
    &votable::TableData,
    &votable::Binary2,
    &votable::Binary,
    &votable::Gzip,
    &parquet::Parquet,
    &arrow_ipc::ArrowStream,
    &arrow_ipc::ArrowFile,
    &fits::Fits,
    &separated::Csv,
    &separated::Tsv,
    &json_rows::Json,
    &table::Text,
    &html::Html,
    &table::Table,
];

/// How a result that was written whole ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    /// All rows are there.
    Complete,
    /// Rows were left out because of a limit.
    Overflow,
}

/// Why rows could not be written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FormatError {
    /// A value that the format cannot express.
    #[error("column {column}: {message}")]
    Value {
        /// Name of the column.
        column: String,
        /// What the value is.
        message: String,
    },
    /// A kernel of Arrow failed.
    #[error(transparent)]
    Arrow(#[from] ArrowError),
    /// The place where rows wait for the last one failed.
    #[error("the rows cannot be kept until the last one is known: {}", if is_disk_full(.0) { DISK_FULL.to_owned() } else { .0.to_string() })]
    Spool(#[from] std::io::Error),
    /// The Parquet writer failed.
    #[error(transparent)]
    Parquet(#[from] ::parquet::errors::ParquetError),
}

/// One way of writing rows.
pub(crate) trait OutputFormat: Debug + Sync {
    /// Short name, as in `RESPONSEFORMAT` and `--format`.
    fn name(&self) -> &'static str;

    /// Media type of the bytes.
    fn media_type(&self) -> &'static str;

    /// Other short names and media types that ask for it, lower case.
    fn aliases(&self) -> &'static [&'static str] {
        &[]
    }

    /// Identifier in the registry of standards, where there is one.
    fn standard_id(&self) -> Option<&'static str> {
        None
    }

    /// How the bytes are packed on top of the media type, as in the header `Content-Encoding`.
    fn content_encoding(&self) -> Option<&'static str> {
        None
    }

    /// Ending of file names, without the dot.
    fn extension(&self) -> &'static str {
        self.name()
    }

    /// Whether services offer it; otherwise it is for a terminal.
    fn is_served(&self) -> bool {
        true
    }

    /// Starts one document.
    fn encoder(&self, head: &Head) -> Result<Box<dyn Encoder>, FormatError>;
}

/// One document that is being written.
///
/// *Contract*: [`begin`](Self::begin) once, [`batch`](Self::batch) any number of times, then either
/// [`finish`](Self::finish) once and [`rest`](Self::rest) until it says so, or [`fail`](Self::fail) once. Bytes are appended to `out`, which may be emptied between calls.
pub(crate) trait Encoder: Send {
    /// Writes what stands before the first row.
    fn begin(&mut self, out: &mut Vec<u8>) -> Result<(), FormatError>;

    /// Writes rows.
    fn batch(&mut self, batch: &RecordBatch, out: &mut Vec<u8>) -> Result<(), FormatError>;

    /// Writes what stands after the last row.
    fn finish(&mut self, ending: Ending, out: &mut Vec<u8>) -> Result<(), FormatError>;

    /// Writes some of what could not be written before the last row was known; false after the last of it.
    fn rest(&mut self, out: &mut Vec<u8>) -> Result<bool, FormatError> {
        let _ = out;
        Ok(false)
    }

    /// Ends the document by telling an error in it; false where the format has no way to, so that the transfer itself must
    /// break off.
    fn fail(&mut self, message: &str, out: &mut Vec<u8>) -> bool {
        let _ = (message, out);
        false
    }
}

/// The format of a short name, alias or media type, whatever its case and spacing.
pub(crate) fn find(name: &str) -> Option<&'static dyn OutputFormat> {
    let wanted: String = name.chars().filter(|c| !c.is_whitespace()).collect::<String>().to_ascii_lowercase();
    let matches = |format: &&&dyn OutputFormat| {
        format.name() == wanted || format.media_type() == wanted || format.aliases().contains(&wanted.as_str())
    };
    ALL.iter().find(matches).copied()
}

/// The line that ends plain rows of which more were left out.
fn overflow_line(rows: u64) -> String {
    let plural = if rows == 1 { "" } else { "s" };
    format!("# overflow: rows were left out after {rows} row{plural}")
}

/// The format for people at a terminal.
pub(crate) fn terminal() -> &'static dyn OutputFormat {
    &table::Table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_found() {
        let mut seen = std::collections::BTreeSet::new();
        for format in ALL {
            for name in format.aliases().iter().chain([&format.name(), &format.media_type()]) {
                assert!(seen.insert(*name), "{name} asks for two formats");
                assert_eq!(find(name).map(OutputFormat::name), Some(format.name()));
                assert_eq!(*name, name.to_ascii_lowercase());
            }
        }
        assert_eq!(find("Text/CSV; header=present").map(OutputFormat::name), Some("csv"));
        assert!(find("docx").is_none());
    }

    #[test]
    fn votable_comes_first() {
        assert_eq!(ALL[0].name(), "votable");
    }
}
