//! How much of a request is read, and who pays for what is kept of it?

use axum::extract::Request;

use super::parameters::{Intake, ParameterError, Parameters};
use crate::jobs::Jobs;
use crate::queries::Caller;
use crate::services::Services;
use crate::storage::Account;

/// The account of a caller.
pub(super) fn account(caller: &Caller) -> Account {
    Account::named(caller.principal.name(), &caller.address())
}

/// Reads the parameters of a request, its files into the spool.
pub(super) async fn read(
    request: Request,
    jobs: &Jobs,
    services: &Services,
    caller: &Caller,
) -> Result<Parameters, ParameterError> {
    let config = &services.config;
    let intake = Intake {
        storage: jobs.storage(),
        account: account(caller),
        most_text: config.limits.body_mib.saturating_mul(1 << 20),
        most_files: config.jobs.upload_bytes(),
    };
    Parameters::read(request, &intake).await
}
