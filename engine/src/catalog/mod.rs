//! What tables exist, and where their files lie?
//!
//! ```text
//!  roots --discover--> candidates --hats, plain--> CatalogMetadata --registry--> names, provider, describe
//! ```
//!
//! A [`CatalogRegistry`] is opened from roots; queries find its tables by [`RegistryNames`], DataFusion through
//! [`catalog_provider`], and people through `tap_schema`, `information_schema` and [`describe`].

mod about;
mod cells;
mod collection;
mod confined;
mod describe;
mod description;
mod discover;
mod files;
mod fingerprint;
mod footer;
mod hats;
mod id_index;
mod identifier;
mod information_schema;
mod metadata;
mod names;
mod overrides;
mod partitions;
mod place;
mod plain;
mod positions;
mod postgres_type;
mod problem;
mod properties;
mod provider;
mod registry;
mod root;
mod safe_path;
mod schema;
mod system;
mod table;
mod tap_schema;
mod upload;
mod versions;
mod view;
mod votable_type;
mod watch;
mod watch_remote;

pub use about::{About, EPOCH, FRAME};
pub use collection::Collection;
pub use description::{ColumnDescription, TableDescription};
pub use files::CatalogFile;
pub use identifier::{adql_identifier, adql_table};
pub use metadata::{
    CatalogKind, CatalogLocation, CatalogMetadata, DataFile, IdIndex, Partition, PositionColumns, SpatialIndex,
    TableName,
};
pub use overrides::{CatalogOverrides, TableOverride};
pub use registry::CatalogRegistry;
pub use view::{ColumnNotes, ViewDefinition, Views};
pub use votable_type::{VotableType, votable_type};
pub use watch::roots_fingerprint;

pub(crate) use describe::{describe, of_catalog};
pub(crate) use metadata::nested_name;
pub(crate) use names::RegistryNames;
pub(crate) use provider::catalog_provider;
pub(crate) use table::HatsTable;
pub use upload::OWN_SCHEMA;
pub(crate) use upload::{UPLOADS, held, of_files, uploaded};
pub(crate) use versions::names_snapshot;
pub(crate) use view::{Planned, table_provider};

/// The only database of tables; DataFusion calls it a catalog.
pub(crate) const CATALOG: &str = "sidereus";
/// The schema of tables directly below a root, and of names that are written without one.
pub(crate) const DEFAULT_SCHEMA: &str = "public";
