//! Where does a request come from, and how much of it is read?

use axum::extract::{ConnectInfo, Request};
use sidereus_engine::Principal;
use std::net::{IpAddr, SocketAddr};

use super::parameters::{Intake, ParameterError, Parameters};
use crate::jobs::Jobs;
use crate::services::Services;
use crate::storage::Account;

/// The address that a request comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Origin(pub(super) String);

impl Origin {
    /// Of a request.
    pub(super) fn of(request: &Request) -> Self {
        let peer = request.extensions().get::<ConnectInfo<SocketAddr>>();
        Self(peer.map_or_else(|| "unknown".to_owned(), |ConnectInfo(address)| address.ip().to_canonical().to_string()))
    }

    /// Whether it is this machine.
    pub(super) fn is_local(&self) -> bool {
        self.0.parse().is_ok_and(|address: IpAddr| address.is_loopback())
    }
}

/// Reads the parameters of a request, its files into the spool.
pub(super) async fn read(
    request: Request,
    jobs: &Jobs,
    services: &Services,
    (principal, origin): (&Principal, &Origin),
) -> Result<Parameters, ParameterError> {
    let config = &services.config;
    let intake = Intake {
        storage: jobs.storage(),
        account: Account::of(principal, &origin.0),
        most_text: config.limits.body_mib.saturating_mul(1 << 20),
        most_files: config.jobs.upload_bytes(),
    };
    Parameters::read(request, &intake).await
}
