//! Flight SQL.
use crate::server::Services;

/// The gRPC services of the Flight listener.
pub(crate) fn routes(services: &Services) -> tonic::service::Routes {
    let _ = services;
    tonic::service::Routes::default()
}
