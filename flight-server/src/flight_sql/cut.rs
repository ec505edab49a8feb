//! After how many rows does an answer end, and who is told?
//!
//! Rows that the client itself limited are cut and the cut is told; rows beyond the limit of the service are an error, since
//! drivers do not show their users that anything was cut.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tonic::Status;

use super::encode::Ending;

/// How many rows an answer may have, and what happens beyond.
#[derive(Debug, Clone)]
pub(super) struct Cut {
    rows: Option<u64>,
    /// Whether the client asked for the cut; otherwise it is an error.
    asked: bool,
    /// Set when rows were cut off.
    told: Arc<AtomicBool>,
}

impl Cut {
    /// For an answer of which the client asked for so many rows, of a service that gives so many.
    pub(super) fn new(asked: Option<u64>, limit: Option<u64>) -> Self {
        let told = Arc::default();
        match (asked, limit) {
            (Some(asked), Some(limit)) if asked > limit => Self { rows: Some(limit), asked: false, told },
            (Some(asked), _) => Self { rows: Some(asked), asked: true, told },
            (None, limit) => Self { rows: limit, asked: false, told },
        }
    }

    /// What follows from rows having been cut off.
    pub(super) fn reached(&self) -> Result<(), Status> {
        if self.asked {
            self.told.store(true, Ordering::Release);
            return Ok(());
        }
        let rows = self.rows.unwrap_or_default();
        Err(Status::resource_exhausted(format!(
            "the answer has more than {rows} rows, the limit of this service: ask for fewer, or set max_rows to have it cut"
        )))
    }

    /// Rows to ask for after so many: one where there may be none, for it tells that there are more.
    pub(super) fn left(&self, rows: u64) -> Option<u64> {
        self.rows.map(|most| if most == 0 { 0 } else { most.saturating_sub(rows).max(1) })
    }

    /// Whether no row may follow so many.
    pub(super) fn is_full(&self, rows: u64) -> bool {
        self.rows.is_some_and(|most| rows >= most)
    }

    /// What is told after the last row.
    pub(super) fn ending(&self) -> Ending {
        if !self.told.load(Ordering::Acquire) {
            return Ending::default();
        }
        let app_metadata = Some(serde_json::json!({ "overflow": true }).to_string());
        Ending { app_metadata, trailers: vec![("x-overflow", "true".to_owned())] }
    }
}
