//! How is one value written as text?
//!
//! A [`Column`] looks at an array's type once and then writes any of its rows: numbers so that reading them back gives the
//! same bits, lists of numbers with single spaces (DALI 1.1, section 3.3), times in ISO 8601, MOCs in their text form, everything else
//! that is nested as JSON.
//! It knows no quoting or escaping: that is the format's.

use std::fmt::Write;
use std::ops::Range;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, FixedSizeListArray, Float32Array, Float64Array, Int8Array, Int16Array,
    Int32Array, Int64Array, LargeListArray, LargeStringArray, ListArray, StringArray, StringViewArray, UInt8Array,
    UInt16Array, UInt32Array, UInt64Array,
};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field};
use arrow::error::ArrowError;
use arrow::util::display::{ArrayFormatter, FormatOptions};

use sidereus_engine::moc_text;

use super::json;

/// Words of a format for values that are no plain numbers.
#[derive(Debug, Clone, Copy)]
pub(super) struct Words {
    pub(super) truth: &'static str,
    pub(super) falsehood: &'static str,
    pub(super) infinity: &'static str,
    pub(super) minus_infinity: &'static str,
    /// An empty element of a list of integers; `None` where there is no word.
    pub(super) absent_integer: Option<&'static str>,
}

/// What a list holds that [`Words`] have no word for.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Unspeakable;

/// Times as ISO 8601 without zone: UTC.
const TIMES: FormatOptions<'static> = FormatOptions::new()
    .with_display_error(false)
    .with_date_format(Some("%Y-%m-%d"))
    .with_datetime_format(Some("%Y-%m-%dT%H:%M:%S%.f"))
    .with_timestamp_format(Some("%Y-%m-%dT%H:%M:%S%.f"))
    .with_timestamp_tz_format(Some("%Y-%m-%dT%H:%M:%S%.f"))
    .with_time_format(Some("%H:%M:%S%.f"));

/// Whether a list of this item type is written as numbers with spaces.
pub(super) fn is_number_list_item(item: &DataType) -> bool {
    matches!(
        item,
        DataType::Boolean
            | DataType::Int8
            | DataType::Int16
            | DataType::Int32
            | DataType::Int64
            | DataType::UInt8
            | DataType::UInt16
            | DataType::UInt32
            | DataType::UInt64
            | DataType::Float32
            | DataType::Float64
    )
}

/// Whether a type is that of MOCs: ranges of cells, each with its start and end.
fn is_moc(kind: &DataType) -> bool {
    let DataType::List(item) = kind else { return false };
    let DataType::Struct(fields) = item.data_type() else { return false };
    fields.len() == 2
        && fields
            .iter()
            .zip(["start", "end"])
            .all(|(field, name)| field.name() == name && field.data_type() == &DataType::UInt64)
}

/// An array whose rows can be written.
pub(super) enum Column<'a> {
    Boolean(&'a BooleanArray),
    Int8(&'a Int8Array),
    Int16(&'a Int16Array),
    Int32(&'a Int32Array),
    Int64(&'a Int64Array),
    UInt8(&'a UInt8Array),
    UInt16(&'a UInt16Array),
    UInt32(&'a UInt32Array),
    UInt64(&'a UInt64Array),
    Float32(&'a Float32Array),
    Float64(&'a Float64Array),
    Utf8(&'a StringArray),
    LargeUtf8(&'a LargeStringArray),
    Utf8View(&'a StringViewArray),
    List(&'a ListArray, Box<Self>),
    LargeList(&'a LargeListArray, Box<Self>),
    FixedSizeList(&'a FixedSizeListArray, Box<Self>),
    Moc(&'a dyn Array),
    Nested(&'a dyn Array),
    Other(&'a dyn Array, ArrayFormatter<'a>),
}

/// Arrays in the few types that [`Column`] knows: dictionaries as their values, zoned times in UTC.
pub(super) fn prepared(columns: &[ArrayRef]) -> Result<Vec<ArrayRef>, ArrowError> {
    columns
        .iter()
        .map(|array| match array.data_type() {
            DataType::Dictionary(_, values) => cast(array, values),
            DataType::RunEndEncoded(_, values) => cast(array, values.data_type()),
            DataType::Float16 => cast(array, &DataType::Float32),
            DataType::List(item) if *item.data_type() == DataType::Float16 => cast(array, &wider_list(item)),
            DataType::Timestamp(unit, Some(_)) => cast(array, &DataType::Timestamp(*unit, Some("+00:00".into()))),
            _ => Ok(Arc::clone(array)),
        })
        .collect()
}

fn wider_list(item: &Field) -> DataType {
    DataType::List(Arc::new(item.clone().with_data_type(DataType::Float32)))
}

impl<'a> Column<'a> {
    /// Looks at an array's type.
    pub(super) fn try_new(array: &'a dyn Array) -> Result<Self, ArrowError> {
        Ok(match array.data_type() {
            DataType::Boolean => Self::Boolean(array.as_boolean()),
            DataType::Int8 => Self::Int8(array.as_primitive()),
            DataType::Int16 => Self::Int16(array.as_primitive()),
            DataType::Int32 => Self::Int32(array.as_primitive()),
            DataType::Int64 => Self::Int64(array.as_primitive()),
            DataType::UInt8 => Self::UInt8(array.as_primitive()),
            DataType::UInt16 => Self::UInt16(array.as_primitive()),
            DataType::UInt32 => Self::UInt32(array.as_primitive()),
            DataType::UInt64 => Self::UInt64(array.as_primitive()),
            DataType::Float32 => Self::Float32(array.as_primitive()),
            DataType::Float64 => Self::Float64(array.as_primitive()),
            DataType::Utf8 => Self::Utf8(array.as_string()),
            DataType::LargeUtf8 => Self::LargeUtf8(array.as_string()),
            DataType::Utf8View => Self::Utf8View(array.as_string_view()),
            DataType::List(item) if is_number_list_item(item.data_type()) => {
                let list: &ListArray = array.as_list();
                Self::List(list, Box::new(Self::try_new(list.values())?))
            }
            DataType::LargeList(item) if is_number_list_item(item.data_type()) => {
                let list: &LargeListArray = array.as_list();
                Self::LargeList(list, Box::new(Self::try_new(list.values())?))
            }
            DataType::FixedSizeList(item, _) if is_number_list_item(item.data_type()) => {
                let list = array.as_fixed_size_list();
                Self::FixedSizeList(list, Box::new(Self::try_new(list.values())?))
            }
            kind if is_moc(kind) => Self::Moc(array),
            kind if kind.is_nested() => Self::Nested(array),
            _ => Self::Other(array, ArrayFormatter::try_new(array, &TIMES)?),
        })
    }

    /// Whether a row holds no value.
    pub(super) fn is_null(&self, row: usize) -> bool {
        match self {
            Self::Boolean(array) => array.is_null(row),
            Self::Int8(array) => array.is_null(row),
            Self::Int16(array) => array.is_null(row),
            Self::Int32(array) => array.is_null(row),
            Self::Int64(array) => array.is_null(row),
            Self::UInt8(array) => array.is_null(row),
            Self::UInt16(array) => array.is_null(row),
            Self::UInt32(array) => array.is_null(row),
            Self::UInt64(array) => array.is_null(row),
            Self::Float32(array) => array.is_null(row),
            Self::Float64(array) => array.is_null(row),
            Self::Utf8(array) => array.is_null(row),
            Self::LargeUtf8(array) => array.is_null(row),
            Self::Utf8View(array) => array.is_null(row),
            Self::List(array, _) => array.is_null(row),
            Self::LargeList(array, _) => array.is_null(row),
            Self::FixedSizeList(array, _) => array.is_null(row),
            Self::Moc(array) | Self::Nested(array) | Self::Other(array, _) => array.is_null(row),
        }
    }

    /// Whether values may hold any character, so that a format must quote or escape them.
    pub(super) const fn is_text(&self) -> bool {
        matches!(
            self,
            Self::Utf8(_) | Self::LargeUtf8(_) | Self::Utf8View(_) | Self::Moc(_) | Self::Nested(_) | Self::Other(..)
        )
    }

    /// Appends the value of a row, which is not null.
    pub(super) fn write(&self, row: usize, words: &Words, out: &mut String) -> Result<(), Unspeakable> {
        match self {
            Self::Boolean(array) => out.push_str(if array.value(row) { words.truth } else { words.falsehood }),
            Self::Int8(array) => write_number(out, array.value(row)),
            Self::Int16(array) => write_number(out, array.value(row)),
            Self::Int32(array) => write_number(out, array.value(row)),
            Self::Int64(array) => write_number(out, array.value(row)),
            Self::UInt8(array) => write_number(out, array.value(row)),
            Self::UInt16(array) => write_number(out, array.value(row)),
            Self::UInt32(array) => write_number(out, array.value(row)),
            Self::UInt64(array) => write_number(out, array.value(row)),
            Self::Float32(array) => match float_word(f64::from(array.value(row)), words) {
                Some(word) => out.push_str(word),
                None => write_float(out, array.value(row)),
            },
            Self::Float64(array) => match float_word(array.value(row), words) {
                Some(word) => out.push_str(word),
                None => write_float(out, array.value(row)),
            },
            Self::Utf8(array) => out.push_str(array.value(row)),
            Self::LargeUtf8(array) => out.push_str(array.value(row)),
            Self::Utf8View(array) => out.push_str(array.value(row)),
            Self::List(array, items) => {
                let offsets = array.value_offsets();
                items.write_list(to_usize(offsets[row])..to_usize(offsets[row + 1]), words, out)?;
            }
            Self::LargeList(array, items) => {
                let offsets = array.value_offsets();
                items.write_list(to_usize(offsets[row])..to_usize(offsets[row + 1]), words, out)?;
            }
            Self::FixedSizeList(array, items) => {
                let start = to_usize(array.value_offset(row));
                items.write_list(start..start + to_usize(array.value_length()), words, out)?;
            }
            Self::Moc(array) => out.push_str(&moc_text(*array, row).unwrap_or_default()),
            Self::Nested(array) => json::write(*array, row, out),
            Self::Other(_, formatter) => write!(out, "{}", formatter.value(row)).expect("a String takes any text"),
        }
        Ok(())
    }

    fn write_list(&self, rows: Range<usize>, words: &Words, out: &mut String) -> Result<(), Unspeakable> {
        let start = rows.start;
        for row in rows {
            if row > start {
                out.push(' ');
            }
            if !self.is_null(row) {
                self.write(row, words, out)?;
            } else if matches!(self, Self::Float32(_) | Self::Float64(_)) {
                out.push_str("NaN");
            } else {
                out.push_str(words.absent_integer.ok_or(Unspeakable)?);
            }
        }
        Ok(())
    }
}

const fn float_word(value: f64, words: &Words) -> Option<&'static str> {
    if value.is_nan() {
        Some("NaN")
    } else if value == f64::INFINITY {
        Some(words.infinity)
    } else if value == f64::NEG_INFINITY {
        Some(words.minus_infinity)
    } else {
        None
    }
}

fn write_number(out: &mut String, number: impl itoa::Integer) {
    out.push_str(itoa::Buffer::new().format(number));
}

/// The shortest digits that read back to the same bits; not for NaN and infinities.
pub(super) fn write_float(out: &mut String, number: impl zmij::Float) {
    out.push_str(zmij::Buffer::new().format_finite(number));
}

/// Offsets of a valid array are never negative.
fn to_usize(offset: impl TryInto<usize>) -> usize {
    offset.try_into().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{Int32Builder, ListBuilder, TimestampMicrosecondArray};
    use arrow::datatypes::Int32Type;

    const WORDS: Words = Words {
        truth: "true",
        falsehood: "false",
        infinity: "Infinity",
        minus_infinity: "-Infinity",
        absent_integer: None,
    };

    #[test]
    fn floats_read_back_to_the_same_bits() {
        for value in [0.1, -0.0, 1e300, 5e-324, 1.0 / 3.0, 266.404_996, 1e16, f64::MAX] {
            let text = written(Arc::new(Float64Array::from(vec![value])));
            assert_eq!(text.parse::<f64>().unwrap().to_bits(), value.to_bits(), "{text}");
        }
        assert_eq!(written(Arc::new(Float32Array::from(vec![0.1]))), "0.1");
        assert_eq!(written(Arc::new(Float64Array::from(vec![f64::NEG_INFINITY]))), "-Infinity");
    }

    #[test]
    fn lists_are_separated_by_spaces() {
        let list = ListArray::from_iter_primitive::<Int32Type, _, _>([Some([Some(1), Some(-2)])]);
        assert_eq!(written(Arc::new(list)), "1 -2");
    }

    #[test]
    fn an_empty_element_of_an_integer_list_is_no_silence() {
        let mut builder = ListBuilder::new(Int32Builder::new());
        builder.append_value([Some(1), None]);
        let list: ArrayRef = Arc::new(builder.finish());
        let column = Column::try_new(&list).unwrap();
        assert_eq!(column.write(0, &WORDS, &mut String::new()), Err(Unspeakable));
    }

    #[test]
    fn mocs_are_written_in_their_text_form() {
        let bound = |name: &str| Arc::new(Field::new(name, DataType::UInt64, false));
        let (starts, ends) = (UInt64Array::from(vec![0, 16 << 54]), UInt64Array::from(vec![1 << 58, 18 << 54]));
        let ranges: ArrayRef = Arc::new(arrow::array::StructArray::from(vec![
            (bound("start"), Arc::new(starts) as ArrayRef),
            (bound("end"), Arc::new(ends) as ArrayRef),
        ]));
        let item = Arc::new(Field::new("item", ranges.data_type().clone(), true));
        let offsets = arrow::buffer::OffsetBuffer::from_lengths([2]);
        assert_eq!(written(Arc::new(ListArray::new(item, offsets, ranges, None))), "0/0 2/16-17");
    }

    #[test]
    fn zoned_times_are_utc() {
        let times = TimestampMicrosecondArray::from(vec![1_500_000]).with_timezone("+02:00");
        assert_eq!(written(Arc::new(times)), "1970-01-01T00:00:01.500");
    }

    fn written(array: ArrayRef) -> String {
        let arrays = prepared(&[array]).unwrap();
        let mut out = String::new();
        Column::try_new(&arrays[0]).unwrap().write(0, &WORDS, &mut out).unwrap();
        out
    }
}
