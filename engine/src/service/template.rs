//! Which queries need no optimizer? `SELECT columns FROM one catalog WHERE filters that its scan takes [LIMIT]`.
//!
//! ```text
//! Limit?                          HatsScanExec
//!   Projection (columns only)  ->   region, comparisons, projection, limit
//!     Filter?
//!       TableScan
//! ```
//! Such a plan is kept as a [`ScanTemplate`]: values of parameters are put into its filters and it is handed to the
//! scan as it is. The planned path gives the same rows; it is taken whenever anything does not fit.

use std::sync::Arc;

use datafusion::common::ParamValues;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::datasource::source_as_provider;
use datafusion::error::Result;
use datafusion::execution::SessionState;
use datafusion::logical_expr::utils::split_conjunction;
use datafusion::logical_expr::{Expr, FetchType, LogicalPlan, SkipType, TableScan};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::limit::GlobalLimitExec;

use crate::catalog::HatsTable;
use crate::functions::is_spatial;
use crate::merging::MergeExec;

/// A query that is one scan.
#[derive(Debug, Clone)]
pub(crate) struct ScanTemplate {
    table: Arc<HatsTable>,
    projection: Vec<usize>,
    filters: Vec<Expr>,
    limit: Option<usize>,
}

impl ScanTemplate {
    /// The template of an analysed plan, if it has that form.
    pub(crate) fn of(plan: &LogicalPlan) -> Option<Self> {
        let (plan, limit) = match plan {
            LogicalPlan::Limit(limit) => match (limit.get_skip_type().ok()?, limit.get_fetch_type().ok()?) {
                (SkipType::Literal(0), FetchType::Literal(fetch)) => (limit.input.as_ref(), fetch),
                _ => return None,
            },
            other => (other, None),
        };
        let LogicalPlan::Projection(projection) = plan else { return None };
        let columns: Vec<&str> = projection.expr.iter().map(column_name).collect::<Option<_>>()?;
        let (below, filter) = match projection.input.as_ref() {
            LogicalPlan::Filter(filter) => (filter.input.as_ref(), Some(&filter.predicate)),
            other => (other, None),
        };
        let scan = table_scan(below)?;
        let provider = source_as_provider(&scan.source).ok()?;
        let table = Arc::new(provider.downcast_ref::<HatsTable>()?.clone());
        let schema = table.catalog_schema();
        let projection = columns.into_iter().map(|name| schema.index_of(name).ok()).collect::<Option<_>>()?;
        let filters: Vec<Expr> =
            filter.into_iter().flat_map(split_conjunction).map(unqualified).collect::<Option<_>>()?;
        if filters.iter().any(needs_optimizer) {
            return None;
        }
        Some(Self { table, projection, filters, limit })
    }

    /// The operator for given values and a cut, or `None` where a filter is not one that the scan takes.
    pub(crate) fn bind(
        &self,
        state: &SessionState,
        values: Option<&ParamValues>,
        cut: Option<usize>,
    ) -> Result<Option<Arc<dyn ExecutionPlan>>> {
        let filters = match values {
            None => self.filters.clone(),
            Some(values) => {
                self.filters.iter().map(|filter| with_values(filter, values)).collect::<Result<Vec<_>>>()?
            }
        };
        if !filters.iter().all(|filter| self.table.takes(filter)) {
            return Ok(None);
        }
        let limit = [self.limit, cut].into_iter().flatten().min();
        let scan = self.table.plan_scan(state, Some(&self.projection), &filters, limit)?;
        let scan: Arc<dyn ExecutionPlan> = Arc::new(scan);
        if limit.is_none() || scan.properties().output_partitioning().partition_count() == 1 {
            return Ok(Some(scan));
        }
        Ok(Some(Arc::new(GlobalLimitExec::new(Arc::new(MergeExec::new(scan, true)), 0, limit))))
    }
}

/// Whether a filter calls a function that is not ours: some of DataFusion's exist only to be written out by its optimizer.
fn needs_optimizer(filter: &Expr) -> bool {
    let foreign = |expr: &Expr| Ok(matches!(expr, Expr::ScalarFunction(_)) && !is_spatial(expr));
    filter.exists(foreign).unwrap_or(true)
}

/// The column behind an output expression that only renames.
fn column_name(expr: &Expr) -> Option<&str> {
    match expr {
        Expr::Column(column) => Some(&column.name),
        Expr::Alias(alias) => column_name(&alias.expr),
        _ => None,
    }
}

fn table_scan(plan: &LogicalPlan) -> Option<&TableScan> {
    match plan {
        LogicalPlan::SubqueryAlias(alias) => table_scan(&alias.input),
        LogicalPlan::TableScan(scan)
            if scan.projection.is_none() && scan.filters.is_empty() && scan.fetch.is_none() =>
        {
            Some(scan)
        }
        _ => None,
    }
}

fn unqualified(filter: &Expr) -> Option<Expr> {
    let bare = filter.clone().transform(|node| {
        Ok(match node {
            Expr::Column(column) => Transformed::yes(Expr::Column(column.name.into())),
            other => Transformed::no(other),
        })
    });
    bare.ok().map(|bare| bare.data)
}

fn with_values(filter: &Expr, values: &ParamValues) -> Result<Expr> {
    let bound = filter.clone().transform(|node| match &node {
        Expr::Placeholder(placeholder) => {
            let value = values.get_placeholders_with_values(&placeholder.id)?;
            Ok(Transformed::yes(Expr::Literal(value.value, value.metadata)))
        }
        _ => Ok(Transformed::no(node)),
    })?;
    Ok(bound.data)
}
