//! How does a join by hash give way that rejects most of its pairs?
//!
//! ```text
//! HashJoin on=[a = b], filter=F      goes on by itself until a pair passes F
//! Filter F -> HashJoin on=[a = b]    hands out every pair, and gives way in between
//! ```
//! Inner joins alone: elsewhere the filter decides which rows have no partner.

use std::sync::Arc;

use datafusion::common::JoinSide;
use datafusion::common::JoinType;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::error::Result;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::coop::CooperativeExec;
use datafusion::physical_plan::filter::FilterExecBuilder;
use datafusion::physical_plan::joins::HashJoinExec;
use datafusion::physical_plan::joins::utils::JoinFilter;

/// A join with its filter above it; `None` where it has none, or needs it.
pub(super) fn above(join: &HashJoinExec) -> Result<Option<Arc<dyn ExecutionPlan>>> {
    let (JoinType::Inner, Some(filter), None) = (join.join_type(), join.filter(), join.fetch()) else {
        return Ok(None);
    };
    let predicate = over_both(filter, join.left().schema().fields().len())?;
    let projection = join.projection.as_ref().map(|columns| columns.to_vec());
    let bare = join.builder().with_filter(None).with_projection_ref(None).recompute_properties().build_exec()?;
    let filtered = FilterExecBuilder::new(predicate, Arc::new(CooperativeExec::new(bare)));
    Ok(Some(Arc::new(filtered.apply_projection(projection)?.build()?)))
}

/// The condition of a join over the columns of its left side and then its right.
fn over_both(filter: &JoinFilter, left: usize) -> Result<Arc<dyn PhysicalExpr>> {
    let moved = |node: Arc<dyn PhysicalExpr>| {
        let column = node.downcast_ref::<Column>().and_then(|column| {
            let place = filter.column_indices().get(column.index())?;
            let first = if place.side == JoinSide::Right { left } else { 0 };
            Some(Column::new(column.name(), first + place.index))
        });
        Ok(column.map_or_else(|| Transformed::no(node), |column| Transformed::yes(Arc::new(column) as _)))
    };
    Arc::clone(filter.expression()).transform_up(moved).map(|changed| changed.data)
}
