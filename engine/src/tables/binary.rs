//! How do big-endian bytes become values?
//!
//! FITS and the binary forms of VOTable store the same things: numbers, truth values, bits and characters, alone, in
//! arrays of one length or of any. NaN of a number alone is null, as both standards say; within arrays it stays.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, ArrowPrimitiveType, BooleanArray, BooleanBuilder, FixedSizeListArray, ListArray, PrimitiveArray,
    StringBuilder,
};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::datatypes::{
    DataType, Field, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, UInt8Type, UInt16Type,
    UInt32Type, UInt64Type,
};
use arrow::error::ArrowError;

/// What one element is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Element {
    /// A letter: true, false or null.
    Logical,
    /// Bits, eight a byte, the highest first.
    Bit,
    /// An unsigned byte.
    U8,
    /// A 16-bit integer.
    I16,
    /// A 32-bit integer.
    I32,
    /// A 64-bit integer.
    I64,
    /// A 32-bit float.
    F32,
    /// A 64-bit float.
    F64,
    /// One byte of text.
    Char,
    /// Two bytes of text, UCS-2.
    Wide,
}

impl Element {
    /// Bytes of so many elements; `None` where that is no number.
    pub(super) fn bytes(self, count: usize) -> Option<usize> {
        match self {
            Self::Bit => Some(count.div_ceil(8)),
            Self::Logical | Self::U8 | Self::Char => Some(count),
            Self::I16 | Self::Wide => count.checked_mul(2),
            Self::I32 | Self::F32 => count.checked_mul(4),
            Self::I64 | Self::F64 => count.checked_mul(8),
        }
    }

    /// Whether elements are text, of which many are one value.
    pub(super) fn is_text(self) -> bool {
        matches!(self, Self::Char | Self::Wide)
    }
}

/// How stored integers become values.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Scaling {
    /// They are the values.
    None,
    /// The other signedness: the highest bit is turned over.
    OtherSign,
    /// `zero + scale * stored`, a float.
    Linear {
        /// Factor.
        scale: f64,
        /// What 0 stands for.
        zero: f64,
    },
}

/// How many elements a cell has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// One.
    Scalar,
    /// Always so many.
    Fixed(usize),
    /// Any number; for text, which is one value.
    Variable,
    /// Texts of so many elements each; all that fit.
    Texts(usize),
}

/// A column of binary cells.
#[derive(Debug, Clone, Copy)]
pub(super) struct BinaryColumn {
    pub(super) element: Element,
    pub(super) shape: Shape,
    pub(super) scaling: Scaling,
    /// The stored integer that is null.
    pub(super) null: Option<i64>,
}

impl BinaryColumn {
    /// A column of values as they are stored.
    pub(super) fn plain(element: Element, shape: Shape) -> Self {
        Self { element, shape, scaling: Scaling::None, null: None }
    }

    /// The Arrow type of a column.
    pub(super) fn kind(&self) -> DataType {
        let item = Arc::new(Field::new_list_field(self.item_kind(), true));
        match self.shape {
            Shape::Scalar => self.item_kind(),
            Shape::Variable if self.element.is_text() => DataType::Utf8,
            Shape::Fixed(_) if self.element.is_text() => DataType::Utf8,
            Shape::Fixed(count) => i32::try_from(count).map_or_else(
                |_| DataType::List(Arc::clone(&item)),
                |count| DataType::FixedSizeList(Arc::clone(&item), count),
            ),
            Shape::Variable | Shape::Texts(_) => DataType::List(item),
        }
    }

    fn item_kind(&self) -> DataType {
        match (self.element, self.scaling) {
            (Element::Logical | Element::Bit, _) => DataType::Boolean,
            (Element::Char | Element::Wide, _) => DataType::Utf8,
            (Element::F32, Scaling::None) => DataType::Float32,
            (Element::F64, _) | (_, Scaling::Linear { .. }) => DataType::Float64,
            (Element::U8, Scaling::None) => DataType::UInt8,
            (Element::U8, _) => DataType::Int8,
            (Element::I16, Scaling::None) => DataType::Int16,
            (Element::I16, _) => DataType::UInt16,
            (Element::I32, Scaling::None) => DataType::Int32,
            (Element::I32, _) => DataType::UInt32,
            (Element::I64, Scaling::None) => DataType::Int64,
            (Element::I64, _) => DataType::UInt64,
            (Element::F32, Scaling::OtherSign) => DataType::Float32,
        }
    }

    /// The array of a column's cells, each of whole elements.
    pub(super) fn array<'a>(&self, cells: impl Iterator<Item = &'a [u8]> + Clone) -> Result<ArrayRef, ArrowError> {
        match (self.shape, self.kind()) {
            (Shape::Scalar, _) => Ok(self.items(cells, true)),
            (_, DataType::Utf8) => Ok(texts(self.element, cells)),
            (_, DataType::FixedSizeList(item, count)) => {
                let rows = cells.clone().count();
                let items = match self.element {
                    Element::Bit => bits(cells, count as usize),
                    _ => self.items(elements(self.element, cells), false),
                };
                Ok(Arc::new(FixedSizeListArray::try_new_with_length(item, count, items, None, rows)?))
            }
            (shape, DataType::List(item)) => {
                let size = match shape {
                    Shape::Texts(width) => self.element.bytes(width).unwrap_or(1).max(1),
                    _ => self.element.bytes(1).unwrap_or(1),
                };
                let lengths = cells.clone().map(|cell| cell.len() / size);
                let offsets = OffsetBuffer::from_lengths(lengths);
                let parts = cells.flat_map(|cell| cell.chunks_exact(size));
                let items = if self.element.is_text() { texts(self.element, parts) } else { self.items(parts, false) };
                Ok(Arc::new(ListArray::try_new(item, offsets, items, None)?))
            }
            (_, other) => Err(ArrowError::SchemaError(format!("no array of {other}"))),
        }
    }

    fn items<'a>(&self, elements: impl Iterator<Item = &'a [u8]>, nan_is_null: bool) -> ArrayRef {
        let null = self.null;
        match (self.element, self.scaling) {
            (Element::Logical | Element::Bit, _) => {
                let is_bit = self.element == Element::Bit;
                Arc::new(elements.map(|cell| logical(cell, is_bit)).collect::<BooleanArray>())
            }
            (Element::Char | Element::Wide, _) => texts(self.element, elements),
            (Element::F32, Scaling::None | Scaling::OtherSign) => numbers::<Float32Type>(
                elements,
                |cell| f32::from_be_bytes(fixed(cell)),
                |value| nan_is_null && value.is_nan(),
            ),
            (Element::F64, Scaling::None | Scaling::OtherSign) => numbers::<Float64Type>(
                elements,
                |cell| f64::from_be_bytes(fixed(cell)),
                |value| nan_is_null && value.is_nan(),
            ),
            (element, Scaling::Linear { scale, zero }) => {
                let values = elements.map(|cell| match stored(element, cell) {
                    Stored::Integer(value) if Some(value) == null => None,
                    Stored::Integer(value) => Some(value as f64 * scale + zero),
                    Stored::Float(value) => Some(value * scale + zero).filter(|value| !nan_is_null || !value.is_nan()),
                });
                Arc::new(values.collect::<PrimitiveArray<Float64Type>>())
            }
            (Element::U8, Scaling::None) => {
                let null = null.and_then(|null| u8::try_from(null).ok());
                numbers::<UInt8Type>(elements, |cell| u8::from_be_bytes(fixed(cell)), |value| Some(*value) == null)
            }
            (Element::U8, Scaling::OtherSign) => {
                let null = null.and_then(|null| u8::try_from(null).ok()).map(|null| (null ^ 0x80).cast_signed());
                let read = |cell: &[u8]| (u8::from_be_bytes(fixed(cell)) ^ 0x80).cast_signed();
                numbers::<Int8Type>(elements, read, |value| Some(*value) == null)
            }
            (Element::I16, scaling) => {
                let null = null.and_then(|null| i16::try_from(null).ok());
                let read = |cell: &[u8]| i16::from_be_bytes(fixed(cell));
                if scaling == Scaling::None {
                    return numbers::<Int16Type>(elements, read, |value| Some(*value) == null);
                }
                let flip = |value: i16| value.cast_unsigned() ^ (1 << 15);
                numbers::<UInt16Type>(elements, |cell| flip(read(cell)), |value| Some(*value) == null.map(flip))
            }
            (Element::I32, scaling) => {
                let null = null.and_then(|null| i32::try_from(null).ok());
                let read = |cell: &[u8]| i32::from_be_bytes(fixed(cell));
                if scaling == Scaling::None {
                    return numbers::<Int32Type>(elements, read, |value| Some(*value) == null);
                }
                let flip = |value: i32| value.cast_unsigned() ^ (1 << 31);
                numbers::<UInt32Type>(elements, |cell| flip(read(cell)), |value| Some(*value) == null.map(flip))
            }
            (Element::I64, scaling) => {
                let read = |cell: &[u8]| i64::from_be_bytes(fixed(cell));
                if scaling == Scaling::None {
                    return numbers::<Int64Type>(elements, read, |value| Some(*value) == null);
                }
                let flip = |value: i64| value.cast_unsigned() ^ (1 << 63);
                numbers::<UInt64Type>(elements, |cell| flip(read(cell)), |value| Some(*value) == null.map(flip))
            }
        }
    }
}

enum Stored {
    Integer(i64),
    Float(f64),
}

fn stored(element: Element, cell: &[u8]) -> Stored {
    match element {
        Element::I16 => Stored::Integer(i16::from_be_bytes(fixed(cell)).into()),
        Element::I32 => Stored::Integer(i32::from_be_bytes(fixed(cell)).into()),
        Element::I64 => Stored::Integer(i64::from_be_bytes(fixed(cell))),
        Element::F32 => Stored::Float(f32::from_be_bytes(fixed(cell)).into()),
        Element::F64 => Stored::Float(f64::from_be_bytes(fixed(cell))),
        _ => Stored::Integer(u8::from_be_bytes(fixed(cell)).into()),
    }
}

fn elements<'a>(
    element: Element,
    cells: impl Iterator<Item = &'a [u8]> + Clone,
) -> impl Iterator<Item = &'a [u8]> + Clone {
    let size = element.bytes(1).unwrap_or(1);
    cells.flat_map(move |cell| cell.chunks_exact(size))
}

/// Bytes of a number; zeros where there are too few, which callers rule out.
fn fixed<const N: usize>(cell: &[u8]) -> [u8; N] {
    cell.first_chunk().copied().unwrap_or([0; N])
}

fn numbers<'a, T: ArrowPrimitiveType>(
    elements: impl Iterator<Item = &'a [u8]>,
    read: impl Fn(&[u8]) -> T::Native,
    is_null: impl Fn(&T::Native) -> bool,
) -> ArrayRef {
    let values: Vec<T::Native> = elements.map(read).collect();
    let nulls = values.iter().any(&is_null).then(|| values.iter().map(|value| !is_null(value)).collect::<NullBuffer>());
    Arc::new(PrimitiveArray::<T>::new(values.into(), nulls))
}

fn logical(cell: &[u8], is_bit: bool) -> Option<bool> {
    match cell.first() {
        // A bit alone is the highest of its byte, but some writers take another.
        Some(bits) if is_bit => Some(*bits != 0),
        Some(b'T' | b't' | b'1') => Some(true),
        Some(b'F' | b'f' | b'0') => Some(false),
        _ => None,
    }
}

fn bits<'a>(cells: impl Iterator<Item = &'a [u8]>, count: usize) -> ArrayRef {
    let mut builder = BooleanBuilder::new();
    for cell in cells {
        for bit in 0..count {
            builder.append_value(cell.get(bit / 8).is_some_and(|byte| byte & (0x80 >> (bit % 8)) != 0));
        }
    }
    Arc::new(builder.finish())
}

/// Texts up to a NUL, without spaces at their end; blank ones are null.
fn texts<'a>(element: Element, cells: impl Iterator<Item = &'a [u8]>) -> ArrayRef {
    let mut builder = StringBuilder::new();
    for cell in cells {
        let text = if element == Element::Wide { wide_text(cell) } else { narrow_text(cell) };
        match text.trim_end_matches(' ') {
            "" => builder.append_null(),
            text => builder.append_value(text),
        }
    }
    Arc::new(builder.finish())
}

/// UTF-8, else Latin-1.
fn narrow_text(cell: &[u8]) -> std::borrow::Cow<'_, str> {
    let cell = memchr::memchr(0, cell).map_or(cell, |end| &cell[..end]);
    match std::str::from_utf8(cell) {
        Ok(text) => text.into(),
        Err(_) => cell.iter().map(|byte| char::from(*byte)).collect::<String>().into(),
    }
}

fn wide_text(cell: &[u8]) -> std::borrow::Cow<'_, str> {
    let units = cell.chunks_exact(2).map(|pair| u16::from_be_bytes(fixed(pair))).take_while(|unit| *unit != 0);
    char::decode_utf16(units).map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER)).collect::<String>().into()
}
