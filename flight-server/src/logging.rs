//! Where do log lines go, and in which form?
//!
//! To standard error: standard output belongs to results. Commands that end by themselves log warnings only.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

use crate::config::{ConfigError, Log, LogFormat};

/// Starts logging; a second call changes nothing.
///
/// *Errors*: filter directives that cannot be read.
pub(crate) fn start(log: &Log) -> Result<(), ConfigError> {
    let filter = EnvFilter::try_new(&log.filter)
        .map_err(|error| ConfigError::Value { key: "log.filter".to_owned(), message: error.to_string() })?;
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        // Told on standard error as well, which panics where nobody reads it any more.
        .log_internal_errors(false)
        .with_ansi(std::io::stderr().is_terminal());
    let started = match log.format {
        LogFormat::Text => builder.try_init(),
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
    };
    if let Err(error) = started {
        tracing::debug!(%error, "logging was started before");
    }
    Ok(())
}

/// Starts logging for a command that ends by itself.
pub(crate) fn start_quiet() -> Result<(), ConfigError> {
    start(&Log { format: LogFormat::Text, filter: "warn".to_owned() })
}
