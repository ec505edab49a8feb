//! Why does a connection to the outside not come about?

use crate::error::ErrorKind;

/// Why a URL is not fetched. The text names the host of the URL and the cause, and nothing that was found behind it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OutgoingError {
    /// The text is no URL that can be fetched.
    #[error("not a URL that can be fetched: {0}")]
    Url(String),
    /// A name and a password in the URL.
    #[error("the URL of {host} holds a user name or a password, expected none")]
    Credentials {
        /// Host of the URL.
        host: String,
    },
    /// The operator does not let the service fetch from there.
    #[error("this service does not fetch from {host}: its operator has not named that host (outgoing.hosts)")]
    NotNamed {
        /// Host of the URL, with its port where it has one.
        host: String,
    },
    /// The host has no address on the public internet, or none at all: names inside are not told from names of nobody.
    #[error("{host} is no host of the public internet, and this service connects to no other")]
    Inside {
        /// Host of the URL.
        host: String,
    },
    /// The name that the operator gave is nobody's.
    #[error("the name {host} cannot be looked up")]
    UnknownName {
        /// Host of the URL.
        host: String,
    },
    /// A redirect leads where the service does not go.
    #[error("{host} redirects to {what}, which is not followed")]
    Redirect {
        /// Host that redirects.
        host: String,
        /// Where to, without its name.
        what: &'static str,
    },
    /// The server does not give it.
    #[error("{host} answers with status {status}")]
    Status {
        /// Host of the URL.
        host: String,
        /// Status code of HTTP.
        status: u16,
    },
    /// More bytes than are taken.
    #[error("what {host} sends has more than {most} bytes, the limit of what is fetched")]
    TooLarge {
        /// Host of the URL.
        host: String,
        /// The limit.
        most: u64,
    },
    /// It takes too long.
    #[error("{host} has not sent everything in the time allowed")]
    Timeout {
        /// Host of the URL.
        host: String,
    },
    /// The connection failed.
    #[error("{host} cannot be reached: {cause}")]
    Failed {
        /// Host of the URL.
        host: String,
        /// What failed.
        cause: &'static str,
    },
}

impl OutgoingError {
    /// What a caller can do.
    #[must_use]
    pub const fn kind(&self) -> ErrorKind {
        match self {
            Self::TooLarge { .. } => ErrorKind::LimitExceeded,
            Self::Timeout { .. } | Self::Failed { .. } => ErrorKind::Unavailable,
            _ => ErrorKind::BadQuery,
        }
    }

    /// What this module itself said, from below the wrappers of a client's error.
    pub(super) fn below(error: &(dyn std::error::Error + 'static)) -> Option<Self> {
        let chain = std::iter::successors(Some(error), |error| error.source());
        chain.filter_map(|error| error.downcast_ref::<Self>()).next().cloned()
    }
}
