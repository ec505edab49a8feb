//! How much of a request is read, and who pays for what is kept of it?

use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use futures::{StreamExt, stream};

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
    let patience = Duration::from_secs(config.connections.header_seconds);
    let request = request.map(|body| patient(body, patience));
    let intake = Intake {
        storage: jobs.storage(),
        account: account(caller),
        most_text: config.limits.body_mib.saturating_mul(1 << 20),
        most_files: config.jobs.upload_bytes(),
    };
    Parameters::read(request, &intake).await
}

/// What a body that stands still is told by; see [`ParameterError::Late`].
pub(super) const LATE: &str = "nothing more of the request came";

/// A body that ends with an error where nothing of it comes for so long.
fn patient(body: Body, patience: Duration) -> Body {
    let pieces = stream::unfold(body.into_data_stream(), move |mut pieces| async move {
        match tokio::time::timeout(patience, pieces.next()).await {
            Ok(Some(piece)) => Some((piece, pieces)),
            Ok(None) => None,
            Err(_) => Some((Err(axum::Error::new(format!("{LATE} for {} s", patience.as_secs()))), pieces)),
        }
    });
    Body::from_stream(pieces)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_body_that_stands_still_ends() {
        let pieces = stream::iter([Ok::<_, std::io::Error>("QUERY=")]).chain(stream::pending());
        let body = patient(Body::from_stream(pieces), Duration::from_millis(20));
        let error = axum::body::to_bytes(body, 100).await.unwrap_err();
        assert!(crate::error::chain(&error).contains(LATE), "{error:?}");
    }
}
