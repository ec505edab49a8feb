//! What is recognised must be what is evaluated, row by row.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, AsArray, Float64Array, RecordBatch};
use datafusion::arrow::datatypes::{Field, Schema};
use datafusion::common::{DFSchema, ScalarValue};
use datafusion::logical_expr::execution_props::ExecutionProps;
use datafusion::logical_expr::simplify::SimplifyContext;
use datafusion::logical_expr::{ColumnarValue, cast, col, in_list, lit, not};
use datafusion::optimizer::simplify_expressions::ExprSimplifier;
use datafusion::physical_expr::create_physical_expr;
use proptest::prelude::*;

use super::*;
use crate::functions::all;

/// Positions on which trouble is likely, and what is no position at all.
fn rows() -> Vec<(Option<f64>, Option<f64>)> {
    let mut rows = vec![
        (None, Some(0.0)),
        (Some(0.0), None),
        (None, None),
        (Some(f64::NAN), Some(0.0)),
        (Some(0.0), Some(f64::NAN)),
        (Some(f64::INFINITY), Some(0.0)),
        (Some(0.0), Some(90.000_001)),
        (Some(0.0), Some(-91.0)),
    ];
    for lon in [0.0, -0.0, 1e-300, 10.0, 10.5, 11.0, 180.0, 359.999_999, 360.0, -1e-18, -10.0, 370.0, 730.5] {
        for lat in [0.0, -0.0, 20.0, 20.5, 21.0, 89.999_999, 90.0, -90.0, -45.0] {
            rows.push((Some(lon), Some(lat)));
        }
    }
    rows
}

fn udf(name: &str, args: Vec<Expr>) -> Expr {
    all().iter().find(|udf| udf.name() == name).unwrap().call(args)
}

fn point(lon: Expr, lat: Expr) -> Expr {
    udf("sky_point", vec![lon, lat])
}

fn circle(lon: Expr, lat: Expr, radius: Expr) -> Expr {
    udf("sky_circle", vec![lon, lat, radius])
}

fn row_point() -> Expr {
    point(col("ra"), col("dec"))
}

fn contains(inner: Expr, outer: Expr) -> Expr {
    udf("sky_contains", vec![inner, outer])
}

fn distance(lon: f64, lat: f64) -> Expr {
    udf("sky_distance", vec![row_point(), point(lit(lon), lit(lat))])
}

fn schema() -> Arc<DFSchema> {
    let number = |name| Field::new(name, DataType::Float64, true);
    Arc::new(DFSchema::try_from(Schema::new(vec![number("ra"), number("dec")])).unwrap())
}

/// The condition as a session's analyzer and simplifier leave it, or with its constants not folded.
fn prepared_condition(expr: &Expr, fold: bool) -> Expr {
    let simplifier = ExprSimplifier::new(SimplifyContext::builder().with_schema(schema()).build());
    let coerced = simplifier.coerce(expr.clone(), &schema()).unwrap();
    if fold { simplifier.simplify(coerced).unwrap() } else { coerced }
}

fn evaluated(expr: &Expr) -> Vec<Option<bool>> {
    let (lon, lat): (Vec<_>, Vec<_>) = rows().into_iter().unzip();
    let columns: [ArrayRef; 2] = [Arc::new(Float64Array::from(lon)), Arc::new(Float64Array::from(lat))];
    let batch = RecordBatch::try_new(Arc::clone(schema().inner()), columns.to_vec()).unwrap();
    let physical =
        create_physical_expr(expr, &schema(), &ExecutionProps::new(), &Default::default()).expect("a physical form");
    match physical.evaluate(&batch).unwrap() {
        ColumnarValue::Array(array) => array.as_boolean().iter().collect(),
        ColumnarValue::Scalar(ScalarValue::Boolean(value)) => vec![value; rows().len()],
        other => panic!("not a condition: {other:?}"),
    }
}

/// Fails unless the condition is recognised and says of every row what evaluation says.
fn assert_agrees(expr: &Expr) -> SpatialPredicate {
    let mut found = None;
    for fold in [true, false] {
        let expr = prepared_condition(expr, fold);
        let predicate = recognise(&expr).unwrap_or_else(|| panic!("not recognised: {expr}"));
        assert_eq!((&*predicate.lon.name, &*predicate.lat.name), ("ra", "dec"));
        let prepared = predicate.region.prepare();
        for ((lon, lat), value) in rows().into_iter().zip(evaluated(&expr)) {
            let position = lon.zip(lat).filter(|(lon, lat)| is_position(*lon, *lat));
            let expected = position.map(|(lon, lat)| prepared.contains_lonlat(lon, lat));
            assert_eq!(value, expected, "{expr} at {lon:?} {lat:?}");
        }
        found = Some(predicate);
    }
    found.unwrap()
}

fn assert_declined(expr: &Expr) {
    assert_eq!(recognise(&prepared_condition(expr, true)), None, "{expr}");
}

#[test]
fn containment_is_recognised_however_it_is_compared() {
    let inside = || contains(row_point(), circle(lit(10), lit(20), lit(1)));
    let forms = [
        inside().eq(lit(1)),
        lit(1).eq(inside()),
        inside().not_eq(lit(0)),
        lit(0_i64).not_eq(inside()),
        inside().gt(lit(0)),
        inside().gt_eq(lit(1_i64)),
        lit(0.5).lt(inside()),
        cast(inside(), DataType::Int64).eq(lit(1_i64)),
        inside().between(lit(1), lit(1)),
        in_list(inside(), vec![lit(1)], false),
        not(inside().eq(lit(0))),
        contains(point(lit(10), lit(20)), circle(col("ra"), col("dec"), lit(1))).eq(lit(1)),
        contains(point(lit(10), lit(20)), udf("sky_circle", vec![row_point(), lit(1)])).eq(lit(1)),
        udf("sky_intersects", vec![row_point(), circle(lit(10), lit(20), lit(1))]).eq(lit(1)),
        udf("sky_intersects", vec![circle(lit(10), lit(20), lit(1)), row_point()]).eq(lit(1)),
        udf("sky_intersects", vec![circle(col("ra"), col("dec"), lit(1)), point(lit(10), lit(20))]).eq(lit(1)),
        distance(10.0, 20.0).lt_eq(lit(1)),
        lit(1.0).gt_eq(distance(10.0, 20.0)),
        not(distance(10.0, 20.0).gt(lit(1.0))),
        distance(10.0, 20.0).between(lit(0), lit(1)),
        udf("sky_distance", vec![lit(10), lit(20), col("ra"), col("dec")]).lt_eq(lit(1)),
        udf("sky_distance", vec![col("ra"), col("dec"), lit(10), lit(20)]).lt_eq(lit(1)),
        udf("sky_distance", vec![point(lit(370), lit(20)), row_point()]).lt_eq(lit(1)),
    ];
    let circle = Region::Circle(Circle::from_degrees(10.0, 20.0, 1.0).unwrap());
    for form in forms {
        assert_eq!(assert_agrees(&form).region, circle, "{form}");
    }
}

#[test]
fn negation_drops_rows_without_position() {
    let outside = contains(row_point(), circle(lit(10), lit(20), lit(1))).eq(lit(0));
    let predicate = assert_agrees(&outside);
    assert!(matches!(predicate.region, Region::Not(_)));
    assert_agrees(&not(distance(10.0, 20.0).lt(lit(1))));
    assert_agrees(&distance(10.0, 20.0).not_between(lit(0.5), lit(1)));
}

#[test]
fn strict_bounds_leave_the_boundary_out() {
    let on_boundary = sidereus_sky::separation_deg(10.0, 21.0, 10.0, 20.0);
    let strict = assert_agrees(&distance(10.0, 20.0).lt(lit(on_boundary)));
    let closed = assert_agrees(&distance(10.0, 20.0).lt_eq(lit(on_boundary)));
    assert!(!strict.region.prepare().contains_lonlat(10.0, 21.0));
    assert!(closed.region.prepare().contains_lonlat(10.0, 21.0));
}

#[test]
fn scaled_distances_have_exact_bounds() {
    let arcsec = |lon: f64, lat: f64| distance(lon, lat) * lit(3600.0);
    let separation = sidereus_sky::separation_deg(10.5, 20.5, 10.0, 20.0);
    for bound in [separation * 3600.0, (separation * 3600.0).next_down(), (separation * 3600.0).next_up(), 5.0, 0.0] {
        assert_agrees(&arcsec(10.0, 20.0).lt(lit(bound)));
        assert_agrees(&arcsec(10.0, 20.0).lt_eq(lit(bound)));
        assert_agrees(&lit(bound).lt(arcsec(10.0, 20.0)));
        assert_agrees(&arcsec(10.0, 20.0).between(lit(1.0), lit(bound)));
    }
    assert_agrees(&(distance(10.0, 20.0) / lit(57.3)).lt_eq(lit(separation / 57.3)));
    assert_declined(&(distance(10.0, 20.0) * lit(-1.0)).lt(lit(1.0)));
    assert_declined(&(distance(10.0, 20.0) * lit(f64::INFINITY)).lt(lit(1.0)));
    assert_declined(&(lit(1.0) / distance(10.0, 20.0)).lt(lit(1.0)));
}

#[test]
fn bounds_that_nothing_or_everything_meets() {
    assert_eq!(assert_agrees(&distance(10.0, 20.0).lt(lit(0))).region, Region::Empty);
    assert_eq!(assert_agrees(&distance(10.0, 20.0).lt_eq(lit(-1))).region, Region::Empty);
    assert_eq!(assert_agrees(&distance(10.0, 20.0).lt_eq(lit(181))).region, Region::AllSky);
    assert_eq!(assert_agrees(&distance(10.0, 20.0).gt_eq(lit(0))).region, Region::AllSky);
    assert_agrees(&distance(10.0, 20.0).lt_eq(lit(180)));
    assert_agrees(&distance(10.0, 20.0).lt_eq(lit(0)));
}

#[test]
fn joined_conditions_become_one_region() {
    let near = |lon: f64, lat: f64| contains(row_point(), circle(lit(lon), lit(lat), lit(1))).eq(lit(1));
    let either = near(10.0, 20.0).or(near(0.0, 90.0)).or(distance(180.0, 0.0).lt(lit(2)));
    assert!(matches!(assert_agrees(&either).region, Region::Union(parts) if parts.len() == 3));
    let within_or = near(10.0, 20.0).and(not(near(10.5, 20.0))).or(near(0.0, 0.0));
    assert_agrees(&within_or);
}

#[test]
fn what_is_not_exactly_a_region_is_declined() {
    let inside = || contains(row_point(), circle(lit(10), lit(20), lit(1)));
    let moving = contains(row_point(), circle(col("ra"), lit(0), lit(1)));
    assert_declined(&moving.eq(lit(1)));
    assert_declined(&inside().eq(lit(1)).or(col("dec").gt(lit(0))));
    assert_declined(&distance(1.0, 2.0).eq(lit(3)));
    assert_declined(&distance(1.0, 2.0).lt(lit(f64::NAN)));
    assert_declined(&distance(1.0, 2.0).lt_eq(lit(-0.0)));
    assert_declined(&cast(distance(1.0, 2.0), DataType::Float32).lt(cast(lit(1.0), DataType::Float32)));
    assert_declined(&inside().eq(lit(1)).is_true());
    assert_declined(&inside().eq(lit(ScalarValue::Int32(None))));
    assert_declined(&contains(circle(lit(10), lit(20), lit(1)), row_point()).eq(lit(1)));
    let swapped = contains(point(col("dec"), col("ra")), circle(lit(10), lit(20), lit(1))).eq(lit(1));
    assert_declined(&inside().eq(lit(1)).or(swapped));
}

fn any_position() -> impl Strategy<Value = (f64, f64)> {
    let lon = prop_oneof![0.0..360.0, Just(0.0), Just(10.0), Just(359.999_999), -720.0..720.0];
    let lat = prop_oneof![-90.0..=90.0, Just(90.0), Just(-90.0), Just(20.0), Just(0.0)];
    (lon, lat)
}

fn any_leaf() -> impl Strategy<Value = Expr> {
    let radius = prop_oneof![0.0..3.0, 0.0..=180.0, Just(0.0), Just(90.0), Just(1.0)];
    (any_position(), radius, 0..13).prop_map(|((lon, lat), radius, form)| {
        let disc = circle(lit(lon), lit(lat), lit(radius));
        match form {
            0 => contains(row_point(), disc).eq(lit(1)),
            1 => contains(row_point(), disc).eq(lit(0)),
            2 => contains(point(lit(lon), lit(lat)), circle(col("ra"), col("dec"), lit(radius))).eq(lit(1)),
            3 => distance(lon, lat).lt(lit(radius)),
            4 => distance(lon, lat).gt_eq(lit(radius)),
            5 => lit(radius).gt_eq(distance(lon, lat)),
            6 => distance(lon, lat).between(lit(radius / 2.0), lit(radius)),
            7 => udf("sky_distance", vec![lit(lon), lit(lat), col("ra"), col("dec")]).gt(lit(radius)),
            10 => (distance(lon, lat) * lit(3600.0)).lt(lit(radius * 3600.0)),
            11 => (lit(60.0) * distance(lon, lat)).gt_eq(lit(radius * 60.0)),
            12 => lit(radius / 57.3).gt_eq(distance(lon, lat) / lit(57.3)),
            8 => udf("sky_intersects", vec![disc, row_point()]).gt(lit(0)),
            _ => contains(row_point(), point(lit(lon), lit(lat))).eq(lit(1)),
        }
    })
}

fn any_condition() -> impl Strategy<Value = Expr> {
    any_leaf().prop_recursive(3, 12, 2, |inner| {
        (inner.clone(), inner, 0..3).prop_map(|(left, right, form)| match form {
            0 => left.and(right),
            1 => left.or(right),
            _ => not(left),
        })
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn recognition_agrees_with_evaluation(expr in any_condition()) {
        let expr = prepared_condition(&expr, true);
        if let Some(predicate) = recognise(&expr) {
            let prepared = predicate.region.prepare();
            for ((lon, lat), value) in rows().into_iter().zip(evaluated(&expr)) {
                let position = lon.zip(lat).filter(|(lon, lat)| is_position(*lon, *lat));
                let expected = position.map(|(lon, lat)| prepared.contains_lonlat(lon, lat));
                prop_assert_eq!(value, expected, "{} at {:?} {:?}", expr, lon, lat);
            }
        }
    }
}

#[test]
fn containment_in_a_moc_is_recognised() {
    let moc = || udf("sky_moc", vec![lit("0/4 1/0 4/1000-1100")]);
    let expected = sidereus_sky::Moc::from_ascii("0/4 1/0 4/1000-1100").unwrap();
    for form in
        [contains(row_point(), moc()).eq(lit(1)), udf("sky_intersects", vec![moc(), row_point()]).not_eq(lit(0))]
    {
        let Region::Moc(found) = assert_agrees(&form).region else { panic!("{form}") };
        assert_eq!(found.ranges(), expected.ranges());
    }
    let both = udf("moc_intersection", vec![moc(), udf("sky_moc", vec![lit(2), circle(lit(0), lit(0), lit(5))])]);
    assert!(matches!(assert_agrees(&contains(row_point(), both).eq(lit(1))).region, Region::Moc(_)));
    assert_declined(&contains(row_point(), udf("sky_moc", vec![lit(3), circle(col("ra"), lit(0), lit(1))])).eq(lit(1)));
}
