//! In which forms can rows leave the service?
//!
//! [`ALL`] is the list; each format is one file that implements [`OutputFormat`]. A format turns batches into bytes and
//! knows neither where they come from nor where they go; [`encode`](mod@encode) drives it.

mod arrow_stream;
mod cells;
mod csv;
mod encode;
mod json;
mod parquet;
mod table;
pub(crate) mod votable;
pub(crate) mod xml;

#[cfg(test)]
mod kit;

use std::fmt::Debug;

use ::arrow::datatypes::SchemaRef;
use ::arrow::error::ArrowError;
use ::arrow::record_batch::RecordBatch;

pub(crate) use encode::{EncodeError, Encoding};

/// Every format; the first is the default of services.
pub(crate) static ALL: [&dyn OutputFormat; 6] =
    [&votable::TableData, &votable::Binary2, &csv::Csv, &parquet::Parquet, &arrow_stream::ArrowStream, &table::Table];

/// What is known before the first row.
#[derive(Debug, Clone)]
pub(crate) struct Head {
    /// Columns, with field metadata.
    pub(crate) schema: SchemaRef,
    /// The query, for formats that repeat it.
    pub(crate) query: Option<String>,
}

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

    /// Ending of names of files.
    fn extension(&self) -> &'static str {
        "dat"
    }

    /// Identifier in the registry of standards, where there is one.
    fn standard_id(&self) -> Option<&'static str> {
        None
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
/// [`finish`](Self::finish) or [`fail`](Self::fail) once. Bytes are appended to `out`, which may be emptied between calls.
pub(crate) trait Encoder: Send {
    /// Writes what stands before the first row.
    fn begin(&mut self, out: &mut Vec<u8>) -> Result<(), FormatError>;

    /// Writes rows.
    fn batch(&mut self, batch: &RecordBatch, out: &mut Vec<u8>) -> Result<(), FormatError>;

    /// Writes what stands after the last row.
    fn finish(&mut self, ending: Ending, out: &mut Vec<u8>) -> Result<(), FormatError>;

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
    fn votable_is_the_default() {
        assert_eq!(ALL[0].name(), "votable");
    }
}
