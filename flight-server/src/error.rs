//! How does each kind of failure appear in each protocol?
//!
//! One table maps the engine's [`ErrorKind`] to an HTTP status and a gRPC code. Front ends ask it and never invent a
//! status of their own for an engine error. Only errors of kind `Internal` hide their text from clients: it goes to the
//! log with a request id, and the client is told the id. This module knows no endpoint.

use axum::http::StatusCode;
use sidereus_engine::{EngineError, ErrorKind};
use tonic::metadata::MetadataValue;
use tonic::{Code, Status};
use uuid::Uuid;

/// Every kind with its HTTP status and gRPC code.
const TABLE: [(ErrorKind, StatusCode, Code); 9] = [
    (ErrorKind::BadQuery, StatusCode::BAD_REQUEST, Code::InvalidArgument),
    (ErrorKind::NotFound, StatusCode::NOT_FOUND, Code::NotFound),
    (ErrorKind::AlreadyExists, StatusCode::CONFLICT, Code::AlreadyExists),
    (ErrorKind::Unauthenticated, StatusCode::UNAUTHORIZED, Code::Unauthenticated),
    (ErrorKind::Forbidden, StatusCode::FORBIDDEN, Code::PermissionDenied),
    (ErrorKind::LimitExceeded, StatusCode::BAD_REQUEST, Code::ResourceExhausted),
    (ErrorKind::Timeout, StatusCode::REQUEST_TIMEOUT, Code::DeadlineExceeded),
    (ErrorKind::Unavailable, StatusCode::SERVICE_UNAVAILABLE, Code::Unavailable),
    (ErrorKind::Internal, StatusCode::INTERNAL_SERVER_ERROR, Code::Internal),
];

/// Bytes of a gRPC status message that every client accepts in a trailer.
const GRPC_MESSAGE_BYTES: usize = 4096;

/// Identifies one request in the log and in error texts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RequestId(String);

impl RequestId {
    /// Makes an id that no other request has.
    pub(crate) fn new() -> Self {
        Self(Uuid::new_v4().simple().to_string())
    }

    /// The id as clients see it.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for RequestId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// HTTP status of a kind.
pub(crate) fn http_status(kind: ErrorKind) -> StatusCode {
    row(kind).1
}

/// gRPC code of a kind.
pub(crate) fn grpc_code(kind: ErrorKind) -> Code {
    row(kind).2
}

/// The text of an error for the client who made `request`; the text of an `Internal` error goes to the log instead.
pub(crate) fn public_text(error: &EngineError, request: &RequestId) -> String {
    if error.kind() == ErrorKind::Internal {
        tracing::error!(request = %request, error = %chain(error), "internal error");
        return internal_text(request);
    }
    error.to_string()
}

/// What clients are told of an error that hides its text.
pub(crate) fn internal_text(request: &RequestId) -> String {
    format!("internal error; its cause is in the server's log under request {request}")
}

/// An engine error as a gRPC status, its text cut to what a trailer can carry.
pub(crate) fn status(error: &EngineError) -> Status {
    let text = public_text(error, &RequestId::new());
    let mut status = Status::new(grpc_code(error.kind()), shortened(text, GRPC_MESSAGE_BYTES));
    if let Some(time) = error.retry_after() {
        status.metadata_mut().insert("retry-after", MetadataValue::from(time.as_secs()));
    }
    status
}

/// An error and its causes in one line, for logs and for the owner of a local command.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut last = text.clone();
    let mut next = error.source();
    while let Some(cause) = next {
        let cause_text = cause.to_string();
        // A cause may say the same with the name of its layer before it.
        if !text.contains(&cause_text) && !cause_text.ends_with(&last) {
            text.push_str(": ");
            text.push_str(&cause_text);
            last = cause_text;
        }
        next = cause.source();
    }
    text
}

fn row(kind: ErrorKind) -> &'static (ErrorKind, StatusCode, Code) {
    TABLE.iter().find(|row| row.0 == kind).unwrap_or(&TABLE[TABLE.len() - 1])
}

fn shortened(mut text: String, bytes: usize) -> String {
    if text.len() > bytes {
        let mut end = bytes;
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        text.truncate(end);
        text.push_str(" ...");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const KINDS: [ErrorKind; 9] = [
        ErrorKind::BadQuery,
        ErrorKind::NotFound,
        ErrorKind::AlreadyExists,
        ErrorKind::Unauthenticated,
        ErrorKind::Forbidden,
        ErrorKind::LimitExceeded,
        ErrorKind::Timeout,
        ErrorKind::Unavailable,
        ErrorKind::Internal,
    ];

    fn request(kind: ErrorKind) -> EngineError {
        EngineError::Request { kind, message: "the secret cause".to_owned() }
    }

    #[test]
    fn every_kind_has_one_row() {
        for kind in KINDS {
            assert_eq!(TABLE.iter().filter(|row| row.0 == kind).count(), 1, "{kind:?}");
            assert!(http_status(kind).as_u16() >= 400);
            assert_ne!(grpc_code(kind), Code::Ok);
        }
    }

    #[test]
    fn only_internal_errors_hide_their_text() {
        for kind in KINDS {
            let status = status(&request(kind));
            assert_eq!(status.message().contains("secret"), kind != ErrorKind::Internal, "{kind:?}");
            assert_eq!(status.code(), grpc_code(kind));
        }
    }

    /// An error of a layer, with the one below.
    #[derive(Debug, thiserror::Error)]
    #[error("{0}")]
    struct Layer(&'static str, #[source] Option<Box<Self>>);

    #[test]
    fn what_layers_repeat_is_said_once() {
        let chain_of = |texts: &[&'static str]| {
            let error = texts.iter().rev().fold(None, |below, text| Some(Box::new(Layer(text, below))));
            chain(error.as_deref().expect("a layer"))
        };
        let page = "file a.parquet is another";
        assert_eq!(chain_of(&[page, "External error: file a.parquet is another", page]), page);
        assert_eq!(chain_of(&["cannot open", "no such file"]), "cannot open: no such file");
        assert_eq!(chain_of(&["cannot open", "store: cannot open", "no such file"]), "cannot open: no such file");
    }

    #[test]
    fn long_messages_are_cut_between_characters() {
        let cut = shortened("é".repeat(4000), GRPC_MESSAGE_BYTES + 1);
        assert!(cut.len() <= GRPC_MESSAGE_BYTES + 5 && cut.ends_with(" ..."));
    }
}
