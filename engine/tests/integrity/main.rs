//! Is a catalog that is not what was published an error, and never another answer?

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up ends here")]

mod audit;
mod collection;
mod mutations;
mod remote;
mod replaced;
mod sample;
mod snapshots;
#[path = "../support/mod.rs"]
mod support;
mod versions;
