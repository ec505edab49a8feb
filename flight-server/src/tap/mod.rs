//! TAP 1.1 under `/tap`: what TOPCAT, pyvo and curl talk to.
//!
//! Synchronous queries, availability, capabilities and table metadata. A thin translation: parameters in, a
//! `QueryRequest` to the engine, its result through `format` out. It knows no Flight and no catalog file.

mod availability;
mod capabilities;
mod keys;
mod parameters;
mod respond;
mod sync;
mod tables;

use axum::Router;
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::get;

use crate::http;
use crate::services::Services;

pub(crate) use respond::error_response;

/// Routes below `/tap`. Availability and capabilities are for everybody.
pub(crate) fn router(services: &Services) -> Router<Services> {
    let open =
        Router::new().route("/availability", get(availability::show)).route("/capabilities", get(capabilities::show));
    let identified = Router::new()
        .route("/sync", get(sync::query).post(sync::query))
        .route("/tables", get(tables::list))
        .route("/tables/{name}", get(tables::one));
    open.merge(http::identified(identified, services, error_response)).fallback(not_found)
}

async fn not_found() -> Response {
    error_response(StatusCode::NOT_FOUND, "no such TAP resource; there are sync, tables, capabilities and availability")
}
