//! Where is each cell of a piece of a table?
//!
//! Cells are places within the piece's bytes, row after row, so that columns can be made one by one without copies.

use super::frame::{Lines, after_quotes};
use super::stops::Stops;
use super::{Places, Reject};

/// Texts in rejects are no longer than this.
const SHOWN: usize = 200;

/// A cell's bytes, and whether they stood in quotes (which are left out).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cell<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) quoted: bool,
}

impl<'a> Cell<'a> {
    /// The bytes without the spaces around them.
    pub(super) fn trimmed(&self) -> &'a [u8] {
        self.bytes.trim_ascii()
    }
}

#[derive(Debug, Clone, Copy)]
struct Span {
    start: u32,
    end: u32,
}

const QUOTED: u32 = 1 << 31;

/// The cells of some rows, all of the same number of columns.
#[derive(Debug, Default)]
pub(super) struct Cells {
    bytes: Vec<u8>,
    spans: Vec<Span>,
    width: usize,
}

impl Cells {
    /// No rows of so many columns, to be filled cell by cell.
    pub(super) fn new(width: usize) -> Self {
        Self { bytes: Vec::new(), spans: Vec::new(), width }
    }

    /// Bytes of a piece that will be told where its cells are.
    pub(super) fn of_bytes(bytes: Vec<u8>, width: usize) -> Self {
        Self { bytes, spans: Vec::new(), width }
    }

    /// Bytes that are held.
    pub(super) fn size(&self) -> usize {
        self.bytes.len() + self.spans.len() * size_of::<Span>()
    }

    /// Whole rows.
    pub(super) fn rows(&self) -> usize {
        self.spans.len().checked_div(self.width).unwrap_or(0)
    }

    /// Appends a cell's bytes.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(bytes);
        self.push_span(start, self.bytes.len());
    }

    /// Says where the next cell is.
    pub(super) fn push_span(&mut self, start: usize, end: usize) {
        self.spans.push(Span { start: start as u32, end: end as u32 });
    }

    /// Fills the row that was begun, or drops what is too much of it.
    pub(super) fn end_row(&mut self, before: usize) {
        while self.spans.len() < before + self.width {
            self.push_span(self.bytes.len(), self.bytes.len());
        }
        self.spans.truncate(before + self.width);
    }

    /// Number of cells so far.
    pub(super) fn len(&self) -> usize {
        self.spans.len()
    }

    /// The bytes of the piece.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The cells of a column from the first row.
    pub(super) fn column(&self, column: usize) -> impl Iterator<Item = Cell<'_>> + Clone {
        let spans = self.spans.get(column..).unwrap_or_default();
        spans.iter().step_by(self.width.max(1)).map(|span| self.cell(*span))
    }

    /// One cell.
    pub(super) fn at(&self, row: usize, column: usize) -> Cell<'_> {
        self.cell(self.spans[row * self.width + column])
    }

    fn cell(&self, span: Span) -> Cell<'_> {
        let (start, end) = (span.start as usize, (span.end & !QUOTED) as usize);
        Cell { bytes: self.bytes.get(start..end).unwrap_or_default(), quoted: span.end & QUOTED != 0 }
    }
}

/// Separated lines, cut into cells.
pub(super) struct SplitLines {
    pub(super) cells: Cells,
    pub(super) places: Places,
    pub(super) rejects: Vec<Reject>,
}

/// Cuts whole lines into cells; lines of another number of cells, or with text behind a closing quote, are rejected,
/// empty ones left out.
/// Behind so many rejects nothing more is read.
pub(super) fn split_lines(lines: Lines, separator: u8, width: usize, most: usize) -> SplitLines {
    let Lines { bytes, first_line } = lines;
    let mut spans = Vec::with_capacity(bytes.len() / 8);
    let (mut places, mut rejects) = (Vec::new(), Vec::new());
    let (mut at, mut line) = (0, first_line);
    let mut stops = Stops::new(&bytes, separator);
    while at < bytes.len() && rejects.len() < most {
        let (begin, before) = (at, spans.len());
        let row = split_row(&bytes, at, &mut stops, &mut spans);
        at = row.next;
        let is_blank = spans.len() == before + 1 && spans[before].start == spans[before].end && width > 1;
        let wrong = match spans.len() - before {
            _ if is_blank => Some(String::new()),
            _ if row.is_torn => Some("text behind a closing quote, expected a separator".to_owned()),
            found if found != width => Some(format!("{found} cells, expected {width}")),
            _ => None,
        };
        match wrong {
            None => places.push(line),
            Some(reason) => {
                spans.truncate(before);
                if !is_blank {
                    let text = shown(bytes[begin..at].trim_ascii_end());
                    rejects.push(Reject { place: line, column: String::new(), reason, text });
                }
            }
        }
        line += if row.has_quotes { memchr::memchr_iter(b'\n', &bytes[begin..at]).count() as u64 } else { 1 };
    }
    SplitLines { cells: Cells { bytes, spans, width }, places: consecutive(places), rejects }
}

/// The cells of one line, and how many it has: none where text stands behind a closing quote.
pub(super) fn one_line(bytes: Vec<u8>, separator: u8) -> (Cells, usize) {
    let mut spans = Vec::new();
    let row = split_row(&bytes, 0, &mut Stops::new(&bytes, separator), &mut spans);
    let width = if row.is_torn { 0 } else { spans.len() };
    (Cells { bytes, spans, width }, width)
}

struct Row {
    next: usize,
    has_quotes: bool,
    is_torn: bool,
}

fn split_row(bytes: &[u8], mut at: usize, stops: &mut Stops<'_>, spans: &mut Vec<Span>) -> Row {
    let (mut has_quotes, mut is_torn) = (false, false);
    loop {
        let (mut start, mut mark) = (at, 0);
        let mut end = None;
        if bytes.get(at) == Some(&b'"')
            && let Some(after) = after_quotes(bytes, at)
        {
            (start, end, mark, has_quotes) = (at + 1, Some(after - 1), QUOTED, true);
            at = after;
        }
        let stop = stops.next(at);
        let is_last = bytes.get(stop).is_none_or(|byte| *byte == b'\n');
        let stop_of_cell = if is_last && stop > at && bytes[stop - 1] == b'\r' { stop - 1 } else { stop };
        is_torn |= end.is_some() && stop_of_cell > at;
        let end = end.unwrap_or(stop_of_cell);
        spans.push(Span { start: start as u32, end: end as u32 | mark });
        at = stop + 1;
        if is_last {
            return Row { next: at.min(bytes.len()), has_quotes, is_torn };
        }
    }
}

/// Places, in the short form where they follow each other.
pub(super) fn consecutive(places: Vec<u64>) -> Places {
    match (places.first(), places.last()) {
        (Some(first), Some(last)) if last - first + 1 == places.len() as u64 => Places::From(*first),
        _ => Places::Each(places),
    }
}

/// The beginning of a text, for people.
pub(super) fn shown(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(&bytes[..bytes.len().min(SHOWN)]);
    if bytes.len() > SHOWN { format!("{text}...") } else { text.into_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(text: &str, width: usize) -> (Vec<Vec<String>>, Places, Vec<(u64, String)>) {
        let lines = Lines { bytes: text.as_bytes().to_vec(), first_line: 2 };
        let split = split_lines(lines, b',', width, usize::MAX);
        let text = |row, column| String::from_utf8_lossy(split.cells.at(row, column).bytes).into_owned();
        let rows = (0..split.cells.rows()).map(|row| (0..width).map(|column| text(row, column)).collect()).collect();
        let rejects = split.rejects.into_iter().map(|reject| (reject.place, reject.reason)).collect();
        (rows, split.places, rejects)
    }

    #[test]
    fn cells_are_found_between_separators_and_quotes() {
        let (rows, places, rejects) = split("1,a\r\n2,\"b,\"\"c\"\r\n,", 2);
        assert_eq!(rows, [["1", "a"], ["2", "b,\"\"c"], ["", ""]]);
        assert_eq!((places, rejects), (Places::From(2), vec![]));
    }

    #[test]
    fn lines_of_another_form_are_rejected_with_their_number() {
        let (rows, places, rejects) = split("1,\"a\nb\"\n\n2\n3,\"x\"y\n4,z\n", 2);
        assert_eq!(rows, [["1", "a\nb"], ["4", "z"]]);
        assert_eq!(places, Places::Each(vec![2, 7]));
        let expected = [(5, "1 cells, expected 2"), (6, "text behind a closing quote, expected a separator")];
        assert_eq!(rejects, expected.map(|(line, reason)| (line, reason.to_owned())));
    }
}
