//! What can be done with jobs?
//!
//! [`Jobs`] is the one service of jobs, whichever protocol they come by: it keeps them, runs them in turn, tells when they
//! change, and removes them when their time has come. Each entry is a few lines over the store, which decides who wins where
//! two want to change a job at once.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use sidereus_engine::{ErrorKind, Principal, QueryLimits, QueryRequest};

use super::files;
use super::job::{Job, JobError, JobId, JobRequest, Time, now};
use super::phase::Phase;
use super::store::{JobFilter, JobStore};
use super::worker::Running;
use super::{JobLimits, Workshop};
use crate::metadata::{Metadata, MetadataError};
use crate::storage::{Shelf, StorageError, Written};

/// How often a job may be begun by servers that stop meanwhile.
const ATTEMPTS: u32 = 3;
/// How long a query is planned to tell what it will take.
const ESTIMATE_TIME: Duration = Duration::from_millis(500);

/// Why something cannot be done with a job.
#[derive(Debug, thiserror::Error)]
pub(crate) enum JobsError {
    /// There is none of that id, or it is another's.
    #[error("there is no job {0}")]
    NoSuchJob(String),
    /// Its phase does not allow it.
    #[error("job {id} is {phase}: {message}")]
    Phase {
        /// The job.
        id: JobId,
        /// Its phase.
        phase: Phase,
        /// What would be possible, or when.
        message: &'static str,
    },
    /// The metadata database failed.
    #[error(transparent)]
    Metadata(#[from] MetadataError),
    /// Its files cannot be kept.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

impl JobsError {
    /// What a caller can do.
    pub(crate) fn kind(&self) -> ErrorKind {
        match self {
            Self::NoSuchJob(_) => ErrorKind::NotFound,
            Self::Phase { .. } => ErrorKind::BadQuery,
            Self::Metadata(error) => error.kind(),
            Self::Storage(error) => error.kind(),
        }
    }
}

/// The service of jobs. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Jobs {
    pub(super) store: JobStore,
    pub(super) shop: Arc<Workshop>,
    pub(super) running: Arc<Running>,
}

/// A file that came with a request, by the name of its part.
pub(crate) type Part = (String, Written);

type Result<T> = std::result::Result<T, JobsError>;

impl Jobs {
    /// Opens the jobs that are kept: what ran when the server stopped waits for its turn again, files that belong to no job
    /// are removed.
    pub(crate) async fn open(metadata: Metadata, shop: Workshop) -> Result<Self> {
        let store = JobStore::new(metadata);
        let given_up = JobError {
            message: format!("the server stopped {ATTEMPTS} times while this job ran; it is not begun again"),
            is_transient: false,
        };
        let (again, lost) = store.recover(ATTEMPTS, &given_up, now()).await?;
        if again + lost > 0 {
            tracing::info!(again, lost, "jobs that ran when the server stopped");
        }
        let jobs = Self { store, shop: Arc::new(shop), running: Arc::default() };
        files::recover(&jobs).await?;
        Ok(jobs)
    }

    /// The limits that the operator set.
    pub(crate) fn limits(&self) -> &JobLimits {
        &self.shop.limits
    }

    /// Where files of requests are put.
    pub(crate) fn storage(&self) -> &Arc<crate::storage::Storage> {
        &self.shop.storage
    }

    /// Where rows are kept.
    pub(crate) fn metadata(&self) -> &Metadata {
        self.store.metadata()
    }

    /// Keeps a new job, with the files that came with it. It is on disk when this returns.
    pub(crate) async fn create(&self, mut job: Job, parts: Vec<Part>) -> Result<Job> {
        job.duration = job.duration.or(self.shop.limits.default_duration);
        files::add_parts(self, &mut job, parts).await?;
        let inserted = self.store.insert(&job).await;
        crate::failpoints::reach("job-inserted");
        if inserted.is_err() {
            files::remove(self, &job.id).await;
        }
        inserted?;
        Ok(job)
    }

    /// A job that the principal may see.
    pub(crate) async fn job(&self, principal: &Principal, id: &str) -> Result<Job> {
        let absent = || JobsError::NoSuchJob(id.chars().take(64).collect());
        let id = JobId::parse(id).ok_or_else(absent)?;
        let found = self.store.job(&id).await?.filter(|job| job.is_open_to(principal));
        let mut job = found.ok_or_else(absent)?;
        if job.phase == Phase::Executing {
            job.report = self.running.report(&id);
        }
        Ok(job)
    }

    /// The principal's jobs, newest first, without parameters.
    pub(crate) async fn list(&self, principal: &Principal, filter: &JobFilter) -> Result<Vec<Job>> {
        Ok(self.store.list(principal, filter).await?)
    }

    /// Replaces a pending job's parameters and adds files to it.
    pub(crate) async fn set_parameters(&self, mut job: Job, parts: Vec<Part>) -> Result<Job> {
        let late = |job: &Job| phase_error(job, "parameters can be changed while it is PENDING");
        // Before its files are touched: those of a job that was asked to run are what it reads.
        if job.phase != Phase::Pending {
            return Err(late(&job));
        }
        files::add_parts(self, &mut job, parts).await?;
        if !self.store.set_parameters(&job).await? {
            return Err(late(&job));
        }
        Ok(job)
    }

    /// Puts a pending job into the queue.
    pub(crate) async fn queue(&self, job: &Job, request: &JobRequest) -> Result<()> {
        if !self.store.queue(&job.id, request, now()).await? {
            return Err(phase_error(job, "only a PENDING job can be asked to run"));
        }
        crate::failpoints::reach("job-queued");
        self.running.changed(&job.id);
        self.running.wake();
        Ok(())
    }

    /// Ends a job that cannot be run as it is.
    pub(crate) async fn refuse(&self, job: &Job, message: String) -> Result<()> {
        let error = JobError { message, is_transient: false };
        if !self.store.end(&job.id, Phase::Error, Some(&error), now()).await? {
            return Err(phase_error(job, "only a PENDING job can be asked to run"));
        }
        self.running.changed(&job.id);
        Ok(())
    }

    /// Stops a job; one that has ended stays as it is.
    pub(crate) async fn abort(&self, job: &Job) -> Result<()> {
        if self.store.end(&job.id, Phase::Aborted, None, now()).await? {
            self.running.stop(&job.id);
            self.running.changed(&job.id);
        }
        Ok(())
    }

    /// Stops and forgets a job, and removes its files.
    pub(crate) async fn delete(&self, id: &JobId) -> Result<()> {
        self.store.delete(id).await?;
        crate::failpoints::reach("job-deleted");
        self.running.stop(id);
        self.running.changed(id);
        files::remove(self, id).await;
        Ok(())
    }

    /// Sets when a job is removed, no later than the operator allows.
    pub(crate) async fn set_destruction(&self, job: &Job, time: Time) -> Result<()> {
        let latest = now() + self.shop.limits.longest_retention;
        self.store.set_destruction(&job.id, time.min(latest)).await?;
        self.running.changed(&job.id);
        Ok(())
    }

    /// Sets how long a job may run, no longer than the operator allows; `None` asks for as long as that is.
    pub(crate) async fn set_duration(&self, job: &Job, duration: Option<Duration>) -> Result<()> {
        let duration = self.allowed_duration(duration);
        if !self.store.set_duration(&job.id, duration).await? {
            return Err(phase_error(job, "its duration can be changed until it runs"));
        }
        Ok(())
    }

    /// A duration that the operator allows; `None` is unlimited.
    pub(crate) fn allowed_duration(&self, asked: Option<Duration>) -> Option<Duration> {
        match (asked, self.shop.limits.longest_duration) {
            (Some(asked), Some(longest)) => Some(asked.min(longest)),
            (asked, longest) => asked.or(longest),
        }
    }

    /// Waits until a job leaves a phase, or the time is up. A job that has ended or is gone is waited for no more.
    pub(crate) async fn wait(&self, id: &JobId, phase: Phase, time: Duration) -> Result<()> {
        let mut changes = self.running.changes();
        let watched = async {
            while self.store.phase(id).await? == Some(phase) && phase.is_active() {
                // A receiver that fell behind has missed changes: the store knows.
                while let Ok(changed) = changes.recv().await {
                    if changed == *id {
                        break;
                    }
                }
            }
            Ok(())
        };
        tokio::time::timeout(time.min(self.shop.limits.longest_wait), watched).await.unwrap_or(Ok(()))
    }

    /// Whether a file of that part came with a job.
    pub(crate) fn has_part(&self, id: &JobId, part: &str) -> bool {
        files::part_path(&self.shop.storage, id, part).is_file()
    }

    /// Where a job's result lies.
    pub(crate) fn result_path(&self, id: &JobId) -> PathBuf {
        self.shop.storage.path(Shelf::Results, id.as_str())
    }

    /// Jobs in each phase, as of the last few seconds, and the bytes that are kept for all.
    pub(crate) fn figures(&self) -> (Vec<(Phase, u64)>, u64) {
        (self.running.counts(), self.shop.storage.ledger().total())
    }

    /// Asks the planner what a job will take and keeps it; what cannot be told yet is not told.
    pub(crate) async fn estimate(&self, job: &Job, request: &JobRequest) {
        let Some(principal) = self.principal(job) else { return };
        let limits =
            QueryLimits { max_rows: self.shop.config.row_limit(request.max_rows), timeout: Some(ESTIMATE_TIME) };
        let request = QueryRequest { limits, ..request.query_request() };
        let query = self.shop.queries.service();
        let Ok(prepared) = query.prepare(&principal, &request).await else { return };
        let Ok(estimate) = query.estimate(&principal, &prepared, &[], limits).await else { return };
        let Some(seconds) = estimate.seconds else { return };
        if let Err(error) = self.store.set_estimate(&job.id, Duration::from_secs_f64(seconds)).await {
            tracing::warn!(%error, job = %job.id, "an estimate cannot be kept");
        }
    }

    /// Ends the database's work, once nobody asks for jobs any more.
    pub(crate) async fn close(&self) {
        self.store.close().await;
    }

    /// Whose job it is; `None` where that is no user any more.
    pub(super) fn principal(&self, job: &Job) -> Option<Principal> {
        match &job.owner {
            None => Some(Principal::anonymous()),
            Some(name) => self.shop.auth.principal(name),
        }
    }
}

fn phase_error(job: &Job, message: &'static str) -> JobsError {
    JobsError::Phase { id: job.id.clone(), phase: job.phase, message }
}
