//! What comes back: a schema, a stream of batches, and what became of limits on the way.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::empty::EmptyExec;
use futures::{Stream, StreamExt};

use super::QueryClass;
use super::account::Account;
use crate::error::EngineError;
use crate::scan::HatsScanExec;

/// Set once the answer was cut at `max_rows`; read it after the stream has ended.
#[derive(Debug, Clone, Default)]
pub struct OverflowFlag(Arc<AtomicBool>);

impl OverflowFlag {
    /// Whether rows were left out.
    #[must_use]
    pub fn is_set(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }

    /// Tells that rows were left out.
    pub(crate) fn set(&self) {
        self.0.store(true, Ordering::Release);
    }
}

/// How far a running query is; all figures only grow.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct QueryProgress {
    /// Files, or shares of files, that the scans have finished.
    pub partitions_done: u64,
    /// Files, or shares of files, that the scans will read.
    pub partitions_planned: u64,
    /// Rows that passed the filters of the scans so far.
    pub rows: u64,
}

/// What a query has used; all figures only grow.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct QueryWork {
    /// Time of processors, from its physical planning on.
    pub cpu: Duration,
    /// The most bytes that its sorts, joins and groupings held at the same time.
    pub most_memory: u64,
    /// Bytes that they wrote to disk because memory was short.
    pub spilled: u64,
}

/// Batches of a result. Dropping it cancels the query.
pub type ResultStream = Pin<Box<dyn Stream<Item = Result<RecordBatch, EngineError>> + Send>>;

/// A running query.
pub struct QueryResult {
    /// Columns of every batch, field metadata included.
    pub schema: SchemaRef,
    /// The batches.
    pub stream: ResultStream,
    /// Whether the answer was cut.
    pub overflow: OverflowFlag,
    /// How heavy it is.
    pub class: QueryClass,
    plan: Arc<dyn ExecutionPlan>,
    account: Arc<Account>,
}

impl std::fmt::Debug for QueryResult {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("QueryResult").field("schema", &self.schema).finish_non_exhaustive()
    }
}

impl QueryResult {
    /// A result of what runs a plan.
    pub(super) fn new(stream: ResultStream, schema: SchemaRef, run: Run) -> Self {
        let Run { overflow, class, plan, account } = run;
        Self { schema, stream, overflow, class, plan, account }
    }

    /// Tells, whenever it is called, what the query has used.
    #[must_use]
    pub fn work(&self) -> Arc<dyn Fn() -> QueryWork + Send + Sync> {
        let (plan, account) = (Arc::clone(&self.plan), Arc::clone(&self.account));
        Arc::new(move || QueryWork {
            cpu: account.cpu(),
            most_memory: account.most_memory() as u64,
            spilled: spilled(plan.as_ref()),
        })
    }

    /// The columns of an answer that was cut before its first row.
    pub(crate) fn columns_alone(schema: SchemaRef) -> Self {
        let overflow = OverflowFlag::default();
        overflow.set();
        let plan = Arc::new(EmptyExec::new(Arc::clone(&schema)));
        let run = Run { overflow, class: QueryClass::Interactive, plan, account: Arc::default() };
        Self::new(Box::pin(futures::stream::empty()), schema, run)
    }

    /// Keeps something until the last batch is read, or the result is dropped.
    #[must_use]
    pub fn holding(self, kept: impl Send + 'static) -> Self {
        let state = (self.stream, kept);
        let stream = futures::stream::unfold(state, |(mut stream, kept)| async move {
            let batch = stream.next().await?;
            Some((batch, (stream, kept)))
        });
        Self { stream: Box::pin(stream), ..self }
    }

    /// Tells, whenever it is called, how far the query is.
    #[must_use]
    pub fn progress(&self) -> Arc<dyn Fn() -> QueryProgress + Send + Sync> {
        let plan = Arc::clone(&self.plan);
        Arc::new(move || {
            let mut progress = QueryProgress::default();
            add_progress(&plan, &mut progress);
            progress
        })
    }

    /// Tells, whenever it is called, what the scans have read and what they have passed over so far, as names and totals:
    /// those of `EXPLAIN ANALYZE`.
    #[must_use]
    pub fn scanned(&self) -> Arc<dyn Fn() -> Vec<(&'static str, u64)> + Send + Sync> {
        let plan = Arc::clone(&self.plan);
        Arc::new(move || {
            let mut figures = FIGURES.map(|name| (name, 0));
            add_figures(&plan, &mut figures);
            figures.to_vec()
        })
    }
}

/// Figures of scans that [`QueryResult::scanned`] tells.
const FIGURES: [&str; 10] = [
    "partitions",
    "partitions_pruned",
    "row_groups",
    "row_groups_pruned",
    "pages",
    "pages_pruned",
    "rows_decoded",
    "rows_matched",
    "requests",
    "bytes_read",
];

fn add_figures(plan: &Arc<dyn ExecutionPlan>, figures: &mut [(&'static str, u64)]) {
    if let Some(metrics) = plan.downcast_ref::<HatsScanExec>().and_then(ExecutionPlan::metrics) {
        for (name, total) in figures.iter_mut() {
            *total += metrics.sum_by_name(name).map_or(0, |value| value.as_usize() as u64);
        }
    }
    plan.children().into_iter().for_each(|child| add_figures(child, figures));
}

/// What is known of a run beside its rows.
pub(super) struct Run {
    pub(super) overflow: OverflowFlag,
    pub(super) class: QueryClass,
    pub(super) plan: Arc<dyn ExecutionPlan>,
    pub(super) account: Arc<Account>,
}

fn spilled(plan: &dyn ExecutionPlan) -> u64 {
    let own = plan.metrics().and_then(|metrics| metrics.spilled_bytes()).unwrap_or(0) as u64;
    own + plan.children().into_iter().map(|child| spilled(child.as_ref())).sum::<u64>()
}

fn add_progress(plan: &Arc<dyn ExecutionPlan>, progress: &mut QueryProgress) {
    if let Some(scan) = plan.downcast_ref::<HatsScanExec>() {
        progress.partitions_planned += scan.descriptor().streams.iter().map(|units| units.len() as u64).sum::<u64>();
        let metrics = scan.metrics().unwrap_or_default();
        let total = |name: &str| metrics.sum_by_name(name).map_or(0, |value| value.as_usize() as u64);
        progress.partitions_done += total("partitions_done");
        progress.rows += total("rows_matched");
    }
    for child in plan.children() {
        add_progress(child, progress);
    }
}
