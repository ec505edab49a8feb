//! `array_item(array, n)`: one item of an array (`array[n]`), and `cardinality(array)`: how many there are.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, UInt64Array};
use arrow::compute::take;
use arrow::datatypes::DataType;
use datafusion::common::{Result, plan_err};
use datafusion::logical_expr::{ColumnarValue, Documentation};

use super::ArrayFunction;
use super::lists::{Column, Lists, item_type};
use crate::functions::documentation::array_page;

/// The item at a place, counted from 1 as in PostgreSQL.
///
/// *Nulls*: null beyond the ends, where the place or the array is null, and for a null item.
#[derive(Debug)]
pub(super) struct ArrayItem;

impl ArrayFunction for ArrayItem {
    fn name(&self) -> &'static str {
        "array_item"
    }

    fn coerced(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        match types {
            [list, place] if item_type(list).is_some() && (place.is_integer() || place.is_null()) => {
                Ok(vec![list.clone(), DataType::Int64])
            }
            [list, place] if item_type(list).is_some() => {
                plan_err!("the subscript of an array is a whole number, not a value of type {place}")
            }
            [other, _] => plan_err!("only an array has items, not a value of type {other}"),
            _ => plan_err!("array_item takes an array and a whole number"),
        }
    }

    fn returned(&self, types: &[DataType]) -> DataType {
        types.first().and_then(item_type).cloned().unwrap_or(DataType::Null)
    }

    fn invoke(&self, arguments: &[ColumnarValue], rows: usize) -> Result<ArrayRef> {
        let (lists, places) = (Lists::of(&arguments[0])?, Column::of(&arguments[1])?);
        let place = |row: usize| {
            let range = lists.range(row)?;
            let index = usize::try_from(places.integer(row)?.checked_sub(1)?).ok()?;
            (index < range.len()).then(|| (range.start + index) as u64)
        };
        let places: UInt64Array = (0..rows).map(place).collect();
        Ok(take(lists.values(), &places, None)?)
    }

    fn documentation(&self) -> Documentation {
        array_page("An item of an array, counted from 1; null where there is none.", "array[n]")
            .with_alternative_syntax("ARRAY_ITEM(array, n)")
            .with_argument("array", "an array")
            .with_argument("n", "a whole number")
            .with_sql_example("SELECT ARRAY_ITEM(ARRAY[10, 20, 30], 2), ARRAY_ITEM(ARRAY[10, 20, 30], 4)")
            .build()
    }
}

/// How many items an array has, nulls included.
///
/// *Nulls*: strict.
#[derive(Debug)]
pub(super) struct Cardinality;

impl ArrayFunction for Cardinality {
    fn name(&self) -> &'static str {
        "array_cardinality"
    }

    fn coerced(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        match types {
            [list] if item_type(list).is_some() => Ok(vec![list.clone()]),
            [other] => plan_err!("only an array has items, not a value of type {other}"),
            _ => plan_err!("array_cardinality takes an array"),
        }
    }

    fn returned(&self, _types: &[DataType]) -> DataType {
        DataType::Int64
    }

    fn invoke(&self, arguments: &[ColumnarValue], rows: usize) -> Result<ArrayRef> {
        let lists = Lists::of(&arguments[0])?;
        let length = |row: usize| lists.range(row).and_then(|range| i64::try_from(range.len()).ok());
        Ok(Arc::new((0..rows).map(length).collect::<Int64Array>()))
    }

    fn documentation(&self) -> Documentation {
        array_page("How many items an array has, nulls included.", "CARDINALITY(array)")
            .with_alternative_syntax("ARRAY_LENGTH(array)")
            .with_argument("array", "an array")
            .with_sql_example("SELECT CARDINALITY(ARRAY[1, NULL, 3])")
            .build()
    }
}
