//! `ivo_interval_overlaps(a1, b1, a2, b2)`: do two intervals have a number in common?

use std::sync::Arc;

use arrow::array::{ArrayRef, Int32Array};
use datafusion::common::Result;
use datafusion::logical_expr::{Documentation, ReturnFieldArgs};

use super::super::arguments::Arguments;
use super::super::documentation::quantity_page;
use super::super::form::{Argument, Form};
use super::super::row_function::RowFunction;
use super::super::spatial::Returned;

/// Both ends belong to an interval; one whose ends are exchanged is empty, and so is one with NaN for an end.
///
/// *Nulls*: strict. *Source*: IVOA catalogue of ADQL user-defined functions 1.2, section 2.6 (RegTAP 1.1 section 9).
#[derive(Debug)]
pub(crate) struct IntervalOverlaps;

impl RowFunction for IntervalOverlaps {
    fn name(&self) -> &'static str {
        "ivo_interval_overlaps"
    }

    fn forms(&self) -> &'static [Form] {
        &[Form::Exact(&[Argument::Number; 4])]
    }

    fn returned(&self, _call: &ReturnFieldArgs<'_>) -> Result<Returned> {
        Ok(Returned::Flag)
    }

    fn invoke(&self, arguments: &Arguments) -> Result<ArrayRef> {
        let ends = [arguments.number(0)?, arguments.number(1)?, arguments.number(2)?, arguments.number(3)?];
        let overlap = |row: usize| {
            let [Some(a1), Some(b1), Some(a2), Some(b2)] = ends.map(|end| end.get(row)) else { return None };
            Some(i32::from(a1 <= b1 && a2 <= b2 && a1 <= b2 && a2 <= b1))
        };
        Ok(Arc::new((0..arguments.rows()).map(overlap).collect::<Int32Array>()))
    }

    fn documentation(&self) -> Documentation {
        quantity_page(
            "1 where two intervals, ends included, have a number in common, else 0.",
            "IVO_INTERVAL_OVERLAPS(a1, b1, a2, b2)",
        )
        .with_argument("a1, b1", "the one interval; it is empty where `a1` is above `b1`")
        .with_argument("a2, b2", "the other")
        .with_sql_example("SELECT IVO_INTERVAL_OVERLAPS(380, 520, 500, 600)")
        .build()
    }
}
