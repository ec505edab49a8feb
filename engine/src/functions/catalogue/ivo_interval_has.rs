//! `ivo_interval_has(value, interval)`: is a number in an interval?

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Int32Array};
use arrow::datatypes::Float64Type;
use datafusion::common::Result;
use datafusion::logical_expr::{Documentation, ReturnFieldArgs};

use super::super::arguments::Arguments;
use super::super::documentation::quantity_page;
use super::super::form::{Argument, Form};
use super::super::row_function::RowFunction;
use super::super::spatial::Returned;

/// Both ends belong to the interval, which is a column of pairs of numbers, or two numbers.
///
/// *Nulls*: strict; an interval with a null end is null. *Source*: the function of this name of GAVO DaCHS; DALI 1.1
/// section 3.3.3 for intervals.
#[derive(Debug)]
pub(crate) struct IntervalHas;

impl RowFunction for IntervalHas {
    fn name(&self) -> &'static str {
        "ivo_interval_has"
    }

    fn forms(&self) -> &'static [Form] {
        &[Form::Exact(&[Argument::Number, Argument::Interval]), Form::Exact(&[Argument::Number; 3])]
    }

    fn returned(&self, _call: &ReturnFieldArgs<'_>) -> Result<Returned> {
        Ok(Returned::Flag)
    }

    fn invoke(&self, arguments: &Arguments) -> Result<ArrayRef> {
        let values = arguments.number(0)?;
        if arguments.len() == 3 {
            let (low, high) = (arguments.number(1)?, arguments.number(2)?);
            let has = |row| within(values.get(row)?, low.get(row)?, high.get(row)?);
            return Ok(Arc::new((0..arguments.rows()).map(has).collect::<Int32Array>()));
        }
        let (intervals, constant) = arguments.array(1)?;
        let intervals = intervals.as_fixed_size_list();
        let ends = intervals.values().as_primitive::<Float64Type>();
        let has = |row: usize| {
            let row_of_interval = if constant { 0 } else { row };
            let low = usize::try_from(intervals.value_offset(row_of_interval)).ok()?;
            let known = intervals.is_valid(row_of_interval) && ends.is_valid(low) && ends.is_valid(low + 1);
            known.then(|| within(values.get(row)?, ends.value(low), ends.value(low + 1)))?
        };
        Ok(Arc::new((0..arguments.rows()).map(has).collect::<Int32Array>()))
    }

    fn documentation(&self) -> Documentation {
        quantity_page("1 where a number is in an interval, ends included, else 0.", "IVO_INTERVAL_HAS(value, interval)")
            .with_alternative_syntax("IVO_INTERVAL_HAS(value, low, high)")
            .with_argument("value", "a number")
            .with_argument("interval", "a column of pairs of numbers")
            .with_argument("low, high", "the ends of the interval")
            .with_sql_example("SELECT IVO_INTERVAL_HAS(5.5e-7, 3.8e-7, 7.5e-7)")
            .build()
    }
}

fn within(value: f64, low: f64, high: f64) -> Option<i32> {
    Some(i32::from(low <= value && value <= high))
}
