//! What happened to each HTTP request?
//!
//! One structured line a request: id, who, method, path, status and milliseconds until the answer began. Query strings,
//! bodies and headers are never logged: they may hold credentials. The id also goes to the client, in `x-request-id`.

use std::time::Instant;

use axum::extract::Request;
use axum::http::header::SERVER;
use axum::http::{HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;
use sidereus_engine::Principal;

use crate::error::RequestId;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const SOFTWARE: HeaderValue = HeaderValue::from_static(concat!("Sidereus/", env!("CARGO_PKG_VERSION")));

/// Longest path that is logged.
const MAX_PATH: usize = 200;

/// Middleware that gives each request its id and logs its end.
pub(super) async fn observe(mut request: Request, next: Next) -> Response {
    let started = Instant::now();
    let id = RequestId::new();
    let method = request.method().clone();
    let path: String = request.uri().path().chars().take(MAX_PATH).collect();
    request.extensions_mut().insert(id.clone());
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers.insert(SERVER, SOFTWARE);
    if let Ok(value) = HeaderValue::from_str(id.as_str()) {
        headers.insert(REQUEST_ID, value);
    }
    let principal = response.extensions().get::<Principal>().and_then(Principal::name).unwrap_or("anonymous");
    let status = response.status().as_u16();
    let milliseconds = started.elapsed().as_secs_f64() * 1e3;
    tracing::info!(request = %id, principal, %method, path, status, milliseconds, "http request");
    response
}
