//! What may jobs and the files that are kept for users take?

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{ConfigError, value};
use crate::jobs::JobLimits;
use crate::storage::StorageLimits;

const HOUR: u64 = 3600;
const MIB: u64 = 1 << 20;

/// Jobs and their files; 0 is unlimited for seconds and mebibytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Jobs {
    /// Jobs that run at the same time.
    pub(crate) running: usize,
    /// The same of one user, or of one address without a user.
    pub(crate) running_each: u32,
    /// Seconds that a job may run that does not say.
    pub(crate) default_seconds: u64,
    /// Seconds that any job may run.
    pub(crate) max_seconds: u64,
    /// Hours that a job is kept that does not say.
    pub(crate) default_hours: u64,
    /// Hours that any job is kept.
    pub(crate) max_hours: u64,
    /// Seconds that a client may wait for a change in one request.
    pub(crate) wait_seconds: u64,
    /// Mebibytes of the files of one request.
    pub(crate) upload_mib: u64,
    /// Mebibytes of results and uploads that are kept for one user, or for one address without a user.
    pub(crate) kept_mib: u64,
    /// Mebibytes of the disk that are left free.
    pub(crate) free_mib: u64,
    /// Whether anonymous users who are not on this machine may make tables of their session, over Flight.
    pub(crate) anonymous_tables: bool,
    /// Whether anonymous jobs are listed for everybody who is anonymous.
    pub(crate) list_anonymous: bool,
}

impl Default for Jobs {
    fn default() -> Self {
        Self {
            running: 4,
            running_each: 2,
            default_seconds: 4 * HOUR,
            max_seconds: 24 * HOUR,
            default_hours: 7 * 24,
            max_hours: 60 * 24,
            wait_seconds: 600,
            upload_mib: 8192,
            kept_mib: 51_200,
            free_mib: 2048,
            anonymous_tables: false,
            list_anonymous: false,
        }
    }
}

impl Jobs {
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        if self.running == 0 || self.running_each == 0 {
            return Err(value("jobs", "running and running_each must be at least 1"));
        }
        if self.default_hours == 0 || self.max_hours < self.default_hours || self.max_hours > 100 * 366 * 24 {
            return Err(value(
                "jobs.max_hours",
                "expected at least default_hours, which is at least 1, and at most a century",
            ));
        }
        if self.max_seconds > 0 && (self.default_seconds == 0 || self.default_seconds > self.max_seconds) {
            return Err(value("jobs.default_seconds", "expected at most max_seconds"));
        }
        Ok(())
    }

    /// Limits of jobs.
    pub(crate) fn limits(&self) -> JobLimits {
        let duration = |seconds: u64| (seconds > 0).then(|| Duration::from_secs(seconds));
        JobLimits {
            running: self.running,
            running_each: self.running_each,
            default_duration: duration(self.default_seconds),
            longest_duration: duration(self.max_seconds),
            default_retention: Duration::from_secs(self.default_hours * HOUR),
            longest_retention: Duration::from_secs(self.max_hours * HOUR),
            longest_wait: Duration::from_secs(self.wait_seconds),
        }
    }

    /// Limits of what is kept.
    pub(crate) const fn storage_limits(&self) -> StorageLimits {
        StorageLimits {
            account_bytes: self.kept_mib.saturating_mul(MIB),
            free_bytes: self.free_mib.saturating_mul(MIB),
        }
    }

    /// Bytes of the files of one request; `None` is unlimited.
    pub(crate) const fn upload_bytes(&self) -> Option<u64> {
        match self.upload_mib {
            0 => None,
            mib => Some(mib.saturating_mul(MIB)),
        }
    }
}

/// The state folder where none is configured: `$XDG_STATE_HOME/sidereus`, or `~/.local/state/sidereus`.
pub(super) fn usual_state_folder() -> Option<PathBuf> {
    let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let states = variable("XDG_STATE_HOME").or_else(|| Some(variable("HOME")?.join(".local/state")))?;
    Some(states.join("sidereus"))
}
