//! Do the fast paths give the answers of the slow ones, and are covers safe?
//!
//! Random shapes at all places and sizes (poles, longitude 0, base cell corners, 1e-9 degrees to the whole sphere),
//! tested with positions that crowd at their borders, against independent formulas.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "properties/cover.rs"]
mod cover;
#[path = "properties/oracle.rs"]
mod oracle;
#[path = "properties/regions.rs"]
mod regions;
#[path = "properties/relations.rs"]
mod relations;
#[path = "properties/shapes.rs"]
mod shapes;
#[path = "properties/text.rs"]
mod text;
