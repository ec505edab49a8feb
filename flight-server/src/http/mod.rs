//! What does the HTTP listener answer, and what happens to every request on its way?
//!
//! ```text
//! request -> request id and log -> panics become 500 -> packing -> body limit -> [who is asking] -> front end
//! ```
//! Front ends bring a router each; this module knows none of their parameters.

mod body;
mod compression;
mod identity;
mod log;
mod pages;
pub(crate) mod ranges;
mod seen;
mod serve;

use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::header::{
    AUTHORIZATION, CONTENT_DISPOSITION, CONTENT_RANGE, CONTENT_TYPE, LOCATION, RANGE, RETRY_AFTER, WWW_AUTHENTICATE,
};
use axum::http::{HeaderValue, Method};
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::cors::{AllowOrigin, CorsLayer};

use crate::services::Services;

pub(crate) use body::{OVERFLOW_HEADER, ResultBody};
pub(crate) use identity::Refusal;
pub(crate) use seen::Seen;
pub(crate) use serve::{RESETS, serve};

/// How long a browser keeps what it was told before it asks again.
const PREFLIGHT: Duration = Duration::from_secs(3600);

/// Everything that the HTTP listener answers: the pages of this module, and the routes of the front ends.
pub(crate) fn router(services: Services, front_ends: Router<Services>) -> Router {
    let body_limit = services.config.limits.body_mib.saturating_mul(1 << 20);
    Router::new()
        .route("/", get(pages::landing))
        .route("/health", get(pages::health))
        .route("/openapi.yaml", get(pages::openapi))
        .merge(front_ends)
        .fallback(pages::not_found)
        .layer(DefaultBodyLimit::max(body_limit))
        .layer(from_fn(compression::pack))
        .layer(from_fn_with_state(services.clone(), seen::see))
        .layer(tower::util::option_layer(cors(&services.config.cors_origins)))
        .layer(CatchPanicLayer::custom(panicked))
        .layer(from_fn(log::observe))
        .with_state(services)
}

/// What scripts of other origins may do, where there are such origins.
fn cors(origins: &[String]) -> Option<CorsLayer> {
    if origins.is_empty() {
        return None;
    }
    let any = origins.iter().any(|origin| origin == "*");
    let listed = origins.iter().filter_map(|origin| HeaderValue::from_str(origin).ok());
    let allowed = if any { AllowOrigin::any() } else { AllowOrigin::list(listed) };
    let told = [LOCATION, CONTENT_DISPOSITION, CONTENT_RANGE, RETRY_AFTER, WWW_AUTHENTICATE, OVERFLOW_HEADER];
    let layer = CorsLayer::new().allow_origin(allowed).expose_headers(told).max_age(PREFLIGHT);
    let methods = [Method::GET, Method::POST, Method::DELETE, Method::HEAD];
    Some(layer.allow_methods(methods).allow_headers([AUTHORIZATION, CONTENT_TYPE, RANGE]))
}

/// Layers a router whose answers depend on who is asking; `refuse` says no in the way of the front end.
pub(crate) fn identified(router: Router<Services>, services: &Services, refuse: Refusal) -> Router<Services> {
    router.layer(from_fn_with_state((services.clone(), refuse), identity::identify))
}

#[expect(clippy::needless_pass_by_value, reason = "the signature is the layer's")]
fn panicked(panic: Box<dyn std::any::Any + Send>) -> Response {
    let message = panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("unknown panic");
    tracing::error!(message, "a request handler panicked");
    (axum::http::StatusCode::INTERNAL_SERVER_ERROR, "internal error; its cause is in the server's log\n")
        .into_response()
}
