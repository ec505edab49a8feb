//! `ARR_SUM` and its like: one number of all items of an array; and `ARR_DOT` of two arrays.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, Float64Array, Int64Array};
use arrow::datatypes::DataType;
use datafusion::common::{Result, exec_err, plan_err};
use datafusion::logical_expr::{ColumnarValue, Documentation};

use super::ArrayFunction;
use super::lists::{Lists, doubles_like, is_numeric_list};
use crate::functions::documentation::array_page;

/// What is made of the items that are not null.
///
/// *Nulls*: of a null array; where there is no item, but for the count; of one item the deviation is null. NaN is greater
/// than every number. *Source*: the functions of these names of GAVO DaCHS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Summary {
    Avg,
    Count,
    Max,
    Min,
    Stddev,
    Sum,
}

/// Every summary.
pub(super) const ALL: [Summary; 6] =
    [Summary::Avg, Summary::Count, Summary::Max, Summary::Min, Summary::Stddev, Summary::Sum];

impl Summary {
    fn of(self, items: &(impl Iterator<Item = f64> + Clone)) -> Option<f64> {
        let count = items.clone().count() as f64;
        let sum = || items.clone().sum::<f64>();
        match self {
            Self::Sum => (count > 0.0).then(sum),
            Self::Avg => (count > 0.0).then(|| sum() / count),
            Self::Max => items.clone().max_by(f64::total_cmp),
            Self::Min => items.clone().min_by(f64::total_cmp),
            Self::Stddev => (count > 1.0).then(|| {
                let mean = sum() / count;
                (items.clone().map(|item| (item - mean).powi(2)).sum::<f64>() / (count - 1.0)).sqrt()
            }),
            Self::Count => Some(count),
        }
    }

    fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Avg => ("The mean of the items of an array.", "ARR_AVG"),
            Self::Count => ("How many items of an array are not null.", "ARR_COUNT"),
            Self::Max => ("The greatest item of an array.", "ARR_MAX"),
            Self::Min => ("The smallest item of an array.", "ARR_MIN"),
            Self::Stddev => ("The standard deviation of the items of an array, as of a sample.", "ARR_STDDEV"),
            Self::Sum => ("The sum of the items of an array.", "ARR_SUM"),
        }
    }
}

impl ArrayFunction for Summary {
    fn name(&self) -> &'static str {
        match self {
            Self::Avg => "arr_avg",
            Self::Count => "arr_count",
            Self::Max => "arr_max",
            Self::Min => "arr_min",
            Self::Stddev => "arr_stddev",
            Self::Sum => "arr_sum",
        }
    }

    fn coerced(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        numeric_lists(self.name(), types, 1)
    }

    fn returned(&self, _types: &[DataType]) -> DataType {
        if *self == Self::Count { DataType::Int64 } else { DataType::Float64 }
    }

    fn invoke(&self, arguments: &[ColumnarValue], rows: usize) -> Result<ArrayRef> {
        let lists = Lists::of(&arguments[0])?;
        let numbers = lists.numbers()?;
        let items = |row: usize| {
            let range = lists.range(row)?;
            Some(range.filter(|at| numbers.is_valid(*at)).map(|at| numbers.value(at)))
        };
        if *self == Self::Count {
            let count = |row: usize| items(row).and_then(|items| i64::try_from(items.count()).ok());
            return Ok(Arc::new((0..rows).map(count).collect::<Int64Array>()));
        }
        Ok(Arc::new((0..rows).map(|row| self.of(&items(row)?)).collect::<Float64Array>()))
    }

    fn documentation(&self) -> Documentation {
        let (description, name) = self.words();
        array_page(description, &format!("{name}(array)"))
            .with_argument("array", "an array of numbers; null items are left out")
            .with_sql_example(format!("SELECT {name}(ARRAY[1, 2, NULL, 6])"))
            .build()
    }
}

/// The sum of the products of items at the same place.
///
/// *Nulls*: strict; null where an item is. *Errors*: arrays of different lengths.
#[derive(Debug)]
pub(super) struct Dot;

impl ArrayFunction for Dot {
    fn name(&self) -> &'static str {
        "arr_dot"
    }

    fn coerced(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        numeric_lists(self.name(), types, 2)
    }

    fn returned(&self, _types: &[DataType]) -> DataType {
        DataType::Float64
    }

    fn invoke(&self, arguments: &[ColumnarValue], rows: usize) -> Result<ArrayRef> {
        let (left, right) = (Lists::of(&arguments[0])?, Lists::of(&arguments[1])?);
        let (a, b) = (left.numbers()?, right.numbers()?);
        let dot = |row: usize| {
            let (Some(first), Some(second)) = (left.range(row), right.range(row)) else { return Ok(None) };
            if first.len() != second.len() {
                return exec_err!("arr_dot of arrays of {} and of {} items", first.len(), second.len());
            }
            let product = |(i, j): (usize, usize)| (a.is_valid(i) && b.is_valid(j)).then(|| a.value(i) * b.value(j));
            Ok(first.zip(second).map(product).sum::<Option<f64>>())
        };
        Ok(Arc::new((0..rows).map(dot).collect::<Result<Float64Array>>()?))
    }

    fn documentation(&self) -> Documentation {
        array_page("The scalar product of two arrays of one length.", "ARR_DOT(a, b)")
            .with_argument("a, b", "arrays of numbers")
            .with_sql_example("SELECT ARR_DOT(ARRAY[1, 2, 3], ARRAY[4, 5, 6])")
            .build()
    }
}

fn numeric_lists(name: &str, types: &[DataType], count: usize) -> Result<Vec<DataType>> {
    if types.len() != count {
        return plan_err!("{name} takes {count} arrays, not {}", types.len());
    }
    if let Some(other) = types.iter().find(|kind| !is_numeric_list(kind)) {
        return plan_err!("{name} takes arrays of numbers, not values of type {other}");
    }
    Ok(types.iter().map(doubles_like).collect())
}
