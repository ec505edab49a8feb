//! How does an uploaded table appear beside catalogs?
//!
//! As one Parquet file, or as rows in memory, in the schema `TAP_UPLOAD`, which a request brings along: no list of tables has
//! it, and nobody else reaches it. Its position columns are guessed as those of any Parquet file.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
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
use crate::error::EngineError;

/// The schema of uploaded tables.
pub(crate) const UPLOADS: &str = "TAP_UPLOAD";

/// Metadata of an uploaded table that is stored in a file.
///
/// *Errors*: the file cannot be read, or is none that an upload was stored in.
pub(crate) fn uploaded(name: &str, path: &Path) -> Result<CatalogMetadata, EngineError> {
    let table = format!("{UPLOADS}.{name}");
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
        name: TableName { schema: UPLOADS.to_owned(), table: name.to_owned() },
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
        view: Some(Arc::new(View { plan, catalogs: Vec::new(), scans: 1, groups: Vec::new() })),
    }))
}
