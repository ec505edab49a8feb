//! How many rows: TOP to LIMIT, in operands of set operations and in sub-queries too.
//!
//! TOP belongs to one SELECT, LIMIT to a whole query: where a SELECT with TOP is an operand, it becomes a query of its
//! own in parentheses. Where both are given the smaller one counts.

use sqlparser::ast::{Expr, LimitClause, Offset, Query, SetExpr, Top, TopQuantity, Value, Values};

use crate::shape::{RowCount, row_count};
use crate::write::query_of;

/// Rewrites the TOPs of one query; those of its sub-queries are rewritten already.
pub(super) fn lower_rows(query: &mut Query) {
    match query.body.as_mut() {
        SetExpr::Select(select) => {
            if let Some(top) = select.top.take() {
                limit_to(query, top);
            }
        }
        body => lower_operands(body),
    }
}

fn lower_operands(body: &mut SetExpr) {
    if let SetExpr::SetOperation { left, right, .. } = body {
        for operand in [left, right] {
            match operand.as_mut() {
                SetExpr::Select(select) => {
                    if let Some(top) = select.top.take() {
                        **operand = limited_operand(std::mem::replace(operand, nothing()), top);
                    }
                }
                inner => lower_operands(inner),
            }
        }
    }
}

fn limited_operand(body: SetExpr, top: Top) -> SetExpr {
    let mut query = query_of(body);
    limit_to(&mut query, top);
    SetExpr::Query(Box::new(query))
}

/// Adds a TOP to the LIMIT and OFFSET that a query has.
fn limit_to(query: &mut Query, top: Top) {
    let top = match top.quantity {
        Some(TopQuantity::Constant(count)) => number(count),
        Some(TopQuantity::Expr(expr)) => expr,
        None => return,
    };
    let (limit, offset) = match query.limit_clause.take() {
        Some(LimitClause::LimitOffset { limit, offset, .. }) => (limit, offset),
        _ => (None, None),
    };
    let limit = match limit {
        Some(limit) => smaller(limit, &top),
        None => top,
    };
    query.limit_clause = Some(limit_offset(limit, offset));
}

fn smaller(limit: Expr, top: &Expr) -> Expr {
    match (row_count(&limit), row_count(top)) {
        (Some(RowCount::Literal(limit)), Some(RowCount::Literal(top))) => number(limit.min(top)),
        // The shape check refuses a parameter beside another count.
        _ => limit,
    }
}

fn limit_offset(limit: Expr, offset: Option<Offset>) -> LimitClause {
    LimitClause::LimitOffset { limit: Some(limit), offset, limit_by: Vec::new() }
}

fn number(count: u64) -> Expr {
    Expr::value(Value::Number(count.to_string(), false))
}

/// Takes the place of a body for the moment in which it is wrapped.
fn nothing() -> SetExpr {
    SetExpr::Values(Values { explicit_row: false, value_keyword: false, rows: Vec::new() })
}
