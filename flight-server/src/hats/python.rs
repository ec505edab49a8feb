//! What does a value mean that Python wrote?
//!
//! Numbers, truth values, `None` and quoted texts, alone or in a list, tuple, set or numpy array, each perhaps wrapped in the name
//! of its numpy type. What Python writes of anything else is no value, or one that is not known.

/// A value.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Literal {
    /// A number as it is written, without underscores.
    Number(String),
    /// A truth value.
    Boolean(bool),
    /// A text.
    Text(String),
    /// No value.
    None,
    /// A value that compares in its own way, or that was left out.
    Unknown,
}

/// The value of a word without quotes.
pub(super) fn bare(word: &str) -> Option<Literal> {
    let inner = word.strip_prefix("np.").and_then(|typed| typed.split_once('(')?.1.strip_suffix(')')).unwrap_or(word);
    match inner {
        "True" | "true" | "True_" => return Some(Literal::Boolean(true)),
        "False" | "false" | "False_" => return Some(Literal::Boolean(false)),
        "None" => return Some(Literal::None),
        "..." | "NaT" | "<NA>" => return Some(Literal::Unknown),
        _ => {}
    }
    let number: f64 = inner.parse().ok()?;
    Some(if number.is_finite() { Literal::Number(inner.to_owned()) } else { Literal::Unknown })
}

/// The values of the list that a text begins with, and its length.
///
/// *Errors*: the place of what is no value.
pub(super) fn list(text: &str) -> Result<(Vec<Literal>, usize), usize> {
    let closing = match text.chars().next() {
        Some('[') => ']',
        Some('(') => ')',
        Some('{') => '}',
        _ => return Err(0),
    };
    let (mut values, mut at) = (Vec::new(), 1);
    loop {
        let rest = &text[at..];
        let next = rest.chars().next().ok_or(at)?;
        match next {
            _ if next == closing => return Ok((values, at + 1)),
            ',' | ' ' | '\n' => at += 1,
            '\'' | '"' => {
                let (value, length) = quoted(rest, next).ok_or(text.len())?;
                values.push(Literal::Text(value));
                at += length;
            }
            _ => {
                let (word, length) = word(rest, closing);
                let typed = word.strip_prefix("np.str_(").and_then(|inner| inner.strip_suffix(')'));
                let value = match typed.and_then(|inner| quoted(inner, inner.chars().next()?)) {
                    Some((value, _)) => Literal::Text(value),
                    None => bare(word).ok_or(at)?,
                };
                values.push(value);
                at += length;
            }
        }
    }
}

/// A word up to the next separator outside of parentheses and quotes.
fn word(text: &str, closing: char) -> (&str, usize) {
    let (mut depth, mut quote) = (0_u32, None);
    for (at, c) in text.char_indices() {
        match (c, quote) {
            (_, Some(open)) if c == open => quote = None,
            (_, Some(_)) => {}
            ('\'' | '"', None) => quote = Some(c),
            ('(', None) => depth += 1,
            (')', None) if depth > 0 => depth -= 1,
            _ if depth == 0 && (c == closing || matches!(c, ',' | ' ' | '\n')) => return (&text[..at], at),
            _ => {}
        }
    }
    (text, text.len())
}

/// A quoted text without its escapes, and its length with them.
fn quoted(text: &str, quote: char) -> Option<(String, usize)> {
    let (mut value, mut chars) = (String::new(), text.char_indices().skip(1));
    while let Some((at, c)) = chars.next() {
        match c {
            _ if c == quote => return Some((value, at + 1)),
            '\\' => match chars.next()?.1 {
                'n' => value.push('\n'),
                'r' => value.push('\r'),
                't' => value.push('\t'),
                'x' => value.push(escaped(&mut chars, 2)?),
                'u' => value.push(escaped(&mut chars, 4)?),
                'U' => value.push(escaped(&mut chars, 8)?),
                other => value.push(other),
            },
            _ => value.push(c),
        }
    }
    None
}

fn escaped(chars: &mut impl Iterator<Item = (usize, char)>, digits: u32) -> Option<char> {
    let code = (0..digits).try_fold(0_u32, |code, _| Some(code * 16 + chars.next()?.1.to_digit(16)?))?;
    char::from_u32(code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_read_as_python_writes_them() {
        let number = |text: &str| Some(Literal::Number(text.to_owned()));
        for (word, expected) in [
            ("-3", number("-3")),
            ("1e-05", number("1e-05")),
            ("np.float64(3.5)", number("3.5")),
            ("np.False_", None),
            ("True", Some(Literal::Boolean(true))),
            ("None", Some(Literal::None)),
            ("nan", Some(Literal::Unknown)),
            ("np.float64(nan)", Some(Literal::Unknown)),
            ("", None),
            ("x", None),
        ] {
            assert_eq!(bare(word), expected, "{word}");
        }
    }

    #[test]
    fn lists_end_where_they_close() {
        let text = |value: &str| Literal::Text(value.to_owned());
        assert_eq!(
            list("['a]', \"b'\", 'it\\'s \\xe9\\n'],x"),
            Ok((vec![text("a]"), text("b'"), text("it's é\n")], 28))
        );
        assert_eq!(list("('a',)"), Ok((vec![text("a")], 6)));
        assert_eq!(list("['a' 'b']"), Ok((vec![text("a"), text("b")], 9)));
        assert_eq!(list("{np.str_('x y')}"), Ok((vec![text("x y")], 16)));
        assert_eq!(list("[0 1 ... 9]").map(|(values, _)| values[2].clone()), Ok(Literal::Unknown));
        for broken in ["", "1", "[1", "['a", "[x]", "['\\ud800']"] {
            assert!(list(broken).is_err(), "{broken}");
        }
    }
}
