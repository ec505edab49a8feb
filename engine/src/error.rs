//! Which kinds of failure the engine knows, and what a caller can do about each.
//!
//! Every error has one [`ErrorKind`]; front ends map the kind, never the text, to a status of their protocol.
//! `DataFusionError` is classified in one place, here. This module knows no protocol.

use std::error::Error;
use std::io;
use std::time::Duration;

use arrow::error::ArrowError;
use datafusion::error::DataFusionError;
use sidereus_adql::{QueryErrorKind, QueryErrors};

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

/// What is said where a disk has no room.
pub const DISK_FULL: &str = "the server's disk is full: nothing more is written until there is room";

/// Whether an error comes of a disk without room, or of a quota that is used up.
#[must_use]
pub fn is_disk_full(error: &(dyn Error + 'static)) -> bool {
    let full = |error: &io::Error| matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded);
    causes(error).any(|error| error.downcast_ref::<io::Error>().is_some_and(full))
}

/// An error, its cause, the cause of that and so on; also what was put into an error of input or output.
fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |error: &&'a (dyn Error + 'static)| {
        let error: &'a (dyn Error + 'static) = *error;
        match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
            Some(inner) => Some(inner),
            None => error.source(),
        }
    })
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
    /// The service has enough to do; told as `Unavailable`.
    #[error("{message}")]
    Busy {
        /// Which limit was hit, and its value.
        message: String,
        /// Time after which to ask again.
        retry_after: Duration,
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
        source: Option<Box<dyn Error + Send + Sync>>,
    },
    /// Planning or execution failed.
    #[error("{message}")]
    Execution {
        /// What a caller can do.
        kind: ErrorKind,
        /// What went wrong, without the wrappers of the plan's layers.
        message: String,
        /// The engine's own error.
        #[source]
        source: Box<DataFusionError>,
    },
}

impl EngineError {
    /// An error with a kind and a text.
    pub(crate) fn request(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self::Request { kind, message: message.into() }
    }

    /// What the caller can do.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Query(errors) => match errors.kind() {
                QueryErrorKind::BadQuery => ErrorKind::BadQuery,
                QueryErrorKind::NotFound => ErrorKind::NotFound,
                QueryErrorKind::Forbidden => ErrorKind::Forbidden,
                QueryErrorKind::LimitExceeded => ErrorKind::LimitExceeded,
            },
            Self::Request { kind, .. } | Self::Execution { kind, .. } => *kind,
            Self::Busy { .. } => ErrorKind::Unavailable,
            Self::Catalog { .. } => ErrorKind::Internal,
        }
    }

    /// Time after which to ask again, where the service knows.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Busy { retry_after, .. } => Some(*retry_after),
            _ => None,
        }
    }
}

impl From<QueryErrors> for EngineError {
    fn from(errors: QueryErrors) -> Self {
        Self::Query(errors)
    }
}

impl From<DataFusionError> for EngineError {
    fn from(error: DataFusionError) -> Self {
        match peel(error) {
            Peeled::Ours(error) => *error,
            Peeled::Foreign(error) => {
                let own = causes(error.as_ref()).find_map(|cause| cause.downcast_ref::<Self>());
                let (kind, message) = own.map_or_else(|| classify(&error), |own| (own.kind(), own.to_string()));
                Self::Execution { kind, message, source: error }
            }
        }
    }
}

enum Peeled {
    Ours(Box<EngineError>),
    Foreign(Box<DataFusionError>),
}

/// Takes off the wrappers that layers put around an error on its way up.
fn peel(error: DataFusionError) -> Peeled {
    match error {
        DataFusionError::Context(_, inner) | DataFusionError::Diagnostic(_, inner) => peel(*inner),
        DataFusionError::External(inner) => match inner.downcast::<EngineError>() {
            Ok(ours) => Peeled::Ours(ours),
            Err(inner) => match inner.downcast::<DataFusionError>() {
                Ok(inner) => peel(*inner),
                Err(other) => Peeled::Foreign(Box::new(DataFusionError::External(other))),
            },
        },
        DataFusionError::Shared(inner) => match std::sync::Arc::try_unwrap(inner) {
            Ok(inner) => peel(inner),
            Err(shared) => Peeled::Foreign(Box::new(DataFusionError::Shared(shared))),
        },
        DataFusionError::ArrowError(inner, backtrace) => match *inner {
            ArrowError::ExternalError(inner) => peel(DataFusionError::External(inner)),
            other => Peeled::Foreign(Box::new(DataFusionError::ArrowError(Box::new(other), backtrace))),
        },
        other => Peeled::Foreign(Box::new(other)),
    }
}

/// Kind and text of an error that came from DataFusion, Arrow, Parquet or a store.
fn classify(error: &DataFusionError) -> (ErrorKind, String) {
    if is_disk_full(error) {
        return (ErrorKind::Unavailable, DISK_FULL.to_owned());
    }
    match error {
        DataFusionError::SQL(inner, _) => (ErrorKind::BadQuery, inner.to_string()),
        DataFusionError::Plan(message) | DataFusionError::Configuration(message) => {
            (ErrorKind::BadQuery, message.clone())
        }
        DataFusionError::SchemaError(inner, _) => (ErrorKind::BadQuery, inner.to_string()),
        DataFusionError::NotImplemented(message) => (ErrorKind::BadQuery, format!("not supported: {message}")),
        DataFusionError::Execution(message) => {
            (ErrorKind::BadQuery, unusable_pattern(message).unwrap_or_else(|| message.clone()))
        }
        DataFusionError::ArrowError(inner, _) => (arrow_kind(inner), arrow_message(inner)),
        DataFusionError::ResourcesExhausted(message) => (ErrorKind::LimitExceeded, message.clone()),
        DataFusionError::ObjectStore(inner) => {
            (ErrorKind::Unavailable, format!("a catalog file cannot be read: {inner}"))
        }
        DataFusionError::IoError(inner) => {
            (ErrorKind::Unavailable, format!("a file cannot be read or written: {inner}"))
        }
        DataFusionError::External(inner) => (ErrorKind::Internal, inner.to_string()),
        DataFusionError::Shared(inner) => classify(inner),
        DataFusionError::Context(_, inner) | DataFusionError::Diagnostic(_, inner) => classify(inner),
        DataFusionError::Collection(all) => {
            let kind = all.first().map_or(ErrorKind::Internal, |first| classify(first).0);
            (kind, all.iter().map(|one| classify(one).1).collect::<Vec<_>>().join("\n"))
        }
        DataFusionError::Internal(message) => match unusable_pattern(message) {
            Some(message) => (ErrorKind::BadQuery, message),
            None => (ErrorKind::Internal, error.strip_backtrace()),
        },
        other => (ErrorKind::Internal, other.strip_backtrace()),
    }
}

fn arrow_kind(error: &ArrowError) -> ErrorKind {
    match error {
        ArrowError::DivideByZero
        | ArrowError::ArithmeticOverflow(_)
        | ArrowError::CastError(_)
        | ArrowError::ComputeError(_)
        | ArrowError::InvalidArgumentError(_)
        | ArrowError::ParseError(_) => ErrorKind::BadQuery,
        ArrowError::MemoryError(_) | ArrowError::OffsetOverflowError(_) => ErrorKind::LimitExceeded,
        _ => ErrorKind::Internal,
    }
}

fn arrow_message(error: &ArrowError) -> String {
    match error {
        ArrowError::DivideByZero => "division by zero".to_owned(),
        ArrowError::ArithmeticOverflow(what) => format!("arithmetic overflow: {what}"),
        ArrowError::CastError(message) => unreadable(message).unwrap_or_else(|| error.to_string()),
        ArrowError::ComputeError(message) => unusable_pattern(message).unwrap_or_else(|| error.to_string()),
        other => other.to_string(),
    }
}

/// Our words for a text that is no value of the type it is compared with or converted to.
fn unreadable(message: &str) -> Option<String> {
    let (text, kind) = message.strip_prefix("Cannot cast string ")?.rsplit_once(" to value of ")?;
    Some(format!("the string {text} cannot be read as {}", kind.strip_suffix(" type").unwrap_or(kind)))
}

/// Our words for a text that is no regular expression, or one that would take too much memory.
fn unusable_pattern(message: &str) -> Option<String> {
    let (_, why) = message.split_once("Regular expression did not compile: ")?;
    Some(match why.strip_prefix("CompiledTooBig(").and_then(|rest| rest.split_once(')')) {
        Some((bytes, _)) => format!("the regular expression would take more than {bytes} bytes"),
        None => {
            let why = why.lines().find_map(|line| line.strip_prefix("error: ")).unwrap_or(why);
            format!("the pattern is no regular expression: {why}")
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrappers_are_taken_off() {
        let ours = EngineError::request(ErrorKind::Forbidden, "no");
        let wrapped = DataFusionError::Context(
            "while scanning".to_owned(),
            Box::new(DataFusionError::ArrowError(
                Box::new(ArrowError::ExternalError(Box::new(DataFusionError::External(Box::new(ours))))),
                None,
            )),
        );
        let error = EngineError::from(wrapped);
        assert_eq!((error.kind(), error.to_string()), (ErrorKind::Forbidden, "no".to_owned()));
    }

    #[test]
    fn memory_is_a_limit_and_overflow_a_bad_query() {
        let memory = EngineError::from(DataFusionError::ResourcesExhausted("pool".to_owned()));
        assert_eq!(memory.kind(), ErrorKind::LimitExceeded);
        let overflow = ArrowError::ArithmeticOverflow("9223372036854775807 + 1".to_owned());
        let overflow = EngineError::from(DataFusionError::ArrowError(Box::new(overflow), None));
        assert_eq!(overflow.kind(), ErrorKind::BadQuery);
    }
}
