//! Rows as an HTML page for people: the query, a table whose heads carry units and descriptions, and how it ended.

use arrow::record_batch::RecordBatch;

use super::cells::{Column, Words, prepared};
use super::xml::{escape_into, escaped};
use super::{Encoder, Ending, FormatError, Head, OutputFormat};

const WORDS: Words = Words {
    truth: "true",
    falsehood: "false",
    infinity: "Infinity",
    minus_infinity: "-Infinity",
    absent_integer: Some("null"),
};

const START: &str = "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>Query result</title>\n\
    <style>body{font-family:sans-serif}table{border-collapse:collapse}th,td{border:1px solid #bbb;padding:.15em .5em}\
    th{background:#eee;vertical-align:top}th small{display:block;font-weight:normal}td.n{text-align:right}\
    .overflow,.error{font-weight:bold}</style>\n</head>\n<body>\n<h1>Query result</h1>\n";

const END: &str = "</body>\n</html>\n";

/// The format.
#[derive(Debug)]
pub(super) struct Html;

impl OutputFormat for Html {
    fn name(&self) -> &'static str {
        "html"
    }

    fn media_type(&self) -> &'static str {
        "text/html"
    }

    fn aliases(&self) -> &'static [&'static str] {
        &["text/html;charset=utf-8"]
    }

    fn encoder(&self, head: &Head) -> Result<Box<dyn Encoder>, FormatError> {
        Ok(Box::new(HtmlEncoder { start: start(head), rows: 0, lines: String::new(), cell: String::new() }))
    }
}

struct HtmlEncoder {
    start: String,
    rows: u64,
    /// Rows of a batch, and one cell; kept for their capacity.
    lines: String,
    cell: String,
}

impl Encoder for HtmlEncoder {
    fn begin(&mut self, out: &mut Vec<u8>) -> Result<(), FormatError> {
        out.extend_from_slice(self.start.as_bytes());
        Ok(())
    }

    fn batch(&mut self, batch: &RecordBatch, out: &mut Vec<u8>) -> Result<(), FormatError> {
        let arrays = prepared(batch.columns())?;
        let columns = arrays.iter().map(|array| Column::try_new(array)).collect::<Result<Vec<_>, _>>()?;
        self.lines.clear();
        for row in 0..batch.num_rows() {
            self.lines.push_str("<tr>");
            for column in &columns {
                self.write_cell(column, row);
            }
            self.lines.push_str("</tr>\n");
        }
        self.rows += batch.num_rows() as u64;
        out.extend_from_slice(self.lines.as_bytes());
        Ok(())
    }

    fn finish(&mut self, ending: Ending, out: &mut Vec<u8>) -> Result<(), FormatError> {
        let plural = if self.rows == 1 { "" } else { "s" };
        let note = match ending {
            Ending::Complete => format!("<p>{} row{plural}</p>\n", self.rows),
            Ending::Overflow => {
                format!("<p class=\"overflow\">{} row{plural}; more were left out (overflow)</p>\n", self.rows)
            }
        };
        out.extend_from_slice(format!("</tbody>\n</table>\n{note}{END}").as_bytes());
        Ok(())
    }

    fn fail(&mut self, message: &str, out: &mut Vec<u8>) -> bool {
        let note = format!(
            "<p class=\"error\">The rows are not whole:</p>\n<pre class=\"error\">{}</pre>\n",
            escaped(message)
        );
        out.extend_from_slice(format!("</tbody>\n</table>\n{note}{END}").as_bytes());
        true
    }
}

impl HtmlEncoder {
    fn write_cell(&mut self, column: &Column<'_>, row: usize) {
        if column.is_null(row) {
            self.lines.push_str("<td></td>");
            return;
        }
        self.cell.clear();
        let is_written = column.write(row, &WORDS, &mut self.cell).is_ok();
        self.lines.push_str(if column.is_text() { "<td>" } else { "<td class=\"n\">" });
        escape_into(if is_written { &self.cell } else { "?" }, &mut self.lines);
        self.lines.push_str("</td>");
    }
}

fn start(head: &Head) -> String {
    let mut text = START.to_owned();
    if let Some(query) = &head.query {
        text.push_str(&format!("<pre class=\"query\">{}</pre>\n", escaped(query)));
    }
    text.push_str("<table>\n<thead>\n<tr>");
    for field in head.schema.fields() {
        let metadata =
            |key: &str| field.metadata().get(key).filter(|value| !value.is_empty()).map(|text| escaped(text));
        let said: Vec<String> = ["description", "ucd", "utype"].iter().filter_map(|key| metadata(key)).collect();
        match said.as_slice() {
            [] => text.push_str("<th>"),
            said => text.push_str(&format!("<th title=\"{}\">", said.join("&#10;"))),
        }
        text.push_str(&escaped(field.name()));
        if let Some(unit) = metadata("unit") {
            text.push_str(&format!("<small>{unit}</small>"));
        }
        text.push_str("</th>");
    }
    text.push_str("</tr>\n</thead>\n<tbody>\n");
    text
}

#[cfg(test)]
mod tests {
    use super::super::kit;
    use super::*;

    #[test]
    fn cells_are_escaped_and_the_end_is_told() {
        let text = kit::text(&Html, Ending::Overflow);
        assert!(text.contains("<pre class=\"query\">SELECT * FROM t WHERE a &lt; 1</pre>"), "{text}");
        assert!(
            text.contains("<th title=\"Source &lt;id&gt; &amp; &quot;more&quot;&#10;meta.id;meta.main\">id</th>"),
            "{text}"
        );
        assert!(text.contains("<th title=\"pos.eq.ra;meta.main\">ra<small>deg</small></th>"));
        assert!(
            text.contains("<td>Sgr A*, &quot;the&quot; centre</td>") && text.contains("<td class=\"n\">1.5 NaN</td>")
        );
        assert!(text.contains("3 rows; more were left out") && text.ends_with(END));
    }
}
