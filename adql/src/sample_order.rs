//! On which side of TABLESAMPLE is the alias?
//!
//! PostgreSQL has it before, other archives behind; the parser knows the former. Works on tokens:
//!
//! ```text
//!  FROM stars TABLESAMPLE (2) AS s   ->   FROM stars AS s TABLESAMPLE (2)
//! ```

use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::{Token, TokenWithSpan};

use crate::tokens::keyword;

/// Moves every alias behind a TABLESAMPLE before it.
pub(crate) fn alias_first(tokens: &mut [TokenWithSpan]) {
    let mut at = 0;
    while let Some(found) = tokens[at..].iter().position(|token| keyword(&token.token) == Some(Keyword::TABLESAMPLE)) {
        let sample = at + found;
        at = sample + 1;
        let Some(end) = sample_end(tokens, sample) else { continue };
        let alias = alias_length(&tokens[end..]);
        tokens[sample..end + alias].rotate_right(alias);
        at = end + alias;
    }
}

/// The index behind a sample that begins at `start`.
fn sample_end(tokens: &[TokenWithSpan], start: usize) -> Option<usize> {
    let word = |at: usize| tokens.get(at).and_then(|token| keyword(&token.token));
    let method = matches!(word(start + 1), Some(Keyword::BERNOULLI | Keyword::SYSTEM));
    let end = one_in_parentheses(tokens, start + 1 + usize::from(method))?;
    match word(end) {
        Some(Keyword::REPEATABLE) => one_in_parentheses(tokens, end + 1),
        _ => Some(end),
    }
}

fn one_in_parentheses(tokens: &[TokenWithSpan], at: usize) -> Option<usize> {
    let is = |at: usize, wanted: &Token| tokens.get(at).is_some_and(|token| token.token == *wanted);
    (is(at, &Token::LParen) && is(at + 2, &Token::RParen)).then_some(at + 3)
}

/// How many tokens are an alias: `AS name`, or a name that is no keyword.
fn alias_length(tokens: &[TokenWithSpan]) -> usize {
    let name = |at: usize| matches!(tokens.get(at).map(|token| &token.token), Some(Token::Word(_)));
    match tokens.first().map(|token| (keyword(&token.token), &token.token)) {
        Some((Some(Keyword::AS), _)) if name(1) => 2,
        Some((None, Token::Word(_))) => 1,
        _ => 0,
    }
}
