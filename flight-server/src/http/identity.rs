//! Who sent this HTTP request?
//!
//! Reads the `Authorization` header, asks the [`Authenticator`](crate::auth::Authenticator), and leaves an engine `Principal` and
//! the [`Caller`] of its queries in the request's extensions for handlers, the former in the response's for the log too.

use axum::extract::{Request, State};
use axum::http::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::Response;
use sidereus_engine::Principal;

use super::seen::Seen;
use crate::auth::AuthError;
use crate::error::{self, RequestId};
use crate::queries::{Caller, Origin, Protocol};
use crate::services::Services;

const CHALLENGES: [HeaderValue; 2] = [
    HeaderValue::from_static("Basic realm=\"sidereus\", charset=\"UTF-8\""),
    HeaderValue::from_static("Bearer realm=\"sidereus\""),
];

/// What is said to credentials that others could read.
const PLAINTEXT: &str = "this connection is not encrypted: send no password or token on it, use https";

/// How a front end says no: a status and a text for the user.
pub(crate) type Refusal = fn(StatusCode, &str) -> Response;

/// Middleware that answers 401 to wrong credentials, and to none where they are wanted.
pub(super) async fn identify(
    State((services, refuse)): State<(Services, Refusal)>,
    mut request: Request,
    next: Next,
) -> Response {
    let open = !services.config.tls.allow_plaintext_credentials
        && request.extensions().get::<Seen>().is_some_and(|seen| !seen.keeps_secrets);
    if open && request.headers().contains_key(AUTHORIZATION) {
        return refuse(StatusCode::FORBIDDEN, PLAINTEXT);
    }
    let principal = match authorization(request.headers()) {
        Ok(header) => services.auth.authorization(header).await,
        Err(error) => Err(error),
    };
    match principal {
        Ok(principal) => {
            let caller = caller(&request, principal.clone());
            request.extensions_mut().insert(principal.clone());
            request.extensions_mut().insert(caller);
            let mut response = next.run(request).await;
            response.extensions_mut().insert(principal);
            response
        }
        Err(error) => refused(&error, refuse),
    }
}

/// The caller as whom queries of this request run.
fn caller(request: &Request, principal: Principal) -> Caller {
    let address = request.extensions().get::<Seen>().and_then(|seen| seen.client);
    let id = request.extensions().get::<RequestId>().map(ToString::to_string);
    Caller::new(principal, Origin { protocol: Protocol::Tap, address, request: id })
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
