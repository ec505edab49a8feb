//! Which scan below the streamed side can skip what lies far from every row in memory?

use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::{CastExpr, Column};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::coalesce_partitions::CoalescePartitionsExec;
use datafusion::physical_plan::coop::CooperativeExec;
use datafusion::physical_plan::filter::FilterExec;
use datafusion::physical_plan::projection::ProjectionExec;
use datafusion::physical_plan::repartition::RepartitionExec;

use super::input::PositionExpr;
use crate::merging::MergeExec;
use crate::scan::{HatsScanExec, Narrowing};

/// The place to tell the scan that a position comes from; `None` where something stands between that needs every row.
pub(super) fn narrowing<'a>(plan: &'a dyn ExecutionPlan, position: &PositionExpr) -> Option<&'a Narrowing> {
    let PositionExpr::Numbers(lon, lat) = position else { return None };
    let (mut lon, mut lat) = (column(lon.as_ref())?, column(lat.as_ref())?);
    let mut at = plan;
    loop {
        if let Some(scan) = at.downcast_ref::<HatsScanExec>() {
            return scan.narrowing(lon, lat);
        }
        if let Some(projection) = at.downcast_ref::<ProjectionExec>() {
            let source = |index: usize| column(projection.expr().get(index)?.expr.as_ref());
            (lon, lat) = (source(lon)?, source(lat)?);
        } else if let Some(filter) = at.downcast_ref::<FilterExec>() {
            if let Some(kept) = filter.projection().as_ref() {
                (lon, lat) = (*kept.get(lon)?, *kept.get(lat)?);
            }
        } else if !(at.is::<CooperativeExec>() || at.is::<RepartitionExec>() || is_merge(at)) {
            return None;
        }
        at = at.children().into_iter().next()?.as_ref();
    }
}

fn is_merge(at: &dyn ExecutionPlan) -> bool {
    at.is::<CoalescePartitionsExec>() || at.is::<MergeExec>()
}

/// The column that an expression is, perhaps widened.
fn column(expr: &dyn PhysicalExpr) -> Option<usize> {
    match expr.downcast_ref::<CastExpr>() {
        Some(cast) => column(cast.expr().as_ref()),
        None => expr.downcast_ref::<Column>().map(Column::index),
    }
}
