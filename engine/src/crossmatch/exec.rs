//! The operator that DataFusion runs for a crossmatch.
//!
//! One side, the smaller as far as anybody knows, is read into memory first; the other streams by, partition by
//! partition. What is held in memory is reserved in the pool of the query, and too much is an error.

use std::fmt::Formatter;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use arrow::array::RecordBatch;
use arrow::compute::{SortOptions, concat_batches};
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{JoinSide, JoinType, Result, Statistics, internal_err, resources_datafusion_err};
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryReservation};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::{Distribution, EquivalenceProperties, Partitioning, PhysicalExpr};
use datafusion::physical_plan::execution_plan::{
    Boundedness, ChildrenPropertiesMode, EmissionType, ReplaceChildrenOptions,
};
use datafusion::physical_plan::joins::utils::build_join_schema;
use datafusion::physical_plan::metrics::{ExecutionPlanMetricsSet, MetricsSet};
use datafusion::physical_plan::statistics::{StatisticsArgs, StatisticsContext};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, ExecutionPlanProperties, InputDistributionRequirements, PlanProperties,
};
use futures::{StreamExt, TryStreamExt};
use tokio::sync::OnceCell;

use super::filter::PairExpr;
use super::input::{PositionExpr, doubles};
use super::narrow::narrowing;
use super::nearest::NearestWalk;
use super::neighbours::Neighbours;
use super::output::{Alone, Output};
use super::pairs::PairWalk;
use super::reach::{Reach, Span, Values};

/// Where the rows lie, and how near two of them must be.
#[derive(Debug, Clone)]
pub(super) struct PhysicalNear {
    pub(super) left: PositionExpr,
    pub(super) right: PositionExpr,
    /// Degrees, over the columns of one side.
    pub(super) radius: Arc<dyn PhysicalExpr>,
    /// Which side; none for a constant.
    pub(super) radius_of: JoinSide,
    /// In place of the radius, where it depends on both sides.
    pub(super) reach: Option<Reach<Arc<dyn PhysicalExpr>>>,
}

/// Which matches a row of the left side keeps.
#[derive(Debug, Clone)]
pub(super) struct PhysicalBest {
    pub(super) order: Vec<(PairExpr, SortOptions)>,
    pub(super) count: usize,
}

/// What is joined, and on what.
#[derive(Debug, Clone)]
pub(super) struct CrossmatchPlan {
    pub(super) join_type: JoinType,
    /// `None` proposes all pairs.
    pub(super) near: Option<PhysicalNear>,
    /// Why all pairs are proposed.
    pub(super) why: &'static str,
    pub(super) filter: Option<PairExpr>,
    pub(super) best: Option<PhysicalBest>,
}

/// The side that is held in memory.
#[derive(Debug)]
pub(super) struct Build {
    pub(super) batch: RecordBatch,
    /// `None` where all pairs are compared.
    pub(super) neighbours: Option<Neighbours>,
    /// The largest radius of its rows in degrees, where the radius is theirs.
    pub(super) radius: Option<f64>,
    /// The values of the parts of a [`Reach`] that are about its rows.
    spans: Vec<Option<Span>>,
    /// Which rows found a partner.
    pub(super) matched: Vec<AtomicBool>,
    reservation: MemoryReservation,
}

/// What the streams of one run share.
#[derive(Debug)]
struct Shared {
    build: OnceCell<Arc<Build>>,
    /// Streams that have not ended.
    running: Arc<AtomicUsize>,
}

/// Joins two inputs on their positions.
///
/// *Shape*: that of the join type; one output partition for each of the streamed side, one where the best are kept.
/// *Nulls*: a row without a position has no partner.
/// *Errors*: `ResourcesExhausted` where the side in memory does not fit.
#[derive(Debug)]
pub(crate) struct CrossmatchExec {
    left: Arc<dyn ExecutionPlan>,
    right: Arc<dyn ExecutionPlan>,
    plan: Arc<CrossmatchPlan>,
    build_left: bool,
    output: Output,
    shared: Arc<Shared>,
    properties: Arc<PlanProperties>,
    metrics: ExecutionPlanMetricsSet,
}

impl CrossmatchExec {
    /// Whether every pair is compared, for want of anything better.
    pub(crate) fn compares_all_pairs(&self) -> bool {
        self.plan.near.is_none()
    }

    pub(super) fn try_new(
        left: Arc<dyn ExecutionPlan>,
        right: Arc<dyn ExecutionPlan>,
        plan: CrossmatchPlan,
    ) -> Result<Self> {
        let build_left = plan.best.is_some() || is_smaller(left.as_ref(), right.as_ref())?;
        Ok(Self::over((left, right), Arc::new(plan), build_left))
    }

    pub(super) fn over(
        (left, right): (Arc<dyn ExecutionPlan>, Arc<dyn ExecutionPlan>),
        plan: Arc<CrossmatchPlan>,
        build_left: bool,
    ) -> Self {
        let (schema, _) = build_join_schema(&left.schema(), &right.schema(), &plan.join_type);
        let schema = Arc::new(schema);
        let probe = if build_left { &right } else { &left };
        let partitions = if plan.best.is_some() { 1 } else { probe.output_partitioning().partition_count() };
        let properties = PlanProperties::new(
            EquivalenceProperties::new(Arc::clone(&schema)),
            Partitioning::UnknownPartitioning(partitions),
            EmissionType::Both,
            Boundedness::Bounded,
        );
        let output = Output { schema, join_type: plan.join_type, left: left.schema(), right: right.schema() };
        let shared = Shared { build: OnceCell::new(), running: Arc::new(AtomicUsize::new(partitions)) };
        Self {
            left,
            right,
            plan,
            build_left,
            output,
            shared: Arc::new(shared),
            properties: Arc::new(properties),
            metrics: ExecutionPlanMetricsSet::new(),
        }
    }

    fn sides(&self) -> (&Arc<dyn ExecutionPlan>, &Arc<dyn ExecutionPlan>) {
        if self.build_left { (&self.left, &self.right) } else { (&self.right, &self.left) }
    }
}

/// Whether the left input has fewer rows, as far as statistics tell; a known number is taken for the smaller.
fn is_smaller(left: &dyn ExecutionPlan, right: &dyn ExecutionPlan) -> Result<bool> {
    let context = StatisticsContext::new();
    let rows =
        |plan| Ok::<_, datafusion::error::DataFusionError>(context.compute(plan, &StatisticsArgs::new())?.num_rows);
    Ok(match (rows(left)?.get_value(), rows(right)?.get_value()) {
        (Some(left), Some(right)) => left <= right,
        (None, Some(_)) => false,
        _ => true,
    })
}

impl CrossmatchPlan {
    /// Reads the side that is held in memory and sorts it by place.
    async fn build(&self, mut input: SendableRecordBatchStream, left: bool, held: MemoryReservation) -> Result<Build> {
        let (schema, mut batches) = (input.schema(), Vec::new());
        while let Some(batch) = input.try_next().await? {
            // Once as it comes, once put together.
            held.try_grow(2 * batch.get_array_memory_size() + batch.num_rows() * (Neighbours::ROW_BYTES + 1))?;
            batches.push(batch);
        }
        let batch = concat_batches(&schema, &batches)?;
        drop(batches);
        let rows = batch.num_rows();
        if u32::try_from(rows).is_err() {
            return Err(resources_datafusion_err!("the smaller side of a crossmatch has {rows} rows, more than 2^32"));
        }
        let (neighbours, radius, spans) = match &self.near {
            None => (None, None, Vec::new()),
            Some(near) => {
                let (neighbours, radius) = near.neighbours(&batch, left)?;
                (Some(neighbours), radius, near.spans(&batch, left)?)
            }
        };
        held.resize(batch.get_array_memory_size() + rows + neighbours.as_ref().map_or(0, Neighbours::memory));
        let matched = (0..rows).map(|_| AtomicBool::new(false)).collect();
        Ok(Build { batch, neighbours, radius, spans, matched, reservation: held })
    }
}

impl PhysicalNear {
    /// The side's position expression.
    pub(super) fn position(&self, left: bool) -> &PositionExpr {
        if left { &self.left } else { &self.right }
    }

    /// The radius of every row of a side, where it is that side's or constant: negative where it is null.
    pub(super) fn radii(&self, batch: &RecordBatch, left: bool) -> Result<Option<Vec<f64>>> {
        let side = if left { JoinSide::Left } else { JoinSide::Right };
        if self.radius_of != side && self.radius_of != JoinSide::None {
            return Ok(None);
        }
        let radii = doubles(&self.radius, batch)?;
        Ok(Some(radii.iter().map(|radius| radius.unwrap_or(-1.0)).collect()))
    }

    /// The radius of every row of the streamed side, where it is not that of a row in memory.
    pub(super) fn streamed_radii(&self, batch: &RecordBatch, build: &Build, left: bool) -> Result<Option<Vec<f64>>> {
        let Some(reach) = &self.reach else { return self.radii(batch, left) };
        let mut held = build.spans.iter();
        let bounds = reach.bounds(&mut |of_left, expr| {
            if of_left == left {
                return Ok(Values::of_rows(&doubles(expr, batch)?));
            }
            Ok(Values::All(held.next().copied().flatten()))
        });
        Ok(Some(bounds?.greatest(batch.num_rows())))
    }

    /// The values in memory of what the radius is made of.
    fn spans(&self, batch: &RecordBatch, left: bool) -> Result<Vec<Option<Span>>> {
        let parts = self.reach.iter().flat_map(|reach| reach.of_side(left));
        parts.map(|part| Ok(Span::over(&doubles(part, batch)?))).collect()
    }

    /// Tells the scan of the streamed side which of its rows can have partners.
    fn narrow(&self, build: &Build, probe: &dyn ExecutionPlan, left: bool) {
        let narrowing = narrowing(probe, self.position(!left)).filter(|narrowing| !narrowing.is_told());
        // Without the memory nothing is narrowed.
        let held = build.reserve();
        let keys = || {
            let neighbours = build.neighbours.as_ref()?;
            held.try_grow(neighbours.keys_memory()).ok().and_then(|()| neighbours.keys())
        };
        if let Some((narrowing, keys)) = narrowing.and_then(|narrowing| Some((narrowing, keys()?))) {
            narrowing.tell(keys);
        }
    }

    /// The positions of the side in memory, and the largest of its radii where they are its own.
    fn neighbours(&self, batch: &RecordBatch, left: bool) -> Result<(Neighbours, Option<f64>)> {
        let positions = self.position(left).evaluate(batch)?;
        let radii = self.radii(batch, left)?;
        // NaN bounds nothing, so it is the largest of all.
        let largest = radii.as_ref().map(|radii| radii.iter().copied().max_by(f64::total_cmp).unwrap_or(-1.0));
        let own = matches!(self.radius_of, JoinSide::Left | JoinSide::Right);
        let exact = largest.is_some() && self.reach.is_none();
        let neighbours = Neighbours::new(&positions, largest.unwrap_or(f64::NAN), exact);
        Ok((neighbours, largest.filter(|_| own)))
    }
}

impl Build {
    /// Marks a row as having a partner.
    pub(super) fn mark(&self, row: u32) {
        if let Some(matched) = self.matched.get(row as usize) {
            matched.store(true, Ordering::Relaxed);
        }
    }

    /// The rows that have a partner, or those that have none.
    pub(super) fn rows(&self, with_partner: bool) -> Vec<u32> {
        let rows = (0_u32..).zip(&self.matched);
        rows.filter(|(_, matched)| matched.load(Ordering::Relaxed) == with_partner).map(|(row, _)| row).collect()
    }

    /// Whether each of some rows has a partner.
    pub(super) fn has_partner(&self, rows: Range<usize>) -> Vec<bool> {
        let matched = self.matched.get(rows).unwrap_or_default();
        matched.iter().map(|matched| matched.load(Ordering::Relaxed)).collect()
    }

    /// The pool that its memory is reserved in.
    pub(super) fn reserve(&self) -> MemoryReservation {
        self.reservation.new_empty()
    }
}

impl DisplayAs for CrossmatchExec {
    fn fmt_as(&self, kind: DisplayFormatType, f: &mut Formatter<'_>) -> std::fmt::Result {
        if matches!(kind, DisplayFormatType::TreeRender) {
            return write!(f, "{}", self.plan.join_type);
        }
        write!(f, "CrossmatchExec: {}", self.plan.join_type)?;
        match &self.plan.near {
            Some(PhysicalNear { reach: Some(reach), .. }) => write!(f, ", radius={reach}")?,
            Some(near) => write!(f, ", radius={}", near.radius)?,
            None => write!(f, ", all pairs: {}", self.plan.why)?,
        }
        if let Some(filter) = &self.plan.filter {
            write!(f, ", filter={}", filter.expr())?;
        }
        if let Some(best) = &self.plan.best {
            let keys: Vec<String> = best.order.iter().map(|(key, _)| key.expr().to_string()).collect();
            write!(f, ", best {} by {}", best.count, keys.join(", "))?;
        }
        write!(f, ", in memory={}", if self.build_left { "left" } else { "right" })
    }
}

impl ExecutionPlan for CrossmatchExec {
    fn name(&self) -> &'static str {
        "CrossmatchExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.left, &self.right]
    }

    fn required_input_distribution(&self) -> Vec<Distribution> {
        self.input_distribution_requirements().into_per_child()
    }

    fn input_distribution_requirements(&self) -> InputDistributionRequirements {
        let single = |is: bool| if is { Distribution::SinglePartition } else { Distribution::UnspecifiedDistribution };
        InputDistributionRequirements::new(vec![single(self.build_left), single(!self.build_left)])
    }

    fn apply_expressions(
        &self,
        f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        let near = self.plan.near.iter();
        let near = near.flat_map(|near| [near.left.exprs(), near.right.exprs(), vec![&near.radius]].concat());
        let reach = self.plan.near.iter().filter_map(|near| near.reach.as_ref());
        let reach = reach.flat_map(|reach| [reach.of_side(true), reach.of_side(false)].concat());
        for expr in near.chain(reach) {
            if f(expr)? == TreeNodeRecursion::Stop {
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
        let Ok([left, right]) = <[_; 2]>::try_from(children) else {
            return internal_err!("a crossmatch has two inputs");
        };
        Ok(Arc::new(Self::over((left, right), Arc::clone(&self.plan), self.build_left)))
    }

    fn with_new_children(self: Arc<Self>, children: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        self.replace_children(children, ReplaceChildrenOptions::new(ChildrenPropertiesMode::Recompute))
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let (build, probe) = self.sides();
        let (build, probe) = (Arc::clone(build), Arc::clone(probe));
        let (plan, left, shared) = (Arc::clone(&self.plan), self.build_left, Arc::clone(&self.shared));
        let running = Arc::clone(&shared.running);
        let tells = matches!(self.output.gives_alone(!left), None | Some(Alone::Partnered));
        let output = self.output.clone();
        let metrics = super::pairs::PairMetrics::new(&self.metrics, partition);
        let counted = metrics.clone();
        let stream = futures::stream::once(async move {
            let read = async || {
                let held = MemoryConsumer::new("Crossmatch").register(context.memory_pool());
                let build = plan.build(build.execute(0, Arc::clone(&context))?, left, held).await?;
                if tells && let Some(near) = &plan.near {
                    near.narrow(&build, probe.as_ref(), left);
                }
                Ok::<_, datafusion::error::DataFusionError>(Arc::new(build))
            };
            let build = Arc::clone(shared.build.get_or_try_init(read).await?);
            // Only now: what is executed may begin to read at once.
            let stream = if plan.best.is_some() {
                let probes = 0..probe.output_partitioning().partition_count();
                let probes = probes.map(|partition| probe.execute(partition, Arc::clone(&context)));
                let probes = probes.collect::<Result<Vec<_>>>()?;
                NearestWalk::new(plan, build, output, metrics).into_stream(probes).boxed()
            } else {
                let probe = probe.execute(partition, Arc::clone(&context))?;
                PairWalk::new(plan, (build, left), output, metrics).into_stream(probe, running).boxed()
            };
            Ok::<_, datafusion::error::DataFusionError>(stream)
        });
        let stream = stream.try_flatten().inspect_ok(move |batch| counted.baseline.record_output(batch.num_rows()));
        Ok(Box::pin(RecordBatchStreamAdapter::new(Arc::clone(&self.output.schema), stream)))
    }

    fn metrics(&self) -> Option<MetricsSet> {
        Some(self.metrics.clone_inner())
    }

    fn statistics_from_inputs(&self, _: &[Arc<Statistics>], _: &StatisticsArgs) -> Result<Arc<Statistics>> {
        Ok(Arc::new(Statistics::new_unknown(&self.output.schema)))
    }
}
