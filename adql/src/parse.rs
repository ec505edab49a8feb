//! What statement is this text, and does its grammar hold?
//!
//! Looks at the first tokens to tell a query from everything else, so that no other statement is ever parsed; then
//! hands the tokens to the parser of SELECT and checks the [`shape`](crate::shape). Nothing here knows a table or a function.

use std::sync::Arc;

use sqlparser::ast;
use sqlparser::keywords::Keyword;
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::{Location, Span, Token, TokenWithSpan};

use crate::dialect::{Excess, QueryDialect, is_structural};
use crate::error::{Findings, QueryErrorKind, QueryErrors};
use crate::extensions::Language;
use crate::kinds::{self, Declared};
use crate::limits::{Limits, on_bounded_stack, on_deep_stack};
use crate::names::{Name, closest};
use crate::request::{Label, Query, Request, Target};
use crate::snapshots::Pin;
use crate::strict::{self, Rule};
use crate::tokens::{Tokens, keyword, one_column};
use crate::{hints, sample_order, shape};

/// Sub-queries that are tried alone to find the true place of a syntax error.
const MOST_RETRIES: usize = 24;

/// Parses a text.
///
/// *Guarantee*: only a SELECT, or one of the statements that [`Request`] names, gets through; the returned trees are
/// of bounded depth, whatever the text.
///
/// ```
/// use sidereus_adql::{Label, QueryErrorKind, Request, parse};
/// assert!(matches!(parse("SELECT ra FROM stars", Label::Adql), Ok(Request::Select(_))));
/// let refused = parse("COPY stars TO 'file'", Label::Sql).unwrap_err();
/// assert_eq!(refused.kind(), QueryErrorKind::Forbidden);
/// ```
///
/// *Errors*: a syntax error, a clause or operator that the language does not have, an extension that it has switched
/// off, another statement than SELECT, a text beyond [`Limits::DEFAULT`].
pub fn parse(text: &str, language: impl Into<Language>) -> Result<Request, QueryErrors> {
    let language = language.into();
    parse_read(text, language, Tokens::read(text, language.label, &Limits::DEFAULT)?)
}

/// Parses a text whose tokens are read already.
pub(crate) fn parse_read(text: &str, language: Language, tokens: Tokens) -> Result<Request, QueryErrors> {
    let mut findings = Findings::new(text);
    let rule = match language.standard {
        Some(version) => Some(Rule::Standard(version)),
        None => (!language.off.is_empty()).then_some(Rule::Off(language.off, language.label)),
    };
    let Some(rule) = rule else {
        return on_deep_stack(tokens.nesting, tokens.operators, || {
            Statement::new(text, language.label, tokens).parse()
        });
    };
    strict::check_tokens(&tokens, rule, &mut findings);
    let first = tokens.list.first().map_or_else(Span::empty, |token| token.span);
    let mut request =
        on_deep_stack(tokens.nesting, tokens.operators, || Statement::new(text, language.label, tokens).parse())?;
    if let Request::Explain { .. } = &request {
        strict::check_explain(first, rule, &mut findings);
    }
    if let Request::Select(query) | Request::Explain { query, .. } = &mut request {
        on_bounded_stack(|| {
            strict::check_query(&mut query.ast, rule, &mut findings);
            if let Some(version) = language.standard {
                kinds::check_standard_kinds(&mut query.ast, version, Declared::Own, &mut findings);
            }
        });
    }
    findings.finish()?;
    Ok(request)
}

/// The tokens of one statement, read from the front.
struct Statement<'a> {
    text: &'a str,
    label: Label,
    tokens: Vec<TokenWithSpan>,
    pins: Vec<Pin>,
    parameters: usize,
    nesting: usize,
    at: usize,
}

impl<'a> Statement<'a> {
    fn new(text: &'a str, label: Label, tokens: Tokens) -> Self {
        let Tokens { list, parameters, nesting, pins, .. } = tokens;
        Self { text, label, pins, parameters, nesting, tokens: list, at: 0 }
    }

    fn parse(mut self) -> Result<Request, QueryErrors> {
        let one = self.tokens.iter().position(|token| token.token == Token::SemiColon).unwrap_or(self.tokens.len());
        if let Some(second) = self.tokens[one..].iter().find(|token| token.token != Token::SemiColon) {
            return self.refuse(second.span, "only one statement can be run at a time".into());
        }
        self.tokens.truncate(one);
        match self.keyword() {
            None if self.tokens.is_empty() => self.fail(Span::empty(), "the query is empty".into(), None),
            Some(Keyword::EXPLAIN) => {
                self.at += 1;
                let analyze = self.accept("ANALYZE");
                Ok(Request::Explain { analyze, query: self.query("EXPLAIN")? })
            }
            Some(Keyword::CREATE) if self.follows(&["CREATE", "TABLE"]) => {
                self.at += 2;
                let target = self.target()?;
                if !self.accept("AS") {
                    return self.refuse(target.span, "only CREATE TABLE name AS SELECT ... creates a table".into());
                }
                Ok(Request::CreateTableAs { target, query: self.query("CREATE TABLE ... AS")? })
            }
            Some(Keyword::INSERT) if self.follows(&["INSERT", "INTO"]) => {
                self.at += 2;
                Ok(Request::InsertInto { target: self.target()?, query: self.query("INSERT INTO")? })
            }
            Some(Keyword::DROP) if self.follows(&["DROP", "TABLE"]) => {
                self.at += 2;
                let if_exists = self.follows(&["IF", "EXISTS"]);
                self.at += if if_exists { 2 } else { 0 };
                let target = self.target()?;
                match self.tokens.get(self.at) {
                    None => Ok(Request::DropTable { target, if_exists }),
                    Some(more) => self.fail(more.span, format!("unexpected {}", more.token), None),
                }
            }
            _ => Ok(Request::Select(self.query("")?)),
        }
    }

    /// Parses the rest as a query.
    fn query(mut self, after: &str) -> Result<Query, QueryErrors> {
        let mut tokens = match self.at {
            0 => std::mem::take(&mut self.tokens),
            at => self.tokens.split_off(at),
        };
        sample_order::alias_first(&mut tokens);
        let first = tokens.iter().find(|token| token.token != Token::LParen);
        match first.map(|token| (keyword(&token.token), token)) {
            Some((Some(Keyword::SELECT | Keyword::WITH), _)) => {}
            Some((_, token)) => return self.no_query(token, after),
            None => return self.fail(self.end(), format!("a SELECT must follow {after}"), None),
        }
        let mut ast = match parse_tokens(tokens, self.nesting) {
            Ok(ast) => ast,
            Err(failure) => return self.syntax_error(failure),
        };
        let mut findings = Findings::new(self.text);
        shape::check_shape(&mut ast, &mut findings);
        findings.finish()?;
        let (text, pins) = (Arc::from(self.text), std::mem::take(&mut self.pins));
        Ok(Query { ast, text, label: self.label, parameters: self.parameters, pins })
    }

    /// The name of the table that a statement would change.
    fn target(&mut self) -> Result<Target, QueryErrors> {
        let start = self.tokens.get(self.at).map_or_else(|| self.end(), |token| token.span);
        let mut target = Target { path: Vec::new(), span: start, text: Arc::from(self.text) };
        while let Some(TokenWithSpan { token: Token::Word(word), span }) = self.tokens.get(self.at) {
            target.path.push(Name { value: word.value.clone(), delimited: word.quote_style.is_some() });
            target.span.end = span.end;
            self.at += 1;
            if !matches!(self.tokens.get(self.at).map(|next| &next.token), Some(Token::Period)) {
                return Ok(target);
            }
            self.at += 1;
        }
        Findings::new(self.text).fail(QueryErrorKind::BadQuery, start, "expected the name of a table".into(), None)
    }

    /// The error for a statement that is no query.
    fn no_query<T>(self, token: &TokenWithSpan, after: &str) -> Result<T, QueryErrors> {
        let Token::Word(word) = &token.token else {
            return self.fail(token.span, "expected SELECT".into(), None);
        };
        let written = word.value.to_uppercase();
        if word.quote_style.is_none() && STATEMENTS.contains(&written.as_str()) {
            let message = if after.is_empty() {
                format!("only SELECT queries can be run here, not {written}")
            } else {
                format!("only SELECT queries can follow {after}, not {written}")
            };
            return self.refuse(token.span, message);
        }
        let hint = closest(&written, ["SELECT", "WITH"]).map(|meant| format!("did you mean {meant}?"));
        self.fail(token.span, format!("expected SELECT, found {}", token.token), hint)
    }

    /// The error of the parser, at its true place.
    fn syntax_error<T>(self, failure: Failure) -> Result<T, QueryErrors> {
        let Failure { error, excess, tokens } = failure;
        let tokens = tokens.as_slice();
        if let Some(Excess { message, at }) = excess {
            return Findings::new(self.text).fail(QueryErrorKind::LimitExceeded, at, message, None);
        }
        if error == ParserError::RecursionLimitExceeded {
            let message = "the query is nested too deeply".into();
            return Findings::new(self.text).fail(QueryErrorKind::LimitExceeded, Span::empty(), message, None);
        }
        let error = innermost_error(tokens, self.nesting).unwrap_or(error);
        let (message, place) = split_message(&error);
        let found = place.and_then(|place| tokens.iter().find(|token| token.span.start == place));
        let span = found.map_or_else(|| place.map_or_else(|| self.end(), one_column), |token| token.span);
        let span = if message.ends_with("found EOF") { self.end_of(tokens) } else { span };
        let message = message
            .replace("found: EOF", "found the end of the query")
            .replace("found EOF", "found the end of the query");
        let before = found.map_or(tokens, |found| {
            &tokens[..tokens.iter().take_while(|token| token.span.start < found.span.start).count()]
        });
        let meant = found.and_then(|found| hints::for_syntax(before, found)).map(str::to_owned);
        let hint = match before.last().filter(|_| found.is_some()).map(|before| &before.token) {
            _ if meant.is_some() => meant,
            Some(Token::Comma) => Some("is there a comma too many?".to_owned()),
            _ => found.and_then(|token| reserved_hint(&token.token)),
        };
        self.fail(span, message, hint)
    }

    fn refuse<T>(&self, span: Span, message: String) -> Result<T, QueryErrors> {
        Findings::new(self.text).fail(QueryErrorKind::Forbidden, span, message, None)
    }

    fn fail<T>(&self, span: Span, message: String, hint: Option<String>) -> Result<T, QueryErrors> {
        Findings::new(self.text).fail(QueryErrorKind::BadQuery, span, message, hint)
    }

    /// The place behind the last token.
    fn end(&self) -> Span {
        self.end_of(&self.tokens)
    }

    fn end_of(&self, tokens: &[TokenWithSpan]) -> Span {
        tokens.last().map_or_else(Span::empty, |token| one_column(token.span.end))
    }

    fn keyword(&self) -> Option<Keyword> {
        self.tokens.get(self.at).and_then(|token| keyword(&token.token))
    }

    fn accept(&mut self, word: &str) -> bool {
        let found = self.follows(&[word]);
        self.at += usize::from(found);
        found
    }

    fn follows(&self, words: &[&str]) -> bool {
        words.iter().enumerate().all(|(index, expected)| {
            matches!(self.tokens.get(self.at + index).map(|token| &token.token),
                Some(Token::Word(word)) if word.quote_style.is_none() && word.value.eq_ignore_ascii_case(expected))
        })
    }
}

/// First words of statements that are understood, and refused.
const STATEMENTS: [&str; 60] = [
    "ALTER",
    "ANALYZE",
    "ATTACH",
    "BEGIN",
    "CACHE",
    "CALL",
    "CHECKPOINT",
    "CLOSE",
    "COMMENT",
    "COMMIT",
    "COPY",
    "CREATE",
    "DEALLOCATE",
    "DECLARE",
    "DELETE",
    "DESC",
    "DESCRIBE",
    "DETACH",
    "DISCARD",
    "DO",
    "DROP",
    "END",
    "EXECUTE",
    "EXPLAIN",
    "EXPORT",
    "FETCH",
    "FLUSH",
    "GRANT",
    "IMPORT",
    "INSERT",
    "INSTALL",
    "KILL",
    "LISTEN",
    "LOAD",
    "LOCK",
    "MERGE",
    "MSCK",
    "NOTIFY",
    "OPTIMIZE",
    "PRAGMA",
    "PREPARE",
    "REFRESH",
    "REINDEX",
    "RELEASE",
    "REPLACE",
    "RESET",
    "REVOKE",
    "ROLLBACK",
    "SAVEPOINT",
    "SET",
    "SHOW",
    "START",
    "TABLE",
    "TRUNCATE",
    "UNLISTEN",
    "UNLOAD",
    "UPDATE",
    "USE",
    "VACUUM",
    "VALUES",
];

/// Why the parser stopped.
struct Failure {
    error: ParserError,
    /// If it was a limit, which.
    excess: Option<Excess>,
    tokens: Vec<TokenWithSpan>,
}

/// Runs the parser over all tokens.
fn parse_tokens(tokens: Vec<TokenWithSpan>, nesting: usize) -> Result<Box<ast::Query>, Failure> {
    let dialect = QueryDialect::default();
    let mut parser =
        Parser::new(&dialect).with_recursion_limit(Limits::recursion(nesting)).with_tokens_with_locations(tokens);
    let parsed = parser.parse_query().and_then(|query| match &parser.peek_token_ref().token {
        Token::EOF => Ok(query),
        _ => parser.expected("end of the query", parser.peek_token()),
    });
    parsed.map_err(|error| Failure { error, excess: dialect.excess(), tokens: parser.into_tokens() })
}

/// The error of the innermost sub-query that does not parse by itself.
///
/// The parser takes a failure inside parentheses as "no sub-query then", and complains about their beginning.
fn innermost_error(tokens: &[TokenWithSpan], nesting: usize) -> Option<ParserError> {
    let mut open = Vec::new();
    let mut inner = Vec::new();
    for (index, token) in tokens.iter().enumerate() {
        match token.token {
            Token::LParen => open.push(index + 1),
            Token::RParen => inner.push(open.pop()?..index),
            _ => {}
        }
    }
    inner.extend(open.into_iter().rev().map(|start| start..tokens.len()));
    let is_query = |token: &TokenWithSpan| matches!(keyword(&token.token), Some(Keyword::SELECT | Keyword::WITH));
    let queries = inner.into_iter().filter(|range| tokens[range.clone()].first().is_some_and(is_query));
    queries.take(MOST_RETRIES).find_map(|range| {
        let error = parse_tokens(tokens[range.clone()].to_vec(), nesting).err()?.error;
        match tokens.get(range.end) {
            // The end of a sub-query is no end of the text.
            Some(closing) if error.to_string().ends_with("found: EOF") => {
                let message = split_message(&error).0.replace("found: EOF", "found ").replace("found EOF", "found ");
                let Location { line, column } = closing.span.start;
                Some(ParserError::ParserError(format!("{message}) at Line: {line}, Column: {column}")))
            }
            _ => Some(error),
        }
    })
}

/// Splits the parser's "text at Line: 1, Column: 2".
fn split_message(error: &ParserError) -> (String, Option<Location>) {
    let text = match error {
        ParserError::TokenizerError(text) | ParserError::ParserError(text) => text.as_str(),
        ParserError::RecursionLimitExceeded => "nested too deeply",
    };
    let Some((message, place)) = text.rsplit_once(" at Line: ") else { return (tidy(text), None) };
    let place = place.split_once(", Column: ").and_then(|(line, column)| {
        Some(Location { line: line.trim().parse().ok()?, column: column.trim().parse().ok()? })
    });
    (tidy(message), place)
}

/// The parser's message in the tone of ours.
fn tidy(message: &str) -> String {
    if message.starts_with("Could not parse") {
        return "expected a whole number".into();
    }
    let message = message
        .replace("Expected: ", "expected ")
        .replace(", found: ", ", found ")
        .replace("literal int", "a whole number");
    let mut chars = message.chars();
    chars.next().map(|first| first.to_lowercase().collect::<String>() + chars.as_str()).unwrap_or_default()
}

fn reserved_hint(token: &Token) -> Option<String> {
    let Token::Word(word) = token else { return None };
    let structural = is_structural(word.keyword);
    let reserved = word.quote_style.is_none() && !structural && crate::reserved::is_reserved(&word.value);
    reserved.then(|| {
        format!("{} is a reserved word: as a name it is written \"{}\"", word.value.to_uppercase(), word.value)
    })
}
