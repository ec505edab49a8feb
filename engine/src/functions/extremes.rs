//! Which of a group's numbers is the least, and which the greatest, where some are NaN or infinite?
//!
//! [`Extreme`] takes the place of DataFusion's `min` and `max` for floating-point numbers in groups: those let NaN come
//! and go with the order of rows, and know no infinite extreme. Here NaN is above every number, as everywhere. All other
//! types, and answers without groups, are DataFusion's own.
//!
//! This module must not know where the values come from.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, ArrowPrimitiveType, AsArray, BooleanArray, PrimitiveArray};
use arrow::buffer::NullBuffer;
use arrow::datatypes::{DataType, FieldRef, Float32Type, Float64Type};
use datafusion::common::{Result, ScalarValue};
use datafusion::functions_aggregate::min_max::{max_udaf, min_udaf};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::utils::AggregateOrderSensitivity;
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, Documentation, EmitTo, GroupsAccumulator, ReversedUDAF,
    SetMonotonicity, Signature, StatisticsArgs,
};
use datafusion::physical_expr::NullState;

/// `min` or `max` of groups by the one order of numbers.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct Extreme {
    plain: Arc<AggregateUDF>,
    end: End,
}

/// Which end of the order is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum End {
    Least,
    Greatest,
}

impl Extreme {
    /// `min`.
    pub(crate) fn least() -> Self {
        Self { plain: min_udaf(), end: End::Least }
    }

    /// Whether it is `min`.
    pub(crate) fn is_least(&self) -> bool {
        self.end == End::Least
    }

    /// `max`.
    pub(crate) fn greatest() -> Self {
        Self { plain: max_udaf(), end: End::Greatest }
    }
}

impl AggregateUDFImpl for Extreme {
    fn name(&self) -> &str {
        self.plain.name()
    }

    fn signature(&self) -> &Signature {
        self.plain.signature()
    }

    fn return_type(&self, arg_types: &[DataType]) -> Result<DataType> {
        self.plain.return_type(arg_types)
    }

    fn coerce_types(&self, arg_types: &[DataType]) -> Result<Vec<DataType>> {
        self.plain.coerce_types(arg_types)
    }

    fn accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        self.plain.accumulator(args)
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        self.plain.state_fields(args)
    }

    fn groups_accumulator_supported(&self, args: AccumulatorArgs) -> bool {
        self.plain.groups_accumulator_supported(args)
    }

    fn create_groups_accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn GroupsAccumulator>> {
        match args.return_field.data_type() {
            DataType::Float32 => Ok(Box::new(GroupExtremes::<Float32Type>::new(self.end))),
            DataType::Float64 => Ok(Box::new(GroupExtremes::<Float64Type>::new(self.end))),
            _ => self.plain.create_groups_accumulator(args),
        }
    }

    fn create_sliding_accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        self.plain.create_sliding_accumulator(args)
    }

    fn value_from_stats(&self, statistics: &StatisticsArgs) -> Option<ScalarValue> {
        self.plain.value_from_stats(statistics)
    }

    fn is_descending(&self) -> Option<bool> {
        self.plain.inner().is_descending()
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

/// A type of floating-point numbers.
trait Float: ArrowPrimitiveType<Native: PartialOrd> + std::fmt::Debug + Send + Sync {
    const NAN: Self::Native;
    const INFINITY: Self::Native;
    const MINUS_INFINITY: Self::Native;
}

impl Float for Float32Type {
    const NAN: f32 = f32::NAN;
    const INFINITY: f32 = f32::INFINITY;
    const MINUS_INFINITY: f32 = f32::NEG_INFINITY;
}

impl Float for Float64Type {
    const NAN: f64 = f64::NAN;
    const INFINITY: f64 = f64::INFINITY;
    const MINUS_INFINITY: f64 = f64::NEG_INFINITY;
}

/// One extreme a group.
#[derive(Debug)]
struct GroupExtremes<T: Float> {
    extremes: Vec<T::Native>,
    nulls: NullState,
    end: End,
}

impl<T: Float> GroupExtremes<T> {
    fn new(end: End) -> Self {
        Self { extremes: Vec::new(), nulls: NullState::new(), end }
    }
}

impl<T: Float> GroupsAccumulator for GroupExtremes<T> {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        opt_filter: Option<&BooleanArray>,
        total_num_groups: usize,
    ) -> Result<()> {
        // What a slot begins with gives way to, or equals, the first value of its group.
        let first = if self.end == End::Least { T::NAN } else { T::MINUS_INFINITY };
        self.extremes.resize(total_num_groups, first);
        let (extremes, end) = (&mut self.extremes, self.end);
        let values = values[0].as_primitive::<T>();
        self.nulls.accumulate(group_indices, values, opt_filter, total_num_groups, |group, value| {
            let slot = &mut extremes[group];
            // A comparison with NaN is false.
            let is_number = value <= T::INFINITY;
            let had_number = *slot <= T::INFINITY;
            let replaces = match end {
                End::Least => is_number && (!had_number || value < *slot),
                End::Greatest => !is_number || value > *slot,
            };
            if replaces {
                *slot = if is_number { value } else { T::NAN };
            }
        });
        Ok(())
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        let extremes = emit_to.take_needed(&mut self.extremes);
        let nulls = self.nulls.build(emit_to);
        Ok(Arc::new(PrimitiveArray::<T>::new(extremes.into(), nulls)))
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        Ok(vec![self.evaluate(emit_to)?])
    }

    fn merge_batch(&mut self, values: &[ArrayRef], group_indices: &[usize], total_num_groups: usize) -> Result<()> {
        self.update_batch(values, group_indices, None, total_num_groups)
    }

    /// A value is the extreme of itself.
    fn convert_to_state(&self, values: &[ArrayRef], opt_filter: Option<&BooleanArray>) -> Result<Vec<ArrayRef>> {
        let values = values[0].as_primitive::<T>();
        let kept = opt_filter.map(|filter| {
            let kept = (0..filter.len()).map(|row| filter.is_valid(row) && filter.value(row));
            kept.collect::<NullBuffer>()
        });
        let nulls = NullBuffer::union(values.nulls(), kept.as_ref());
        Ok(vec![Arc::new(PrimitiveArray::<T>::new(values.values().clone(), nulls))])
    }

    fn size(&self) -> usize {
        self.extremes.capacity() * size_of::<T::Native>() + self.nulls.size()
    }
}
