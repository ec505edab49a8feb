//! Is the text harmless to a recursive parser, and what are its tokens?
//!
//! Tokenizing neither recurses nor backtracks, so this is where a hostile text ends: the size, the nesting, runs of
//! prefix operators, and every token by which the grammar could be made to descend or to try twice are judged here,
//! before the parser sees anything. Adjacent string literals become one, `?` becomes `$1`, `$2`, ...
//!
//! Must not know what the tokens mean beyond that.

use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::{Location, Span, Token, TokenWithSpan, Tokenizer, Whitespace};

use crate::dialect::QueryDialect;
use crate::error::{Findings, QueryErrorKind, QueryErrors};
use crate::limits::Limits;
use crate::personal;
use crate::request::Label;
use crate::snapshots::{self, Pin};

/// Prefix operators in a row: `NOT NOT - - x`.
const PREFIX_RUN: usize = 16;
/// Parts of one dotted name; a column has at most four.
const NAME_PARTS: usize = 6;
/// Uses of DISTINCT and of `#`: each IS DISTINCT FROM and each `#` copies its left operand.
const COPIES: usize = 1_000;
/// Types of arrays, `integer[]` and `ARRAY<integer>`, which nest without a parenthesis.
const ARRAY_TYPES: usize = 64;
/// Open parentheses of the form `((SELECT`, and brackets of the form `t.c[`: the parser tries each of them in two ways.
const DOUBTFUL_PARENTHESES: usize = 8;

/// The tokens of a text, without white space and comments, and what was counted on the way.
#[derive(Debug, Default)]
pub(crate) struct Tokens {
    pub(crate) list: Vec<TokenWithSpan>,
    /// Highest number of a `$n`.
    pub(crate) parameters: usize,
    /// Deepest nesting.
    pub(crate) nesting: usize,
    /// Tokens that can deepen a tree.
    pub(crate) operators: usize,
    /// Places of `/* */`, which the standard does not have.
    pub(crate) block_comments: Vec<Span>,
    /// Places of `0x1F`, which the standard does not have either.
    pub(crate) hexadecimals: Vec<Span>,
    /// Snapshots of tables, which neither has the standard.
    pub(crate) pins: Vec<Pin>,
}

impl Tokens {
    pub(crate) fn read(text: &str, label: Label, limits: &Limits) -> Result<Self, QueryErrors> {
        let mut findings = Findings::new(text);
        if text.len() > limits.text_bytes {
            let message = format!("the query has {} bytes; at most {} are taken", text.len(), limits.text_bytes);
            return findings.fail(QueryErrorKind::LimitExceeded, Span::empty(), message, None);
        }
        // A byte order mark has no width on any screen, so the columns that follow are counted without it.
        let shown = text.strip_prefix('\u{feff}').unwrap_or(text);
        let most = most_tokens(shown);
        if most > limits.tokens {
            let message = format!("the query has more than {} words, numbers and signs", limits.tokens);
            return findings.fail(QueryErrorKind::LimitExceeded, Span::empty(), message, None);
        }
        let mut list = Vec::with_capacity(most);
        let dialect = QueryDialect::default();
        if let Err(error) = Tokenizer::new(&dialect, shown).tokenize_with_location_into_buf(&mut list) {
            let at = one_column(error.location);
            let (message, hint) = explain_tokenizer(&error.message);
            return findings.fail(QueryErrorKind::BadQuery, at, message, hint);
        }
        if label == Label::Sql {
            personal::join_names(&mut list);
        }
        let mut tokens = Self { pins: snapshots::take(&mut list), ..Self::default() };
        tokens.sift(&mut list, &mut findings);
        tokens.list = list;
        if findings.is_empty() {
            Scan::new(limits).run(&mut tokens, &mut findings);
        }
        findings.finish()?;
        Ok(tokens)
    }

    /// Takes out white space, and whatever continues a string literal; in place, for there may be millions of tokens.
    fn sift(&mut self, list: &mut Vec<TokenWithSpan>, findings: &mut Findings<'_>) {
        let mut nothing = TokenWithSpan::wrap(Token::EOF);
        let first = list.iter_mut().position(|token| self.keeps(token, &mut nothing, findings));
        list.drain(..first.unwrap_or(list.len()));
        list.dedup_by(|token, before| !self.keeps(token, before, findings));
    }

    /// Whether a token stays, given the one before.
    fn keeps(&mut self, token: &mut TokenWithSpan, before: &mut TokenWithSpan, findings: &mut Findings<'_>) -> bool {
        match &token.token {
            Token::Whitespace(Whitespace::MultiLineComment(_)) => {
                self.block_comments.push(token.span);
                false
            }
            Token::Whitespace(_) | Token::EOF => false,
            Token::SingleQuotedString(more) => match before {
                TokenWithSpan { token: Token::SingleQuotedString(whole), span } => {
                    whole.push_str(more);
                    span.end = token.span.end;
                    false
                }
                _ => true,
            },
            Token::HexStringLiteral(digits) if is_number(digits, token.span) => {
                self.hexadecimals.push(token.span);
                match i64::from_str_radix(digits, 16) {
                    Ok(number) => {
                        token.token = Token::Number(number.to_string(), false);
                        return true;
                    }
                    Err(_) if digits.is_empty() => findings.bad(token.span, "0x begins a number without digits"),
                    Err(_) => findings.bad(token.span, format!("0x{digits} does not fit into 64 bits")),
                }
                false
            }
            Token::Placeholder(written) => {
                if let Some(number) = self.number(written, token.span, findings) {
                    token.token = Token::Placeholder(format!("${number}"));
                }
                true
            }
            other => match refusal(other) {
                Some((message, hint)) => {
                    findings.add(QueryErrorKind::BadQuery, token.span, message, hint);
                    false
                }
                None => true,
            },
        }
    }

    /// The number of a placeholder.
    fn number(&mut self, written: &str, at: Span, findings: &mut Findings<'_>) -> Option<usize> {
        let number = match written.split_at_checked(1) {
            Some(("?", "")) => Some(self.parameters + 1),
            Some(("$", digits)) => {
                digits.parse().ok().filter(|number| (1..=Limits::DEFAULT.parameters).contains(number))
            }
            _ => None,
        };
        let Some(number) = number else {
            findings.hinted(at, format!("{written} is no parameter"), "write ? or $1, $2, ...");
            return None;
        };
        if number > Limits::DEFAULT.parameters {
            let message = format!("more than {} parameters", Limits::DEFAULT.parameters);
            findings.add(QueryErrorKind::LimitExceeded, at, message, None);
            return None;
        }
        self.parameters = self.parameters.max(number);
        Some(number)
    }
}

/// At least as many tokens as the text has, counted without making them: strings and comments are one.
fn most_tokens(text: &str) -> usize {
    let mut count = 0;
    let mut bytes = text.bytes().peekable();
    while let Some(byte) = bytes.next() {
        count += 1;
        let word = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_' || !byte.is_ascii();
        match byte {
            b'\'' | b'"' => drop(bytes.by_ref().find(|next| *next == byte)),
            b'-' if bytes.peek() == Some(&b'-') => drop(bytes.by_ref().find(|next| *next == b'\n')),
            b'0'..=b'9' => while bytes.next_if(|next| word(next) || *next == b'.').is_some() {},
            _ if word(&byte) => while bytes.next_if(word).is_some() {},
            _ => {}
        }
    }
    count
}

/// Whether a token in hexadecimal digits is the number `0x1F`, not the string `X'1F'`, which takes one character more.
fn is_number(digits: &str, at: Span) -> bool {
    at.end.column.saturating_sub(at.start.column) == digits.len() as u64 + 2
}

/// The walk over the tokens that bounds what the parser will meet.
struct Scan<'a> {
    limits: &'a Limits,
    /// The open brackets and CASEs.
    open: Vec<Open>,
    doubtful: usize,
    prefix_run: usize,
    name_parts: usize,
    selects: usize,
    copies: usize,
    array_types: usize,
}

/// What an open bracket means to the scan.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Open {
    Plain,
    Case,
    /// The parser will try two readings.
    Doubtful,
    /// A call in whose grammar FROM is followed by a value: `TRIM('x' FROM 'y')`.
    ValueAfterFrom,
}

impl<'a> Scan<'a> {
    fn new(limits: &'a Limits) -> Self {
        Self {
            limits,
            open: Vec::new(),
            doubtful: 0,
            prefix_run: 0,
            name_parts: 0,
            selects: 0,
            copies: 0,
            array_types: 0,
        }
    }

    fn run(mut self, tokens: &mut Tokens, findings: &mut Findings<'_>) {
        for index in 0..tokens.list.len() {
            let at = tokens.list[index].span;
            self.nest(&tokens.list, index);
            self.count(tokens, index);
            if self.is_string_as_table(&tokens.list, index) {
                findings.hinted(at, "a string cannot be the name of a table", "write the name in double quotes");
            }
            tokens.nesting = tokens.nesting.max(self.open.len());
            if let Some(message) = self.excess() {
                findings.add(QueryErrorKind::LimitExceeded, at, message, None);
                return;
            }
        }
    }

    fn nest(&mut self, list: &[TokenWithSpan], index: usize) {
        match &list[index].token {
            Token::LParen | Token::LBracket => {
                let open = match index.checked_sub(1).and_then(|before| keyword(&list[before].token)) {
                    Some(
                        Keyword::TRIM | Keyword::EXTRACT | Keyword::SUBSTRING | Keyword::SUBSTR | Keyword::OVERLAY,
                    ) => Open::ValueAfterFrom,
                    _ if doubtful_parenthesis(&list[index..]) || doubtful_bracket(&list[..=index]) => Open::Doubtful,
                    _ => Open::Plain,
                };
                self.doubtful += usize::from(open == Open::Doubtful);
                self.open.push(open);
            }
            Token::RParen | Token::RBracket => {
                while self.open.last() == Some(&Open::Case) {
                    self.open.pop();
                }
                if self.open.pop() == Some(Open::Doubtful) {
                    self.doubtful -= 1;
                }
            }
            token => match keyword(token) {
                Some(Keyword::CASE) => self.open.push(Open::Case),
                Some(Keyword::END) if self.open.last() == Some(&Open::Case) && !follows_a_prefix(list, index) => {
                    self.open.pop();
                }
                _ => {}
            },
        }
    }

    /// Whether a string stands where a table is named.
    fn is_string_as_table(&self, list: &[TokenWithSpan], index: usize) -> bool {
        let before = index.checked_sub(1).and_then(|before| keyword(&list[before].token));
        matches!(list[index].token, Token::SingleQuotedString(_))
            && matches!(before, Some(Keyword::FROM | Keyword::JOIN))
            && self.open.last() != Some(&Open::ValueAfterFrom)
    }

    fn count(&mut self, tokens: &mut Tokens, index: usize) {
        let token = &tokens.list[index].token;
        let prefix = matches!(token, Token::Minus | Token::Plus | Token::Tilde) || keyword(token) == Some(Keyword::NOT);
        self.prefix_run = if prefix { self.prefix_run + 1 } else { 0 };
        match token {
            Token::Period => self.name_parts += 1,
            Token::Word(_) if index > 0 && tokens.list[index - 1].token == Token::Period => {}
            _ => self.name_parts = 0,
        }
        let literal_sign = prefix
            && index > 0
            && matches!(tokens.list[index - 1].token, Token::Comma | Token::LParen)
            && matches!(tokens.list.get(index + 1).map(|next| &next.token), Some(Token::Number(..)));
        self.copies += usize::from(*token == Token::Sharp || keyword(token) == Some(Keyword::DISTINCT));
        let after_array = || index > 0 && keyword(&tokens.list[index - 1].token) == Some(Keyword::ARRAY);
        let empty = || tokens.list.get(index + 1).is_some_and(|next| next.token == Token::RBracket);
        self.array_types += usize::from(match token {
            Token::Lt => after_array(),
            Token::LBracket => empty(),
            _ => false,
        });
        if deepens(token) && !literal_sign {
            tokens.operators += 1;
        }
        if matches!(
            keyword(token),
            Some(Keyword::SELECT | Keyword::JOIN | Keyword::UNION | Keyword::EXCEPT | Keyword::INTERSECT)
        ) {
            self.selects += 1;
        }
    }

    fn excess(&self) -> Option<String> {
        let limits = self.limits;
        if self.open.len() > limits.nesting {
            return Some(format!("nested deeper than {} levels", limits.nesting));
        }
        if self.doubtful > DOUBTFUL_PARENTHESES {
            return Some(format!(
                "more than {DOUBTFUL_PARENTHESES} nested sub-queries in double parentheses, or subscripts of t.c"
            ));
        }
        if self.prefix_run > PREFIX_RUN {
            return Some(format!("more than {PREFIX_RUN} signs or NOTs in a row"));
        }
        if self.name_parts >= NAME_PARTS {
            return Some(format!("a name of more than {NAME_PARTS} parts"));
        }
        if self.copies > COPIES {
            return Some(format!("more than {COPIES} uses of DISTINCT and #"));
        }
        if self.array_types > ARRAY_TYPES {
            return Some(format!("more than {ARRAY_TYPES} types of arrays"));
        }
        (self.selects > 2 * limits.selects)
            .then(|| format!("more than {} sub-queries, joins and set operations", limits.selects))
    }
}

/// The keyword of an undelimited word.
pub(crate) fn keyword(token: &Token) -> Option<Keyword> {
    match token {
        Token::Word(word) if word.quote_style.is_none() && word.keyword != Keyword::NoKeyword => Some(word.keyword),
        _ => None,
    }
}

/// Whether the word at that index is a name, for all that it is a keyword: `t.end`, `x::end`, `AS end`.
fn follows_a_prefix(list: &[TokenWithSpan], index: usize) -> bool {
    let before = index.checked_sub(1).map(|before| &list[before].token);
    before.is_some_and(|before| {
        matches!(before, Token::Period | Token::DoubleColon)
            || matches!(keyword(before), Some(Keyword::AS | Keyword::COLLATE))
    })
}

/// Whether these tokens open two or more parentheses and then a query.
fn doubtful_parenthesis(rest: &[TokenWithSpan]) -> bool {
    let opened = rest.iter().take_while(|token| token.token == Token::LParen).count();
    let inner = rest.get(opened).and_then(|token| keyword(&token.token));
    opened >= 2 && matches!(inner, Some(Keyword::SELECT | Keyword::WITH))
}

/// Whether these tokens end with a name behind a dot, and its subscript.
fn doubtful_bracket(until: &[TokenWithSpan]) -> bool {
    let back = |count: usize| until.len().checked_sub(count).map(|at| &until[at].token);
    matches!((back(3), back(2), back(1)), (Some(Token::Period), Some(Token::Word(_)), Some(Token::LBracket)))
}

/// Whether a token can make the tree one level deeper without a bracket. AND and OR cannot: their chains are balanced.
fn deepens(token: &Token) -> bool {
    match token {
        Token::Word(word) => {
            matches!(
                keyword(token),
                Some(
                    Keyword::NOT
                        | Keyword::IS
                        | Keyword::IN
                        | Keyword::LIKE
                        | Keyword::ILIKE
                        | Keyword::SIMILAR
                        | Keyword::RLIKE
                        | Keyword::REGEXP
                        | Keyword::BETWEEN
                        | Keyword::COLLATE
                        | Keyword::AT
                        | Keyword::XOR
                        | Keyword::DIV
                        | Keyword::OVERLAPS
                        | Keyword::UNION
                        | Keyword::EXCEPT
                        | Keyword::INTERSECT
                        | Keyword::OPERATOR
                        | Keyword::NOTNULL
                        | Keyword::MEMBER
                )
            ) || (word.quote_style.is_none() && word.value.eq_ignore_ascii_case("MINUS"))
        }
        Token::Number(..)
        | Token::SingleQuotedString(_)
        | Token::Comma
        | Token::Period
        | Token::LParen
        | Token::RParen
        | Token::SemiColon
        | Token::Placeholder(_) => false,
        _ => true,
    }
}

/// Why a token is not of the language, and what to write instead; `None` for those that are.
///
/// An allow-list: whatever else the tokenizer knows of other vendors' languages is refused.
fn refusal(token: &Token) -> Option<(String, Option<String>)> {
    let (message, hint) = match token {
        Token::Word(_)
        | Token::Number(..)
        | Token::Comma
        | Token::Period
        | Token::SemiColon
        | Token::LParen
        | Token::RParen
        | Token::LBracket
        | Token::RBracket
        | Token::Eq
        | Token::Neq
        | Token::Lt
        | Token::Gt
        | Token::LtEq
        | Token::GtEq
        | Token::Plus
        | Token::Minus
        | Token::Mul
        | Token::Div
        | Token::Mod
        | Token::StringConcat
        | Token::DoubleColon
        | Token::Ampersand
        | Token::Pipe
        | Token::Sharp
        | Token::Tilde
        | Token::TildeAsterisk
        | Token::ExclamationMarkTilde
        | Token::ExclamationMarkTildeAsterisk
        | Token::ShiftLeft
        | Token::ShiftRight => return None,
        Token::Char('\u{2018}' | '\u{2019}') => ("a typographic quote".into(), Some("strings are written 'so'")),
        Token::Char('\u{201c}' | '\u{201d}') => ("a typographic quote".into(), Some("names are written \"so\"")),
        Token::Char('\u{2212}' | '\u{2013}' | '\u{2014}') => ("a typographic minus".into(), Some("write -")),
        Token::Char('\u{2264}') => ("unexpected character \u{2264}".into(), Some("write <=")),
        Token::Char('\u{2265}') => ("unexpected character \u{2265}".into(), Some("write >=")),
        Token::Char('`') => ("unexpected character `".into(), Some("names are delimited by double quotes")),
        Token::Char(c) if c.is_control() || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}') => {
            (format!("an invisible character, U+{:04X}", u32::from(*c)), Some("delete it"))
        }
        Token::Char(c) if c.is_alphabetic() => {
            (format!("unexpected character {c}"), Some("names with other than ASCII letters need double quotes"))
        }
        Token::Colon => (
            "unexpected :".into(),
            Some(
                "angles are degrees, not 10:20:30; types are converted by ::; under the label SQL mydb://name is a table",
            ),
        ),
        Token::Caret => ("there is no operator ^".into(), Some("write POWER(x, y)")),
        Token::RArrow => ("unexpected =>".into(), Some("write >=")),
        Token::Overlap => ("unexpected &&".into(), Some("write AND")),
        Token::DoubleEq => ("there is no operator ==".into(), Some("write =")),
        Token::HexStringLiteral(_) => ("a string of hexadecimal digits".into(), Some("a number is written 0x1F")),
        Token::NationalStringLiteral(_) => {
            ("national string literals are not supported".into(), Some("leave the N out"))
        }
        other => (format!("unexpected {other}"), None),
    };
    Some((message, hint.map(Into::into)))
}

fn explain_tokenizer(message: &str) -> (String, Option<String>) {
    if message.contains("Unterminated string literal") {
        return ("this string is never closed".into(), Some("end it with '; a quote inside is written ''".into()));
    }
    if message.contains("Expected close delimiter") {
        return ("this delimited name is never closed".into(), Some("end it with \"".into()));
    }
    if message.contains("multi-line comment") {
        return ("this comment is never closed".into(), Some("end it with */".into()));
    }
    (message.to_lowercase(), None)
}

/// A place of one character.
pub(crate) fn one_column(start: Location) -> Span {
    Span::new(start, Location { line: start.line, column: start.column + 1 })
}
