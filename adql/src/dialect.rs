//! Which characters make a name, and which grammar does the parser follow?
//!
//! One dialect serves both labels: only `"` delimits a name, names are ASCII, and none of the parser's vendor
//! extensions is on. What the grammar still takes too freely, [`shape`](crate::shape) refuses.
//!
//! The parser reads some words in two ways and tries the second when the first fails; nested, that takes a time that
//! doubles with every level. Here each word has one reading.

use sqlparser::ast::Expr;
use sqlparser::dialect::{Dialect, Precedence};
use sqlparser::keywords::Keyword;
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::Token;

use crate::write::call_of;

/// The one dialect.
#[derive(Debug)]
pub(crate) struct QueryDialect;

impl Dialect for QueryDialect {
    fn is_delimited_identifier_start(&self, ch: char) -> bool {
        ch == '"'
    }

    fn is_identifier_start(&self, ch: char) -> bool {
        ch.is_ascii_alphabetic() || ch == '_'
    }

    fn is_identifier_part(&self, ch: char) -> bool {
        ch.is_ascii_alphanumeric() || ch == '_'
    }

    fn supports_group_by_expr(&self) -> bool {
        true
    }

    fn supports_filter_during_aggregation(&self) -> bool {
        true
    }

    fn supports_bitwise_shift_operators(&self) -> bool {
        true
    }

    /// Words with a grammar of their own are never tried again as plain names once that grammar has failed.
    fn is_reserved_for_identifier(&self, word: Keyword) -> bool {
        matches!(
            word,
            Keyword::ARRAY
                | Keyword::CASE
                | Keyword::CAST
                | Keyword::CEIL
                | Keyword::CONVERT
                | Keyword::CURRENT_DATE
                | Keyword::CURRENT_TIME
                | Keyword::CURRENT_TIMESTAMP
                | Keyword::EXISTS
                | Keyword::EXTRACT
                | Keyword::FLOOR
                | Keyword::INTERVAL
                | Keyword::LOCALTIME
                | Keyword::LOCALTIMESTAMP
                | Keyword::NOT
                | Keyword::OVERLAY
                | Keyword::SAFE_CAST
                | Keyword::STRUCT
                | Keyword::SUBSTR
                | Keyword::SUBSTRING
                | Keyword::TRIM
                | Keyword::TRY_CAST
        )
    }

    /// POSITION and INTERVAL, whose two readings the parser tries before it asks the list above; and the words that
    /// give a query its structure, which no expression begins with.
    fn parse_prefix(&self, parser: &mut Parser<'_>) -> Option<Result<Expr, ParserError>> {
        let Token::Word(word) = &parser.peek_token_ref().token else { return None };
        if word.quote_style.is_some() {
            return None;
        }
        let next = parser.peek_nth_token_ref(1).token.clone();
        match (word.keyword, next) {
            (Keyword::POSITION, Token::LParen) => Some(position(parser)),
            // `INTERVAL '1' DAY` nests nothing; anywhere else the word is a name.
            (Keyword::INTERVAL, Token::SingleQuotedString(_)) => None,
            (Keyword::INTERVAL, _) => Some(parser.parse_identifier().map(Expr::Identifier)),
            (word, _) if is_structural(word) => Some(parser.expected_ref("an expression", parser.peek_token_ref())),
            _ => None,
        }
    }
}

/// Whether a word gives a query its structure.
pub(crate) fn is_structural(word: Keyword) -> bool {
    matches!(
        word,
        Keyword::AND
            | Keyword::AS
            | Keyword::BETWEEN
            | Keyword::BY
            | Keyword::ELSE
            | Keyword::EXCEPT
            | Keyword::FROM
            | Keyword::GROUP
            | Keyword::HAVING
            | Keyword::IN
            | Keyword::INTERSECT
            | Keyword::INTO
            | Keyword::IS
            | Keyword::JOIN
            | Keyword::LIKE
            | Keyword::LIMIT
            | Keyword::ON
            | Keyword::OR
            | Keyword::ORDER
            | Keyword::SELECT
            | Keyword::THEN
            | Keyword::UNION
            | Keyword::USING
            | Keyword::VALUES
            | Keyword::WHEN
            | Keyword::WHERE
            | Keyword::WITH
    )
}

/// `POSITION(a IN b)` or the function `POSITION(a, b)`, told apart behind the first operand.
fn position(parser: &mut Parser<'_>) -> Result<Expr, ParserError> {
    let name = parser.parse_identifier()?;
    parser.expect_token(&Token::LParen)?;
    let first = parser.parse_subexpr(QueryDialect.prec_value(Precedence::Between))?;
    if parser.parse_keyword(Keyword::IN) {
        let within = parser.parse_expr()?;
        parser.expect_token(&Token::RParen)?;
        return Ok(Expr::Position { expr: Box::new(first), r#in: Box::new(within) });
    }
    let mut given = vec![first];
    while parser.consume_token(&Token::Comma) {
        given.push(parser.parse_expr()?);
    }
    parser.expect_token(&Token::RParen)?;
    Ok(call_of(name, given))
}
