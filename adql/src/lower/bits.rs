//! Functions of bits: they are operators.
//!
//! ```text
//!  BITWISE_AND(a, b)   ->  ((a) & (b))
//!  BITWISE_NOT(a)      ->  (-1 - ((a) & -1))        as `~a`
//! ```

use sqlparser::ast::{BinaryOperator, Expr};

use super::casts::complement;

/// The operator of a function of bits with its operands; the number of arguments was checked.
pub(super) fn lower_bits(name: &str, arguments: Vec<Expr>) -> Option<Expr> {
    let op = match name {
        "BITWISE_AND" => BinaryOperator::BitwiseAnd,
        "BITWISE_LSHIFT" => BinaryOperator::PGBitwiseShiftLeft,
        "BITWISE_OR" => BinaryOperator::BitwiseOr,
        "BITWISE_RSHIFT" => BinaryOperator::PGBitwiseShiftRight,
        "BITWISE_XOR" => BinaryOperator::PGBitwiseXor,
        "BITWISE_NOT" => return arguments.into_iter().next().map(complement),
        _ => return None,
    };
    let mut operands = arguments.into_iter().map(|operand| Box::new(Expr::Nested(Box::new(operand))));
    let (left, right) = (operands.next()?, operands.next()?);
    Some(Expr::Nested(Box::new(Expr::BinaryOp { left, op, right })))
}
