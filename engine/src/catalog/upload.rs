//! How does an uploaded table appear beside catalogs?
//!
//! As Parquet files, or as rows in memory, in the schema `TAP_UPLOAD`, or in [`OWN_SCHEMA`] whose name need not be written. A request
//! brings it along: no list of tables has it, and nobody else reaches it. Its position columns are guessed as those of any Parquet file.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{Schema, SchemaRef};
use datafusion::datasource::{MemTable, provider_as_source};
use datafusion::logical_expr::LogicalPlanBuilder;
use object_store::memory::InMemory;
use parquet::file::metadata::ParquetMetaDataReader;

use super::place::Place;
use super::problem::{broken, broken_by};
use super::view::View;
use super::{
    About, CatalogKind, CatalogLocation, CatalogMetadata, DataFile, Partition, TableName, fingerprint, positions,
    schema,
};
use crate::error::{EngineError, ErrorKind};

/// The schema of uploaded tables.
pub(crate) const UPLOADS: &str = "TAP_UPLOAD";
/// The schema of tables that somebody made for longer than a request; a name without schema is looked up in it first.
pub const OWN_SCHEMA: &str = "mydb";

/// Metadata of a table whose rows are those of some files of one folder, one after the other.
///
/// *Errors*: as [`uploaded`] for each; files of other columns than those of the first.
pub(crate) fn of_files(name: &TableName, paths: &[PathBuf]) -> Result<CatalogMetadata, EngineError> {
    let Some((first, others)) = paths.split_first() else { return Err(broken(name.to_string(), "it has no file")) };
    let mut whole = uploaded(name.clone(), first)?;
    for path in others {
        let part = uploaded(name.clone(), path)?;
        check_same_columns(name, &whole.schema, &part.schema)?;
        whole.rows = whole.rows.zip(part.rows).map(|(rows, more)| rows + more);
        let files = part.partitions.into_iter().flat_map(|partition| partition.files);
        whole.partitions[0].files.extend(files);
    }
    Ok(fingerprint::stamp(whole))
}

fn check_same_columns(table: &TableName, wanted: &Schema, found: &Schema) -> Result<(), EngineError> {
    let said = |schema: &Schema| -> Vec<String> {
        schema.fields().iter().map(|field| format!("{} {}", field.name(), field.data_type())).collect()
    };
    let (wanted, found) = (said(wanted), said(found));
    if wanted == found {
        return Ok(());
    }
    let message =
        format!("table {table} has the columns {}, the new rows have {}", wanted.join(", "), found.join(", "));
    Err(EngineError::request(ErrorKind::BadQuery, message))
}

/// Metadata of a table that is stored in a file.
///
/// *Errors*: the file cannot be read, or is none that an upload was stored in.
pub(crate) fn uploaded(name: TableName, path: &Path) -> Result<CatalogMetadata, EngineError> {
    let table = name.to_string();
    let real = path.canonicalize().map_err(|error| broken_by(&table, "cannot open its file", error))?;
    let (Some(folder), Some(file_name)) = (real.parent(), real.file_name()) else {
        return Err(broken(table, "expected a file"));
    };
    let file = File::open(&real).map_err(|error| broken_by(&table, "cannot open its file", error))?;
    let size = file.metadata().map_err(|error| broken_by(&table, "cannot open its file", error))?.len();
    let footer = ParquetMetaDataReader::new().parse_and_finish(&file);
    let footer = footer.map_err(|error| broken_by(&table, "its file is damaged", error))?;
    let columns = schema::of_upload(&footer).map_err(|why| broken(&table, format!("its file {why}")))?;
    let place = Place::local(folder, folder.display().to_string())?;
    let file = DataFile { path: place.path(&file_name.to_string_lossy()), size: Some(size), seal: None };
    Ok(fingerprint::stamp(CatalogMetadata {
        name,
        kind: CatalogKind::Plain,
        location: place.location(),
        positions: positions::guess(&columns),
        index: None,
        schema: columns,
        partitions: vec![Partition { cell: None, files: vec![file] }],
        rows: u64::try_from(footer.file_metadata().num_rows()).ok(),
        description: None,
        about: About::default(),
        groups: None,
        properties: std::collections::BTreeMap::new(),
        snapshot: String::new(),
        manifest: None,
        id_indexes: Vec::new(),
        collection: None,
        view: None,
    }))
}

/// Metadata of an uploaded table whose rows are in memory.
///
/// *Errors*: batches of other columns.
pub(crate) fn held(name: &str, columns: SchemaRef, batches: Vec<RecordBatch>) -> Result<CatalogMetadata, EngineError> {
    let display = format!("{UPLOADS}.{name}");
    let rows = batches.iter().map(|batch| batch.num_rows() as u64).sum();
    let table = MemTable::try_new(Arc::clone(&columns), vec![batches])?;
    let plan = LogicalPlanBuilder::scan(name, provider_as_source(Arc::new(table)), None)?.build()?;
    Ok(fingerprint::stamp(CatalogMetadata {
        name: TableName { schema: UPLOADS.to_owned(), table: name.to_owned() },
        kind: CatalogKind::Plain,
        location: CatalogLocation {
            store: Arc::new(InMemory::new()),
            root: object_store::path::Path::default(),
            display,
        },
        positions: positions::guess(&columns),
        index: None,
        schema: columns,
        partitions: Vec::new(),
        rows: Some(rows),
        description: None,
        about: About::default(),
        groups: None,
        properties: std::collections::BTreeMap::new(),
        snapshot: String::new(),
        manifest: None,
        id_indexes: Vec::new(),
        collection: None,
        view: Some(Arc::new(View { plan, catalogs: Vec::new(), scans: 1, groups: Vec::new() })),
    }))
}
