//! May requests be sent here? What an orchestrator or a balancer asks, apart from whether the process lives.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

/// The life of a server; cheap to clone.
#[derive(Debug, Clone, Default)]
pub(crate) struct Health(Arc<AtomicU8>);

const STARTING: u8 = 0;
const SERVING: u8 = 1;
const STOPPING: u8 = 2;

impl Health {
    /// Requests are accepted from now on.
    pub(crate) fn serving(&self) {
        self.0.store(SERVING, Ordering::Release);
    }

    /// No new requests are accepted from now on.
    pub(crate) fn stopping(&self) {
        self.0.store(STOPPING, Ordering::Release);
    }

    /// Why requests should go elsewhere, if they should.
    pub(crate) fn why_not(&self) -> Option<&'static str> {
        match self.0.load(Ordering::Acquire) {
            STARTING => Some("starting"),
            SERVING => None,
            _ => Some("stopping"),
        }
    }
}
