//! TAP 1.1 under `/tap`: what TOPCAT, pyvo and curl talk to.
//!
//! Synchronous queries, availability, capabilities and table metadata. A thin translation: parameters in, a
//! `QueryRequest` to the engine, its result through `format` out. It knows no Flight and no catalog file.

mod asked;
mod availability;
mod capabilities;
mod examples;
mod intake;
mod keys;
mod landing;
mod links;
mod parameters;
mod respond;
mod sync;
mod tables;
mod uws;

use axum::extract::DefaultBodyLimit;
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::{get, post};
use axum::{Extension, Router};

use crate::http;
use crate::jobs::Jobs;
use crate::services::Services;

pub(crate) use respond::error_response;

/// Routes below `/tap`. Availability and capabilities are for everybody.
pub(crate) fn router(services: &Services, jobs: &Jobs) -> Router<Services> {
    let open =
        Router::new().route("/availability", get(availability::show)).route("/capabilities", get(capabilities::show));
    let identified = Router::new()
        .route("/", get(landing::show))
        .route("/sync", get(sync::query).post(sync::query))
        .nest("/async", uws::router())
        .route("/deletejobs", post(uws::delete_many))
        .route("/examples", get(examples::show))
        .route("/tables", get(tables::list))
        .route("/tables/{name}", get(tables::one));
    // Parameters count what they read themselves: files may be far larger than anything else.
    let identified = identified.layer(DefaultBodyLimit::disable()).layer(Extension(jobs.clone()));
    open.merge(http::identified(identified, services, error_response)).fallback(not_found)
}

async fn not_found() -> Response {
    error_response(
        StatusCode::NOT_FOUND,
        "no such TAP resource; there are sync, async, tables, examples, capabilities and availability",
    )
}
