//! How many queries work at the same time, and how many wait?

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{ConfigError, value};
use crate::queries::AdmissionLimits;

/// How many queries work at the same time, and how many wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Admission {
    /// Queries that work at the same time; 0 takes eight per thread.
    pub(crate) queries: usize,
    /// Those of them that read much; 0 takes two per thread.
    pub(crate) scans: usize,
    /// Queries of one user, or of one address where nobody has a name; 0 takes two per thread, at least four.
    pub(crate) queries_per_user: usize,
    /// Those of them that read much.
    pub(crate) scans_per_user: usize,
    /// Queries that wait for their turn.
    pub(crate) queue: usize,
    /// Queries of one user that wait for their turn.
    pub(crate) queue_per_user: usize,
    /// Seconds that a query waits for its turn.
    pub(crate) queue_seconds: u64,
}

impl Default for Admission {
    fn default() -> Self {
        Self {
            queries: 0,
            scans: 0,
            queries_per_user: 0,
            scans_per_user: 2,
            queue: 2000,
            queue_per_user: 500,
            queue_seconds: 300,
        }
    }
}

impl Admission {
    /// The numbers for so many threads.
    ///
    /// *Errors*: scans could take every place.
    pub(crate) fn limits(&self, threads: usize) -> Result<AdmissionLimits, ConfigError> {
        let or = |set: usize, otherwise: usize| if set == 0 { otherwise } else { set };
        let limits = AdmissionLimits {
            queries: or(self.queries, 8 * threads),
            scans: or(self.scans, (2 * threads).min(or(self.queries, usize::MAX) - 1).max(1)),
            queries_per_user: or(self.queries_per_user, (2 * threads).max(4)),
            scans_per_user: self.scans_per_user,
            queue: self.queue,
            queue_per_user: self.queue_per_user,
            wait: Duration::from_secs(self.queue_seconds),
        };
        if limits.scans >= limits.queries {
            let message =
                format!("expected fewer than admission.queries ({}), so that others have a place", limits.queries);
            return Err(value("admission.scans", message));
        }
        if limits.scans_per_user == 0 || limits.scans_per_user >= limits.queries_per_user {
            let message =
                format!("expected at least 1 and fewer than admission.queries_per_user ({})", limits.queries_per_user);
            return Err(value("admission.scans_per_user", message));
        }
        Ok(limits)
    }
}
