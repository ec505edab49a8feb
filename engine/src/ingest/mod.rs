//! How do rows become a catalog that prunes well?
//!
//! ```text
//!  batches -> keys -> sort -> partition -> leaf files -> metadata -> rename into place
//!             _healpix_29      adaptive     one a cell    HATS
//! ```
//! [`import_tables`] walks the whole way for table files of any size, [`write_catalog`] for rows in memory. A generator that makes its rows cell by cell already
//! sorted enters at [`CatalogWriter`] and fills its partitions in parallel.
//!
//! What is written is described in `docs/hats-extensions.md`. This module must not know queries, sessions or protocols.

mod checksum;
mod collection;
mod columns;
mod failure;
mod finished;
mod fits;
mod footers;
mod id_index;
mod import;
mod journal;
mod keys;
mod layout;
mod leaf;
mod manifest;
mod margin;
mod options;
mod partition;
mod plain;
mod progress;
mod properties;
mod reading;
mod rejects;
mod runs;
mod settings;
mod skymap;
mod sort;
mod sorted;
mod sources;
mod staging;
mod writer;

pub(crate) use collection::collection_members;
pub use collection::{CollectionOptions, collect_catalog, seal_collection, write_collection};
pub use columns::ColumnRule;
pub use import::{ImportOptions, ImportedCatalog, import_parquet, import_tables, write_catalog};
pub use keys::{KEY_COLUMN, keyed_schema};
pub(crate) use manifest::check_manifest;
pub use manifest::{compare_with_manifest, seal_catalog};
pub use options::{Codec, WriteOptions};
pub use partition::{PartitionRows, partition_sky};
pub use progress::{ImportPhase, ImportProgress};
pub use writer::{CatalogWriter, PartitionWriter, WrittenCatalog};
