//! Arrays over columns of each list type, with nulls.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, FixedSizeListArray, LargeListArray, ListArray};
use arrow::datatypes::{DataType, Field, FieldRef, Float32Type, Float64Type, Int64Type};
use datafusion::logical_expr::{col, lit};

use super::super::tester::{call, evaluate, query};

fn column(name: &str, array: impl Array + 'static) -> (FieldRef, ArrayRef) {
    (Arc::new(Field::new(name, array.data_type().clone(), true)), Arc::new(array))
}

fn columns() -> [(FieldRef, ArrayRef); 3] {
    let rows = || vec![Some(vec![Some(1), None, Some(3)]), None, Some(vec![Some(4), Some(5), Some(6)])];
    let floats = rows().into_iter().map(|row| row.map(|row| row.into_iter().map(|item| item.map(|i| i as f32))));
    [
        column("plain", ListArray::from_iter_primitive::<Int64Type, _, _>(rows())),
        column("large", LargeListArray::from_iter_primitive::<Int64Type, _, _>(rows())),
        column("fixed", FixedSizeListArray::from_iter_primitive::<Float32Type, _, _>(floats, 3)),
    ]
}

#[test]
fn every_list_type_is_read_alike() {
    for name in ["plain", "large", "fixed"] {
        let (value, _) = evaluate(&call("arr_sum", vec![col(name)]), &columns()).unwrap();
        let sums = value.into_array(3).unwrap();
        assert_eq!(sums.as_primitive::<Float64Type>().iter().collect::<Vec<_>>(), [Some(4.0), None, Some(15.0)]);
        let (value, field) = evaluate(&call("array_item", vec![col(name), lit(2)]), &columns()).unwrap();
        let item = if name == "fixed" { DataType::Float32 } else { DataType::Int64 };
        assert_eq!(field.data_type(), &item);
        let items = arrow::compute::cast(&value.into_array(3).unwrap(), &DataType::Float64).unwrap();
        assert_eq!(items.as_primitive::<Float64Type>().iter().collect::<Vec<_>>(), [None, None, Some(5.0)]);
    }
}

#[test]
fn a_fixed_length_is_kept() {
    let (value, field) = evaluate(&call("array_times", vec![col("fixed"), lit(2)]), &columns()).unwrap();
    assert!(matches!(field.data_type(), DataType::FixedSizeList(item, 3) if item.data_type() == &DataType::Float64));
    let array = value.into_array(3).unwrap();
    assert!(array.is_null(1));
    let last = array.as_fixed_size_list().value(2);
    assert_eq!(last.as_primitive::<Float64Type>().values().to_vec(), [8.0, 10.0, 12.0]);
    let (_, field) = evaluate(&call("array_plus", vec![col("fixed"), col("plain")]), &columns()).unwrap();
    assert!(matches!(field.data_type(), DataType::List(_)));
}

#[test]
fn columns_compare_with_arrays_that_are_written_out() {
    let written = || call("array_of", vec![lit(4), lit(5), lit(6)]);
    for name in ["plain", "large", "fixed"] {
        let (value, _) = evaluate(&col(name).eq(written()), &columns()).unwrap();
        let equal = value.into_array(3).unwrap();
        assert_eq!(equal.as_boolean().iter().collect::<Vec<_>>(), [Some(false), None, Some(true)], "{name}");
    }
}

#[tokio::test]
async fn misfits_are_errors_that_say_why() {
    for (text, part) in [
        ("SELECT array_plus(array_of(1, 2), array_of(1, 2, 3))", "arrays of 2 and of 3 items"),
        ("SELECT arr_dot(array_of(1), array_of(1, 2))", "arrays of 1 and of 2 items"),
        ("SELECT array_of(1, 2) + 'x'", "an array or a number"),
        ("SELECT array_of('x')", "an array holds numbers"),
        ("SELECT array_item(array_of(1), 1.5)", "a whole number"),
        ("SELECT array_of(1) || array_of(2)", "joins texts"),
        ("SELECT arr_sum(3)", "arrays of numbers"),
    ] {
        let error = query(text).await.expect_err(text).to_string();
        assert!(error.contains(part), "{text}: {error}");
    }
}
