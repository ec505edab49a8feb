//! Which aggregates are computed run by run, not row by row?
//!
//! Counts, and means of doubles where runs are long: what a run comes to is the state of its aggregate, which accumulators
//! merge with that of its group. It takes a fraction of the time.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Float64Array, Int64Array, UInt64Array};
use arrow::datatypes::Float64Type;
use datafusion::functions_aggregate::average::Avg;
use datafusion::functions_aggregate::count::Count;
use datafusion::logical_expr::ColumnarValue;

use super::exec::Aggregate;

/// The state of an aggregate for each run of its argument, `None` for one that takes single rows.
pub(super) fn states(aggregate: &Aggregate, args: &[ColumnarValue], runs: &[Range<usize>]) -> Option<Vec<ArrayRef>> {
    let [argument] = args else { return None };
    let function = &aggregate.function;
    if function.is_distinct() || aggregate.filter.is_some() {
        return None;
    }
    let function = function.fun();
    if function.inner().is::<Count>() {
        Some(counts(argument, runs))
    } else if function.inner().is::<Avg>() {
        means(argument, runs)
    } else {
        None
    }
}

/// How many values of each run are not null.
fn counts(argument: &ColumnarValue, runs: &[Range<usize>]) -> Vec<ArrayRef> {
    let (is_null, nulls) = match argument {
        ColumnarValue::Scalar(value) => (value.is_null(), None),
        ColumnarValue::Array(values) => (false, values.logical_nulls()),
    };
    let present = |run: &Range<usize>| match &nulls {
        _ if is_null => 0,
        Some(nulls) => run.len() - nulls.slice(run.start, run.len()).null_count(),
        None => run.len(),
    };
    vec![Arc::new(Int64Array::from_iter_values(runs.iter().map(|run| present(run) as i64)))]
}

/// Rows that a run must have on average to be added up by itself.
const LONG: usize = 32;
/// Numbers that are added up at a time, each beside the others.
const LANES: usize = 8;

/// The state of a mean of doubles for each run: how many there are, and their sum; `None` for another aggregate.
///
/// Added up run by run, not row by row, it takes a fraction of the time.
fn means(numbers: &ColumnarValue, runs: &[Range<usize>]) -> Option<Vec<ArrayRef>> {
    let ColumnarValue::Array(numbers) = numbers else { return None };
    let numbers = numbers.as_primitive_opt::<Float64Type>()?;
    if numbers.len() < LONG * runs.len() {
        return None;
    }
    let of_run = |run: &Range<usize>| {
        let numbers = numbers.slice(run.start, run.len());
        let count = numbers.len() - numbers.null_count();
        (count > 0).then(|| (count as u64, total(&numbers)))
    };
    let (counts, sums): (Vec<_>, Vec<_>) = runs.iter().map(of_run).map(Option::unzip).unzip();
    Some(vec![Arc::new(UInt64Array::from(counts)), Arc::new(Float64Array::from(sums))])
}

/// The sum of the numbers that are not null.
fn total(numbers: &Float64Array) -> f64 {
    if numbers.null_count() > 0 {
        return numbers.iter().flatten().sum();
    }
    let (whole, rest) = numbers.values().as_chunks::<LANES>();
    let mut lanes = [0.0; LANES];
    for numbers in whole {
        for (lane, number) in lanes.iter_mut().zip(numbers) {
            *lane += number;
        }
    }
    lanes.iter().sum::<f64>() + rest.iter().sum::<f64>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_add_up() {
        let numbers: Vec<Option<f64>> = (0..29).map(|number| Some(f64::from(number))).collect();
        assert_eq!(total(&Float64Array::from(numbers.clone())), 406.0);
        assert_eq!(total(&Float64Array::from(numbers.clone()).slice(3, 10)), 75.0);
        let gaps: Float64Array = numbers.into_iter().map(|number| number.filter(|number| *number != 7.0)).collect();
        assert_eq!(total(&gaps), 399.0);
        assert!(total(&Float64Array::from(vec![1.0, f64::NAN])).is_nan());
    }

    #[test]
    fn counts_leave_nulls_out() {
        let runs = [0..3, 3..4, 4..6];
        let counted = |argument: &ColumnarValue| {
            let counts = counts(argument, &runs);
            counts[0].as_primitive::<arrow::datatypes::Int64Type>().values().to_vec()
        };
        let values = Float64Array::from(vec![Some(1.0), None, Some(2.0), None, Some(f64::NAN), Some(3.0)]);
        assert_eq!(counted(&ColumnarValue::Array(Arc::new(values))), [2, 0, 2]);
        assert_eq!(counted(&ColumnarValue::Scalar(1_i64.into())), [3, 1, 2]);
        assert_eq!(counted(&ColumnarValue::Scalar(datafusion::common::ScalarValue::Int64(None))), [0, 0, 0]);
    }
}
