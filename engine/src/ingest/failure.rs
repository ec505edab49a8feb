//! What a caller is told when a catalog cannot be written.

use std::path::Path;

use crate::error::{EngineError, ErrorKind};

/// Says that the rows or the options are wrong.
pub(super) fn bad_input(message: impl Into<String>) -> EngineError {
    EngineError::Request { kind: ErrorKind::BadQuery, message: message.into() }
}

/// Says that the target is there already.
pub(super) fn target_exists(target: &Path) -> EngineError {
    EngineError::Request {
        kind: ErrorKind::AlreadyExists,
        message: format!("{} exists; a catalog is never overwritten", target.display()),
    }
}

/// Wraps the error of a file operation or of an encoder, naming the place and what was being done.
pub(super) fn failed<E>(place: &Path, doing: &str) -> impl FnOnce(E) -> EngineError
where
    E: std::error::Error + Send + Sync + 'static,
{
    let catalog = place.display().to_string();
    let doing = doing.to_owned();
    move |error| EngineError::Catalog {
        catalog,
        message: format!("cannot {doing}: {error}"),
        source: Some(Box::new(error)),
    }
}
