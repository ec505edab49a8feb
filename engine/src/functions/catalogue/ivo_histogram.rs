//! `ivo_histogram(value, lower, upper, bins)`: how many values of a group are in each of some bins?
//!
//! ```text
//! list:   0          1 ... bins              bins + 1
//! counts  below      bins of equal width     from upper on
//! ```

use std::hash::{Hash, Hasher};
use std::mem::size_of;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Int64Array, ListArray};
use arrow::buffer::OffsetBuffer;
use arrow::datatypes::{DataType, Field, FieldRef, Float64Type, Int64Type};
use datafusion::common::{Result, ScalarValue, exec_err, not_impl_err, plan_datafusion_err, plan_err};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::utils::format_state_name;
use datafusion::logical_expr::{
    Accumulator, AggregateUDFImpl, Documentation, EmitTo, GroupsAccumulator, Signature, Volatility,
};
use datafusion::physical_expr::expressions::Literal;

use super::super::documentation::number_page;
use super::super::form::{Argument, Form, coerce};

/// Most bins of one histogram.
const MOST_BINS: i64 = 100_000;

/// Most counts of all groups together: 64 MiB.
const MOST_COUNTS: usize = 8 << 20;

/// Counts the values of a group by bins.
///
/// *Nulls*: null and NaN are not counted; a group without values has counts of 0. *Errors*: bins outside 1 to 100,000, or
/// bounds that are not literals, finite and ascending; more than 2^23 counts in all groups. *Source*: IVOA catalogue of
/// ADQL user-defined functions 1.2, section 2.7.
#[derive(Debug)]
pub(crate) struct Histogram {
    signature: Signature,
    documentation: Documentation,
}

impl Histogram {
    /// The function.
    pub(crate) fn new() -> Self {
        let documentation = number_page(
            "How many values of a group are in each of some bins of equal width: an aggregate. The first count is of the \
             values below, the last of those from `upper` on; null and NaN are not counted.",
            "IVO_HISTOGRAM(value, lower, upper, bins)",
        )
        .with_argument("value", "a number")
        .with_argument("lower, upper", "where the bins begin and end, written out")
        .with_argument("bins", "how many, written out, 1 to 100000; `bins + 2` counts come of it")
        .with_sql_example(
            "SELECT IVO_HISTOGRAM(v, 0, 2, 2)\nFROM (SELECT -1 AS v UNION ALL SELECT 0.5 UNION ALL SELECT 1.5 UNION ALL SELECT 2) AS t",
        )
        .build();
        Self { signature: Signature::user_defined(Volatility::Immutable), documentation }
    }
}

impl PartialEq for Histogram {
    fn eq(&self, _other: &Self) -> bool {
        true
    }
}

impl Eq for Histogram {}

impl Hash for Histogram {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name().hash(state);
    }
}

impl AggregateUDFImpl for Histogram {
    fn name(&self) -> &str {
        "ivo_histogram"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, arg_types: &[DataType]) -> Result<Vec<DataType>> {
        let forms = [Form::Exact(&[Argument::Number, Argument::Number, Argument::Number, Argument::Integer])];
        coerce(self.name(), &forms, arg_types)
    }

    fn return_type(&self, _arg_types: &[DataType]) -> Result<DataType> {
        Ok(DataType::List(count_field()))
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        let name = format_state_name(args.name, "histogram");
        Ok(vec![Arc::new(Field::new(name, DataType::List(count_field()), true))])
    }

    fn accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        let bins = Bins::of(&args)?;
        Ok(Box::new(Counts { counts: vec![0; bins.counts()], bins }))
    }

    fn groups_accumulator_supported(&self, _args: AccumulatorArgs) -> bool {
        true
    }

    fn create_groups_accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn GroupsAccumulator>> {
        Ok(Box::new(GroupCounts { bins: Bins::of(&args)?, counts: Vec::new() }))
    }

    fn documentation(&self) -> Option<&Documentation> {
        Some(&self.documentation)
    }
}

fn count_field() -> FieldRef {
    Arc::new(Field::new("item", DataType::Int64, true))
}

/// Where the bins are.
#[derive(Debug, Clone, Copy)]
struct Bins {
    lower: f64,
    upper: f64,
    number: usize,
}

impl Bins {
    fn of(args: &AccumulatorArgs) -> Result<Self> {
        if args.is_distinct {
            return not_impl_err!("ivo_histogram(DISTINCT ..)");
        }
        let literal = |index: usize, what: &str| {
            let literal = args.exprs.get(index).and_then(|expr| expr.downcast_ref::<Literal>());
            literal
                .map(Literal::value)
                .ok_or_else(|| plan_datafusion_err!("the {what} of ivo_histogram must be a number, written out"))
        };
        let bound = |index: usize, what: &str| match literal(index, what)? {
            ScalarValue::Float64(Some(bound)) if bound.is_finite() => Ok(*bound),
            _ => plan_err!("the {what} of ivo_histogram must be a finite number"),
        };
        let (lower, upper) = (bound(1, "lower bound")?, bound(2, "upper bound")?);
        if lower >= upper {
            return plan_err!("ivo_histogram from {lower} to {upper} has no width: the lower bound comes first");
        }
        match literal(3, "number of bins")? {
            ScalarValue::Int64(Some(number @ 1..=MOST_BINS)) => {
                let number = usize::try_from(*number).unwrap_or(1);
                Ok(Self { lower, upper, number })
            }
            ScalarValue::Int64(Some(number)) => {
                plan_err!("ivo_histogram of {number} bins: expected 1 to {MOST_BINS}")
            }
            _ => plan_err!("the number of bins of ivo_histogram must be a whole number"),
        }
    }

    /// Bins and both ends.
    fn counts(self) -> usize {
        self.number + 2
    }

    /// The place in the list of a value that is a number.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the share is within 0 and 1")]
    fn place(self, value: f64) -> usize {
        if value < self.lower {
            return 0;
        }
        if value >= self.upper {
            return self.number + 1;
        }
        // Halves, so that the width of bounds far apart is finite.
        let share = (value / 2.0 - self.lower / 2.0) / (self.upper / 2.0 - self.lower / 2.0);
        1 + ((share * self.number as f64) as usize).min(self.number - 1)
    }
}

/// One histogram.
#[derive(Debug)]
struct Counts {
    bins: Bins,
    counts: Vec<i64>,
}

impl Accumulator for Counts {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let values = values[0].as_primitive::<Float64Type>();
        for value in values.iter().flatten().filter(|value| !value.is_nan()) {
            self.counts[self.bins.place(value)] += 1;
        }
        Ok(())
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        let counts = std::mem::replace(&mut self.counts, vec![0; self.bins.counts()]);
        Ok(ScalarValue::List(Arc::new(lists(counts, self.bins.counts())?)))
    }

    fn size(&self) -> usize {
        size_of::<Self>() + self.counts.capacity() * size_of::<i64>()
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        Ok(vec![self.evaluate()?])
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        for counts in states[0].as_list::<i32>().iter().flatten() {
            add(&mut self.counts, counts.as_primitive::<Int64Type>());
        }
        Ok(())
    }
}

/// One histogram a group, one after the other.
#[derive(Debug)]
struct GroupCounts {
    bins: Bins,
    counts: Vec<i64>,
}

impl GroupCounts {
    fn grow(&mut self, groups: usize) -> Result<()> {
        let wanted = groups.saturating_mul(self.bins.counts());
        if wanted > MOST_COUNTS {
            let bins = self.bins.number;
            return exec_err!("ivo_histogram of {bins} bins in {groups} groups: more than {MOST_COUNTS} counts");
        }
        self.counts.resize(wanted, 0);
        Ok(())
    }
}

impl GroupsAccumulator for GroupCounts {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        opt_filter: Option<&BooleanArray>,
        total_num_groups: usize,
    ) -> Result<()> {
        self.grow(total_num_groups)?;
        let values = values[0].as_primitive::<Float64Type>();
        let kept = |row: usize| opt_filter.is_none_or(|filter| filter.is_valid(row) && filter.value(row));
        for (row, (value, group)) in values.iter().zip(group_indices).enumerate() {
            let Some(value) = value.filter(|value| !value.is_nan() && kept(row)) else { continue };
            self.counts[group * self.bins.counts() + self.bins.place(value)] += 1;
        }
        Ok(())
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        let emitted = match emit_to {
            EmitTo::All => std::mem::take(&mut self.counts),
            EmitTo::First(groups) => {
                let rest = self.counts.split_off(groups * self.bins.counts());
                std::mem::replace(&mut self.counts, rest)
            }
        };
        Ok(Arc::new(lists(emitted, self.bins.counts())?))
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        Ok(vec![self.evaluate(emit_to)?])
    }

    fn merge_batch(&mut self, values: &[ArrayRef], group_indices: &[usize], total_num_groups: usize) -> Result<()> {
        self.grow(total_num_groups)?;
        let length = self.bins.counts();
        for (counts, group) in values[0].as_list::<i32>().iter().zip(group_indices) {
            if let Some(counts) = counts {
                add(&mut self.counts[group * length..(group + 1) * length], counts.as_primitive::<Int64Type>());
            }
        }
        Ok(())
    }

    fn convert_to_state(&self, values: &[ArrayRef], opt_filter: Option<&BooleanArray>) -> Result<Vec<ArrayRef>> {
        let rows = values[0].len();
        let mut each = Self { bins: self.bins, counts: Vec::new() };
        each.update_batch(values, &(0..rows).collect::<Vec<_>>(), opt_filter, rows)?;
        each.state(EmitTo::All)
    }

    fn size(&self) -> usize {
        size_of::<Self>() + self.counts.capacity() * size_of::<i64>()
    }
}

fn add(totals: &mut [i64], counts: &Int64Array) {
    totals.iter_mut().zip(counts.values()).for_each(|(total, count)| *total += count);
}

/// Lists of one length, one after the other.
fn lists(counts: Vec<i64>, length: usize) -> Result<ListArray> {
    let offsets = OffsetBuffer::from_lengths(std::iter::repeat_n(length, counts.len() / length));
    Ok(ListArray::try_new(count_field(), offsets, Arc::new(Int64Array::from(counts)), None)?)
}
