//! Which characters make a name, and which grammar does the parser follow?
//!
//! One dialect serves both labels: only `"` delimits a name, names are ASCII, and none of the parser's vendor
//! extensions is on. What the grammar still takes too freely, [`shape`](crate::shape) refuses.
//!
//! Operators bind as in PostgreSQL: `||`, bit operators and `~` alike and looser than `+`; BETWEEN, IN and LIKE tighter
//! than comparisons; all tighter than IS.
//!
//! The parser reads some words in two ways and tries the second when the first fails; nested, that takes a time that
//! doubles with every level. Here each word has one reading.
//!
//! What the parser builds is counted here, for here every operator and every operand passes.

use std::cell::{Cell, RefCell};

use sqlparser::ast::{BinaryOperator, Expr, Ident, ObjectName, SetExpr};
use sqlparser::dialect::{Dialect, Precedence};
use sqlparser::keywords::Keyword;
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::{Span, Token};

use crate::chain_reader::{Ahead, read_chain};
use crate::limits::Limits;
use crate::tokens::keyword;
use crate::walk::chain_length;
use crate::write::call_of;

/// The one dialect, for the parsing of one text.
#[derive(Debug, Default)]
pub(crate) struct QueryDialect {
    /// The right side of a chain, which the parser is about to ask for.
    ahead: RefCell<Option<Ahead>>,
    operators: Cell<usize>,
    values: Cell<usize>,
    excess: RefCell<Option<Excess>>,
}

/// What was too much, and where.
#[derive(Debug, Clone)]
pub(crate) struct Excess {
    pub(crate) message: String,
    pub(crate) at: Span,
}

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

    fn get_next_precedence(&self, parser: &Parser<'_>) -> Option<Result<u8, ParserError>> {
        match parser.peek_token_ref().token {
            Token::StringConcat
            | Token::Ampersand
            | Token::Pipe
            | Token::Sharp
            | Token::ShiftLeft
            | Token::ShiftRight
            | Token::Tilde
            | Token::TildeAsterisk
            | Token::ExclamationMarkTilde
            | Token::ExclamationMarkTildeAsterisk => Some(Ok(OTHER_OPERATORS)),
            _ => None,
        }
    }

    fn prec_value(&self, precedence: Precedence) -> u8 {
        match precedence {
            Precedence::Period => 100,
            Precedence::DoubleColon => 50,
            Precedence::AtTz => 41,
            Precedence::MulDivModOp => 40,
            Precedence::PlusMinus => 30,
            Precedence::Xor | Precedence::Ampersand | Precedence::Caret | Precedence::Pipe | Precedence::Colon => {
                OTHER_OPERATORS
            }
            Precedence::Between | Precedence::Like => 21,
            Precedence::Eq => 20,
            Precedence::Is => 17,
            Precedence::PgOther => 16,
            Precedence::UnaryNot => 15,
            Precedence::And => 10,
            Precedence::Or => 5,
        }
    }

    /// AND and OR, whose right sides are read ahead. IS [NOT] DISTINCT FROM: the parser would take all that follows,
    /// with every AND and OR, for the right operand. And `#`, which it has for one dialect only.
    fn parse_infix(&self, parser: &mut Parser<'_>, left: &Expr, precedence: u8) -> Option<Result<Expr, ParserError>> {
        if let Some(word @ (Keyword::AND | Keyword::OR)) = keyword(&parser.peek_token_ref().token) {
            return match read_chain(parser, word, precedence) {
                Ok(ahead) => {
                    self.ahead.replace(Some(ahead));
                    None
                }
                Err(error) => Some(Err(error)),
            };
        }
        if let Err(error) = self.count_operator(parser).and_then(|()| self.limit_chain(parser, left)) {
            return Some(Err(error));
        }
        if parser.consume_token(&Token::Sharp) {
            let exclusive = |right| {
                let (left, right) = (Box::new(left.clone()), Box::new(right));
                Expr::BinaryOp { left, op: BinaryOperator::PGBitwiseXor, right }
            };
            return Some(parser.parse_subexpr(OTHER_OPERATORS).map(exclusive));
        }
        let negated = distinct_from(parser)?;
        for _ in 0..(if negated { 4 } else { 3 }) {
            parser.advance_token();
        }
        let right = parser.parse_subexpr(self.prec_value(Precedence::Is));
        let (left, make) =
            (Box::new(left.clone()), if negated { Expr::IsNotDistinctFrom } else { Expr::IsDistinctFrom });
        Some(right.map(|right| make(left, Box::new(right))))
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
    /// give a query its structure, which no expression begins with. What is plainly a literal, a name or a call is read
    /// at once: the parser would first try whether it is a type.
    fn parse_prefix(&self, parser: &mut Parser<'_>) -> Option<Result<Expr, ParserError>> {
        if let Some(Ahead { length, expr }) = self.ahead.take() {
            (0..length).for_each(|_| parser.advance_token());
            return Some(Ok(expr));
        }
        if let Err(error) = self.count_value(parser) {
            return Some(Err(error));
        }
        let token = parser.peek_token_ref();
        let word = match &token.token {
            Token::Number(..) | Token::SingleQuotedString(_) => return Some(parser.parse_value().map(Expr::Value)),
            Token::Word(word) => word,
            Token::LParen if parser.peek_nth_token_ref(1).token == Token::LParen => return set_operation(parser),
            _ => return None,
        };
        let next = &parser.peek_nth_token_ref(1).token;
        let kind = if is_function(word.keyword) && *next == Token::LParen { Keyword::NoKeyword } else { word.keyword };
        match (kind, next) {
            (Keyword::NoKeyword, Token::SingleQuotedString(_)) => None,
            (Keyword::NoKeyword, Token::LParen) => {
                let name = word.to_ident(token.span);
                parser.advance_token();
                Some(if is_plain_call(parser) {
                    plain_call(name, parser)
                } else {
                    parser.parse_function(ObjectName::from(vec![name]))
                })
            }
            (Keyword::NoKeyword, Token::Period) if is_column_of_table(parser) => {
                let table = word.to_ident(token.span);
                (0..2).for_each(|_| parser.advance_token());
                Some(parser.parse_identifier().map(|column| Expr::CompoundIdentifier(vec![table, column])))
            }
            (Keyword::NoKeyword, _) => Some(parser.parse_identifier().map(Expr::Identifier)),
            _ if word.quote_style.is_some() => None,
            (Keyword::POSITION, Token::LParen) => Some(position(self, parser)),
            // `INTERVAL '1' DAY` nests nothing; anywhere else the word is a name.
            (Keyword::INTERVAL, Token::SingleQuotedString(_)) => None,
            (Keyword::INTERVAL, _) => Some(parser.parse_identifier().map(Expr::Identifier)),
            (word, _) if is_structural(word) => Some(parser.expected_ref("an expression", parser.peek_token_ref())),
            _ => None,
        }
    }
}

impl QueryDialect {
    /// What ended the parsing, if it was a limit.
    pub(crate) fn excess(&self) -> Option<Excess> {
        self.excess.take()
    }

    fn count_operator(&self, parser: &Parser<'_>) -> Result<(), ParserError> {
        self.operators.set(self.operators.get() + 1);
        if self.operators.get() > Limits::DEFAULT.operators {
            return self.exceeds(parser, format!("more than {} operators and calls", Limits::DEFAULT.operators));
        }
        Ok(())
    }

    /// Counts a value, and a call or parenthesis as an operator too.
    fn count_value(&self, parser: &Parser<'_>) -> Result<(), ParserError> {
        self.values.set(self.values.get() + 1);
        if self.values.get() > Limits::DEFAULT.values {
            return self.exceeds(parser, format!("more than {} values", Limits::DEFAULT.values));
        }
        let opens = |index| parser.peek_nth_token_ref(index).token == Token::LParen;
        let plain = matches!(parser.peek_token_ref().token, Token::Number(..) | Token::SingleQuotedString(_));
        if !plain && (opens(0) || opens(1)) { self.count_operator(parser) } else { Ok(()) }
    }

    /// Refuses one more operator on a chain that is as long as a tree may be deep.
    fn limit_chain(&self, parser: &Parser<'_>, left: &Expr) -> Result<(), ParserError> {
        if chain_length(left) >= Limits::DEFAULT.depth {
            return self.exceeds(parser, format!("a chain of more than {} operators", Limits::DEFAULT.depth));
        }
        Ok(())
    }

    /// Ends the parsing; the parser hands on no other error without trying another reading.
    fn exceeds(&self, parser: &Parser<'_>, message: String) -> Result<(), ParserError> {
        self.excess.replace(Some(Excess { message, at: parser.peek_token_ref().span }));
        Err(ParserError::RecursionLimitExceeded)
    }
}

/// Binding of the operators that are neither arithmetic nor comparisons.
const OTHER_OPERATORS: u8 = 25;

/// Whether IS DISTINCT FROM (false) or IS NOT DISTINCT FROM (true) comes next.
fn distinct_from(parser: &Parser<'_>) -> Option<bool> {
    let word = |index: usize| keyword(&parser.peek_nth_token_ref(index).token);
    match [word(0), word(1), word(2), word(3)] {
        [Some(Keyword::IS), Some(Keyword::DISTINCT), Some(Keyword::FROM), _] => Some(false),
        [Some(Keyword::IS), Some(Keyword::NOT), Some(Keyword::DISTINCT), Some(Keyword::FROM)] => Some(true),
        _ => None,
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
            | Keyword::END
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

/// `((SELECT ..) UNION SELECT ..)`, which the parser would take for an expression in parentheses.
fn set_operation(parser: &mut Parser<'_>) -> Option<Result<Expr, ParserError>> {
    let inner = (2..).map(|at| &parser.peek_nth_token_ref(at).token).find(|token| **token != Token::LParen)?;
    if !matches!(keyword(inner), Some(Keyword::SELECT | Keyword::WITH)) {
        return None;
    }
    let read = parser.maybe_parse(|parser| {
        parser.expect_token(&Token::LParen)?;
        let query = parser.parse_query()?;
        parser.expect_token(&Token::RParen)?;
        match *query.body {
            SetExpr::SetOperation { .. } => Ok(Expr::Subquery(query)),
            _ => parser.expected_ref("a set operation", parser.peek_token_ref()),
        }
    });
    read.transpose()
}

/// Keywords that before a parenthesis are but names of functions.
fn is_function(word: Keyword) -> bool {
    matches!(
        word,
        Keyword::ABS
            | Keyword::AVG
            | Keyword::BOX
            | Keyword::CIRCLE
            | Keyword::COALESCE
            | Keyword::CONTAINS
            | Keyword::COUNT
            | Keyword::LOG
            | Keyword::MAX
            | Keyword::MIN
            | Keyword::MOD
            | Keyword::POINT
            | Keyword::POLYGON
            | Keyword::POWER
            | Keyword::REGION
            | Keyword::SQRT
            | Keyword::SUM
    )
}

/// Whether what comes next is `table.column` and nothing more.
fn is_column_of_table(parser: &Parser<'_>) -> bool {
    let column = &parser.peek_nth_token_ref(2).token;
    matches!(column, Token::Word(word) if word.keyword == Keyword::NoKeyword)
        && !matches!(
            parser.peek_nth_token_ref(3).token,
            Token::Period | Token::LParen | Token::LBracket | Token::SingleQuotedString(_)
        )
}

/// Whether a call is a name and expressions, from its opening parenthesis on: no star, DISTINCT, ORDER BY, OVER, ...
fn is_plain_call(parser: &Parser<'_>) -> bool {
    let first = parser.index();
    let mut depth = 0;
    for at in first.. {
        let token = &parser.token_at(at).token;
        match token {
            Token::LParen => depth += 1,
            Token::RParen => depth -= 1,
            Token::EOF => return false,
            Token::Mul if matches!(parser.token_at(at - 1).token, Token::LParen | Token::Period | Token::Comma) => {
                return false;
            }
            Token::Word(_) if depth == 1 && keyword(token).is_some_and(is_of_calls) => return false,
            _ => {}
        }
        if depth == 0 {
            return !keyword(&parser.token_at(at + 1).token).is_some_and(is_of_calls);
        }
    }
    false
}

/// Words by which a call is more than its arguments.
fn is_of_calls(word: Keyword) -> bool {
    matches!(
        word,
        Keyword::ALL
            | Keyword::DISTINCT
            | Keyword::FILTER
            | Keyword::HAVING
            | Keyword::IGNORE
            | Keyword::LIMIT
            | Keyword::NULL
            | Keyword::ON
            | Keyword::ORDER
            | Keyword::OVER
            | Keyword::RESPECT
            | Keyword::SELECT
            | Keyword::SEPARATOR
            | Keyword::TABLE
            | Keyword::WITH
            | Keyword::WITHIN
            | Keyword::ABSENT
            | Keyword::RETURNING
    )
}

/// A call that [`is_plain_call`].
fn plain_call(name: Ident, parser: &mut Parser<'_>) -> Result<Expr, ParserError> {
    parser.expect_token(&Token::LParen)?;
    let mut given = Vec::new();
    if parser.peek_token_ref().token != Token::RParen {
        given.push(parser.parse_expr()?);
        while parser.consume_token(&Token::Comma) {
            given.push(parser.parse_expr()?);
        }
    }
    parser.expect_token(&Token::RParen)?;
    Ok(call_of(name, given))
}

/// `POSITION(a IN b)` or the function `POSITION(a, b)`, told apart behind the first operand.
fn position(dialect: &QueryDialect, parser: &mut Parser<'_>) -> Result<Expr, ParserError> {
    let name = parser.parse_identifier()?;
    parser.expect_token(&Token::LParen)?;
    let first = parser.parse_subexpr(dialect.prec_value(Precedence::Between))?;
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::Label;
    use crate::tokens::Tokens;
    use crate::walk::{Part, parts};

    /// Parses an expression and takes all parentheses out of its tree.
    fn tree(text: &str) -> Expr {
        let tokens = Tokens::read(text, Label::Sql, &Limits::DEFAULT).unwrap().list;
        let dialect = QueryDialect::default();
        let mut expr = Parser::new(&dialect).with_tokens_with_locations(tokens).parse_expr().unwrap();
        bare(&mut expr);
        expr
    }

    fn bare(expr: &mut Expr) {
        while let Expr::Nested(inner) = expr {
            *expr = (**inner).clone();
        }
        parts(expr, &mut |part| {
            if let Part::Expr(inner) = part {
                bare(inner);
            }
        });
    }

    #[test]
    fn operators_bind_as_in_postgres() {
        for (written, meant) in [
            ("a << 2 & 3", "(a << 2) & 3"),
            ("a & b | c", "(a & b) | c"),
            ("a | b & c", "(a | b) & c"),
            ("a # b | c + 1 # 2", "((a # b) | (c + 1)) # 2"),
            ("~a # b = 3", "((~a) # b) = 3"),
            ("a + 1 || 'x'", "(a + 1) || 'x'"),
            ("a || b = c", "(a || b) = c"),
            ("a & 256 <> 0", "(a & 256) <> 0"),
            ("a LIKE 'x' = b", "(a LIKE 'x') = b"),
            ("a = b IS NULL", "(a = b) IS NULL"),
            ("a IS DISTINCT FROM b AND c OR d", "((a IS DISTINCT FROM b) AND c) OR d"),
            ("a IS NOT DISTINCT FROM b + 1 AND c", "(a IS NOT DISTINCT FROM (b + 1)) AND c"),
            ("NOT a = b AND c", "(NOT (a = b)) AND c"),
            ("NOT a IS NULL", "NOT (a IS NULL)"),
            ("a BETWEEN b + 1 AND c * 2 AND d", "(a BETWEEN (b + 1) AND (c * 2)) AND d"),
            ("a NOT IN (1) AND NOT b", "(a NOT IN (1)) AND (NOT b)"),
            ("-a * b - c", "((-a) * b) - c"),
            ("a - b - c", "(a - b) - c"),
            ("a / b * c", "(a / b) * c"),
            ("a ~ 'x' AND b", "(a ~ 'x') AND b"),
            ("a OR b AND c", "a OR (b AND c)"),
            ("-a::integer", "-(a::integer)"),
            ("POSITION('a' || b IN c)", "POSITION(('a' || b) IN c)"),
        ] {
            assert_eq!(tree(written), tree(meant), "{written}");
        }
    }
}
