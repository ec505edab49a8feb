//! Chains of AND and OR: folded where that is exact, bounded, and balanced.
//!
//! Astronomers send hundreds of OR'd cones and thousands of OR'd identifiers; a planner needs a time that grows with the
//! square of such a chain. So before it sees them, regions fold into one ([`regions`](super::regions)), equalities into
//! IN ([`membership`](super::membership)), and what is left longer than the limit is refused.

use sqlparser::ast::{BinaryOperator, Expr, Spanned, UnaryOperator, Value};

use super::{Lowering, membership, regions};
use crate::balance::{join, operands};
use crate::error::QueryErrorKind;
use crate::limits::Limits;
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
        let at = expr.span();
        let taken = std::mem::replace(expr, Expr::value(Value::Null));
        let mut conditions = operands(taken, &chain.operator());
        conditions.iter_mut().for_each(|condition| self.expr(condition));
        let conditions = membership::fold(regions::fold(conditions, chain), chain);
        if conditions.len() > Limits::DEFAULT.chain {
            let word = chain.operator();
            let message = format!(
                "{} conditions joined by {word}; at most {} are taken",
                conditions.len(),
                Limits::DEFAULT.chain
            );
            let hint = "put the values into a table and join it, or use IN (...)".to_owned();
            self.findings.add(QueryErrorKind::LimitExceeded, at, message, Some(hint));
        }
        *expr = join(conditions, &chain.operator());
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
