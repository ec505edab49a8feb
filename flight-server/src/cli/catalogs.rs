//! `sidereus catalogs`: what can be queried, and what was found and cannot be.

use std::io::Write;
use std::sync::Arc;

use arrow::array::{ArrayRef, StringArray, UInt64Array};
use clap::Args;
use sidereus_engine::{CatalogKind, CatalogMetadata};

use super::small_table::small_table;
use super::{CommandError, Source};
use crate::error::chain;
use crate::format::{EncodeError, FormatError};
use crate::logging;
use crate::services::Services;

/// Options of the command.
#[derive(Debug, Args)]
pub(super) struct Options {
    #[command(flatten)]
    source: Source,
}

/// Runs the command.
pub(super) async fn run(options: Options) -> Result<(), CommandError> {
    logging::start_quiet()?;
    let services = Services::open(options.source.load()?).await?;
    let registry = services.query.registry();
    let text = table(registry.tables()).map_err(EncodeError::from)?;
    std::io::stdout().write_all(&text)?;
    let mut errors = std::io::stderr();
    for problem in registry.problems() {
        writeln!(errors, "problem: {}", chain(problem))?;
    }
    Ok(())
}

fn table(catalogs: &[Arc<CatalogMetadata>]) -> Result<Vec<u8>, FormatError> {
    let count = |number: usize| number as u64;
    let columns: [(&str, ArrayRef); 6] = [
        ("name", Arc::new(StringArray::from_iter_values(catalogs.iter().map(|c| c.name.to_string())))),
        ("kind", Arc::new(StringArray::from_iter_values(catalogs.iter().map(|c| kind(c.kind))))),
        ("rows", Arc::new(UInt64Array::from_iter(catalogs.iter().map(|c| c.rows)))),
        ("columns", Arc::new(UInt64Array::from_iter_values(catalogs.iter().map(|c| count(c.schema.fields().len()))))),
        ("partitions", Arc::new(UInt64Array::from_iter_values(catalogs.iter().map(|c| count(c.partitions.len()))))),
        ("location", Arc::new(StringArray::from_iter_values(catalogs.iter().map(|c| &c.location.display)))),
    ];
    small_table(columns)
}

const fn kind(kind: CatalogKind) -> &'static str {
    match kind {
        CatalogKind::Object => "object",
        CatalogKind::Source => "source",
        CatalogKind::Association => "association",
        CatalogKind::Map => "map",
        CatalogKind::Plain => "parquet",
    }
}
