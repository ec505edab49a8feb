//! How are numbers added up without wrapping around?
//!
//! [`CheckedSum`] takes the place of DataFusion's `sum`, which wraps silently. Integers are added in 128 bits and the
//! total must fit the result type; everything else is DataFusion's own. The partial state of integers is a
//! `Decimal128(38, 0)`: fewer than 2^63 values of 64 bits cannot exceed it.
//!
//! This module must not know where the values come from.

use std::collections::HashSet;
use std::mem::size_of;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, ArrowNumericType, AsArray, BooleanArray, Decimal128Array, PrimitiveArray};
use arrow::buffer::NullBuffer;
use arrow::datatypes::{DataType, Decimal128Type, Field, FieldRef, Int64Type, UInt64Type};
use datafusion::common::{DataFusionError, Result, ScalarValue, exec_datafusion_err, not_impl_err};
use datafusion::functions_aggregate::sum::sum_udaf;
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::utils::{AggregateOrderSensitivity, format_state_name};
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, Documentation, EmitTo, GroupsAccumulator, ReversedUDAF,
    SetMonotonicity, Signature,
};
use datafusion::physical_expr::NullState;

const STATE: DataType = DataType::Decimal128(38, 0);

/// `sum` with an error in place of a wrapped total.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct CheckedSum {
    plain: Arc<AggregateUDF>,
}

impl CheckedSum {
    /// The function.
    pub(crate) fn new() -> Self {
        Self { plain: sum_udaf() }
    }
}

impl AggregateUDFImpl for CheckedSum {
    fn name(&self) -> &str {
        "sum"
    }

    fn signature(&self) -> &Signature {
        self.plain.signature()
    }

    fn return_type(&self, arg_types: &[DataType]) -> Result<DataType> {
        self.plain.return_type(arg_types)
    }

    fn accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        match (args.return_field.data_type(), args.is_distinct) {
            (DataType::Int64, false) => Ok(Box::new(Total::<Int64Type>::default())),
            (DataType::UInt64, false) => Ok(Box::new(Total::<UInt64Type>::default())),
            (DataType::Int64, true) => Ok(Box::new(DistinctTotal::<Int64Type>::default())),
            (DataType::UInt64, true) => Ok(Box::new(DistinctTotal::<UInt64Type>::default())),
            _ => self.plain.accumulator(args),
        }
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        if args.is_distinct || !args.return_type().is_integer() {
            return self.plain.state_fields(args);
        }
        Ok(vec![Arc::new(Field::new(format_state_name(args.name, "sum"), STATE, true))])
    }

    fn groups_accumulator_supported(&self, args: AccumulatorArgs) -> bool {
        !args.is_distinct
    }

    fn create_groups_accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn GroupsAccumulator>> {
        match args.return_field.data_type() {
            DataType::Int64 => Ok(Box::new(GroupTotals::<Int64Type>::new())),
            DataType::UInt64 => Ok(Box::new(GroupTotals::<UInt64Type>::new())),
            _ => self.plain.create_groups_accumulator(args),
        }
    }

    fn create_sliding_accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        let is_integer = args.return_field.data_type().is_integer();
        match args.is_distinct {
            false if is_integer => self.accumulator(args),
            true if is_integer => not_impl_err!("sum(DISTINCT ..) over a sliding window of integers"),
            _ => self.plain.create_sliding_accumulator(args),
        }
    }

    fn reverse_expr(&self) -> ReversedUDAF {
        ReversedUDAF::Identical
    }

    fn order_sensitivity(&self) -> AggregateOrderSensitivity {
        AggregateOrderSensitivity::Insensitive
    }

    fn set_monotonicity(&self, data_type: &DataType) -> SetMonotonicity {
        self.plain.inner().set_monotonicity(data_type)
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.plain.documentation()
    }
}

/// An integer type that totals are given in.
trait Integer: ArrowNumericType<Native: Into<i128> + TryFrom<i128>> + std::fmt::Debug + Send + Sync {
    /// The values of a slice added up.
    fn add_up(values: &[Self::Native]) -> i128;
}

/// Values added in 64 bits before the wide total takes them: their halves cannot overflow.
const CHUNK: usize = 1 << 20;

impl Integer for Int64Type {
    fn add_up(values: &[i64]) -> i128 {
        let halves = |chunk: &[i64]| {
            let high: i64 = chunk.iter().map(|value| value >> 32).sum();
            let low: i64 = chunk.iter().map(|value| value & 0xFFFF_FFFF).sum();
            (i128::from(high) << 32) + i128::from(low)
        };
        values.chunks(CHUNK).map(halves).sum()
    }
}

impl Integer for UInt64Type {
    fn add_up(values: &[u64]) -> i128 {
        let halves = |chunk: &[u64]| {
            let high: u64 = chunk.iter().map(|value| value >> 32).sum();
            let low: u64 = chunk.iter().map(|value| value & 0xFFFF_FFFF).sum();
            (i128::from(high) << 32) + i128::from(low)
        };
        values.chunks(CHUNK).map(halves).sum()
    }
}

fn fitted<T: Integer>(total: i128) -> Result<T::Native> {
    T::Native::try_from(total)
        .map_err(|_| exec_datafusion_err!("integer overflow in sum: {total} does not fit {}", T::DATA_TYPE))
}

/// Adds the values that are not null; also how many there were.
fn add_valid<T: Integer>(values: &PrimitiveArray<T>) -> (i128, u64) {
    let count = (values.len() - values.null_count()) as u64;
    let total = match values.nulls() {
        Some(nulls) if values.null_count() > 0 => {
            let runs = nulls.valid_slices();
            runs.map(|(start, end)| T::add_up(&values.values()[start..end])).sum()
        }
        _ => T::add_up(values.values()),
    };
    (total, count)
}

/// One total, over all rows or over a sliding window.
#[derive(Debug)]
struct Total<T> {
    total: i128,
    count: u64,
    result: std::marker::PhantomData<T>,
}

impl<T> Default for Total<T> {
    fn default() -> Self {
        Self { total: 0, count: 0, result: std::marker::PhantomData }
    }
}

impl<T: Integer> Accumulator for Total<T> {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let (total, count) = add_valid(values[0].as_primitive::<T>());
        self.total += total;
        self.count += count;
        Ok(())
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        let total = if self.count == 0 { None } else { Some(fitted::<T>(self.total)?) };
        ScalarValue::new_primitive::<T>(total, &T::DATA_TYPE)
    }

    fn size(&self) -> usize {
        size_of::<Self>()
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        let total = (self.count > 0).then_some(self.total);
        Ok(vec![ScalarValue::Decimal128(total, 38, 0)])
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        for total in states[0].as_primitive::<Decimal128Type>().iter().flatten() {
            self.total += total;
            self.count += 1;
        }
        Ok(())
    }

    fn retract_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let (total, count) = add_valid(values[0].as_primitive::<T>());
        self.total -= total;
        self.count -= count;
        Ok(())
    }

    fn supports_retract_batch(&self) -> bool {
        true
    }
}

/// The total of values that were each seen once or more.
#[derive(Debug)]
struct DistinctTotal<T: Integer> {
    seen: HashSet<i128>,
    result: std::marker::PhantomData<T>,
}

impl<T: Integer> Default for DistinctTotal<T> {
    fn default() -> Self {
        Self { seen: HashSet::new(), result: std::marker::PhantomData }
    }
}

impl<T: Integer> Accumulator for DistinctTotal<T> {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.seen.extend(values[0].as_primitive::<T>().iter().flatten().map(Into::into));
        Ok(())
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        let total = if self.seen.is_empty() { None } else { Some(fitted::<T>(self.seen.iter().sum())?) };
        ScalarValue::new_primitive::<T>(total, &T::DATA_TYPE)
    }

    fn size(&self) -> usize {
        size_of::<Self>() + self.seen.capacity() * (size_of::<i128>() + 1)
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        let values = self.seen.iter().map(|value| {
            let value = fitted::<T>(*value)?;
            ScalarValue::new_primitive::<T>(Some(value), &T::DATA_TYPE)
        });
        let values = values.collect::<Result<Vec<_>>>()?;
        Ok(vec![ScalarValue::List(ScalarValue::new_list_nullable(&values, &T::DATA_TYPE))])
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        for values in states[0].as_list::<i32>().iter().flatten() {
            self.update_batch(&[values])?;
        }
        Ok(())
    }
}

/// One total a group.
#[derive(Debug)]
struct GroupTotals<T> {
    totals: Vec<i128>,
    nulls: NullState,
    result: std::marker::PhantomData<T>,
}

impl<T> GroupTotals<T> {
    fn new() -> Self {
        Self { totals: Vec::new(), nulls: NullState::new(), result: std::marker::PhantomData }
    }

    /// Adds values of any type that the wide total takes.
    fn add<V: ArrowNumericType<Native: Into<i128>> + Send>(
        &mut self,
        values: &PrimitiveArray<V>,
        groups: &[usize],
        filter: Option<&BooleanArray>,
        group_count: usize,
    ) {
        self.totals.resize(group_count, 0);
        let totals = &mut self.totals;
        self.nulls.accumulate(groups, values, filter, group_count, |group, value| totals[group] += value.into());
    }
}

impl<T: Integer> GroupsAccumulator for GroupTotals<T> {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        opt_filter: Option<&BooleanArray>,
        total_num_groups: usize,
    ) -> Result<()> {
        self.add(values[0].as_primitive::<T>(), group_indices, opt_filter, total_num_groups);
        Ok(())
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        let totals = emit_to.take_needed(&mut self.totals);
        let nulls = self.nulls.build(emit_to);
        let totals = totals.into_iter().map(fitted::<T>).collect::<Result<Vec<_>>>()?;
        Ok(Arc::new(PrimitiveArray::<T>::new(totals.into(), nulls)))
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        let totals = emit_to.take_needed(&mut self.totals);
        let nulls = self.nulls.build(emit_to);
        Ok(vec![state_array(totals, nulls)?])
    }

    fn merge_batch(&mut self, values: &[ArrayRef], group_indices: &[usize], total_num_groups: usize) -> Result<()> {
        self.add(values[0].as_primitive::<Decimal128Type>(), group_indices, None, total_num_groups);
        Ok(())
    }

    fn convert_to_state(&self, values: &[ArrayRef], opt_filter: Option<&BooleanArray>) -> Result<Vec<ArrayRef>> {
        let values = values[0].as_primitive::<T>();
        let kept = opt_filter.map(|filter| {
            let kept = (0..filter.len()).map(|row| filter.is_valid(row) && filter.value(row));
            kept.collect::<NullBuffer>()
        });
        let nulls = NullBuffer::union(values.nulls(), kept.as_ref());
        let totals = values.values().iter().map(|value| (*value).into()).collect();
        Ok(vec![state_array(totals, nulls)?])
    }

    fn size(&self) -> usize {
        self.totals.capacity() * size_of::<i128>() + self.nulls.size()
    }
}

fn state_array(totals: Vec<i128>, nulls: Option<NullBuffer>) -> Result<ArrayRef, DataFusionError> {
    Ok(Arc::new(Decimal128Array::new(totals.into(), nulls).with_precision_and_scale(38, 0)?))
}
