//! Which operators are functions of arrays?
//!
//! Asked before types are settled, where a side of an operator is an array: arithmetic becomes a call, and `||` is
//! refused, which would let a short query make arrays without bound. This module must not know how they are evaluated.

use datafusion::common::{DFSchema, Result, plan_err};
use datafusion::logical_expr::planner::{ExprPlanner, PlannerResult, RawBinaryExpr};
use datafusion::logical_expr::sqlparser::ast::BinaryOperator;
use datafusion::logical_expr::{Expr, ExprSchemable};

use super::arithmetic::Arithmetic;
use super::lists::item_type;
use super::shared;

/// Plans operators with arrays.
#[derive(Debug, Default)]
pub(crate) struct PlanArrays;

impl ExprPlanner for PlanArrays {
    fn plan_binary_op(&self, expr: RawBinaryExpr, schema: &DFSchema) -> Result<PlannerResult<RawBinaryExpr>> {
        let operator = match expr.op {
            BinaryOperator::Plus => Some(Arithmetic::Plus),
            BinaryOperator::Minus => Some(Arithmetic::Minus),
            BinaryOperator::Multiply => Some(Arithmetic::Times),
            BinaryOperator::Divide => Some(Arithmetic::Over),
            BinaryOperator::StringConcat => None,
            _ => return Ok(PlannerResult::Original(expr)),
        };
        let is_list = |side: &Expr| side.get_type(schema).is_ok_and(|kind| item_type(&kind).is_some());
        if !is_list(&expr.left) && !is_list(&expr.right) {
            return Ok(PlannerResult::Original(expr));
        }
        let Some(operator) = operator else { return plan_err!("|| joins texts, not arrays") };
        Ok(PlannerResult::Planned(shared(operator).call(vec![expr.left, expr.right])))
    }
}
