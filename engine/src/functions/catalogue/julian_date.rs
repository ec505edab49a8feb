//! `ivo_to_jd(time)` and `ivo_to_mjd(time)`: the Julian date of a moment, full or modified.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Float64Array};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{DataType, TimeUnit, TimestampMicrosecondType};
use datafusion::common::Result;
use datafusion::logical_expr::{Documentation, ReturnFieldArgs};

use super::super::arguments::Arguments;
use super::super::documentation::quantity_page;
use super::super::form::{Argument, Form};
use super::super::row_function::RowFunction;
use super::super::spatial::Returned;

/// Microseconds in a day.
const DAY_US: i64 = 86_400_000_000;

/// Counts days; the scale of time stays what it was, no leap second is looked up.
///
/// *Units*: days. *Nulls*: strict; null where a text of a row is no moment. *Errors*: such a text as a constant.
/// *Guarantee*: to a microsecond near today in MJD, to 40 microseconds in JD. *Source*: IVOA catalogue of ADQL
/// user-defined functions 1.2, section 2.4; DALI 1.1 section 3.3.3 for the texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum JulianDate {
    /// Since noon of 1 January 4713 BC.
    Full,
    /// Since midnight of 17 November 1858.
    Modified,
}

impl JulianDate {
    fn of(self, microseconds: i64) -> f64 {
        let (days, rest) = (microseconds.div_euclid(DAY_US), microseconds.rem_euclid(DAY_US));
        let epoch = if self == Self::Full { 2_440_587.5 } else { 40_587.0 };
        epoch + days as f64 + rest as f64 / DAY_US as f64
    }
}

impl RowFunction for JulianDate {
    fn name(&self) -> &'static str {
        if *self == Self::Full { "ivo_to_jd" } else { "ivo_to_mjd" }
    }

    fn forms(&self) -> &'static [Form] {
        &[Form::Exact(&[Argument::Time])]
    }

    fn returned(&self, _call: &ReturnFieldArgs<'_>) -> Result<Returned> {
        Ok(Returned::Number("d"))
    }

    fn invoke(&self, arguments: &Arguments) -> Result<ArrayRef> {
        let (given, _) = arguments.array(0)?;
        let zone = match given.data_type() {
            DataType::Timestamp(_, zone) => zone.clone(),
            _ => None,
        };
        // A text that is no moment becomes null; what is behind a zone's name is UTC.
        let lenient = CastOptions { safe: true, ..Default::default() };
        let times = cast_with_options(&given, &DataType::Timestamp(TimeUnit::Microsecond, zone), &lenient)?;
        let times = times.as_primitive::<TimestampMicrosecondType>();
        if arguments.is_constant() && times.is_null(0) {
            let shown = arguments.text(0).ok().and_then(|texts| texts.get(0).map(shortened)).unwrap_or_default();
            arguments.refuse::<()>(|| format!("'{shown}' is no timestamp, expected one like 2000-01-02T12:00:00"))?;
        }
        Ok(Arc::new(times.iter().map(|time| time.map(|time| self.of(time))).collect::<Float64Array>()))
    }

    fn documentation(&self) -> Documentation {
        let (description, syntax, example) = match self {
            Self::Full => {
                ("The Julian date of a moment.", "IVO_TO_JD(time)", "SELECT IVO_TO_JD('2000-01-01T12:00:00')")
            }
            Self::Modified => (
                "The modified Julian date of a moment.",
                "IVO_TO_MJD(time)",
                "SELECT IVO_TO_MJD('2000-01-01T12:00:00')",
            ),
        };
        quantity_page(description, syntax)
            .with_argument(
                "time",
                "a timestamp, a date, or a text like `2000-01-02T12:00:00`; its scale of time is kept",
            )
            .with_sql_example(example)
            .build()
    }
}

fn shortened(text: &str) -> String {
    text.chars().take(40).collect()
}
