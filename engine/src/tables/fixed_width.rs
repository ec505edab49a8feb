//! Lines of fixed width, described by a ReadMe of the CDS.
//!
//! The ReadMe's table "Byte-by-byte Description of file" says which bytes of a line are which column. A blank cell is
//! null, and so is the text behind `?=` in the explanation. A format with a count (`3F7.2`) is as many columns, whose
//! names end in their number.
//!
//! *Source*: Standards for Astronomical Catalogues 2.0 (CDS), section 3.

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};

use super::cells::{Cells, consecutive};
use super::frame::{LineFrames, Lines};
use super::input::Unpacked;
use super::text::{TextColumn, TextTable};
use super::{Chunk, ReadOptions, TableReader, bad_table, described, distinct_names, unreadable};
use crate::error::EngineError;

/// Reads lines of fixed width.
pub(super) struct FixedWidthReader {
    frames: LineFrames,
    layout: Arc<Layout>,
}

struct Layout {
    bytes: Vec<Range<usize>>,
    table: TextTable,
}

impl FixedWidthReader {
    /// Reads the ReadMe: that of the options, or one beside the file.
    pub(super) fn open(unpacked: Unpacked, options: &ReadOptions) -> Result<Self, EngineError> {
        let piece = unpacked.piece();
        let name = unpacked.name;
        let beside = Path::new(&name).with_file_name("ReadMe");
        let readme = options.readme.as_deref().or_else(|| beside.is_file().then_some(&beside));
        let readme = readme.ok_or_else(|| {
            bad_table(
                &name,
                "lines of fixed width need the ReadMe that describes them, and there is none beside the file",
            )
        })?;
        let place = readme.display().to_string();
        let text = std::fs::read(readme).map_err(|error| unreadable(&place, &error))?;
        let columns = columns(&String::from_utf8_lossy(&text), file_name(&name))
            .ok_or_else(|| bad_table(&place, format!("it has no byte-by-byte description of {}", file_name(&name))))?;
        let names = distinct_names(columns.iter().map(|column| column.name.clone()));
        let fields = names.iter().zip(&columns).map(|(name, column)| column.field(name, options));
        let table = TextTable {
            schema: Arc::new(Schema::new(fields.collect::<Vec<_>>())),
            columns: columns.iter().map(|column| column.reading(options)).collect(),
            is_strict: false,
        };
        let layout = Layout { bytes: columns.into_iter().map(|column| column.bytes).collect(), table };
        Ok(Self { frames: LineFrames::new(&name, unpacked.bytes, piece), layout: Arc::new(layout) })
    }
}

/// The last part of a path or URL, without the ending that says how it is packed.
fn file_name(name: &str) -> &str {
    let name = name.rsplit('/').next().unwrap_or(name);
    [".gz", ".zst"].iter().find_map(|ending| name.strip_suffix(ending)).unwrap_or(name)
}

impl TableReader for FixedWidthReader {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.layout.table.schema)
    }

    fn next_chunk(&mut self) -> Result<Option<Chunk>, EngineError> {
        let Some(lines) = self.frames.next_lines()? else { return Ok(None) };
        let layout = Arc::clone(&self.layout);
        Ok(Some(Chunk::new(move || {
            let (cells, places) = cut(lines, &layout.bytes);
            layout.table.decode(&cells, consecutive(places), Vec::new())
        })))
    }
}

fn cut(lines: Lines, columns: &[Range<usize>]) -> (Cells, Vec<u64>) {
    let mut cells = Cells::of_bytes(lines.bytes, columns.len());
    let (mut at, mut places) = (0, Vec::new());
    for line in lines.first_line.. {
        let bytes = &cells.bytes()[at..];
        if bytes.is_empty() {
            break;
        }
        let end = at + memchr::memchr(b'\n', bytes).unwrap_or(bytes.len());
        if !cells.bytes()[at..end].trim_ascii().is_empty() {
            places.push(line);
            for column in columns {
                let (from, to) = ((at + column.start).min(end), (at + column.end).min(end));
                let text = &cells.bytes()[from..to];
                let from = from + (text.len() - text.trim_ascii_start().len());
                let length = text.trim_ascii().len();
                cells.push_span(from, from + length);
            }
        }
        at = end + 1;
        if at >= cells.bytes().len() {
            break;
        }
    }
    (cells, places)
}

#[derive(Debug, Clone)]
struct Column {
    bytes: Range<usize>,
    format: String,
    unit: String,
    name: String,
    explanation: String,
}

impl Column {
    fn field(&self, name: &str, options: &ReadOptions) -> Field {
        let width = self.bytes.len();
        let told = match self.format.chars().next() {
            Some('I') if width < 10 => DataType::Int32,
            Some('I') => DataType::Int64,
            Some('F' | 'E' | 'D') => DataType::Float64,
            _ => DataType::Utf8,
        };
        let kind = options.types.get(name).cloned().unwrap_or(told);
        let unit = if self.unit.starts_with('-') { "" } else { &self.unit };
        described(name, kind, &[("unit", unit), ("description", self.description())])
    }

    /// The explanation without the mark of null.
    fn description(&self) -> &str {
        let text = self.explanation.trim_start_matches('*');
        match text.strip_prefix('?') {
            Some(rest) if rest.starts_with('=') => rest.split_once(' ').map_or("", |(_, rest)| rest),
            Some(rest) => rest,
            None => text,
        }
    }

    fn reading(&self, options: &ReadOptions) -> TextColumn {
        let null = self.explanation.trim_start_matches('*').strip_prefix("?=").and_then(|rest| rest.split(' ').next());
        let nulls = options.nulls.iter().cloned().chain(null.map(str::to_owned)).collect();
        TextColumn { nulls, quoted_is_null: true, ..TextColumn::declared() }
    }
}

/// The columns of a file; of the only one that the ReadMe describes, where it names another.
fn columns(readme: &str, file: &str) -> Option<Vec<Column>> {
    const TITLE: &str = "Byte-by-byte Description of file";
    let lines: Vec<&str> = readme.lines().collect();
    let titles: Vec<usize> = (0..lines.len()).filter(|line| lines[*line].starts_with(TITLE)).collect();
    let names = |line: usize| lines[line].split([':', ' ', ',']).any(|word| matches_name(word, file));
    let title = titles.iter().copied().find(|line| names(*line));
    let title = title.or_else(|| titles.first().copied().filter(|_| titles.len() == 1))?;
    let is_rule = |line: &&str| line.starts_with("-----");
    let mut rows = lines[title + 1..].iter().copied().skip_while(|line| !is_rule(line)).skip(1);
    rows.by_ref().find(is_rule)?;
    let mut columns: Vec<Column> = Vec::new();
    for line in rows.take_while(|line| !is_rule(line)) {
        match column(line) {
            Some(column) => columns.push(column),
            None => {
                let last = columns.last_mut()?;
                last.explanation = format!("{} {}", last.explanation, line.trim()).trim().to_owned();
            }
        }
    }
    Some(columns.into_iter().flat_map(repeated).collect())
}

fn matches_name(word: &str, file: &str) -> bool {
    word == file || word.strip_suffix('*').is_some_and(|begin| !begin.is_empty() && file.starts_with(begin))
}

fn column(line: &str) -> Option<Column> {
    let line = line.trim();
    let digits = |text: &str| text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let length = digits(line);
    let first: usize = line[..length].parse().ok()?;
    let mut rest = line[length..].trim_start();
    let mut last = first;
    if let Some(after) = rest.strip_prefix('-') {
        let after = after.trim_start();
        let length = digits(after);
        last = after[..length].parse().ok()?;
        rest = after[length..].trim_start();
    }
    // A line's bytes; more would only waste memory.
    const WIDEST: usize = 1 << 20;
    let mut words = rest.splitn(2, char::is_whitespace);
    let format = words.next().filter(|format| format.contains(['A', 'I', 'F', 'E', 'D']))?;
    let (unit, rest) = words.next()?.trim_start().split_once(char::is_whitespace)?;
    let (name, explanation) = rest.trim_start().split_once(char::is_whitespace).unwrap_or_else(|| (rest.trim(), ""));
    (first >= 1 && first <= last && last < WIDEST).then(|| Column {
        bytes: first - 1..last,
        format: format.to_owned(),
        unit: unit.to_owned(),
        name: name.to_owned(),
        explanation: explanation.trim().to_owned(),
    })
}

/// One column for each time that a format is repeated.
fn repeated(column: Column) -> Vec<Column> {
    let format = column.format.trim_start_matches(|c: char| c.is_ascii_digit()).to_owned();
    let count: usize = column.format[..column.format.len() - format.len()].parse().unwrap_or(1);
    if count < 2 || !column.bytes.len().is_multiple_of(count) {
        return vec![Column { format, ..column }];
    }
    let width = column.bytes.len() / count;
    (0..count)
        .map(|number| Column {
            bytes: column.bytes.start + number * width..column.bytes.start + (number + 1) * width,
            format: format.clone(),
            name: format!("{}{}", column.name, number + 1),
            ..column.clone()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const README: &str = "\
Byte-by-byte Description of file: stars.dat
--------------------------------------------------------------------------------
   Bytes Format Units   Label     Explanations
--------------------------------------------------------------------------------
   1-  6  I6    ---     HIP       Hipparcos identifier
       8  A1    ---   n_HIP       [A-B]? Component
  10- 18  F9.5  deg     RAdeg     ?=999.99999 Right ascension,
                                  at epoch J2000
  20- 33 2F7.2  mas     W         Weights
--------------------------------------------------------------------------------
";

    #[test]
    fn readme_says_bytes_types_units_and_nulls() {
        let columns = columns(README, "stars.dat").unwrap();
        let names: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
        assert_eq!(names, ["HIP", "n_HIP", "RAdeg", "W1", "W2"]);
        assert_eq!(columns[4].bytes, 26..33);
        let options = ReadOptions::default();
        assert_eq!(columns[2].field("RAdeg", &options).metadata()["description"], "Right ascension, at epoch J2000");
        assert_eq!(columns[2].reading(&options).nulls, ["999.99999"]);
        assert_eq!(columns[0].field("HIP", &options).data_type(), &DataType::Int32);
        assert!(super::columns("nothing", "stars.dat").is_none());
    }

    #[test]
    fn short_lines_end_in_nulls() {
        let lines = Lines { bytes: b" 1 ab\n\n 2\n".to_vec(), first_line: 1 };
        let (cells, places) = cut(lines, &[0..2, 3..5]);
        assert_eq!(places, [1, 3]);
        assert_eq!(
            (cells.at(0, 1).bytes, cells.at(1, 0).bytes, cells.at(1, 1).bytes),
            (&b"ab"[..], &b"2"[..], &b""[..])
        );
    }
}
