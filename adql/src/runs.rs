//! Many conditions that differ only in their numbers: how are they held?
//!
//! ```text
//!  DISTANCE(ra, dec, 10, 20) < 1 OR DISTANCE(ra, dec, 11, -21) < 1 OR ...
//!  ->  one condition, DISTANCE(ra, dec, 10, 20) < 1, and the rows of numbers of the others: ";11 -21 1;..."
//! ```
//!
//! A run stands in the tree as an expression that the language cannot write: the condition with the rows as its prefix.
//! Whoever walks the tree meets the one condition; the lowering puts the numbers of each row into it. Knows nothing of
//! what the conditions mean.

use sqlparser::ast::{BinaryOperator, Expr, Function, FunctionArguments, Ident, UnaryOperator, Value};
use sqlparser::tokenizer::Span;

use crate::walk::{Part, arguments, parts};

/// Begins the numbers of one condition; no word that the parser takes for a prefix contains it.
const ROW: char = ';';

/// Functions for which the check looks at the numbers themselves, or that get numbers of their own.
const LOOKED_AT: [&str; 3] = ["IN_UNIT", "ROUND", "TRUNCATE"];

/// Whether a prefix holds the rows of a run.
pub(crate) fn is_rows(prefix: &Ident) -> bool {
    prefix.value.starts_with(ROW)
}

/// The conditions of a run: the first, and the numbers of the others, each row begun by [`begin_row`].
pub(crate) fn run_of(first: Expr, rows: String) -> Expr {
    if rows.is_empty() {
        return first;
    }
    Expr::Prefixed { prefix: Ident::new(rows), value: Box::new(first) }
}

/// Begins the numbers of one more condition.
pub(crate) fn begin_row(rows: &mut String) {
    rows.push(ROW);
}

/// Adds a number to the last row.
pub(crate) fn push_number(rows: &mut String, negative: bool, digits: &str) {
    if !rows.ends_with(ROW) {
        rows.push(' ');
    }
    if negative {
        rows.push('-');
    }
    rows.push_str(digits);
}

/// Takes a run apart; leaves what is none as it is.
pub(crate) fn take_run(expr: &mut Expr) -> Option<(Expr, String)> {
    match expr {
        Expr::Prefixed { prefix, value } if is_rows(prefix) => {
            let first = std::mem::replace(value.as_mut(), Expr::value(Value::Null));
            Some((first, std::mem::take(&mut prefix.value)))
        }
        _ => None,
    }
}

/// The rows of a run, each with its numbers.
pub(crate) fn rows(text: &str) -> impl Iterator<Item = impl Iterator<Item = &str>> {
    text.split(ROW).skip(1).map(|row| row.split(' '))
}

/// How many numbers a condition has, and how many of them with a minus, if it can be the first of a run: a condition
/// of names, literals, plain calls and operators, whose numbers are where they were written.
pub(crate) fn numbers_of(expr: &Expr) -> Option<(usize, usize)> {
    let both = |left: &Expr, right: &Expr| {
        let (left, right) = (numbers_of(left)?, numbers_of(right)?);
        Some((left.0 + right.0, left.1 + right.1))
    };
    match expr {
        Expr::Identifier(_) | Expr::CompoundIdentifier(_) => Some((0, 0)),
        Expr::Value(value) => match &value.value {
            Value::Number(..) => Some((1, 0)),
            Value::SingleQuotedString(_) => Some((0, 0)),
            _ => None,
        },
        Expr::UnaryOp { op: UnaryOperator::Minus, expr } => is_number(expr).then_some((1, 1)),
        Expr::UnaryOp { op: UnaryOperator::Not, expr } | Expr::Nested(expr) => numbers_of(expr),
        Expr::BinaryOp { op: BinaryOperator::And | BinaryOperator::Or, .. } => None,
        Expr::BinaryOp { left, right, .. } => both(left, right),
        Expr::Function(function) => numbers_of_call(function),
        _ => None,
    }
}

fn numbers_of_call(function: &Function) -> Option<(usize, usize)> {
    let FunctionArguments::List(list) = &function.args else { return None };
    let plain = function.filter.is_none()
        && function.over.is_none()
        && function.within_group.is_empty()
        && function.null_treatment.is_none()
        && list.duplicate_treatment.is_none()
        && list.clauses.is_empty();
    let name = function.name.0.first().and_then(|part| part.as_ident())?;
    let given = arguments(function);
    if !plain || given.len() != list.args.len() || LOOKED_AT.iter().any(|one| name.value.eq_ignore_ascii_case(one)) {
        return None;
    }
    given.into_iter().try_fold((0, 0), |sum, argument| {
        let more = numbers_of(argument)?;
        Some((sum.0 + more.0, sum.1 + more.1))
    })
}

fn is_number(expr: &Expr) -> bool {
    matches!(expr, Expr::Value(value) if matches!(value.value, Value::Number(..)))
}

/// The places of the numbers of a condition, in the order of the text.
pub(crate) fn places(expr: &mut Expr) -> Vec<Span> {
    let mut found = Vec::new();
    find_places(expr, &mut found);
    found
}

fn find_places(expr: &mut Expr, found: &mut Vec<Span>) {
    if let Expr::Value(value) = expr
        && matches!(value.value, Value::Number(..))
    {
        found.push(value.span);
    }
    parts(expr, &mut |part| {
        if let Part::Expr(inner) = part {
            find_places(inner, found);
        }
    });
}

/// Puts the numbers of a row in place of those that were at `places`, wherever a rewriting has moved them.
pub(crate) fn fill(expr: &mut Expr, places: &[Span], numbers: &[&str]) {
    let (negative, digits) = match &*expr {
        Expr::UnaryOp { op: UnaryOperator::Minus, expr } => (true, expr.as_ref()),
        other => (false, other),
    };
    if let Expr::Value(value) = digits
        && matches!(value.value, Value::Number(..))
    {
        let place = places.iter().position(|place| *place == value.span);
        if let Some(number) = place.and_then(|place| numbers.get(place)) {
            return put(expr, negative, number);
        }
    }
    parts(expr, &mut |part| {
        if let Part::Expr(inner) = part {
            fill(inner, places, numbers);
        }
    });
}

/// Writes a number over another one, which has a minus or not.
fn put(expr: &mut Expr, was_negative: bool, number: &str) {
    let (negative, digits) = number.strip_prefix('-').map_or((false, number), |digits| (true, digits));
    if was_negative != negative {
        let old = std::mem::replace(expr, Expr::value(Value::Null));
        *expr = match old {
            Expr::UnaryOp { expr: inner, .. } if was_negative => *inner,
            plain => Expr::UnaryOp { op: UnaryOperator::Minus, expr: Box::new(plain) },
        };
    }
    let value = match expr {
        Expr::UnaryOp { expr, .. } => expr.as_mut(),
        plain => plain,
    };
    if let Expr::Value(value) = value
        && let Value::Number(old, _) = &mut value.value
    {
        old.clear();
        old.push_str(digits);
    }
}
