//! How do catalogs come and go without a restart?
//!
//! On `SIGHUP`, and when the local roots, or less often the remote ones, look different from before, all roots are read again and
//! the new registry takes the place of the old one at once. Queries that run keep the catalogs they began with. Where a root cannot be read any more, the
//! old registry stays.

use std::time::Duration;

use sidereus_engine::roots_fingerprint;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::error::chain;
use crate::services::Services;

/// How often local roots are looked at.
const INTERVAL: Duration = Duration::from_secs(3);

/// Watches the roots until `stop`.
pub(crate) async fn watch(services: Services, stop: CancellationToken) {
    let mut hangup = signal(SignalKind::hangup()).ok();
    let mut local = fingerprint(&services).await;
    let mut remote = Remote::new(&services).await;
    loop {
        let asked = tokio::select! {
            () = stop.cancelled() => return,
            () = asked(&mut hangup) => true,
            () = tokio::time::sleep(INTERVAL) => false,
        };
        let now = fingerprint(&services).await;
        if asked || now != local || remote.is_changed(&services).await {
            local = now;
            match services.reload().await {
                Ok(tables) => tracing::info!(tables, "the catalogs were read again"),
                Err(error) => tracing::error!(error = %chain(&error), "the catalogs cannot be read again"),
            }
            remote = Remote::new(&services).await;
        }
    }
}

/// What remote roots looked like when they were last read.
struct Remote {
    seen: Option<u64>,
    looked: Instant,
}

impl Remote {
    async fn new(services: &Services) -> Self {
        Self { seen: remote_fingerprint(services).await, looked: Instant::now() }
    }

    /// Whether they look otherwise now, where it is time to look again; a server that does not answer has not changed.
    async fn is_changed(&mut self, services: &Services) -> bool {
        let interval = services.config.remote_seconds;
        if interval == 0 || self.looked.elapsed() < Duration::from_secs(interval) {
            return false;
        }
        self.looked = Instant::now();
        let now = remote_fingerprint(services).await;
        let before = self.seen;
        self.seen = now.or(before);
        before.is_some() && now.is_some() && now != before
    }
}

async fn remote_fingerprint(services: &Services) -> Option<u64> {
    if services.config.remote_seconds == 0 {
        return None;
    }
    services.query.registry().remote_fingerprint(&services.config.roots().ok()?).await
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
