//! What can end a benchmark early.

use std::path::PathBuf;

use sidereus_engine::EngineError;

/// An error of the harness.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BenchError {
    /// An argument that cannot be met.
    #[error("{0}")]
    Argument(String),
    /// A file that cannot be read or written.
    #[error("{}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// The catalog could not be written.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// Rows could not be put together.
    #[error(transparent)]
    Arrow(#[from] arrow::error::ArrowError),
    /// The server did not start, or ended.
    #[error("server: {0}")]
    Server(String),
    /// The server refused a query or broke off.
    #[error("query failed: {0}")]
    Query(String),
    /// The server answered, and wrongly.
    #[error("wrong answer: {0}")]
    WrongAnswer(String),
    /// Something takes longer than before.
    #[error("slower than the baseline:\n  {}", .0.join("\n  "))]
    Slower(Vec<String>),
}
