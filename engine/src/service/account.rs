//! What does a query use? Time of processors, and memory.
//!
//! Every task that a query starts is timed by the clock of the thread that it runs on: the query travels as a value of the
//! task, which tasks started by it inherit. Memory is counted, and bounded, in a pool of the query's own before that of the
//! process.

use std::any::Any;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use cpu_time::ThreadTime;
use datafusion::common::runtime::{JoinSetTracer, set_join_set_tracer};
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryLimit, MemoryPool, MemoryReservation};
use datafusion::execution::runtime_env::RuntimeEnv;
use futures::future::BoxFuture;

use super::spill::{SpillFiles, SpillSpace};

tokio::task_local! {
    /// The query that a task works for.
    static WORKS_FOR: Arc<Account>;
}

/// What one query has used so far.
#[derive(Debug, Default)]
pub(crate) struct Account {
    nanoseconds: AtomicU64,
    memory: AtomicUsize,
    most_memory: AtomicUsize,
}

impl Account {
    /// Time of processors.
    pub(super) fn cpu(&self) -> Duration {
        Duration::from_nanos(self.nanoseconds.load(Ordering::Relaxed))
    }

    /// The most bytes that were reserved at the same time.
    pub(super) fn most_memory(&self) -> usize {
        self.most_memory.load(Ordering::Relaxed)
    }

    /// Times a task, and the tasks that it starts.
    pub(super) fn time<F: Future + Send>(self: &Arc<Self>, task: F) -> impl Future<Output = F::Output> + Send + use<F> {
        WORKS_FOR.scope(Arc::clone(self), Timed { task: Box::pin(task), account: Arc::clone(self) })
    }

    /// The resources of the process with a pool of this query's own: at most `limit` bytes, 0 is no limit of its own; and
    /// its own room for what does not fit.
    pub(super) fn runtime(
        self: &Arc<Self>,
        shared: &RuntimeEnv,
        limit: usize,
        spill: Option<Arc<dyn SpillSpace>>,
    ) -> Result<Arc<RuntimeEnv>> {
        let (parent, account) = (Arc::clone(&shared.memory_pool), Arc::clone(self));
        let pool = QueryPool { parent, account, limit: if limit == 0 { usize::MAX } else { limit } };
        let disk_manager = match spill {
            Some(space) => {
                let files = DiskManagerMode::Custom(Arc::new(SpillFiles(space)));
                Arc::new(DiskManagerBuilder::default().with_mode(files).build()?)
            }
            None => Arc::clone(&shared.disk_manager),
        };
        Ok(Arc::new(RuntimeEnv { memory_pool: Arc::new(pool), disk_manager, ..shared.clone() }))
    }

    fn add_time(&self, began: Option<ThreadTime>) {
        let spent = began.and_then(|began| began.try_elapsed().ok()).unwrap_or_default();
        self.nanoseconds.fetch_add(u64::try_from(spent.as_nanos()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    fn add_memory(&self, bytes: usize) {
        let now = self.memory.fetch_add(bytes, Ordering::Relaxed).saturating_add(bytes);
        self.most_memory.fetch_max(now, Ordering::Relaxed);
    }
}

/// A task whose time is counted.
struct Timed<F> {
    task: Pin<Box<F>>,
    account: Arc<Account>,
}

impl<F: Future> Future for Timed<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let began = ThreadTime::try_now().ok();
        let polled = self.task.as_mut().poll(context);
        self.account.add_time(began);
        polled
    }
}

/// Lets tasks inherit the query of the task that starts them.
struct Inherit;

impl JoinSetTracer for Inherit {
    fn trace_future(&self, task: BoxFuture<'static, Box<dyn Any + Send>>) -> BoxFuture<'static, Box<dyn Any + Send>> {
        match WORKS_FOR.try_with(Arc::clone) {
            Ok(account) => Box::pin(account.time(task)),
            Err(_nobody) => task,
        }
    }

    fn trace_block(
        &self,
        work: Box<dyn FnOnce() -> Box<dyn Any + Send> + Send>,
    ) -> Box<dyn FnOnce() -> Box<dyn Any + Send> + Send> {
        match WORKS_FOR.try_with(Arc::clone) {
            Ok(account) => Box::new(move || {
                let began = ThreadTime::try_now().ok();
                let done = work();
                account.add_time(began);
                done
            }),
            Err(_nobody) => work,
        }
    }
}

/// Has tasks counted from now on, in the whole process; a second call changes nothing.
pub(super) fn count_tasks() {
    if let Err(error) = set_join_set_tracer(&Inherit) {
        tracing::debug!(%error, "tasks are counted already");
    }
}

/// The memory of one query, which is that of the process.
#[derive(Debug)]
struct QueryPool {
    parent: Arc<dyn MemoryPool>,
    account: Arc<Account>,
    limit: usize,
}

impl std::fmt::Display for QueryPool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "query of {}", self.parent)
    }
}

impl MemoryPool for QueryPool {
    fn name(&self) -> &'static str {
        "query"
    }

    fn register(&self, consumer: &MemoryConsumer) {
        self.parent.register(consumer);
    }

    fn unregister(&self, consumer: &MemoryConsumer) {
        self.parent.unregister(consumer);
    }

    fn grow(&self, reservation: &MemoryReservation, additional: usize) {
        self.parent.grow(reservation, additional);
        self.account.add_memory(additional);
    }

    fn shrink(&self, reservation: &MemoryReservation, shrink: usize) {
        self.parent.shrink(reservation, shrink);
        self.account.memory.fetch_sub(shrink, Ordering::Relaxed);
    }

    fn try_grow(&self, reservation: &MemoryReservation, additional: usize) -> Result<()> {
        let held = self.account.memory.load(Ordering::Relaxed);
        if held.saturating_add(additional) > self.limit {
            let (wanted, limit) = (held.saturating_add(additional) >> 20, self.limit >> 20);
            return Err(DataFusionError::ResourcesExhausted(format!(
                "the query wants {wanted} MiB of memory, {limit} MiB is the limit of one query"
            )));
        }
        self.parent.try_grow(reservation, additional)?;
        self.account.add_memory(additional);
        Ok(())
    }

    fn reserved(&self) -> usize {
        self.account.memory.load(Ordering::Relaxed)
    }

    fn memory_limit(&self) -> MemoryLimit {
        if self.limit == usize::MAX { self.parent.memory_limit() } else { MemoryLimit::Finite(self.limit) }
    }
}
