//! Which queries are running, and how is one of them stopped?
//!
//! Each stream of rows is entered under its statement's id and leaves when it is dropped. Dropping a stream is the
//! usual way to stop a query; this is for clients that ask for it in another call.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use bytes::Bytes;
use tokio_util::sync::CancellationToken;

/// Running queries by statement id; an id may run several times at once.
#[derive(Debug, Default)]
pub(super) struct Running(Mutex<HashMap<Bytes, Vec<(u64, CancellationToken)>>>);

/// One running query; it leaves the list when this is dropped.
#[derive(Debug)]
pub(super) struct RunningQuery {
    list: Arc<Running>,
    id: Bytes,
    number: u64,
    began: Instant,
    rows: u64,
    /// Cancelled when somebody asked for it.
    pub(super) stop: CancellationToken,
}

impl Running {
    /// Enters a query.
    pub(super) fn enter(self: &Arc<Self>, id: &Bytes) -> RunningQuery {
        static NUMBERS: AtomicU64 = AtomicU64::new(0);
        let (number, stop) = (NUMBERS.fetch_add(1, Ordering::Relaxed), CancellationToken::new());
        self.lock().entry(id.clone()).or_default().push((number, stop.clone()));
        RunningQuery { list: Arc::clone(self), id: id.clone(), number, began: Instant::now(), rows: 0, stop }
    }

    /// Stops every run of a statement; whether there was one.
    pub(super) fn cancel(&self, id: &Bytes) -> bool {
        let running = self.lock();
        let Some(runs) = running.get(id) else { return false };
        runs.iter().for_each(|(_, stop)| stop.cancel());
        true
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Bytes, Vec<(u64, CancellationToken)>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl RunningQuery {
    /// Counts rows that were handed out.
    pub(super) fn add_rows(&mut self, rows: usize) {
        self.rows += rows as u64;
    }

    /// Rows handed out so far.
    pub(super) fn rows(&self) -> u64 {
        self.rows
    }
}

impl Drop for RunningQuery {
    fn drop(&mut self) {
        let mut running = self.list.lock();
        if let Some(runs) = running.get_mut(&self.id) {
            runs.retain(|(number, _)| *number != self.number);
            if runs.is_empty() {
                running.remove(&self.id);
            }
        }
        drop(running);
        let milliseconds = self.began.elapsed().as_millis();
        tracing::info!(rows = self.rows, milliseconds, "query stream ended");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_is_stopped_by_its_id_while_it_runs() {
        let running = Arc::new(Running::default());
        let id = Bytes::from_static(b"one");
        assert!(!running.cancel(&id));
        let (first, second) = (running.enter(&id), running.enter(&id));
        drop(first);
        assert!(!second.stop.is_cancelled());
        assert!(running.cancel(&id) && second.stop.is_cancelled());
        drop(second);
        assert!(!running.cancel(&id) && running.lock().is_empty());
    }
}
