//! How deep is a chain of conditions?
//!
//! AND and OR are associative, in three-valued logic too, so a chain is a balanced tree of the same order:
//!
//! ```text
//!  ((a OR b) OR c) OR d   ->   (a OR b) OR (c OR d)
//! ```

use sqlparser::ast::{BinaryOperator, Expr, Value};

/// The operands of a chain of one operator, from left to right; looks through parentheses around a part of the chain.
pub(crate) fn operands(expr: Expr, op: &BinaryOperator) -> Vec<Expr> {
    let mut waiting = vec![expr];
    let mut found = Vec::new();
    while let Some(next) = waiting.pop() {
        match next {
            Expr::BinaryOp { left, op: inner, right } if inner == *op => {
                waiting.push(*right);
                waiting.push(*left);
            }
            Expr::Nested(inner) if is_chain(&inner, op) => waiting.push(*inner),
            other => found.push(other),
        }
    }
    found
}

fn is_chain(mut expr: &Expr, op: &BinaryOperator) -> bool {
    while let Expr::Nested(inner) = expr {
        expr = inner;
    }
    matches!(expr, Expr::BinaryOp { op: inner, .. } if inner == op)
}

/// Joins operands by one operator to a balanced tree.
pub(crate) fn join(mut operands: Vec<Expr>, op: &BinaryOperator) -> Expr {
    match operands.len() {
        0 => Expr::value(Value::Null),
        1 => operands.swap_remove(0),
        count => {
            let right = operands.split_off(count / 2);
            Expr::BinaryOp { left: Box::new(join(operands, op)), op: op.clone(), right: Box::new(join(right, op)) }
        }
    }
}
