//! Geometry functions: values, nulls, impossible numbers, and the kinds of what they return.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Float64Array, StringArray};
use arrow::datatypes::{DataType, Field, FieldRef, Float64Type, Int32Type};
use datafusion::common::ScalarValue;
use datafusion::logical_expr::{ColumnarValue, Expr, col, lit};
use proptest::prelude::*;

use super::geometry_type::{GeometryKind, XTYPE};
use super::tester::{call, constant, evaluate, session, value};

fn numbers(name: &str, values: Vec<Option<f64>>) -> (FieldRef, ArrayRef) {
    (Arc::new(Field::new(name, DataType::Float64, true)), Arc::new(Float64Array::from(values)))
}

fn positions() -> Vec<(FieldRef, ArrayRef)> {
    let lon = vec![Some(10.0), Some(-10.0), None, Some(f64::NAN), Some(10.0), Some(10.0)];
    let lat = vec![Some(20.0), Some(-90.0), Some(0.0), Some(0.0), Some(95.0), None];
    vec![numbers("ra", lon), numbers("dec", lat)]
}

fn array(expr: &Expr, columns: &[(FieldRef, ArrayRef)]) -> ArrayRef {
    match evaluate(expr, columns).unwrap().0 {
        ColumnarValue::Array(array) => array,
        ColumnarValue::Scalar(value) => panic!("a constant: {value}"),
    }
}

fn point() -> Expr {
    call("sky_point", vec![col("ra"), col("dec")])
}

fn number(expr: &Expr) -> f64 {
    match constant(expr).unwrap() {
        ScalarValue::Float64(Some(number)) => number,
        other => panic!("no number: {other}"),
    }
}

#[test]
fn points_reduce_longitudes_and_drop_what_is_no_position() {
    let points = array(&point(), &positions());
    assert_eq!((0..6).map(|row| points.is_null(row)).collect::<Vec<_>>(), [false, false, true, true, true, true]);
    let values = points.as_fixed_size_list().value(1);
    assert_eq!(values.as_primitive::<Float64Type>().values(), &[350.0, -90.0]);
    let longitudes = array(&call("sky_coord1", vec![point()]), &positions());
    assert_eq!(longitudes.as_primitive::<Float64Type>().value(1), 350.0);
    let latitudes = array(&call("sky_coord2", vec![point()]), &positions());
    assert_eq!(latitudes.as_primitive::<Float64Type>().value(0), 20.0);
    assert!(latitudes.is_null(4));
}

#[test]
fn impossible_constants_are_errors() {
    for (name, args, expected) in [
        ("sky_point", vec![0.0, 90.1], "latitude 90.1"),
        ("sky_point", vec![f64::INFINITY, 0.0], "longitude"),
        ("sky_circle", vec![0.0, 0.0, -1.0], "radius -1"),
        ("sky_circle", vec![0.0, 91.0, 1.0], "latitude 91"),
        ("sky_box", vec![0.0, 0.0, -1.0, 1.0], "width"),
        ("sky_polygon", vec![0.0, 0.0, 1.0, 0.0, 0.0, 0.0], "polygon"),
        ("sky_ellipse", vec![0.0, 0.0, -1.0, 1.0, 0.0], "axis"),
        ("sky_distance", vec![0.0, 95.0, 0.0, 0.0], "latitude 95"),
    ] {
        let error = constant(&call(name, args.into_iter().map(lit).collect())).unwrap_err().to_string();
        assert!(error.contains(expected), "{name}: {error}");
    }
    let error = constant(&call("sky_region", vec![lit("Circle ICRS 10")])).unwrap_err().to_string();
    assert!(error.contains("at character"), "{error}");
}

#[test]
fn impossible_rows_are_null() {
    let columns = [numbers("r", vec![Some(1.0), Some(-1.0), Some(f64::NAN), Some(181.0)])];
    let circles = array(&call("sky_circle", vec![lit(0.0), lit(0.0), col("r")]), &columns);
    assert_eq!(circles.null_count(), 3);
    let boxes = array(&call("sky_box", vec![lit(0.0), lit(0.0), col("r"), lit(1.0)]), &columns);
    assert_eq!(boxes.null_count(), 3);
    let polygons =
        array(&call("sky_polygon", vec![lit(0.0), lit(0.0), col("r"), lit(0.0), lit(0.0), lit(1.0)]), &columns);
    assert!(polygons.is_valid(0) && polygons.is_null(2));
    let texts: ArrayRef = Arc::new(StringArray::from(vec![Some("Circle 1 2 3"), Some("nonsense"), None]));
    let columns = [(Arc::new(Field::new("s", DataType::Utf8, true)), texts)];
    let regions = array(&call("sky_region", vec![col("s")]), &columns);
    assert_eq!((0..3).map(|row| regions.is_valid(row)).collect::<Vec<_>>(), [true, false, false]);
}

#[test]
fn null_arguments_make_null() {
    let null = || lit(ScalarValue::Float64(None));
    let untyped = || lit(ScalarValue::Null);
    for expr in [
        call("sky_point", vec![null(), lit(1.0)]),
        call("sky_point", vec![untyped(), untyped()]),
        call("sky_circle", vec![untyped(), lit(1.0)]),
        call("sky_area", vec![untyped()]),
        call("sky_region", vec![untyped()]),
        call("sky_distance", vec![call("sky_point", vec![null(), null()]), call("sky_point", vec![lit(1), lit(2)])]),
        call("sky_contains", vec![untyped(), call("sky_circle", vec![lit(1), lit(2), lit(3)])]),
        call("sky_intersects", vec![call("sky_circle", vec![lit(1), lit(2), lit(3)]), untyped()]),
        call("sky_coordsys", vec![untyped()]),
        call("sky_centroid", vec![untyped()]),
    ] {
        assert!(constant(&expr).unwrap().is_null(), "{expr}");
    }
}

#[test]
fn wrong_arguments_name_the_forms() {
    let error = constant(&call("sky_circle", vec![lit("x"), lit(1.0), lit(1.0)])).unwrap_err().to_string();
    assert!(error.contains("sky_circle(number, number, number) or sky_circle(point, number)"), "{error}");
    assert!(constant(&call("sky_contains", vec![lit(1.0), lit(2.0)])).is_err());
    assert!(constant(&call("sky_polygon", vec![lit(1.0); 7])).is_err());
    assert!(constant(&call("sky_polygon", vec![lit(1.0); 4])).is_err());
}

#[test]
fn values_of_known_figures() {
    let quarter = call("sky_polygon", [0.0, 0.0, 90.0, 0.0, 0.0, 90.0].map(lit).to_vec());
    let sphere = 4.0 * 180.0 * 180.0 / std::f64::consts::PI;
    assert!((number(&call("sky_area", vec![quarter])) - sphere / 8.0).abs() < 1e-9);
    let circle = call("sky_circle", vec![lit(10), lit(20), lit(180)]);
    assert!((number(&call("sky_area", vec![circle])) - sphere).abs() < 1e-9);
    assert_eq!(number(&call("sky_area", vec![call("sky_point", vec![lit(1), lit(2)])])), 0.0);
    let center = call("sky_centroid", vec![call("sky_circle", vec![lit(10.25), lit(20.5), lit(1)])]);
    assert_eq!(number(&call("sky_coord1", vec![center.clone()])), 10.25);
    assert_eq!(number(&call("sky_coord2", vec![center])), 20.5);
    assert_eq!(number(&call("sky_distance", [0.0, 90.0, 123.0, 0.0].map(lit).to_vec())), 90.0);
}

#[test]
fn geometries_of_every_kind_are_tested_against_each_other() {
    let disc = |lon: f64, radius: f64| call("sky_circle", vec![lit(lon), lit(0.0), lit(radius)]);
    let flag = |name: &str, a: Expr, b: Expr| constant(&call(name, vec![a, b])).unwrap();
    let (yes, no) = (ScalarValue::Int32(Some(1)), ScalarValue::Int32(Some(0)));
    assert_eq!(flag("sky_contains", disc(10.0, 1.0), disc(10.0, 2.0)), yes);
    assert_eq!(flag("sky_contains", disc(10.0, 2.0), disc(10.0, 1.0)), no);
    assert_eq!(flag("sky_intersects", disc(10.0, 1.0), disc(11.5, 1.0)), yes);
    assert_eq!(flag("sky_intersects", disc(10.0, 1.0), disc(12.5, 1.0)), no);
    let square = call("sky_box", [10.0, 0.0, 4.0, 4.0].map(lit).to_vec());
    assert_eq!(flag("sky_contains", disc(10.0, 1.0), square.clone()), yes);
    let region = call("sky_region", vec![lit("Circle ICRS 10 0 0.5")]);
    assert_eq!(flag("sky_contains", region, square.clone()), yes);
    let ellipse = call("sky_ellipse", [10.0, 0.0, 1.0, 0.5, 30.0].map(lit).to_vec());
    assert_eq!(flag("sky_intersects", square, ellipse), yes);
}

#[test]
fn rows_against_rows() {
    let columns = vec![numbers("ra", vec![Some(10.0), Some(12.0), None]), numbers("dec", vec![Some(0.0); 3])];
    let disc = call("sky_circle", vec![col("ra"), lit(0.5), lit(0.5)]);
    let flags = array(&call("sky_contains", vec![point(), disc]), &columns);
    assert_eq!(flags.as_primitive::<Int32Type>().iter().collect::<Vec<_>>(), [Some(1), Some(1), None]);
}

#[test]
fn fields_tell_the_kind() {
    for (name, args, kind) in [
        ("sky_point", vec![col("ra"), col("dec")], GeometryKind::Point),
        ("sky_circle", vec![col("ra"), col("dec"), lit(1.0)], GeometryKind::Circle),
        ("sky_box", vec![col("ra"), col("dec"), lit(1.0), lit(1.0)], GeometryKind::Region),
        ("sky_polygon", [0.0, 0.0, 1.0, 0.0, 0.0, 1.0].map(lit).to_vec(), GeometryKind::Polygon),
    ] {
        let field = evaluate(&call(name, args), &positions()).unwrap().1;
        assert_eq!(field.metadata().get(XTYPE).map(String::as_str), Some(kind.xtype()), "{name}");
        assert_eq!(GeometryKind::of(&field), Some(kind));
    }
}

#[test]
fn another_xtype_is_no_geometry() {
    let values = fixed_pair();
    let field = Field::new("span", values.data_type().clone(), true);
    let span = field.clone().with_metadata([(XTYPE.to_owned(), "interval".to_owned())].into());
    let error = evaluate(&call("sky_area", vec![col("span")]), &[(Arc::new(span), fixed_pair())]).unwrap_err();
    assert!(error.to_string().contains("interval"), "{error}");
    let old = field.with_metadata([(XTYPE.to_owned(), "adql:POINT".to_owned())].into());
    evaluate(&call("sky_area", vec![col("span")]), &[(Arc::new(old), fixed_pair())]).unwrap();
}

fn fixed_pair() -> ArrayRef {
    super::geometry_type::fixed_size_array(&[Some([1.0, 2.0])]).unwrap()
}

#[tokio::test]
async fn the_kind_survives_the_planner() {
    let sources = [
        "SELECT p FROM (SELECT sky_point(a, b) AS p FROM t) s",
        "WITH s AS (SELECT sky_point(a, b) AS p FROM t) SELECT p FROM s ORDER BY a_of(p)",
        "SELECT sky_point(a, b) AS p FROM t UNION ALL SELECT sky_point(b, a) AS p FROM t",
        "SELECT DISTINCT sky_point(a, b) AS p FROM t",
        "SELECT sky_point(1.0, 2.0) AS p FROM t",
        "SELECT x.p FROM (SELECT sky_point(a, b) AS p FROM t) x JOIN t ON sky_coord1(x.p) = t.a",
    ];
    for source in sources {
        let source = source.replace("a_of(p)", "sky_coord1(p)");
        let batches = with_table(&source).await;
        let field = batches[0].schema().field(0).clone();
        assert_eq!(field.metadata().get(XTYPE).map(String::as_str), Some("point"), "{source}");
    }
    // Where the planner forgets the metadata, the shape still tells.
    for lossy in [
        "SELECT COALESCE(sky_point(a, b), sky_point(1.0, 2.0)) AS p FROM t",
        "SELECT CASE WHEN a > 0 THEN sky_point(a, b) ELSE sky_point(1.0, 2.0) END AS p FROM t",
    ] {
        let distances = format!("SELECT sky_distance(p, sky_point(10.0, 20.0)) AS d FROM ({lossy}) s");
        let batches = with_table(&distances).await;
        assert_eq!(batches[0].column(0).as_primitive::<Float64Type>().value(0), 0.0, "{lossy}");
    }
}

async fn with_table(sql: &str) -> Vec<arrow::record_batch::RecordBatch> {
    let context = session();
    context.sql("CREATE TABLE t AS SELECT 10.0 AS a, 20.0 AS b").await.unwrap().collect().await.unwrap();
    let batches = context.sql(sql).await.unwrap().collect().await.unwrap();
    batches.into_iter().filter(|batch| batch.num_rows() > 0).collect()
}

#[tokio::test]
async fn constants_fold_with_their_kind() {
    let found = value("SELECT sky_contains(sky_point(56.8, 24.1), sky_circle(56.75, 24.12, 1.0))").await.unwrap();
    assert_eq!(found, ScalarValue::Int32(Some(1)));
    let error = value("SELECT sky_area(sky_circle(0.0, 95.0, 1.0))").await.unwrap_err();
    assert!(error.to_string().contains("latitude 95"), "{error}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn intersection_is_symmetric(
        lon in 0.0..360.0_f64, lat in -90.0..=90.0_f64, near in -3.0..3.0_f64, r1 in 0.0..2.0_f64, r2 in 0.0..2.0_f64,
    ) {
        let first = call("sky_circle", vec![lit(lon), lit(lat), lit(r1)]);
        let second = call("sky_circle", vec![lit(lon + near), lit(lat), lit(r2)]);
        let forth = constant(&call("sky_intersects", vec![first.clone(), second.clone()])).unwrap();
        let back = constant(&call("sky_intersects", vec![second, first])).unwrap();
        prop_assert_eq!(forth, back);
    }

    #[test]
    fn distance_and_containment_agree(
        lon in -360.0..720.0_f64, lat in -90.0..=90.0_f64, lon0 in 0.0..360.0_f64, lat0 in -90.0..=90.0_f64,
    ) {
        let here = call("sky_point", vec![lit(lon), lit(lat)]);
        let there = call("sky_point", vec![lit(lon0), lit(lat0)]);
        let distance = number(&call("sky_distance", vec![here.clone(), there.clone()]));
        prop_assert_eq!(distance, number(&call("sky_distance", vec![lit(lon0), lit(lat0), lit(lon), lit(lat)])));
        prop_assert_eq!(distance, number(&call("sky_distance", vec![there.clone(), here.clone()])));
        for (radius, inside) in [(distance, 1), (distance.next_down(), 0)] {
            if (0.0..=180.0).contains(&radius) {
                let disc = call("sky_circle", vec![there.clone(), lit(radius)]);
                let found = constant(&call("sky_contains", vec![here.clone(), disc])).unwrap();
                prop_assert_eq!(found, ScalarValue::Int32(Some(inside)));
            }
        }
    }
}
