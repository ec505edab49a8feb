//! From where does the service fetch tables that requests name by URL?

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{ConfigError, value};

/// From where tables are fetched, and for how long.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Outgoing {
    /// `HOST` or `HOST:PORT`, wherever they are; `*` adds every host of the public internet; empty fetches nothing.
    pub(crate) hosts: Vec<String>,
    /// Seconds that the tables of one request may take to come.
    pub(crate) seconds: u64,
}

impl Default for Outgoing {
    fn default() -> Self {
        Self { hosts: Vec::new(), seconds: 120 }
    }
}

impl Outgoing {
    /// The way to the hosts.
    ///
    /// *Errors*: what names no host.
    pub(crate) fn way(&self) -> Result<sidereus_engine::Outgoing, ConfigError> {
        if !(1..=86_400).contains(&self.seconds) {
            return Err(value("outgoing.seconds", "expected 1 to 86400 (a day)"));
        }
        sidereus_engine::Outgoing::to_hosts(&self.hosts).map_err(|error| value("outgoing.hosts", error.to_string()))
    }

    /// How long the tables of one request may take to come.
    pub(crate) const fn time(&self) -> Duration {
        Duration::from_secs(self.seconds)
    }
}
