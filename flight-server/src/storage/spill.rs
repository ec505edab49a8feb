//! On whose account is what memory does not hold of a query?

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use sidereus_engine::{EngineError, SpillSpace};

use super::ledger::Charge;

/// The spool, for one query.
#[derive(Debug)]
pub(super) struct Spill {
    pub(super) folder: PathBuf,
    pub(super) charge: Mutex<Charge>,
}

impl SpillSpace for Spill {
    fn folder(&self) -> &Path {
        &self.folder
    }

    fn grow(&self, bytes: u64) -> Result<(), EngineError> {
        let mut charge = self.charge.lock().unwrap_or_else(PoisonError::into_inner);
        charge.grow(bytes).map_err(|error| EngineError::Request { kind: error.kind(), message: error.to_string() })
    }

    fn shrink(&self, bytes: u64) {
        self.charge.lock().unwrap_or_else(PoisonError::into_inner).shrink(bytes);
    }
}
