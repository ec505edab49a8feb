//! How does a job become a result?
//!
//! Its query runs under its owner's name and its own limits, the rows go through the format into a file, and the file is on
//! disk before the job says that it is complete.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arrow::datatypes::SchemaRef;
use sidereus_engine::{EngineError, ErrorKind, Principal, QueryLimits, QueryProgress, QueryRequest, QueryResult};

use super::job::{Job, JobError, JobReport, JobRequest, JobResult};
use super::uploads::{self, UploadError};
use super::{Workshop, files};
use crate::error::{self, RequestId};
use crate::format::{self, EncodeError, Encoding, Head};
use crate::queries::{Caller, Origin, Protocol};
use crate::storage::{Account, StorageError, Written, blocking};

/// Why a job ends without a result.
#[derive(Debug)]
pub(super) enum Failure {
    /// It failed.
    Failed(JobError),
    /// Its time was up.
    OutOfTime(JobError),
}

/// What runs now tells of itself, whenever it is asked.
#[derive(Default)]
pub(super) struct Watch(Mutex<Option<Tellers>>);

type Teller<T> = Arc<dyn Fn() -> T + Send + Sync>;
type Tellers = (Teller<QueryProgress>, Teller<Vec<(&'static str, u64)>>);

impl std::fmt::Debug for Watch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Watch")
    }
}

impl Watch {
    /// How far the job is.
    pub(super) fn report(&self) -> JobReport {
        let tellers = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let Some((progress, scanned)) = tellers else { return JobReport::default() };
        let QueryProgress { partitions_done, partitions_planned, .. } = progress();
        let share = partitions_done as f64 / partitions_planned.max(1) as f64;
        let scanned = scanned().into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        JobReport { progress: share.min(1.0), scanned }
    }

    fn set(&self, result: &QueryResult) {
        let tellers = (result.progress(), result.scanned());
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(tellers);
    }
}

/// Runs a job into a file that is whole and on disk, and has no name yet.
pub(super) async fn run(shop: &Workshop, job: &Job, watch: &Watch) -> Result<(Written, JobResult), Failure> {
    let request = RequestId::new();
    tracing::info!(job = %job.id, request = %request, attempt = job.attempts, "a job begins");
    match write(shop, job, watch).await {
        Ok(done) => Ok(done),
        Err(RunError::Encode(error)) => {
            let message = error.public_text(&request);
            let is_transient = error.kind() == ErrorKind::Unavailable;
            let told = JobError { message, is_transient };
            Err(if error.kind() == ErrorKind::Timeout { Failure::OutOfTime(told) } else { Failure::Failed(told) })
        }
        Err(RunError::Storage(error)) => Err(Failure::Failed(storage_error(&error, &request))),
        Err(RunError::Told(message)) => Err(Failure::Failed(JobError { message, is_transient: false })),
        Err(RunError::Later(message)) => Err(Failure::Failed(JobError { message, is_transient: true })),
    }
}

/// What the owner of a job is told where the disk was the reason.
pub(super) fn storage_error(error: &StorageError, request: &RequestId) -> JobError {
    let is_transient = error.kind() == ErrorKind::Unavailable;
    if error.kind() == ErrorKind::Internal {
        tracing::error!(request = %request, error = %error::chain(error), "a job's file cannot be kept");
        return JobError { message: error::internal_text(request), is_transient: true };
    }
    JobError { message: error.to_string(), is_transient }
}

enum RunError {
    Encode(EncodeError),
    Storage(StorageError),
    /// For the owner as it is.
    Told(String),
    /// The same, where another time may do.
    Later(String),
}

impl From<EncodeError> for RunError {
    fn from(error: EncodeError) -> Self {
        Self::Encode(error)
    }
}

impl From<UploadError> for RunError {
    fn from(error: UploadError) -> Self {
        match error {
            UploadError::Storage(error) => Self::Storage(error),
            UploadError::Stopped(_) => Self::Encode(EncodeError::Stopped(error.to_string())),
            later if later.kind() == ErrorKind::Unavailable => Self::Later(later.to_string()),
            told => Self::Told(told.to_string()),
        }
    }
}

impl From<StorageError> for RunError {
    fn from(error: StorageError) -> Self {
        Self::Storage(error)
    }
}

impl From<EngineError> for RunError {
    fn from(error: EngineError) -> Self {
        Self::Encode(error.into())
    }
}

async fn write(shop: &Workshop, job: &Job, watch: &Watch) -> Result<(Written, JobResult), RunError> {
    let told = |message: &str| RunError::Told(message.to_owned());
    let work = job.request.as_ref().ok_or_else(|| told("the job was asked to run without saying what"))?;
    let principal = match &job.owner {
        None => Principal::anonymous(),
        Some(name) => {
            shop.auth.principal(name).ok_or_else(|| told("the job's owner is no user of this service any more"))?
        }
    };
    let format = format::find(&work.format).ok_or_else(|| told("the format of the result is not known any more"))?;
    let result = begin(shop, job, work, &principal).await?;
    watch.set(&result);
    let head = Head::new(SchemaRef::clone(&result.schema), Some(work.query.clone()));
    let head = Head { spool: Some(shop.storage.spool()), ..head };
    let mut encoding = Encoding::with_head(result, format, &head)?;
    let account = Account::named(job.owner.as_deref(), &job.origin);
    let mut writer = shop.storage.write(account)?;
    while let Some(bytes) = encoding.next().await? {
        writer = blocking(move || writer.write(&bytes).map(|()| writer)).await?;
    }
    let written = blocking(move || writer.finish()).await?;
    let result = JobResult {
        bytes: written.bytes,
        rows: encoding.rows(),
        media_type: work.media_type.clone(),
        digest: written.digest.clone(),
        overflow: encoding.is_overflow(),
    };
    Ok((written, result))
}

async fn begin(shop: &Workshop, job: &Job, work: &JobRequest, principal: &Principal) -> Result<QueryResult, RunError> {
    let account = Account::named(job.owner.as_deref(), &job.origin);
    let part = |name: &str| Some(files::part_path(&shop.storage, &job.id, name)).filter(|path| path.is_file());
    let taken = uploads::take_in(shop, account, &work.uploads, part).await?;
    let limits = QueryLimits { max_rows: shop.config.row_limit(work.max_rows), timeout: job.duration };
    let request = QueryRequest { limits, uploads: taken.tables.clone(), ..work.query_request() };
    // It has waited for its turn among jobs: now it waits for its turn among queries for as long as it may run.
    let origin =
        Origin { protocol: Protocol::Tap, address: job.origin.parse().ok(), request: Some(job.id.to_string()) };
    let patience = Some(job.duration.unwrap_or(Duration::MAX));
    let caller = Caller { patience, ..Caller::new(principal.clone(), origin) };
    Ok(taken.keep_for(shop.queries.run(&caller, &request).await?))
}
