//! Which jobs run now, and whose turn is next?
//!
//! A few jobs run at a time; when one ends, the next begins: of whoever has the fewest running, the one that waits longest.
//! A job that is stopped, deleted or out of time drops its query, which ends its work.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, Semaphore, broadcast};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::files;
use super::job::{Job, JobError, JobId, JobReport, now};
use super::phase::Phase;
use super::run::{self, Failure, Watch};
use super::service::Jobs;
use crate::error::{self, RequestId};
use crate::metadata::MetadataError;
use crate::storage::{Charge, Shelf, blocking};

/// Changes that a waiting client may be behind before it asks the store.
const CHANGES: usize = 1024;
/// How long nothing is begun after the database failed.
const PAUSE: Duration = Duration::from_secs(1);
/// How often jobs whose time has come are looked for.
const SWEEP: Duration = Duration::from_secs(10);

/// What is known of jobs in memory alone.
#[derive(Debug)]
pub(super) struct Running {
    jobs: Mutex<HashMap<JobId, (CancellationToken, Arc<Watch>)>>,
    /// Bytes that are kept for each job.
    charges: Mutex<HashMap<JobId, Charge>>,
    /// Jobs in each phase when they were last counted.
    counts: Mutex<Vec<(Phase, u64)>>,
    changes: broadcast::Sender<JobId>,
    wake: Notify,
}

impl Default for Running {
    fn default() -> Self {
        let (changes, _) = broadcast::channel(CHANGES);
        let counts = Mutex::default();
        Self { jobs: Mutex::default(), charges: Mutex::default(), counts, changes, wake: Notify::new() }
    }
}

impl Running {
    /// Tells waiting clients that a job is not what it was.
    pub(super) fn changed(&self, id: &JobId) {
        // Nobody may be waiting.
        let _ = self.changes.send(id.clone());
    }

    /// Every change from now on.
    pub(super) fn changes(&self) -> broadcast::Receiver<JobId> {
        self.changes.subscribe()
    }

    /// Has the queue looked at.
    pub(super) fn wake(&self) {
        self.wake.notify_one();
    }

    /// Stops a job's work, if it runs.
    pub(super) fn stop(&self, id: &JobId) {
        if let Some((token, _)) = lock(&self.jobs).get(id) {
            token.cancel();
        }
    }

    /// What a running job tells of itself.
    pub(super) fn report(&self, id: &JobId) -> Option<JobReport> {
        let watch = lock(&self.jobs).get(id).map(|(_, watch)| Arc::clone(watch))?;
        Some(watch.report())
    }

    /// Keeps bytes on the account of a job, in the place of `before` bytes.
    pub(super) fn keep(&self, id: &JobId, charge: Charge, before: u64) {
        let mut charges = lock(&self.charges);
        match charges.get_mut(id) {
            Some(kept) => {
                kept.shrink(before);
                kept.absorb(charge);
            }
            None => drop(charges.insert(id.clone(), charge)),
        }
    }

    /// Gives some bytes of a job back.
    pub(super) fn give_back(&self, id: &JobId, bytes: u64) {
        if let Some(kept) = lock(&self.charges).get_mut(id) {
            kept.shrink(bytes);
        }
    }

    /// Gives the bytes of a job back.
    pub(super) fn release(&self, id: &JobId) {
        lock(&self.charges).remove(id);
    }

    /// Jobs in each phase, as of the last few seconds.
    pub(super) fn counts(&self) -> Vec<(Phase, u64)> {
        lock(&self.counts).clone()
    }

    fn enter(&self, id: &JobId, token: CancellationToken) -> Arc<Watch> {
        let watch = Arc::new(Watch::default());
        lock(&self.jobs).insert(id.clone(), (token, Arc::clone(&watch)));
        watch
    }

    fn leave(&self, id: &JobId) {
        lock(&self.jobs).remove(id);
        self.wake();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Jobs {
    /// Runs jobs in turn and removes old ones until `stop`; what runs then goes back into the queue.
    pub(crate) async fn work(self, stop: CancellationToken) {
        let turns = Arc::new(Semaphore::new(self.limits().running));
        let mut tasks = JoinSet::new();
        let sweeping = tokio::spawn(self.clone().sweep(stop.clone()));
        while let Some(turn) = stop.run_until_cancelled(Arc::clone(&turns).acquire_owned()).await {
            while tasks.try_join_next().is_some() {}
            match self.store.begin_next(now(), self.limits().running_each).await {
                Ok(Some(id)) => {
                    let (jobs, stop) = (self.clone(), stop.clone());
                    tasks.spawn(async move {
                        jobs.run_one(&id, &stop).await;
                        drop(turn);
                    });
                    continue;
                }
                Ok(None) => drop(stop.run_until_cancelled(self.running.wake.notified()).await),
                Err(error) => {
                    tracing::error!(error = %error::chain(&error), "the queue of jobs cannot be read");
                    stop.run_until_cancelled(tokio::time::sleep(PAUSE)).await;
                }
            }
        }
        while tasks.join_next().await.is_some() {}
        drop(sweeping.await);
    }

    async fn run_one(&self, id: &JobId, stop: &CancellationToken) {
        let token = stop.child_token();
        let watch = self.running.enter(id, token.clone());
        self.running.changed(id);
        // It may have been stopped before it could be told so.
        let found = insist(id, stop, || self.store.job(id)).await.flatten();
        if let Some(job) = found.filter(|job| job.phase == Phase::Executing) {
            match token.run_until_cancelled(self.caught(&job, &watch)).await {
                Some(outcome) => self.keep_outcome(&job, outcome, (&watch, stop)).await,
                None if stop.is_cancelled() => drop(insist(id, stop, || self.store.put_back(id)).await),
                None => {}
            }
        }
        self.running.leave(id);
        self.running.changed(id);
    }

    /// Runs a job on a task of its own, so that a panic ends the job and nothing else.
    async fn caught(&self, job: &Job, watch: &Arc<Watch>) -> Result<Outcome, Failure> {
        let (shop, owned, watch) = (Arc::clone(&self.shop), job.clone(), Arc::clone(watch));
        let task = AbortOnDrop(tokio::spawn(async move { run::run(&shop, &owned, &watch).await }));
        task.outcome().await.unwrap_or_else(|cause| {
            let request = RequestId::new();
            tracing::error!(job = %job.id, request = %request, cause, "a job's task ended");
            Err(Failure::Failed(JobError { message: error::internal_text(&request), is_transient: false }))
        })
    }

    async fn keep_outcome(
        &self,
        job: &Job,
        outcome: Result<Outcome, Failure>,
        (watch, stop): (&Watch, &CancellationToken),
    ) {
        let (written, result) = match outcome {
            Ok(outcome) => outcome,
            Err(failure) => {
                let (phase, error) = match failure {
                    Failure::Failed(error) => (Phase::Error, error),
                    Failure::OutOfTime(error) => (Phase::Aborted, error),
                };
                tracing::info!(job = %job.id, phase = %phase, message = error.message, "a job ended without a result");
                return self.end(&job.id, phase, &error, stop).await;
            }
        };
        let (storage, name) = (Arc::clone(self.storage()), job.id.as_str().to_owned());
        let published = blocking(move || {
            crate::failpoints::reach("result-written");
            let charge = storage.publish(written, Shelf::Results, &name)?;
            crate::failpoints::reach("result-published");
            Ok(charge)
        });
        let charge = match published.await {
            Ok(charge) => charge,
            Err(error) => {
                let error = run::storage_error(&error, &RequestId::new());
                return self.end(&job.id, Phase::Error, &error, stop).await;
            }
        };
        let report = JobReport { progress: 1.0, ..watch.report() };
        self.running.keep(&job.id, charge, 0);
        let complete = || self.store.complete(&job.id, &result, &report, now());
        // The next start finds it still executing, and runs it again.
        let Some(is_complete) = insist(&job.id, stop, complete).await else { return };
        if is_complete {
            crate::failpoints::reach("job-completed");
            tracing::info!(job = %job.id, rows = result.rows, bytes = result.bytes, "a job is complete");
        } else {
            // Stopped or deleted in the last moment: then nobody asks for its result.
            files::remove_result(self, &job.id, result.bytes).await;
        }
    }

    async fn end(&self, id: &JobId, phase: Phase, error: &JobError, stop: &CancellationToken) {
        insist(id, stop, || self.store.end(id, phase, Some(error), now())).await;
    }

    /// Removes jobs whose time has come.
    async fn sweep(self, stop: CancellationToken) {
        while stop.run_until_cancelled(tokio::time::sleep(SWEEP)).await.is_some() {
            if let Ok(counts) = self.store.counts().await {
                *lock(&self.running.counts) = counts;
            }
            match self.store.expired(now()).await {
                Ok(expired) => {
                    for id in expired {
                        tracing::info!(job = %id, "a job's time has come");
                        if let Err(error) = self.delete(&id).await {
                            tracing::error!(job = %id, error = %error::chain(&error), "a job cannot be removed");
                        }
                    }
                }
                Err(error) => tracing::error!(error = %error::chain(&error), "old jobs cannot be looked for"),
            }
        }
    }
}

/// Tries again and again what the database refuses, which may have no room for it now: a job must not be left in a phase that it
/// is not in. `None` where the server stops before it is done.
async fn insist<T, Work>(id: &JobId, stop: &CancellationToken, work: impl Fn() -> Work) -> Option<T>
where
    Work: Future<Output = Result<T, MetadataError>>,
{
    let mut is_told = false;
    loop {
        match work().await {
            Ok(done) => return Some(done),
            Err(error) if !is_told => {
                tracing::error!(job = %id, error = %error::chain(&error), "what became of a job cannot be kept yet");
                is_told = true;
            }
            Err(_) => {}
        }
        stop.run_until_cancelled(tokio::time::sleep(PAUSE)).await?;
    }
}

type Outcome = (crate::storage::Written, super::job::JobResult);

/// A task that ends when nobody waits for it any more.
struct AbortOnDrop<T>(tokio::task::JoinHandle<T>);

impl<T> AbortOnDrop<T> {
    async fn outcome(mut self) -> Result<T, String> {
        (&mut self.0).await.map_err(|error| error.to_string())
    }
}

impl<T> Drop for AbortOnDrop<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}
