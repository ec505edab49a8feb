//! Rows as an aligned table, for a terminal and as plain text.
//!
//! Widths come from the first rows; later rows that are wider push their line out rather than being cut. Numbers stand
//! right, everything else left. At a terminal the last line counts the rows; plain text ends with the last row, or with a
//! line that tells an overflow.

use std::fmt::Write;

use arrow::datatypes::DataType;
use arrow::record_batch::RecordBatch;

use super::cells::{Column, Words, prepared};
use super::{Encoder, Ending, FormatError, Head, OutputFormat, overflow_line};

/// Rows that are looked at before the first is written.
const SAMPLE_ROWS: usize = 1000;

const WORDS: Words = Words {
    truth: "true",
    falsehood: "false",
    infinity: "Infinity",
    minus_infinity: "-Infinity",
    absent_integer: Some("null"),
};

/// For a terminal.
#[derive(Debug)]
pub(super) struct Table;

/// The same for whoever asks a service.
#[derive(Debug)]
pub(super) struct Text;

impl OutputFormat for Table {
    fn name(&self) -> &'static str {
        "table"
    }

    fn media_type(&self) -> &'static str {
        "text/plain;purpose=terminal"
    }

    fn extension(&self) -> &'static str {
        "txt"
    }

    fn is_served(&self) -> bool {
        false
    }

    fn encoder(&self, head: &Head) -> Result<Box<dyn Encoder>, FormatError> {
        Ok(Box::new(TableEncoder::new(head, true)))
    }
}

impl OutputFormat for Text {
    fn name(&self) -> &'static str {
        "text"
    }

    fn media_type(&self) -> &'static str {
        "text/plain"
    }

    fn aliases(&self) -> &'static [&'static str] {
        &["txt", "text/plain;charset=utf-8"]
    }

    fn extension(&self) -> &'static str {
        "txt"
    }

    fn encoder(&self, head: &Head) -> Result<Box<dyn Encoder>, FormatError> {
        Ok(Box::new(TableEncoder::new(head, false)))
    }
}

struct TableEncoder {
    names: Vec<String>,
    rightward: Vec<bool>,
    sample: Vec<Vec<String>>,
    /// Known once the header is written.
    widths: Option<Vec<usize>>,
    rows: u64,
    /// Whether the rows are counted at the end.
    counts: bool,
    overflow_line: bool,
}

impl Encoder for TableEncoder {
    fn begin(&mut self, _out: &mut Vec<u8>) -> Result<(), FormatError> {
        Ok(())
    }

    fn batch(&mut self, batch: &RecordBatch, out: &mut Vec<u8>) -> Result<(), FormatError> {
        let arrays = prepared(batch.columns())?;
        let columns = arrays.iter().map(|array| Column::try_new(array)).collect::<Result<Vec<_>, _>>()?;
        for row in 0..batch.num_rows() {
            self.rows += 1;
            let cells: Vec<String> = columns.iter().map(|column| cell(column, row)).collect();
            match &self.widths {
                Some(widths) => write_line(&cells, widths, &self.rightward, out),
                None => self.sample.push(cells),
            }
            if self.widths.is_none() && self.sample.len() >= SAMPLE_ROWS {
                self.write_sample(out);
            }
        }
        Ok(())
    }

    fn finish(&mut self, ending: Ending, out: &mut Vec<u8>) -> Result<(), FormatError> {
        if self.widths.is_none() {
            self.write_sample(out);
        }
        if !self.counts {
            if ending == Ending::Overflow && self.overflow_line {
                out.extend_from_slice(overflow_line(self.rows).as_bytes());
                out.push(b'\n');
            }
            return Ok(());
        }
        let plural = if self.rows == 1 { "" } else { "s" };
        let more = if ending == Ending::Overflow { ", more were left out" } else { "" };
        out.extend_from_slice(format!("({} row{plural}{more})\n", self.rows).as_bytes());
        Ok(())
    }
}

impl TableEncoder {
    fn new(head: &Head, counts: bool) -> Self {
        let fields = head.schema.fields();
        Self {
            names: fields.iter().map(|field| field.name().clone()).collect(),
            rightward: fields.iter().map(|field| is_number(field.data_type())).collect(),
            sample: Vec::new(),
            widths: None,
            rows: 0,
            counts,
            overflow_line: head.overflow_line,
        }
    }

    fn write_sample(&mut self, out: &mut Vec<u8>) {
        let mut widths: Vec<usize> = self.names.iter().map(|name| width(name)).collect();
        for cells in &self.sample {
            for (widest, cell) in widths.iter_mut().zip(cells) {
                *widest = (*widest).max(width(cell));
            }
        }
        write_line(&self.names, &widths, &self.rightward, out);
        let rules: Vec<String> = widths.iter().map(|&width| "-".repeat(width)).collect();
        out.extend_from_slice(rules.join("  ").as_bytes());
        out.push(b'\n');
        for cells in std::mem::take(&mut self.sample) {
            write_line(&cells, &widths, &self.rightward, out);
        }
        self.widths = Some(widths);
    }
}

fn cell(column: &Column<'_>, row: usize) -> String {
    let mut text = String::new();
    if column.is_null(row) {
        text.push_str("NULL");
    } else if column.write(row, &WORDS, &mut text).is_err() {
        text.push('?');
    }
    // A terminal would obey control characters.
    if text.contains(char::is_control) {
        text = text.chars().map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c }).collect();
    }
    text
}

fn write_line(cells: &[String], widths: &[usize], rightward: &[bool], out: &mut Vec<u8>) {
    let mut line = String::new();
    for (index, cell) in cells.iter().enumerate() {
        let padding = widths[index].saturating_sub(width(cell));
        if index > 0 {
            line.push_str("  ");
        }
        let written = if rightward[index] {
            write!(line, "{:padding$}{cell}", "")
        } else {
            write!(line, "{cell}{:padding$}", "")
        };
        written.expect("a String takes any text");
    }
    out.extend_from_slice(line.trim_end().as_bytes());
    out.push(b'\n');
}

fn width(text: &str) -> usize {
    text.chars().count()
}

fn is_number(kind: &DataType) -> bool {
    kind.is_numeric()
}

#[cfg(test)]
mod tests {
    use super::super::kit;
    use super::*;

    #[test]
    fn columns_are_aligned() {
        let text = kit::text(&Table, Ending::Overflow);
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines[0].starts_with("                  id          ra    mag  name"), "{text}");
        assert!(lines[2].starts_with("                   1  266.404996    5.5  Sgr A*"), "{text}");
        assert!(lines[3].starts_with("-9223372036854775808         NaN   NULL  NULL"), "{text}");
        assert_eq!(lines[5], "(3 rows, more were left out)");
        let plain = kit::text(&Text, Ending::Overflow);
        assert_eq!(plain.lines().take(5).collect::<Vec<_>>(), lines[..5]);
        assert_eq!(plain.lines().nth(5), Some("# overflow: rows were left out after 3 rows"));
        assert_eq!(kit::text(&Text, Ending::Complete).lines().count(), 5);
    }

    #[test]
    fn control_characters_do_not_reach_the_terminal() {
        let array: arrow::array::ArrayRef = std::sync::Arc::new(arrow::array::StringArray::from(vec!["\u{1b}[2J"]));
        assert_eq!(cell(&Column::try_new(&array).unwrap(), 0), "\u{fffd}[2J");
    }
}
