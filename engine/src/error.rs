//! Which kinds of failure the engine knows, and what a caller can do about each.
//!
//! Every error has one [`ErrorKind`]; front ends map the kind, never the text, to a status of their protocol.
//! `DataFusionError` is classified in one place, here. This module knows no protocol.

use sidereus_adql::QueryErrors;

/// What a caller can do about an error; total over all errors of the engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// The query or a parameter is wrong: change it.
    BadQuery,
    /// The named table, function or object does not exist (for this principal).
    NotFound,
    /// The name is taken.
    AlreadyExists,
    /// Say who you are.
    Unauthenticated,
    /// The principal may not do this.
    Forbidden,
    /// A limit of the service was hit: ask for less.
    LimitExceeded,
    /// The time allowed was used up.
    Timeout,
    /// Try again later.
    Unavailable,
    /// A defect or damaged data on the server; the text is for its log.
    Internal,
}

/// An error of the engine.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EngineError {
    /// The query text is wrong; each error points at its place.
    #[error("{0}")]
    Query(QueryErrors),
    /// A request that is well formed but cannot be answered.
    #[error("{message}")]
    Request {
        /// What a caller can do.
        kind: ErrorKind,
        /// What was wrong, lower case, naming the thing.
        message: String,
    },
    /// A catalog on disk or in an object store cannot be read.
    #[error("catalog {catalog}: {message}")]
    Catalog {
        /// The catalog's location or name.
        catalog: String,
        /// What was found and what was expected.
        message: String,
        /// The cause, where there is one.
        #[source]
        source: Option<Box<dyn std::error::Error + Send + Sync>>,
    },
    /// Planning or execution failed.
    #[error("{0}")]
    Execution(#[source] Box<datafusion::error::DataFusionError>, ErrorKind),
}
