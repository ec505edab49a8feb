//! How do catalogs come and go without a restart?
//!
//! On `SIGHUP`, and when the local roots look different from before, all roots are read again and the new registry takes the
//! place of the old one at once. Queries that run keep the catalogs they began with. Where a root cannot be read any more, the
//! old registry stays.

use std::time::Duration;

use sidereus_engine::roots_fingerprint;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::error::chain;
use crate::services::Services;

/// How often local roots are looked at.
const INTERVAL: Duration = Duration::from_secs(3);

/// Watches the roots until `stop`.
pub(crate) async fn watch(services: Services, stop: CancellationToken) {
    let mut hangup = signal(SignalKind::hangup()).ok();
    let mut seen = fingerprint(&services).await;
    loop {
        let asked = tokio::select! {
            () = stop.cancelled() => return,
            () = asked(&mut hangup) => true,
            () = tokio::time::sleep(INTERVAL) => false,
        };
        let now = fingerprint(&services).await;
        if asked || now != seen {
            seen = now;
            match services.reload().await {
                Ok(tables) => tracing::info!(tables, "the catalogs were read again"),
                Err(error) => tracing::error!(error = %chain(&error), "the catalogs cannot be read again"),
            }
        }
    }
}

async fn asked(hangup: &mut Option<tokio::signal::unix::Signal>) {
    match hangup {
        Some(hangup) => {
            hangup.recv().await;
        }
        None => std::future::pending().await,
    }
}

async fn fingerprint(services: &Services) -> Option<u64> {
    let roots = services.config.roots().ok()?;
    tokio::task::spawn_blocking(move || roots_fingerprint(&roots)).await.ok()
}
