//! What tables exist? The question this crate asks of whoever owns the catalogs.
//!
//! The rule of names: an undelimited name matches in any letter case unless that is ambiguous, a delimited one matches
//! exactly. Knows nothing of how tables are stored.

use std::sync::Arc;

use sqlparser::ast::Ident;

/// One part of a name as the user wrote it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Name {
    /// The text, without delimiters.
    pub value: String,
    /// Whether it was written in double quotes.
    pub delimited: bool,
}

impl Name {
    /// Whether this name, as written, can mean the object of that exact name.
    ///
    /// ```
    /// use sidereus_adql::Name;
    /// let written = |value: &str, delimited| Name { value: value.into(), delimited };
    /// assert!(written("raj2000", false).matches("RAJ2000"));
    /// assert!(!written("raj2000", true).matches("RAJ2000"));
    /// ```
    pub fn matches(&self, exact: &str) -> bool {
        self.value == exact || (!self.delimited && same_in_any_case(&self.value, exact))
    }
}

impl From<&Ident> for Name {
    fn from(ident: &Ident) -> Self {
        Self { value: ident.value.clone(), delimited: ident.quote_style.is_some() }
    }
}

/// Answers which tables there are; the owner of the catalogs implements it.
pub trait TableNames {
    /// Looks up a table by the parts of its name as written, e.g. `[public, gaia_dr3]`.
    fn table(&self, path: &[Name]) -> TableLookup;

    /// Looks up a version of a table; `table` is the exact path of a table that was found, `written` some hexadecimal
    /// digits in any case.
    fn snapshot(&self, table: &[String], written: &str) -> SnapshotLookup {
        let (_, _) = (table, written);
        SnapshotLookup::NotFound { known: Vec::new() }
    }

    /// The unit of a column, as its table states it; `table` is the exact path of a table that was found.
    fn unit(&self, table: &[String], column: &str) -> Option<String> {
        let (_, _) = (table, column);
        None
    }

    /// The columns that hold longitude and latitude of each row, in degrees; `table` is the exact path of a table that
    /// was found.
    fn position(&self, table: &[String]) -> Option<(String, String)> {
        let _ = table;
        None
    }
}

/// The answer to a look-up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TableLookup {
    /// There is exactly one such table.
    Found(TableInfo),
    /// There is none; these come close.
    NotFound {
        /// Names to suggest, best first.
        suggestions: Vec<String>,
    },
    /// Several tables fit; these.
    Ambiguous(Vec<String>),
}

/// The answer to a look-up of a version of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SnapshotLookup {
    /// There is exactly one: a path that means it, and its columns.
    Found(TableInfo),
    /// There is none; these there are.
    NotFound {
        /// What to write behind the `@`, the version that the name alone means first; empty for a table without versions.
        known: Vec<String>,
    },
    /// Several begin so; these.
    Ambiguous(Vec<String>),
}

/// A table as the binder needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableInfo {
    /// Exact parts to write out, e.g. `["public", "gaia_dr3_g10"]`.
    pub path: Vec<String>,
    /// Exact names of its columns, in order; shared, for there may be hundreds.
    pub columns: Arc<[Arc<str>]>,
}

/// Compares without regard to letter case.
#[inline]
pub(crate) fn same_in_any_case(a: &str, b: &str) -> bool {
    a.eq_ignore_ascii_case(b) || (!a.is_ascii() && !b.is_ascii() && a.to_lowercase() == b.to_lowercase())
}

/// The longest name that is compared with others: the time goes with the square of the length.
const LONGEST_COMPARED: usize = 128;

/// The candidate that the user most likely meant, if one is close enough.
pub fn closest<'a>(written: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    if written.len() > LONGEST_COMPARED {
        return None;
    }
    let written = written.to_lowercase();
    let length = written.chars().count();
    candidates
        .into_iter()
        // Each character too many is one change.
        .filter(|candidate| candidate.len() <= LONGEST_COMPARED && candidate.chars().count().abs_diff(length) < 4)
        .map(|candidate| (strsim::damerau_levenshtein(&written, &candidate.to_lowercase()), candidate))
        .filter(|(distance, candidate)| *distance <= (written.len().min(candidate.len()) / 3).max(1) && *distance < 4)
        .filter(|(distance, _)| *distance < length)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// A name written out exactly: in double quotes, the way nothing can be misread.
pub(crate) fn exact(name: impl Into<String>) -> Ident {
    Ident::with_quote('"', name)
}
