//! Which aggregates of a whole catalog are known without reading its rows?
//!
//! ```text
//!  AggregateExec: count(*), min(ra), max(ra)         TallyExec: rows, least ra, greatest ra
//!    HatsScanExec, no filter and no limit       ->     AggregateExec: count(*), min(ra), max(ra)
//!                                                        HatsScanExec
//! ```
//! What stood there stays below, and is run where footers do not tell. So whether they do is decided when the query runs, and
//! planning reads nothing.

mod exec;

use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::config::ConfigOptions;
use datafusion::error::Result;
use datafusion::functions_aggregate::count::Count;
use datafusion::physical_expr::aggregate::AggregateFunctionExpr;
use datafusion::physical_expr::expressions::{Column, Literal};
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::aggregates::{AggregateExec, AggregateMode};

use crate::functions::Extreme;
use crate::scan::{HatsScanExec, Tally};
use exec::TallyExec;

/// Answers counts and extremes of whole catalogs by their footers; goes before the rules that distribute a plan.
#[derive(Debug)]
pub(crate) struct AnswerByFooters;

impl PhysicalOptimizerRule for AnswerByFooters {
    fn optimize(&self, plan: Arc<dyn ExecutionPlan>, _: &ConfigOptions) -> Result<Arc<dyn ExecutionPlan>> {
        let changed = plan.transform_up(|node| {
            Ok(match by_footers(&node) {
                Some(answered) => Transformed::yes(answered),
                None => Transformed::no(node),
            })
        });
        changed.map(|changed| changed.data)
    }

    fn name(&self) -> &'static str {
        "answer_by_footers"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

/// The same aggregates by footers, `None` where they are others.
fn by_footers(node: &Arc<dyn ExecutionPlan>) -> Option<Arc<dyn ExecutionPlan>> {
    let outer = node.downcast_ref::<AggregateExec>()?;
    let first = match outer.mode() {
        AggregateMode::Single | AggregateMode::SinglePartitioned => outer,
        AggregateMode::Final | AggregateMode::FinalPartitioned => {
            outer.input().downcast_ref::<AggregateExec>().filter(|inner| *inner.mode() == AggregateMode::Partial)?
        }
        _ => return None,
    };
    let all_rows = first.group_expr().is_empty() && first.filter_expr().iter().all(Option::is_none);
    let scan = first.input().downcast_ref::<HatsScanExec>().filter(|scan| all_rows && scan.is_whole())?;
    let asked: Vec<Tally> = first.aggr_expr().iter().map(|function| tally(function, scan)).collect::<Option<_>>()?;
    (!asked.is_empty()).then(|| Arc::new(TallyExec::new(Arc::clone(node), scan.clone(), asked)) as _)
}

/// What an aggregate asks of all rows.
fn tally(function: &AggregateFunctionExpr, scan: &HatsScanExec) -> Option<Tally> {
    if function.is_distinct() {
        return None;
    }
    let arguments = function.expressions();
    let [argument] = arguments.as_slice() else { return None };
    let kind = function.fun().inner();
    if let Some(literal) = argument.downcast_ref::<Literal>() {
        return (kind.is::<Count>() && !literal.value().is_null()).then_some(Tally::Rows);
    }
    let column = scan.tallied_column(argument.downcast_ref::<Column>()?.index())?.to_owned();
    if kind.is::<Count>() {
        return Some(Tally::Present(column));
    }
    let extreme = kind.downcast_ref::<Extreme>()?;
    Some(if extreme.is_least() { Tally::Least(column) } else { Tally::Greatest(column) })
}
