//! The HTTP listener.
use axum::Router;

use crate::server::Services;

/// Everything that the HTTP listener answers.
pub(crate) fn router(services: Services) -> Router {
    Router::new().with_state(services)
}
