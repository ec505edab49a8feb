//! How are two catalogs matched that are both too large for memory?
//!
//! ```text
//!  one catalog, partition by partition      [cell]   its rows in memory, by place
//!  the other, what is in or near the cell   [ cell ] streams by
//! ```
//! Each row of the first is in one partition, so each pair is found once, and rows without a partner are known when
//! their partition is done. Nothing is exchanged between the threads, and no margin is asked for.

use std::fmt::Formatter;
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{JoinSide, JoinType, ScalarValue, Statistics};
use datafusion::error::Result;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::expressions::Literal;
use datafusion::physical_expr::{EquivalenceProperties, Partitioning, PhysicalExpr};
use datafusion::physical_plan::execution_plan::{
    Boundedness, ChildrenPropertiesMode, EmissionType, ReplaceChildrenOptions,
};
use datafusion::physical_plan::metrics::{BaselineMetrics, ExecutionPlanMetricsSet, MetricsSet};
use datafusion::physical_plan::statistics::StatisticsArgs;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties};
use futures::{StreamExt, TryStreamExt, stream};
use sidereus_sky::Cell;

use super::exec::{CrossmatchExec, CrossmatchPlan};
use super::narrow::narrowing;
use crate::scan::{HatsScanExec, KeyRanges};

/// How many times as many rows the other catalog must have for each row's surroundings to be worth computing.
const SPARSE: usize = 4;

/// Matches two catalogs, the rows of one partition at a time.
///
/// *Shape*: that of the join type; the partitions of the first catalog are dealt out to the output partitions.
/// *Errors*: `ResourcesExhausted` where a partition does not fit into memory.
#[derive(Debug, Clone)]
pub(super) struct PairedScansExec {
    plan: Arc<CrossmatchPlan>,
    left: Arc<HatsScanExec>,
    right: Arc<HatsScanExec>,
    cut: Arc<Cut>,
    schema: SchemaRef,
    properties: Arc<PlanProperties>,
    metrics: ExecutionPlanMetricsSet,
}

/// What decides whether and how widely a join is cut.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// Rows of the smaller catalog from which on it is not held in memory as a whole.
    pub(super) many_rows: usize,
    /// Output partitions.
    pub(super) threads: usize,
}

/// The side that is cut into units, and how.
#[derive(Debug)]
struct Cut {
    left: bool,
    /// Partitions of the side, with their cells.
    units: Vec<(usize, Cell)>,
    /// Radius in degrees, where it is the same for all rows.
    radius: Option<f64>,
    /// Whether only what is near the rows of a unit is read, not all that is near its cell.
    sparse: bool,
}

impl PairedScansExec {
    /// A plan for two large catalogs; `None` where it is not for this one.
    pub(super) fn try_new(
        left: &Arc<dyn ExecutionPlan>,
        right: &Arc<dyn ExecutionPlan>,
        plan: &CrossmatchPlan,
        limits: Limits,
    ) -> Option<Self> {
        let near = plan.near.as_ref()?;
        let scan = |side: &Arc<dyn ExecutionPlan>, position| {
            narrowing(side.as_ref(), position)?;
            side.downcast_ref::<HatsScanExec>().map(|scan| Arc::new(scan.clone()))
        };
        let (left, right) = (scan(left, &near.left)?, scan(right, &near.right)?);
        let (left_rows, right_rows) = (left.estimated_rows()?, right.estimated_rows()?);
        if left_rows.min(right_rows) < limits.many_rows {
            return None;
        }
        let cut_left = match plan.join_type {
            JoinType::Inner if plan.best.is_none() => left_rows <= right_rows,
            JoinType::Inner | JoinType::Left | JoinType::LeftSemi | JoinType::LeftAnti | JoinType::LeftMark => true,
            JoinType::Right | JoinType::RightSemi | JoinType::RightAnti | JoinType::RightMark
                if plan.best.is_none() =>
            {
                false
            }
            _ => return None,
        };
        let radius = constant(&near.radius);
        let own = if cut_left { JoinSide::Left } else { JoinSide::Right };
        if radius.is_none() && near.radius_of != own {
            return None;
        }
        let (first, other) = if cut_left { (left_rows, right_rows) } else { (right_rows, left_rows) };
        let units = if cut_left { left.cells()? } else { right.cells()? };
        let sparse = radius.is_none() || other / SPARSE > first;
        let cut = Arc::new(Cut { left: cut_left, units, radius, sparse });
        let whole = Self::unit_join(&left, &right, plan, cut_left);
        let schema = whole.schema();
        let streams = limits.threads.clamp(1, cut.units.len().max(1));
        let properties = PlanProperties::new(
            EquivalenceProperties::new(Arc::clone(&schema)),
            Partitioning::UnknownPartitioning(streams),
            EmissionType::Incremental,
            Boundedness::Bounded,
        );
        let (plan, properties) = (Arc::new(plan.clone()), Arc::new(properties));
        Some(Self { plan, left, right, cut, schema, properties, metrics: ExecutionPlanMetricsSet::new() })
    }

    fn unit_join(
        left: &Arc<HatsScanExec>,
        right: &Arc<HatsScanExec>,
        plan: &CrossmatchPlan,
        cut_left: bool,
    ) -> CrossmatchExec {
        let sides = (Arc::clone(left) as Arc<dyn ExecutionPlan>, Arc::clone(right) as Arc<dyn ExecutionPlan>);
        CrossmatchExec::over(sides, Arc::new(plan.clone()), cut_left)
    }

    /// The join of one partition with what can be near it.
    fn unit(&self, (partition, cell): (usize, Cell)) -> CrossmatchExec {
        let Cut { left: cut_left, radius, sparse, .. } = *self.cut;
        let (first, other) = if cut_left { (&self.left, &self.right) } else { (&self.right, &self.left) };
        let first = Arc::new(first.of_partitions(|_, number| number == partition));
        let ranges = radius.map(|radius| KeyRanges::around_cell(cell, radius));
        let near = |cell: Option<Cell>| match (&ranges, cell) {
            (Some(ranges), Some(cell)) => ranges.touch(&(cell.range29().start..cell.range29().end)),
            _ => true,
        };
        let other = Arc::new(other.of_partitions(|cell, _| near(cell)));
        if let Some(ranges) = ranges.filter(|_| !sparse) {
            other.tell(ranges);
        }
        let (left, right) = if cut_left { (first, other) } else { (other, first) };
        Self::unit_join(&left, &right, &self.plan, cut_left)
    }
}

/// The value of an expression that is a number.
fn constant(expr: &Arc<dyn PhysicalExpr>) -> Option<f64> {
    match expr.downcast_ref::<Literal>()?.value() {
        ScalarValue::Float64(value) => value.filter(|value| value.is_finite()),
        _ => None,
    }
}

impl DisplayAs for PairedScansExec {
    fn fmt_as(&self, kind: DisplayFormatType, f: &mut Formatter<'_>) -> std::fmt::Result {
        let Self { plan, cut, .. } = self;
        write!(f, "PairedScansExec: {}", plan.join_type)?;
        if let Some(near) = &plan.near {
            write!(f, ", radius={}", near.radius)?;
        }
        if let Some(best) = &plan.best {
            write!(f, ", best {}", best.count)?;
        }
        let side = if cut.left { "left" } else { "right" };
        write!(f, ", by {} partitions of the {side}, left=[", cut.units.len())?;
        self.left.fmt_as(kind, f)?;
        f.write_str("], right=[")?;
        self.right.fmt_as(kind, f)?;
        f.write_str("]")
    }
}

impl ExecutionPlan for PairedScansExec {
    fn name(&self) -> &'static str {
        "PairedScansExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        Vec::new()
    }

    fn apply_expressions(
        &self,
        f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        let sides = [&self.left, &self.right];
        for side in sides {
            if side.apply_expressions(f)? == TreeNodeRecursion::Stop {
                return Ok(TreeNodeRecursion::Stop);
            }
        }
        Ok(TreeNodeRecursion::Continue)
    }

    fn replace_children(
        self: Arc<Self>,
        _: Vec<Arc<dyn ExecutionPlan>>,
        _: ReplaceChildrenOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(self)
    }

    fn with_new_children(self: Arc<Self>, children: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        self.replace_children(children, ReplaceChildrenOptions::new(ChildrenPropertiesMode::Recompute))
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let streams = self.properties.partitioning.partition_count();
        let units: Vec<(usize, Cell)> = self.cut.units.iter().copied().skip(partition).step_by(streams).collect();
        let this = self.clone();
        let joined = stream::iter(units).map(Ok).and_then(move |unit| {
            let joined = this.unit(unit).execute(0, Arc::clone(&context));
            futures::future::ready(joined)
        });
        let baseline = BaselineMetrics::new(&self.metrics, partition);
        let rows = joined.try_flatten().inspect_ok(move |batch| baseline.record_output(batch.num_rows()));
        Ok(Box::pin(RecordBatchStreamAdapter::new(Arc::clone(&self.schema), rows)))
    }

    fn metrics(&self) -> Option<MetricsSet> {
        Some(self.metrics.clone_inner())
    }

    fn statistics_from_inputs(&self, _: &[Arc<Statistics>], _: &StatisticsArgs) -> Result<Arc<Statistics>> {
        Ok(Arc::new(Statistics::new_unknown(&self.schema)))
    }
}
