//! Who asked what, and what became of it? One line a query, under the log target `audit`.
//!
//! The text is told by its SHA-256 alone: it may hold what is nobody's business.

use sidereus_engine::ErrorKind;

use super::entry::QueryInfo;

/// How a query ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// All rows were taken.
    Complete,
    /// All rows below a limit were taken.
    Overflow,
    /// With an error.
    Failed(ErrorKind),
    /// Its reader went away.
    Cancelled,
    /// The operator stopped it.
    Killed,
}

impl Outcome {
    /// The name in logs and metrics.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Complete => "ok",
            Self::Overflow => "overflow",
            Self::Cancelled => "cancelled",
            Self::Killed => "killed",
            Self::Failed(kind) => match kind {
                ErrorKind::BadQuery => "bad_query",
                ErrorKind::NotFound => "not_found",
                ErrorKind::AlreadyExists => "already_exists",
                ErrorKind::Unauthenticated => "unauthenticated",
                ErrorKind::Forbidden => "forbidden",
                ErrorKind::LimitExceeded => "limit_exceeded",
                ErrorKind::Timeout => "timeout",
                ErrorKind::Unavailable => "unavailable",
                ErrorKind::Internal => "internal",
            },
        }
    }
}

/// Writes the line of a query that is over.
pub(super) fn tell(query: &QueryInfo, outcome: Outcome) {
    let address = query.origin.address.map(|address| address.to_string()).unwrap_or_default();
    tracing::info!(
        target: "audit",
        query = query.id,
        principal = query.principal,
        protocol = query.origin.protocol.name(),
        address,
        request = query.origin.request.as_deref().unwrap_or_default(),
        sha256 = query.digest,
        class = query.class.map_or("none", sidereus_engine::QueryClass::name),
        rows = query.rows,
        bytes = query.bytes,
        cpu_seconds = query.work.cpu.as_secs_f64(),
        memory = query.work.most_memory,
        spilled = query.work.spilled,
        queued_milliseconds = query.waited.as_secs_f64() * 1e3,
        milliseconds = query.elapsed.as_secs_f64() * 1e3,
        outcome = outcome.name(),
        "query"
    );
}
