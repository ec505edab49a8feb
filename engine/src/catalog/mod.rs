//! What tables exist, and where their files lie?

mod metadata;
mod registry;

pub use metadata::{
    CatalogKind, CatalogLocation, CatalogMetadata, DataFile, Partition, PositionColumns, SpatialIndex, TableName,
};
pub use registry::CatalogRegistry;
