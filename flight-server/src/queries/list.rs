//! Which queries run now?

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use sidereus_engine::{EngineError, QueryClass};

use super::audit::{self, Outcome};
use super::entry::{Entry, QueryInfo, Stop};
use crate::metrics::{Ended, Metrics};

/// Queries by id.
#[derive(Debug)]
pub(super) struct List {
    entries: Mutex<HashMap<String, Arc<Entry>>>,
    metrics: Arc<Metrics>,
}

impl List {
    /// An empty list; what leaves it is counted.
    pub(super) fn new(metrics: Arc<Metrics>) -> Self {
        Self { entries: Mutex::default(), metrics }
    }

    /// Puts a query on the list until what is returned is dropped.
    pub(super) fn enter(self: &Arc<Self>, entry: Entry) -> Tracked {
        let entry = Arc::new(entry);
        self.lock().insert(entry.id().to_owned(), Arc::clone(&entry));
        Tracked { list: Arc::clone(self), entry, is_told: false }
    }

    /// The query of an id.
    pub(super) fn find(&self, id: &str) -> Option<Arc<Entry>> {
        self.lock().get(id).cloned()
    }

    /// All of them, the oldest first.
    pub(super) fn infos(&self) -> Vec<QueryInfo> {
        let entries: Vec<Arc<Entry>> = self.lock().values().cloned().collect();
        let mut infos: Vec<QueryInfo> = entries.iter().map(|entry| entry.info()).collect();
        infos.sort_by_key(|info| info.started);
        infos
    }

    /// Looks after those that nobody else looks after.
    pub(super) fn look(&self, now: Instant) {
        let entries: Vec<Arc<Entry>> = self.lock().values().cloned().collect();
        entries.iter().for_each(|entry| entry.look(now));
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Arc<Entry>>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A query on the list. Its end is told once: as it was told here, else, when this is dropped, as that of a client who left.
#[derive(Debug)]
pub(super) struct Tracked {
    list: Arc<List>,
    entry: Arc<Entry>,
    is_told: bool,
}

impl Tracked {
    /// The query.
    pub(super) const fn entry(&self) -> &Arc<Entry> {
        &self.entry
    }

    /// Works unless the query is stopped meanwhile.
    pub(super) async fn unless_stopped<T>(
        &self,
        work: impl Future<Output = Result<T, EngineError>>,
    ) -> Result<T, EngineError> {
        let token = self.entry.stop_token();
        let done = token.run_until_cancelled(Box::pin(work)).await;
        done.unwrap_or_else(|| Err(self.entry.stopped().unwrap_or(Stop::Killed).error()))
    }

    /// It ended so.
    pub(super) fn ended(&mut self, outcome: Outcome) {
        if std::mem::replace(&mut self.is_told, true) {
            return;
        }
        self.leave();
        let query = self.entry.info();
        audit::tell(&query, outcome);
        self.list.metrics.query_ended(&Ended {
            class: query.class.map_or("none", QueryClass::name),
            outcome: outcome.name(),
            rows: query.rows,
            bytes: query.bytes,
            spilled: query.work.spilled,
            cpu: query.work.cpu,
            waited: query.waited,
            first: query.first,
            whole: query.elapsed,
        });
    }

    /// It ended with an error, which may be how it learnt that it was stopped.
    pub(super) fn failed(&mut self, error: &EngineError) {
        let outcome = match self.entry.stopped() {
            Some(Stop::Killed) => Outcome::Killed,
            Some(Stop::Late(_)) => Outcome::Failed(sidereus_engine::ErrorKind::Timeout),
            None => Outcome::Failed(error.kind()),
        };
        self.ended(outcome);
    }

    /// It is over, and there is nothing to tell.
    pub(super) fn leave_quietly(mut self) {
        self.is_told = true;
        self.leave();
    }

    fn leave(&self) {
        self.entry.end();
        self.list.lock().remove(self.entry.id());
    }
}

impl Drop for Tracked {
    fn drop(&mut self) {
        match self.entry.stopped() {
            Some(stop) => self.failed(&stop.error()),
            None => self.ended(Outcome::Cancelled),
        }
    }
}
