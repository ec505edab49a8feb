//! Which lateral joins ask for the best few partners of each row?
//!
//! ```text
//!  FROM a LEFT JOIN LATERAL (SELECT .. FROM b WHERE condition on a and b ORDER BY .. LIMIT k) AS x ON true
//! ```
//! DataFusion has no plan for a correlated sub-query with a limit, so this rewriting is always on: a crossmatch that keeps
//! k partners, and a projection that computes what the sub-query selects. Where an outer join finds no partner, what is
//! selected is null, also what is computed from constants or from the other side.

use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, DFSchema, JoinType, Result};
use datafusion::logical_expr::utils::conjunction;
use datafusion::logical_expr::{
    BinaryExpr, Expr, Extension, FetchType, Join, LogicalPlan, LogicalPlanBuilder, Operator, Projection, SkipType,
    SortExpr, Subquery, lit, when,
};
use datafusion::optimizer::{ApplyOrder, OptimizerConfig, OptimizerRule};

use super::joins::nearness;
use super::node::{Best, CrossmatchNode};

/// Column that is not null where a row found a partner.
const PARTNER: &str = "__partner";

/// The rule; it comes before those that take correlation apart.
#[derive(Debug)]
pub(crate) struct NearestInLateral;

impl OptimizerRule for NearestInLateral {
    fn name(&self) -> &'static str {
        "nearest_in_lateral"
    }

    fn apply_order(&self) -> Option<ApplyOrder> {
        // What is lateral within a sub-query is its own affair, and settled first.
        Some(ApplyOrder::BottomUp)
    }

    fn supports_rewrite(&self) -> bool {
        true
    }

    fn rewrite(&self, plan: LogicalPlan, _: &dyn OptimizerConfig) -> Result<Transformed<LogicalPlan>> {
        let LogicalPlan::Join(join) = plan else { return Ok(Transformed::no(plan)) };
        match nearest(&join)? {
            Some(plan) => Ok(Transformed::yes(plan)),
            None => Ok(Transformed::no(LogicalPlan::Join(join))),
        }
    }
}

/// A sub-query taken apart; all expressions are about the columns of `base` and of the outer query.
struct Parts {
    base: LogicalPlan,
    outputs: Vec<Expr>,
    filters: Vec<Expr>,
    order: Option<Vec<SortExpr>>,
    count: usize,
}

impl Parts {
    /// Whether all columns are those of two sides: an outer query may be farther out.
    fn look_at(&self, left: &DFSchema, base: &DFSchema) -> bool {
        let order = self.order.iter().flatten().map(|sort| &sort.expr);
        let mut columns = self.outputs.iter().chain(&self.filters).chain(order).flat_map(Expr::column_refs);
        columns.all(|column| left.is_column_from_schema(column) || base.is_column_from_schema(column))
    }
}

fn nearest(join: &Join) -> Result<Option<LogicalPlan>> {
    if !matches!(join.join_type, JoinType::Inner | JoinType::Left) || !join.on.is_empty() {
        return Ok(None);
    }
    let condition = join.filter.as_ref().filter(|condition| !is_true(condition));
    if condition.is_some() && join.join_type == JoinType::Left {
        return Ok(None);
    }
    let Some(parts) = subquery(&join.right).map(|subquery| take_apart(&subquery.subquery)).transpose()?.flatten()
    else {
        return Ok(None);
    };
    let left = join.left.as_ref().clone();
    if left.schema().join(parts.base.schema()).is_err() || !parts.look_at(left.schema(), parts.base.schema()) {
        return Ok(None);
    }
    let keeps_all = join.join_type == JoinType::Left;
    let computes = parts.outputs.iter().any(|output| !matches!(output, Expr::Column(_)));
    let base = if keeps_all && computes { marked(&parts.base)? } else { parts.base };
    let outputs = parts.outputs.into_iter().zip(join.right.schema().iter()).map(|(output, (qualifier, field))| {
        let value = match output {
            column @ Expr::Column(_) => column,
            computed if keeps_all => {
                when(Expr::Column(Column::new_unqualified(PARTNER)).is_not_null(), computed).end()?
            }
            computed => computed,
        };
        Ok(value.alias_qualified(qualifier.cloned(), field.name()))
    });
    let columns = left.schema().columns().into_iter().map(|column| Ok(Expr::Column(column)));
    let columns = columns.chain(outputs).collect::<Result<Vec<Expr>>>()?;
    let filter = conjunction(parts.filters);
    let near = nearness(filter.as_ref(), left.schema(), base.schema());
    let best = Best { order: parts.order.unwrap_or_else(|| vec![lit(0).sort(true, true)]), count: parts.count };
    let node = CrossmatchNode::try_new((left, base), join.join_type, near, filter)?.with_best(best);
    let pairs = LogicalPlan::Extension(Extension { node: Arc::new(node) });
    let plan = LogicalPlan::Projection(Projection::try_new(columns, Arc::new(pairs))?);
    match condition {
        None => Ok(Some(plan)),
        Some(condition) => LogicalPlanBuilder::from(plan).filter(condition.clone())?.build().map(Some),
    }
}

/// Whether a condition says nothing: `TRUE`, or `1 = 1` in a language without it.
fn is_true(condition: &Expr) -> bool {
    match condition {
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::Eq, right }) => {
            matches!((left.as_ref(), right.as_ref()), (Expr::Literal(left, _), Expr::Literal(right, _)) if left == right && !left.is_null())
        }
        other => *other == lit(true),
    }
}

/// The correlated sub-query of a lateral join.
fn subquery(plan: &LogicalPlan) -> Option<&Subquery> {
    match plan {
        LogicalPlan::Subquery(subquery) => Some(subquery),
        LogicalPlan::SubqueryAlias(alias) => subquery(&alias.input),
        _ => None,
    }
}

/// The base with a column that is never null.
fn marked(base: &LogicalPlan) -> Result<LogicalPlan> {
    let columns = base.schema().columns().into_iter().map(Expr::Column).chain([lit(true).alias(PARTNER)]);
    LogicalPlanBuilder::from(base.clone()).project(columns.collect::<Vec<_>>())?.build()
}

/// Takes limit, order, projections and filters off, down to what does not look at the outer query.
fn take_apart(plan: &LogicalPlan) -> Result<Option<Parts>> {
    let mut outputs: Vec<Expr> = plan.schema().columns().into_iter().map(Expr::Column).collect();
    let (mut filters, mut order, mut count) = (Vec::<Expr>::new(), None::<Vec<SortExpr>>, None);
    let mut at = plan;
    while is_correlated(at)? || count.is_none() {
        at = match at {
            LogicalPlan::Limit(limit) if count.is_none() && order.is_none() && filters.is_empty() => {
                let (SkipType::Literal(0), FetchType::Literal(Some(fetch))) =
                    (limit.get_skip_type()?, limit.get_fetch_type()?)
                else {
                    return Ok(None);
                };
                count = Some(fetch);
                &limit.input
            }
            LogicalPlan::Sort(sort) if order.is_none() && filters.is_empty() && sort.fetch.is_none() => {
                order = Some(sort.expr.clone());
                &sort.input
            }
            LogicalPlan::Projection(projection) => {
                let columns = (projection.schema.as_ref(), projection.expr.as_slice());
                substitute_all(&mut outputs, columns)?;
                substitute_all(&mut filters, columns)?;
                substitute_all(order.iter_mut().flatten().map(|sort| &mut sort.expr), columns)?;
                &projection.input
            }
            LogicalPlan::Filter(filter) => {
                filters.push(filter.predicate.clone());
                &filter.input
            }
            _ => return Ok(None),
        };
    }
    let Some(count) = count else { return Ok(None) };
    outputs.iter_mut().chain(&mut filters).try_for_each(inner)?;
    order.iter_mut().flatten().try_for_each(|sort| inner(&mut sort.expr))?;
    Ok(Some(Parts { base: at.clone(), outputs, filters, order, count }))
}

fn is_correlated(plan: &LogicalPlan) -> Result<bool> {
    let mut found = false;
    plan.apply_with_subqueries(|node| {
        found |= node.contains_outer_reference();
        Ok(if found { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    })?;
    Ok(found)
}

/// Writes columns of a projection as what they are computed from.
fn substitute_all<'a>(
    exprs: impl IntoIterator<Item = &'a mut Expr>,
    (schema, sources): (&DFSchema, &[Expr]),
) -> Result<()> {
    for expr in exprs {
        let replaced = std::mem::take(expr).transform(|node| {
            let Expr::Column(column) = &node else { return Ok(Transformed::no(node)) };
            let source = schema.maybe_index_of_column(column).and_then(|index| sources.get(index));
            Ok(source.map_or_else(
                || Transformed::no(node.clone()),
                |source| Transformed::yes(source.clone().unalias_nested().data),
            ))
        });
        *expr = replaced.data()?;
    }
    Ok(())
}

/// Writes references to the outer query as columns of the left side.
fn inner(expr: &mut Expr) -> Result<()> {
    let replaced = std::mem::take(expr).transform(|node| {
        Ok(match node {
            Expr::OuterReferenceColumn(_, column) => Transformed::yes(Expr::Column(column)),
            other => Transformed::no(other),
        })
    });
    *expr = replaced.data()?;
    Ok(())
}
