//! How does a client follow a long query, and have its first rows before the last (PollFlightInfo)?
//!
//! ```text
//!  poll: text --start--> a task: the query --> pieces in the spool --> state: pieces so far, how far, how it ended
//!  poll: what the answer before said ---------- waits for news ------------^
//!  DoGet: ticket of a piece ------------------- its messages --------------^
//! ```
//! The query runs at once and as fast as it can, whether somebody reads it or not; its rows lie on the account of whoever
//! asked. Endpoints are only added. A query that nobody asks about for some minutes is stopped; pieces stay as
//! long as a ticket, counted from when they were last asked for, and end with the process.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use arrow::datatypes::SchemaRef;
use arrow_flight::{FlightDescriptor, FlightInfo, PollInfo};
use bytes::Bytes;
use futures::StreamExt;
use sidereus_engine::PreparedQuery;
use tokio::sync::watch;
use tokio_util::task::AbortOnDropHandle;
use tonic::Status;

use super::caller::Caller;
use super::pieces::{Piece, Pieces};
use super::statements::{RowStream, Share, Started, Statements, TICKET_LIFE, echoed, endpoint};
use super::status::defect;
use super::ticket::{Statement, seconds_since_1970};
use crate::storage::Storage;

/// How long an answer waits for news.
const PATIENCE: Duration = Duration::from_millis(500);
/// Time after which a query that nobody asks about is stopped.
const ABANDONED: Duration = Duration::from_secs(300);
/// How often that is looked at.
const LOOK: Duration = Duration::from_secs(5);
/// Queries that are followed at the same time, ended ones included.
const MOST: usize = 1000;
/// Time that tickets of pieces are good for, kept or not: they are the same in every answer.
const TICKETS: Duration = Duration::from_secs(24 * 3600);
/// What is told of progress before the last row: sorting and sending take time after the last page is read.
const NEARLY: f64 = 0.99;

/// Queries that are followed.
#[derive(Debug)]
pub(super) struct Polls {
    storage: Arc<Storage>,
    polls: Arc<Mutex<HashMap<Bytes, Arc<Poll>>>>,
}

/// One of them.
#[derive(Debug)]
struct Poll {
    schema: SchemaRef,
    descriptor: FlightDescriptor,
    state: watch::Sender<State>,
    used: Mutex<Instant>,
    expires: u64,
    progress: Progress,
    task: Mutex<Option<AbortOnDropHandle<()>>>,
}

/// How far it is.
#[derive(Debug, Default, Clone)]
struct State {
    pieces: Vec<Arc<Piece>>,
    is_cut: bool,
    ended: Option<Result<(), Status>>,
}

/// The share of the work that is done, which never falls.
#[derive(Default)]
struct Progress {
    share: Mutex<f64>,
    of: Mutex<Option<Share>>,
}

impl std::fmt::Debug for Progress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Progress").finish_non_exhaustive()
    }
}

impl Progress {
    fn now(&self) -> f64 {
        let measured = lock(&self.of).as_ref().map_or(0.0, |share| share()).clamp(0.0, NEARLY);
        let mut share = lock(&self.share);
        *share = share.max(measured);
        *share
    }
}

impl Polls {
    /// No queries yet.
    pub(super) fn new(storage: Arc<Storage>) -> Self {
        Self { storage, polls: Arc::default() }
    }

    /// Starts a query and follows it.
    pub(super) fn start(
        &self,
        statements: &Arc<Statements>,
        caller: &Caller,
        (statement, query): (Statement, Arc<PreparedQuery>),
        descriptor: FlightDescriptor,
    ) -> Result<Statement, Status> {
        let statement = statement.renewed(TICKET_LIFE);
        let schema = super::wire::wire_schema(query.schema());
        let poll = Arc::new(Poll {
            schema: SchemaRef::clone(&schema),
            descriptor: echoed(descriptor),
            state: watch::Sender::default(),
            used: Mutex::new(Instant::now()),
            expires: statement.clone().renewed(TICKETS).expires,
            progress: Progress::default(),
            task: Mutex::default(),
        });
        let compression = super::session::compression(&statement.compression).unwrap_or_default();
        let pieces = Pieces::new(Arc::clone(&self.storage), caller.account(), (schema, compression));
        let work = {
            let (statements, caller, statement) = (Arc::clone(statements), caller.clone(), statement.clone());
            let (poll, polls) = (Arc::downgrade(&poll), Arc::clone(&self.polls));
            async move {
                let started = statements.start(&caller, &statement, query).await;
                let ended = match started {
                    Ok(started) => follow(&poll, started, pieces).await,
                    Err(status) => Err(status),
                };
                let Some(followed) = poll.upgrade() else { return };
                followed.state.send_modify(|state| {
                    if ended.is_err() {
                        state.pieces.clear();
                    }
                    state.ended = Some(ended);
                });
                drop(followed);
                while poll.upgrade().is_some_and(|poll| lock(&poll.used).elapsed() < TICKET_LIFE) {
                    tokio::time::sleep(LOOK).await;
                }
                let removed = lock(&polls).remove(&statement.id);
                drop(removed);
            }
        };
        let mut polls = lock(&self.polls);
        if polls.len() >= MOST {
            let ended = polls.iter().filter(|(_, poll)| poll.state.borrow().ended.is_some());
            let oldest = ended.min_by_key(|(_, poll)| *lock(&poll.used)).map(|(id, _)| id.clone());
            let Some(oldest) = oldest else {
                return Err(Status::unavailable("too many queries are followed at the same time: ask again later"));
            };
            polls.remove(&oldest);
        }
        polls.insert(statement.id.clone(), Arc::clone(&poll));
        drop(polls);
        *lock(&poll.task) = Some(AbortOnDropHandle::new(tokio::spawn(work)));
        Ok(statement)
    }

    /// How far a query is: at once where there is news since `told` pieces, else after a while.
    ///
    /// *Errors*: `NOT_FOUND` for one that is followed no more; those of the query.
    pub(super) async fn news(
        &self,
        statements: &Statements,
        (statement, told): (&Statement, usize),
    ) -> Result<PollInfo, Status> {
        let poll = self.find(&statement.id)?;
        let mut state = poll.state.subscribe();
        let is_news = |state: &State| state.pieces.len() > told || state.ended.is_some();
        let state = match tokio::time::timeout(PATIENCE, state.wait_for(is_news)).await {
            Ok(Ok(state)) => state.clone(),
            Ok(Err(_)) | Err(_) => poll.state.borrow().clone(),
        };
        let is_whole = match &state.ended {
            Some(Err(status)) => return Err(status.clone()),
            Some(Ok(())) => true,
            None => false,
        };
        let rows: u64 = state.pieces.iter().map(|piece| piece.rows).sum();
        let bytes: u64 = state.pieces.iter().map(|piece| piece.bytes()).sum();
        let metadata = serde_json::json!({
            "query_id": statement.query_id(), "rows": rows, "bytes": bytes, "overflow": state.is_cut,
        });
        let mut info = FlightInfo::new().try_with_schema(&poll.schema).map_err(defect)?;
        let count = |figure: u64| if is_whole { i64::try_from(figure).unwrap_or(i64::MAX) } else { -1 };
        info =
            info.with_total_records(count(rows)).with_total_bytes(count(bytes)).with_app_metadata(metadata.to_string());
        for piece in 1..=state.pieces.len() {
            let ticket = statements.ticket(&of_piece(statement, piece, poll.expires));
            info = info.with_endpoint(endpoint(ticket, seconds_since_1970() + TICKET_LIFE.as_secs()));
        }
        info.flight_descriptor = Some(poll.descriptor.clone());
        let mut answer = PollInfo::new().with_info(info);
        answer.progress = Some(if is_whole { 1.0 } else { poll.progress.now() });
        if !is_whole {
            let next = of_piece(statement, state.pieces.len(), poll.expires);
            answer.flight_descriptor = Some(FlightDescriptor::new_cmd(statements.ticket(&next).ticket));
            let until = seconds_since_1970() + ABANDONED.as_secs();
            answer.expiration_time.get_or_insert_default().seconds = i64::try_from(until).unwrap_or(i64::MAX);
        }
        Ok(answer)
    }

    /// The messages of one piece.
    ///
    /// *Errors*: `NOT_FOUND` where it is kept no more.
    pub(super) async fn rows(&self, statement: &Statement) -> Result<RowStream, Status> {
        let poll = self.find(&statement.id)?;
        let number = usize::try_from(statement.piece).unwrap_or(usize::MAX);
        let piece = number.checked_sub(1).and_then(|index| poll.state.borrow().pieces.get(index).cloned());
        piece.ok_or_else(gone)?.messages().await
    }

    /// Lets the pieces of an ended query go; whether there were any.
    pub(super) fn forget(&self, statement: &Statement) -> bool {
        let mut polls = lock(&self.polls);
        let has_ended = polls.get(&statement.id).is_some_and(|poll| poll.state.borrow().ended.is_some());
        if has_ended {
            polls.remove(&statement.id);
        }
        has_ended
    }

    /// Has the pieces of a query stay for another while.
    ///
    /// *Errors*: `NOT_FOUND` where they are kept no more.
    pub(super) fn touch(&self, statement: &Statement) -> Result<(), Status> {
        self.find(&statement.id).map(|_| ())
    }

    fn find(&self, id: &Bytes) -> Result<Arc<Poll>, Status> {
        let found = lock(&self.polls).get(id).cloned().ok_or_else(gone)?;
        *lock(&found.used) = Instant::now();
        Ok(found)
    }
}

/// Runs a query to its end, for as long as somebody asks about it.
async fn follow(poll: &std::sync::Weak<Poll>, started: Started, mut pieces: Pieces) -> Result<(), Status> {
    let Started { batches, cut, progress, stop, .. } = started;
    if let Some(poll) = poll.upgrade() {
        *lock(&poll.progress.of) = Some(progress);
    }
    let mut batches = batches;
    let mut look = tokio::time::interval(LOOK);
    loop {
        let batch = tokio::select! {
            batch = batches.next() => batch,
            _ = look.tick() => {
                if poll.upgrade().is_none_or(|poll| lock(&poll.used).elapsed() > ABANDONED) {
                    stop.cancel();
                }
                continue;
            }
        };
        let Some(batch) = batch else { break };
        if let Some(piece) = pieces.add(&batch?).await? {
            add(poll, piece, false);
        }
    }
    let ending = cut.ending();
    let is_cut = ending.app_metadata.is_some();
    if let Some(piece) = pieces.finish(ending).await? {
        add(poll, piece, is_cut);
    }
    Ok(())
}

fn add(poll: &std::sync::Weak<Poll>, piece: Piece, is_cut: bool) {
    let Some(poll) = poll.upgrade() else { return };
    poll.state.send_modify(|state| {
        state.pieces.push(Arc::new(piece));
        state.is_cut |= is_cut;
    });
}

/// What a ticket of a piece holds, or, as a descriptor, of how many pieces a client was told.
fn of_piece(statement: &Statement, piece: usize, expires: u64) -> Statement {
    Statement {
        id: statement.id.clone(),
        owner: statement.owner.clone(),
        standing: statement.standing,
        piece: piece as u64,
        expires,
        is_followed: true,
        ..Statement::default()
    }
}

fn gone() -> Status {
    Status::not_found("the answer is kept no more: ask the query again")
}

fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}
