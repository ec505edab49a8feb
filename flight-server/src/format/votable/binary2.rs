//! Rows as BINARY2: a mask of NULLs, then big-endian cells, in base64 (VOTable 1.4, section 5.4).

use arrow::array::{Array, AsArray};
use arrow::datatypes::{
    ArrowPrimitiveType, DataType, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, SchemaRef,
    UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow::record_batch::RecordBatch;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::super::cells::{Column, Words, is_number_list_item, prepared};
use super::super::{Encoder, Ending, FormatError, Head};
use super::document;

const WORDS: Words =
    Words { truth: "true", falsehood: "false", infinity: "+Inf", minus_infinity: "-Inf", absent_integer: None };

/// Bytes of a line of base64, before encoding; a multiple of three.
const GROUP: usize = 3;

/// One document.
pub(super) struct Binary2Encoder {
    start: String,
    schema: SchemaRef,
    /// Bytes that wait for a full group of base64.
    pending: Vec<u8>,
}

impl Binary2Encoder {
    pub(super) fn new(head: &Head) -> Self {
        Self { start: document::start(head), schema: SchemaRef::clone(&head.schema), pending: Vec::new() }
    }

    fn drain(&mut self, out: &mut Vec<u8>) {
        let whole = self.pending.len() - self.pending.len() % GROUP;
        out.extend_from_slice(STANDARD.encode(&self.pending[..whole]).as_bytes());
        self.pending.drain(..whole);
        out.push(b'\n');
    }

    fn close(&mut self, out: &mut Vec<u8>) {
        out.extend_from_slice(STANDARD.encode(&self.pending).as_bytes());
        self.pending.clear();
        out.extend_from_slice(b"</STREAM></BINARY2></DATA>\n");
    }
}

impl Encoder for Binary2Encoder {
    fn begin(&mut self, out: &mut Vec<u8>) -> Result<(), FormatError> {
        out.extend_from_slice(self.start.as_bytes());
        out.extend_from_slice(b"<DATA><BINARY2><STREAM encoding=\"base64\">\n");
        Ok(())
    }

    fn batch(&mut self, batch: &RecordBatch, out: &mut Vec<u8>) -> Result<(), FormatError> {
        let arrays = prepared(batch.columns())?;
        for row in 0..batch.num_rows() {
            let mark = self.pending.len();
            self.pending.resize(mark + arrays.len().div_ceil(8), 0);
            for (index, array) in arrays.iter().enumerate() {
                if array.is_null(row) {
                    self.pending[mark + index / 8] |= 0x80 >> (index % 8);
                }
                let written = write_cell(array.as_ref(), row, &mut self.pending);
                if let Err(message) = written {
                    // The mask and cells of the unfinished row must not be read as data.
                    self.pending.truncate(mark);
                    return Err(FormatError::Value { column: self.schema.field(index).name().clone(), message });
                }
            }
        }
        self.drain(out);
        Ok(())
    }

    fn finish(&mut self, ending: Ending, out: &mut Vec<u8>) -> Result<(), FormatError> {
        self.close(out);
        out.extend_from_slice(document::end(ending, false).as_bytes());
        Ok(())
    }

    fn fail(&mut self, message: &str, out: &mut Vec<u8>) -> bool {
        self.close(out);
        out.extend_from_slice(document::end_with_error(message).as_bytes());
        true
    }
}

/// Appends one cell; NULL is a filler of the right length.
fn write_cell(array: &dyn Array, row: usize, out: &mut Vec<u8>) -> Result<(), String> {
    match array.data_type() {
        DataType::List(item) if is_number_list_item(item.data_type()) => {
            let items = if array.is_null(row) { None } else { Some(array.as_list::<i32>().value(row)) };
            write_items(items.as_deref(), out)
        }
        DataType::LargeList(item) if is_number_list_item(item.data_type()) => {
            let items = if array.is_null(row) { None } else { Some(array.as_list::<i64>().value(row)) };
            write_items(items.as_deref(), out)
        }
        DataType::FixedSizeList(item, length) if is_number_list_item(item.data_type()) => {
            let list = array.as_fixed_size_list();
            if array.is_null(row) {
                let filler = arrow::array::new_null_array(item.data_type(), usize::try_from(*length).unwrap_or(0));
                return (0..filler.len()).try_for_each(|index| write_number(filler.as_ref(), index, out));
            }
            let items = list.value(row);
            (0..items.len()).try_for_each(|index| write_element(items.as_ref(), index, out))
        }
        kind if is_number_list_item(kind) => write_number(array, row, out),
        _ => write_text(array, row, out),
    }
}

fn write_items(items: Option<&dyn Array>, out: &mut Vec<u8>) -> Result<(), String> {
    let Some(items) = items else {
        out.extend_from_slice(&0_u32.to_be_bytes());
        return Ok(());
    };
    write_length(items.len(), out)?;
    (0..items.len()).try_for_each(|index| write_element(items, index, out))
}

fn write_element(items: &dyn Array, index: usize, out: &mut Vec<u8>) -> Result<(), String> {
    if items.is_null(index) && items.data_type().is_integer() {
        return Err("a list has an empty element, which VOTable cannot express: cast it to floating point".to_owned());
    }
    write_number(items, index, out)
}

fn write_text(array: &dyn Array, row: usize, out: &mut Vec<u8>) -> Result<(), String> {
    let mut text = String::new();
    if !array.is_null(row) {
        let column = Column::try_new(array).map_err(|error| error.to_string())?;
        column.write(row, &WORDS, &mut text).map_err(|_| "a list has an empty element".to_owned())?;
    }
    write_length(text.len(), out)?;
    out.extend_from_slice(text.as_bytes());
    Ok(())
}

fn write_length(length: usize, out: &mut Vec<u8>) -> Result<(), String> {
    let length = u32::try_from(length).map_err(|_| format!("a value of {length} bytes or elements is too long"))?;
    out.extend_from_slice(&length.to_be_bytes());
    Ok(())
}

/// Appends a number in the width of its VOTable type; an absent one is NaN, `?` or 0.
fn write_number(array: &dyn Array, row: usize, out: &mut Vec<u8>) -> Result<(), String> {
    match array.data_type() {
        DataType::Boolean => {
            let value = (!array.is_null(row)).then(|| array.as_boolean().value(row));
            out.push(value.map_or(b'?', |value| if value { b'T' } else { b'F' }));
        }
        DataType::Float32 => out.extend(number::<Float32Type>(array, row).unwrap_or(f32::NAN).to_be_bytes()),
        DataType::Float64 => out.extend(number::<Float64Type>(array, row).unwrap_or(f64::NAN).to_be_bytes()),
        DataType::UInt8 => out.push(number::<UInt8Type>(array, row).unwrap_or_default()),
        DataType::Int8 => out.extend(i16::from(number::<Int8Type>(array, row).unwrap_or_default()).to_be_bytes()),
        DataType::Int16 => out.extend(number::<Int16Type>(array, row).unwrap_or_default().to_be_bytes()),
        DataType::UInt16 => out.extend(i32::from(number::<UInt16Type>(array, row).unwrap_or_default()).to_be_bytes()),
        DataType::Int32 => out.extend(number::<Int32Type>(array, row).unwrap_or_default().to_be_bytes()),
        DataType::UInt32 => out.extend(i64::from(number::<UInt32Type>(array, row).unwrap_or_default()).to_be_bytes()),
        DataType::Int64 => out.extend(number::<Int64Type>(array, row).unwrap_or_default().to_be_bytes()),
        DataType::UInt64 => {
            let value = number::<UInt64Type>(array, row).unwrap_or_default();
            let value = i64::try_from(value).map_err(|_| format!("{value} does not fit VOTable's widest integer"))?;
            out.extend(value.to_be_bytes());
        }
        other => return Err(format!("{other} is no number")),
    }
    Ok(())
}

fn number<T: ArrowPrimitiveType>(array: &dyn Array, row: usize) -> Option<T::Native> {
    (!array.is_null(row)).then(|| array.as_primitive::<T>().value(row))
}

#[cfg(test)]
mod tests {
    use super::super::super::kit;
    use super::super::Binary2;
    use super::*;

    #[test]
    fn cells_are_big_endian_after_their_mask() {
        let bytes = decoded(&kit::text(&Binary2, Ending::Complete));
        // Row 1: no NULL; id = 1; ra = 266.404996; mag = 5.5; name.
        assert_eq!(bytes[0], 0);
        assert_eq!(bytes[1..9], 1_i64.to_be_bytes());
        assert_eq!(bytes[9..17], 266.404996_f64.to_be_bytes());
        assert_eq!(bytes[17..21], 5.5_f32.to_be_bytes());
        assert_eq!(bytes[21..25], 20_u32.to_be_bytes());
        assert_eq!(&bytes[25..45], b"Sgr A*, \"the\" centre");
        assert_eq!(bytes[45], b'T');
        let seen = 46 + 4 + "2016-01-01T00:00:00".len();
        assert_eq!(bytes[seen..seen + 4], 2_u32.to_be_bytes());
        let second = seen + 4 + 16 + 8;
        // Row 2: mag, name, good, seen, curve and big are NULL.
        assert_eq!(bytes[second], 0b0011_1111);
        assert_eq!(bytes[second + 1..second + 9], i64::MIN.to_be_bytes());
    }

    #[test]
    fn an_error_closes_the_stream_at_a_whole_row() {
        let mut encoder = Binary2Encoder::new(&kit::head());
        let mut out = Vec::new();
        encoder.begin(&mut out).unwrap();
        encoder.batch(&kit::batch().slice(0, 1), &mut out).unwrap();
        assert!(encoder.fail("lost", &mut out));
        let whole = decoded(&kit::text(&Binary2, Ending::Complete));
        let cut = decoded(std::str::from_utf8(&out).unwrap());
        assert!(whole.starts_with(&cut) && cut.len() < whole.len());
    }

    fn decoded(document: &str) -> Vec<u8> {
        let start = document.find("base64\">").unwrap() + 8;
        let text: String = document[start..document.find("</STREAM>").unwrap()].split_whitespace().collect();
        STANDARD.decode(text).unwrap()
    }
}
