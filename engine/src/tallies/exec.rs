//! The operator that DataFusion runs: one row from footers, or what the plan below it makes of all rows.

use std::fmt::Formatter;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use datafusion::common::stats::Precision;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{ScalarValue, Statistics, internal_err};
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::{Distribution, EquivalenceProperties, Partitioning, PhysicalExpr};
use datafusion::physical_plan::execution_plan::{
    Boundedness, ChildrenPropertiesMode, EmissionType, ReplaceChildrenOptions,
};
use datafusion::physical_plan::metrics::{BaselineMetrics, ExecutionPlanMetricsSet, MetricsSet};
use datafusion::physical_plan::statistics::StatisticsArgs;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties};
use futures::{StreamExt, TryStreamExt};

use crate::scan::{HatsScanExec, Tally};

/// Gives one row: what is asked of all rows of a scan.
///
/// *Shape*: the columns of the plan below; one output partition.
#[derive(Debug)]
pub(super) struct TallyExec {
    /// What computes the same from the rows.
    plan: Arc<dyn ExecutionPlan>,
    scan: HatsScanExec,
    asked: Vec<Tally>,
    properties: Arc<PlanProperties>,
    metrics: ExecutionPlanMetricsSet,
}

impl TallyExec {
    pub(super) fn new(plan: Arc<dyn ExecutionPlan>, scan: HatsScanExec, asked: Vec<Tally>) -> Self {
        let properties = PlanProperties::new(
            EquivalenceProperties::new(plan.schema()),
            Partitioning::UnknownPartitioning(1),
            EmissionType::Final,
            Boundedness::Bounded,
        );
        Self { plan, scan, asked, properties: Arc::new(properties), metrics: ExecutionPlanMetricsSet::new() }
    }
}

/// The row of some values; `None` where one has another type than its column.
fn row(values: &[ScalarValue], schema: &SchemaRef) -> Result<Option<RecordBatch>> {
    let fits = values.len() == schema.fields().len()
        && values.iter().zip(schema.fields()).all(|(value, field)| value.data_type() == *field.data_type());
    if !fits {
        return Ok(None);
    }
    let columns = values.iter().map(ScalarValue::to_array).collect::<Result<_>>()?;
    Ok(Some(RecordBatch::try_new(Arc::clone(schema), columns)?))
}

impl DisplayAs for TallyExec {
    fn fmt_as(&self, kind: DisplayFormatType, f: &mut Formatter<'_>) -> std::fmt::Result {
        let asked: Vec<String> = self
            .asked
            .iter()
            .map(|one| match one {
                Tally::Rows => "rows".to_owned(),
                Tally::Present(column) => format!("values of {column}"),
                Tally::Least(column) => format!("least {column}"),
                Tally::Greatest(column) => format!("greatest {column}"),
            })
            .collect();
        match kind {
            DisplayFormatType::TreeRender => write!(f, "{}", asked.join(", ")),
            _ => write!(f, "TallyExec: {}", asked.join(", ")),
        }
    }
}

impl ExecutionPlan for TallyExec {
    fn name(&self) -> &'static str {
        "TallyExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.plan]
    }

    fn required_input_distribution(&self) -> Vec<Distribution> {
        vec![Distribution::SinglePartition]
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
        let Ok([plan]) = <[_; 1]>::try_from(children) else { return internal_err!("a tally has one input") };
        Ok(Arc::new(Self::new(plan, self.scan.clone(), self.asked.clone())))
    }

    fn with_new_children(self: Arc<Self>, children: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        self.replace_children(children, ReplaceChildrenOptions::new(ChildrenPropertiesMode::Recompute))
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        if partition != 0 {
            return internal_err!("a tally has one output partition");
        }
        let (plan, scan, asked, metrics) =
            (Arc::clone(&self.plan), self.scan.clone(), self.asked.clone(), self.metrics.clone());
        let schema = self.plan.schema();
        let answer = async move {
            let told = scan.tally(&asked, &context, &metrics).await?;
            let batch = told.map(|values| row(&values, &plan.schema())).transpose()?.flatten();
            Ok::<_, DataFusionError>(match batch {
                Some(batch) => futures::stream::iter([Ok(batch)]).boxed(),
                None => plan.execute(0, context)?.boxed(),
            })
        };
        let baseline = BaselineMetrics::new(&self.metrics, partition);
        let batches = futures::stream::once(answer).try_flatten();
        let counted = batches.inspect_ok(move |batch: &RecordBatch| baseline.record_output(batch.num_rows()));
        Ok(Box::pin(RecordBatchStreamAdapter::new(schema, counted)))
    }

    fn metrics(&self) -> Option<MetricsSet> {
        Some(self.metrics.clone_inner())
    }

    fn statistics_from_inputs(&self, _: &[Arc<Statistics>], _: &StatisticsArgs) -> Result<Arc<Statistics>> {
        let unknown = Statistics::new_unknown(&self.plan.schema());
        Ok(Arc::new(Statistics { num_rows: Precision::Exact(1), ..unknown }))
    }
}
