//! How far is an import?

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};

/// What an import is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImportPhase {
    /// Reading sources; progress is in bytes.
    Reading,
    /// Writing partitions; progress is in rows.
    Writing,
}

/// Figures of a running import, for another thread to look at.
#[derive(Debug, Default)]
pub struct ImportProgress {
    pub(super) bytes_read: Arc<AtomicU64>,
    pub(super) bytes: AtomicU64,
    pub(super) rows: AtomicU64,
    pub(super) rejects: AtomicU64,
    pub(super) rows_written: AtomicU64,
    pub(super) phase: AtomicU8,
}

impl ImportProgress {
    /// What is being done.
    #[must_use]
    pub fn phase(&self) -> ImportPhase {
        if self.phase.load(Ordering::Relaxed) == 0 { ImportPhase::Reading } else { ImportPhase::Writing }
    }

    /// Done and, where it is known, all of the phase: bytes of the sources, or rows of the catalog.
    #[must_use]
    pub fn done(&self) -> (u64, Option<u64>) {
        match self.phase() {
            ImportPhase::Reading => {
                let bytes = self.bytes.load(Ordering::Relaxed);
                (self.bytes_read.load(Ordering::Relaxed), (bytes > 0).then_some(bytes))
            }
            ImportPhase::Writing => {
                (self.rows_written.load(Ordering::Relaxed), Some(self.rows.load(Ordering::Relaxed)))
            }
        }
    }

    /// Rows taken, and rows rejected.
    #[must_use]
    pub fn rows(&self) -> (u64, u64) {
        (self.rows.load(Ordering::Relaxed), self.rejects.load(Ordering::Relaxed))
    }
}
