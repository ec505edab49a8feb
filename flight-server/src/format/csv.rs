//! Rows as CSV (RFC 4180): a header line, nothing for NULL, `""` for the empty string.
//!
//! CSV has no place to say that rows were left out: services tell it beside the body.

use arrow::record_batch::RecordBatch;

use super::cells::{Column, Unspeakable, Words, prepared};
use super::{Encoder, Ending, FormatError, Head, OutputFormat};

const LINE_END: &str = "\r\n";

const WORDS: Words = Words {
    truth: "true",
    falsehood: "false",
    infinity: "Infinity",
    minus_infinity: "-Infinity",
    absent_integer: Some("null"),
};

/// The format.
#[derive(Debug)]
pub(super) struct Csv;

impl OutputFormat for Csv {
    fn name(&self) -> &'static str {
        "csv"
    }

    fn media_type(&self) -> &'static str {
        "text/csv;header=present"
    }

    fn aliases(&self) -> &'static [&'static str] {
        &["text/csv"]
    }

    fn encoder(&self, head: &Head) -> Result<Box<dyn Encoder>, FormatError> {
        let names = head.schema.fields().iter().map(|field| field.name().clone()).collect();
        Ok(Box::new(CsvEncoder { names, text: String::new() }))
    }
}

struct CsvEncoder {
    names: Vec<String>,
    text: String,
}

impl Encoder for CsvEncoder {
    fn begin(&mut self, out: &mut Vec<u8>) -> Result<(), FormatError> {
        for (index, name) in self.names.iter().enumerate() {
            if index > 0 {
                out.push(b',');
            }
            write_quoted(name, out);
        }
        out.extend_from_slice(LINE_END.as_bytes());
        Ok(())
    }

    fn batch(&mut self, batch: &RecordBatch, out: &mut Vec<u8>) -> Result<(), FormatError> {
        let arrays = prepared(batch.columns())?;
        let columns = arrays.iter().map(|array| Column::try_new(array)).collect::<Result<Vec<_>, _>>()?;
        for row in 0..batch.num_rows() {
            for (index, column) in columns.iter().enumerate() {
                if index > 0 {
                    out.push(b',');
                }
                if column.is_null(row) {
                    continue;
                }
                self.text.clear();
                column.write(row, &WORDS, &mut self.text).map_err(|Unspeakable| self.unspeakable(index))?;
                if column.is_text() {
                    write_quoted(&self.text, out);
                } else {
                    out.extend_from_slice(self.text.as_bytes());
                }
            }
            out.extend_from_slice(LINE_END.as_bytes());
        }
        Ok(())
    }

    fn finish(&mut self, _ending: Ending, _out: &mut Vec<u8>) -> Result<(), FormatError> {
        Ok(())
    }
}

impl CsvEncoder {
    fn unspeakable(&self, index: usize) -> FormatError {
        FormatError::Value { column: self.names[index].clone(), message: "a list has an empty element".to_owned() }
    }
}

/// Quotes where a reader could misunderstand: separators, quotes, line ends, outer spaces, the empty string.
fn write_quoted(text: &str, out: &mut Vec<u8>) {
    let plain = !text.is_empty()
        && !text.contains(['"', ',', '\n', '\r'])
        && !text.starts_with([' ', '\t'])
        && !text.ends_with([' ', '\t']);
    if plain {
        out.extend_from_slice(text.as_bytes());
        return;
    }
    out.push(b'"');
    out.extend_from_slice(text.replace('"', "\"\"").as_bytes());
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::super::kit;
    use super::*;

    #[test]
    fn rows_are_lines() {
        let text = kit::text(&Csv, Ending::Complete);
        let lines: Vec<&str> = text.split(LINE_END).collect();
        assert_eq!(lines[0], "id,ra,mag,name,good,seen,curve,big");
        assert_eq!(lines[1], "1,266.404996,5.5,\"Sgr A*, \"\"the\"\" centre\",true,2016-01-01T00:00:00,1.5 NaN,7");
        assert_eq!(lines[2], "-9223372036854775808,NaN,,,,,,");
        assert_eq!(lines[3], "3,-Infinity,-0.25,\"\",false,2020-02-29T12:30:00.250,,8");
        assert_eq!(lines[4], "");
    }
}
