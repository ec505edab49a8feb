//! What does a properties file of a HATS catalog or collection say?
//!
//! Reads the Java properties dialect that the writers of HATS use: `key=value` lines in UTF-8, comments with `#` or `!`,
//! continuation by a trailing backslash. Names of the Python implementation are read as their published aliases.
//! Unknown keys are kept. Knows nothing of stores or of what a value means beyond lists and booleans.

use std::collections::BTreeMap;

/// Names of the Python implementation, each with the key that the format publishes.
const ALIASES: [(&str, &str); 22] = [
    ("catalog_name", "obs_collection"),
    ("catalog_type", "dataproduct_type"),
    ("total_rows", "hats_nrows"),
    ("ra_column", "hats_col_ra"),
    ("dec_column", "hats_col_dec"),
    ("healpix_column", "hats_col_healpix"),
    ("healpix_order", "hats_col_healpix_order"),
    ("default_columns", "hats_cols_default"),
    ("npix_suffix", "hats_npix_suffix"),
    ("primary_catalog", "hats_primary_table_url"),
    ("margin_threshold", "hats_margin_threshold"),
    ("primary_column", "hats_col_assn_primary"),
    ("primary_column_association", "hats_col_assn_primary_assn"),
    ("join_column", "hats_col_assn_join"),
    ("join_column_association", "hats_col_assn_join_assn"),
    ("join_catalog", "hats_assn_join_table_url"),
    ("assn_max_separation", "hats_assn_max_separation"),
    ("contains_leaf_files", "hats_assn_leaf_files"),
    ("indexing_column", "hats_index_column"),
    ("extra_columns", "hats_index_extra_column"),
    ("skymap_order", "hats_skymap_order"),
    ("skymap_alt_orders", "hats_skymap_alt_orders"),
];

/// The entries of one properties file, by their published keys.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Properties {
    entries: BTreeMap<String, String>,
}

impl Properties {
    /// Reads a file's content.
    ///
    /// *Errors*: bytes that are not UTF-8, or a line that is neither entry nor comment.
    pub(super) fn parse(content: &[u8]) -> Result<Self, String> {
        let text = std::str::from_utf8(content).map_err(|error| format!("not UTF-8: {error}"))?;
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let mut entries = BTreeMap::new();
        for (number, line) in logical_lines(text) {
            let Some((key, value)) = line.split_once('=').or_else(|| line.split_once(':')) else {
                return Err(format!("line {number} is not of the form key=value: {}", shorten(&line)));
            };
            let key = unescape(key.trim());
            let known = ALIASES.iter().find(|(alias, _)| *alias == key).map(|(_, published)| (*published).to_owned());
            let aliased = known.is_some();
            let key = known.unwrap_or(key);
            if !(aliased && entries.contains_key(&key)) {
                entries.insert(key, unescape(value.trim()));
            }
        }
        Ok(Self { entries })
    }

    /// The value of a key; an empty value counts as absent.
    pub(super) fn get(&self, key: &str) -> Option<&str> {
        self.entries.get(key).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// A value that holds a list: space, comma, semicolon or newline separate.
    pub(super) fn list(&self, key: &str) -> Vec<&str> {
        let separators = |c: char| c.is_whitespace() || c == ',' || c == ';';
        self.get(key).map(|value| value.split(separators).filter(|item| !item.is_empty()).collect()).unwrap_or_default()
    }

    /// Every entry, by published key.
    pub(super) fn entries(&self) -> &BTreeMap<String, String> {
        &self.entries
    }
}

/// Lines with continuations joined, blank lines and comments dropped; each with its number in the file.
fn logical_lines(text: &str) -> Vec<(usize, String)> {
    let mut lines: Vec<(usize, String)> = Vec::new();
    let mut open = false;
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        let is_comment = line.is_empty() || line.starts_with(['#', '!']);
        if is_comment && !open {
            continue;
        }
        let continues = line.bytes().rev().take_while(|byte| *byte == b'\\').count() % 2 == 1;
        let content = if continues { &line[..line.len() - 1] } else { line };
        match lines.last_mut() {
            Some((_, last)) if open => {
                last.push(' ');
                last.push_str(content);
            }
            _ => lines.push((index + 1, content.to_owned())),
        }
        open = continues;
    }
    lines
}

/// Removes the backslash before the characters that Java properties escape.
fn unescape(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match characters.peek() {
            Some(next) if character == '\\' && matches!(next, ':' | '=' | '#' | '!' | ' ' | '\\') => {
                plain.extend(characters.next());
            }
            _ => plain.push(character),
        }
    }
    plain
}

fn shorten(line: &str) -> String {
    line.chars().take(60).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_entries_comments_lists_and_escapes() {
        let text =
            "#HATS catalog\n! also a comment\n\nobs_collection=gaia\nall_margins = a,b c;d\nurl=http\\://x/y\nempty=\n";
        let properties = Properties::parse(text.as_bytes()).unwrap();
        assert_eq!(properties.get("obs_collection"), Some("gaia"));
        assert_eq!(properties.list("all_margins"), ["a", "b", "c", "d"]);
        assert_eq!(properties.get("url"), Some("http://x/y"));
        assert_eq!(properties.get("empty"), None);
        assert!(properties.entries().contains_key("empty"));
    }

    #[test]
    fn joins_continued_lines() {
        let properties = Properties::parse(b"all_margins=a \\\n  b\nx=1\\\\\ny=2").unwrap();
        assert_eq!(properties.list("all_margins"), ["a", "b"]);
        assert_eq!(properties.get("x"), Some("1\\"));
        assert_eq!(properties.get("y"), Some("2"));
    }

    #[test]
    fn reads_python_names_as_their_aliases() {
        let properties = Properties::parse(b"hats_nrows=7\ncatalog_name=x\ntotal_rows=8\nra_column=lon").unwrap();
        assert_eq!(properties.get("obs_collection"), Some("x"));
        assert_eq!(properties.get("hats_nrows"), Some("7"));
        assert_eq!(properties.get("hats_col_ra"), Some("lon"));
    }

    #[test]
    fn refuses_what_is_no_properties_file() {
        assert!(Properties::parse(b"PAR1\x15\x04\xff").unwrap_err().contains("UTF-8"));
        assert!(Properties::parse(b"a=1\nhello").unwrap_err().contains("line 2"));
    }
}
