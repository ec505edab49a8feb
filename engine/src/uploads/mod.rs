//! How does a table that a user brings along become one that queries read?
//!
//! ```text
//!  any table file -> tables: chunks -> [decode] -> columns: types and names -> store: one Parquet file -> TAP_UPLOAD.name
//!  (limits)                            all threads                             in the caller's folder      of one request
//! ```
//! An [`UploadedTable`] is that file and its name. Requests carry it ([`QueryRequest::uploads`](crate::QueryRequest)); nothing
//! else knows of it. Who stored it removes its folder when the last query that names it is done.

mod columns;
mod slices;
mod store;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64};

use arrow::array::RecordBatch;
use arrow::datatypes::{Schema, SchemaRef};

use crate::catalog::{
    CatalogMetadata, OWN_SCHEMA, TableDescription, TableName, UPLOADS, adql_identifier, held, of_catalog, of_files,
    uploaded,
};
use crate::error::{EngineError, ErrorKind};
use crate::tables::{TableFormat, TableInput, UploadLimits};

/// Longest name of a table.
const LONGEST_NAME: usize = 128;
/// Tables of one request.
const MOST_TABLES: usize = 100;

/// How a table is taken in.
#[derive(Debug, Clone, Default)]
pub struct UploadOptions {
    /// Its format where somebody said it, such as a media type; what the first bytes say goes before.
    pub format: Option<TableFormat>,
    /// The most that it may be.
    pub limits: UploadLimits,
    /// Whether the stored file must outlive a failure of the machine: it is waited for until it is on the disk.
    pub durable: bool,
    /// Counts the bytes of the file as they are read, packed.
    pub bytes_read: Arc<AtomicU64>,
    /// Set it to end the work with an error.
    pub cancelled: Arc<AtomicBool>,
}

/// A table of a user, stored where queries can read it.
#[derive(Debug)]
pub struct UploadedTable {
    name: String,
    /// `None` where the rows are in memory.
    path: Option<PathBuf>,
    metadata: Arc<CatalogMetadata>,
}

impl UploadedTable {
    /// Reads a table and stores it in a folder of the caller as `NAME.parquet`, which is there only when it is complete.
    ///
    /// Takes VOTable, CSV, TSV, ECSV, FITS, Parquet and Arrow, also in gzip or zstd; of several tables the first. All rows are
    /// read, in memory that does not grow with them; a row that cannot be read ends it. A stream is first copied to the folder.
    /// Blocks its thread for as long as that takes: call it where that may be.
    ///
    /// *Errors*: `BadQuery` for a name that is none and for a damaged table, with the place in it; `LimitExceeded` names the
    /// limit; `Unavailable` where the file or the folder fails.
    pub fn store(name: &str, input: TableInput, into: &Path, options: &UploadOptions) -> Result<Self, EngineError> {
        check_name(name)?;
        let path = into.join(format!("{name}.parquet"));
        store::store(name, input, &path, options)?;
        Self::open(name, &path)
    }

    /// A table that [`Self::store`] has stored, under the same or another name.
    ///
    /// *Errors*: as [`Self::store`] for the name; the file is missing or not whole.
    pub fn open(name: &str, path: &Path) -> Result<Self, EngineError> {
        check_name(name)?;
        let named = TableName { schema: UPLOADS.to_owned(), table: name.to_owned() };
        let metadata = Arc::new(uploaded(named, path)?);
        Ok(Self { name: name.to_owned(), path: Some(path.to_owned()), metadata })
    }

    /// A table of [`OWN_SCHEMA`] whose rows are those of files that [`Self::store`] has stored in one folder, one after the other.
    ///
    /// *Errors*: as [`Self::open`]; `BadQuery` where the files have different columns.
    pub fn of_files(name: &str, paths: &[PathBuf]) -> Result<Self, EngineError> {
        check_name(name)?;
        let named = TableName { schema: OWN_SCHEMA.to_owned(), table: name.to_owned() };
        let metadata = Arc::new(of_files(&named, paths)?);
        Ok(Self { name: name.to_owned(), path: paths.first().cloned(), metadata })
    }

    /// What the table is, as lists of tables tell it.
    #[must_use]
    pub fn description(&self) -> TableDescription {
        of_catalog(&self.metadata)
    }

    /// A table of rows that are in memory, which lives as long as the queries that name it.
    ///
    /// *Shapes*: batches of one schema. *Errors*: `BadQuery` for a name that is none and for a column that cannot be kept.
    pub fn held(name: &str, schema: &Schema, batches: &[RecordBatch]) -> Result<Self, EngineError> {
        check_name(name)?;
        let schema = columns::stored(schema, |why| bad(format!("table {name}: {why}")))?;
        let converted =
            |batch| columns::converted(batch, &schema).map_err(|error| bad(format!("table {name}: {error}")));
        let batches = batches.iter().map(converted).collect::<Result<Vec<_>, _>>()?;
        let metadata = Arc::new(held(name, schema, batches)?);
        Ok(Self { name: name.to_owned(), path: None, metadata })
    }

    /// Whether a table may have that name: a regular identifier of ADQL (TAP 1.1, section 2.5).
    ///
    /// *Errors*: `BadQuery` says what was expected.
    pub fn check_name(name: &str) -> Result<(), EngineError> {
        check_name(name)
    }

    /// Its name behind that of its schema, as the user wrote it.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The file, the first of several.
    #[must_use]
    pub fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// Its columns.
    #[must_use]
    pub fn schema(&self) -> &SchemaRef {
        &self.metadata.schema
    }

    /// Its rows.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.metadata.rows.unwrap_or_default()
    }

    /// Bytes of its files.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        let files = self.metadata.partitions.iter().flat_map(|partition| &partition.files);
        files.filter_map(|file| file.size).sum()
    }
}

/// Whether a table may have that name: a regular identifier of ADQL (TAP 1.1, section 2.5).
fn check_name(name: &str) -> Result<(), EngineError> {
    let is_regular = adql_identifier(name) == name && !name.is_empty() && name.len() <= LONGEST_NAME;
    match is_regular {
        true => Ok(()),
        false => Err(bad(format!(
            "{:?} cannot name an uploaded table, expected a letter, then letters, digits and underscores, and no reserved word",
            name.chars().take(LONGEST_NAME).collect::<String>()
        ))),
    }
}

/// The metadata of the uploads of one request.
///
/// *Errors*: two of them have the same name, in whatever case; there are too many.
pub(crate) fn metadata(uploads: &[Arc<UploadedTable>]) -> Result<Vec<Arc<CatalogMetadata>>, EngineError> {
    if uploads.len() > MOST_TABLES {
        let message = format!("{} tables were uploaded, at most {MOST_TABLES} can be", uploads.len());
        return Err(EngineError::request(ErrorKind::LimitExceeded, message));
    }
    let in_lower_case =
        |upload: &Arc<UploadedTable>| format!("{}.{}", upload.metadata.name.schema, upload.name.to_ascii_lowercase());
    let mut names: Vec<String> = uploads.iter().map(in_lower_case).collect();
    names.sort_unstable();
    match names.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => Err(bad(format!("two tables were uploaded as {}", pair[0]))),
        None => Ok(uploads.iter().map(|upload| Arc::clone(&upload.metadata)).collect()),
    }
}

fn bad(message: String) -> EngineError {
    EngineError::request(ErrorKind::BadQuery, message)
}
