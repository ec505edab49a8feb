//! How does a join on ids spare its larger side?
//!
//! ```text
//!  HashJoinExec: truth = source_id            HashJoinExec: truth = source_id
//!    RepartitionExec                            RepartitionExec
//!      HatsScanExec: second             ->        TellIdsExec: truth
//!    RepartitionExec                                HatsScanExec: second
//!      HatsScanExec: sky                        RepartitionExec
//!                                                 HatsScanExec: sky, ids of a join=source_id
//! ```
//! A hash join holds its first input before it asks for the second. On the way in, ids are written down, and when the last
//! row has come, told to the scan on the other side: which then reads pages that can hold one of them, finds rows by an
//! index of ids where there is one, and hands out few rows besides those that have a partner.
//!
//! *Guarantee*: rows without a partner are left out only where the join would drop them.

mod tell;

use std::sync::Arc;

use arrow::datatypes::DataType;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{JoinType, NullEquality};
use datafusion::config::ConfigOptions;
use datafusion::error::Result;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::coalesce_partitions::CoalescePartitionsExec;
use datafusion::physical_plan::coop::CooperativeExec;
use datafusion::physical_plan::execution_plan::{ChildrenPropertiesMode, ReplaceChildrenOptions};
use datafusion::physical_plan::filter::FilterExec;
use datafusion::physical_plan::joins::HashJoinExec;
use datafusion::physical_plan::projection::ProjectionExec;
use datafusion::physical_plan::repartition::RepartitionExec;

use crate::scan::{HatsScanExec, WantedIds};
use tell::TellIdsExec;

/// Tells scans the ids that joins ask for; goes last, when plans are distributed.
#[derive(Debug)]
pub(crate) struct TellIds;

impl PhysicalOptimizerRule for TellIds {
    fn optimize(&self, plan: Arc<dyn ExecutionPlan>, _: &ConfigOptions) -> Result<Arc<dyn ExecutionPlan>> {
        plan.transform_up(|node| {
            Ok(match told(&node)? {
                Some(told) => Transformed::yes(told),
                None => Transformed::no(node),
            })
        })
        .map(|changed| changed.data)
    }

    fn name(&self) -> &'static str {
        "tell_ids"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

/// The same join, whose first input tells the scan in the second.
fn told(node: &Arc<dyn ExecutionPlan>) -> Result<Option<Arc<dyn ExecutionPlan>>> {
    let Some(join) = node.downcast_ref::<HashJoinExec>() else { return Ok(None) };
    use JoinType::{Inner, Left, LeftAnti, LeftMark, LeftSemi, RightSemi};
    let drops = matches!(join.join_type(), Inner | Left | LeftAnti | LeftMark | LeftSemi | RightSemi);
    // `NOT IN` asks of its second input whether it has nulls, and whether it has rows at all.
    if !drops || join.null_aware || join.null_equality() != NullEquality::NullEqualsNothing {
        return Ok(None);
    }
    for (first, second) in join.on() {
        let Some(column) = second.downcast_ref::<Column>() else { continue };
        let ids = Arc::new(WantedIds::default());
        let Some((asked, rows)) = asked(join.right(), column.index(), &ids)? else { continue };
        if let Some(telling) = telling(join.left(), first, (&ids, rows))? {
            return Ok(Some(with_children(node, vec![telling, asked])?));
        }
    }
    Ok(None)
}

/// A plan whose scan is told ids, and how many rows that has, where it is known.
type Asked = (Arc<dyn ExecutionPlan>, Option<usize>);

/// A plan whose scan leaves out rows that have none of the ids in a column.
fn asked(plan: &Arc<dyn ExecutionPlan>, column: usize, ids: &Arc<WantedIds>) -> Result<Option<Asked>> {
    if !is_whole(plan.schema().field(column).data_type()) {
        return Ok(None);
    }
    if let Some(scan) = plan.downcast_ref::<HatsScanExec>() {
        return Ok(scan.asked_for(column, ids).map(|asked| (Arc::new(asked) as _, scan.estimated_rows())));
    }
    let column = match (plan.downcast_ref::<ProjectionExec>(), plan.downcast_ref::<FilterExec>()) {
        (Some(projection), _) => projection.expr()[column].expr.downcast_ref::<Column>().map(Column::index),
        (_, Some(filter)) => {
            let kept = filter.projection().as_ref().map_or(column, |kept| kept[column]);
            filter.fetch().is_none().then_some(kept)
        }
        _ => passes(plan).then_some(column),
    };
    let below = plan.children();
    let (Some(column), [below]) = (column, below.as_slice()) else { return Ok(None) };
    let Some((asked, rows)) = asked(below, column, ids)? else { return Ok(None) };
    Ok(Some((with_children(plan, vec![asked])?, rows)))
}

/// A plan that tells the ids of its rows before the first of them is handed out by an exchange at its top.
fn telling(
    plan: &Arc<dyn ExecutionPlan>,
    id: &Arc<dyn PhysicalExpr>,
    told: (&Arc<WantedIds>, Option<usize>),
) -> Result<Option<Arc<dyn ExecutionPlan>>> {
    if !is_whole(&id.data_type(&plan.schema())?) {
        return Ok(None);
    }
    match plan.children().as_slice() {
        [below] if passes(plan) => {
            let Some(telling) = telling(below, id, told)? else { return Ok(None) };
            with_children(plan, vec![telling]).map(Some)
        }
        _ => Ok(Some(Arc::new(TellIdsExec::new(Arc::clone(plan), Arc::clone(id), told)))),
    }
}

/// Whether a plan hands on the rows of its only input as they are, all of them.
fn passes(plan: &Arc<dyn ExecutionPlan>) -> bool {
    let is_exchange =
        plan.is::<RepartitionExec>() || plan.is::<CoalescePartitionsExec>() || plan.is::<CooperativeExec>();
    is_exchange && plan.fetch().is_none()
}

/// Whether values are whole numbers that fit in 64 bits with a sign.
fn is_whole(kind: &DataType) -> bool {
    kind.is_signed_integer() || matches!(kind, DataType::UInt8 | DataType::UInt16 | DataType::UInt32)
}

fn with_children(
    plan: &Arc<dyn ExecutionPlan>,
    children: Vec<Arc<dyn ExecutionPlan>>,
) -> Result<Arc<dyn ExecutionPlan>> {
    let options = ReplaceChildrenOptions::new(ChildrenPropertiesMode::Recompute);
    Arc::clone(plan).replace_children(children, options)
}
