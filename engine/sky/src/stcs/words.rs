//! What is the next word of this text?
//!
//! Cuts text into words and brackets, with their places. What they mean is not known here.

use crate::error::SkyError;

/// A word or a bracket, and where it starts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Word<'a> {
    pub(super) text: &'a str,
    pub(super) position: usize,
}

/// Words of a text, one looked ahead.
#[derive(Debug)]
pub(super) struct Words<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Words<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    /// The next word, left in place; empty at the end.
    pub(super) fn peek(&self) -> Word<'a> {
        let rest = &self.text[self.at..];
        let start = self.at + rest.len() - rest.trim_start_matches(is_separator).len();
        let rest = &self.text[start..];
        let length = match rest.chars().next() {
            Some('(' | ')') => 1,
            _ => rest.find(|c: char| is_separator(c) || c == '(' || c == ')').unwrap_or(rest.len()),
        };
        Word { text: &rest[..length], position: start }
    }

    /// Takes the next word; empty at the end.
    pub(super) fn take(&mut self) -> Word<'a> {
        let word = self.peek();
        self.at = word.position + word.text.len();
        word
    }

    /// Takes the next word if it is the one asked for, in any case.
    pub(super) fn accept(&mut self, wanted: &str) -> bool {
        let matches = self.peek().text.eq_ignore_ascii_case(wanted);
        if matches {
            self.take();
        }
        matches
    }

    pub(super) fn expect(&mut self, wanted: &str) -> Result<(), SkyError> {
        if self.accept(wanted) { Ok(()) } else { Err(self.peek().unexpected(&format!("'{wanted}'"))) }
    }

    /// Takes the next word if it is a number.
    pub(super) fn number(&mut self) -> Option<f64> {
        let number = self.peek().number()?;
        self.take();
        Some(number)
    }

    /// Takes a number that must be there.
    pub(super) fn expect_number(&mut self, what: &str) -> Result<f64, SkyError> {
        let word = self.peek();
        self.number().ok_or_else(|| word.unexpected(&format!("the {what} in degrees")))
    }

    /// Takes all numbers that follow.
    pub(super) fn numbers(&mut self) -> Vec<f64> {
        std::iter::from_fn(|| self.number()).collect()
    }

    /// Takes all up to a closing bracket, which is left.
    pub(super) fn until_bracket(&mut self) -> &'a str {
        let rest = &self.text[self.at..];
        let length = rest.find(')').unwrap_or(rest.len());
        self.at += length;
        &rest[..length]
    }
}

impl Word<'_> {
    /// The finite number that the word spells.
    fn number(&self) -> Option<f64> {
        let starts_well = self.text.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | '.'));
        let number = if starts_well { self.text.parse::<f64>().ok() } else { None };
        number.filter(|number| number.is_finite())
    }

    /// The error of finding this word.
    pub(super) fn unexpected(&self, expected: &str) -> SkyError {
        let shown: String = self.text.chars().take(40).collect();
        let found = if shown.is_empty() { "the end".to_owned() } else { format!("'{shown}'") };
        self.error(format!("expected {expected}, found {found}"))
    }

    /// An error at the place of this word.
    pub(super) fn error(&self, message: String) -> SkyError {
        SkyError::Parse { position: self.position, message }
    }
}

fn is_separator(c: char) -> bool {
    c.is_whitespace() || c == ','
}
