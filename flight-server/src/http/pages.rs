//! The few pages that belong to no protocol: landing, health, and what is said where nothing is.

use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};

/// Tells people where to go on.
pub(super) async fn landing() -> Response {
    let text = format!(
        "Sidereus {}: astronomical catalogs for queries in ADQL\n\n\
         /tap               TAP 1.1 (pyvo, TOPCAT, curl)\n\
         /tap/tables        what can be queried\n\
         /tap/capabilities  what the service can do\n\
         /hats              catalogs as files (lsdb, hats)\n\
         /health            whether it is up\n\n\
         Flight SQL (ADBC, pyarrow) has a port of its own.\n",
        env!("CARGO_PKG_VERSION")
    );
    ([(CONTENT_TYPE, "text/plain; charset=utf-8")], text).into_response()
}

/// Describes everything that the listener answers.
pub(super) async fn openapi() -> Response {
    let headers = [(CONTENT_TYPE, "application/yaml")];
    (headers, include_str!("../../openapi.yaml")).into_response()
}

/// Says that the process answers.
pub(super) async fn health() -> &'static str {
    "ok\n"
}

/// Says that nothing is here.
pub(super) async fn not_found() -> (StatusCode, &'static str) {
    (StatusCode::NOT_FOUND, "nothing here; TAP is at /tap\n")
}
