//! Rows as one JSON object: `metadata` of the columns, then `data`, an array for each row.
//!
//! The members are those of other TAP services (vollt and what is built on it), followed by how the answer ended:
//! `{"metadata": [{"name": ..}], "query": .., "data": [[..], ..], "status": "OK", "rows": 2}`. Integers keep every digit, NaN
//! and infinities are strings, so that NULL is the only `null`; lists are arrays.

use std::fmt::Write;

use arrow::datatypes::Schema;
use arrow::record_batch::RecordBatch;
use sidereus_engine::{Provenance, votable_type};

use super::cells::{Column, Words, prepared};
use super::json::{self, write_string};
use super::{Encoder, Ending, FormatError, Head, OutputFormat};

const WORDS: Words = Words {
    truth: "true",
    falsehood: "false",
    infinity: "\"Infinity\"",
    minus_infinity: "\"-Infinity\"",
    absent_integer: Some("null"),
};

/// The format.
#[derive(Debug)]
pub(super) struct Json;

impl OutputFormat for Json {
    fn name(&self) -> &'static str {
        "json"
    }

    fn media_type(&self) -> &'static str {
        "application/json"
    }

    fn encoder(&self, head: &Head) -> Result<Box<dyn Encoder>, FormatError> {
        Ok(Box::new(JsonEncoder { start: start(head), rows: 0, lines: String::new(), cell: String::new() }))
    }
}

struct JsonEncoder {
    start: String,
    rows: u64,
    /// Rows of a batch, and one cell; kept for their capacity.
    lines: String,
    cell: String,
}

impl Encoder for JsonEncoder {
    fn begin(&mut self, out: &mut Vec<u8>) -> Result<(), FormatError> {
        out.extend_from_slice(self.start.as_bytes());
        Ok(())
    }

    fn batch(&mut self, batch: &RecordBatch, out: &mut Vec<u8>) -> Result<(), FormatError> {
        let arrays = prepared(batch.columns())?;
        let columns = arrays.iter().map(|array| Column::try_new(array)).collect::<Result<Vec<_>, _>>()?;
        self.lines.clear();
        for row in 0..batch.num_rows() {
            self.lines.push_str(if self.rows == 0 { "\n[" } else { ",\n[" });
            for (index, column) in columns.iter().enumerate() {
                if index > 0 {
                    self.lines.push(',');
                }
                self.cell.clear();
                write_cell(column, row, &mut self.cell, &mut self.lines);
            }
            self.lines.push(']');
            self.rows += 1;
        }
        out.extend_from_slice(self.lines.as_bytes());
        Ok(())
    }

    fn finish(&mut self, ending: Ending, out: &mut Vec<u8>) -> Result<(), FormatError> {
        let status = match ending {
            Ending::Complete => "OK",
            Ending::Overflow => "OVERFLOW",
        };
        out.extend_from_slice(format!("\n],\"status\":\"{status}\",\"rows\":{}}}\n", self.rows).as_bytes());
        Ok(())
    }

    fn fail(&mut self, message: &str, out: &mut Vec<u8>) -> bool {
        let mut text = "\n],\"status\":\"ERROR\",\"message\":".to_owned();
        write_string(message, &mut text);
        text.push_str("}\n");
        out.extend_from_slice(text.as_bytes());
        true
    }
}

fn start(head: &Head) -> String {
    let mut text = "{\"metadata\":[".to_owned();
    for (index, field) in head.schema.fields().iter().enumerate() {
        let kind = votable_type(field);
        let metadata = |key: &str| field.metadata().get(key).filter(|value| !value.is_empty()).cloned();
        text.push_str(if index == 0 { "\n{\"name\":" } else { ",\n{\"name\":" });
        write_string(field.name(), &mut text);
        for (key, value) in [
            ("datatype", Some(kind.datatype.to_owned())),
            ("arraysize", kind.arraysize),
            ("xtype", kind.xtype),
            ("unit", metadata("unit")),
            ("ucd", metadata("ucd")),
            ("utype", metadata("utype")),
            ("description", metadata("description")),
        ] {
            match value {
                Some(value) => write_member(key, &value, &mut text),
                // Clients of TAP+ ask for these of every column.
                None if matches!(key, "unit" | "description") => text.push_str(&format!(",\"{key}\":null")),
                None => {}
            }
        }
        text.push('}');
    }
    text.push_str("\n]");
    if let Some(query) = &head.query {
        write_member("query", query, &mut text);
    }
    write_provenance(&head.schema, &mut text);
    text.push_str(",\n\"data\":[");
    text
}

fn write_provenance(schema: &Schema, out: &mut String) {
    for key in Provenance::KEYS {
        if let Some(value) = schema.metadata().get(key) {
            write_member(key, value, out);
        }
    }
}

fn write_member(key: &str, value: &str, out: &mut String) {
    write!(out, ",\"{key}\":").expect("a String takes any text");
    write_string(value, out);
}

fn write_cell(column: &Column<'_>, row: usize, scratch: &mut String, out: &mut String) {
    if column.is_null(row) {
        out.push_str("null");
        return;
    }
    match column {
        Column::Float32(array) => json::write_float(array.value(row), out),
        Column::Float64(array) => json::write_float(array.value(row), out),
        Column::List(array, _) => json::write(*array, row, out),
        Column::LargeList(array, _) => json::write(*array, row, out),
        Column::FixedSizeList(array, _) => json::write(*array, row, out),
        Column::Nested(array) => json::write(*array, row, out),
        column if column.is_text() => {
            // Only lists have values that are no text.
            let _ = column.write(row, &WORDS, scratch);
            write_string(scratch, out);
        }
        column => {
            let _ = column.write(row, &WORDS, out);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::kit;
    use super::*;
    use serde_json::{Value, json};

    #[test]
    fn the_document_parses_and_holds_every_value() {
        let text = kit::text(&Json, Ending::Overflow);
        let document: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(document["status"], "OVERFLOW");
        assert_eq!(document["rows"], 3);
        assert_eq!(
            document["metadata"][1],
            json!({"name": "ra", "datatype": "double", "unit": "deg", "ucd": "pos.eq.ra;meta.main", "description": null})
        );
        assert_eq!(
            document["data"][0],
            json!([
                1,
                266.404996,
                5.5,
                "Sgr A*, \"the\" centre",
                true,
                "2016-01-01T00:00:00",
                [1.5, "NaN"],
                7,
                9007199254740993_i64,
                "α😀"
            ])
        );
        assert_eq!(document["data"][1], json!([i64::MIN, "NaN", null, null, null, null, null, null, null, null]));
        assert_eq!(document["data"][2][6], json!([]));
        assert_eq!(document["data"][2][1], json!("-Infinity"));
    }

    #[test]
    fn an_error_leaves_a_document_that_parses() {
        let mut encoder = Json.encoder(&kit::head()).unwrap();
        let mut out = Vec::new();
        encoder.begin(&mut out).unwrap();
        encoder.batch(&kit::batch(), &mut out).unwrap();
        assert!(encoder.fail("line 1: \"x\"\nlost", &mut out));
        let document: Value = serde_json::from_slice(&out).unwrap();
        assert_eq!((&document["status"], &document["message"]), (&json!("ERROR"), &json!("line 1: \"x\"\nlost")));
    }
}
