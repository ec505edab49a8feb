//! The operator that brings partitions together in a settled order.
//!
//! Each partition runs in a task of its own and may be a few batches ahead; dropping the stream stops them all.

use std::collections::VecDeque;
use std::fmt::Formatter;
use std::sync::Arc;

use arrow::array::RecordBatch;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{Statistics, internal_err};
use datafusion::error::Result;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::{Partitioning, PhysicalExpr};
use datafusion::physical_plan::execution_plan::{
    CardinalityEffect, ChildrenPropertiesMode, EvaluationType, ReplaceChildrenOptions, SchedulingType,
};
use datafusion::physical_plan::metrics::{BaselineMetrics, ExecutionPlanMetricsSet, MetricsSet};
use datafusion::physical_plan::statistics::{ChildStats, StatisticsArgs};
use datafusion::physical_plan::stream::{RecordBatchReceiverStream, RecordBatchStreamAdapter};
use datafusion::physical_plan::{DisplayAs, DisplayFormatType, ExecutionPlan, ExecutionPlanProperties, PlanProperties};
use futures::{StreamExt, TryStreamExt};

/// Batches that each partition may be ahead.
const AHEAD: usize = 2;

/// Brings the partitions of its input together.
///
/// *Shape*: the columns of the input; one partition.
/// *Guarantee*: the order of the rows is that of the input's partitions and batches, whatever time each takes.
#[derive(Debug, Clone)]
pub(crate) struct MergeExec {
    input: Arc<dyn ExecutionPlan>,
    /// Whether a partition is read to its end before the next one begins, else a batch of each in turn.
    one_after_another: bool,
    rows: Option<usize>,
    properties: Arc<PlanProperties>,
    metrics: ExecutionPlanMetricsSet,
}

impl MergeExec {
    /// Over an input of any number of partitions.
    pub(crate) fn new(input: Arc<dyn ExecutionPlan>, one_after_another: bool) -> Self {
        let mut equivalences = input.equivalence_properties().clone();
        if input.output_partitioning().partition_count() > 1 {
            equivalences.clear_orderings();
            equivalences.clear_per_partition_constants();
        }
        let properties = PlanProperties::new(
            equivalences,
            Partitioning::UnknownPartitioning(1),
            input.pipeline_behavior(),
            input.boundedness(),
        );
        let properties =
            properties.with_evaluation_type(EvaluationType::Eager).with_scheduling_type(SchedulingType::Cooperative);
        let metrics = ExecutionPlanMetricsSet::new();
        Self { input, one_after_another, rows: None, properties: Arc::new(properties), metrics }
    }

    /// The same for at most so many rows.
    pub(crate) fn with_rows(self, rows: Option<usize>) -> Self {
        Self { rows, ..self }
    }
}

/// What is left to read.
struct Merge {
    streams: VecDeque<SendableRecordBatchStream>,
    one_after_another: bool,
    rows: usize,
    baseline: BaselineMetrics,
}

impl Merge {
    async fn next(&mut self) -> Result<Option<RecordBatch>> {
        while self.rows > 0 {
            let Some(stream) = self.streams.front_mut() else { break };
            let Some(batch) = stream.next().await.transpose()? else {
                self.streams.pop_front();
                continue;
            };
            if !self.one_after_another {
                self.streams.rotate_left(1);
            }
            let batch = if batch.num_rows() > self.rows { batch.slice(0, self.rows) } else { batch };
            self.rows -= batch.num_rows();
            self.baseline.record_output(batch.num_rows());
            return Ok(Some(batch));
        }
        self.streams.clear();
        Ok(None)
    }
}

/// A stream that runs in a task of its own.
fn ahead(mut input: SendableRecordBatchStream) -> SendableRecordBatchStream {
    let mut builder = RecordBatchReceiverStream::builder(input.schema(), AHEAD);
    let sender = builder.tx();
    builder.spawn(async move {
        while let Some(batch) = input.next().await {
            let failed = batch.is_err();
            if sender.send(batch).await.is_err() || failed {
                break;
            }
        }
        Ok(())
    });
    builder.build()
}

impl DisplayAs for MergeExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut Formatter<'_>) -> std::fmt::Result {
        let order = if self.one_after_another { "one after another" } else { "in turn" };
        write!(f, "MergeExec: {order}")?;
        self.rows.map_or(Ok(()), |rows| write!(f, ", fetch={rows}"))
    }
}

impl ExecutionPlan for MergeExec {
    fn name(&self) -> &'static str {
        "MergeExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    fn benefits_from_input_partitioning(&self) -> Vec<bool> {
        vec![false]
    }

    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn replace_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
        _: ReplaceChildrenOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let Ok([input]) = <[_; 1]>::try_from(children) else { return internal_err!("a merge has one input") };
        Ok(Arc::new(Self::new(input, self.one_after_another).with_rows(self.rows)))
    }

    fn with_new_children(self: Arc<Self>, children: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        self.replace_children(children, ReplaceChildrenOptions::new(ChildrenPropertiesMode::Recompute))
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        if partition != 0 {
            return internal_err!("a merge has one partition");
        }
        let partitions = self.input.output_partitioning().partition_count();
        let schema = self.input.schema();
        let inputs = (0..partitions).map(|number| self.input.execute(number, Arc::clone(&context)));
        let inputs = inputs.collect::<Result<Vec<_>>>()?;
        let streams = if partitions == 1 { inputs.into() } else { inputs.into_iter().map(ahead).collect() };
        let (one_after_another, rows) = (self.one_after_another, self.rows.unwrap_or(usize::MAX));
        let merge = Merge { streams, one_after_another, rows, baseline: BaselineMetrics::new(&self.metrics, 0) };
        let batches =
            futures::stream::try_unfold(merge, async |mut merge| Ok(merge.next().await?.map(|batch| (batch, merge))));
        Ok(Box::pin(RecordBatchStreamAdapter::new(schema, batches.into_stream())))
    }

    fn metrics(&self) -> Option<MetricsSet> {
        Some(self.metrics.clone_inner())
    }

    fn child_stats_requests(&self, _: Option<usize>) -> Vec<ChildStats> {
        vec![ChildStats::At(None)]
    }

    fn statistics_from_inputs(&self, inputs: &[Arc<Statistics>], _: &StatisticsArgs) -> Result<Arc<Statistics>> {
        let [input] = inputs else { return internal_err!("a merge has one input") };
        Ok(Arc::new(input.as_ref().clone().with_fetch(self.rows, 0, 1)?))
    }

    fn cardinality_effect(&self) -> CardinalityEffect {
        CardinalityEffect::Equal
    }

    fn fetch(&self) -> Option<usize> {
        self.rows
    }
}
