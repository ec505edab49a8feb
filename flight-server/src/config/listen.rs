//! Whom do the listeners talk to, and how?

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::{ConfigError, value};

/// Limits of connections; 0 is unlimited.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Connections {
    /// Connections of both listeners together.
    pub(crate) open: usize,
    /// Those from one address.
    pub(crate) open_per_address: usize,
    /// Requests on one HTTP/2 connection at the same time.
    pub(crate) streams: u32,
    /// Kibibytes of the header of a request.
    pub(crate) header_kib: usize,
    /// Seconds for the header of a request; an idle connection is closed after as many.
    pub(crate) header_seconds: u64,
}

impl Default for Connections {
    fn default() -> Self {
        Self { open: 4000, open_per_address: 1000, streams: 200, header_kib: 64, header_seconds: 60 }
    }
}

impl Connections {
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        if self.streams == 0 || self.header_kib < 8 || self.header_kib > 1024 || self.header_seconds == 0 {
            let message = "streams and header_seconds must be at least 1, header_kib between 8 and 1024";
            return Err(value("connections", message));
        }
        Ok(())
    }
}

/// Encryption of both listeners.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct TlsFiles {
    /// File of the certificate and those above it, PEM; empty is without encryption.
    pub(crate) certificate: String,
    /// File of its key, PEM.
    pub(crate) key: String,
    /// Whether passwords and tokens are taken on connections that others could read.
    pub(crate) allow_plaintext_credentials: bool,
}

impl TlsFiles {
    /// The two files, where there are any.
    pub(crate) fn files(&self) -> Option<(&Path, &Path)> {
        (!self.certificate.is_empty()).then(|| (Path::new(&self.certificate), Path::new(&self.key)))
    }

    pub(super) fn check(&self) -> Result<(), ConfigError> {
        if self.certificate.is_empty() == self.key.is_empty() {
            return Ok(());
        }
        Err(value("tls", "certificate and key go together"))
    }
}
