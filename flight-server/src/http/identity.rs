//! Who sent this HTTP request?
//!
//! Reads the `Authorization` header, asks the [`Authenticator`](crate::auth::Authenticator), and leaves an engine `Principal` in the
//! request's extensions for handlers and in the response's for the log.

use axum::extract::{Request, State};
use axum::http::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::Response;

use crate::auth::AuthError;
use crate::error;
use crate::services::Services;

const CHALLENGES: [HeaderValue; 2] = [
    HeaderValue::from_static("Basic realm=\"sidereus\", charset=\"UTF-8\""),
    HeaderValue::from_static("Bearer realm=\"sidereus\""),
];

/// How a front end says no: a status and a text for the user.
pub(crate) type Refusal = fn(StatusCode, &str) -> Response;

/// Middleware that answers 401 to wrong credentials, and to none where they are wanted.
pub(super) async fn identify(
    State((services, refuse)): State<(Services, Refusal)>,
    mut request: Request,
    next: Next,
) -> Response {
    let principal = match authorization(request.headers()) {
        Ok(header) => services.auth.authorization(header).await,
        Err(error) => Err(error),
    };
    match principal {
        Ok(principal) => {
            request.extensions_mut().insert(principal.clone());
            let mut response = next.run(request).await;
            response.extensions_mut().insert(principal);
            response
        }
        Err(error) => refused(&error, refuse),
    }
}

fn authorization(headers: &HeaderMap) -> Result<Option<&str>, AuthError> {
    headers
        .get(AUTHORIZATION)
        .map(|value| value.to_str().map_err(|_| AuthError::Malformed("the header is not ASCII")))
        .transpose()
}

fn refused(auth_error: &AuthError, refuse: Refusal) -> Response {
    let mut response = refuse(error::http_status(auth_error.kind()), &auth_error.to_string());
    for challenge in CHALLENGES {
        response.headers_mut().append(WWW_AUTHENTICATE, challenge);
    }
    response
}
