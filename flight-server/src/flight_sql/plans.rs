//! Which queries have been planned already?
//!
//! A plan is made when a statement is prepared and found again when it is run, so the many calls that a client makes
//! for one query plan once. Once the catalogs are replaced, it is made again: the next run sees what is served then, unless
//! the query names snapshots. Plans are kept by the digest of owner, label, rules and text, for some minutes, within bounds; a
//! plan that was let go is made again from the text. Long texts do not travel in tickets: they are kept here too, and
//! for them alone a statement that was let go must be prepared again by its client.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use sidereus_engine::{Label, PreparedQuery, QueryRequest, Rules};
use tonic::Status;

use super::caller::Caller;
use super::own::Table;
use super::status::status;
use super::ticket::Statement;
use crate::queries::Queries;

/// Plans that are kept at once.
const MAX_PLANS: usize = 512;
/// Bytes of query text that are kept at once.
const MAX_TEXT: usize = 128 << 20;
/// Time after which a plan is made anew, at the latest: the hour of `NOW()` is that of the plan.
const FRESH: Duration = Duration::from_secs(300);

struct Plan {
    query: Arc<PreparedQuery>,
    made: Instant,
    used: Instant,
}

/// Plans of recent statements.
pub(super) struct Plans {
    queries: Queries,
    plans: Mutex<HashMap<Bytes, Plan>>,
}

impl std::fmt::Debug for Plans {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Plans").field("kept", &self.lock().len()).finish_non_exhaustive()
    }
}

impl Plans {
    /// An empty collection of queries.
    pub(super) fn new(queries: Queries) -> Self {
        Self { queries, plans: Mutex::default() }
    }

    /// The plan of a statement whose text is at hand.
    ///
    /// *Errors*: those of planning.
    pub(super) async fn prepare(
        &self,
        caller: &Caller,
        statement: &Statement,
        (text, tables): (&str, &[Arc<Table>]),
    ) -> Result<Arc<PreparedQuery>, Status> {
        let key = key(statement, tables);
        match self.fresh(&key) {
            Some(query) => Ok(query),
            None => self.plan(caller, statement, (Arc::from(text), tables, key)).await,
        }
    }

    /// The plan of a statement that came in a handle or ticket.
    ///
    /// *Errors*: those of planning, and `NOT_FOUND` for a long text that was let go.
    pub(super) async fn find(
        &self,
        caller: &Caller,
        statement: &Statement,
        tables: &[Arc<Table>],
    ) -> Result<Arc<PreparedQuery>, Status> {
        let key = key(statement, tables);
        if let Some(query) = self.fresh(&key) {
            return Ok(query);
        }
        let kept = self.lock().get(&key).map(|plan| Arc::clone(plan.query.text()));
        let Some(text) = statement.text.as_deref().map(Arc::from).or(kept) else {
            return Err(Status::not_found("the statement is no longer kept by the server: prepare the query again"));
        };
        self.plan(caller, statement, (text, tables, key)).await
    }

    fn fresh(&self, key: &Bytes) -> Option<Arc<PreparedQuery>> {
        let mut plans = self.lock();
        let is_fresh = |plan: &Plan| plan.made.elapsed() < FRESH && self.queries.service().is_current(&plan.query);
        let plan = plans.get_mut(key).filter(|plan| is_fresh(plan))?;
        plan.used = Instant::now();
        Some(Arc::clone(&plan.query))
    }

    async fn plan(
        &self,
        caller: &Caller,
        statement: &Statement,
        (text, tables, key): (Arc<str>, &[Arc<Table>], Bytes),
    ) -> Result<Arc<PreparedQuery>, Status> {
        let label = if statement.adql { Label::Adql } else { Label::Sql };
        let rules = statement.rules_off.as_deref().map(|list| Rules::all().without(list)).transpose();
        let rules = rules.map_err(|error| Status::invalid_argument(error.to_string()))?;
        let uploads = tables.iter().map(|own| Arc::clone(&own.table)).collect();
        let request = QueryRequest { rules, uploads, ..QueryRequest::new(text.to_string(), label) };
        let query = self.queries.prepare(&caller.asking(), &request).await.map_err(|error| status(&error))?;
        let (query, now) = (Arc::new(query), Instant::now());
        let plan = Plan { query: Arc::clone(&query), made: now, used: now };
        let mut plans = self.lock();
        plans.insert(key, plan);
        make_room(&mut plans);
        Ok(query)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Bytes, Plan>> {
        self.plans.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a plan is kept by: the same text over other tables of the client's own is another.
fn key(statement: &Statement, tables: &[Arc<Table>]) -> Bytes {
    if tables.is_empty() {
        return statement.plan.clone();
    }
    let numbers: Vec<u8> = tables.iter().flat_map(|own| own.number.to_le_bytes()).collect();
    [&statement.plan[..], &numbers].concat().into()
}

/// Lets go what was not used for longest until the bounds are kept.
fn make_room(plans: &mut HashMap<Bytes, Plan>) {
    let mut bytes: usize = plans.values().map(|plan| plan.query.text().len()).sum();
    while plans.len() > MAX_PLANS || (bytes > MAX_TEXT && plans.len() > 1) {
        let Some(oldest) = plans.iter().min_by_key(|(_, plan)| plan.used).map(|(key, _)| key.clone()) else { return };
        bytes -= plans.remove(&oldest).map_or(0, |plan| plan.query.text().len());
    }
}
