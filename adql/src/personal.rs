//! How does a query name a table of its user? `mydb://name`, in the Postgres dialect.
//!
//! ```text
//!  SELECT * FROM mydb://mine AS m     ->  SELECT * FROM mydb.mine AS m
//! ```
//!
//! Astronomers of Data Lab write it so. It is rewritten among the tokens, where strings and comments are told apart
//! already; the table is then looked up like any other, in the schema [`SCHEMA`]. Knows no users.

use sqlparser::tokenizer::{Token, TokenWithSpan};

use crate::names::Name;

/// The schema of personal tables.
const SCHEMA: &str = "mydb";

/// Replaces `mydb` `:` `/` `/` by `mydb` `.` where a name follows at once.
pub(crate) fn join_names(tokens: &mut Vec<TokenWithSpan>) {
    if !tokens.windows(5).any(is_personal) {
        return;
    }
    let mut joined = Vec::with_capacity(tokens.len());
    let mut rest = tokens.as_slice();
    while let [first, after @ ..] = rest {
        joined.push(first.clone());
        rest = after;
        if rest.len() >= 4 && is_personal_after(first, rest) {
            joined.push(TokenWithSpan { token: Token::Period, span: rest[0].span.union(&rest[2].span) });
            rest = &rest[3..];
        }
    }
    *tokens = joined;
}

fn is_personal(window: &[TokenWithSpan]) -> bool {
    window.split_first().is_some_and(|(first, rest)| is_personal_after(first, rest))
}

fn is_personal_after(first: &TokenWithSpan, rest: &[TokenWithSpan]) -> bool {
    let schema = matches!(&first.token, Token::Word(word)
        if word.quote_style.is_none() && word.value.eq_ignore_ascii_case(SCHEMA));
    schema
        && matches!(
            rest,
            [
                TokenWithSpan { token: Token::Colon, .. },
                TokenWithSpan { token: Token::Div, .. },
                TokenWithSpan { token: Token::Div, .. },
                TokenWithSpan { token: Token::Word(_), .. },
                ..
            ]
        )
}

/// What to say of a personal table that is not there; `None` for a table of another schema.
pub(crate) fn absence(path: &[Name]) -> Option<String> {
    let [schema, _] = path else { return None };
    schema.matches(SCHEMA).then(|| "personal tables come with accounts, and this service keeps none".to_owned())
}
