//! Rows as TR and TD elements: an empty TD is NULL, in every type (VOTable 1.3 and later).

use arrow::datatypes::{Schema, SchemaRef};
use arrow::record_batch::RecordBatch;

use super::super::cells::{Column, Unspeakable, Words, prepared};
use super::super::xml::escape_into;
use super::super::{Encoder, Ending, FormatError, Head};
use super::document;
use super::field::Serialization;

const WORDS: Words =
    Words { truth: "true", falsehood: "false", infinity: "+Inf", minus_infinity: "-Inf", absent_integer: None };

/// One document.
pub(super) struct TableDataEncoder {
    start: String,
    schema: SchemaRef,
    /// Bytes of the rows, and of one cell; kept for their capacity.
    rows: String,
    cell: String,
    repaired: bool,
}

impl TableDataEncoder {
    pub(super) fn new(head: &Head) -> Self {
        Self {
            start: document::start(head, Serialization::TableData),
            schema: SchemaRef::clone(&head.schema),
            rows: String::new(),
            cell: String::new(),
            repaired: false,
        }
    }

    fn write_row(&mut self, columns: &[Column<'_>], row: usize) -> Result<(), FormatError> {
        self.rows.push_str("<TR>");
        for (index, column) in columns.iter().enumerate() {
            if column.is_null(row) {
                self.rows.push_str("<TD/>");
                continue;
            }
            self.rows.push_str("<TD>");
            if column.is_text() {
                self.cell.clear();
                column.write(row, &WORDS, &mut self.cell).map_err(|Unspeakable| unspeakable(&self.schema, index))?;
                self.repaired |= escape_into(&self.cell, &mut self.rows);
            } else {
                check_range(column, row, &self.schema, index)?;
                column.write(row, &WORDS, &mut self.rows).map_err(|Unspeakable| unspeakable(&self.schema, index))?;
            }
            self.rows.push_str("</TD>");
        }
        self.rows.push_str("</TR>\n");
        Ok(())
    }
}

impl Encoder for TableDataEncoder {
    fn begin(&mut self, out: &mut Vec<u8>) -> Result<(), FormatError> {
        out.extend_from_slice(self.start.as_bytes());
        out.extend_from_slice(b"<DATA><TABLEDATA>\n");
        Ok(())
    }

    fn batch(&mut self, batch: &RecordBatch, out: &mut Vec<u8>) -> Result<(), FormatError> {
        let arrays = prepared(batch.columns())?;
        let columns = arrays.iter().map(|array| Column::try_new(array)).collect::<Result<Vec<_>, _>>()?;
        self.rows.clear();
        for row in 0..batch.num_rows() {
            self.write_row(&columns, row)?;
        }
        out.extend_from_slice(self.rows.as_bytes());
        Ok(())
    }

    fn finish(&mut self, ending: Ending, out: &mut Vec<u8>) -> Result<(), FormatError> {
        out.extend_from_slice(b"</TABLEDATA></DATA>\n");
        out.extend_from_slice(document::end(ending, self.repaired).as_bytes());
        Ok(())
    }

    fn fail(&mut self, message: &str, out: &mut Vec<u8>) -> bool {
        out.extend_from_slice(b"</TABLEDATA></DATA>\n");
        out.extend_from_slice(document::end_with_error(message).as_bytes());
        true
    }
}

/// `long` is the widest integer of VOTable; an unsigned value beyond it would be read wrongly.
fn check_range(column: &Column<'_>, row: usize, schema: &Schema, index: usize) -> Result<(), FormatError> {
    match column {
        Column::UInt64(array) if i64::try_from(array.value(row)).is_err() => Err(FormatError::Value {
            column: schema.field(index).name().clone(),
            message: format!("{} does not fit VOTable's widest integer", array.value(row)),
        }),
        _ => Ok(()),
    }
}

fn unspeakable(schema: &Schema, index: usize) -> FormatError {
    FormatError::Value {
        column: schema.field(index).name().clone(),
        message: "a list has an empty element, which VOTable cannot express: cast it to floating point".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::super::{OutputFormat, kit};
    use super::super::TableData;
    use super::*;
    use arrow::array::{ArrayRef, StringArray, UInt64Array};

    #[test]
    fn a_document_is_as_expected() {
        insta::assert_snapshot!(kit::text(&TableData, Ending::Overflow));
    }

    #[test]
    fn every_document_is_well_formed() {
        for ending in [Ending::Complete, Ending::Overflow] {
            assert!(well_formed(&kit::text(&TableData, ending)));
        }
        assert!(well_formed(&document::error_document("line 1, column 2: a < b & \"c\"")));
    }

    #[test]
    fn damaged_strings_are_repaired_and_told() {
        let text = one("s", Arc::new(StringArray::from(vec!["a\u{0}b"]))).unwrap();
        assert!(text.contains("<TD>a\u{fffd}b</TD>") && text.contains("name=\"WARNING\""), "{text}");
        assert!(well_formed(&text));
    }

    #[test]
    fn an_integer_that_does_not_fit_is_an_error() {
        let error = one("huge", Arc::new(UInt64Array::from(vec![u64::MAX]))).unwrap_err().to_string();
        assert!(error.contains("column huge") && error.contains("18446744073709551615"), "{error}");
    }

    fn one(name: &str, array: ArrayRef) -> Result<String, FormatError> {
        let batch = RecordBatch::try_from_iter([(name, array)]).unwrap();
        let mut encoder = TableData.encoder(&Head::new(batch.schema(), None))?;
        let mut out = Vec::new();
        encoder.begin(&mut out)?;
        encoder.batch(&batch, &mut out)?;
        encoder.finish(Ending::Complete, &mut out)?;
        Ok(String::from_utf8(out).unwrap())
    }

    fn well_formed(text: &str) -> bool {
        let mut reader = quick_xml::Reader::from_str(text);
        reader.config_mut().check_end_names = true;
        let mut depth = 0_i32;
        loop {
            match reader.read_event().unwrap() {
                quick_xml::events::Event::Start(_) => depth += 1,
                quick_xml::events::Event::End(_) => depth -= 1,
                quick_xml::events::Event::Eof => return depth == 0,
                _ => {}
            }
        }
    }
}
