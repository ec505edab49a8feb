//! What are the items of an array, by row?
//!
//! Reads every list type of Arrow, a constant or one a row, in the same way. This module must not know any function.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, FixedSizeListArray, Float64Array, Int64Array, ListArray};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::datatypes::{DataType, Field, FieldRef, Float64Type, Int64Type};
use datafusion::common::{Result, exec_datafusion_err};
use datafusion::logical_expr::ColumnarValue;

/// The items of an array type; `None` for any other type.
pub(super) fn item_type(kind: &DataType) -> Option<&DataType> {
    match kind {
        DataType::List(item) | DataType::LargeList(item) | DataType::FixedSizeList(item, _) => Some(item.data_type()),
        _ => None,
    }
}

/// Whether values of a type are arrays of numbers, or null.
pub(super) fn is_numeric_list(kind: &DataType) -> bool {
    item_type(kind).is_some_and(|item| item.is_numeric() || item.is_null())
}

/// The array type of doubles of the same length as another array type.
pub(super) fn doubles_like(kind: &DataType) -> DataType {
    match kind {
        DataType::FixedSizeList(_, length) => DataType::FixedSizeList(item_field(), *length),
        _ => doubles(),
    }
}

/// Arrays of doubles of any length.
pub(super) fn doubles() -> DataType {
    DataType::List(item_field())
}

pub(super) fn item_field() -> FieldRef {
    Arc::new(Field::new("item", DataType::Float64, true))
}

/// An array a row.
#[derive(Debug)]
pub(super) struct Lists {
    array: ArrayRef,
    values: ArrayRef,
    constant: bool,
}

impl Lists {
    pub(super) fn of(argument: &ColumnarValue) -> Result<Self> {
        let (array, constant) = match argument {
            ColumnarValue::Array(array) => (Arc::clone(array), false),
            ColumnarValue::Scalar(scalar) => (scalar.to_array()?, true),
        };
        let values = match array.data_type() {
            DataType::List(_) => Arc::clone(array.as_list::<i32>().values()),
            DataType::LargeList(_) => Arc::clone(array.as_list::<i64>().values()),
            DataType::FixedSizeList(..) => Arc::clone(array.as_fixed_size_list().values()),
            other => return Err(exec_datafusion_err!("expected an array, found a value of type {other}")),
        };
        Ok(Self { array, values, constant })
    }

    /// Where the items of a row are; `None` where the array is null.
    pub(super) fn range(&self, row: usize) -> Option<Range<usize>> {
        let row = if self.constant { 0 } else { row };
        if self.array.is_null(row) {
            return None;
        }
        let place = |at: i64| usize::try_from(at).ok();
        match self.array.data_type() {
            DataType::LargeList(_) => {
                let offsets = self.array.as_list::<i64>().value_offsets();
                Some(place(offsets[row])?..place(offsets[row + 1])?)
            }
            DataType::List(_) => {
                let offsets = self.array.as_list::<i32>().value_offsets();
                Some(place(offsets[row].into())?..place(offsets[row + 1].into())?)
            }
            _ => {
                let list = self.array.as_fixed_size_list();
                Some(place(list.value_offset(row).into())?..place(list.value_offset(row + 1).into())?)
            }
        }
    }

    /// The items of all rows.
    pub(super) fn values(&self) -> &ArrayRef {
        &self.values
    }

    /// The same as doubles, where they are.
    pub(super) fn numbers(&self) -> Result<&Float64Array> {
        let other = || exec_datafusion_err!("expected an array of doubles, found {}", self.array.data_type());
        self.values.as_primitive_opt::<Float64Type>().ok_or_else(other)
    }
}

/// A number a row, of an argument that was cast to a type of numbers.
#[derive(Debug)]
pub(super) struct Column {
    array: ArrayRef,
    constant: bool,
}

impl Column {
    pub(super) fn of(argument: &ColumnarValue) -> Result<Self> {
        Ok(match argument {
            ColumnarValue::Array(array) => Self { array: Arc::clone(array), constant: false },
            ColumnarValue::Scalar(scalar) => Self { array: scalar.to_array()?, constant: true },
        })
    }

    fn row(&self, row: usize) -> Option<usize> {
        let row = if self.constant { 0 } else { row };
        self.array.is_valid(row).then_some(row)
    }

    /// The double of a row; `None` where it is null.
    pub(super) fn double(&self, row: usize) -> Option<f64> {
        let numbers: &Float64Array = self.array.as_primitive_opt::<Float64Type>()?;
        self.row(row).map(|row| numbers.value(row))
    }

    /// The whole number of a row; `None` where it is null.
    pub(super) fn integer(&self, row: usize) -> Option<i64> {
        let numbers: &Int64Array = self.array.as_primitive_opt::<Int64Type>()?;
        self.row(row).map(|row| numbers.value(row))
    }
}

/// Collects an array of doubles a row.
#[derive(Debug, Default)]
pub(super) struct Doubles {
    items: Vec<Option<f64>>,
    lengths: Vec<usize>,
    valid: Vec<bool>,
}

impl Doubles {
    /// Adds a row without an array; in arrays of a fixed length it has that many nulls.
    pub(super) fn null(&mut self, kind: &DataType) {
        let length = fixed_length(kind);
        self.items.extend(std::iter::repeat_n(None, length));
        self.lengths.push(length);
        self.valid.push(false);
    }

    /// Adds a row.
    pub(super) fn append(&mut self, items: impl Iterator<Item = Option<f64>>) {
        let before = self.items.len();
        self.items.extend(items);
        self.lengths.push(self.items.len() - before);
        self.valid.push(true);
    }

    /// The arrays of all rows as a type that [`doubles_like`] gave.
    pub(super) fn finish(self, kind: &DataType) -> Result<ArrayRef> {
        let items: ArrayRef = Arc::new(Float64Array::from(self.items));
        let nulls = Some(NullBuffer::from(self.valid));
        Ok(match kind {
            DataType::FixedSizeList(item, length) => {
                Arc::new(FixedSizeListArray::try_new(Arc::clone(item), *length, items, nulls)?)
            }
            _ => Arc::new(ListArray::try_new(item_field(), OffsetBuffer::from_lengths(self.lengths), items, nulls)?),
        })
    }
}

fn fixed_length(kind: &DataType) -> usize {
    match kind {
        DataType::FixedSizeList(_, length) => usize::try_from(*length).unwrap_or(0),
        _ => 0,
    }
}
