//! How is a catalog, which is sorted by position, grouped by cells of the sky without a hash table?
//!
//! ```text
//!  AggregateExec: final, by cell
//!    AggregateExec: partial, by cell         ->   RunGroupsExec: by cell
//!      HatsScanExec                                 HatsScanExec
//! ```
//! Rows of one cell follow each other, so each group is complete when the next begins: the rows of a density map leave
//! while the scan goes on, and memory does not grow with their number. What is grouped by may be the key, a coarser
//! cell by division or shift of the key, or `ivo_healpix_index` of the position that the key was made of.
//!
//! Only catalogs that this program wrote are trusted to be sorted, and the trust is verified: a group that comes back
//! is an error. Of other catalogs, and of regions, runs become partial states, and a group may come back:
//!
//! ```text
//!  AggregateExec: final, by cell                  AggregateExec: final, by cell
//!    AggregateExec: partial, by cell       ->       RunGroupsExec: partial, by cell
//!      HatsScanExec                                   HatsScanExec
//! ```

mod by_run;
mod exec;
mod follows;
mod key_runs;
mod walk;

use std::collections::HashSet;
use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::config::ConfigOptions;
use datafusion::error::Result;
use datafusion::physical_expr::utils::collect_columns;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::aggregates::{AggregateExec, AggregateMode};

use exec::RunGroupsExec;
use follows::follow;

/// Groups sorted scans run by run; goes before the rules that distribute a plan.
#[derive(Debug)]
pub(crate) struct GroupByRuns;

impl PhysicalOptimizerRule for GroupByRuns {
    fn optimize(&self, plan: Arc<dyn ExecutionPlan>, _: &ConfigOptions) -> Result<Arc<dyn ExecutionPlan>> {
        let changed = plan.transform_down(|node| {
            Ok(match by_runs(&node)? {
                Some(grouped) => Transformed::yes(grouped),
                None => Transformed::no(node),
            })
        });
        changed.map(|changed| changed.data)
    }

    fn name(&self) -> &'static str {
        "group_by_runs"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

/// The same grouping over a sorted scan, `None` where it is another.
fn by_runs(node: &Arc<dyn ExecutionPlan>) -> Result<Option<Arc<dyn ExecutionPlan>>> {
    let Some(outer) = node.downcast_ref::<AggregateExec>() else { return Ok(None) };
    let first = match outer.mode() {
        AggregateMode::Single | AggregateMode::SinglePartitioned | AggregateMode::Partial => Some(outer),
        AggregateMode::Final | AggregateMode::FinalPartitioned => {
            outer.input().downcast_ref::<AggregateExec>().filter(|inner| *inner.mode() == AggregateMode::Partial)
        }
        _ => None,
    };
    let partial = *outer.mode() == AggregateMode::Partial;
    let Some(first) = first.filter(|first| is_plain(outer) && is_plain(first)) else { return Ok(None) };
    let [(group, _)] = first.group_expr().expr() else { return Ok(None) };
    let followed = follow(group, first.input(), &columns_of_aggregates(first));
    let Some(followed) = followed.filter(|followed| followed.in_order || partial) else { return Ok(None) };
    Ok(Some(Arc::new(RunGroupsExec::new(first, followed, node.schema())?)))
}

/// The columns of the input that aggregates and their filters read.
fn columns_of_aggregates(aggregate: &AggregateExec) -> HashSet<usize> {
    let functions = aggregate.aggr_expr().iter().flat_map(|one| one.expressions());
    let filters = aggregate.filter_expr().iter().flatten().cloned();
    functions.chain(filters).flat_map(|expr| collect_columns(&expr)).map(|column| column.index()).collect()
}

/// Whether groups and aggregates are ones that need no state but that of each group.
fn is_plain(aggregate: &AggregateExec) -> bool {
    let groups = aggregate.group_expr();
    let functions =
        aggregate.aggr_expr().iter().all(|one| one.groups_accumulator_supported() && one.order_bys().is_empty());
    groups.is_single() && groups.expr().len() == 1 && aggregate.limit_options().is_none() && functions
}
