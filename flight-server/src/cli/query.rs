//! `sidereus query`: one query, in this process, its rows to standard output or a file.

use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use arrow::datatypes::SchemaRef;
use clap::Args;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use sidereus_engine::{QueryProgress, QueryRequest};
use tokio::fs::File;

use super::{CommandError, Language, Source, query_text};
use crate::format::{self, Encoding, Head, OutputFormat, WriteError};
use crate::logging;
use crate::services::Services;

/// Options of the command.
#[derive(Debug, Args)]
pub(super) struct Options {
    /// The query; `-` reads standard input.
    query: String,
    #[command(flatten)]
    source: Source,
    /// csv, tsv, json, text, html, votable, votable/b2, votable/b, votable_gzip, parquet, arrow, arrow-file, fits or table
    /// [default: table on a terminal, else csv].
    #[arg(long, value_name = "FORMAT")]
    format: Option<String>,
    /// Write to a file instead of standard output.
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// The language of the query.
    #[arg(long, value_enum, default_value = "adql")]
    lang: Language,
    /// Cut the answer after that many rows, and say so.
    #[arg(long, value_name = "N")]
    max_rows: Option<u64>,
}

/// Runs the command.
pub(super) async fn run(options: Options) -> Result<(), CommandError> {
    logging::start_quiet()?;
    let format = output_format(&options)?;
    let text = query_text(&options.query)?;
    let config = options.source.load()?;
    let owner = config.owner();
    let services = Services::open(config).await?;
    let mut request = QueryRequest::new(text.clone(), options.lang.into());
    request.limits.max_rows = options.max_rows;
    let result = services.query.run(&owner, &request).await?;
    let bar = progress_bar(options.output.is_some());
    let ticking = tick(bar.clone(), result.progress());
    // A cut is told on standard error.
    let head = Head { overflow_line: false, ..Head::new(SchemaRef::clone(&result.schema), Some(text)) };
    let encoding = Encoding::with_head(result, format, &head)?;
    let written = tokio::select! {
        written = write(encoding, options.output) => written,
        () = ticking => Ok(false),
    };
    bar.finish_and_clear();
    if written? && format.name() != "table" {
        writeln!(std::io::stderr(), "warning: rows were left out after {} rows", options.max_rows.unwrap_or_default())?;
    }
    Ok(())
}

/// Writes everything; tells whether rows were left out.
async fn write(mut encoding: Encoding, output: Option<PathBuf>) -> Result<bool, CommandError> {
    match output {
        None => {
            let mut out = std::io::stdout();
            // One piece behind: a query that fails before its first row leaves nothing, not the head of a document.
            let mut held = encoding.next().await?;
            while let Some(piece) = held {
                held = encoding.next().await?;
                out.write_all(&piece)?;
            }
            out.flush()?;
            Ok(encoding.is_overflow())
        }
        Some(path) => {
            let mut out = File::create(&path).await.map_err(CommandError::at(&path))?;
            let written = encoding.write_to(&mut out).await;
            if written.is_err() {
                // A part must not be taken for the whole.
                remove_partial(&path);
            }
            written.map(|written| written.overflow).map_err(|error| match error {
                WriteError::Encode(error) => error.into(),
                WriteError::Io(error) => CommandError::at(&path)(error),
            })
        }
    }
}

/// Removes a regular file; devices and pipes stay.
fn remove_partial(path: &Path) {
    if std::fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_file()) {
        // The error that led here is the one to tell.
        let _ = std::fs::remove_file(path);
    }
}

fn output_format(options: &Options) -> Result<&'static dyn OutputFormat, CommandError> {
    let to_terminal = options.output.is_none() && std::io::stdout().is_terminal();
    let name = options.format.as_deref().unwrap_or(if to_terminal { "table" } else { "csv" });
    let format = format::find(name).ok_or_else(|| {
        let names: Vec<&str> = format::ALL.iter().map(|format| format.name()).collect();
        CommandError::Usage(format!("unknown format {name:?}: expected one of {}", names.join(", ")))
    })?;
    if to_terminal && matches!(format.name(), "parquet" | "arrow" | "arrow-file" | "fits" | "votable_gzip") {
        return Err(CommandError::Usage(format!("{name} is no text: name a file with --output, or pipe it")));
    }
    Ok(format)
}

/// A bar on standard error where that is a terminal and rows do not go to one.
fn progress_bar(to_file: bool) -> ProgressBar {
    if !std::io::stderr().is_terminal() || (!to_file && std::io::stdout().is_terminal()) {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
    let template = "{bar:30} {pos}/{len} partitions, {msg} rows, {elapsed}";
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar
}

/// Moves the bar for ever.
async fn tick(bar: ProgressBar, progress: Arc<dyn Fn() -> QueryProgress + Send + Sync>) {
    loop {
        tokio::time::sleep(Duration::from_millis(100)).await;
        let now = progress();
        bar.set_length(now.partitions_planned.max(1));
        bar.set_position(now.partitions_done);
        bar.set_message(now.rows.to_string());
    }
}
