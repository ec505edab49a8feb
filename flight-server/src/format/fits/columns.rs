//! What is a column in FITS, and how do its values wait in the spool?
//!
//! | Arrow | FITS | in the spool |
//! |---|---|---|
//! | booleans | `L` | T, F or a zero byte |
//! | integers | `B I J K`; `TZERO` turns the sign where FITS knows the other one alone and no NULL occurs | a flag, then the value |
//! | floats | `E D` | the value, NaN for NULL |
//! | lists of numbers | variable arrays; unsigned items take the next wider type | bytes with their length |
//! | everything else | text: `A` of the longest, or variable arrays where one is far longer than the rest | the same |

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{
    DataType, Field, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, UInt8Type, UInt16Type,
    UInt32Type, UInt64Type,
};
use arrow::error::ArrowError;

use super::super::FormatError;
use super::super::cells::{Column, Words, is_number_list_item};

const WORDS: Words = Words {
    truth: "true",
    falsehood: "false",
    infinity: "Infinity",
    minus_infinity: "-Infinity",
    absent_integer: Some("null"),
};

/// Up to this width every text column is of fixed width.
const SHORT_TEXT: u64 = 64;

/// How many times longer than its values a text column of fixed width may be.
const WASTE: u64 = 8;

/// One column while rows come in.
#[derive(Debug)]
pub(super) struct FitsColumn {
    name: String,
    shape: Shape,
    rows: u64,
    has_nulls: bool,
    /// Which of the 64 least values of the type occur: bit 0 is the least.
    least: u64,
    /// Whether an unsigned value of 64 bits needs the highest one.
    is_huge: bool,
    longest: u64,
    total: u64,
}

/// How a column is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// One byte.
    Boolean,
    /// Bytes of the value, and whether the sign is turned.
    Integer(usize, bool),
    /// Bytes of the value.
    Float(usize),
    /// Code and bytes of an item.
    List(char, usize),
    /// Any number of bytes.
    Text,
}

/// How a column is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Layout {
    /// One byte.
    Boolean,
    /// Bytes in the spool and in the table, what is added to the spool's values, whether the sign stays turned, and what
    /// means NULL.
    Integer { kept: usize, width: usize, shift: i64, turned: bool, null: Option<i64> },
    /// Bytes of the value.
    Float(usize),
    /// Bytes of the longest text.
    Text(u64),
    /// Code and bytes of an item, the most items, and the bytes of all.
    Variable { code: char, item: usize, longest: u64, total: u64 },
}

impl FitsColumn {
    pub(super) fn new(field: &Field) -> Self {
        let name = field.name().clone();
        let kind = match field.data_type() {
            DataType::Dictionary(_, values) => values,
            kind => kind,
        };
        Self { name, shape: shape(kind), rows: 0, has_nulls: false, least: 0, is_huge: false, longest: 0, total: 0 }
    }

    /// Appends a row as it is kept.
    pub(super) fn add(&mut self, source: &Source<'_>, row: usize, out: &mut Vec<u8>) -> Result<(), FormatError> {
        self.rows += 1;
        let is_null = source.array.is_null(row);
        self.has_nulls |= is_null;
        let mark = out.len();
        match self.shape {
            Shape::Boolean if is_null => out.push(0),
            Shape::Boolean => out.push(if source.array.as_boolean().value(row) { b'T' } else { b'F' }),
            Shape::Integer(bytes, turned) => {
                let value = if is_null { 0 } else { raw_integer(source.array, row, turned) };
                let offset = value.wrapping_sub(least_of(bytes)).cast_unsigned();
                if !is_null && offset < 64 {
                    self.least |= 1 << offset;
                }
                self.is_huge |= bytes == 8 && turned && value >= 0 && !is_null;
                out.push(u8::from(is_null));
                out.extend_from_slice(&value.to_be_bytes()[8 - bytes..]);
            }
            Shape::Float(_) => write_float(source.array, row, out),
            Shape::List(_, item) => {
                out.extend_from_slice(&[0; 4]);
                if !is_null {
                    let items = source.list(row);
                    (0..items.len()).try_for_each(|index| self.add_item(items.as_ref(), index, out))?;
                }
                self.end_long(mark, item, out)?;
            }
            Shape::Text => {
                out.extend_from_slice(&[0; 4]);
                if !is_null {
                    source.write_text(row, out);
                }
                self.end_long(mark, 1, out)?;
            }
        }
        Ok(())
    }

    fn add_item(&self, items: &dyn Array, index: usize, out: &mut Vec<u8>) -> Result<(), FormatError> {
        let wrong = |message: String| Err(FormatError::Value { column: self.name.clone(), message });
        match items.data_type() {
            DataType::Float32 | DataType::Float64 => write_float(items, index, out),
            DataType::Boolean if items.is_null(index) => out.push(0),
            DataType::Boolean => out.push(if items.as_boolean().value(index) { b'T' } else { b'F' }),
            _ if items.is_null(index) => {
                return wrong("a list has an empty element, which FITS cannot express".to_owned());
            }
            DataType::UInt64 if items.as_primitive::<UInt64Type>().value(index) > i64::MAX.cast_unsigned() => {
                return wrong(format!(
                    "{} does not fit FITS's widest integer",
                    items.as_primitive::<UInt64Type>().value(index)
                ));
            }
            kind => {
                let (_, bytes) = item_code(kind);
                out.extend_from_slice(&raw_integer(items, index, false).to_be_bytes()[8 - bytes..]);
            }
        }
        Ok(())
    }

    /// Writes the length of what was appended since `mark`, and remembers it.
    fn end_long(&mut self, mark: usize, item: usize, out: &mut [u8]) -> Result<(), FormatError> {
        let bytes = out.len() - mark - 4;
        let too_long = |_| FormatError::Value {
            column: self.name.clone(),
            message: format!("a value of {bytes} bytes is too long"),
        };
        let length = u32::try_from(bytes).map_err(too_long)?;
        out[mark..mark + 4].copy_from_slice(&length.to_be_bytes());
        self.longest = self.longest.max((bytes / item) as u64);
        self.total += bytes as u64;
        Ok(())
    }

    /// How the column is written, now that all of it is known.
    pub(super) fn layout(&self) -> Result<Layout, FormatError> {
        Ok(match self.shape {
            Shape::Boolean => Layout::Boolean,
            Shape::Float(bytes) => Layout::Float(bytes),
            Shape::Integer(kept, turned) => self.integer_layout(kept, turned)?,
            Shape::List(code, item) => Layout::Variable { code, item, longest: self.longest, total: self.total },
            Shape::Text => {
                let is_wasteful = self.longest.saturating_mul(self.rows) > self.total.saturating_mul(WASTE);
                if self.longest > SHORT_TEXT && is_wasteful {
                    Layout::Variable { code: 'A', item: 1, longest: self.longest, total: self.total }
                } else {
                    Layout::Text(self.longest)
                }
            }
        })
    }

    /// NULL is the least value that does not occur. Where the 64 least all do, and where the sign is turned (readers take
    /// `TNULL` for a value before or after `TZERO`, as they please), the column takes the next wider type.
    fn integer_layout(&self, kept: usize, turned: bool) -> Result<Layout, FormatError> {
        if !self.has_nulls {
            return Ok(Layout::Integer { kept, width: kept, shift: 0, turned, null: None });
        }
        let free = i64::from(self.least.trailing_ones());
        if !turned && free < 64 {
            let null = Some(least_of(kept) + free);
            return Ok(Layout::Integer { kept, width: kept, shift: 0, turned, null });
        }
        let shift = match (kept, turned) {
            (_, false) => 0,
            (1, _) => -128,
            (2, _) => 1 << 15,
            (4, _) => 1 << 31,
            _ => i64::MIN,
        };
        if kept < 8 {
            return Ok(Layout::Integer { kept, width: kept * 2, shift, turned: false, null: Some(least_of(kept * 2)) });
        }
        if turned && !self.is_huge {
            return Ok(Layout::Integer { kept, width: kept, shift, turned: false, null: Some(i64::MIN) });
        }
        let message = "a column with NULL and integers of all 64 bits".to_owned();
        Err(FormatError::Value { column: self.name.clone(), message })
    }
}

/// One array of a column.
pub(super) struct Source<'a> {
    array: &'a dyn Array,
    text: Option<Column<'a>>,
}

impl<'a> Source<'a> {
    pub(super) fn try_new(array: &'a dyn Array) -> Result<Self, ArrowError> {
        let text = (shape(array.data_type()) == Shape::Text).then(|| Column::try_new(array)).transpose()?;
        Ok(Self { array, text })
    }

    fn list(&self, row: usize) -> ArrayRef {
        match self.array.data_type() {
            DataType::LargeList(_) => self.array.as_list::<i64>().value(row),
            DataType::FixedSizeList(..) => self.array.as_fixed_size_list().value(row),
            _ => self.array.as_list::<i32>().value(row),
        }
    }

    fn write_text(&self, row: usize, out: &mut Vec<u8>) {
        let mut text = String::new();
        if let Some(column) = &self.text {
            // Only lists have values that are no text.
            let _ = column.write(row, &WORDS, &mut text);
        }
        out.extend_from_slice(text.as_bytes());
    }
}

fn shape(kind: &DataType) -> Shape {
    match kind {
        DataType::Boolean => Shape::Boolean,
        DataType::UInt8 => Shape::Integer(1, false),
        DataType::Int8 => Shape::Integer(1, true),
        DataType::Int16 => Shape::Integer(2, false),
        DataType::UInt16 => Shape::Integer(2, true),
        DataType::Int32 => Shape::Integer(4, false),
        DataType::UInt32 => Shape::Integer(4, true),
        DataType::Int64 => Shape::Integer(8, false),
        DataType::UInt64 => Shape::Integer(8, true),
        DataType::Float16 | DataType::Float32 => Shape::Float(4),
        DataType::Float64 => Shape::Float(8),
        DataType::List(item) | DataType::LargeList(item) | DataType::FixedSizeList(item, _)
            if is_number_list_item(item.data_type()) =>
        {
            let (code, bytes) = item_code(item.data_type());
            Shape::List(code, bytes)
        }
        DataType::List(item) if *item.data_type() == DataType::Float16 => Shape::List('E', 4),
        _ => Shape::Text,
    }
}

/// Code and bytes of an item of a list.
const fn item_code(kind: &DataType) -> (char, usize) {
    match kind {
        DataType::Boolean => ('L', 1),
        DataType::UInt8 => ('B', 1),
        DataType::Int8 | DataType::Int16 => ('I', 2),
        DataType::UInt16 | DataType::Int32 => ('J', 4),
        DataType::Float32 => ('E', 4),
        DataType::Float64 => ('D', 8),
        _ => ('K', 8),
    }
}

/// The least value of an integer as FITS stores it: bytes are unsigned.
const fn least_of(bytes: usize) -> i64 {
    match bytes {
        1 => 0,
        2 => i16::MIN as i64,
        4 => i32::MIN as i64,
        _ => i64::MIN,
    }
}

/// An integer as FITS stores it.
fn raw_integer(array: &dyn Array, row: usize, turned: bool) -> i64 {
    match array.data_type() {
        DataType::Int8 if turned => i64::from(array.as_primitive::<Int8Type>().value(row)) + 128,
        DataType::Int8 => i64::from(array.as_primitive::<Int8Type>().value(row)),
        DataType::Int16 => i64::from(array.as_primitive::<Int16Type>().value(row)),
        DataType::Int32 => i64::from(array.as_primitive::<Int32Type>().value(row)),
        DataType::Int64 => array.as_primitive::<Int64Type>().value(row),
        DataType::UInt8 => i64::from(array.as_primitive::<UInt8Type>().value(row)),
        DataType::UInt16 => i64::from(array.as_primitive::<UInt16Type>().value(row)) - if turned { 1 << 15 } else { 0 },
        DataType::UInt32 => i64::from(array.as_primitive::<UInt32Type>().value(row)) - if turned { 1 << 31 } else { 0 },
        DataType::UInt64 => {
            let value = array.as_primitive::<UInt64Type>().value(row);
            if turned { (value ^ (1 << 63)).cast_signed() } else { value.cast_signed() }
        }
        _ => 0,
    }
}

fn write_float(array: &dyn Array, row: usize, out: &mut Vec<u8>) {
    let is_null = array.is_null(row);
    if *array.data_type() == DataType::Float64 {
        let value = if is_null { f64::NAN } else { array.as_primitive::<Float64Type>().value(row) };
        out.extend_from_slice(&value.to_be_bytes());
    } else {
        let value = if is_null { f32::NAN } else { array.as_primitive::<Float32Type>().value(row) };
        out.extend_from_slice(&value.to_be_bytes());
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use arrow::array::{StringArray, UInt8Array, UInt16Array, UInt64Array};

    #[test]
    fn null_is_a_value_that_does_not_occur() {
        let some = layout(Arc::new(UInt8Array::from(vec![Some(0), Some(1), None, Some(3)])));
        assert_eq!(some, Layout::Integer { kept: 1, width: 1, shift: 0, turned: false, null: Some(2) });
        let all: UInt8Array = (0..=255).map(Some).chain([None]).collect();
        let wider = Layout::Integer { kept: 1, width: 2, shift: 0, turned: false, null: Some(-32768) };
        assert_eq!(layout(Arc::new(all)), wider);
        let unsigned = layout(Arc::new(UInt16Array::from(vec![Some(9), None])));
        let expected =
            Layout::Integer { kept: 2, width: 4, shift: 32768, turned: false, null: Some(i64::from(i32::MIN)) };
        assert_eq!(unsigned, expected);
        let huge = UInt64Array::from(vec![Some(u64::MAX), None]);
        assert!(column(&huge).layout().is_err());
        assert!(column(&UInt64Array::from(vec![u64::MAX])).layout().is_ok());
    }

    #[test]
    fn one_long_text_does_not_widen_every_row() {
        let mut texts = vec!["ab".to_owned(); 1000];
        assert_eq!(layout(Arc::new(StringArray::from(texts.clone()))), Layout::Text(2));
        texts.push("x".repeat(5000));
        let expected = Layout::Variable { code: 'A', item: 1, longest: 5000, total: 7000 };
        assert_eq!(layout(Arc::new(StringArray::from(texts))), expected);
    }

    #[expect(clippy::needless_pass_by_value, reason = "the array is made in the call")]
    fn layout(array: ArrayRef) -> Layout {
        column(array.as_ref()).layout().unwrap()
    }

    fn column(array: &dyn Array) -> FitsColumn {
        let mut column = FitsColumn::new(&Field::new("x", array.data_type().clone(), true));
        let source = Source::try_new(array).unwrap();
        let mut out = Vec::new();
        (0..array.len()).for_each(|row| column.add(&source, row, &mut out).unwrap());
        column
    }
}
