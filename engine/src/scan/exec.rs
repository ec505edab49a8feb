//! The operator that DataFusion runs: reads what a [`ScanDescriptor`] says.
//!
//! It holds the descriptor and counters, nothing else: footers are looked up in the cache of the task that runs it.

use std::fmt::Formatter;
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use datafusion::common::stats::Precision;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{ColumnStatistics, Statistics};
use datafusion::error::Result;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::{EquivalenceProperties, Partitioning, PhysicalExpr};
use datafusion::physical_plan::execution_plan::{
    Boundedness, ChildrenPropertiesMode, EmissionType, ReplaceChildrenOptions,
};
use datafusion::physical_plan::metrics::{ExecutionPlanMetricsSet, MetricsSet};
use datafusion::physical_plan::statistics::StatisticsArgs;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties};
use futures::TryStreamExt;

use super::cache::FooterCache;
use super::descriptor::ScanDescriptor;
use super::metrics::{ScanMetrics, count_partitions};
use super::narrow::Narrowing;
use super::stream::UnitWalk;

/// Footer bytes kept by a task that was given no cache.
const LOCAL_CACHE: usize = 16 << 20;

/// Reads one catalog: partitions, row groups and pages that may hold rows, then the rows themselves.
///
/// *Shape*: the columns of the projection; one output partition a stream of the descriptor.
/// *Guarantee*: hands out exactly the rows that pass every filter of the descriptor, whatever is pruned.
#[derive(Debug)]
pub(crate) struct HatsScanExec {
    descriptor: Arc<ScanDescriptor>,
    narrowing: Narrowing,
    properties: Arc<PlanProperties>,
    metrics: ExecutionPlanMetricsSet,
}

impl HatsScanExec {
    pub(crate) fn new(descriptor: ScanDescriptor) -> Self {
        let properties = PlanProperties::new(
            EquivalenceProperties::new(Arc::clone(&descriptor.output)),
            Partitioning::UnknownPartitioning(descriptor.streams.len()),
            EmissionType::Incremental,
            Boundedness::Bounded,
        );
        let metrics = ExecutionPlanMetricsSet::new();
        count_partitions(&metrics, descriptor.catalog.partitions.len(), descriptor.partitions);
        let narrowing = Narrowing::default();
        Self { descriptor: Arc::new(descriptor), narrowing, properties: Arc::new(properties), metrics }
    }

    /// What it reads.
    pub(crate) fn descriptor(&self) -> &ScanDescriptor {
        &self.descriptor
    }

    /// Where it is told which of two output columns' positions matter, before it is executed; `None` where it cannot
    /// skip by these columns, or must count rows that do not matter.
    pub(crate) fn narrowing(&self, lon: usize, lat: usize) -> Option<&Narrowing> {
        let catalog = &self.descriptor.catalog;
        let (index, positions) = (catalog.index.as_ref(), catalog.positions.as_ref()?);
        let is = |column: usize, name: &str| {
            self.descriptor.output.fields().get(column).is_some_and(|field| field.name() == name)
        };
        let own = is(lon, &positions.ra) && is(lat, &positions.dec);
        (index.is_some() && own && self.descriptor.limit.is_none()).then_some(&self.narrowing)
    }
}

impl DisplayAs for HatsScanExec {
    fn fmt_as(&self, kind: DisplayFormatType, f: &mut Formatter<'_>) -> std::fmt::Result {
        let descriptor = &self.descriptor;
        if matches!(kind, DisplayFormatType::TreeRender) {
            return write!(f, "{}", descriptor.catalog.name);
        }
        let columns: Vec<&str> = descriptor.output.fields().iter().map(|field| field.name().as_str()).collect();
        write!(f, "HatsScanExec: {}, columns=[{}]", descriptor.catalog.name, columns.join(", "))?;
        if let Some(spatial) = &descriptor.filter.spatial {
            write!(f, ", region={}", abbreviated(&spatial.region().to_stcs()))?;
        }
        if !descriptor.filter.comparisons.is_empty() {
            let comparisons: Vec<String> = descriptor.filter.comparisons.iter().map(ToString::to_string).collect();
            write!(f, ", filter={}", abbreviated(&comparisons.join(" AND ")))?;
        }
        if let Some(lookup) = &descriptor.lookup {
            write!(f, ", index={}", lookup.column())?;
        }
        if let Some(limit) = descriptor.limit {
            write!(f, ", limit={limit}")?;
        }
        write!(f, ", partitions={}/{}", descriptor.partitions, descriptor.catalog.partitions.len())?;
        write!(f, ", streams={}", descriptor.streams.len())
    }
}

/// The first part of a long text, for plans that people read.
fn abbreviated(text: &str) -> String {
    const LONGEST: usize = 400;
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}... ({} bytes)", &text[..end], text.len()),
        None => text.to_owned(),
    }
}

impl ExecutionPlan for HatsScanExec {
    fn name(&self) -> &'static str {
        "HatsScanExec"
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
        for comparison in &self.descriptor.filter.comparisons {
            if f(comparison)? == TreeNodeRecursion::Stop {
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
        let footers = context
            .session_config()
            .get_extension::<FooterCache>()
            .unwrap_or_else(|| Arc::new(FooterCache::new(LOCAL_CACHE)));
        let metrics = ScanMetrics::new(&self.metrics, partition);
        let walk =
            UnitWalk::new((Arc::clone(&self.descriptor), self.narrowing.clone()), partition, footers, metrics.clone());
        let stream =
            futures::stream::try_unfold(
                walk,
                |mut walk| async move { Ok(walk.next().await?.map(|batch| (batch, walk))) },
            );
        let schema: SchemaRef = Arc::clone(&self.descriptor.output);
        let counted = stream.inspect_ok(move |batch| metrics.baseline.record_output(batch.num_rows()));
        Ok(Box::pin(RecordBatchStreamAdapter::new(schema, counted)))
    }

    fn metrics(&self) -> Option<MetricsSet> {
        Some(self.metrics.clone_inner())
    }

    fn statistics_from_inputs(&self, _: &[Arc<Statistics>], args: &StatisticsArgs) -> Result<Arc<Statistics>> {
        let rows = self.descriptor.estimated_rows().map(|rows| match args.partition() {
            Some(_) => rows / self.descriptor.streams.len().max(1),
            None => rows,
        });
        Ok(Arc::new(Statistics {
            num_rows: rows.map_or(Precision::Absent, Precision::Inexact),
            total_byte_size: Precision::Absent,
            column_statistics: vec![ColumnStatistics::new_unknown(); self.descriptor.output.fields().len()],
        }))
    }

    fn supports_limit_pushdown(&self) -> bool {
        false
    }

    fn with_fetch(&self, limit: Option<usize>) -> Option<Arc<dyn ExecutionPlan>> {
        let limit = match (limit, self.descriptor.limit) {
            (Some(new), Some(old)) => Some(new.min(old)),
            (new, old) => new.or(old),
        };
        Some(Arc::new(Self::new(ScanDescriptor { limit, ..self.descriptor.as_ref().clone() })))
    }

    fn fetch(&self) -> Option<usize> {
        self.descriptor.limit
    }
}
