//! How is a chain of AND or OR read, so that it never is a deep tree, nor a large one?
//!
//! The parser would make of `a OR b OR c ...` a tree as deep as the chain is long. Here all operands behind the first
//! are read in a loop and joined to a balanced tree. An operand whose tokens are those of an earlier one save the
//! numbers is not parsed again: its numbers become a row of a [run](crate::runs).
//!
//! ```text
//!  a OR id = 1 OR b OR id = 2 OR id = 3   ->   a OR ((id = 1; 2; 3) OR b)
//! ```

use sqlparser::ast::{BinaryOperator, Expr};
use sqlparser::keywords::Keyword;
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::Token;

use crate::balance::join;
use crate::runs::{begin_row, numbers_of, push_number, run_of};
use crate::tokens::keyword;

/// Conditions that later ones are compared with: those that came last.
const MOST_PATTERNS: usize = 8;

/// A right side that was read ahead, and how many tokens the parser must step over to be behind it.
#[derive(Debug)]
pub(crate) struct Ahead {
    pub(crate) length: usize,
    pub(crate) expr: Expr,
}

/// Reads all operands behind the first; the parser stands before the first AND or OR, and in the end before the last.
///
/// So the parser itself makes the topmost node, of the left side that only it owns and of what was read.
pub(crate) fn read_chain(parser: &mut Parser<'_>, word: Keyword, precedence: u8) -> Result<Ahead, ParserError> {
    let mut operands = Operands { word, list: Vec::new(), patterns: Vec::new() };
    let length = loop {
        parser.advance_token();
        let start = parser.index();
        if let Some(Keyword::ANY | Keyword::ALL | Keyword::SOME) = keyword(&parser.token_at(start).token) {
            return parser.expected_ref("an expression", parser.peek_token_ref());
        }
        operands.read(parser, precedence)?;
        if keyword(&parser.peek_token_ref().token) != Some(word) {
            break parser.index() - start;
        }
    };
    for _ in 0..=length {
        parser.prev_token();
    }
    let op = if word == Keyword::OR { BinaryOperator::Or } else { BinaryOperator::And };
    let operands = operands.list.into_iter().map(|operand| run_of(operand.first, operand.rows)).collect();
    Ok(Ahead { length, expr: join(operands, &op) })
}

struct Operands {
    word: Keyword,
    list: Vec<Operand>,
    patterns: Vec<Pattern>,
}

/// A condition, and the numbers of those that are like it.
struct Operand {
    first: Expr,
    rows: String,
    /// Its tokens.
    start: usize,
    length: usize,
}

impl Operands {
    /// Reads one operand.
    fn read(&mut self, parser: &mut Parser<'_>, precedence: u8) -> Result<(), ParserError> {
        let start = parser.index();
        if let Some(length) = self.repeats(parser) {
            (0..length).for_each(|_| parser.advance_token());
            return Ok(());
        }
        let first = parser.parse_subexpr(precedence)?;
        self.list.push(Operand { first, rows: String::new(), start, length: parser.index() - start });
        Ok(())
    }

    /// If what comes next is like an operand that was read, keeps its numbers and tells its number of tokens.
    fn repeats(&mut self, parser: &Parser<'_>) -> Option<usize> {
        let newest = self.list.len().checked_sub(1)?;
        if self.patterns.last().is_none_or(|pattern| pattern.operand != newest) {
            if self.patterns.len() == MOST_PATTERNS {
                self.patterns.remove(0);
            }
            self.patterns.push(Pattern::of(parser, newest, &self.list[newest]));
        }
        for pattern in self.patterns.iter().rev() {
            let rows = &mut self.list[pattern.operand].rows;
            if let Some(length) = pattern.take(parser, self.word, rows) {
                return Some(length);
            }
        }
        None
    }
}

/// The tokens of a condition, any number in place of its numbers.
struct Pattern {
    operand: usize,
    /// Empty for a condition that nothing can be like.
    pieces: Vec<Piece>,
}

#[derive(Clone, Copy)]
enum Piece {
    /// The very token at this index.
    Token(usize),
    /// A number, with a minus only where one can be its sign.
    Number { signed: bool },
}

impl Pattern {
    fn of(parser: &Parser<'_>, index: usize, operand: &Operand) -> Self {
        let mut pieces = Vec::new();
        let (mut numbers, mut negative) = (0, 0);
        let end = operand.start + operand.length;
        let mut at = operand.start;
        while at < end {
            let signed = at == operand.start || begins_a_value(&parser.token_at(at - 1).token);
            let has_sign = signed && parser.token_at(at).token == Token::Minus;
            match parser.token_at(at + usize::from(has_sign)).token {
                Token::Number(..) => {
                    pieces.push(Piece::Number { signed });
                    numbers += 1;
                    negative += usize::from(has_sign);
                    at += usize::from(has_sign);
                }
                _ => pieces.push(Piece::Token(at)),
            }
            at += 1;
        }
        if numbers_of(&operand.first) != Some((numbers, negative)) {
            pieces.clear();
        }
        Self { operand: index, pieces }
    }

    /// Compares what comes next; if it is like this and ends where an operand ends, keeps its numbers.
    fn take(&self, parser: &Parser<'_>, word: Keyword, rows: &mut String) -> Option<usize> {
        let kept = rows.len();
        let length = self.compare(parser, word, rows);
        if length.is_none() {
            rows.truncate(kept);
        }
        length
    }

    fn compare(&self, parser: &Parser<'_>, word: Keyword, rows: &mut String) -> Option<usize> {
        let start = parser.index();
        let mut at = start;
        begin_row(rows);
        for piece in &self.pieces {
            match piece {
                Piece::Token(same) if parser.token_at(at).token == parser.token_at(*same).token => {}
                Piece::Token(_) => return None,
                Piece::Number { signed } => {
                    let negative = *signed && parser.token_at(at).token == Token::Minus;
                    at += usize::from(negative);
                    let Token::Number(digits, false) = &parser.token_at(at).token else { return None };
                    push_number(rows, negative, digits);
                }
            }
            at += 1;
        }
        let ends = match &parser.token_at(at).token {
            Token::RParen | Token::EOF => true,
            next => keyword(next).is_some_and(|next| next == word || ENDS.contains(&next)),
        };
        (ends && !self.pieces.is_empty()).then_some(at - start)
    }
}

/// Words that end a chain wherever they stand in one.
const ENDS: [Keyword; 5] = [Keyword::GROUP, Keyword::ORDER, Keyword::HAVING, Keyword::LIMIT, Keyword::THEN];

/// Whether a minus behind this token is the sign of what follows.
fn begins_a_value(before: &Token) -> bool {
    matches!(
        before,
        Token::Comma | Token::LParen | Token::Eq | Token::Neq | Token::Lt | Token::LtEq | Token::Gt | Token::GtEq
    )
}
