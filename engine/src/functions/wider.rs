//! What is a 32-bit float and an integer together? A double, as in PostgreSQL.
//!
//! DataFusion would calculate in 32 bits, which cannot hold the integer. Asked before types are settled. This module
//! must not know where values come from.

use arrow::datatypes::DataType;
use datafusion::common::{DFSchema, Result};
use datafusion::logical_expr::planner::{ExprPlanner, PlannerResult, RawBinaryExpr};
use datafusion::logical_expr::sqlparser::ast::BinaryOperator;
use datafusion::logical_expr::{Expr, ExprSchemable, cast};

/// Calculates in double precision where an operand is an integer and the other a 32-bit float.
#[derive(Debug, Default)]
pub(crate) struct WidenFloats;

impl ExprPlanner for WidenFloats {
    fn plan_binary_op(&self, expr: RawBinaryExpr, schema: &DFSchema) -> Result<PlannerResult<RawBinaryExpr>> {
        let kind = |expr: &Expr| expr.get_type(schema).ok();
        let is_mixed = |one: &Expr, other: &Expr| {
            kind(one) == Some(DataType::Float32) && kind(other).is_some_and(|kind| kind.is_integer())
        };
        if !is_arithmetic(&expr.op) || !(is_mixed(&expr.left, &expr.right) || is_mixed(&expr.right, &expr.left)) {
            return Ok(PlannerResult::Original(expr));
        }
        let RawBinaryExpr { op, left, right } = expr;
        let (left, right) = (cast(left, DataType::Float64), cast(right, DataType::Float64));
        Ok(PlannerResult::Original(RawBinaryExpr { op, left, right }))
    }
}

fn is_arithmetic(op: &BinaryOperator) -> bool {
    matches!(
        op,
        BinaryOperator::Plus
            | BinaryOperator::Minus
            | BinaryOperator::Multiply
            | BinaryOperator::Divide
            | BinaryOperator::Modulo
    )
}
