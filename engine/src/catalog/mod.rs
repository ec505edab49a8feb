//! What tables exist, and where their files lie?

mod cells;
mod confined;
mod discover;
mod fingerprint;
mod footer;
mod hats;
mod metadata;
mod overrides;
mod partitions;
mod place;
mod plain;
mod positions;
mod problem;
mod properties;
mod registry;
mod root;
mod safe_path;
mod schema;

pub use metadata::{
    CatalogKind, CatalogLocation, CatalogMetadata, DataFile, Partition, PositionColumns, SpatialIndex, TableName,
};
pub use overrides::{CatalogOverrides, TableOverride};
pub use registry::CatalogRegistry;
