//! Is a catalog on disk what it says it is, and what is in it?
//!
//! ```text
//!  verify   the manifest's digests; the rules of HATS; every row in its cell, in order; counts; maps     every problem, a line each
//!  stats    rows, bytes, columns with nulls, NaN, minimum and maximum, coverage
//! ```
//! Reads every byte of a local catalog or collection, on all threads. What is asked here is the operator's question; queries
//! check what they read by themselves, see [`crate::integrity`].

mod leaf;
mod skymap;
mod stats;
mod verify;

pub use stats::{CatalogStats, ColumnStats, catalog_stats};
pub use verify::{Verdict, verify_catalog};
