//! The functions of other archives over columns: nulls, impossible rows, and large results.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, FixedSizeListArray, Float64Array, Int64Array, StringArray};
use arrow::datatypes::{DataType, Field, FieldRef, Float64Type, Int32Type, Int64Type};
use datafusion::common::ScalarValue;
use datafusion::logical_expr::{Expr, col, lit};

use super::super::tester::{call, evaluate, query, value};

fn column(name: &str, array: impl Array + 'static) -> (FieldRef, ArrayRef) {
    (Arc::new(Field::new(name, array.data_type().clone(), true)), Arc::new(array))
}

/// The values of a call over columns, in rows.
fn rows(name: &str, args: Vec<Expr>, columns: &[(FieldRef, ArrayRef)]) -> ArrayRef {
    let rows = columns[0].1.len();
    let (value, _) = evaluate(&call(name, args), columns).unwrap_or_else(|error| panic!("{name}: {error}"));
    value.into_array(rows).unwrap()
}

fn flags(found: &ArrayRef) -> Vec<Option<i32>> {
    found.as_primitive::<Int32Type>().iter().collect()
}

#[test]
fn rows_that_say_nothing_are_null() {
    let orders = column("k", Int64Array::from(vec![Some(0), Some(30), None, Some(0), Some(-1)]));
    let lon = column("lon", Float64Array::from(vec![Some(1.0), Some(1.0), Some(1.0), Some(f64::NAN), Some(1.0)]));
    let found = rows("ivo_healpix_index", vec![col("k"), col("lon"), lit(1)], &[orders.clone(), lon]);
    assert_eq!(found.as_primitive::<Int64Type>().iter().collect::<Vec<_>>(), [Some(4), None, None, None, None]);
    let found = rows("ivo_healpix_center", vec![col("k"), lit(11)], &[orders]);
    assert_eq!(found.null_count(), 3);
    let texts =
        column("t", StringArray::from(vec![Some("1:00:00"), Some("x"), None, Some("1h00m00s"), Some("24:00:01")]));
    let found = rows("ivo_hms_to_degrees", vec![col("t")], std::slice::from_ref(&texts));
    assert_eq!(
        found.as_primitive::<Float64Type>().iter().collect::<Vec<_>>(),
        [Some(15.0), None, None, Some(15.0), None]
    );
    assert_eq!(rows("ivo_to_mjd", vec![col("t")], &[texts]).null_count(), 5);
}

#[test]
fn what_is_not_known_of_a_star_does_not_move_it() {
    let ra = column("ra", Float64Array::from(vec![Some(10.0), Some(10.0), None, Some(10.0)]));
    let pm = column("pm", Float64Array::from(vec![Some(3.6e6), None, Some(1.0), Some(f64::INFINITY)]));
    let null = || lit(ScalarValue::Float64(None));
    let star = |to: f64| vec![col("ra"), lit(0.0), null(), null(), col("pm"), null(), lit(2000.0), lit(to)];
    let columns = [ra, pm];
    let found = rows("ivo_epoch_prop_pos", star(2001.0), &columns);
    let points = found.as_fixed_size_list();
    let dec = points.values().as_primitive::<Float64Type>();
    // A degree along the tangent is an angle of atan(pi / 180).
    assert!((dec.value(1) - 0.999_898_479_414_388_6).abs() < 1e-14, "{}", dec.value(1));
    assert_eq!((points.is_null(0), dec.value(3), points.is_null(2), points.is_null(3)), (false, 0.0, true, true));
}

#[tokio::test]
async fn six_parameters_are_those_of_astropy() {
    // SkyCoord.apply_space_motion of astropy 8, which differs by its light-time.
    let expected = [
        (10.029548818473351, 1e-9),
        (19.986112923711538, 1e-9),
        (99.96931969, 1e-5),
        (999.29826617, 5e-5),
        (-499.86940949, 5e-5),
        (30.02871197, 5e-6),
    ];
    let found = value("SELECT ivo_epoch_prop(10.0, 20.0, 100.0, 1000.0, -500.0, 30.0, 2000.0, 2100.0)").await.unwrap();
    let ScalarValue::FixedSizeList(list) = found else { panic!("{found:?}") };
    let values = list.values().as_primitive::<Float64Type>().values().to_vec();
    assert_eq!(values.len(), expected.len());
    for (value, (expected, allowed)) in values.iter().zip(expected) {
        assert!((value - expected).abs() < allowed, "{value} for {expected}");
    }
}

#[tokio::test]
async fn without_a_distance_parallax_and_velocity_are_null() {
    for (parallax, known) in [("NULL", false), ("0.00005", false), ("0.5", true), ("-0.5", true)] {
        let sql = format!("SELECT ivo_epoch_prop(10, 20, {parallax}, 1, 2, 3, 2000, 2100)");
        let ScalarValue::FixedSizeList(list) = value(&sql).await.unwrap() else { panic!("{sql}") };
        let values = list.values().as_primitive::<Float64Type>();
        assert_eq!((values.is_valid(2), values.is_valid(5), values.is_valid(3)), (known, known, true), "{parallax}");
    }
}

#[test]
fn intervals_of_a_column() {
    let item = Arc::new(Field::new("item", DataType::Float32, true));
    let ends = arrow::array::Float32Array::from(vec![Some(1.0), Some(2.0), Some(2.0), Some(1.0), None, Some(9.0)]);
    let pairs = FixedSizeListArray::try_new(item, 2, Arc::new(ends), None).unwrap();
    let found = rows("ivo_interval_has", vec![lit(2.0), col("iv")], &[column("iv", pairs)]);
    assert_eq!(flags(&found), [Some(1), Some(0), None]);
}

#[test]
fn words_of_a_column_are_found_by_those_of_another() {
    let texts =
        column("t", StringArray::from(vec![Some("Mapped stars"), Some("a map"), None, Some("star map"), Some("x")]));
    let words = column("w", StringArray::from(vec![Some("map"), Some("map star"), Some("map"), None, Some(" ,")]));
    assert_eq!(
        flags(&rows("ivo_hasword", vec![col("t"), col("w")], &[texts.clone(), words])),
        [Some(1), Some(0), None, None, Some(1)]
    );
    assert_eq!(
        flags(&rows("ivo_nocasematch", vec![col("t"), lit("%MAP")], std::slice::from_ref(&texts))),
        [Some(0), Some(1), None, Some(1), Some(0)]
    );
    assert_eq!(
        flags(&rows("gavo_match", vec![lit("^[a-z]"), col("t")], &[texts])),
        [Some(0), Some(1), None, Some(1), Some(1)]
    );
}

#[tokio::test]
async fn random_numbers_differ_between_rows_and_calls() {
    let sql = "SELECT count(DISTINCT x), count(DISTINCT y) FROM \
               (SELECT ivo_normal_random(0, 1) AS x, ivo_normal_random(0, 1) - ivo_normal_random(0, 1) AS y \
               FROM (VALUES (1), (2), (3)) t(a))";
    let batches = query(sql).await.unwrap();
    let count = |index: usize| batches[0].column(index).as_primitive::<Int64Type>().value(0);
    assert_eq!((count(0), count(1)), (3, 3));
    assert_eq!(value("SELECT ivo_normal_random(NULL, 1)").await.unwrap(), ScalarValue::Float64(None));
}

#[tokio::test]
async fn a_group_makes_no_endless_text() {
    let long = "x".repeat(1 << 20);
    let groups = (0..70).map(|row| format!("({row})")).collect::<Vec<_>>().join(", ");
    for group in ["", " GROUP BY a < 0", " GROUP BY a % 1"] {
        let sql = format!("SELECT ivo_string_agg('{long}' || (a % 7), ',') FROM (VALUES {groups}) t(a){group}");
        let error = query(&sql).await.expect_err(group).to_string();
        assert!(error.contains("text of more than 64 MiB"), "{group}: {error}");
    }
    let sql = format!("SELECT ivo_string_agg('a', '{}') FROM (VALUES {groups}) t(a)", &long[..1025]);
    assert!(query(&sql).await.expect_err("a long delimiter").to_string().contains("more than 1024 bytes"));
}

#[tokio::test]
async fn histograms_of_groups_are_those_of_rows() {
    let values =
        "(VALUES (1, 0.0), (1, NULL), (1, CAST('NaN' AS DOUBLE)), (2, -1.0), (2, 1.0), (3, 9.0), (3, 0.5)) t(g, v)";
    for (of, expected) in [
        ("WHERE g = 1", vec![0, 1, 0, 0]),
        ("WHERE g = 2", vec![1, 0, 0, 1]),
        ("WHERE g = 3", vec![0, 0, 1, 1]),
        ("", vec![1, 1, 1, 2]),
    ] {
        let one = value(&format!("SELECT ivo_histogram(v, 0, 1, 2) FROM {values} {of}")).await.unwrap();
        let grouped =
            value(&format!("SELECT ivo_histogram(v, 0, 1, 2) FROM {values} {of} GROUP BY g < 0")).await.unwrap();
        let ScalarValue::List(list) = &one else { panic!("{one:?}") };
        assert_eq!(list.values().as_primitive::<Int64Type>().values().to_vec(), expected, "{of}");
        assert_eq!(one, grouped, "{of}");
    }
    let filtered =
        value(&format!("SELECT ivo_histogram(v, 0, 1, 2) FILTER (WHERE g > 2) FROM {values} GROUP BY g < 0")).await;
    let ScalarValue::List(list) = filtered.unwrap() else { panic!("no list") };
    assert_eq!(list.values().as_primitive::<Int64Type>().values().to_vec(), [0, 0, 1, 1]);
}
