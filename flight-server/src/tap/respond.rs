//! How does TAP say that something is wrong, and how does it send XML?

use axum::body::Body;
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};

use sidereus_engine::{EngineError, ErrorKind};

use crate::error::{self, RequestId};
use crate::format::{EncodeError, votable};
use crate::jobs::UploadError;
use crate::storage::StorageError;

const VOTABLE: HeaderValue = HeaderValue::from_static("application/x-votable+xml");
const XML: HeaderValue = HeaderValue::from_static("text/xml; charset=utf-8");

/// Seconds after which a busy service may be asked again.
const RETRY_SECONDS: HeaderValue = HeaderValue::from_static("5");

/// A VOTable document that tells an error (DALI 1.1, section 4.4).
pub(crate) fn error_response(status: StatusCode, message: &str) -> Response {
    let mut headers = HeaderMap::from_iter([(CONTENT_TYPE, VOTABLE)]);
    if status == StatusCode::SERVICE_UNAVAILABLE {
        headers.insert(RETRY_AFTER, RETRY_SECONDS);
    }
    (status, headers, votable::error_document(message)).into_response()
}

/// The error document of a query that failed before its first byte left.
///
/// Whatever is wrong with the query itself is the client's to mend: 400, also for names that do not exist.
pub(super) fn failed(failure: &EncodeError, request: &RequestId) -> Response {
    let status = match failure {
        EncodeError::Query(EngineError::Query(_)) => StatusCode::BAD_REQUEST,
        other => error::http_status(other.kind()),
    };
    let mut response = error_response(status, &failure.public_text(request));
    if let EncodeError::Query(error) = failure
        && let Some(time) = error.retry_after()
    {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(time.as_secs()));
    }
    response
}

/// The error document of a table that could not be taken in.
pub(super) fn upload_failed(failure: &UploadError, request: &RequestId) -> Response {
    let status = match failure {
        UploadError::Storage(StorageError::Quota { .. }) => StatusCode::INSUFFICIENT_STORAGE,
        UploadError::Table { .. } | UploadError::Fetch { .. } if failure.kind() == ErrorKind::LimitExceeded => {
            StatusCode::PAYLOAD_TOO_LARGE
        }
        _ => error::http_status(failure.kind()),
    };
    if failure.kind() == ErrorKind::Internal {
        tracing::error!(request = %request, error = %error::chain(failure), "internal error");
        return error_response(status, &error::internal_text(request));
    }
    error_response(status, &failure.to_string())
}

/// An XML document.
pub(super) fn xml_response(document: String) -> Response {
    let mut response = Response::new(Body::from(document));
    response.headers_mut().insert(CONTENT_TYPE, XML);
    response
}
