//! Are tables that a request brings along read as they are, seen by nobody else, and harmless whatever they are?

#[path = "../support/mod.rs"]
mod support;

mod draw;
mod fuzz;
mod hostile;
mod memory;
mod names;
mod places;
mod seeds;

use std::io::{Cursor, Read};
use std::path::Path;
use std::sync::Arc;

use sidereus_engine::{EngineError, TableFormat, TableInput, UploadLimits, UploadOptions, UploadedTable};

fn upload(name: &str, file: &str, bytes: impl Into<Vec<u8>>, into: &Path) -> Result<Arc<UploadedTable>, EngineError> {
    upload_within(name, (file, bytes.into()), into, UploadLimits::default())
}

fn upload_within(
    name: &str,
    (file, bytes): (&str, Vec<u8>),
    into: &Path,
    limits: UploadLimits,
) -> Result<Arc<UploadedTable>, EngineError> {
    stored(name, (file, Box::new(Cursor::new(bytes))), into, limits)
}

fn stored(
    name: &str,
    (file, bytes): (&str, Box<dyn Read + Send>),
    into: &Path,
    limits: UploadLimits,
) -> Result<Arc<UploadedTable>, EngineError> {
    let input = TableInput::Stream { name: file.to_owned(), bytes };
    let options = UploadOptions { limits, format: TableFormat::of_name(file), ..UploadOptions::default() };
    UploadedTable::store(name, input, into, &options).map(Arc::new)
}
