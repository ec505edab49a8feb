//! In which order do the rows of several partitions come together?
//!
//! ```text
//!  CoalescePartitionsExec      as they come: whichever thread was faster
//!  MergeExec                   a batch of each in turn; below a limit, one partition after the other
//! ```
//! So the order of an answer, and which rows a limit keeps, do not depend on the time that threads took.
//!
//! [`is_one_by_one`] and [`settle`] make more of a query that names a snapshot: its rows, their order and the last bit of its sums
//! are the same at every run, on machines with any number of cores.

mod exec;

use std::sync::Arc;

use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::config::ConfigOptions;
use datafusion::error::Result;
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::coalesce_partitions::CoalescePartitionsExec;
use datafusion::physical_plan::filter::FilterExec;
use datafusion::physical_plan::limit::{GlobalLimitExec, LocalLimitExec};
use datafusion::physical_plan::projection::ProjectionExec;
use datafusion::physical_plan::{ExecutionPlan, replace_children_if_necessary};

pub(crate) use exec::MergeExec;

/// Partitions of a query that names a snapshot, wherever it runs: what is added up in each must not depend on the machine.
const PARTITIONS: usize = 8;

/// Brings partitions together in an order that does not depend on time.
///
/// *Guarantee*: the same rows.
#[derive(Debug)]
pub(crate) struct MergeInTurn;

impl PhysicalOptimizerRule for MergeInTurn {
    fn optimize(&self, plan: Arc<dyn ExecutionPlan>, _: &ConfigOptions) -> Result<Arc<dyn ExecutionPlan>> {
        merged(plan, false)
    }

    fn name(&self) -> &'static str {
        "merge_in_turn"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

/// Puts [`MergeExec`]s into a plan of which only some rows are wanted, or all.
fn merged(plan: Arc<dyn ExecutionPlan>, limited: bool) -> Result<Arc<dyn ExecutionPlan>> {
    let coalesce = plan.downcast_ref::<CoalescePartitionsExec>().map(|coalesce| coalesce.fetch());
    let is_limit = plan.is::<GlobalLimitExec>() || plan.is::<LocalLimitExec>() || coalesce.flatten().is_some();
    let hands_on = plan.is::<ProjectionExec>() || plan.is::<FilterExec>() || coalesce.is_some();
    let limited = (limited && hands_on) || is_limit;
    let children = plan.children().into_iter().map(|child| merged(Arc::clone(child), limited));
    let children = children.collect::<Result<Vec<_>>>()?;
    if let (Some(rows), [input]) = (coalesce, &children[..]) {
        return Ok(Arc::new(MergeExec::new(Arc::clone(input), limited).with_rows(rows)));
    }
    replace_children_if_necessary(plan, children)
}

/// Whether a plan must run in one partition to be the same at every run: what joins tells who has ended last.
pub(crate) fn is_one_by_one(plan: &LogicalPlan) -> Result<bool> {
    let mut found = false;
    plan.apply_with_subqueries(|node| {
        found |= node.inputs().len() > 1 || matches!(node, LogicalPlan::Subquery(_));
        Ok(if found { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    })?;
    Ok(found)
}

/// Settings under which nothing is dealt out among threads but what the catalogs are read in.
pub(crate) fn settle(options: &mut ConfigOptions, one_by_one: bool) {
    options.execution.target_partitions = if one_by_one { 1 } else { PARTITIONS };
    let optimizer = &mut options.optimizer;
    // What one thread finds out, and others skip, depends on time.
    optimizer.enable_dynamic_filter_pushdown = false;
    optimizer.enable_topk_dynamic_filter_pushdown = false;
    optimizer.enable_join_dynamic_filter_pushdown = false;
    optimizer.enable_aggregate_dynamic_filter_pushdown = false;
    optimizer.enable_round_robin_repartition = false;
    optimizer.repartition_aggregations = false;
    optimizer.repartition_joins = false;
    optimizer.repartition_sorts = false;
    optimizer.repartition_windows = false;
}
