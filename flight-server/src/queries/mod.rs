//! The one door through which front ends run queries.
//!
//! ```text
//! caller, request -> prepare -> plan -> [admission: its turn] -> rows, counted -> one audit line
//!                    planning           queued                  running
//! ```
//! From the first step to the last row a query is on the list of what runs, whatever its front end: there it can be looked at
//! and stopped. However it ends (whole, cut, wrong, late, its client gone, stopped), its end is told once. Knows no format and
//! no header.

mod admission;
mod audit;
mod caller;
mod entry;
mod list;
mod rows;

#[cfg(test)]
mod tests;

use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use sidereus_engine::{
    EngineError, Execution, PreparedQuery, QueryLimits, QueryRequest, QueryResult, QueryService, ScalarValue,
    SpillSpace,
};

pub(crate) use admission::AdmissionLimits;
pub(crate) use caller::{Caller, Origin, Protocol};
pub(crate) use entry::QueryInfo;

use crate::metrics::Metrics;
use admission::Admission;
use entry::{Entry, Stop};
use list::{List, Tracked};
use rows::Rows;

/// How often the list is looked through for queries that are late, or whose readers do not read.
const LOOK: Duration = Duration::from_secs(1);

/// Time after which a service in maintenance may be asked again.
const RETRY_MAINTENANCE: Duration = Duration::from_secs(60);

/// Runs queries for front ends; cheap to clone, one for the life of a server.
#[derive(Debug, Clone)]
pub(crate) struct Queries(Arc<Door>);

#[derive(Debug)]
struct Door {
    service: QueryService,
    admission: Admission,
    list: Arc<List>,
    maintenance: Mutex<Option<String>>,
    watcher: OnceLock<()>,
    spill: OnceLock<Spill>,
}

/// Where the queries of a caller put what memory does not hold.
struct Spill(Box<SpaceOf>);

type SpaceOf = dyn Fn(&Caller) -> Arc<dyn SpillSpace> + Send + Sync;

impl std::fmt::Debug for Spill {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Spill").finish_non_exhaustive()
    }
}

impl Queries {
    /// A door to a query service.
    pub(crate) fn new(service: QueryService, limits: AdmissionLimits, metrics: Arc<Metrics>) -> Self {
        let (admission, list) = (Admission::new(limits), Arc::new(List::new(metrics)));
        let (maintenance, watcher, spill) = (Mutex::default(), OnceLock::new(), OnceLock::new());
        Self(Arc::new(Door { service, admission, list, maintenance, watcher, spill }))
    }

    /// Says once where queries put what memory does not hold; until then it is the system's folder of temporary files.
    pub(crate) fn spill_into(&self, space: impl Fn(&Caller) -> Arc<dyn SpillSpace> + Send + Sync + 'static) {
        if self.0.spill.set(Spill(Box::new(space))).is_err() {
            tracing::debug!("where queries spill is settled already");
        }
    }

    /// The service behind it, for what is no query: tables, estimates.
    pub(crate) fn service(&self) -> &QueryService {
        &self.0.service
    }

    /// Plans a query that will be run later, perhaps many times.
    ///
    /// *Errors*: those of planning; `Busy` in maintenance.
    pub(crate) async fn prepare(&self, caller: &Caller, request: &QueryRequest) -> Result<PreparedQuery, EngineError> {
        let mut query = self.enter(caller, Arc::from(request.text.as_str()), None);
        let prepared = async {
            self.check_open()?;
            self.0.service.prepare(&caller.principal, request).await
        };
        let prepared = query.unless_stopped(prepared).await;
        match &prepared {
            Ok(_) => query.leave_quietly(),
            Err(error) => query.failed(error),
        }
        prepared
    }

    /// Plans a query and runs it.
    ///
    /// *Errors*: those of planning; `Busy` where there are too many; `Timeout`, its turn included.
    pub(crate) async fn run(&self, caller: &Caller, request: &QueryRequest) -> Result<QueryResult, EngineError> {
        let query = self.enter(caller, Arc::from(request.text.as_str()), request.limits.timeout);
        let result = async {
            self.check_open()?;
            let prepared = self.0.service.prepare(&caller.principal, request).await?;
            self.start(caller, &prepared, self.execution((caller, &query), request.parameters.clone(), request.limits))
                .await
        };
        let result = query.unless_stopped(result).await;
        self.streaming(query, result)
    }

    /// Runs a query that was planned before.
    ///
    /// *Errors*: as [`Self::run`]; wrong parameters.
    pub(crate) async fn execute(
        &self,
        caller: &Caller,
        prepared: &PreparedQuery,
        parameters: &[ScalarValue],
        limits: QueryLimits,
    ) -> Result<QueryResult, EngineError> {
        let query = self.enter(caller, Arc::clone(prepared.text()), limits.timeout);
        let result = async {
            self.check_open()?;
            self.start(caller, prepared, self.execution((caller, &query), parameters.to_vec(), limits)).await
        };
        let result = query.unless_stopped(result).await;
        self.streaming(query, result)
    }

    /// What runs now, the oldest first.
    pub(crate) fn list(&self) -> Vec<QueryInfo> {
        self.0.list.infos()
    }

    /// Stops a query; whether there was one of that id.
    pub(crate) fn kill(&self, id: &str) -> bool {
        self.0.list.find(id).is_some_and(|entry| entry.stop(Stop::Killed))
    }

    /// Queries that work and that wait.
    pub(crate) fn load(&self) -> (usize, usize) {
        self.0.admission.load()
    }

    /// Takes no new queries from now on, and says why; `None` takes them again.
    pub(crate) fn set_maintenance(&self, note: Option<String>) {
        *self.0.maintenance.lock().unwrap_or_else(PoisonError::into_inner) = note;
    }

    /// Why no queries are taken, where none are.
    pub(crate) fn maintenance(&self) -> Option<String> {
        self.0.maintenance.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn check_open(&self) -> Result<(), EngineError> {
        let Some(note) = self.maintenance() else { return Ok(()) };
        let message = format!("the service is in maintenance: {note}");
        Err(EngineError::Busy { message, retry_after: RETRY_MAINTENANCE })
    }

    fn enter(&self, caller: &Caller, text: Arc<str>, timeout: Option<Duration>) -> Tracked {
        self.0.watcher.get_or_init(|| watch(&self.0.list));
        self.0.list.enter(Entry::new(caller, text, timeout))
    }

    /// What the engine runs: it asks for a place once it knows how heavy the query is.
    fn execution(
        &self,
        (caller, query): (&Caller, &Tracked),
        parameters: Vec<ScalarValue>,
        limits: QueryLimits,
    ) -> Execution {
        let (entry, admission) = (Arc::clone(query.entry()), self.0.admission.clone());
        let gate = Box::new(move |class| {
            let waits = async move {
                entry.queued(class);
                let place = admission.enter(entry.user(), class, entry.patience()).await?;
                entry.started(place);
                Ok(())
            };
            Box::pin(waits) as _
        });
        let spill = self.0.spill.get().map(|spill| (spill.0)(caller));
        Execution { parameters, limits, gate: Some(gate), spill }
    }

    async fn start(
        &self,
        caller: &Caller,
        prepared: &PreparedQuery,
        execution: Execution,
    ) -> Result<QueryResult, EngineError> {
        self.0.service.execute(&caller.principal, prepared, execution).await
    }

    /// The result with its rows counted.
    fn streaming(
        &self,
        mut query: Tracked,
        result: Result<QueryResult, EngineError>,
    ) -> Result<QueryResult, EngineError> {
        let mut result = result.inspect_err(|error| query.failed(error))?;
        query.entry().works(result.work());
        let rows = std::mem::replace(&mut result.stream, Box::pin(futures::stream::empty()));
        result.stream = Box::pin(Rows::new(query, rows, result.overflow.clone()));
        Ok(result)
    }
}

/// Looks through the list for as long as there is one: a client that does not read is told of its time here alone.
fn watch(list: &Arc<List>) {
    let list = Arc::downgrade(list);
    tokio::spawn(async move {
        loop {
            tokio::time::sleep(LOOK).await;
            let Some(list) = list.upgrade() else { return };
            list.look(Instant::now());
        }
    });
}
