//! Where do operators look?

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::{ConfigError, check_address, value};

/// The listener of operators.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Admin {
    /// Address; empty is off, port 0 takes a free one.
    pub(crate) listen: String,
    /// Bearer token that is asked for; needed where others than this machine can ask.
    pub(crate) token: String,
}

impl std::fmt::Debug for Admin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Admin").field("listen", &self.listen).finish_non_exhaustive()
    }
}

impl Admin {
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        if self.listen.is_empty() {
            return Ok(());
        }
        check_address("admin.listen", &self.listen)?;
        if self.token.is_empty() && !is_loopback(&self.listen) {
            let message =
                format!("needed where others than this machine can ask, and {} is no loopback address", self.listen);
            return Err(value("admin.token", message));
        }
        Ok(())
    }
}

/// Whether only this machine reaches an address.
pub(crate) fn is_loopback(address: &str) -> bool {
    let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.to_canonical().is_loopback())
}
