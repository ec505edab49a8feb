//! How does a logical plan with crossmatches become a physical one?

use std::sync::Arc;

use async_trait::async_trait;
use datafusion::catalog::Session;
use datafusion::common::{DFSchema, DataFusionError, JoinSide, Result};
use datafusion::execution::context::QueryPlanner;
use datafusion::logical_expr::physical_planning_context::PhysicalPlanningContext;
use datafusion::logical_expr::{Expr, LogicalPlan, UserDefinedLogicalNode};
use datafusion::physical_expr::expressions::lit;
use datafusion::physical_expr::{PhysicalExpr, PhysicalSortExpr};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_planner::{DefaultPhysicalPlanner, ExtensionPlanner, PhysicalPlanner};

use super::exec::{CrossmatchExec, CrossmatchPlan, PhysicalBest, PhysicalNear};
use super::filter::PairExpr;
use super::input::PositionExpr;
use super::joins::recognise_crossmatches;
use super::node::{CrossmatchNode, belongs};
use super::paired::{Limits, PairedScansExec};
use super::reach::Reach;
use crate::functions::NearEnd;

/// DataFusion's planner, which knows crossmatches as well.
#[derive(Debug)]
pub(crate) struct SkyPlanner {
    /// Whether joins are looked at; off leaves them to the nested loop.
    recognise: bool,
    /// Rows of the smaller of two catalogs from which on they are matched partition by partition.
    many_rows: usize,
}

impl SkyPlanner {
    pub(crate) fn new(recognise: bool, many_rows: usize) -> Self {
        Self { recognise, many_rows }
    }
}

#[async_trait]
impl QueryPlanner for SkyPlanner {
    async fn create_physical_plan(&self, plan: &LogicalPlan, session: &dyn Session) -> Result<Arc<dyn ExecutionPlan>> {
        let planner = DefaultPhysicalPlanner::with_extension_planners(vec![Arc::new(CrossmatchPlanner {
            many_rows: self.many_rows,
        })]);
        if !self.recognise {
            return planner.create_physical_plan(plan, session).await;
        }
        let plan = recognise_crossmatches(plan.clone())?;
        planner.create_physical_plan(&plan, session).await
    }
}

struct CrossmatchPlanner {
    many_rows: usize,
}

#[async_trait]
impl ExtensionPlanner for CrossmatchPlanner {
    async fn plan_extension(
        &self,
        planner: &dyn PhysicalPlanner,
        node: &dyn UserDefinedLogicalNode,
        _: &[&LogicalPlan],
        inputs: &[Arc<dyn ExecutionPlan>],
        session: &dyn Session,
        context: &PhysicalPlanningContext,
    ) -> Result<Option<Arc<dyn ExecutionPlan>>> {
        let Some(node) = node.as_any().downcast_ref::<CrossmatchNode>() else { return Ok(None) };
        let [left, right] = inputs else { return Ok(None) };
        let physical = |expr: &Expr, schema: &DFSchema| planner.create_physical_expr(expr, schema, session, context);
        let (left_schema, right_schema, pairs) = (node.left.schema(), node.right.schema(), node.pair_schema()?);
        let position = |end: &NearEnd, schema: &DFSchema| {
            Ok::<_, DataFusionError>(match end {
                NearEnd::Numbers(lon, lat) => PositionExpr::Numbers(physical(lon, schema)?, physical(lat, schema)?),
                NearEnd::Point(point) => PositionExpr::Point(physical(point, schema)?),
            })
        };
        let near = match &node.near {
            None => None,
            Some(near) => {
                let (left, right) = (position(&near.left, left_schema)?, position(&near.right, right_schema)?);
                let one = |side, schema| Ok::<_, DataFusionError>((physical(&near.radius, schema)?, side, None));
                let (radius, radius_of, reach) = if !near.radius.any_column_refs() {
                    one(JoinSide::None, left_schema)?
                } else if belongs(&near.radius, right_schema) {
                    one(JoinSide::Right, right_schema)?
                } else if belongs(&near.radius, left_schema) {
                    one(JoinSide::Left, left_schema)?
                } else {
                    let mut of_side = |left, part: &Expr| physical(part, if left { left_schema } else { right_schema });
                    let reach = Reach::of(&near.radius, left_schema, right_schema);
                    let reach = reach.map(|reach| reach.map(&mut of_side)).transpose()?;
                    // What bounds nothing, for whoever does not look at the parts.
                    (lit(f64::NAN), JoinSide::None, reach)
                };
                Some(PhysicalNear { left, right, radius, radius_of, reach })
            }
        };
        let width = left_schema.fields().len();
        let pair = |expr: Arc<dyn PhysicalExpr>| PairExpr::try_new(expr, width, pairs.as_arrow());
        let filter = node.filter.as_ref().map(|filter| pair(physical(filter, &pairs)?)).transpose()?;
        let best = match &node.best {
            None => None,
            Some(best) => {
                let sort = |sort: &datafusion::logical_expr::SortExpr| {
                    let options = arrow::compute::SortOptions { descending: !sort.asc, nulls_first: sort.nulls_first };
                    let key = PhysicalSortExpr::new(physical(&sort.expr, &pairs)?, options);
                    Ok((pair(key.expr)?, options))
                };
                let order = best.order.iter().map(sort).collect::<Result<Vec<_>>>()?;
                Some(PhysicalBest { order, count: best.count })
            }
        };
        let plan = CrossmatchPlan { join_type: node.join_type, near, why: node.why, filter, best };
        let limits = Limits { many_rows: self.many_rows, threads: session.config().target_partitions() };
        if let Some(paired) = PairedScansExec::try_new(left, right, &plan, limits) {
            return Ok(Some(Arc::new(paired)));
        }
        Ok(Some(Arc::new(CrossmatchExec::try_new(Arc::clone(left), Arc::clone(right), plan)?)))
    }
}
