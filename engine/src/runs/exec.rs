//! The operator that DataFusion runs: groups the rows of a scan run by run.
//!
//! The first and the last group of a stream may go on in the streams beside it. Their states are kept, and the stream
//! that ends last gives these groups.

use std::fmt::Formatter;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::{ArrayRef, RecordBatch};
use arrow::compute::concat;
use arrow::datatypes::SchemaRef;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{Statistics, internal_err};
use datafusion::error::Result;
use datafusion::execution::memory_pool::MemoryConsumer;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::EmitTo;
use datafusion::physical_expr::aggregate::AggregateFunctionExpr;
use datafusion::physical_expr::{EquivalenceProperties, Partitioning, PhysicalExpr};
use datafusion::physical_plan::aggregates::{AggregateExec, AggregateMode};
use datafusion::physical_plan::execution_plan::{
    Boundedness, ChildrenPropertiesMode, EmissionType, ReplaceChildrenOptions,
};
use datafusion::physical_plan::metrics::{BaselineMetrics, ExecutionPlanMetricsSet, MetricsSet};
use datafusion::physical_plan::statistics::StatisticsArgs;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{DisplayAs, DisplayFormatType, ExecutionPlan, ExecutionPlanProperties, PlanProperties};
use futures::TryStreamExt;

use super::follows::Followed;
use super::walk::{RunWalk, ascend, one_each};

/// An aggregate, and which rows it takes.
#[derive(Debug, Clone)]
pub(super) struct Aggregate {
    pub(super) function: Arc<AggregateFunctionExpr>,
    pub(super) filter: Option<Arc<dyn PhysicalExpr>>,
}

/// What is computed.
#[derive(Debug, Clone)]
pub(super) struct Grouping {
    pub(super) group: Arc<dyn PhysicalExpr>,
    pub(super) aggregates: Vec<Aggregate>,
    /// Whether each run is given as the state of its aggregates, to be put together with others of its group.
    pub(super) partial: bool,
    /// The group, then one column an aggregate, or the columns of its state.
    pub(super) schema: SchemaRef,
}

/// A group that may go on in another stream: its value, and the state of each aggregate.
#[derive(Debug)]
pub(super) struct Boundary {
    pub(super) value: ArrayRef,
    pub(super) states: Vec<Vec<ArrayRef>>,
}

/// What the streams of one run share.
#[derive(Debug)]
pub(super) struct Shared {
    /// The first and last groups of each stream that has ended.
    boundaries: Mutex<Vec<(usize, Vec<Boundary>)>>,
    /// Streams that have not ended.
    running: AtomicUsize,
}

/// Groups rows that come in order of what they are grouped by.
///
/// *Shape*: the group, then one column an aggregate; one output partition for each of the input.
/// *Errors*: rows that are not in order.
#[derive(Debug)]
pub(super) struct RunGroupsExec {
    input: Arc<dyn ExecutionPlan>,
    grouping: Arc<Grouping>,
    shared: Arc<Shared>,
    properties: Arc<PlanProperties>,
    metrics: ExecutionPlanMetricsSet,
}

impl RunGroupsExec {
    /// Takes the place of an aggregation over raw rows whose result has the given schema.
    pub(super) fn new(aggregate: &AggregateExec, followed: Followed, schema: SchemaRef) -> Result<Self> {
        let Followed { input, group, .. } = followed;
        let partial = *aggregate.mode() == AggregateMode::Partial && aggregate.schema() == schema;
        let functions = aggregate.aggr_expr().iter().zip(aggregate.filter_expr());
        let (before, after) = (aggregate.input().schema(), input.schema());
        // A scan with another first column has the same others.
        let moved = |expr: &Arc<dyn PhysicalExpr>| {
            datafusion::physical_expr::utils::reassign_expr_columns(Arc::clone(expr), &after)
        };
        let aggregates = functions
            .map(|(function, filter)| {
                let filter = filter.as_ref().map(moved).transpose()?;
                if before == after {
                    return Ok(Aggregate { function: Arc::clone(function), filter });
                }
                let args = function.expressions().iter().map(moved).collect::<Result<Vec<_>>>()?;
                match function.with_new_expressions(args, Vec::new()) {
                    Some(function) => Ok(Aggregate { function: Arc::new(function), filter }),
                    None => internal_err!("{} cannot be moved", function.name()),
                }
            })
            .collect::<Result<_>>()?;
        Ok(Self::over(input, Arc::new(Grouping { group, aggregates, partial, schema })))
    }

    fn over(input: Arc<dyn ExecutionPlan>, grouping: Arc<Grouping>) -> Self {
        let partitions = input.output_partitioning().partition_count();
        let properties = PlanProperties::new(
            EquivalenceProperties::new(Arc::clone(&grouping.schema)),
            Partitioning::UnknownPartitioning(partitions),
            EmissionType::Incremental,
            Boundedness::Bounded,
        );
        let shared = Shared { boundaries: Mutex::default(), running: AtomicUsize::new(partitions) };
        let metrics = ExecutionPlanMetricsSet::new();
        Self { input, grouping, shared: Arc::new(shared), properties: Arc::new(properties), metrics }
    }
}

impl Shared {
    /// Ends a stream; the last one gets the groups at the ends of all streams, put together.
    pub(super) fn end(&self, stream: usize, ends: Vec<Boundary>, grouping: &Grouping) -> Result<Option<RecordBatch>> {
        let mut boundaries = self.boundaries.lock().unwrap_or_else(PoisonError::into_inner);
        boundaries.push((stream, ends));
        match self.running.fetch_sub(1, Ordering::AcqRel) {
            0 => return internal_err!("a grouping by runs was executed twice"),
            1 => {}
            _ => return Ok(None),
        }
        let mut streams = std::mem::take(&mut *boundaries);
        drop(boundaries);
        streams.sort_by_key(|(stream, _)| *stream);
        let ends: Vec<Boundary> = streams.into_iter().flat_map(|(_, ends)| ends).collect();
        if ends.is_empty() { Ok(None) } else { merged(&ends, grouping).map(Some) }
    }
}

/// The groups that several streams have parts of.
fn merged(ends: &[Boundary], grouping: &Grouping) -> Result<RecordBatch> {
    let values: Vec<&dyn arrow::array::Array> = ends.iter().map(|end| &*end.value as _).collect();
    let values = concat(&values)?;
    let (groups, firsts) = one_each(&values)?;
    if !grouping.partial {
        ascend(&firsts)?;
    }
    let mut columns = vec![firsts];
    for (number, aggregate) in grouping.aggregates.iter().enumerate() {
        let mut accumulator = aggregate.function.create_groups_accumulator()?;
        for (end, group) in ends.iter().zip(&groups) {
            accumulator.merge_batch(&end.states[number], &[*group], columns[0].len())?;
        }
        match grouping.partial {
            true => columns.extend(accumulator.state(EmitTo::All)?),
            false => columns.push(accumulator.evaluate(EmitTo::All)?),
        }
    }
    Ok(RecordBatch::try_new(Arc::clone(&grouping.schema), columns)?)
}

impl DisplayAs for RunGroupsExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut Formatter<'_>) -> std::fmt::Result {
        let Grouping { group, aggregates, partial, .. } = self.grouping.as_ref();
        let partial = if *partial { "partial, " } else { "" };
        let aggregates: Vec<&str> = aggregates.iter().map(|aggregate| aggregate.function.name()).collect();
        write!(f, "RunGroupsExec: {partial}gby=[{group}], aggr=[{}]", aggregates.join(", "))
    }
}

impl ExecutionPlan for RunGroupsExec {
    fn name(&self) -> &'static str {
        "RunGroupsExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    fn benefits_from_input_partitioning(&self) -> Vec<bool> {
        // Rows that are dealt out are in order no more.
        vec![false]
    }

    fn apply_expressions(
        &self,
        f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        let aggregates = self.grouping.aggregates.iter();
        let taken = aggregates.flat_map(|one| one.function.expressions().into_iter().chain(one.filter.clone()));
        for expr in std::iter::once(Arc::clone(&self.grouping.group)).chain(taken) {
            if f(&expr)? == TreeNodeRecursion::Stop {
                return Ok(TreeNodeRecursion::Stop);
            }
        }
        Ok(TreeNodeRecursion::Continue)
    }

    fn replace_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
        _: ReplaceChildrenOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let Ok([input]) = <[_; 1]>::try_from(children) else { return internal_err!("a grouping has one input") };
        Ok(Arc::new(Self::over(input, Arc::clone(&self.grouping))))
    }

    fn with_new_children(self: Arc<Self>, children: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        self.replace_children(children, ReplaceChildrenOptions::new(ChildrenPropertiesMode::Recompute))
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let rows = self.input.execute(partition, Arc::clone(&context))?;
        let held = MemoryConsumer::new("RunGroups").register(context.memory_pool());
        let walk = RunWalk::try_new(Arc::clone(&self.grouping), rows, held)?;
        let shared = Arc::clone(&self.shared);
        let batches = futures::stream::try_unfold(Some(walk), move |walk| {
            let shared = Arc::clone(&shared);
            async move {
                let Some(mut walk) = walk else { return Ok(None) };
                if let Some(batch) = walk.next().await? {
                    return Ok(Some((Some(batch), Some(walk))));
                }
                let (ends, grouping) = walk.end()?;
                Ok::<_, datafusion::error::DataFusionError>(Some((shared.end(partition, ends, &grouping)?, None)))
            }
        });
        let baseline = BaselineMetrics::new(&self.metrics, partition);
        let batches = batches.try_filter_map(async |batch| Ok(batch));
        let counted = batches.inspect_ok(move |batch| baseline.record_output(batch.num_rows()));
        Ok(Box::pin(RecordBatchStreamAdapter::new(Arc::clone(&self.grouping.schema), counted)))
    }

    fn metrics(&self) -> Option<MetricsSet> {
        Some(self.metrics.clone_inner())
    }

    fn statistics_from_inputs(&self, _: &[Arc<Statistics>], _: &StatisticsArgs) -> Result<Arc<Statistics>> {
        Ok(Arc::new(Statistics::new_unknown(&self.grouping.schema)))
    }
}
