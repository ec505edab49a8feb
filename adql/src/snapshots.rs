//! Which version of a table does a query ask for? `table@1f3a9c`: the snapshot of that table whose name begins so.
//!
//! ```text
//!  FROM gaia@1f3a9c AS g         word, @, digits without a space between them
//!  FROM "gaia@1f3a9c"            the same, where no table is called so
//! ```
//!
//! Taken out of the tokens before the parser sees them, and given back to the tables of a FROM by their place: an `@` that no
//! table of a FROM claims is an error. Knows no tables.

use sqlparser::tokenizer::{Location, Span, Token, TokenWithSpan};

use crate::check::TableReference;
use crate::names::Name;

/// Hexadecimal digits that name a snapshot at least.
const FEWEST_DIGITS: usize = 6;
/// Characters that are taken for the name of a snapshot: those of a SHA-256, and one more to tell what is longer.
const MOST_DIGITS: usize = 65;

/// A snapshot behind the last word of a table's name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pin {
    /// Where the word begins.
    pub(crate) word: Location,
    /// What follows the `@`.
    pub(crate) snapshot: String,
    /// The place of `@` and what follows.
    pub(crate) at: Span,
}

/// Takes `@digits` out of the tokens wherever it follows a word at once.
pub(crate) fn take(tokens: &mut Vec<TokenWithSpan>) -> Vec<Pin> {
    if !tokens.iter().any(|token| token.token == Token::AtSign) {
        return Vec::new();
    }
    let mut pins = Vec::new();
    let mut kept: Vec<TokenWithSpan> = Vec::with_capacity(tokens.len());
    let mut rest = tokens.as_slice();
    while let [first, after @ ..] = rest {
        rest = after;
        let word = kept.last().filter(|last| matches!(last.token, Token::Word(_)) && last.span.end == first.span.start);
        if let (Token::AtSign, Some(word)) = (&first.token, word) {
            let mut pin = Pin { word: word.span.start, snapshot: String::new(), at: first.span };
            while let [next, after @ ..] = rest
                && pin.snapshot.len() < MOST_DIGITS
                && let Some(digits) = digits(next)
            {
                pin.snapshot.push_str(&digits);
                pin.at.end = next.span.end;
                rest = after;
            }
            if !pin.snapshot.is_empty() {
                pins.push(pin);
                continue;
            }
        }
        kept.push(first.clone());
    }
    *tokens = kept;
    pins
}

/// What a token adds to the name of a snapshot: `1f3a9c` is a number and a word to the tokenizer.
fn digits(token: &TokenWithSpan) -> Option<String> {
    match &token.token {
        Token::Word(word) if word.quote_style.is_none() => Some(word.value.clone()),
        Token::Number(number, long) if number.bytes().all(|byte| byte.is_ascii_alphanumeric()) => {
            Some(if *long { format!("{number}L") } else { number.clone() })
        }
        _ => None,
    }
}

/// The name before the `@` of a delimited name that ends with one, and what follows.
pub(crate) fn split(name: &Name) -> Option<(Name, &str)> {
    let (table, snapshot) = name.value.rsplit_once('@').filter(|_| name.delimited)?;
    Some((Name { value: table.to_owned(), delimited: true }, snapshot))
}

/// A text with its tables written otherwise; where `written` gives nothing, they stay as they are.
pub(crate) fn rewritten(
    text: &str,
    references: &[TableReference],
    written: impl Fn(&TableReference) -> Option<String>,
) -> String {
    // The columns of tokens are counted without a byte order mark.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let lines: Vec<usize> = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
    let offset = |place: Location| {
        let start = *lines.get(usize::try_from(place.line).ok()?.checked_sub(1)?)?;
        let column = usize::try_from(place.column).ok()?.checked_sub(1)?;
        let line = text.get(start..)?;
        Some(start + line.char_indices().map(|(at, _)| at).chain([line.len()]).nth(column)?)
    };
    let mut pieces: Vec<(usize, usize, String)> = references
        .iter()
        .filter_map(|reference| Some((offset(reference.at.start)?, offset(reference.at.end)?, written(reference)?)))
        .collect();
    pieces.sort_unstable();
    pieces.dedup();
    let mut whole = String::with_capacity(text.len());
    let mut done = 0;
    for (start, end, written) in pieces.into_iter().filter(|(start, end, _)| start < end) {
        let Some(before) = text.get(done..start) else { continue };
        whole.push_str(before);
        whole.push_str(&written);
        done = end;
    }
    whole.push_str(text.get(done..).unwrap_or_default());
    whole
}

/// What is wrong with the name of a snapshot, if anything is.
pub(crate) fn complaint(snapshot: &str) -> Option<String> {
    let fits = (FEWEST_DIGITS..MOST_DIGITS).contains(&snapshot.len());
    let hexadecimal = snapshot.bytes().all(|byte| byte.is_ascii_hexdigit());
    (!fits || !hexadecimal).then(|| {
        let shown: String = snapshot.chars().take(MOST_DIGITS).collect();
        format!(
            "{shown} names no snapshot: expected the first {FEWEST_DIGITS} hexadecimal digits of its digest, or more"
        )
    })
}

#[cfg(test)]
mod tests {
    use sqlparser::tokenizer::Tokenizer;

    use super::*;
    use crate::dialect::QueryDialect;

    fn taken(text: &str) -> (String, Vec<String>) {
        let mut tokens = Tokenizer::new(&QueryDialect::default(), text).tokenize_with_location().unwrap();
        let pins = take(&mut tokens);
        (
            tokens.iter().map(|token| token.token.to_string()).collect(),
            pins.into_iter().map(|pin| pin.snapshot).collect(),
        )
    }

    #[test]
    fn digits_in_any_mixture_are_one_snapshot() {
        for digits in ["1f3a9c", "abcdef", "123456", "1e5f00", "12e45678", "0e1e2e", "00f1d2", "1F3A9C", "_x1"] {
            assert_eq!(taken(&format!("FROM gaia@{digits} AS g")), ("FROM gaia AS g".into(), vec![digits.to_owned()]));
        }
        assert_eq!(taken("FROM s.\"g\"@1f3a9c,t@ab1"), ("FROM s.\"g\",t".into(), vec!["1f3a9c".into(), "ab1".into()]));
    }

    #[test]
    fn an_at_sign_with_spaces_or_without_digits_stays() {
        for text in
            ["FROM gaia @1f3a9c", "FROM gaia@ 1f3a9c", "FROM gaia@'1f'", "FROM gaia@\"1f\"", "SELECT @1f3a9c", "a@.5"]
        {
            assert_eq!(taken(text).1, Vec::<String>::new(), "{text}");
            assert!(taken(text).0.contains('@'), "{text}");
        }
    }

    #[test]
    fn names_of_snapshots_are_some_digits() {
        for right in ["1f3a9c", "ABCDEF0", &"a".repeat(64)] {
            assert_eq!(complaint(right), None);
        }
        for wrong in ["", "1f3a9", "1f3a9g", &"a".repeat(65)] {
            assert!(complaint(wrong).is_some(), "{wrong}");
        }
    }
}
