//! Which reader takes a file?

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use arrow::datatypes::DataType;

use super::csv::{CsvReader, Separator};
use super::ecsv::open_ecsv;
use super::fits::FitsReader;
use super::fixed_width::FixedWidthReader;
use super::input::Unpacked;
use super::ipc::open_arrow;
use super::parquet::ParquetTable;
use super::votable::VotableReader;
use super::{Guard, TableFormat, TableInput, TableReader, bad_table};
use crate::error::EngineError;

/// How a table file is to be read.
#[derive(Debug, Clone, Default)]
pub struct ReadOptions {
    /// The format; found from the first bytes and the name without it.
    pub format: Option<TableFormat>,
    /// Types of columns of text formats; the others' are guessed from a sample.
    pub types: BTreeMap<String, DataType>,
    /// Guessed types that turned out too narrow, with what would do.
    pub widened: BTreeMap<String, DataType>,
    /// Texts that stand for null in text formats, beside the empty one.
    pub nulls: Vec<String>,
    /// Which table of a file with several: name or number of a FITS extension, number or name of a VOTable's table.
    pub table: Option<String>,
    /// The CDS ReadMe that describes fixed-width lines.
    pub readme: Option<PathBuf>,
    /// The format of what tells none by its first bytes.
    pub otherwise: Option<TableFormat>,
    /// Counts the bytes as they are read, packed.
    pub bytes_read: Arc<AtomicU64>,
}

/// Opens a table file.
///
/// *Errors*: it cannot be read, is of no known format, or its header is damaged.
pub fn open_table(input: TableInput, options: &ReadOptions) -> Result<Box<dyn TableReader>, EngineError> {
    open(input, options, None)
}

/// Opens a table file from strangers: under limits, and every one of its rows must be readable.
///
/// *Errors*: as [`open_table`]; lines of fixed width, which need a file beside them.
pub(crate) fn open_guarded(
    input: TableInput,
    options: &ReadOptions,
    guard: &Guard,
) -> Result<Box<dyn TableReader>, EngineError> {
    open(input, options, Some(guard.clone()))
}

fn open(input: TableInput, options: &ReadOptions, guard: Option<Guard>) -> Result<Box<dyn TableReader>, EngineError> {
    let mut unpacked = Unpacked::open(input, Arc::clone(&options.bytes_read), guard)?;
    let name = unpacked.name.clone();
    let first = unpacked.peek()?;
    let detect = || TableFormat::of_first_bytes(first).or(options.otherwise).or_else(|| TableFormat::of_name(&name));
    let format = options.format.or_else(detect);
    let format = format.ok_or_else(|| bad_table(&name, "its format is told by neither name nor content; name it"))?;
    Ok(match format {
        TableFormat::Csv => Box::new(CsvReader::open(unpacked, Separator::Found, options)?),
        TableFormat::Tsv => Box::new(CsvReader::open(unpacked, Separator::Is(b'\t'), options)?),
        TableFormat::Ecsv => Box::new(open_ecsv(unpacked, options)?),
        TableFormat::Fits => Box::new(FitsReader::open(unpacked, options)?),
        TableFormat::Votable => Box::new(VotableReader::open(unpacked, options)?),
        TableFormat::Cds if unpacked.guard.is_some() => {
            return Err(bad_table(
                &name,
                "lines of fixed width cannot be uploaded; make it a VOTable, CSV or FITS table",
            ));
        }
        TableFormat::Cds => Box::new(FixedWidthReader::open(unpacked, options)?),
        TableFormat::Parquet => Box::new(ParquetTable::open(unpacked)?),
        TableFormat::Arrow => open_arrow(unpacked)?,
    })
}
