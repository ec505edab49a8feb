//! Does a name match a pattern of a metadata command?
//!
//! `%` stands for any run of characters, `_` for any one character, and `\` takes the next one literally, as
//! GetSqlInfo tells clients. Clients send whole queries as patterns (pandas asks whether its SQL text is a table), so
//! matching takes no more than pattern length times name length, and allocates nothing per name.

/// A name pattern, or the absence of one.
#[derive(Debug, Clone)]
pub(super) struct NamePattern(Option<Vec<Token>>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Token {
    AnyRun,
    AnyOne,
    Exactly(char),
}

impl NamePattern {
    /// Parses a pattern; no pattern matches every name.
    pub(super) fn new(pattern: Option<&str>) -> Self {
        Self(pattern.map(tokens))
    }

    /// Whether the whole name matches.
    pub(super) fn matches(&self, name: &str) -> bool {
        let Some(tokens) = &self.0 else { return true };
        let name: Vec<char> = name.chars().collect();
        let (mut at, mut token) = (0, 0);
        // Where the last `%` stood, and how many characters it has taken so far.
        let mut run: Option<(usize, usize)> = None;
        while at < name.len() {
            match tokens.get(token) {
                Some(Token::AnyRun) => {
                    run = Some((token, at));
                    token += 1;
                }
                Some(Token::AnyOne) => {
                    at += 1;
                    token += 1;
                }
                Some(Token::Exactly(wanted)) if *wanted == name[at] => {
                    at += 1;
                    token += 1;
                }
                _ => {
                    let Some((run_token, taken)) = run else { return false };
                    run = Some((run_token, taken + 1));
                    at = taken + 1;
                    token = run_token + 1;
                }
            }
        }
        tokens[token..].iter().all(|rest| *rest == Token::AnyRun)
    }
}

fn tokens(pattern: &str) -> Vec<Token> {
    let mut tokens = Vec::with_capacity(pattern.len());
    let mut characters = pattern.chars();
    while let Some(character) = characters.next() {
        tokens.push(match character {
            '%' => Token::AnyRun,
            '_' => Token::AnyOne,
            '\\' => Token::Exactly(characters.next().unwrap_or('\\')),
            other => Token::Exactly(other),
        });
    }
    tokens
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_as_sql_says() {
        for (pattern, name, expected) in [
            ("source", "source", true),
            ("source", "sources", false),
            ("sour%", "source", true),
            ("%ce", "source", true),
            ("%o%r%", "source", true),
            ("s_urce", "source", true),
            ("_", "", false),
            ("%", "", true),
            ("", "", true),
            ("", "a", false),
            ("gaia\\_dr3", "gaia_dr3", true),
            ("gaia\\_dr3", "gaiaxdr3", false),
            ("a\\", "a\\", true),
            ("%a%a%b", "aaaaaaab", true),
            ("%a%a%b", "aaaaaaac", false),
            ("Source", "source", false),
            ("sté%", "stéle", true),
        ] {
            assert_eq!(NamePattern::new(Some(pattern)).matches(name), expected, "{pattern} {name}");
        }
        assert!(NamePattern::new(None).matches("anything"));
    }

    #[test]
    fn a_query_as_a_pattern_is_cheap() {
        let query = format!("SELECT {} FROM t", "%a_".repeat(20_000));
        assert!(!NamePattern::new(Some(&query)).matches(&"a".repeat(60)));
    }
}
