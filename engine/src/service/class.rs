//! Is a query answered in moments, or does it read much? Told by its plan, before it runs.
//!
//! The same line parts queries that wait for others from those that never do.

use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::joins::{CrossJoinExec, NestedLoopJoinExec};
use datafusion::physical_plan::statistics::{StatisticsArgs, StatisticsContext};

use super::estimate::rows_read;
use crate::crossmatch::CrossmatchExec;

/// Pairs that a join of all pairs may compare for each row that a small query may read.
const PAIRS_A_ROW: f64 = 100.0;

/// How heavy a query is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum QueryClass {
    /// Reads little: somebody waits for the answer.
    Interactive,
    /// Reads much, or compares all pairs of two tables.
    Scan,
}

impl QueryClass {
    /// The name in logs and metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Interactive => "interactive",
            Self::Scan => "scan",
        }
    }

    /// Of a plan: a scan is what reads more than so many rows of catalogs, or an unknown number.
    pub(super) fn of(plan: &dyn ExecutionPlan, few_rows: usize) -> Self {
        let few = few_rows as f64;
        let reads_little = rows_read(plan).is_some_and(|rows| rows <= few);
        if reads_little && pairs(plan) <= few * PAIRS_A_ROW { Self::Interactive } else { Self::Scan }
    }
}

/// Pairs of rows that joins without a better plan compare.
fn pairs(plan: &dyn ExecutionPlan) -> f64 {
    let children = plan.children();
    let below: f64 = children.iter().map(|child| pairs(child.as_ref())).sum();
    let is_ours = plan.downcast_ref::<CrossmatchExec>().is_some_and(CrossmatchExec::compares_all_pairs);
    let is_nested =
        plan.downcast_ref::<NestedLoopJoinExec>().is_some() || plan.downcast_ref::<CrossJoinExec>().is_some();
    if !is_ours && !is_nested {
        return below;
    }
    let rows = |child: &dyn ExecutionPlan| {
        let statistics = StatisticsContext::new().compute(child, &StatisticsArgs::new()).ok();
        statistics
            .and_then(|statistics| statistics.num_rows.get_value().copied())
            .map_or(f64::INFINITY, |rows| rows as f64)
    };
    below + children.iter().map(|child| rows(child.as_ref())).product::<f64>()
}
