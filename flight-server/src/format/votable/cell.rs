//! How is one value written in BINARY and BINARY2?
//!
//! Big-endian, in the width of the column's VOTable type (VOTable 1.4, sections 5.3 and 5.4). [`Cells`] looks at an array's type once
//! and then writes any of its rows. NULL is a filler of the right length in BINARY2, whose mask tells it; in BINARY the
//! declared value, NaN, `?`, an empty text or an empty list.

use arrow::array::{Array, AsArray, BooleanArray};
use arrow::buffer::NullBuffer;
use arrow::datatypes::{
    DataType, Field, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, UInt8Type, UInt16Type,
    UInt32Type, UInt64Type,
};
use arrow::error::ArrowError;

use super::super::cells::{Column, Words, is_number_list_item};
use super::field::{Serialization, column_type, null_value};

const WORDS: Words =
    Words { truth: "true", falsehood: "false", infinity: "+Inf", minus_infinity: "-Inf", absent_integer: None };

const ABSENT_ELEMENT: &str = "a list has an empty element, which VOTable cannot express: cast it to floating point";

/// The rows of one column.
pub(super) struct Cells<'a> {
    kind: Kind<'a>,
    nulls: Option<&'a NullBuffer>,
    missing: Missing,
    /// Bytes of an integer.
    width: usize,
}

/// What stands for an integer that is not there.
#[derive(Debug, Clone, Copy)]
enum Missing {
    /// Anything, since a mask tells it.
    Masked,
    /// A value that must then mean nothing else.
    Value(i64),
    /// Nothing can.
    Nothing(&'static str),
}

enum Kind<'a> {
    Boolean(&'a BooleanArray),
    Int8(&'a [i8]),
    Int16(&'a [i16]),
    Int32(&'a [i32]),
    Int64(&'a [i64]),
    UInt8(&'a [u8]),
    UInt16(&'a [u16]),
    UInt32(&'a [u32]),
    UInt64(&'a [u64]),
    Float32(&'a [f32]),
    Float64(&'a [f64]),
    /// Text in UTF-16, or in ASCII.
    Text(Column<'a>, bool),
    /// Offsets, or a length that all lists have.
    List(&'a [i32], Box<Cells<'a>>),
    LargeList(&'a [i64], Box<Cells<'a>>),
    FixedList(usize, usize, Box<Cells<'a>>),
}

impl<'a> Cells<'a> {
    /// Looks at a column.
    pub(super) fn try_new(
        array: &'a dyn Array,
        field: &Field,
        serialization: Serialization,
    ) -> Result<Self, ArrowError> {
        let missing = match (serialization, null_value(field)) {
            (Serialization::Binary, Some(value)) => Missing::Value(value),
            (Serialization::Binary, None) => Missing::Nothing("a NULL that BINARY cannot express: ask for BINARY2"),
            _ => Missing::Masked,
        };
        let type_name = column_type(field, serialization).datatype;
        Self::of(array, type_name, missing)
    }

    fn of(array: &'a dyn Array, type_name: &str, missing: Missing) -> Result<Self, ArrowError> {
        let items = |values: &'a dyn Array| Self::of(values, type_name, Missing::Nothing(ABSENT_ELEMENT)).map(Box::new);
        let kind = match array.data_type() {
            DataType::Boolean => Kind::Boolean(array.as_boolean()),
            DataType::Int8 => Kind::Int8(array.as_primitive::<Int8Type>().values()),
            DataType::Int16 => Kind::Int16(array.as_primitive::<Int16Type>().values()),
            DataType::Int32 => Kind::Int32(array.as_primitive::<Int32Type>().values()),
            DataType::Int64 => Kind::Int64(array.as_primitive::<Int64Type>().values()),
            DataType::UInt8 => Kind::UInt8(array.as_primitive::<UInt8Type>().values()),
            DataType::UInt16 => Kind::UInt16(array.as_primitive::<UInt16Type>().values()),
            DataType::UInt32 => Kind::UInt32(array.as_primitive::<UInt32Type>().values()),
            DataType::UInt64 => Kind::UInt64(array.as_primitive::<UInt64Type>().values()),
            DataType::Float32 => Kind::Float32(array.as_primitive::<Float32Type>().values()),
            DataType::Float64 => Kind::Float64(array.as_primitive::<Float64Type>().values()),
            DataType::List(item) if is_number_list_item(item.data_type()) => {
                let list = array.as_list::<i32>();
                Kind::List(list.value_offsets(), items(list.values().as_ref())?)
            }
            DataType::LargeList(item) if is_number_list_item(item.data_type()) => {
                let list = array.as_list::<i64>();
                Kind::LargeList(list.value_offsets(), items(list.values().as_ref())?)
            }
            DataType::FixedSizeList(item, length) if is_number_list_item(item.data_type()) => {
                let list = array.as_fixed_size_list();
                Kind::FixedList(to_usize(list.value_offset(0)), to_usize(*length), items(list.values().as_ref())?)
            }
            _ => Kind::Text(Column::try_new(array)?, type_name == "unicodeChar"),
        };
        let width = match type_name {
            "unsignedByte" => 1,
            "short" => 2,
            "int" => 4,
            _ => 8,
        };
        Ok(Self { kind, nulls: array.nulls(), missing, width })
    }

    /// Whether a row holds no value.
    pub(super) fn is_null(&self, row: usize) -> bool {
        self.nulls.is_some_and(|nulls| nulls.is_null(row))
    }

    /// Appends the value of a row; what it wrote before an error is to be taken back.
    ///
    /// *Errors*: what the serialisation cannot express.
    pub(super) fn write(&self, row: usize, out: &mut Vec<u8>) -> Result<(), String> {
        match &self.kind {
            Kind::Boolean(_) if self.is_null(row) => out.push(b'?'),
            Kind::Boolean(array) => out.push(if array.value(row) { b'T' } else { b'F' }),
            Kind::Int8(values) => self.write_integer(row, i64::from(values[row]), out)?,
            Kind::Int16(values) => self.write_integer(row, i64::from(values[row]), out)?,
            Kind::Int32(values) => self.write_integer(row, i64::from(values[row]), out)?,
            Kind::Int64(values) => self.write_integer(row, values[row], out)?,
            Kind::UInt8(values) => self.write_integer(row, i64::from(values[row]), out)?,
            Kind::UInt16(values) => self.write_integer(row, i64::from(values[row]), out)?,
            Kind::UInt32(values) => self.write_integer(row, i64::from(values[row]), out)?,
            Kind::UInt64(values) => {
                let value = if self.is_null(row) { 0 } else { values[row] };
                let fitting = i64::try_from(value);
                let value = fitting.map_err(|_| format!("{value} does not fit VOTable's widest integer"))?;
                self.write_integer(row, value, out)?;
            }
            Kind::Float32(values) => {
                let value = if self.is_null(row) { f32::NAN } else { values[row] };
                out.extend_from_slice(&value.to_be_bytes());
            }
            Kind::Float64(values) => {
                let value = if self.is_null(row) { f64::NAN } else { values[row] };
                out.extend_from_slice(&value.to_be_bytes());
            }
            Kind::Text(column, is_wide) => self.write_text(column, *is_wide, row, out)?,
            Kind::List(offsets, items) => {
                self.write_list(row, to_usize(offsets[row])..to_usize(offsets[row + 1]), items, out)?;
            }
            Kind::LargeList(offsets, items) => {
                self.write_list(row, to_usize(offsets[row])..to_usize(offsets[row + 1]), items, out)?;
            }
            Kind::FixedList(start, length, items) => {
                self.write_fixed(row, (start + row * length, *length), items, out)?;
            }
        }
        Ok(())
    }

    fn write_integer(&self, row: usize, value: i64, out: &mut Vec<u8>) -> Result<(), String> {
        let value = match (self.is_null(row), self.missing) {
            (false, Missing::Value(null)) if value == null => {
                return Err(format!("{value} means NULL in BINARY: ask for BINARY2 or TABLEDATA"));
            }
            (false, _) => value,
            (true, Missing::Value(null)) => null,
            (true, Missing::Masked) => 0,
            (true, Missing::Nothing(why)) => return Err(why.to_owned()),
        };
        out.extend_from_slice(&value.to_be_bytes()[8 - self.width..]);
        Ok(())
    }

    fn write_text(&self, column: &Column<'_>, is_wide: bool, row: usize, out: &mut Vec<u8>) -> Result<(), String> {
        if self.is_null(row) {
            return write_length(0, out);
        }
        let written;
        let text = match column {
            Column::Utf8(array) => array.value(row),
            Column::LargeUtf8(array) => array.value(row),
            Column::Utf8View(array) => array.value(row),
            column => {
                let mut text = String::new();
                column.write(row, &WORDS, &mut text).map_err(|_| ABSENT_ELEMENT.to_owned())?;
                written = text;
                &written
            }
        };
        if is_wide {
            let mark = out.len();
            write_length(0, out)?;
            text.encode_utf16().for_each(|unit| out.extend_from_slice(&unit.to_be_bytes()));
            let units = (out.len() - mark - 4) / 2;
            out[mark..mark + 4].copy_from_slice(&length_bytes(units)?);
            return Ok(());
        }
        if !text.is_ascii() {
            return Err(format!("{text:?} is not in ASCII, as values of this column must be"));
        }
        write_length(text.len(), out)?;
        out.extend_from_slice(text.as_bytes());
        Ok(())
    }

    fn write_list(
        &self,
        row: usize,
        rows: std::ops::Range<usize>,
        items: &Self,
        out: &mut Vec<u8>,
    ) -> Result<(), String> {
        if self.is_null(row) {
            return write_length(0, out);
        }
        write_length(rows.len(), out)?;
        rows.into_iter().try_for_each(|item| items.write(item, out))
    }

    fn write_fixed(
        &self,
        row: usize,
        (start, length): (usize, usize),
        items: &Self,
        out: &mut Vec<u8>,
    ) -> Result<(), String> {
        if !self.is_null(row) {
            return (start..start + length).try_for_each(|item| items.write(item, out));
        }
        match (&items.kind, self.missing) {
            (Kind::Float32(_), _) => (0..length).for_each(|_| out.extend_from_slice(&f32::NAN.to_be_bytes())),
            (Kind::Float64(_), _) => (0..length).for_each(|_| out.extend_from_slice(&f64::NAN.to_be_bytes())),
            (Kind::Boolean(_), _) => out.resize(out.len() + length, b'?'),
            (_, Missing::Nothing(why)) => return Err(why.to_owned()),
            _ => out.resize(out.len() + length * items.width, 0),
        }
        Ok(())
    }
}

fn write_length(length: usize, out: &mut Vec<u8>) -> Result<(), String> {
    out.extend_from_slice(&length_bytes(length)?);
    Ok(())
}

fn length_bytes(length: usize) -> Result<[u8; 4], String> {
    let length =
        u32::try_from(length).map_err(|_| format!("a value of {length} characters or elements is too long"))?;
    Ok(length.to_be_bytes())
}

/// Offsets of a valid array are never negative.
fn to_usize(offset: impl TryInto<usize>) -> usize {
    offset.try_into().unwrap_or_default()
}
