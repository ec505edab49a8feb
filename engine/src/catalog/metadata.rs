//! What one catalog is: its columns, its position columns, its partitions and their files.
//!
//! A [`CatalogMetadata`] is an immutable snapshot: a query that holds one keeps it whatever happens on disk.
//! It knows files by path, not by content; footers are the scan's business.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use object_store::ObjectStore;
use object_store::path::Path;
use sidereus_sky::Cell;

use super::About;
use super::collection::Collection;
use super::view::View;
use crate::integrity::{Digest, LeafSeal};

/// The exact name of a table: `schema.table`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TableName {
    /// Schema as declared, `public` for tables directly below the root.
    pub schema: String,
    /// Table as declared.
    pub table: String,
}

impl std::fmt::Display for TableName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.schema, self.table)
    }
}

/// What the rows of a catalog are (HATS `dataproduct_type`), or a plain Parquet table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CatalogKind {
    /// One row an object.
    Object,
    /// One row a detection.
    Source,
    /// Pairs of keys of two catalogs.
    Association,
    /// Values over HEALPix cells.
    Map,
    /// A Parquet file or folder without HATS metadata.
    Plain,
}

/// Position columns: ICRS degrees.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PositionColumns {
    /// Exact name of the right ascension column.
    pub ra: String,
    /// Exact name of the declination column.
    pub dec: String,
}

/// The column that holds each row's NESTED HEALPix index, ascending within a partition.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SpatialIndex {
    /// Exact column name, such as `_healpix_29`.
    pub column: String,
    /// Order of the index, 29 by default.
    pub order: u8,
}

/// One Parquet file.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct DataFile {
    /// Path in the store, always below the catalog's root.
    pub path: Path,
    /// Bytes, where a listing told it.
    pub size: Option<u64>,
    /// What it must hold, where the catalog has a manifest.
    pub seal: Option<Arc<LeafSeal>>,
}

/// The rows of one HEALPix cell, or all rows of a plain table.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Partition {
    /// The cell that holds every row's position; `None` for plain tables.
    pub cell: Option<Cell>,
    /// Files in reading order; more than one where a partition is a folder.
    pub files: Vec<DataFile>,
}

/// Where the rows of ids lie: a table of ids in order, with the partition, and perhaps the spatial index, of each.
#[derive(Debug, Clone)]
pub struct IdIndex {
    /// Exact name of the column, of integers, in the catalog.
    pub column: String,
    /// The table: that column, `Norder`, `Npix`, and where it is known the catalog's spatial index.
    pub entries: Arc<CatalogMetadata>,
}

/// Where a catalog lies: a store and the path of its root in it.
#[derive(Debug, Clone)]
pub struct CatalogLocation {
    /// The store.
    pub store: Arc<dyn ObjectStore>,
    /// Root of the catalog within the store.
    pub root: Path,
    /// What a person calls the place, for messages and logs (no credentials).
    pub display: String,
}

/// The name of a list of a nested column, as a column of its catalog.
pub(crate) fn nested_name(column: &str, list: &str) -> String {
    format!("{column}.{list}")
}

/// A snapshot of one table.
#[derive(Debug, Clone)]
pub struct CatalogMetadata {
    /// Name in queries.
    pub name: TableName,
    /// Kind of rows.
    pub kind: CatalogKind,
    /// Where it lies.
    pub location: CatalogLocation,
    /// Columns; field metadata may hold `unit`, `ucd`, `utype`, `xtype`, `description`.
    pub schema: SchemaRef,
    /// Position columns, where there are any.
    pub positions: Option<PositionColumns>,
    /// Spatial index column, where there is one.
    pub index: Option<SpatialIndex>,
    /// Partitions in spatial order.
    pub partitions: Vec<Partition>,
    /// Rows, where the metadata tells.
    pub rows: Option<u64>,
    /// One or two sentences for people.
    pub description: Option<String>,
    /// Frame and epoch of the positions, and whom to cite.
    pub about: About,
    /// Groups whose members may see the table; `None` is everyone.
    pub groups: Option<Vec<String>>,
    /// Everything else that the properties file says.
    pub properties: BTreeMap<String, String>,
    /// Identity of this snapshot: the manifest's where there is one, else equal for equal metadata.
    pub snapshot: String,
    /// The digest of its manifest, where it has one.
    pub manifest: Option<Digest>,
    /// Columns of ids whose rows can be looked up.
    pub id_indexes: Vec<IdIndex>,
    /// The collection whose primary it is, where it is one's.
    pub collection: Option<Arc<Collection>>,
    /// The query that it is, where it is no catalog; then it has no partitions.
    pub(crate) view: Option<Arc<View>>,
}
