//! The operator that DataFusion runs: reads what a [`ScanDescriptor`] says.
//!
//! It holds the descriptor and counters, nothing else: footers are looked up in the cache of the task that runs it.

use std::any::Any;
use std::collections::BTreeSet;
use std::fmt::Formatter;
use std::sync::Arc;

use arrow::datatypes::{Schema, SchemaRef};
use datafusion::common::stats::Precision;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{ColumnStatistics, Statistics};
use datafusion::config::ConfigOptions;
use datafusion::error::Result;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::expressions::DynamicFilterPhysicalExpr;
use datafusion::physical_expr::{EquivalenceProperties, Partitioning, PhysicalExpr};
use datafusion::physical_plan::execution_plan::{
    Boundedness, ChildrenPropertiesMode, EmissionType, ReplaceChildrenOptions,
};
use datafusion::physical_plan::filter_pushdown::{ChildPushdownResult, FilterPushdownPhase, FilterPushdownPropagation};
use datafusion::physical_plan::metrics::{ExecutionPlanMetricsSet, MetricsSet};
use datafusion::physical_plan::statistics::StatisticsArgs;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties};
use futures::TryStreamExt;
use sidereus_sky::Cell;

use super::cache::FooterCache;
use super::descriptor::ScanDescriptor;
use super::estimate::row_bytes;
use super::metrics::{ScanMetrics, count_partitions};
use super::narrow::{KeyRanges, Narrowing};
use super::stream::UnitWalk;
use super::wanted::WantedIds;

/// Footer bytes kept by a task that was given no cache.
const LOCAL_CACHE: usize = 16 << 20;

/// Reads one catalog: partitions, row groups and pages that may hold rows, then the rows themselves.
///
/// *Shape*: the columns of the projection; one output partition a stream of the descriptor.
/// *Guarantee*: hands out exactly the rows that pass every filter of the descriptor, whatever is pruned.
#[derive(Debug, Clone)]
pub(crate) struct HatsScanExec {
    descriptor: Arc<ScanDescriptor>,
    told: Told,
    properties: Arc<PlanProperties>,
    metrics: ExecutionPlanMetricsSet,
}

/// What whoever reads the scan finds out while it runs: rows that it leaves out are not missed.
#[derive(Debug, Clone, Default)]
pub(crate) struct Told {
    /// Keys that matter.
    pub(crate) narrowing: Narrowing,
    /// Conditions over the output.
    pub(crate) dynamic: Arc<[Arc<DynamicFilterPhysicalExpr>]>,
    /// Ids that a join asks for, and the output column that has them.
    pub(crate) ids: Option<(usize, Arc<WantedIds>)>,
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
        Self { descriptor: Arc::new(descriptor), told: Told::default(), properties: Arc::new(properties), metrics }
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
        (index.is_some() && own && self.descriptor.limit.is_none()).then_some(&self.told.narrowing)
    }
}

/// What whoever reads a catalog part by part asks.
impl HatsScanExec {
    /// The partitions that are read, with their cells; `None` where rows are not all in the cells of their partitions,
    /// or must be counted.
    pub(crate) fn cells(&self) -> Option<Vec<(usize, Cell)>> {
        let ScanDescriptor { catalog, streams, limit, .. } = self.descriptor.as_ref();
        if limit.is_some() || catalog.index.is_none() {
            return None;
        }
        let mut numbers: Vec<usize> = streams.iter().flatten().map(|unit| unit.partition).collect();
        numbers.dedup();
        numbers.into_iter().map(|number| Some((number, catalog.partitions[number].cell?))).collect()
    }

    /// The same scan of some of its partitions, chosen by cell and number, in one stream.
    pub(crate) fn of_partitions(&self, chosen: impl Fn(Option<Cell>, usize) -> bool) -> Self {
        let ScanDescriptor { catalog, streams, .. } = self.descriptor.as_ref();
        let units =
            streams.iter().flatten().filter(|unit| chosen(catalog.partitions[unit.partition].cell, unit.partition));
        let units: Vec<_> = units.cloned().collect();
        let partitions = units.iter().map(|unit| unit.partition).collect::<BTreeSet<_>>().len();
        let reading = self.descriptor.reading.scaled(partitions as f64 / self.descriptor.partitions.max(1) as f64);
        Self::new(ScanDescriptor { streams: vec![units], partitions, reading, ..self.descriptor.as_ref().clone() })
    }

    /// Tells which keys matter.
    pub(crate) fn tell(&self, keys: KeyRanges) {
        self.told.narrowing.tell(keys);
    }

    /// The same scan where only rows matter whose whole number in an output column is one of those that are told; `None`
    /// where it must count others, too, or may leave nothing out.
    pub(crate) fn asked_for(&self, column: usize, ids: &Arc<WantedIds>) -> Option<Self> {
        let is_free = self.descriptor.limit.is_none() && self.told.ids.is_none() && self.descriptor.rules.id_joins;
        let told = Told { ids: Some((column, Arc::clone(ids))), ..self.told.clone() };
        is_free.then(|| Self { told, ..self.clone() })
    }

    /// Rows that it may hand out, where the catalog says how many it has.
    pub(crate) fn estimated_rows(&self) -> Option<usize> {
        self.descriptor.estimated_rows()
    }
}

/// What whoever relies on the order of rows asks.
impl HatsScanExec {
    /// Whether each stream gives rows in order of the key, and the streams follow each other: so it is in catalogs that
    /// were written by this program.
    pub(crate) fn is_in_order(&self) -> bool {
        let ScanDescriptor { catalog, .. } = self.descriptor.as_ref();
        let whole = catalog.partitions.iter().all(|partition| partition.files.len() == 1);
        // A region is read in pages that must be tested, then those that need not be.
        self.keys_are_of_positions() && whole && self.descriptor.pruner().is_none()
    }

    /// Whether the key of each row is that of its position: so it is in catalogs that were written by this program.
    pub(crate) fn keys_are_of_positions(&self) -> bool {
        let builder = self.descriptor.catalog.properties.get("hats_builder");
        builder.is_some_and(|builder| builder.starts_with("sidereus "))
    }

    /// Whether groups may be found run by run.
    pub(crate) fn groups_by_runs(&self) -> bool {
        self.descriptor.rules.run_grouping
    }

    /// The name of the column of keys of order 29.
    pub(crate) fn key(&self) -> Option<&str> {
        let index = self.descriptor.catalog.index.as_ref().filter(|index| index.order == 29);
        index.map(|index| index.column.as_str())
    }

    /// The place of a column in the output.
    pub(crate) fn output_column(&self, name: &str) -> Option<usize> {
        self.descriptor.output.index_of(name).ok()
    }

    /// Whether two output columns are the catalog's position.
    pub(crate) fn is_own_position(&self, lon: usize, lat: usize) -> bool {
        let name = |column: usize| self.descriptor.output.fields().get(column).map(|field| field.name());
        let positions = self.descriptor.catalog.positions.as_ref();
        positions.is_some_and(|own| name(lon) == Some(&own.ra) && name(lat) == Some(&own.dec))
    }

    /// The same scan with other output columns, by name: the key, then those that are kept of the present ones.
    pub(crate) fn with_key(&self, kept: impl Fn(usize) -> bool) -> Option<Self> {
        let ScanDescriptor { catalog, output, .. } = self.descriptor.as_ref();
        let key = Arc::new(catalog.schema.field_with_name(self.key()?).ok()?.clone());
        let others =
            output.fields().iter().enumerate().filter(|(place, field)| kept(*place) && field.name() != key.name());
        let fields: Vec<_> =
            std::iter::once(Arc::clone(&key)).chain(others.map(|(_, field)| Arc::clone(field))).collect();
        let output = Arc::new(Schema::new_with_metadata(fields, output.metadata().clone()));
        Some(Self::new(ScanDescriptor { output, ..self.descriptor.as_ref().clone() }))
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
        if let Some(bounds) = &descriptor.bounds {
            write!(f, ", bounds={}", abbreviated(&bounds.region().to_stcs()))?;
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
        if let Some((column, _)) = &self.told.ids {
            write!(f, ", ids of a join={}", descriptor.output.field(*column).name())?;
        }
        if !self.told.dynamic.is_empty() {
            let found: Vec<String> = self.told.dynamic.iter().map(ToString::to_string).collect();
            write!(f, ", found out={}", abbreviated(&found.join(" AND ")))?;
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
        let what = (Arc::clone(&self.descriptor), self.told.clone());
        let walk = UnitWalk::new(what, partition, footers, metrics.clone());
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
            total_byte_size: rows.map_or(Precision::Absent, |rows| {
                Precision::Inexact(rows.saturating_mul(row_bytes(&self.descriptor.output)))
            }),
            column_statistics: vec![ColumnStatistics::new_unknown(); self.descriptor.output.fields().len()],
        }))
    }

    fn handle_child_pushdown_result(
        &self,
        phase: FilterPushdownPhase,
        pushed: ChildPushdownResult,
        _: &ConfigOptions,
    ) -> Result<FilterPushdownPropagation<Arc<dyn ExecutionPlan>>> {
        let filters = pushed.parent_filters.iter().filter_map(|pushed| {
            let filter: Arc<dyn Any + Send + Sync> = Arc::<dyn PhysicalExpr>::clone(&pushed.filter);
            filter.downcast::<DynamicFilterPhysicalExpr>().ok()
        });
        let dynamic: Arc<[_]> = filters.collect();
        // They only say what to pass over: who found them out looks at every row that comes.
        let propagation = FilterPushdownPropagation::all_unsupported(pushed);
        let is_used = phase == FilterPushdownPhase::Post && self.descriptor.limit.is_none() && !dynamic.is_empty();
        if !is_used || !self.descriptor.rules.extremes_pruning {
            return Ok(propagation);
        }
        Ok(propagation
            .with_updated_node(Arc::new(Self { told: Told { dynamic, ..self.told.clone() }, ..self.clone() })))
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
