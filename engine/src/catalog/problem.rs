//! How a catalog that cannot be served is reported.
//!
//! One sentence names the place, what was found and what was expected; the registry keeps it and serves the others.

use crate::error::EngineError;

/// A catalog problem without a deeper cause.
pub(super) fn broken(catalog: impl Into<String>, message: impl Into<String>) -> EngineError {
    EngineError::Catalog { catalog: catalog.into(), message: message.into(), source: None }
}

/// A catalog problem with the error that caused it, which the message quotes.
pub(super) fn broken_by<E>(catalog: impl Into<String>, message: &str, cause: E) -> EngineError
where
    E: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let source = cause.into();
    EngineError::Catalog { catalog: catalog.into(), message: format!("{message}: {source}"), source: Some(source) }
}
