//! `/async`: queries as jobs (UWS 1.1; TAP 1.1, section 2.1).
//!
//! ```text
//! /async                GET list          POST new job
//! /async/ID             GET job (WAIT)    POST parameters, PHASE, DESTRUCTION, ACTION=DELETE    DELETE
//! /async/ID/phase       GET               POST PHASE=RUN, PHASE=ABORT
//! /async/ID/...         quote executionduration destruction error parameters results results/result owner
//! ```
//! A thin translation to [`Jobs`](crate::jobs::Jobs): what a query asks for is judged when it is to run, and what is wrong
//! with it then is the job's error.

mod change;
mod document;
mod job;
mod list;
mod result;

use axum::Router;
use axum::http::header::{CONTENT_TYPE, LOCATION};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use super::parameters::ParameterError;
use super::respond::error_response;
use crate::error::{self, RequestId};
use crate::jobs::{JobsError, UnknownPhase};
use crate::services::Services;
use sidereus_engine::ErrorKind;

pub(super) use change::delete_many;

/// Routes below `/async`.
pub(super) fn router() -> Router<Services> {
    Router::new()
        .route("/", get(list::show).post(change::create))
        .route("/{id}", get(job::show).post(change::update).delete(change::delete))
        .route("/{id}/phase", get(job::phase).post(change::update))
        .route("/{id}/quote", get(job::quote))
        .route("/{id}/executionduration", get(job::duration).post(change::update))
        .route("/{id}/destruction", get(job::destruction).post(change::update))
        .route("/{id}/owner", get(job::owner))
        .route("/{id}/error", get(job::error))
        .route("/{id}/parameters", get(job::parameters).post(change::update))
        .route("/{id}/results", get(result::list))
        .route("/{id}/results/result", get(result::show))
}

/// Why a request about jobs cannot be answered.
#[derive(Debug, thiserror::Error)]
enum UwsError {
    #[error(transparent)]
    Parameter(#[from] ParameterError),
    #[error(transparent)]
    Jobs(#[from] JobsError),
    #[error("parameter {0}: {1}")]
    Value(&'static str, String),
    #[error("{0}")]
    Absent(&'static str),
    /// Clients that ask for a result whatever came of the job show this alone.
    #[error("this job has no result: {0}")]
    Failed(String),
}

impl From<UnknownPhase> for UwsError {
    fn from(error: UnknownPhase) -> Self {
        Self::Value("PHASE", error.to_string())
    }
}

impl UwsError {
    /// The error document for the client who made `request`.
    fn response(&self, request: &RequestId) -> Response {
        let status = match self {
            Self::Parameter(error) => error.status(),
            Self::Jobs(error) => error::http_status(error.kind()),
            Self::Value(..) => StatusCode::BAD_REQUEST,
            Self::Absent(_) | Self::Failed(_) => StatusCode::NOT_FOUND,
        };
        if let Self::Jobs(error) = self
            && error.kind() == ErrorKind::Internal
        {
            tracing::error!(request = %request, error = %error::chain(error), "internal error");
            return error_response(status, &error::internal_text(request));
        }
        error_response(status, &self.to_string())
    }
}

type Result<T> = std::result::Result<T, UwsError>;

/// An answer, or its error document.
fn answered(answer: Result<Response>, request: &RequestId) -> Response {
    answer.unwrap_or_else(|error| error.response(request))
}

/// One value as text (UWS 1.1, section 2.2.2).
fn text(value: String) -> Response {
    ([(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"))], value).into_response()
}

/// Sends the client on.
fn see_other(url: &str) -> Response {
    match HeaderValue::from_str(url) {
        Ok(location) => (StatusCode::SEE_OTHER, [(LOCATION, location)]).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}
