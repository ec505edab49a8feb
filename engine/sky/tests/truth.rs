//! Does this crate agree with astropy, healpy and mocpy?
//!
//! Compares with tables that those libraries computed. The tables lie beside the project; where they are absent each
//! test says so and passes.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]
#![allow(clippy::print_stdout, reason = "a test that is skipped says so")]

#[path = "truth/epochs.rs"]
mod epochs;
#[path = "truth/files.rs"]
mod files;
#[path = "truth/frames.rs"]
mod frames;
#[path = "truth/healpix.rs"]
mod healpix;
#[path = "truth/mocs.rs"]
mod mocs;
#[path = "truth/polygons.rs"]
mod polygons;
