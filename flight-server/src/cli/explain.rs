//! `sidereus explain`: the plan of a query, and with `--analyze` what running it read and skipped.

use std::io::Write;

use arrow::array::AsArray;
use arrow::compute::cast;
use arrow::datatypes::DataType;
use arrow::record_batch::RecordBatch;
use clap::Args;
use futures::StreamExt;
use sidereus_engine::{QueryKind, QueryRequest};

use super::{CommandError, Language, Source, query_text};
use crate::format::{EncodeError, FormatError};
use crate::logging;
use crate::services::Services;

/// Options of the command.
#[derive(Debug, Args)]
pub(super) struct Options {
    /// The query; `-` reads standard input.
    query: String,
    #[command(flatten)]
    source: Source,
    /// Run the query, and show what it read and skipped.
    #[arg(long)]
    analyze: bool,
    /// The language of the query.
    #[arg(long, value_enum, default_value = "adql")]
    lang: Language,
}

/// Runs the command.
pub(super) async fn run(options: Options) -> Result<(), CommandError> {
    logging::start_quiet()?;
    let text = query_text(&options.query)?;
    let config = options.source.load()?;
    let owner = config.owner();
    let services = Services::open(config).await?;
    // Errors point at places in the user's own text, before a word is put in front of it.
    let request = QueryRequest::new(text.clone(), options.lang.into());
    let prepared = services.query.prepare(&owner, &request).await?;
    let text = match (prepared.kind(), options.analyze) {
        (QueryKind::Explain { .. }, _) => text,
        (QueryKind::Select, false) => format!("EXPLAIN {text}"),
        (QueryKind::Select, true) => format!("EXPLAIN ANALYZE {text}"),
    };
    let mut result = services.query.run(&owner, &QueryRequest::new(text, options.lang.into())).await?;
    while let Some(batch) = result.stream.next().await {
        let lines = lines(&batch?).map_err(EncodeError::from)?;
        std::io::stdout().write_all(lines.as_bytes())?;
    }
    Ok(())
}

/// Every value on lines of its own.
fn lines(batch: &RecordBatch) -> Result<String, FormatError> {
    let columns = batch.columns().iter().map(|column| cast(column, &DataType::Utf8)).collect::<Result<Vec<_>, _>>()?;
    let mut lines = String::new();
    for row in 0..batch.num_rows() {
        for column in &columns {
            lines.push_str(column.as_string::<i32>().value(row).trim_end());
            lines.push('\n');
        }
    }
    Ok(lines)
}
