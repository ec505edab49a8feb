//! Rows as BINARY and BINARY2: cells one after the other, in base64; BINARY2 has a mask of NULLs before each row (VOTable
//! 1.4, sections 5.3 and 5.4).

use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::super::cells::prepared;
use super::super::{Encoder, Ending, FormatError, Head};
use super::cell::Cells;
use super::document;
use super::field::Serialization;

/// Bytes of a group of base64.
const GROUP: usize = 3;

/// One document.
pub(super) struct BinaryEncoder {
    start: String,
    schema: SchemaRef,
    serialization: Serialization,
    /// Bytes that wait for a full group of base64.
    pending: Vec<u8>,
}

impl BinaryEncoder {
    pub(super) fn new(head: &Head, serialization: Serialization) -> Self {
        let (start, schema) = (document::start(head, serialization), SchemaRef::clone(&head.schema));
        Self { start, schema, serialization, pending: Vec::new() }
    }

    /// Writes the whole groups.
    fn drain(&mut self, out: &mut Vec<u8>) -> Result<(), FormatError> {
        let whole = self.pending.len() - self.pending.len() % GROUP;
        let mark = out.len();
        out.resize(mark + whole / GROUP * 4, 0);
        STANDARD
            .encode_slice(&self.pending[..whole], &mut out[mark..])
            .map_err(|error| std::io::Error::other(error.to_string()))?;
        self.pending.drain(..whole);
        out.push(b'\n');
        Ok(())
    }

    fn close(&mut self, out: &mut Vec<u8>) {
        out.extend_from_slice(STANDARD.encode(&self.pending).as_bytes());
        self.pending.clear();
        out.extend_from_slice(format!("</STREAM></{}></DATA>\n", self.element()).as_bytes());
    }

    const fn element(&self) -> &'static str {
        match self.serialization {
            Serialization::Binary => "BINARY",
            _ => "BINARY2",
        }
    }

    fn write_row(&mut self, columns: &[Cells<'_>], row: usize) -> Result<(), FormatError> {
        let mark = self.pending.len();
        if self.serialization == Serialization::Binary2 {
            self.pending.resize(mark + columns.len().div_ceil(8), 0);
        }
        for (index, column) in columns.iter().enumerate() {
            if self.serialization == Serialization::Binary2 && column.is_null(row) {
                self.pending[mark + index / 8] |= 0x80 >> (index % 8);
            }
            if let Err(message) = column.write(row, &mut self.pending) {
                // The mask and cells of the unfinished row must not be read as data.
                self.pending.truncate(mark);
                return Err(FormatError::Value { column: self.schema.field(index).name().clone(), message });
            }
        }
        Ok(())
    }
}

impl Encoder for BinaryEncoder {
    fn begin(&mut self, out: &mut Vec<u8>) -> Result<(), FormatError> {
        out.extend_from_slice(self.start.as_bytes());
        out.extend_from_slice(format!("<DATA><{}><STREAM encoding=\"base64\">\n", self.element()).as_bytes());
        Ok(())
    }

    fn batch(&mut self, batch: &RecordBatch, out: &mut Vec<u8>) -> Result<(), FormatError> {
        let arrays = prepared(batch.columns())?;
        let schema = SchemaRef::clone(&self.schema);
        let columns = arrays
            .iter()
            .zip(schema.fields())
            .map(|(array, field)| Cells::try_new(array, field, self.serialization))
            .collect::<Result<Vec<_>, _>>()?;
        (0..batch.num_rows()).try_for_each(|row| self.write_row(&columns, row))?;
        self.drain(out)
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::super::kit;
    use super::super::{Binary, Binary2};
    use super::*;
    use crate::format::OutputFormat;
    use arrow::array::{ArrayRef, FixedSizeListArray, Int16Array, StringArray, UInt8Array, UInt64Array};
    use arrow::datatypes::{DataType, Field, Int32Type, Schema};

    #[test]
    fn cells_are_big_endian_after_their_mask() {
        let bytes = decoded(&kit::text(&Binary2, Ending::Complete));
        let first = row_of_the_kit();
        assert_eq!(bytes[..2], [0, 0]);
        assert_eq!(bytes[2..2 + first.len()], first);
        let second = 2 + first.len();
        // Row 2: all but id and ra are NULL.
        assert_eq!(bytes[second..second + 2], [0b0011_1111, 0b1100_0000]);
        assert_eq!(bytes[second + 2..second + 10], i64::MIN.to_be_bytes());
    }

    /// The expected bytes are written down after VOTable 1.4, sections 2.1 and 5.3.
    fn row_of_the_kit() -> Vec<u8> {
        let mut row = 1_i64.to_be_bytes().to_vec();
        row.extend(266.404996_f64.to_be_bytes());
        row.extend(5.5_f32.to_be_bytes());
        row.extend(20_u32.to_be_bytes());
        row.extend("Sgr A*, \"the\" centre".bytes().flat_map(|byte| [0, byte]));
        row.push(b'T');
        row.extend(19_u32.to_be_bytes());
        row.extend(b"2016-01-01T00:00:00");
        row.extend(2_u32.to_be_bytes());
        row.extend(1.5_f64.to_be_bytes());
        row.extend(f64::NAN.to_be_bytes());
        row.extend(7_i64.to_be_bytes());
        row.extend(9_007_199_254_740_993_i64.to_be_bytes());
        // An alpha, and a face that takes two units of UTF-16.
        row.extend([0, 0, 0, 3, 0x03, 0xb1, 0xd8, 0x3d, 0xde, 0x00]);
        row
    }

    #[test]
    fn binary_declares_what_means_null() {
        let bytes = encoded(&Binary, "n", Arc::new(Int16Array::from(vec![Some(7), None]))).unwrap();
        assert!(bytes.contains("datatype=\"short\"><VALUES null=\"-32768\"/>"), "{bytes}");
        assert_eq!(decoded(&bytes), [0, 7, 0x80, 0]);
        let bytes = encoded(&Binary, "n", Arc::new(UInt8Array::from(vec![Some(255), None]))).unwrap();
        assert!(bytes.contains("datatype=\"short\"><VALUES null=\"-32768\"/>"), "{bytes}");
        assert_eq!(decoded(&bytes), [0, 255, 0x80, 0]);
        let taken = encoded(&Binary, "n", Arc::new(Int16Array::from(vec![i16::MIN]))).unwrap_err().to_string();
        assert!(taken.contains("column n: -32768 means NULL"), "{taken}");
        assert!(encoded(&Binary2, "n", Arc::new(Int16Array::from(vec![i16::MIN]))).is_ok());
    }

    #[test]
    fn what_cannot_be_expressed_is_an_error() {
        let huge = encoded(&Binary2, "huge", Arc::new(UInt64Array::from(vec![u64::MAX]))).unwrap_err().to_string();
        assert!(huge.contains("column huge: 18446744073709551615"), "{huge}");
        let pairs = FixedSizeListArray::from_iter_primitive::<Int32Type, _, _>([Some([Some(1), Some(2)]), None], 2);
        assert_eq!(decoded(&encoded(&Binary2, "p", Arc::new(pairs.clone())).unwrap()).len(), 18);
        assert!(encoded(&Binary, "p", Arc::new(pairs)).is_err());
        let field = Field::new("s", DataType::Utf8, true);
        let times = field.with_metadata([("xtype".to_owned(), "timestamp".to_owned())].into());
        let batch = RecordBatch::try_new(
            Arc::new(Schema::new(vec![times])),
            vec![Arc::new(StringArray::from(vec!["α"])) as ArrayRef],
        );
        assert!(document(&Binary2, &batch.unwrap()).is_err());
    }

    #[test]
    fn an_error_closes_the_stream_at_a_whole_row() {
        let mut encoder = Binary2.encoder(&kit::head()).unwrap();
        let mut out = Vec::new();
        encoder.begin(&mut out).unwrap();
        encoder.batch(&kit::batch().slice(0, 1), &mut out).unwrap();
        assert!(encoder.fail("lost", &mut out));
        let whole = decoded(&kit::text(&Binary2, Ending::Complete));
        let cut = decoded(std::str::from_utf8(&out).unwrap());
        assert!(whole.starts_with(&cut) && cut.len() < whole.len());
    }

    fn encoded(format: &dyn OutputFormat, name: &str, array: ArrayRef) -> Result<String, FormatError> {
        document(format, &RecordBatch::try_from_iter_with_nullable([(name, array, true)]).unwrap())
    }

    fn document(format: &dyn OutputFormat, batch: &RecordBatch) -> Result<String, FormatError> {
        let mut encoder = format.encoder(&Head::new(batch.schema(), None))?;
        let mut out = Vec::new();
        encoder.begin(&mut out)?;
        encoder.batch(batch, &mut out)?;
        encoder.finish(Ending::Complete, &mut out)?;
        Ok(String::from_utf8(out).unwrap())
    }

    fn decoded(document: &str) -> Vec<u8> {
        let start = document.find("base64\">").unwrap() + 8;
        let text: String = document[start..document.find("</STREAM>").unwrap()].split_whitespace().collect();
        STANDARD.decode(text).unwrap()
    }
}
