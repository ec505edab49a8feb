//! One query that runs: who, what, how far, and how to stop it.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use sha2::{Digest, Sha256};
use sidereus_engine::{EngineError, ErrorKind, QueryClass, QueryWork, ResultStream};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::admission::Place;
use super::caller::{Caller, Origin, User};

/// Time that a reader may take over a batch before its place is lent.
const SLOW_READER: Duration = Duration::from_secs(1);
/// Time beyond that of the query after which it is stopped from here: until then it tells of the time-out itself.
const LATE: Duration = Duration::from_secs(1);

/// How far a query is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Its text becomes a plan.
    Planning,
    /// It waits for its turn.
    Queued,
    /// It works.
    Running,
    /// It waits for its reader.
    Reading,
    /// It was stopped, which its reader has not heard yet.
    Stopped,
}

impl Phase {
    /// The name in lists.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Planning => "planning",
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Reading => "reading",
            Self::Stopped => "stopped",
        }
    }
}

/// Why a query is stopped from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stop {
    /// Somebody asked for it.
    Killed,
    /// Its time is over and nobody reads.
    Late(Duration),
}

impl Stop {
    /// What a reader is told.
    pub(super) fn error(self) -> EngineError {
        let (kind, message) = match self {
            Self::Killed => {
                (ErrorKind::LimitExceeded, "the query was stopped by the operator of this service".to_owned())
            }
            Self::Late(allowed) => {
                (ErrorKind::Timeout, format!("the query did not end within {} s", allowed.as_secs_f64()))
            }
        };
        EngineError::Request { kind, message }
    }
}

/// What is told of a running query.
#[derive(Debug, Clone)]
pub(crate) struct QueryInfo {
    /// Its id.
    pub(crate) id: String,
    /// The name of whoever asked.
    pub(crate) principal: String,
    /// Where it came from.
    pub(crate) origin: Origin,
    /// SHA-256 of its text, in hexadecimal.
    pub(crate) digest: String,
    /// Its text.
    pub(crate) text: Arc<str>,
    /// When it came.
    pub(crate) started: SystemTime,
    /// How long ago that is.
    pub(crate) elapsed: Duration,
    /// How heavy it is, once it is planned.
    pub(crate) class: Option<QueryClass>,
    /// How far it is.
    pub(crate) phase: Phase,
    /// Rows that its reader has.
    pub(crate) rows: u64,
    /// Bytes of these rows in memory.
    pub(crate) bytes: u64,
    /// Time between its plan and its turn.
    pub(crate) waited: Duration,
    /// Time until its first rows.
    pub(crate) first: Option<Duration>,
    /// What it has used.
    pub(crate) work: QueryWork,
}

type Work = Arc<dyn Fn() -> QueryWork + Send + Sync>;

/// A query on the list.
pub(super) struct Entry {
    id: String,
    caller: Caller,
    text: Arc<str>,
    digest: String,
    started: SystemTime,
    began: Instant,
    timeout: Option<Duration>,
    class: OnceLock<QueryClass>,
    queued: OnceLock<Instant>,
    running: OnceLock<(Instant, Place)>,
    first: OnceLock<Duration>,
    rows: AtomicU64,
    bytes: AtomicU64,
    /// Milliseconds from the beginning to when the reader got what it has not come back from; 0 while it waits for rows.
    reading: AtomicU64,
    /// Whether the place was given back for good.
    over: AtomicBool,
    work: OnceLock<Work>,
    /// The rows to come, unless they were taken away.
    stream: Mutex<Option<ResultStream>>,
    why: OnceLock<Stop>,
    stop: CancellationToken,
}

impl std::fmt::Debug for Entry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Entry").field("id", &self.id).field("digest", &self.digest).finish_non_exhaustive()
    }
}

impl Entry {
    /// A query that has just come.
    pub(super) fn new(caller: &Caller, text: Arc<str>, timeout: Option<Duration>) -> Self {
        let digest = Sha256::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect();
        Self {
            id: Uuid::new_v4().simple().to_string(),
            caller: caller.clone(),
            text,
            digest,
            started: SystemTime::now(),
            began: Instant::now(),
            timeout,
            class: OnceLock::new(),
            queued: OnceLock::new(),
            running: OnceLock::new(),
            first: OnceLock::new(),
            rows: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            reading: AtomicU64::new(0),
            over: AtomicBool::new(false),
            work: OnceLock::new(),
            stream: Mutex::default(),
            why: OnceLock::new(),
            stop: CancellationToken::new(),
        }
    }

    pub(super) fn id(&self) -> &str {
        &self.id
    }

    pub(super) fn user(&self) -> User {
        self.caller.user()
    }

    pub(super) fn patience(&self) -> Option<Duration> {
        self.caller.patience
    }

    /// Its plan is made, and it asks for its turn.
    pub(super) fn queued(&self, class: QueryClass) {
        // A query is planned and started once.
        let _ = (self.class.set(class), self.queued.set(Instant::now()));
    }

    /// It is its turn.
    pub(super) fn started(&self, place: Place) {
        // Who was stopped meanwhile gives the place back.
        drop(self.running.set((Instant::now(), place)));
        if self.over.load(Ordering::Acquire) {
            self.end();
        }
    }

    /// It has a plan that tells what it uses.
    pub(super) fn works(&self, work: Work) {
        drop(self.work.set(work));
    }

    /// Takes the rows to come; they are gone at once where the query is stopped.
    pub(super) fn hold(&self, rows: ResultStream) {
        *self.stream.lock().unwrap_or_else(PoisonError::into_inner) = Some(rows);
        if self.why.get().is_some() {
            self.end();
        }
    }

    /// Does something with the rows to come, while there are any.
    pub(super) fn with_rows<T>(&self, read: impl FnOnce(&mut ResultStream) -> T) -> Option<T> {
        self.stream.lock().unwrap_or_else(PoisonError::into_inner).as_mut().map(read)
    }

    /// Its reader asks for rows.
    pub(super) fn asked(&self) {
        self.reading.store(0, Ordering::Release);
        if let Some((_, place)) = self.running.get()
            && !self.over.load(Ordering::Acquire)
        {
            place.take_back();
        }
    }

    /// Its reader got rows.
    pub(super) fn gave(&self, rows: usize, bytes: usize) {
        self.first.get_or_init(|| self.began.elapsed());
        self.rows.fetch_add(rows as u64, Ordering::Relaxed);
        self.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
        let now = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.reading.store(now.max(1), Ordering::Release);
    }

    /// Gives everything back.
    pub(super) fn end(&self) {
        self.over.store(true, Ordering::Release);
        drop(self.stream.lock().unwrap_or_else(PoisonError::into_inner).take());
        if let Some((_, place)) = self.running.get() {
            place.lend();
        }
    }

    /// Stops it; whether it ran.
    pub(super) fn stop(&self, why: Stop) -> bool {
        let first = !self.over.load(Ordering::Acquire) && self.why.set(why).is_ok();
        if first {
            self.stop.cancel();
            self.end();
        }
        first
    }

    /// Why it was stopped, if it was.
    pub(super) fn stopped(&self) -> Option<Stop> {
        self.why.get().copied()
    }

    /// Tells when it is stopped.
    pub(super) fn stop_token(&self) -> CancellationToken {
        self.stop.clone()
    }

    /// Stops it where it is late, and lends its place where its reader does something else.
    pub(super) fn look(&self, now: Instant) {
        let age = now.saturating_duration_since(self.began);
        if let Some(allowed) = self.timeout.filter(|allowed| age > allowed.saturating_add(LATE)) {
            self.stop(Stop::Late(allowed));
            return;
        }
        let since = self.reading.load(Ordering::Acquire);
        let is_slow = since > 0 && age > Duration::from_millis(since).saturating_add(SLOW_READER);
        if let (true, Some((_, place))) = (is_slow, self.running.get()) {
            place.lend();
        }
    }

    fn phase(&self) -> Phase {
        if self.stopped().is_some() {
            return Phase::Stopped;
        }
        match (self.queued.get(), self.running.get(), self.reading.load(Ordering::Acquire)) {
            (None, ..) => Phase::Planning,
            (_, None, _) => Phase::Queued,
            (.., 0) => Phase::Running,
            _ => Phase::Reading,
        }
    }

    /// What is told of it.
    pub(super) fn info(&self) -> QueryInfo {
        let waited = match (self.queued.get(), self.running.get()) {
            (Some(queued), Some((running, _))) => running.saturating_duration_since(*queued),
            (Some(queued), None) => queued.elapsed(),
            _ => Duration::ZERO,
        };
        QueryInfo {
            id: self.id.clone(),
            principal: self.caller.name().to_owned(),
            origin: self.caller.origin.clone(),
            digest: self.digest.clone(),
            text: Arc::clone(&self.text),
            started: self.started,
            elapsed: self.began.elapsed(),
            class: self.class.get().copied(),
            phase: self.phase(),
            rows: self.rows.load(Ordering::Relaxed),
            bytes: self.bytes.load(Ordering::Relaxed),
            waited,
            first: self.first.get().copied(),
            work: self.work.get().map(|work| work()).unwrap_or_default(),
        }
    }
}
