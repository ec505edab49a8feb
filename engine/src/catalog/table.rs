//! How does a catalog appear to DataFusion's planner?
//!
//! The table takes the filters that its scan evaluates itself: regions on its own position columns, and comparisons of
//! its own columns. Everything else stays in the plan above.

use std::sync::Arc;

use arrow::datatypes::{DataType, SchemaRef};
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::common::{DFSchema, ScalarValue, ToDFSchema};
use datafusion::error::Result;
use datafusion::logical_expr::expr::InList;
use datafusion::logical_expr::{BinaryExpr, Expr, Operator, TableProviderFilterPushDown, TableType, Volatility};
use datafusion::physical_plan::ExecutionPlan;
use sidereus_sky::Region;

use super::CatalogMetadata;
use crate::functions::recognise;
use crate::options::Rules;
use crate::scan::{HatsScanExec, IdLookup, ScanDescriptor, ScanRequest, SpatialFilter};

/// One catalog under the rules of one query.
#[derive(Debug, Clone)]
pub(crate) struct HatsTable {
    catalog: Arc<CatalogMetadata>,
    rules: Rules,
}

impl HatsTable {
    pub(crate) fn new(catalog: Arc<CatalogMetadata>, rules: Rules) -> Self {
        Self { catalog, rules }
    }

    /// The same under other rules.
    pub(crate) fn with_rules(&self, rules: Rules) -> Self {
        Self { catalog: Arc::clone(&self.catalog), rules }
    }

    /// Columns of the catalog.
    pub(crate) fn catalog_schema(&self) -> &SchemaRef {
        &self.catalog.schema
    }

    /// Whether the scan evaluates a filter itself.
    pub(crate) fn takes(&self, filter: &Expr) -> bool {
        self.rules.predicate_pushdown && (self.region(filter).is_some() || is_comparison(filter))
    }

    /// Plans a scan under filters that it takes.
    pub(crate) fn plan_scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<HatsScanExec> {
        let mut regions = Vec::new();
        let mut comparisons = Vec::new();
        for filter in filters {
            match self.region(filter) {
                Some(region) => regions.push(region),
                None => comparisons.push(filter),
            }
        }
        let region = if regions.len() > 1 { Some(Region::Intersection(regions)) } else { regions.pop() };
        let spatial = region.map(|region| SpatialFilter::new(region, &self.position_type()));
        let lookup = self.lookup(&comparisons);
        let filter_columns = self.filter_columns(spatial.is_some(), &comparisons);
        let filter_schema: DFSchema = self.catalog.schema.project(&filter_columns)?.to_dfschema()?;
        let comparisons = comparisons
            .into_iter()
            .map(|comparison| state.create_physical_expr(comparison.clone(), &filter_schema))
            .collect::<Result<Vec<_>>>()?;
        let all = || (0..self.catalog.schema.fields().len()).collect();
        let request = ScanRequest {
            projection: projection.cloned().unwrap_or_else(all),
            spatial,
            comparisons,
            filter_columns,
            limit,
            lookup,
        };
        let threads = state.config().target_partitions();
        let descriptor = ScanDescriptor::plan(Arc::clone(&self.catalog), request, self.rules, threads);
        Ok(HatsScanExec::new(descriptor))
    }

    /// The region that a filter demands of this catalog's own position, if it is such a filter.
    fn region(&self, filter: &Expr) -> Option<Region> {
        let positions = self.catalog.positions.as_ref()?;
        let predicate = recognise(filter)?;
        (predicate.lon.name == positions.ra && predicate.lat.name == positions.dec).then_some(predicate.region)
    }

    /// Ids that one of some comparisons demands, if there is an index of them.
    fn lookup(&self, comparisons: &[&Expr]) -> Option<Arc<IdLookup>> {
        if !self.rules.id_index || self.catalog.id_indexes.is_empty() {
            return None;
        }
        comparisons.iter().find_map(|comparison| {
            let (column, ids) = ids(comparison)?;
            IdLookup::new(&self.catalog, column, &ids)
        })
    }

    fn column(&self, name: &str) -> Option<usize> {
        self.catalog.schema.index_of(name).ok()
    }

    /// Columns of the filters in the order the scan wants them: position first.
    fn filter_columns(&self, spatial: bool, comparisons: &[&Expr]) -> Vec<usize> {
        let positions = self.catalog.positions.as_ref().filter(|_| spatial);
        let position = positions.map(|columns| [columns.ra.as_str(), columns.dec.as_str()]);
        let mut columns: Vec<usize> = position.into_iter().flatten().filter_map(|name| self.column(name)).collect();
        for comparison in comparisons {
            let mut names: Vec<&str> = comparison.column_refs().into_iter().map(|column| column.name()).collect();
            names.sort_unstable();
            for column in names.into_iter().filter_map(|name| self.column(name)) {
                if !columns.contains(&column) {
                    columns.push(column);
                }
            }
        }
        columns
    }

    fn position_type(&self) -> DataType {
        let type_of = |name: &String| self.column(name).map(|column| self.catalog.schema.field(column).data_type());
        match &self.catalog.positions {
            Some(columns) if [&columns.ra, &columns.dec].map(type_of) == [Some(&DataType::Float64); 2] => {
                DataType::Float64
            }
            _ => DataType::Float32,
        }
    }
}

#[async_trait]
impl TableProvider for HatsTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.catalog.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        let answer = |filter: &&Expr| match self.takes(filter) {
            true => TableProviderFilterPushDown::Exact,
            false => TableProviderFilterPushDown::Unsupported,
        };
        Ok(filters.iter().map(answer).collect())
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(Arc::new(self.plan_scan(state, projection, filters, limit)?))
    }
}

/// The column and the integers that a filter demands of it: `column = 3`, `column IN (3, 4)`.
fn ids(filter: &Expr) -> Option<(&str, Vec<i64>)> {
    match filter {
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::Eq, right }) => {
            let (column, value) = match plain_column(left) {
                Some(column) => (column, right),
                None => (plain_column(right)?, left),
            };
            Some((column, vec![integer(value)?]))
        }
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::Or, right }) => {
            let ((column, mut some), (other, more)) = (ids(left)?, ids(right)?);
            some.extend(more);
            (column == other).then_some((column, some))
        }
        Expr::InList(InList { expr, list, negated: false }) => {
            Some((plain_column(expr)?, list.iter().map(integer).collect::<Option<_>>()?))
        }
        _ => None,
    }
}

/// The name of an expression that is a column and nothing else.
fn plain_column(expr: &Expr) -> Option<&str> {
    match expr {
        Expr::Column(column) => Some(&column.name),
        _ => None,
    }
}

/// An integer that stands in a query, also where it was given another width.
fn integer(expr: &Expr) -> Option<i64> {
    match expr {
        Expr::Literal(value, _) if value.data_type().is_integer() => match value.cast_to(&DataType::Int64).ok()? {
            ScalarValue::Int64(value) => value,
            _ => None,
        },
        Expr::Cast(cast) if cast.field.data_type().is_integer() => integer(&cast.expr),
        _ => None,
    }
}

/// Whether a filter compares plain columns in ways that cost next to nothing.
fn is_comparison(filter: &Expr) -> bool {
    let mut cheap = true;
    let walked = filter.apply(|node| {
        cheap &= match node {
            Expr::Column(_) | Expr::Literal(..) | Expr::Between(_) | Expr::Not(_) | Expr::InList(_) | Expr::Like(_) => {
                true
            }
            Expr::IsNull(_) | Expr::IsNotNull(_) | Expr::IsTrue(_) | Expr::IsFalse(_) => true,
            Expr::IsNotTrue(_) | Expr::IsNotFalse(_) | Expr::IsUnknown(_) | Expr::IsNotUnknown(_) => true,
            Expr::Cast(_) | Expr::TryCast(_) | Expr::Negative(_) => true,
            Expr::BinaryExpr(binary) => binary.op != Operator::Divide && binary.op != Operator::Modulo,
            Expr::ScalarFunction(call) => call.func.signature().volatility == Volatility::Immutable,
            _ => false,
        };
        Ok(if cheap { TreeNodeRecursion::Continue } else { TreeNodeRecursion::Stop })
    });
    walked.is_ok() && cheap
}
