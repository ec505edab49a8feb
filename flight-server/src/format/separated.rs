//! Rows as CSV (RFC 4180) and TSV: a header line, nothing for NULL, `""` for the empty string.
//!
//! TSV quotes like CSV, as spreadsheets, pandas and astropy do. Neither has a place for anything but rows: an overflow is a
//! last line that starts with `#`, unless the [`Head`] forbids it, and an error breaks the transfer off.

use arrow::record_batch::RecordBatch;

use super::cells::{Column, Unspeakable, Words, prepared};
use super::{Encoder, Ending, FormatError, Head, OutputFormat, overflow_line};

const LINE_END: &str = "\r\n";

const WORDS: Words = Words {
    truth: "true",
    falsehood: "false",
    infinity: "Infinity",
    minus_infinity: "-Infinity",
    absent_integer: Some("null"),
};

/// Commas between cells.
#[derive(Debug)]
pub(super) struct Csv;

/// Tabs between cells.
#[derive(Debug)]
pub(super) struct Tsv;

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
        Ok(Box::new(SeparatedEncoder::new(head, b',')))
    }
}

impl OutputFormat for Tsv {
    fn name(&self) -> &'static str {
        "tsv"
    }

    fn media_type(&self) -> &'static str {
        "text/tab-separated-values"
    }

    fn aliases(&self) -> &'static [&'static str] {
        &["text/tsv", "text/tab-separated-values;header=present"]
    }

    fn encoder(&self, head: &Head) -> Result<Box<dyn Encoder>, FormatError> {
        Ok(Box::new(SeparatedEncoder::new(head, b'\t')))
    }
}

struct SeparatedEncoder {
    names: Vec<String>,
    separator: u8,
    overflow_line: bool,
    rows: u64,
    /// One cell; kept for its capacity.
    text: String,
}

impl Encoder for SeparatedEncoder {
    fn begin(&mut self, out: &mut Vec<u8>) -> Result<(), FormatError> {
        for (index, name) in self.names.iter().enumerate() {
            if index > 0 {
                out.push(self.separator);
            }
            write_text(name, self.separator, out);
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
                    out.push(self.separator);
                }
                if column.is_null(row) {
                    continue;
                }
                self.text.clear();
                column.write(row, &WORDS, &mut self.text).map_err(|Unspeakable| self.unspeakable(index))?;
                if column.is_text() {
                    write_text(&self.text, self.separator, out);
                } else {
                    out.extend_from_slice(self.text.as_bytes());
                }
            }
            out.extend_from_slice(LINE_END.as_bytes());
            self.rows += 1;
        }
        Ok(())
    }

    fn finish(&mut self, ending: Ending, out: &mut Vec<u8>) -> Result<(), FormatError> {
        if ending == Ending::Overflow && self.overflow_line {
            out.extend_from_slice(overflow_line(self.rows).as_bytes());
            out.extend_from_slice(LINE_END.as_bytes());
        }
        Ok(())
    }
}

impl SeparatedEncoder {
    fn new(head: &Head, separator: u8) -> Self {
        let names = head.schema.fields().iter().map(|field| field.name().clone()).collect();
        Self { names, separator, overflow_line: head.overflow_line, rows: 0, text: String::new() }
    }

    fn unspeakable(&self, index: usize) -> FormatError {
        FormatError::Value { column: self.names[index].clone(), message: "a list has an empty element".to_owned() }
    }
}

/// Quotes where a reader could misunderstand: separators, quotes, line ends, outer spaces, what looks like a note, the empty
/// string.
fn write_text(text: &str, separator: u8, out: &mut Vec<u8>) {
    let bytes = text.as_bytes();
    let is_outer = |byte: Option<&u8>| matches!(byte, None | Some(b' ' | b'\t'));
    let plain = !is_outer(bytes.first())
        && !is_outer(bytes.last())
        && bytes[0] != b'#'
        && !bytes.iter().any(|&byte| byte == separator || matches!(byte, b'"' | b'\n' | b'\r'));
    if plain {
        out.extend_from_slice(bytes);
        return;
    }
    out.push(b'"');
    for (index, part) in text.split('"').enumerate() {
        if index > 0 {
            out.extend_from_slice(b"\"\"");
        }
        out.extend_from_slice(part.as_bytes());
    }
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
        assert_eq!(lines[0], "id,ra,mag,name,good,seen,curve,big,exact,script");
        assert_eq!(
            lines[1],
            "1,266.404996,5.5,\"Sgr A*, \"\"the\"\" centre\",true,2016-01-01T00:00:00,1.5 NaN,7,9007199254740993,α😀"
        );
        assert_eq!(lines[2], "-9223372036854775808,NaN,,,,,,,,");
        assert_eq!(lines[3], "3,-Infinity,-0.25,\"\",false,2020-02-29T12:30:00.250,,8,-9007199254740993,\"é\t\n\"");
        assert_eq!(lines[4], "");
    }

    #[test]
    fn tabs_and_notes_are_quoted() {
        let text = kit::text(&Tsv, Ending::Overflow);
        let lines: Vec<&str> = text.split(LINE_END).collect();
        assert_eq!(lines[2], "-9223372036854775808\tNaN\t\t\t\t\t\t\t\t");
        assert!(lines[3].ends_with("\t-9007199254740993\t\"é\t\n\""), "{text}");
        assert_eq!(lines[4], "# overflow: rows were left out after 3 rows");
        let mut out = Vec::new();
        write_text("# no note", b',', &mut out);
        assert_eq!(out, b"\"# no note\"");
    }
}
