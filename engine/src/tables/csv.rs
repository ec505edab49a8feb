//! Separated values: names in the first line, types guessed from a sample.
//!
//! The sample is the first piece and, of a file that is not packed, some lines at places all over it. Lines before the
//! names that begin with `#` are comments.
//!
//! *Source*: RFC 4180; the separator may be another.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};

use super::cells::{Cells, one_line, split_lines};
use super::frame::{LineFrames, Lines};
use super::guess::Guess;
use super::input::Unpacked;
use super::text::{TextColumn, TextTable};
use super::{Chunk, MOST_COLUMNS, ReadOptions, TableReader, bad_table, distinct_names};
use crate::error::EngineError;

/// What stands between cells.
#[derive(Debug, Clone, Copy)]
pub(super) enum Separator {
    /// The one of `, tab ; |` that the first line has most of.
    Found,
    /// This one.
    Is(u8),
}

/// Places of a file that are looked at, and bytes at each.
const PROBES: u64 = 16;
const PROBE_BYTES: usize = 1 << 16;
/// Rows of the first piece that are looked at.
const SAMPLE_ROWS: usize = 20_000;

/// Reads separated values.
pub(super) struct CsvReader {
    frames: LineFrames,
    separator: u8,
    table: Arc<TextTable>,
}

impl CsvReader {
    /// Reads the names and guesses the types.
    pub(super) fn open(unpacked: Unpacked, separator: Separator, options: &ReadOptions) -> Result<Self, EngineError> {
        let (piece, is_strict) = (unpacked.piece(), unpacked.guard.is_some());
        let (name, plain_file) = (unpacked.name, unpacked.plain_file);
        let mut frames = LineFrames::new(&name, unpacked.bytes, piece);
        let (separator, names) = header(&mut frames, &name, separator)?;
        frames.set_quoting(separator);
        let mut guesses = vec![Guess::Nothing; names.len()];
        let columns = vec![TextColumn { nulls: options.nulls.clone(), ..TextColumn::declared() }; names.len()];
        if let Some(first) = frames.next_lines()? {
            let sample = Lines { bytes: first.bytes.clone(), first_line: first.first_line };
            look_at(&split_lines(sample, separator, names.len(), SAMPLE_ROWS).cells, &columns, &mut guesses);
            frames.put_back(first);
        }
        if let Some(path) = plain_file {
            for bytes in probes(&path).unwrap_or_default() {
                let lines = Lines { bytes, first_line: 0 };
                look_at(&split_lines(lines, separator, names.len(), SAMPLE_ROWS).cells, &columns, &mut guesses);
            }
        }
        Ok(Self {
            frames,
            separator,
            table: Arc::new(TextTable { is_strict, ..guessed_table(names, &guesses, options) }),
        })
    }

    /// Reads lines whose columns are known.
    pub(super) fn of_table(frames: LineFrames, separator: u8, table: TextTable) -> Self {
        Self { frames, separator, table: Arc::new(table) }
    }
}

impl TableReader for CsvReader {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.table.schema)
    }

    fn next_chunk(&mut self) -> Result<Option<Chunk>, EngineError> {
        let Some(lines) = self.frames.next_lines()? else { return Ok(None) };
        let (table, separator) = (Arc::clone(&self.table), self.separator);
        Ok(Some(Chunk::new(move || {
            let most = if table.is_strict { 1 } else { usize::MAX };
            let split = split_lines(lines, separator, table.columns.len(), most);
            table.decode(&split.cells, split.places, split.rejects)
        })))
    }
}

/// Takes the line of names off; comments before it are passed over.
pub(super) fn header(
    frames: &mut LineFrames,
    name: &str,
    separator: Separator,
) -> Result<(u8, Vec<String>), EngineError> {
    let mut lines = frames.next_lines()?.ok_or_else(|| bad_table(name, "it is empty, expected a line of names"))?;
    if let Some(rest) = lines.bytes.strip_prefix(b"\xef\xbb\xbf") {
        lines.bytes = rest.to_vec();
    }
    let mut at = 0;
    while lines.bytes[at..].starts_with(b"#") || lines.bytes[at..].starts_with(b"\n") {
        at += memchr::memchr(b'\n', &lines.bytes[at..]).map_or(lines.bytes.len() - at, |end| end + 1);
        lines.first_line += 1;
    }
    let end = memchr::memchr(b'\n', &lines.bytes[at..]).map_or(lines.bytes.len(), |end| at + end + 1);
    let first = &lines.bytes[at..end];
    let separator = match separator {
        Separator::Is(separator) => separator,
        Separator::Found => {
            let count = |separator: &u8| memchr::memchr_iter(*separator, first).count();
            // Of equals the last is taken: the comma.
            [b'|', b';', b'\t', b','].into_iter().max_by_key(count).unwrap_or(b',')
        }
    };
    let width = memchr::memchr_iter(separator, first).count() + 1;
    if width > MOST_COLUMNS {
        return Err(bad_table(name, format!("it has more than {MOST_COLUMNS} columns")));
    }
    let (cells, width) = one_line(first.to_vec(), separator);
    if width == 0 {
        return Err(bad_table(name, "line 1 is no line of names"));
    }
    let names: Vec<String> =
        (0..width).map(|column| String::from_utf8_lossy(cells.at(0, column).trimmed()).replace("\"\"", "\"")).collect();
    if names.iter().all(|name| name.parse::<f64>().is_ok()) {
        return Err(bad_table(name, "the first line holds numbers, expected names of columns"));
    }
    lines.bytes.drain(..end);
    lines.first_line += 1;
    frames.put_back(lines);
    Ok((separator, distinct_names(names)))
}

fn look_at(cells: &Cells, columns: &[TextColumn], guesses: &mut [Guess]) {
    for (number, (guess, column)) in guesses.iter_mut().zip(columns).enumerate() {
        for cell in cells.column(number).take(SAMPLE_ROWS) {
            if *guess == Guess::Text {
                break;
            }
            if !column.stands_for_null(cell) {
                *guess = guess.or(Guess::of(cell));
            }
        }
    }
}

/// Whole lines at places all over a file; quotes that enclose newlines may spoil some, which then do not count.
fn probes(path: &std::path::Path) -> std::io::Result<Vec<Vec<u8>>> {
    let mut file = File::open(path)?;
    let size = file.metadata()?.len();
    let mut found = Vec::new();
    for probe in 1..=PROBES {
        let mut bytes = Vec::with_capacity(PROBE_BYTES);
        file.seek(SeekFrom::Start(size / (PROBES + 1) * probe))?;
        file.by_ref().take(PROBE_BYTES as u64).read_to_end(&mut bytes)?;
        let begin = memchr::memchr(b'\n', &bytes).map(|at| at + 1);
        let end = memchr::memrchr(b'\n', &bytes).map(|at| at + 1);
        if let (Some(begin), Some(end)) = (begin, end)
            && begin < end
        {
            found.push(bytes[begin..end].to_vec());
        }
    }
    Ok(found)
}

fn guessed_table(names: Vec<String>, guesses: &[Guess], options: &ReadOptions) -> TextTable {
    let (mut fields, mut columns) = (Vec::new(), Vec::new());
    for (name, sampled) in names.into_iter().zip(guesses) {
        let widened = options.widened.get(&name).map(Guess::of_kind).unwrap_or_default();
        let guess = sampled.or(widened);
        let declared: Option<&DataType> = options.types.get(&name);
        let kind = declared.cloned().unwrap_or_else(|| guess.kind());
        columns.push(TextColumn {
            nulls: options.nulls.clone(),
            guess: declared.is_none().then_some(guess),
            ..TextColumn::declared()
        });
        fields.push(Field::new(name, kind, true));
    }
    TextTable { schema: Arc::new(Schema::new(fields)), columns, is_strict: false }
}
