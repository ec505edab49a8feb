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
mod serve;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tower_http::catch_panic::CatchPanicLayer;

use crate::services::Services;

pub(crate) use body::{OVERFLOW_HEADER, ResultBody};
pub(crate) use identity::Refusal;
pub(crate) use serve::{RESETS, serve};

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
        .layer(CatchPanicLayer::custom(panicked))
        .layer(from_fn(log::observe))
        .with_state(services)
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
