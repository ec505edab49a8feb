//! Which bytes of a catalog does a query need, and which rows do they hold?
//!
//! ```text
//! region + comparisons
//!   |  cover.rs    region -> HEALPix ranges (once a query)
//!   |  select.rs   ranges -> partitions -> row groups -> pages
//!   |  extremes.rs  compared numbers -> pages that can hold them
//!   |  id_lookup.rs  ids -> an index -> keys of their rows
//!   |  bounds.rs   bounds on right ascension and declination -> a region to read
//!   |  by_key.rs   rows by their keys, where few of many can be in the region
//!   |  fetch.rs    byte ranges -> bytes, counted
//!   |  kept.rs, blocks.rs   of remote files: what is on the local disk
//!   |  intervals.rs, filter.rs   columns within bounds, then whatever else is compared
//!   |  decode.rs   positions and compared columns first, exact test, then the rest of the kept rows
//!   |  exec.rs     `HatsScanExec`: the operator that DataFusion runs
//!   |  tally.rs    what footers say of all rows
//! ```
//! The scan knows no SQL: it is handed a region, physical expressions and a projection.

mod at_hand;
mod blocks;
mod bounds;
mod by_key;
mod cache;
mod columns;
mod cover;
mod decode;
mod descriptor;
mod estimate;
mod exec;
mod extremes;
mod fetch;
mod filter;
mod id_lookup;
mod intervals;
mod kept;
mod keys;
mod metrics;
mod narrow;
mod probe;
mod select;
mod stream;
mod tally;
mod wanted;

pub(crate) use blocks::BlockCache;
pub(crate) use cache::FooterCache;
pub(crate) use cover::SpatialFilter;
pub(crate) use descriptor::{ScanDescriptor, ScanRequest};
pub(crate) use estimate::row_bytes;
pub(crate) use exec::HatsScanExec;
pub(crate) use id_lookup::IdLookup;
pub(crate) use narrow::{KeyRanges, Narrowing, PAD_DEG};
pub(crate) use tally::Tally;
pub(crate) use wanted::WantedIds;
