//! What goes wrong with a request for a file, and how is it told?

use axum::http::StatusCode;
use axum::http::header::{HeaderValue, RETRY_AFTER};
use axum::response::Response;
use parquet::errors::ParquetError;
use sidereus_engine::{EngineError, ErrorKind};

use super::selection::SelectionError;
use crate::error::{self, RequestId};
use crate::format::EncodeError;
use crate::storage::StorageError;

/// Why a file is not sent.
#[derive(Debug, thiserror::Error)]
pub(super) enum HatsError {
    /// There is no such thing, for this caller.
    #[error("{0}")]
    Absent(String),
    /// The request is wrong.
    #[error("{0}")]
    Wrong(String),
    /// More is asked for than is given.
    #[error("{0}")]
    TooMuch(String),
    /// The catalog was replaced meanwhile.
    #[error("the catalog was replaced while it was read; ask again")]
    Replaced,
    /// A file of the catalog is not as it should be.
    #[error("{0}")]
    Broken(String),
    /// A query or a store failed.
    #[error(transparent)]
    Encode(#[from] EncodeError),
    /// The answer cannot be kept.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// A file of the catalog cannot be copied.
    #[error("a Parquet file cannot be copied: {0}")]
    Parquet(#[from] ParquetError),
}

impl From<EngineError> for HatsError {
    fn from(error: EngineError) -> Self {
        Self::Encode(error.into())
    }
}

impl From<SelectionError> for HatsError {
    fn from(error: SelectionError) -> Self {
        Self::Wrong(error.to_string())
    }
}

impl HatsError {
    pub(super) fn absent(message: impl Into<String>) -> Self {
        Self::Absent(message.into())
    }

    pub(super) fn wrong(message: impl Into<String>) -> Self {
        Self::Wrong(message.into())
    }

    pub(super) fn broken(message: impl Into<String>) -> Self {
        Self::Broken(message.into())
    }

    fn kind(&self) -> ErrorKind {
        match self {
            Self::Absent(_) => ErrorKind::NotFound,
            Self::Wrong(_) => ErrorKind::BadQuery,
            Self::TooMuch(_) => ErrorKind::LimitExceeded,
            Self::Replaced => ErrorKind::Unavailable,
            Self::Encode(error) => error.kind(),
            Self::Storage(error) => error.kind(),
            Self::Broken(_) | Self::Parquet(_) => ErrorKind::Internal,
        }
    }

    /// The answer to a request that is known to the log by its id.
    pub(super) fn into_response(self, id: &RequestId) -> Response {
        let kind = self.kind();
        let text = match &self {
            Self::Encode(error) => error.public_text(id),
            other if kind == ErrorKind::Internal => {
                tracing::error!(request = %id, error = %error::chain(other), "internal error");
                error::internal_text(id)
            }
            other => other.to_string(),
        };
        let status: StatusCode = error::http_status(kind);
        let mut response = super::refused(status, &text);
        let later = match &self {
            Self::Encode(EncodeError::Query(error)) => error.retry_after(),
            _ => None,
        };
        if let Some(time) = later {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(time.as_secs().max(1)));
        }
        response
    }
}
