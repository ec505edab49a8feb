//! Which joins of a plan are crossmatches?
//!
//! Runs once, after the optimizer: filters have reached their joins by then, and columns that nobody reads are gone. A
//! join on equal columns stays a hash join, whose condition is checked pair by pair. Any other join becomes a crossmatch of
//! all pairs: unlike DataFusion's nested loop it gives way to others as it goes, so that it can be stopped.

use datafusion::common::tree_node::{Transformed, TransformedResult};
use datafusion::common::{DFSchema, Result, ScalarValue};
use datafusion::logical_expr::utils::split_conjunction;
use datafusion::logical_expr::{Expr, ExprSchemable, Extension, Join, LogicalPlan};
use std::sync::Arc;

use super::node::{CrossmatchNode, Near, belongs};
use crate::functions::{GeometryKind, NearEnd, Nearness, near};

/// Turns every join but those on equal columns into a crossmatch.
pub(super) fn recognise_crossmatches(plan: LogicalPlan) -> Result<LogicalPlan> {
    plan.transform_up_with_subqueries(|node| match node {
        LogicalPlan::Join(join) => Ok(match crossmatch(&join)? {
            Some(node) => Transformed::yes(LogicalPlan::Extension(Extension { node: Arc::new(node) })),
            None => Transformed::no(LogicalPlan::Join(join)),
        }),
        other => Ok(Transformed::no(other)),
    })
    .data()
}

fn crossmatch(join: &Join) -> Result<Option<CrossmatchNode>> {
    if !join.on.is_empty() || join.null_aware {
        return Ok(None);
    }
    let (left, right) = (join.left.schema(), join.right.schema());
    let near = nearness(join.filter.as_ref(), left, right);
    let inputs = (join.left.as_ref().clone(), join.right.as_ref().clone());
    CrossmatchNode::try_new(inputs, join.join_type, near, join.filter.clone()).map(Some)
}

/// The narrowest of the parts of a condition that say that two positions are near; else why there is none.
pub(super) fn nearness(filter: Option<&Expr>, left: &DFSchema, right: &DFSchema) -> Result<Near, &'static str> {
    let parts: Vec<Nearness> = filter.into_iter().flat_map(split_conjunction).flat_map(near).collect();
    let assigned = parts.iter().filter_map(|nearness| Near::assign(nearness, left, right));
    let sound = assigned.filter(|near| is_position(&near.left, left) && is_position(&near.right, right));
    let width = |near: &Near| match &near.radius {
        Expr::Literal(ScalarValue::Float64(Some(radius)), _) if !radius.is_nan() => *radius,
        Expr::Literal(..) => f64::INFINITY,
        radius if belongs(radius, left) || belongs(radius, right) => f64::MAX / 2.0,
        _ => f64::MAX,
    };
    sound.min_by(|a, b| width(a).total_cmp(&width(b))).ok_or_else(|| {
        if parts.is_empty() {
            return "nothing says that two positions are near each other";
        }
        let placed = |nearness: &Nearness| Near::ends(nearness, left, right).is_some();
        if parts.iter().any(placed) {
            "the radius depends on both sides in a way that has no known bound"
        } else {
            "no distance is between a position of one side and one of the other"
        }
    })
}

/// Whether an end is what it must be: two numbers, or a point.
pub(super) fn is_position(end: &NearEnd, side: &DFSchema) -> bool {
    match end {
        NearEnd::Numbers(..) => true,
        NearEnd::Point(point) => {
            point.to_field(side).is_ok_and(|(_, field)| GeometryKind::of(&field) == Some(GeometryKind::Point))
        }
    }
}
