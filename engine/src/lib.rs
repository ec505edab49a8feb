//! The query engine of Sidereus: catalogs, functions, scans and the services that front ends translate to.
//!
//! Nothing here knows a protocol: no tonic, axum or HTTP type appears in any signature.

mod audit;
mod catalog;
mod cooperation;
mod crossmatch;
mod error;
mod functions;
mod id_joins;
mod ingest;
mod integrity;
mod merging;
mod options;
mod outgoing;
mod principal;
mod runs;
mod scan;
mod service;
mod session;
mod tables;
mod tallies;
mod uploads;

pub use audit::{CatalogStats, ColumnStats, Verdict, catalog_stats, verify_catalog};
pub use catalog::{
    About, CatalogFile, CatalogKind, CatalogLocation, CatalogMetadata, CatalogOverrides, CatalogRegistry, Collection,
    ColumnDescription, DataFile, EPOCH, FRAME, IdIndex, OWN_SCHEMA, Partition, PositionColumns, SpatialIndex,
    TableDescription, TableName, TableOverride, VotableType, adql_identifier, adql_table, roots_fingerprint,
    votable_type,
};
pub use catalog::{ColumnNotes, ViewDefinition, Views};
pub use datafusion::common::ScalarValue;
pub use error::{DISK_FULL, EngineError, ErrorKind, is_disk_full};
pub use functions::moc_text;
pub use ingest::{
    CatalogWriter, Codec, CollectionOptions, ColumnRule, ImportOptions, ImportPhase, ImportProgress, ImportedCatalog,
    KEY_COLUMN, PartitionRows, PartitionWriter, WriteOptions, WrittenCatalog, collect_catalog, compare_with_manifest,
    import_parquet, import_tables, keyed_schema, partition_sky, seal_catalog, seal_collection, write_catalog,
    write_collection,
};
pub use integrity::{Digest, LeafSeal, MANIFEST, NanCounts, PAGES, nan_counts};
pub use options::{BlockCacheOptions, EngineOptions, QueryLimits, Rules, UnknownRule};
pub use outgoing::{FetchLimits, Fetched, Outgoing, OutgoingError};
pub use principal::Principal;
pub use service::{
    CacheUse, Estimate, Execution, Gate, OverflowFlag, PreparedQuery, Provenance, QueryClass, QueryKind, QueryProgress,
    QueryRequest, QueryResult, QueryService, QueryWork, Reference, Resources, ResultStream, SpillSpace,
};
pub use sidereus_adql::{Extension, Extensions, Label, UnknownExtension, Version};
pub use tables::{
    Chunk, Places, ReadOptions, Reject, TableBatch, TableFormat, TableInput, TableReader, UploadLimits, open_table,
};
pub use uploads::{UploadOptions, UploadedTable};
