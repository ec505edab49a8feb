//! Which SQL functions are ours, and what do they tell the optimizer?

mod arguments;
mod constant;
mod documentation;
mod form;
mod geometry_type;
mod positions;
mod predicate;
mod prepared;
mod sky_circle;
mod sky_contains;
mod sky_distance;
mod sky_intersects;
mod sky_point;
mod spatial;

use std::sync::Arc;

use datafusion::logical_expr::ScalarUDF;

pub(crate) use geometry_type::{GeometryKind, XTYPE, is_position};
pub(crate) use predicate::{SpatialPredicate, recognise, separation};
use spatial::{SpatialFunction, SpatialUdf};

/// The spatial functions.
fn spatial() -> Vec<Arc<dyn SpatialFunction>> {
    vec![
        Arc::new(sky_circle::SkyCircleFunction),
        Arc::new(sky_contains::SkyContainsFunction),
        Arc::new(sky_distance::SkyDistanceFunction),
        Arc::new(sky_intersects::SkyIntersectsFunction),
        Arc::new(sky_point::SkyPointFunction),
    ]
}

/// Every scalar function of ours, to be registered with a session.
pub(crate) fn all() -> Vec<Arc<ScalarUDF>> {
    spatial().into_iter().map(|function| SpatialUdf::new(function).into()).collect()
}
