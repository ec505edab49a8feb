//! In which state is a job, and where can it go from there? (UWS 1.1, section 2.1.3)
//!
//! ```text
//! PENDING -> QUEUED -> EXECUTING -> COMPLETED
//!    |          |          |    `-> ERROR
//!    `----------+----------+------> ABORTED
//! ```
//! A job whose server stopped goes back from EXECUTING to QUEUED.

use std::fmt;
use std::str::FromStr;

/// State of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Made, and not yet asked to run.
    Pending,
    /// Waits for its turn.
    Queued,
    /// Runs.
    Executing,
    /// Has its result.
    Completed,
    /// Ended without.
    Error,
    /// Was stopped.
    Aborted,
}

const NAMES: [(Phase, &str); 6] = [
    (Phase::Pending, "PENDING"),
    (Phase::Queued, "QUEUED"),
    (Phase::Executing, "EXECUTING"),
    (Phase::Completed, "COMPLETED"),
    (Phase::Error, "ERROR"),
    (Phase::Aborted, "ABORTED"),
];

/// Names of the standard for states that no job here is ever in.
const NEVER: [&str; 4] = ["HELD", "SUSPENDED", "UNKNOWN", "ARCHIVED"];

/// A word that names no phase.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected a phase such as PENDING, QUEUED, EXECUTING, COMPLETED, ERROR or ABORTED, found {0:?}")]
pub(crate) struct UnknownPhase(pub(crate) String);

impl Phase {
    /// The standard's name.
    pub(crate) fn name(self) -> &'static str {
        NAMES.iter().find(|(phase, _)| *phase == self).map_or("UNKNOWN", |(_, name)| name)
    }

    /// Whether it can still change by itself or by being asked to: what a waiting client waits for.
    pub(crate) const fn is_active(self) -> bool {
        matches!(self, Self::Pending | Self::Queued | Self::Executing)
    }

    /// The phase of a name in any case; `None` for one of the standard's that no job here is ever in.
    pub(crate) fn of_name(name: &str) -> Result<Option<Self>, UnknownPhase> {
        let upper = name.trim().to_ascii_uppercase();
        match upper.parse() {
            Ok(phase) => Ok(Some(phase)),
            Err(_) if NEVER.contains(&upper.as_str()) => Ok(None),
            Err(_) => Err(UnknownPhase(name.to_owned())),
        }
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Phase {
    type Err = UnknownPhase;

    fn from_str(name: &str) -> Result<Self, UnknownPhase> {
        NAMES
            .iter()
            .find(|(_, known)| *known == name)
            .map(|(phase, _)| *phase)
            .ok_or_else(|| UnknownPhase(name.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_the_standard() {
        for (phase, name) in NAMES {
            assert_eq!((phase.name(), name.parse()), (name, Ok(phase)));
        }
        assert_eq!(Phase::of_name("executing"), Ok(Some(Phase::Executing)));
        assert_eq!(Phase::of_name("ARCHIVED"), Ok(None));
        assert!(Phase::of_name("RUN").is_err());
    }
}
