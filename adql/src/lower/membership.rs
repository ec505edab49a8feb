//! Many equalities of one expression with literals: one IN.
//!
//! ```text
//!  id = 1 OR id = 2 OR id IN (3, 4) OR ...      ->  id IN (1, 2, 3, 4, ...)
//!  id <> 1 AND id <> 2 AND id NOT IN (3, 4) ... ->  id NOT IN (1, 2, 3, 4, ...)
//! ```
//!
//! *Why it is exact*: SQL defines IN as this OR, in three-valued logic too. Only literals of one kind are put together:
//! one list has one type, and a fraction among whole numbers would make a planner compare all of them as floats. Short
//! chains are left as they were written.

use sqlparser::ast::{BinaryOperator, Expr, UnaryOperator, Value};

use super::chains::Chain;
use crate::walk::bare;

/// A chain is folded from that many literals on.
pub(super) const LEAST: usize = 8;

/// Kinds of literals that can share a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Literal {
    Whole,
    Real,
    Text,
}

/// The expression that is compared and the kind of its literals, if the condition folds.
pub(super) fn key(condition: &Expr, chain: Chain) -> Option<(String, Literal)> {
    match bare(condition) {
        Expr::BinaryOp { left, op, right } if *op == equality(chain) => match (literal(left), literal(right)) {
            (None, Some(kind)) => Some((bare(left).to_string(), kind)),
            (Some(kind), None) => Some((bare(right).to_string(), kind)),
            _ => None,
        },
        Expr::InList { expr, list, negated } if *negated != chain.folds_positive() => {
            let kind = literal(list.first()?)?;
            let same = list.iter().all(|item| literal(item) == Some(kind));
            same.then(|| (bare(expr).to_string(), kind))
        }
        _ => None,
    }
    .filter(|(expr, _)| !expr.contains("random()"))
}

fn equality(chain: Chain) -> BinaryOperator {
    match chain {
        Chain::Or => BinaryOperator::Eq,
        Chain::And => BinaryOperator::NotEq,
    }
}

/// With how many literals a condition compares.
pub(super) fn literals(condition: &Expr) -> usize {
    match bare(condition) {
        Expr::InList { list, .. } => list.len(),
        _ => 1,
    }
}

/// Takes a condition apart that [`key`] accepted: what is compared, and with what.
pub(super) fn split(condition: Expr) -> (Expr, Vec<Expr>) {
    match condition {
        Expr::Nested(inner) => split(*inner),
        Expr::BinaryOp { left, right, .. } if literal(&left).is_some() => (*right, vec![*left]),
        Expr::BinaryOp { left, right, .. } => (*left, vec![*right]),
        Expr::InList { expr, list, .. } => (*expr, list),
        other => (other, Vec::new()),
    }
}

fn literal(expr: &Expr) -> Option<Literal> {
    match bare(expr) {
        Expr::Value(value) => match &value.value {
            Value::Number(digits, _) if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
                digits.parse::<i64>().is_ok().then_some(Literal::Whole)
            }
            Value::Number(..) => Some(Literal::Real),
            Value::SingleQuotedString(_) => Some(Literal::Text),
            _ => None,
        },
        Expr::UnaryOp { op: UnaryOperator::Minus | UnaryOperator::Plus, expr } => match literal(expr) {
            Some(Literal::Text) | None => None,
            number => number,
        },
        _ => None,
    }
}
