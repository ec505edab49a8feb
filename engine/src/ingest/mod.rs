//! How do rows become a catalog that prunes well?
//!
//! ```text
//!  batches -> keys -> sort -> partition -> leaf files -> metadata -> rename into place
//!             _healpix_29      adaptive     one a cell    HATS
//! ```
//! [`write_catalog`] walks the whole way for rows in memory. A generator that makes its rows cell by cell already
//! sorted enters at [`CatalogWriter`] and fills its partitions in parallel.
//!
//! What is written is described in `docs/hats-extensions.md`. This module must not know queries, sessions or protocols.

mod checksum;
mod collection;
mod failure;
mod finished;
mod fits;
mod footers;
mod id_index;
mod import;
mod keys;
mod layout;
mod leaf;
mod manifest;
mod margin;
mod nan_count;
mod options;
mod partition;
mod properties;
mod settings;
mod skymap;
mod sort;
mod staging;
mod writer;

pub use collection::{CollectionOptions, collect_catalog, write_collection};
pub use import::{import_parquet, write_catalog};
pub use keys::{KEY_COLUMN, keyed_schema};
pub(crate) use manifest::check_manifest;
pub use manifest::seal_catalog;
pub use nan_count::{NanCounts, nan_counts};
pub use options::{Codec, WriteOptions};
pub use partition::{PartitionRows, partition_sky};
pub use writer::{CatalogWriter, PartitionWriter, WrittenCatalog};
