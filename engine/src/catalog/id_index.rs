//! Which indexes of ids does a collection have, and can they be trusted?
//!
//! An index is a table of its own: ids in order, each with the partition of its row and, where we wrote it, the key. It is used
//! only where it says that it belongs to the very snapshot of the catalog, or where neither has a manifest. An index that
//! cannot be used is told in the log and left out: look-ups then read the catalog.

use std::sync::Arc;

use object_store::path::Path;

use super::hats::{published, read_catalog_properties, schema_of};
use super::place::{Listing, Place};
use super::properties::Properties;
use super::{About, CatalogKind, CatalogMetadata, DataFile, IdIndex, Partition, SpatialIndex, TableName, fingerprint};
use crate::error::EngineError;
use crate::integrity::Manifest;

/// Where the files of an index lie.
const ENTRIES: &str = "dataset/index";

/// Opens the indexes that a collection names for columns of its primary.
pub(super) async fn open_all(collection: &Place, properties: &Properties, primary: &CatalogMetadata) -> Vec<IdIndex> {
    let mut indexes = Vec::new();
    for pair in properties.list("all_indexes").chunks_exact(2) {
        let (column, folder) = (pair[0], pair[1]);
        let usable = primary.schema.field_with_name(column).is_ok_and(|field| field.data_type().is_integer());
        if !usable || primary.partitions.iter().any(|partition| partition.cell.is_none()) {
            continue;
        }
        match open(collection, (column, folder), primary).await {
            Ok(entries) => indexes.push(IdIndex { column: column.to_owned(), entries: Arc::new(entries) }),
            Err(problem) => tracing::warn!(%problem, column, "an index is not used"),
        }
    }
    indexes
}

async fn open(
    collection: &Place,
    (column, folder): (&str, &str),
    primary: &CatalogMetadata,
) -> Result<CatalogMetadata, EngineError> {
    let place = collection.published_part(collection.part(collection.named_path("", folder)?)).await?;
    let file = read_catalog_properties(&place).await?;
    let (place, properties) = published(place, file).await?;
    let says = |key: &str, expected: &str| match properties.get(key) {
        Some(found) if found == expected => Ok(()),
        found => Err(place.broken(format!("{key} is {:?}, expected {expected:?}", found.unwrap_or_default()))),
    };
    says("dataproduct_type", "index")?;
    says("hats_index_column", column)?;
    if primary.manifest.is_some() || properties.get("sidereus_primary_snapshot").is_some() {
        says("sidereus_primary_snapshot", &primary.snapshot)?;
    }
    let schema = match schema_of(&place, "dataset/_common_metadata").await? {
        Some(schema) => Some(schema),
        None => schema_of(&place, "dataset/_metadata").await?,
    };
    let schema = schema.ok_or_else(|| place.broken("no dataset/_common_metadata and no dataset/_metadata"))?;
    for name in [column, "Norder", "Npix"] {
        if !schema.field_with_name(name).is_ok_and(|field| field.data_type().is_integer()) {
            return Err(place.broken(format!("it has no column {name} of integers")));
        }
    }
    let files = files(&place).await?;
    Ok(fingerprint::stamp(CatalogMetadata {
        name: TableName { schema: primary.name.schema.clone(), table: format!("{} ({folder})", primary.name.table) },
        kind: CatalogKind::Plain,
        location: place.location(),
        schema,
        positions: None,
        // Ids in order prune as keys do.
        index: Some(SpatialIndex { column: column.to_owned(), order: 29 }),
        partitions: vec![Partition { cell: None, files }],
        rows: None,
        description: None,
        about: About::default(),
        groups: None,
        properties: properties.entries().clone(),
        snapshot: String::new(),
        manifest: place.manifest().map(Manifest::id),
        id_indexes: Vec::new(),
        collection: None,
        view: None,
    }))
}

/// The files of an index: those that were published, else those that lie there.
async fn files(place: &Place) -> Result<Vec<DataFile>, EngineError> {
    let mut files = Vec::new();
    if let Some(manifest) = place.manifest() {
        for relative in manifest.paths().filter(|path| path.starts_with(ENTRIES)) {
            let seal = manifest.leaf(relative).map(|leaf| Arc::new(leaf.seal));
            files.push(DataFile { path: place.path(relative), size: None, seal });
        }
    } else if place.listing() != Listing::Doubtful {
        for file in place.files_below(ENTRIES).await? {
            files.push(DataFile { path: file.location, size: Some(file.size), seal: None });
        }
    } else if let Some(footer) = place.footer("dataset/_metadata").await? {
        for group in footer.metadata.row_groups() {
            let relative = group.columns().first().and_then(|column| column.file_path());
            let relative = relative.ok_or_else(|| place.broken("dataset/_metadata names no files"))?;
            let path: Path = place.named_path("dataset", relative)?;
            if !files.iter().any(|file: &DataFile| file.path == path) {
                files.push(DataFile { path, size: None, seal: None });
            }
        }
    }
    files.retain(|file| file.path.filename().is_some_and(|name| name.ends_with(".parquet")));
    match files.is_empty() {
        true => Err(place.broken(format!("{ENTRIES} has no files"))),
        false => Ok(files),
    }
}
