//! `percentile(value, fraction, mode)`: the value below which a fraction of a group is, exactly.
//!
//! All values of a group are kept, and counted by the memory that the query may use. This module must not know how a
//! query spells it: `PERCENTILE`, `MEDIAN`, `PERCENTILE_CONT` and `PERCENTILE_DISC` are all this function.

use std::hash::{Hash, Hasher};
use std::mem::size_of;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Float64Array, ListArray};
use arrow::buffer::OffsetBuffer;
use arrow::datatypes::{DataType, Field, FieldRef, Float64Type};
use datafusion::common::{
    Result, ScalarValue, exec_datafusion_err, plan_datafusion_err, plan_err, resources_datafusion_err,
};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::utils::format_state_name;
use datafusion::logical_expr::{Accumulator, AggregateUDFImpl, Documentation, Signature, Volatility};
use datafusion::physical_expr::expressions::Literal;

use super::documentation::number_page;
use super::form::{Argument, Form, coerce};

/// Most values of one group: 1 GiB.
const MOST_VALUES: usize = 1 << 27;

/// Finds a percentile of the values of a group.
///
/// *Nulls*: not counted; null where there is no value. NaN is greater than every number. *Errors*: a fraction outside 0 to 1
/// or not written out; more than 2^27 values in a group, or more than the memory holds. *Source*: PostgreSQL's ordered-set
/// aggregates `percentile_cont`, which interpolates between two values, and `percentile_disc`, which takes one.
#[derive(Debug)]
pub(crate) struct Percentile {
    signature: Signature,
    documentation: Documentation,
}

impl Percentile {
    /// The function.
    pub(crate) fn new() -> Self {
        let documentation = number_page(
            "The value below which a fraction of the values of a group is, exactly: an aggregate. Between two values it \
             interpolates, but for `PERCENTILE_DISC`, which takes the first value that has the fraction up to it.",
            "PERCENTILE(value, fraction)",
        )
        .with_alternative_syntax("PERCENTILE_CONT(fraction) WITHIN GROUP (ORDER BY value [DESC])")
        .with_alternative_syntax("PERCENTILE_DISC(fraction) WITHIN GROUP (ORDER BY value [DESC])")
        .with_alternative_syntax("MEDIAN(value)")
        .with_argument("value", "a number; null is not counted")
        .with_argument("fraction", "0 to 1, written out")
        .with_sql_example(
            "SELECT PERCENTILE(v, 0.25), MEDIAN(v), PERCENTILE_CONT(0.1) WITHIN GROUP (ORDER BY v DESC) AS upper_tenth\n\
             FROM (SELECT 1 AS v UNION ALL SELECT 2 UNION ALL SELECT 4 UNION ALL SELECT 8) AS t",
        )
        .build();
        Self { signature: Signature::user_defined(Volatility::Immutable), documentation }
    }
}

impl PartialEq for Percentile {
    fn eq(&self, _other: &Self) -> bool {
        true
    }
}

impl Eq for Percentile {}

impl Hash for Percentile {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name().hash(state);
    }
}

impl AggregateUDFImpl for Percentile {
    fn name(&self) -> &str {
        "percentile"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, arg_types: &[DataType]) -> Result<Vec<DataType>> {
        let forms = [
            Form::Exact(&[Argument::Number, Argument::Number]),
            Form::Exact(&[Argument::Number, Argument::Number, Argument::Integer]),
        ];
        coerce(self.name(), &forms, arg_types)
    }

    fn return_type(&self, _arg_types: &[DataType]) -> Result<DataType> {
        Ok(DataType::Float64)
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        let name = format_state_name(args.name, "values");
        Ok(vec![Arc::new(Field::new(name, DataType::List(value_field()), true))])
    }

    fn accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        Ok(Box::new(Values { values: Vec::new(), wanted: Wanted::of(&args)? }))
    }

    fn documentation(&self) -> Option<&Documentation> {
        Some(&self.documentation)
    }
}

fn value_field() -> FieldRef {
    Arc::new(Field::new("item", DataType::Float64, true))
}

/// Which percentile.
#[derive(Debug, Clone, Copy)]
struct Wanted {
    fraction: f64,
    descending: bool,
    /// Whether one of the values is taken.
    discrete: bool,
    distinct: bool,
}

impl Wanted {
    fn of(args: &AccumulatorArgs) -> Result<Self> {
        let literal = |index: usize| args.exprs.get(index).and_then(|expr| expr.downcast_ref::<Literal>());
        let fraction = match literal(1).map(Literal::value) {
            Some(ScalarValue::Float64(Some(fraction))) if (0.0..=1.0).contains(fraction) => *fraction,
            Some(other) => return plan_err!("a percentile takes a fraction from 0 to 1, not {other}"),
            None => return Err(plan_datafusion_err!("the fraction of a percentile must be a number, written out")),
        };
        let mode = match literal(2).map(Literal::value) {
            Some(ScalarValue::Int64(Some(mode))) => *mode,
            _ => 0,
        };
        Ok(Self { fraction, descending: mode & 1 != 0, discrete: mode & 2 != 0, distinct: args.is_distinct })
    }

    /// The percentile of values, which are put in another order.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a place among the values")]
    fn among(self, values: &mut [f64]) -> Option<f64> {
        let last = values.len().checked_sub(1)?;
        if self.discrete {
            let place = ((self.fraction * values.len() as f64).ceil() as usize).saturating_sub(1).min(last);
            return Some(*self.select(values, place).1);
        }
        let place = self.fraction * last as f64;
        let share = place - place.floor();
        let (_, lower, above) = self.select(values, (place.floor() as usize).min(last));
        let lower = *lower;
        if share == 0.0 {
            return Some(lower);
        }
        let upper = above.iter().copied().reduce(|a, b| if self.order(&a, &b).is_le() { a } else { b });
        Some(upper.map_or(lower, |upper| lower + share * (upper - lower)))
    }

    fn select(self, values: &mut [f64], place: usize) -> (&mut [f64], &mut f64, &mut [f64]) {
        values.select_nth_unstable_by(place, |a, b| self.order(a, b))
    }

    fn order(self, a: &f64, b: &f64) -> std::cmp::Ordering {
        if self.descending { b.total_cmp(a) } else { a.total_cmp(b) }
    }
}

/// The values of a group.
#[derive(Debug)]
struct Values {
    values: Vec<f64>,
    wanted: Wanted,
}

impl Values {
    fn add(&mut self, values: &Float64Array) -> Result<()> {
        let count = values.len() - values.null_count();
        if self.values.len() + count > MOST_VALUES {
            return Err(resources_datafusion_err!(
                "an exact percentile of more than {MOST_VALUES} values: take APPROX_PERCENTILE_CONT"
            ));
        }
        self.values.extend(values.iter().flatten());
        Ok(())
    }
}

impl Accumulator for Values {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.add(values[0].as_primitive::<Float64Type>())
    }

    /// Keeps the values, as a window asks again.
    fn evaluate(&mut self) -> Result<ScalarValue> {
        if self.wanted.distinct {
            self.values.sort_unstable_by(f64::total_cmp);
            self.values.dedup();
        }
        Ok(ScalarValue::Float64(self.wanted.among(&mut self.values)))
    }

    fn size(&self) -> usize {
        size_of::<Self>() + self.values.capacity() * size_of::<f64>()
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        let values = Float64Array::from(std::mem::take(&mut self.values));
        let offsets = OffsetBuffer::from_lengths([values.len()]);
        let list = ListArray::try_new(value_field(), offsets, Arc::new(values), None)?;
        Ok(vec![ScalarValue::List(Arc::new(list))])
    }

    /// A window that moves on loses its first values.
    fn retract_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        for gone in values[0].as_primitive::<Float64Type>().iter().flatten() {
            let place = self.values.iter().position(|value| value.to_bits() == gone.to_bits());
            let place = place.ok_or_else(|| exec_datafusion_err!("a value left a window that it was not in"))?;
            self.values.swap_remove(place);
        }
        Ok(())
    }

    /// Where each value was kept once, none can be taken away.
    fn supports_retract_batch(&self) -> bool {
        !self.wanted.distinct
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        for values in states[0].as_list::<i32>().iter().flatten() {
            self.add(values.as_primitive::<Float64Type>())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::functions::tester::query;

    fn wanted(fraction: f64, mode: i64) -> Wanted {
        Wanted { fraction, descending: mode & 1 != 0, discrete: mode & 2 != 0, distinct: false }
    }

    /// Expected values are PostgreSQL's, of `percentile_cont` and `percentile_disc` over these values.
    #[test]
    fn values_are_those_of_postgres() {
        let values = [8.0, 1.0, 4.0, 2.0, 16.0, f64::NAN];
        for (fraction, mode, expected) in [
            (0.0, 0, 1.0),
            (0.5, 0, 6.0),
            (0.3, 0, 3.0),
            (0.123_456_7, 0, 1.617_283_5),
            (0.3, 1, 12.0),
            (0.5, 2, 4.0),
            (0.51, 2, 8.0),
            (0.0, 2, 1.0),
            (0.34, 3, 8.0),
        ] {
            let found = wanted(fraction, mode).among(&mut values.clone()).unwrap();
            assert!((found - expected).abs() < 1e-12, "{fraction} {mode}: {found}");
        }
        assert!(wanted(1.0, 0).among(&mut values.clone()).unwrap().is_nan());
        assert_eq!(wanted(0.5, 0).among(&mut []), None);
    }

    #[tokio::test]
    async fn impossible_fractions_are_refused() {
        for (text, part) in [
            ("SELECT percentile(1.5, 1.5)", "from 0 to 1"),
            ("SELECT percentile(v, v) FROM (SELECT 0.5 AS v UNION ALL SELECT 1) AS t", "written out"),
        ] {
            let error = query(text).await.expect_err(text).to_string();
            assert!(error.contains(part), "{text}: {error}");
        }
    }
}
