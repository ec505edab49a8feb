//! The operator that DataFusion runs: hands rows on as they come, and writes their ids down.

use std::fmt::Formatter;
use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int64Type};
use datafusion::common::internal_err;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::error::Result;
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryReservation};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_plan::execution_plan::{ChildrenPropertiesMode, ReplaceChildrenOptions};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{DisplayAs, DisplayFormatType, ExecutionPlan, ExecutionPlanProperties, PlanProperties};
use futures::StreamExt;

use crate::scan::WantedIds;

/// Ids beyond which a scan is told nothing.
const MOST: usize = 1 << 24;
/// One in how many rows of the scan the ids must be at most: with more, most rows would have to be read anyway.
const FEW: usize = 4;

/// Tells a scan the ids of its input once the last row has come.
///
/// *Shape*: the input's. Without memory for the ids, and where there are too many of them, nothing is told.
#[derive(Debug)]
pub(super) struct TellIdsExec {
    input: Arc<dyn ExecutionPlan>,
    id: Arc<dyn PhysicalExpr>,
    /// Rows of the scan, where these are known.
    rows: Option<usize>,
    shared: Arc<Shared>,
}

/// What the streams of one run share.
#[derive(Debug)]
struct Shared {
    told: Arc<WantedIds>,
    most: usize,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// Ids of the streams that have ended; `None` once there were too many.
    ids: Option<Vec<i64>>,
    /// Streams that have not ended.
    running: usize,
    /// Memory of the ids, while the plan lives.
    held: Vec<MemoryReservation>,
}

impl TellIdsExec {
    pub(super) fn new(
        input: Arc<dyn ExecutionPlan>,
        id: Arc<dyn PhysicalExpr>,
        (told, rows): (&Arc<WantedIds>, Option<usize>),
    ) -> Self {
        let running = input.output_partitioning().partition_count();
        let state = Mutex::new(State { ids: Some(Vec::new()), running, held: Vec::new() });
        let most = rows.map_or(MOST, |rows| MOST.min(rows / FEW));
        let shared = Arc::new(Shared { told: Arc::clone(told), most, state });
        Self { input, id, rows, shared }
    }
}

impl Shared {
    /// Takes the ids of a stream that has ended; the last one tells them.
    fn end(&self, ids: Option<Vec<i64>>, held: MemoryReservation) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.running = state.running.saturating_sub(1);
        state.ids = match (state.ids.take(), ids) {
            (Some(mut all), Some(mut more)) if all.len() + more.len() <= self.most => {
                if all.is_empty() {
                    all = more;
                } else {
                    all.append(&mut more);
                }
                state.held.push(held);
                Some(all)
            }
            _ => {
                state.held.clear();
                None
            }
        };
        if state.running == 0
            && let Some(ids) = state.ids.take()
        {
            drop(state);
            self.told.tell(ids);
        }
    }
}

/// The ids of one stream, until it ends.
struct Writing {
    id: Arc<dyn PhysicalExpr>,
    shared: Arc<Shared>,
    /// `None` once there were too many.
    ids: Option<Vec<i64>>,
    held: MemoryReservation,
}

impl Writing {
    fn add(&mut self, batch: &RecordBatch) -> Result<()> {
        let Some(ids) = &mut self.ids else { return Ok(()) };
        let fits = ids.len() + batch.num_rows() <= self.shared.most;
        if !fits || self.held.try_resize(WantedIds::memory(ids.len() + batch.num_rows())).is_err() {
            self.ids = None;
            self.held.free();
            return Ok(());
        }
        let values = cast(&self.id.evaluate(batch)?.into_array(batch.num_rows())?, &DataType::Int64)?;
        let values = values.as_primitive::<Int64Type>();
        match values.null_count() {
            0 => ids.extend_from_slice(values.values()),
            _ => ids.extend(values.iter().flatten()),
        }
        Ok(())
    }

    fn end(self) {
        let Self { shared, ids, held, .. } = self;
        shared.end(ids, held);
    }
}

impl DisplayAs for TellIdsExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut Formatter<'_>) -> std::fmt::Result {
        write!(f, "TellIdsExec: {}", self.id)
    }
}

impl ExecutionPlan for TellIdsExec {
    fn name(&self) -> &'static str {
        "TellIdsExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        self.input.properties()
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    fn maintains_input_order(&self) -> Vec<bool> {
        vec![true]
    }

    fn benefits_from_input_partitioning(&self) -> Vec<bool> {
        vec![false]
    }

    fn apply_expressions(
        &self,
        f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        f(&self.id)
    }

    fn replace_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
        _: ReplaceChildrenOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let Ok([input]) = <[_; 1]>::try_from(children) else { return internal_err!("ids come from one input") };
        Ok(Arc::new(Self::new(input, Arc::clone(&self.id), (&self.shared.told, self.rows))))
    }

    fn with_new_children(self: Arc<Self>, children: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        self.replace_children(children, ReplaceChildrenOptions::new(ChildrenPropertiesMode::Recompute))
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let rows = self.input.execute(partition, Arc::clone(&context))?;
        let schema = rows.schema();
        let held = MemoryConsumer::new("TellIds").register(context.memory_pool());
        let writing =
            Writing { id: Arc::clone(&self.id), shared: Arc::clone(&self.shared), ids: Some(Vec::new()), held };
        let batches = futures::stream::try_unfold((rows, writing), async |(mut rows, mut writing)| {
            match rows.next().await.transpose()? {
                Some(batch) => {
                    writing.add(&batch)?;
                    Ok(Some((batch, (rows, writing))))
                }
                None => {
                    writing.end();
                    Ok(None)
                }
            }
        });
        Ok(Box::pin(RecordBatchStreamAdapter::new(schema, batches)))
    }
}
