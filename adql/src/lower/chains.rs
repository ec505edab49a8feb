//! Chains of AND and OR: folded where that is exact, bounded, and balanced.
//!
//! Astronomers send hundreds of OR'd cones and thousands of OR'd identifiers; a planner needs a time that grows with the
//! square of such a chain. So before it sees them, they are folded ([`folding`](super::folding)), and what is left longer
//! than the limit is refused.

use sqlparser::ast::{BinaryOperator, Expr, Spanned, UnaryOperator, Value};
use sqlparser::tokenizer::Span;

use super::Lowering;
use super::folding::Folding;
use crate::balance::{join, operands};
use crate::error::QueryErrorKind;
use crate::limits::Limits;
use crate::runs::{self, take_run};
use crate::walk::bare;

/// Which way a chain combines its conditions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Chain {
    /// `a AND b`: folds negated conditions (`NOT IN`, outside all regions).
    And,
    /// `a OR b`: folds positive conditions (`IN`, inside one of the regions).
    Or,
}

impl Chain {
    /// The chain that an expression is the root of.
    pub(super) fn of(expr: &Expr) -> Option<Self> {
        match expr {
            Expr::BinaryOp { op: BinaryOperator::And, .. } => Some(Self::And),
            Expr::BinaryOp { op: BinaryOperator::Or, .. } => Some(Self::Or),
            _ => None,
        }
    }

    fn operator(self) -> BinaryOperator {
        match self {
            Self::And => BinaryOperator::And,
            Self::Or => BinaryOperator::Or,
        }
    }

    /// Whether conditions that fold in this chain are positive ones.
    pub(super) fn folds_positive(self) -> bool {
        self == Self::Or
    }
}

impl Lowering<'_> {
    /// Lowers the conditions of a chain and folds them.
    pub(super) fn chain(&mut self, expr: &mut Expr, chain: Chain) {
        let taken = std::mem::replace(expr, Expr::value(Value::Null));
        let conditions = operands(taken, &chain.operator());
        let ends = [conditions.first(), conditions.last()].map(|end| end.map_or_else(Span::empty, Spanned::span));
        let mut folded = Folding::new(chain);
        for mut condition in conditions {
            if let Some((first, rows)) = take_run(&mut condition) {
                self.run(first, &rows, &mut folded);
            } else {
                self.expr(&mut condition);
                folded.add(condition);
            }
        }
        let (conditions, count) = folded.finish();
        if count > Limits::DEFAULT.chain {
            let word = chain.operator();
            let message = format!("{count} conditions joined by {word}; at most {} are taken", Limits::DEFAULT.chain);
            let hint = "put the values into a table and join it, or use IN (...)".to_owned();
            let at = ends[0].union(&ends[1]);
            self.findings.add(QueryErrorKind::LimitExceeded, at, message, Some(hint));
        }
        *expr = join(conditions, &chain.operator());
    }

    /// Lowers the first condition of a run, and puts the numbers of the others into what came of it.
    fn run(&mut self, mut condition: Expr, rows: &str, folded: &mut Folding) {
        let places = runs::places(&mut condition);
        self.expr(&mut condition);
        folded.add(condition.clone());
        let mut numbers = Vec::with_capacity(places.len());
        for row in runs::rows(rows) {
            numbers.clear();
            numbers.extend(row);
            runs::fill(&mut condition, &places, &numbers);
            folded.add_copy(&condition);
        }
    }
}

/// A comparison of a 1-or-0 function with a number, as the claim it makes: `f = 1`, `1 = f`, `f <> 0` are true claims,
/// `f = 0`, `f <> 1`, `NOT f = 1` false ones.
///
/// Exact in three-valued logic, for such a function gives 1, 0 or NULL, and each of these forms gives NULL for NULL.
pub(super) fn claim(expr: &Expr) -> Option<(&Expr, bool)> {
    match bare(expr) {
        Expr::UnaryOp { op: UnaryOperator::Not, expr } => claim(expr).map(|(inner, positive)| (inner, !positive)),
        Expr::BinaryOp { left, op: op @ (BinaryOperator::Eq | BinaryOperator::NotEq), right } => {
            let (function, number) = match (bit(left), bit(right)) {
                (None, Some(number)) => (bare(left), number),
                (Some(number), None) => (bare(right), number),
                _ => return None,
            };
            Some((function, number == (*op == BinaryOperator::Eq)))
        }
        _ => None,
    }
}

/// A literal 1 or 0.
fn bit(expr: &Expr) -> Option<bool> {
    let Expr::Value(value) = bare(expr) else { return None };
    match &value.value {
        Value::Number(digits, _) if digits == "1" => Some(true),
        Value::Number(digits, _) if digits == "0" => Some(false),
        _ => None,
    }
}
