//! Which rows hold numbers within given bounds?
//!
//! Comparisons of a column with a number are most of what people filter by. All those of one column come down to one closed
//! interval, which is tested in one pass over the values, 64 rows to a word of marks.
//!
//! ```text
//! g >= 15 AND g <= 18            15 <= g <= 18
//! CAST(c AS Float64) > 0.8       the least single-precision number above 0.8 <= c
//! ```
//! *Guarantee*: the answer is that of the comparisons: zero is zero of either sign, NaN lies above all numbers and equals itself,
//! null passes nothing.

use std::sync::Arc;

use arrow::array::{Array, AsArray, BooleanArray, PrimitiveArray, RecordBatch};
use arrow::buffer::{BooleanBuffer, Buffer};
use arrow::datatypes::{
    ArrowPrimitiveType, DataType, Float32Type, Float64Type, Int16Type, Int32Type, Int64Type, Schema,
};
use datafusion::common::ScalarValue;
use datafusion::logical_expr::Operator;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::{BinaryExpr, CastExpr, Column, IsNullExpr, Literal};
use datafusion::physical_expr::split_conjunction;

use super::extremes::rounded;

/// Rows that one word marks.
const WORD: usize = 64;

/// What a column's values may be: numbers from `low` to `high`, and what has no place among them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Span {
    pub(crate) low: f64,
    pub(crate) high: f64,
    pub(crate) nan: bool,
    pub(crate) null: bool,
}

/// Bounds of some columns.
#[derive(Debug, Clone, Default)]
pub(crate) struct Intervals {
    columns: Vec<(usize, Bounds)>,
}

/// What a column's values must lie between, its ends included.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Bounds {
    Single(Interval<f32>),
    Double(Interval<f64>),
    Integer(Interval<i64>),
}

/// An interval with its ends.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Interval<T> {
    low: T,
    /// `None` has no upper end: NaN lies within.
    high: Option<T>,
}

impl Intervals {
    /// Takes out of some comparisons over a schema what it can test itself, leaving the others.
    pub(crate) fn take(comparisons: &[Arc<dyn PhysicalExpr>], schema: &Schema) -> (Self, Vec<Arc<dyn PhysicalExpr>>) {
        let (mut intervals, mut others) = (Self::default(), Vec::new());
        for comparison in comparisons {
            match bounds(comparison.as_ref(), schema) {
                Some((column, bounds)) => intervals.add(column, bounds),
                None => others.push(Arc::clone(comparison)),
            }
        }
        (intervals, others)
    }

    /// The bounds of the columns, by number.
    pub(crate) fn spans(&self) -> impl Iterator<Item = (usize, Span)> {
        self.columns.iter().map(|(column, bounds)| (*column, bounds.span()))
    }

    fn add(&mut self, column: usize, bounds: Bounds) {
        let known = self.columns.iter_mut().find(|(other, _)| *other == column);
        match known.and_then(|(_, known)| Some((known.and(bounds)?, known))) {
            Some((both, known)) => *known = both,
            None => self.columns.push((column, bounds)),
        }
    }

    /// Whether nothing is bounded.
    pub(crate) fn is_empty(&self) -> bool {
        self.columns.is_empty()
    }

    /// Marks the rows whose values lie within all bounds.
    pub(crate) fn select(&self, batch: &RecordBatch) -> BooleanArray {
        let rows = batch.num_rows();
        let mut marks = vec![u64::MAX; rows.div_ceil(WORD)];
        for (column, bounds) in &self.columns {
            let column = batch.column(*column);
            match (bounds, column.data_type()) {
                (Bounds::Single(interval), _) => floats(column.as_primitive::<Float32Type>(), *interval, &mut marks),
                (Bounds::Double(interval), _) => floats(column.as_primitive::<Float64Type>(), *interval, &mut marks),
                (Bounds::Integer(interval), DataType::Int16) => integers::<Int16Type>(column, *interval, &mut marks),
                (Bounds::Integer(interval), DataType::Int32) => integers::<Int32Type>(column, *interval, &mut marks),
                (Bounds::Integer(interval), _) => integers::<Int64Type>(column, *interval, &mut marks),
            }
        }
        let mut marks = BooleanBuffer::new(Buffer::from_vec(marks), 0, rows);
        for (column, _) in &self.columns {
            if let Some(known) = batch.column(*column).nulls() {
                marks = &marks & known.inner();
            }
        }
        BooleanArray::new(marks, None)
    }
}

/// What a condition over a schema asks of columns, as far as is seen: rows that it is true for lie within all of it.
pub(crate) fn spans(condition: &Arc<dyn PhysicalExpr>, schema: &Schema) -> Vec<(usize, Span)> {
    split_conjunction(condition).into_iter().filter_map(|part| span(part.as_ref(), schema)).collect()
}

/// Whether a condition is true of no row at all.
pub(crate) fn is_false(condition: &Arc<dyn PhysicalExpr>) -> bool {
    let literal = condition.downcast_ref::<Literal>();
    literal.is_some_and(|literal| *literal.value() == ScalarValue::Boolean(Some(false)))
}

/// The column that a condition is about, and what it may be where that is true.
fn span(condition: &dyn PhysicalExpr, schema: &Schema) -> Option<(usize, Span)> {
    if let Some(is_null) = condition.downcast_ref::<IsNullExpr>() {
        let column = is_null.arg().downcast_ref::<Column>()?.index();
        return Some((column, Span { low: f64::INFINITY, high: f64::NEG_INFINITY, nan: false, null: true }));
    }
    if let Some((column, bounds)) = bounds(condition, schema) {
        return Some((column, bounds.span()));
    }
    let both = condition.downcast_ref::<BinaryExpr>()?;
    let sides = (span(both.left().as_ref(), schema), span(both.right().as_ref(), schema));
    match (both.op(), sides) {
        (Operator::And, (one, other)) => one.or(other),
        (Operator::Or, (Some((column, one)), Some((same, other)))) if column == same => Some((column, one.or(other))),
        _ => None,
    }
}

impl Span {
    /// What lies within one of both.
    fn or(self, other: Self) -> Self {
        let (low, high) = (self.low.min(other.low), self.high.max(other.high));
        Self { low, high, nan: self.nan || other.nan, null: self.null || other.null }
    }
}

impl Bounds {
    fn span(self) -> Span {
        let (low, high, nan) = match self {
            Self::Single(Interval { low, high }) => (f64::from(low), high.map(f64::from), true),
            Self::Double(Interval { low, high }) => (low, high, true),
            Self::Integer(Interval { low, high }) => (rounded(low).0, high.map(|high| rounded(high).1), false),
        };
        Span { low, high: high.unwrap_or(f64::INFINITY), nan: nan && high.is_none(), null: false }
    }

    /// What lies within both; `None` for different types.
    fn and(self, other: Self) -> Option<Self> {
        Some(match (self, other) {
            (Self::Single(one), Self::Single(other)) => Self::Single(one.and(other)),
            (Self::Double(one), Self::Double(other)) => Self::Double(one.and(other)),
            (Self::Integer(one), Self::Integer(other)) => Self::Integer(one.and(other)),
            _ => return None,
        })
    }
}

impl<T: PartialOrd + Copy> Interval<T> {
    /// No end is NaN.
    fn and(self, other: Self) -> Self {
        let low = if other.low > self.low { other.low } else { self.low };
        let high = match (self.high, other.high) {
            (Some(one), Some(other)) => Some(if other < one { other } else { one }),
            (one, other) => one.or(other),
        };
        Self { low, high }
    }
}

/// The column that an expression bounds, and how.
fn bounds(expr: &dyn PhysicalExpr, schema: &Schema) -> Option<(usize, Bounds)> {
    let comparison = expr.downcast_ref::<BinaryExpr>()?;
    let operator = *comparison.op();
    let number = comparison.right().downcast_ref::<Literal>()?.value();
    if let Some(cast) = comparison.left().downcast_ref::<CastExpr>() {
        let column = cast.expr().downcast_ref::<Column>()?.index();
        let of_single =
            schema.field(column).data_type() == &DataType::Float32 && cast.cast_type() == &DataType::Float64;
        let ScalarValue::Float64(Some(number)) = number else { return None };
        let interval = Some(*number).filter(|number| of_single && number.is_finite());
        return Some((column, Bounds::Single(interval_of_singles(operator, interval?)?)));
    }
    let column = comparison.left().downcast_ref::<Column>()?.index();
    let bounds = match (schema.field(column).data_type(), number) {
        (DataType::Float32, ScalarValue::Float32(Some(number))) if number.is_finite() => {
            Bounds::Single(interval_of_singles(operator, f64::from(*number))?)
        }
        (DataType::Float64, ScalarValue::Float64(Some(number))) if number.is_finite() => {
            let ends = (f64::NEG_INFINITY, number.next_down(), number.next_up());
            Bounds::Double(interval(operator, *number, ends)?)
        }
        (DataType::Int16, ScalarValue::Int16(Some(number))) => integer_interval(operator, i64::from(*number))?,
        (DataType::Int32, ScalarValue::Int32(Some(number))) => integer_interval(operator, i64::from(*number))?,
        (DataType::Int64, ScalarValue::Int64(Some(number))) => integer_interval(operator, *number)?,
        _ => return None,
    };
    Some((column, bounds))
}

/// What an operator and a number allow, between the lowest value of the type and none above; with the value's neighbours.
fn interval<T: Copy>(operator: Operator, number: T, (lowest, below, above): (T, T, T)) -> Option<Interval<T>> {
    let (low, high) = match operator {
        Operator::Gt => (above, None),
        Operator::GtEq => (number, None),
        Operator::Lt => (lowest, Some(below)),
        Operator::LtEq => (lowest, Some(number)),
        Operator::Eq => (number, Some(number)),
        _ => return None,
    };
    Some(Interval { low, high })
}

fn integer_interval(operator: Operator, number: i64) -> Option<Bounds> {
    let ends = (i64::MIN, number.checked_sub(1)?, number.checked_add(1)?);
    Some(Bounds::Integer(interval(operator, number, ends)?))
}

/// The single-precision numbers that compare so with a double.
#[expect(clippy::cast_possible_truncation, reason = "the neighbours of what it is rounded to are looked at")]
fn interval_of_singles(operator: Operator, number: f64) -> Option<Interval<f32>> {
    let rounded = number as f32;
    let (mut at_least, mut at_most) = (rounded, rounded);
    while f64::from(at_least) < number {
        at_least = at_least.next_up();
    }
    while f64::from(at_most) > number {
        at_most = at_most.next_down();
    }
    let exact = at_least == at_most;
    let above = if exact { at_least.next_up() } else { at_least };
    let below = if exact { at_most.next_down() } else { at_most };
    let (low, high) = match operator {
        Operator::Gt => (above, None),
        Operator::GtEq => (at_least, None),
        Operator::Lt => (f32::NEG_INFINITY, Some(below)),
        Operator::LtEq => (f32::NEG_INFINITY, Some(at_most)),
        // Empty where the number is none of single precision.
        Operator::Eq => (at_least, Some(at_most)),
        _ => return None,
    };
    Some(Interval { low, high })
}

#[expect(clippy::neg_cmp_op_on_partial_ord, reason = "NaN is not below the lower end")]
fn floats<T>(column: &PrimitiveArray<T>, Interval { low, high }: Interval<T::Native>, marks: &mut [u64])
where
    T: ArrowPrimitiveType,
    T::Native: PartialOrd,
{
    match high {
        Some(high) => mark(column.values(), marks, |value| (low <= value) & (value <= high)),
        None => mark(column.values(), marks, |value| !(value < low)),
    }
}

fn integers<T>(column: &dyn Array, Interval { low, high }: Interval<i64>, marks: &mut [u64])
where
    T: ArrowPrimitiveType,
    i64: From<T::Native>,
{
    let high = high.unwrap_or(i64::MAX);
    mark(column.as_primitive::<T>().values(), marks, |value| {
        let value = i64::from(value);
        (low <= value) & (value <= high)
    });
}

/// Takes the marks of values away that fail a test.
#[inline]
fn mark<T: Copy>(values: &[T], marks: &mut [u64], test: impl Fn(T) -> bool) {
    let (whole, rest) = values.as_chunks::<WORD>();
    for (word, values) in marks.iter_mut().zip(whole) {
        let mut passed = [0_u8; WORD];
        // Of a known length, so that it is done many at a time.
        for (passed, value) in passed.iter_mut().zip(values) {
            *passed = u8::from(test(*value));
        }
        *word &= packed(&passed);
    }
    if let Some(word) = marks.get_mut(whole.len()) {
        let passed = rest.iter().enumerate().filter(|(_, value)| test(**value));
        *word &= passed.fold(0, |word, (place, _)| word | 1 << place);
    }
}

/// Zeros and ones as bits, the first the lowest.
#[inline]
fn packed(flags: &[u8; WORD]) -> u64 {
    // Bit 8 i of a word goes to bit 56 + i, and no two meet.
    const GATHER: u64 = 0x0102_0408_1020_4080;
    let (eights, _) = flags.as_chunks::<8>();
    let bits = |flags: &[u8; 8]| u64::from_le_bytes(*flags).wrapping_mul(GATHER) >> 56;
    eights.iter().rev().fold(0, |word, flags| word << 8 | bits(flags))
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{ArrayRef, Float32Array, Float64Array, Int32Array, Int64Array};
    use arrow::compute::{and, prep_null_mask_filter};
    use datafusion::physical_expr::expressions::lit;
    use proptest::prelude::*;

    const OPERATORS: [Operator; 6] =
        [Operator::Gt, Operator::GtEq, Operator::Lt, Operator::LtEq, Operator::Eq, Operator::NotEq];

    fn double() -> impl Strategy<Value = f64> {
        let few = prop::sample::select(vec![0.0, -0.0, 0.8, 1.0, 1.5, -1.0, f64::from(0.8_f32), 1e300, -1e300]);
        let odd = prop::sample::select(vec![f64::NAN, f64::INFINITY, f64::NEG_INFINITY, f64::MAX, 5e-324, 1e-46]);
        prop_oneof![3 => few, 1 => odd, 3 => -2.0..2.0]
    }

    fn batch(values: &[Option<f64>]) -> RecordBatch {
        let singles: Float32Array = values.iter().map(|value| value.map(|value| value as f32)).collect();
        let ints: Int32Array = values.iter().map(|value| value.map(|value| value as i32)).collect();
        let longs: Int64Array = values.iter().map(|value| value.map(|value| value as i64)).collect();
        let columns: [(&str, ArrayRef); 4] = [
            ("single", Arc::new(singles)),
            ("double", Arc::new(Float64Array::from(values.to_vec()))),
            ("int", Arc::new(ints)),
            ("long", Arc::new(longs)),
        ];
        RecordBatch::try_from_iter_with_nullable(columns.map(|(name, column)| (name, column, true))).unwrap()
    }

    fn comparison(schema: &Schema, kind: usize, operator: Operator, number: f64) -> Arc<dyn PhysicalExpr> {
        let column = |name: &str| Arc::new(Column::new_with_schema(name, schema).unwrap()) as Arc<dyn PhysicalExpr>;
        let wide = |name: &str| Arc::new(CastExpr::new(column(name), DataType::Float64, None)) as _;
        let (left, right): (Arc<dyn PhysicalExpr>, _) = match kind {
            0 => (column("single"), lit(number as f32)),
            1 => (wide("single"), lit(number)),
            2 => (column("double"), lit(number)),
            3 => (column("int"), lit(number as i32)),
            4 => (wide("int"), lit(number)),
            _ => (column("long"), lit(number as i64)),
        };
        Arc::new(BinaryExpr::new(left, operator, right))
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]
        #[test]
        fn intervals_are_the_comparisons(
            values in prop::collection::vec(prop::option::weighted(0.9, double()), 0..200),
            wanted in prop::collection::vec((0_usize..6, 0_usize..6, double()), 0..6)
        ) {
            let batch = batch(&values);
            let schema = batch.schema();
            let wanted: Vec<_> =
                wanted.iter().map(|(kind, op, number)| comparison(&schema, *kind, OPERATORS[*op], *number)).collect();
            let (intervals, others) = Intervals::take(&wanted, &schema);
            let all = |exprs: &[Arc<dyn PhysicalExpr>]| {
                exprs.iter().fold(BooleanArray::from(vec![true; values.len()]), |marks, expr| {
                    let value = expr.evaluate(&batch).unwrap().into_array(values.len()).unwrap();
                    let value = value.as_boolean();
                    let value = if value.null_count() > 0 { prep_null_mask_filter(value) } else { value.clone() };
                    and(&marks, &value).unwrap()
                })
            };
            prop_assert_eq!(and(&intervals.select(&batch), &all(&others)).unwrap(), all(&wanted));
        }
    }

    #[test]
    fn what_is_taken() {
        let batch = batch(&[]);
        let taken =
            |kind, op| !Intervals::take(&[comparison(&batch.schema(), kind, op, 0.8)], &batch.schema()).0.is_empty();
        for kind in [0, 1, 2, 3, 5] {
            assert!(OPERATORS[..5].iter().all(|op| taken(kind, *op)) && !taken(kind, Operator::NotEq), "{kind}");
        }
        assert!(!taken(4, Operator::Gt));
    }
}
