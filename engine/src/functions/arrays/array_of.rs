//! `array_of(a, b, ..)`: an array of numbers, written out (`ARRAY[a, b, ..]`).

use arrow::array::ArrayRef;
use arrow::datatypes::DataType;
use datafusion::common::{Result, plan_err};
use datafusion::logical_expr::{ColumnarValue, Documentation};

use super::ArrayFunction;
use super::lists::{Column, Doubles, item_field};
use crate::functions::documentation::array_page;

/// Most numbers of one array that is written out.
const MOST_ITEMS: usize = 1000;

/// Puts numbers into an array of doubles.
///
/// *Nulls*: a null number is a null item. *Errors*: values that are no numbers, more than 1000 of them.
#[derive(Debug)]
pub(super) struct ArrayOf;

impl ArrayFunction for ArrayOf {
    fn name(&self) -> &'static str {
        "array_of"
    }

    fn coerced(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        if types.is_empty() || types.len() > MOST_ITEMS {
            return plan_err!("an array of {} numbers: 1 to {MOST_ITEMS} can be written out", types.len());
        }
        if let Some(other) = types.iter().find(|kind| !kind.is_numeric() && !kind.is_null()) {
            return plan_err!("an array holds numbers, not values of type {other}");
        }
        Ok(vec![DataType::Float64; types.len()])
    }

    fn returned(&self, types: &[DataType]) -> DataType {
        DataType::FixedSizeList(item_field(), i32::try_from(types.len()).unwrap_or(i32::MAX))
    }

    fn invoke(&self, arguments: &[ColumnarValue], rows: usize) -> Result<ArrayRef> {
        let types: Vec<DataType> = arguments.iter().map(ColumnarValue::data_type).collect();
        let columns = arguments.iter().map(Column::of).collect::<Result<Vec<_>>>()?;
        let mut result = Doubles::default();
        (0..rows).for_each(|row| result.append(columns.iter().map(|column| column.double(row))));
        result.finish(&self.returned(&types))
    }

    fn documentation(&self) -> Documentation {
        array_page("An array of numbers, in double precision.", "ARRAY[a, b, ...]")
            .with_alternative_syntax("ARRAY_OF(a, b, ...)")
            .with_argument("a, b", "numbers, at most 1000")
            .with_sql_example("SELECT ARRAY[1, 2.5, 3], ARRAY[1, 2] = ARRAY[1, 2]")
            .build()
    }
}
