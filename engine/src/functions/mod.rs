//! Which SQL functions are ours, and what do they tell the optimizer?

mod adql_mod;
mod arguments;
mod arrays;
mod bounded;
mod builtins;
mod catalogue;
mod checked;
mod comparison;
mod constant;
mod documentation;
mod extremes;
mod form;
mod geometry_type;
mod hash_fraction;
mod moc_agg;
mod moc_array;
mod moc_set;
mod motion;
mod near;
mod one_nan;
mod percentile;
mod positions;
mod predicate;
mod prepared;
mod rewrite;
mod row_function;
mod sky_area;
mod sky_box;
mod sky_centroid;
mod sky_circle;
mod sky_contains;
mod sky_coord1;
mod sky_coord2;
mod sky_coordsys;
mod sky_distance;
mod sky_ellipse;
mod sky_intersects;
mod sky_moc;
mod sky_point;
mod sky_polygon;
mod sky_region;
mod spatial;
mod sum;
#[cfg(test)]
mod tester;
mod text_concat;
mod wider;

#[cfg(test)]
mod bounds_tests;
#[cfg(test)]
mod documentation_tests;
#[cfg(test)]
mod geometry_tests;

use std::sync::Arc;

use datafusion::logical_expr::planner::ExprPlanner;
use datafusion::logical_expr::{AggregateUDF, Expr, ScalarUDF};
use datafusion::optimizer::AnalyzerRule;

pub(crate) use builtins::{Builtins, allowed_builtins};
pub(crate) use extremes::Extreme;
pub(crate) use geometry_type::{GeometryArray, GeometryKind, is_position, reduced_longitude};
pub use moc_array::moc_text;
pub(crate) use near::{NearEnd, Nearness, near};
pub(crate) use one_nan::{one_nan, without_one_nan};
pub(crate) use predicate::recognise;
use spatial::{SpatialFunction, SpatialUdf};

/// Whether an expression calls a spatial function.
pub(crate) fn is_spatial(expr: &Expr) -> bool {
    SpatialUdf::call(expr).is_some()
}

/// The spatial functions.
fn spatial() -> Vec<Arc<dyn SpatialFunction>> {
    vec![
        Arc::new(moc_set::MocSetFunction::Intersection),
        Arc::new(moc_set::MocSetFunction::Union),
        Arc::new(sky_area::SkyAreaFunction),
        Arc::new(sky_box::SkyBoxFunction),
        Arc::new(sky_centroid::SkyCentroidFunction),
        Arc::new(sky_circle::SkyCircleFunction),
        Arc::new(sky_contains::SkyContainsFunction),
        Arc::new(sky_coord1::SkyCoord1Function),
        Arc::new(sky_coord2::SkyCoord2Function),
        Arc::new(sky_coordsys::SkyCoordsysFunction),
        Arc::new(sky_distance::SkyDistanceFunction),
        Arc::new(sky_ellipse::SkyEllipseFunction),
        Arc::new(sky_intersects::SkyIntersectsFunction),
        Arc::new(sky_moc::SkyMocFunction),
        Arc::new(sky_point::SkyPointFunction),
        Arc::new(sky_polygon::SkyPolygonFunction),
        Arc::new(sky_region::SkyRegionFunction),
    ]
}

/// Every scalar function of ours that the language calls, to be registered with a session.
pub(crate) fn all() -> Vec<Arc<ScalarUDF>> {
    let spatial = spatial().into_iter().map(|function| SpatialUdf::new(function).into());
    let modulo = Arc::new(ScalarUDF::new_from_impl(adql_mod::Modulo::new()));
    spatial.chain([modulo, hash_fraction::HashFraction::udf()]).chain(arrays::all()).chain(catalogue::all()).collect()
}

/// Every aggregate of ours that DataFusion has not.
pub(crate) fn aggregates() -> Vec<Arc<AggregateUDF>> {
    let ours = [
        Arc::new(AggregateUDF::new_from_impl(moc_agg::MocAggregate::new())),
        Arc::new(AggregateUDF::new_from_impl(percentile::Percentile::new())),
    ];
    ours.into_iter().chain(catalogue::aggregates()).collect()
}

/// The analyzer rules that keep arithmetic and texts in bounds, in order; they come after type coercion.
pub(crate) fn analyzer_rules() -> Vec<Arc<dyn AnalyzerRule + Send + Sync>> {
    vec![Arc::new(checked::CheckIntegerOverflow), Arc::new(bounded::BoundTextSize), Arc::new(one_nan::KeepOneNan)]
}

/// What decides on types before they are settled.
pub(crate) fn expr_planners() -> Vec<Arc<dyn ExprPlanner>> {
    vec![Arc::new(arrays::PlanArrays), Arc::new(wider::WidenFloats)]
}
