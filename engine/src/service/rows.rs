//! One query for many rows of parameters: `SELECT columns FROM .. WHERE filters`, run once for each, is a join.
//!
//! ```text
//!  Projection                       Projection                     in the order of the rows
//!    Filter: .. $1 .. $2      ->      Sort: row
//!      anything without them            Projection + row
//!                                         Filter: .. rows.$1 .. rows.$2
//!                                           CrossJoin: rows of parameters x anything without them
//! ```
//! The planner makes a crossmatch or a join on ids of that, so that a thousand cones or ids are one pass over a catalog. Where
//! it would compare all pairs, or the query has another form (aggregates, sorting, limits and sub-queries are about one
//! run), there is no such plan and the query is run for each row.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, UInt64Array};
use arrow::datatypes::{DataType, Field, Schema};
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, Result, TableReference};
use datafusion::datasource::{MemTable, provider_as_source};
use datafusion::execution::SessionState;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::joins::{CrossJoinExec, NestedLoopJoinExec};

use crate::crossmatch::CrossmatchExec;

/// The table of the rows of parameters.
const ROWS: &str = "__rows";
/// Its column of their numbers.
const NUMBER: &str = "__row";

/// The plan that answers all rows of parameters, one after the other; `None` where there is none that is better than a run
/// for each.
///
/// *Shapes*: a column for each parameter, in order.
pub(super) async fn joined(
    state: &SessionState,
    plan: &LogicalPlan,
    rows: &RecordBatch,
) -> Result<Option<LogicalPlan>> {
    let Some(parts) = Parts::of(plan)? else { return Ok(None) };
    let joined = parts.joined(rows)?;
    let physical = state.create_physical_plan(&joined).await?;
    Ok((!compares_all_pairs(&physical)?).then_some(joined))
}

/// A plan taken apart.
struct Parts<'a> {
    outputs: &'a [Expr],
    filters: Vec<&'a Expr>,
    /// What has no parameters.
    base: &'a LogicalPlan,
}

impl<'a> Parts<'a> {
    fn of(plan: &'a LogicalPlan) -> Result<Option<Self>> {
        let LogicalPlan::Projection(projection) = plan else { return Ok(None) };
        let (mut base, mut filters) = (projection.input.as_ref(), Vec::new());
        while let LogicalPlan::Filter(filter) = base {
            filters.push(&filter.predicate);
            base = filter.input.as_ref();
        }
        let outputs = &projection.expr[..];
        let is_about_one_run =
            |expr: &&Expr| expr.is_volatile() || expr.exists(|node| Ok(is_query(node))).unwrap_or(true);
        let has_other_form = outputs.iter().chain(filters.iter().copied()).any(|expr| is_about_one_run(&expr))
            || !is_row_by_row(base)?
            || has_parameters(base)?;
        Ok((!has_other_form && !filters.is_empty()).then_some(Self { outputs, filters, base }))
    }

    fn joined(&self, rows: &RecordBatch) -> Result<LogicalPlan> {
        let table = provider_as_source(Arc::new(numbered(rows)?));
        let number = || Expr::Column(Column::new(Some(TableReference::bare(ROWS)), NUMBER));
        let mut plan = LogicalPlanBuilder::scan(ROWS, table, None)?.cross_join(self.base.clone())?;
        for filter in self.filters.iter().rev() {
            plan = plan.filter(of_row((*filter).clone())?)?;
        }
        let mut outputs = Vec::with_capacity(self.outputs.len() + 1);
        for output in self.outputs {
            // The name of what was computed from `$1` stays.
            let name = output.schema_name().to_string();
            outputs.push(match of_row(output.clone())? {
                same if same == *output => same,
                of_row => of_row.unalias().alias(name),
            });
        }
        outputs.push(number());
        let plan = plan.project(outputs)?.sort([number().sort(true, true)])?;
        let columns = plan.schema().columns();
        let without = columns.into_iter().filter(|column| column.name != NUMBER).map(Expr::Column);
        plan.project(without.collect::<Vec<_>>())?.build()
    }
}

/// Whether each row of a plan comes of its own, so that it does not matter how often it is asked.
fn is_row_by_row(plan: &LogicalPlan) -> Result<bool> {
    let mut is_simple = true;
    plan.apply(|node| {
        is_simple &= matches!(
            node,
            LogicalPlan::Projection(_)
                | LogicalPlan::Filter(_)
                | LogicalPlan::SubqueryAlias(_)
                | LogicalPlan::TableScan(_)
                | LogicalPlan::Join(_)
        ) && node
            .expressions()
            .iter()
            .all(|expr| !expr.is_volatile() && !expr.exists(|node| Ok(is_query(node))).unwrap_or(true));
        Ok(if is_simple { TreeNodeRecursion::Continue } else { TreeNodeRecursion::Stop })
    })?;
    Ok(is_simple)
}

fn is_query(expr: &Expr) -> bool {
    matches!(
        expr,
        Expr::ScalarSubquery(_)
            | Expr::Exists(_)
            | Expr::InSubquery(_)
            | Expr::SetComparison(_)
            | Expr::OuterReferenceColumn(..)
    )
}

fn has_parameters(plan: &LogicalPlan) -> Result<bool> {
    let mut found = false;
    plan.apply_with_subqueries(|node| {
        for expr in node.expressions() {
            found |= expr.exists(|node| Ok(matches!(node, Expr::Placeholder(_))))?;
        }
        Ok(if found { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    })?;
    Ok(found)
}

/// An expression about the row of parameters in place of the parameters.
fn of_row(expr: Expr) -> Result<Expr> {
    let changed = expr.transform_up(|node| {
        Ok(match node {
            Expr::Placeholder(placeholder) => {
                Transformed::yes(Expr::Column(Column::new(Some(TableReference::bare(ROWS)), placeholder.id)))
            }
            other => Transformed::no(other),
        })
    });
    Ok(changed?.data)
}

/// The rows as a table: a column `$1`, `$2`, .. for each parameter, and their numbers.
fn numbered(rows: &RecordBatch) -> Result<MemTable> {
    let count = rows.num_rows() as u64;
    let mut fields: Vec<Field> = Vec::with_capacity(rows.num_columns() + 1);
    for (number, field) in rows.schema().fields().iter().enumerate() {
        fields.push(Field::new(format!("${}", number + 1), field.data_type().clone(), true));
    }
    fields.push(Field::new(NUMBER, DataType::UInt64, false));
    let mut columns = rows.columns().to_vec();
    columns.push(Arc::new(UInt64Array::from_iter_values(0..count)) as ArrayRef);
    let schema = Arc::new(Schema::new(fields));
    MemTable::try_new(Arc::clone(&schema), vec![vec![RecordBatch::try_new(schema, columns)?]])
}

fn compares_all_pairs(plan: &Arc<dyn ExecutionPlan>) -> Result<bool> {
    let mut found = false;
    plan.apply(|node| {
        found |= node.is::<NestedLoopJoinExec>()
            || node.is::<CrossJoinExec>()
            || node.downcast_ref::<CrossmatchExec>().is_some_and(CrossmatchExec::compares_all_pairs);
        Ok(if found { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    })?;
    Ok(found)
}
