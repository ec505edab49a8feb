//! Which operators would keep a thread, or more memory than they say, and what stands in their place?
//!
//! A query is stopped, and its neighbours get their turn, only where an operator gives way. DataFusion's scans and exchanges
//! do; a join may make millions of rows of one batch without asking for another, and a window over whole partitions
//! reads all its input, reserves nothing, and works on it in one go.

mod join_filter;
mod window;

use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::config::ConfigOptions;
use datafusion::error::Result;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::coop::CooperativeExec;
use datafusion::physical_plan::execution_plan::SchedulingType;
use datafusion::physical_plan::joins::HashJoinExec;
use datafusion::physical_plan::windows::WindowAggExec;

use window::PiecewiseWindowExec;

/// Lets every operator give way.
///
/// *Guarantee*: rows and their order stay as they are.
#[derive(Debug)]
pub(crate) struct GiveWay;

impl PhysicalOptimizerRule for GiveWay {
    fn optimize(&self, plan: Arc<dyn ExecutionPlan>, _: &ConfigOptions) -> Result<Arc<dyn ExecutionPlan>> {
        plan.transform_up(give_way).map(|changed| changed.data)
    }

    fn name(&self) -> &'static str {
        "give_way"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

fn give_way(node: Arc<dyn ExecutionPlan>) -> Result<Transformed<Arc<dyn ExecutionPlan>>> {
    if let Some(join) = node.downcast_ref::<HashJoinExec>()
        && let Some(filtered) = join_filter::above(join)?
    {
        return Ok(Transformed::yes(filtered));
    }
    if node.downcast_ref::<WindowAggExec>().is_some() {
        return Ok(Transformed::yes(Arc::new(PiecewiseWindowExec::new(node))));
    }
    let keeps_going = node.children().len() > 1 && node.properties().scheduling_type != SchedulingType::Cooperative;
    if keeps_going {
        return Ok(Transformed::yes(Arc::new(CooperativeExec::new(node))));
    }
    Ok(Transformed::no(node))
}
