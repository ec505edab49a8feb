//! Where may lines of text be cut, so that each piece can be read on its own?
//!
//! Behind a newline that no quotes enclose. A quote opens only where a cell begins; a piece without any quote is cut at
//! its last newline.

use std::io::Read;

use super::stops::Stops;
use super::{bad_table, unreadable};
use crate::error::EngineError;

/// The longest line that is read.
const LONGEST: usize = 32 << 20;

/// Whole lines, and the number of the first.
pub(super) struct Lines {
    pub(super) bytes: Vec<u8>,
    pub(super) first_line: u64,
}

/// Cuts a stream of text.
pub(super) struct LineFrames {
    name: String,
    /// Bytes of a piece, where lines are not longer.
    piece: usize,
    input: Box<dyn Read + Send>,
    /// Quotes enclose newlines where a cell ends with this separator.
    quoting: Option<u8>,
    rest: Vec<u8>,
    line: u64,
    at_end: bool,
}

impl LineFrames {
    /// Reads an input from its first line. Without a separator no quotes are looked for.
    pub(super) fn new(name: &str, input: Box<dyn Read + Send>, piece: usize) -> Self {
        Self { name: name.to_owned(), piece, input, quoting: None, rest: Vec::new(), line: 1, at_end: false }
    }

    /// Says what separates cells, once that is known.
    pub(super) fn set_quoting(&mut self, separator: u8) {
        self.quoting = Some(separator);
    }

    /// Puts lines back in front of all others.
    pub(super) fn put_back(&mut self, lines: Lines) {
        let rest = std::mem::replace(&mut self.rest, lines.bytes);
        self.rest.extend_from_slice(&rest);
        self.line = lines.first_line;
    }

    /// The next whole lines; `None` at the end.
    pub(super) fn next_lines(&mut self) -> Result<Option<Lines>, EngineError> {
        let mut wanted = self.piece;
        loop {
            self.fill(wanted)?;
            if self.rest.is_empty() {
                return Ok(None);
            }
            let end = if self.at_end { self.rest.len() } else { last_end(&self.rest, self.quoting) };
            if end > 0 {
                let rest = self.rest.split_off(end);
                let bytes = std::mem::replace(&mut self.rest, rest);
                let first_line = self.line;
                self.line += memchr::memchr_iter(b'\n', &bytes).count() as u64;
                return Ok(Some(Lines { bytes, first_line }));
            }
            if self.rest.len() >= LONGEST {
                let megabytes = LONGEST >> 20;
                let message =
                    format!("line {} does not end within {megabytes} MB (a quote that is not closed?)", self.line);
                return Err(bad_table(&self.name, message));
            }
            wanted = self.rest.len() * 2;
        }
    }

    fn fill(&mut self, wanted: usize) -> Result<(), EngineError> {
        if self.at_end || self.rest.len() >= wanted {
            return Ok(());
        }
        let missing = (wanted - self.rest.len()) as u64;
        self.rest.reserve(wanted - self.rest.len());
        let read = self.input.by_ref().take(missing).read_to_end(&mut self.rest);
        let read = read.map_err(|error| unreadable(&self.name, &error))?;
        self.at_end = (read as u64) < missing;
        Ok(())
    }
}

/// End of the last whole line; 0 where none ends.
fn last_end(bytes: &[u8], quoting: Option<u8>) -> usize {
    match quoting {
        Some(separator) if memchr::memchr(b'"', bytes).is_some() => last_end_outside_quotes(bytes, separator),
        _ => memchr::memrchr(b'\n', bytes).map_or(0, |at| at + 1),
    }
}

fn last_end_outside_quotes(bytes: &[u8], separator: u8) -> usize {
    let mut stops = Stops::new(bytes, separator);
    let (mut at, mut end) = (0, 0);
    while at < bytes.len() {
        if bytes[at] == b'"' {
            match after_quotes(bytes, at) {
                Some(after) => at = after,
                None => return end,
            }
        }
        at = stops.next(at) + 1;
        if bytes.get(at - 1) == Some(&b'\n') {
            end = at;
        }
    }
    end
}

/// The place behind the quote that closes the one at `at`; two quotes within are one that is meant.
pub(super) fn after_quotes(bytes: &[u8], at: usize) -> Option<usize> {
    let mut from = at + 1;
    loop {
        let quote = from + memchr::memchr(b'"', &bytes[from..])?;
        if bytes.get(quote + 1) != Some(&b'"') {
            return Some(quote + 1);
        }
        from = quote + 2;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn newlines_in_quotes_end_no_line() {
        assert_eq!(last_end(b"a,b\n1,\"x\ny", Some(b',')), 4);
        assert_eq!(last_end(b"a,b\n1,\"x\ny\"\n2", Some(b',')), 12);
        assert_eq!(last_end(b"a,5\" disk\n1", Some(b',')), 10);
        assert_eq!(last_end(b"\"a\"\"\n\"\n", Some(b',')), 7);
        assert_eq!(last_end(b"no end", Some(b',')), 0);
    }

    #[test]
    fn pieces_are_whole_lines_and_lose_nothing() {
        let text: Vec<u8> = (0..900_000).flat_map(|row| format!("{row},\"a\nb\"\n").into_bytes()).collect();
        let mut frames = LineFrames::new("x", Box::new(std::io::Cursor::new(text.clone())), 4 << 20);
        frames.set_quoting(b',');
        let (mut all, mut line, mut pieces) = (Vec::new(), 1, 0);
        while let Some(lines) = frames.next_lines().unwrap() {
            assert_eq!(lines.first_line, line);
            assert!(lines.bytes.ends_with(b"\"\n"));
            line += lines.bytes.iter().filter(|byte| **byte == b'\n').count() as u64;
            all.extend(lines.bytes);
            pieces += 1;
        }
        assert!(pieces > 2);
        assert_eq!(all, text);
    }

    #[test]
    fn a_quote_that_is_never_closed_is_an_error() {
        let endless = Read::chain(&b"a,b\n1,\""[..], std::io::repeat(b'x'));
        let mut frames = LineFrames::new("x", Box::new(endless), 4 << 20);
        frames.set_quoting(b',');
        let first = frames.next_lines().unwrap().unwrap();
        assert_eq!(first.bytes, b"a,b\n");
        let error = frames.next_lines().err().unwrap().to_string();
        assert!(error.starts_with("x: line 2 does not end"), "{error}");
    }
}
