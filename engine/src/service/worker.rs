//! Where do plans run? On threads of their own, never on those that serve sockets.
//!
//! There are two lanes, each with as many threads as there are cores: queries that read little, and all planning, never wait
//! for a thread that a long query holds; the system shares the cores among them. The threads have stacks deep enough for any
//! plan that the language lets through. A task that panics ends its query with an error; the process goes on.

use std::future::Future;
use std::sync::Arc;

use datafusion::common::runtime::SpawnedTask;
use tokio::runtime::{Builder, Handle, Runtime};

use crate::error::{EngineError, ErrorKind};

/// Stack of a worker: virtual memory, of which only what is touched is held.
const STACK: usize = 128 << 20;

/// Where a task runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lane {
    /// Planning, and what is done in moments.
    Short,
    /// Everything else.
    Long,
}

/// Threads that plan and run queries.
#[derive(Debug, Clone)]
pub(crate) struct Workers {
    short: Arc<OwnedRuntime>,
    long: Arc<OwnedRuntime>,
}

/// Ends without waiting, so that it may be dropped on a thread that serves sockets.
#[derive(Debug)]
struct OwnedRuntime(Option<Runtime>);

impl Drop for OwnedRuntime {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

impl OwnedRuntime {
    fn start(threads: usize, name: &str) -> std::io::Result<Arc<Self>> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(threads.max(1))
            .thread_name(name)
            .thread_stack_size(STACK)
            .enable_all()
            .build()?;
        Ok(Arc::new(Self(Some(runtime))))
    }
}

impl Workers {
    /// Starts `threads` threads a lane.
    ///
    /// *Errors*: the system gives no thread.
    pub(crate) fn try_new(threads: usize) -> Result<Self, EngineError> {
        let start = |name| {
            OwnedRuntime::start(threads, name)
                .map_err(|error| EngineError::request(ErrorKind::Internal, format!("cannot start threads: {error}")))
        };
        Ok(Self { short: start("sidereus-short")?, long: start("sidereus-long")? })
    }

    fn handle(&self, lane: Lane) -> Option<Handle> {
        let runtime = match lane {
            Lane::Short => &self.short,
            Lane::Long => &self.long,
        };
        runtime.0.as_ref().map(|runtime| runtime.handle().clone())
    }

    /// Starts a task; dropping what is returned stops it.
    pub(crate) fn start<F, T>(&self, lane: Lane, task: F) -> Result<SpawnedTask<T>, EngineError>
    where
        F: Future<Output = T> + Send + 'static,
        T: Send + 'static,
    {
        let Some(handle) = self.handle(lane) else {
            return Err(EngineError::request(ErrorKind::Unavailable, "the service is stopping"));
        };
        let _entered = handle.enter();
        Ok(SpawnedTask::spawn(task))
    }

    /// Runs a short task to its end.
    ///
    /// *Errors*: the task's own, and `Internal` where it panicked.
    pub(crate) async fn run<F, T>(&self, task: F) -> Result<T, EngineError>
    where
        F: Future<Output = Result<T, EngineError>> + Send + 'static,
        T: Send + 'static,
    {
        match self.start(Lane::Short, task)?.join().await {
            Ok(outcome) => outcome,
            Err(error) => Err(EngineError::request(ErrorKind::Internal, format!("a query task ended: {error}"))),
        }
    }
}
