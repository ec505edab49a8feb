//! What is wrong with a query, and where?
//!
//! Every error carries the place in the user's own text; [`Display`](std::fmt::Display) draws it with a caret:
//!
//! ```text
//! line 3, column 9: unknown function DISTANCES
//! 3 |   WHERE DISTANCES(ra, dec, 10, 20) < 1
//!   |         ^^^^^^^^^ did you mean DISTANCE?
//! ```
//!
//! Knows nothing of protocols: front ends map [`QueryErrorKind`] to their own codes.

use std::fmt;

use sqlparser::tokenizer::Span;

/// At most this many errors are kept of one query: nobody reads more, and a hostile text could make millions.
const MOST_ERRORS: usize = 50;
/// Longest part of a source line that is drawn, in characters.
const LINE_WIDTH: usize = 110;

/// What the caller can do about an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum QueryErrorKind {
    /// The text is not a valid query: change it.
    BadQuery,
    /// A table or column does not exist.
    NotFound,
    /// The statement is understood, but not allowed.
    Forbidden,
    /// The query is longer, deeper or wider than this service takes.
    LimitExceeded,
}

/// One error of a query and its place.
///
/// *Units*: `line` and `column` count from 1, `column` and `length` in characters; `line` is 0 where no place is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueryError {
    /// What the caller can do.
    pub kind: QueryErrorKind,
    /// Line of the text, from 1.
    pub line: usize,
    /// Column in that line, from 1, in characters.
    pub column: usize,
    /// Length of the marked part, in characters, at least 1.
    pub length: usize,
    /// What is wrong: lower case, no full stop.
    pub message: String,
    /// What to write instead, where that is known.
    pub hint: Option<String>,
    source_line: String,
}

impl fmt::Display for QueryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.line == 0 {
            write!(f, "{}", self.message)?;
            return self.hint.as_ref().map_or(Ok(()), |hint| write!(f, " ({hint})"));
        }
        let window = Window::around(&self.source_line, self.column, self.length);
        let number = self.line.to_string();
        writeln!(f, "line {}, column {}: {}", self.line, self.column, self.message)?;
        writeln!(f, "{number} | {}", window.text)?;
        write!(f, "{:1$} | {2:3$}{4:^<5$}", "", number.len(), "", window.offset, "", window.length)?;
        self.hint.as_ref().map_or(Ok(()), |hint| write!(f, " {hint}"))
    }
}

impl std::error::Error for QueryError {}

/// All errors of one query, never empty, in the order of the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueryErrors(Vec<QueryError>);

impl QueryErrors {
    /// The errors in the order of the text.
    pub fn errors(&self) -> &[QueryError] {
        &self.0
    }

    /// The kind to answer with: that of the first error that is more than a mistake of spelling, else of the first.
    pub fn kind(&self) -> QueryErrorKind {
        let of = |kind| self.0.iter().find(|error| error.kind == kind);
        of(QueryErrorKind::Forbidden)
            .or_else(|| of(QueryErrorKind::LimitExceeded))
            .or_else(|| of(QueryErrorKind::BadQuery))
            .map_or(QueryErrorKind::NotFound, |error| error.kind)
    }
}

impl fmt::Display for QueryErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, error) in self.0.iter().enumerate() {
            if index > 0 {
                writeln!(f)?;
            }
            write!(f, "{error}")?;
        }
        Ok(())
    }
}

impl std::error::Error for QueryErrors {}

impl<'a> IntoIterator for &'a QueryErrors {
    type Item = &'a QueryError;
    type IntoIter = std::slice::Iter<'a, QueryError>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}

/// Collects the errors of one text.
#[derive(Debug)]
pub(crate) struct Findings<'a> {
    text: &'a str,
    errors: Vec<QueryError>,
}

impl<'a> Findings<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        Self { text, errors: Vec::new() }
    }

    /// How many errors there are.
    pub(crate) fn count(&self) -> usize {
        self.errors.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.errors.is_empty()
    }

    /// Adds an error without a hint.
    pub(crate) fn bad(&mut self, span: Span, message: impl Into<String>) {
        self.add(QueryErrorKind::BadQuery, span, message.into(), None);
    }

    /// Adds an error with a hint.
    pub(crate) fn hinted(&mut self, span: Span, message: impl Into<String>, hint: impl Into<String>) {
        self.add(QueryErrorKind::BadQuery, span, message.into(), Some(hint.into()));
    }

    pub(crate) fn add(&mut self, kind: QueryErrorKind, span: Span, message: String, hint: Option<String>) {
        if self.errors.len() >= MOST_ERRORS {
            return;
        }
        let line = usize::try_from(span.start.line).unwrap_or(0);
        let column = usize::try_from(span.start.column).unwrap_or(0);
        let source_line = line.checked_sub(1).and_then(|index| source_lines(self.text).nth(index)).unwrap_or("");
        let to_line_end = (source_line.chars().count() + 1).saturating_sub(column).max(1);
        let length = match span.end.line == span.start.line {
            true => usize::try_from(span.end.column.saturating_sub(span.start.column)).unwrap_or(1),
            false => to_line_end,
        };
        let length = length.clamp(1, to_line_end);
        let source_line = source_line.to_owned();
        let error = QueryError { kind, line, column, length, message, hint, source_line };
        if !self.errors.contains(&error) {
            self.errors.push(error);
        }
    }

    /// The errors found, as the result of a step.
    pub(crate) fn finish(mut self) -> Result<(), QueryErrors> {
        if self.errors.is_empty() {
            return Ok(());
        }
        self.errors.sort_by_key(|error| (error.line, error.column));
        Err(QueryErrors(self.errors))
    }

    /// One more error and the end.
    pub(crate) fn fail<T>(
        mut self,
        kind: QueryErrorKind,
        span: Span,
        message: String,
        hint: Option<String>,
    ) -> Result<T, QueryErrors> {
        self.add(kind, span, message, hint);
        self.errors.sort_by_key(|error| (error.line, error.column));
        Err(QueryErrors(self.errors))
    }
}

/// The lines of a text as the tokenizer counts them: ended by `\n`, `\r\n` or a lone `\r`.
fn source_lines(text: &str) -> impl Iterator<Item = &str> {
    text.split('\n').flat_map(|line| line.strip_suffix('\r').unwrap_or(line).split('\r'))
}

/// The drawn part of a source line, and where in it the mark lies.
struct Window {
    text: String,
    offset: usize,
    length: usize,
}

impl Window {
    fn around(line: &str, column: usize, length: usize) -> Self {
        let chars: Vec<char> = line.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        let at = column.saturating_sub(1).min(chars.len());
        if chars.len() <= LINE_WIDTH {
            return Self { text: chars.into_iter().collect(), offset: at, length };
        }
        let start = at.saturating_sub(LINE_WIDTH / 3);
        let end = (start + LINE_WIDTH).min(chars.len());
        let ellipsis = |needed: bool| if needed { "..." } else { "" };
        let before = ellipsis(start > 0);
        let middle: String = chars[start..end].iter().collect();
        let offset = at - start + before.len();
        let length = length.min(end.saturating_sub(at)).max(1);
        Self { text: format!("{before}{middle}{}", ellipsis(end < chars.len())), offset, length }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sqlparser::tokenizer::Location;

    fn one(text: &str, line: u64, column: u64, length: u64, hint: Option<&str>) -> String {
        let mut findings = Findings::new(text);
        let span = Span::new(Location::new(line, column), Location::new(line, column + length));
        findings.add(QueryErrorKind::BadQuery, span, "it is wrong".into(), hint.map(Into::into));
        findings.finish().unwrap_err().to_string()
    }

    #[test]
    fn draws_the_caret_under_the_word() {
        let drawn = one("SELECT 1\r\n\tFROM x", 2, 2, 4, Some("write so"));
        assert_eq!(drawn, "line 2, column 2: it is wrong\n2 |  FROM x\n  |  ^^^^ write so");
    }

    #[test]
    fn cuts_a_long_line_around_the_mark() {
        let text = format!("{}HERE{}", "a".repeat(500), "b".repeat(500));
        let drawn = one(&text, 1, 501, 4, None);
        let lines: Vec<&str> = drawn.lines().collect();
        let caret = lines[2].find('^').unwrap();
        assert_eq!(&lines[1][caret..caret + 4], "HERE");
        assert!(lines[1].len() < 130);
    }
}
