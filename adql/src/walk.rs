//! What does an expression consist of?
//!
//! One exhaustive list of the expressions the language has and their direct parts; whoever walks a tree uses it, so that
//! no walk can forget a part. Knows nothing of meaning.

use sqlparser::ast::{
    AccessExpr, Distinct, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArgumentClause, FunctionArguments,
    GroupByExpr, JoinConstraint, JoinOperator, LimitClause, OrderByExpr, OrderByKind, Query, Select, SelectItem,
    SetExpr, Spanned, Subscript, TableFactor, TableWithJoins, WindowFrameBound, WindowSpec, WindowType,
};
use sqlparser::tokenizer::Span;

use crate::runs::is_rows;

/// A direct part of an expression.
pub(crate) enum Part<'a> {
    /// An operand or argument.
    Expr(&'a mut Expr),
    /// A sub-query.
    Query(&'a mut Query),
}

/// Calls `visit` on each direct part of `expr`, in the order of the text.
///
/// *Guarantee*: returns false for an expression that the language does not have; its parts are not visited.
pub(crate) fn parts(expr: &mut Expr, visit: &mut dyn FnMut(Part<'_>)) -> bool {
    match expr {
        Expr::Identifier(_) | Expr::CompoundIdentifier(_) | Expr::Value(_) | Expr::TypedString(_) => {}
        Expr::IsFalse(one)
        | Expr::IsNotFalse(one)
        | Expr::IsTrue(one)
        | Expr::IsNotTrue(one)
        | Expr::IsNull(one)
        | Expr::IsNotNull(one)
        | Expr::IsUnknown(one)
        | Expr::IsNotUnknown(one)
        | Expr::Nested(one)
        | Expr::UnaryOp { expr: one, .. }
        | Expr::Cast { expr: one, .. }
        | Expr::Extract { expr: one, .. }
        | Expr::Ceil { expr: one, .. }
        | Expr::Floor { expr: one, .. } => visit(Part::Expr(one)),
        Expr::Prefixed { prefix, value } if is_rows(prefix) => visit(Part::Expr(value)),
        Expr::IsDistinctFrom(left, right)
        | Expr::IsNotDistinctFrom(left, right)
        | Expr::BinaryOp { left, right, .. } => {
            each(visit, [left, right]);
        }
        Expr::AnyOp { left, right, .. } | Expr::AllOp { left, right, .. } => each(visit, [left, right]),
        Expr::Like { expr, pattern, .. }
        | Expr::ILike { expr, pattern, .. }
        | Expr::SimilarTo { expr, pattern, .. } => {
            each(visit, [expr, pattern]);
        }
        Expr::Position { expr, r#in } => each(visit, [expr, r#in]),
        Expr::AtTimeZone { timestamp, time_zone } => each(visit, [timestamp, time_zone]),
        Expr::InList { expr, list, .. } => {
            visit(Part::Expr(expr));
            list.iter_mut().for_each(|item| visit(Part::Expr(item)));
        }
        Expr::InSubquery { expr, subquery, .. } => {
            visit(Part::Expr(expr));
            visit(Part::Query(subquery));
        }
        Expr::Between { expr, low, high, .. } => each(visit, [expr, low, high]),
        Expr::Substring { expr, substring_from, substring_for, .. } => {
            visit(Part::Expr(expr));
            substring_from.iter_mut().chain(substring_for).for_each(|part| visit(Part::Expr(part)));
        }
        Expr::Trim { expr, trim_what, trim_characters, .. } => {
            trim_what.iter_mut().for_each(|what| visit(Part::Expr(what)));
            visit(Part::Expr(expr));
            trim_characters.iter_mut().flatten().for_each(|what| visit(Part::Expr(what)));
        }
        Expr::Overlay { expr, overlay_what, overlay_from, overlay_for } => {
            each(visit, [expr, overlay_what, overlay_from]);
            overlay_for.iter_mut().for_each(|length| visit(Part::Expr(length)));
        }
        Expr::Case { operand, conditions, else_result, .. } => {
            operand.iter_mut().for_each(|operand| visit(Part::Expr(operand)));
            for branch in conditions {
                visit(Part::Expr(&mut branch.condition));
                visit(Part::Expr(&mut branch.result));
            }
            else_result.iter_mut().for_each(|result| visit(Part::Expr(result)));
        }
        Expr::Exists { subquery, .. } | Expr::Subquery(subquery) => visit(Part::Query(subquery)),
        Expr::Array(array) => array.elem.iter_mut().for_each(|item| visit(Part::Expr(item))),
        Expr::Tuple(items) => items.iter_mut().for_each(|item| visit(Part::Expr(item))),
        Expr::Interval(interval) => visit(Part::Expr(&mut interval.value)),
        Expr::CompoundFieldAccess { root, access_chain } => {
            visit(Part::Expr(root));
            return access_chain.iter_mut().all(|access| subscript(access, visit));
        }
        Expr::Function(function) => return function_parts(function, visit),
        _ => return false,
    }
    true
}

fn each<const N: usize>(visit: &mut dyn FnMut(Part<'_>), parts: [&mut Box<Expr>; N]) {
    for part in parts {
        visit(Part::Expr(part));
    }
}

fn subscript(access: &mut AccessExpr, visit: &mut dyn FnMut(Part<'_>)) -> bool {
    match access {
        AccessExpr::Subscript(Subscript::Index { index }) => {
            visit(Part::Expr(index));
            true
        }
        _ => false,
    }
}

fn function_parts(function: &mut Function, visit: &mut dyn FnMut(Part<'_>)) -> bool {
    let plain = function.parameters == FunctionArguments::None && !function.uses_odbc_syntax;
    match &mut function.args {
        FunctionArguments::None => {}
        FunctionArguments::Subquery(_) => return false,
        FunctionArguments::List(list) => {
            for argument in &mut list.args {
                match argument {
                    FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => visit(Part::Expr(expr)),
                    FunctionArg::Unnamed(FunctionArgExpr::Wildcard) => {}
                    _ => return false,
                }
            }
            for clause in &mut list.clauses {
                match clause {
                    FunctionArgumentClause::OrderBy(order) => order_parts(order, visit),
                    FunctionArgumentClause::IgnoreOrRespectNulls(_) => {}
                    _ => return false,
                }
            }
        }
    }
    function.filter.iter_mut().for_each(|filter| visit(Part::Expr(filter)));
    order_parts(&mut function.within_group, visit);
    match &mut function.over {
        None => plain,
        Some(WindowType::WindowSpec(window)) => window_parts(window, visit) && plain,
        Some(WindowType::NamedWindow(_)) => false,
    }
}

fn order_parts(order: &mut [OrderByExpr], visit: &mut dyn FnMut(Part<'_>)) {
    order.iter_mut().for_each(|item| visit(Part::Expr(&mut item.expr)));
}

fn window_parts(window: &mut WindowSpec, visit: &mut dyn FnMut(Part<'_>)) -> bool {
    window.partition_by.iter_mut().for_each(|item| visit(Part::Expr(item)));
    order_parts(&mut window.order_by, visit);
    let Some(frame) = &mut window.window_frame else { return window.window_name.is_none() };
    for bound in std::iter::once(&mut frame.start_bound).chain(&mut frame.end_bound) {
        if let WindowFrameBound::Preceding(Some(distance)) | WindowFrameBound::Following(Some(distance)) = bound {
            visit(Part::Expr(distance));
        }
    }
    window.window_name.is_none()
}

/// The positional arguments of a call; `*` and other forms are left out.
pub(crate) fn arguments(function: &Function) -> Vec<&Expr> {
    match &function.args {
        FunctionArguments::List(list) => list
            .args
            .iter()
            .filter_map(|argument| match argument {
                FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => Some(expr),
                _ => None,
            })
            .collect(),
        _ => Vec::new(),
    }
}

/// Takes the positional arguments out of a call.
pub(crate) fn take_arguments(function: &mut Function) -> Vec<Expr> {
    match &mut function.args {
        FunctionArguments::List(list) => std::mem::take(&mut list.args)
            .into_iter()
            .filter_map(|argument| match argument {
                FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => Some(expr),
                _ => None,
            })
            .collect(),
        _ => Vec::new(),
    }
}

/// The expression inside any parentheses.
pub(crate) fn bare(mut expr: &Expr) -> &Expr {
    while let Expr::Nested(inner) = expr {
        expr = inner;
    }
    expr
}

/// How many operators follow each other on the left side of an expression: 3 for `a + 1 - 2 IS NULL`.
pub(crate) fn chain_length(mut expr: &Expr) -> usize {
    let mut length = 0;
    while let Some(left) = left_operand(expr) {
        expr = left;
        length += 1;
    }
    length
}

/// What stands before the operator, if the expression is made by one that stands behind its first operand.
fn left_operand(expr: &Expr) -> Option<&Expr> {
    match expr {
        Expr::IsFalse(left)
        | Expr::IsNotFalse(left)
        | Expr::IsTrue(left)
        | Expr::IsNotTrue(left)
        | Expr::IsNull(left)
        | Expr::IsNotNull(left)
        | Expr::IsUnknown(left)
        | Expr::IsNotUnknown(left)
        | Expr::IsNormalized { expr: left, .. }
        | Expr::IsDistinctFrom(left, _)
        | Expr::IsNotDistinctFrom(left, _)
        | Expr::BinaryOp { left, .. }
        | Expr::AnyOp { left, .. }
        | Expr::AllOp { left, .. }
        | Expr::UnaryOp { expr: left, .. }
        | Expr::Like { expr: left, .. }
        | Expr::ILike { expr: left, .. }
        | Expr::SimilarTo { expr: left, .. }
        | Expr::RLike { expr: left, .. }
        | Expr::AtTimeZone { timestamp: left, .. }
        | Expr::InList { expr: left, .. }
        | Expr::InSubquery { expr: left, .. }
        | Expr::InUnnest { expr: left, .. }
        | Expr::Between { expr: left, .. }
        | Expr::Cast { expr: left, .. }
        | Expr::Collate { expr: left, .. }
        | Expr::CompoundFieldAccess { root: left, .. }
        | Expr::JsonAccess { value: left, .. }
        | Expr::MemberOf(sqlparser::ast::MemberOf { value: left, .. })
        | Expr::Prefixed { value: left, .. } => Some(left),
        _ => None,
    }
}

/// The place of an expression: what [`Spanned::span`] gives, without a walk over all of a chain.
pub(crate) fn place(expr: &Expr) -> Span {
    let mut end = None;
    let mut first = expr;
    loop {
        first = match first {
            Expr::BinaryOp { left, right, .. } => {
                end.get_or_insert_with(|| right.span());
                left
            }
            Expr::IsNull(left) | Expr::IsNotNull(left) | Expr::Cast { expr: left, .. } => left,
            leaf => {
                let start = leaf.span();
                return end.map_or(start, |end: Span| start.union(&end));
            }
        };
    }
}

/// Calls `visit` on each outermost expression of a query and on each query that it contains outside of expressions.
pub(crate) fn query_parts(query: &mut Query, visit: &mut dyn FnMut(Part<'_>)) {
    for cte in query.with.iter_mut().flat_map(|with| &mut with.cte_tables) {
        visit(Part::Query(&mut cte.query));
    }
    body_parts(&mut query.body, visit);
    if let Some(OrderByKind::Expressions(items)) = query.order_by.as_mut().map(|order| &mut order.kind) {
        order_parts(items, visit);
    }
    if let Some(LimitClause::LimitOffset { limit, offset, .. }) = &mut query.limit_clause {
        limit.iter_mut().for_each(|limit| visit(Part::Expr(limit)));
        offset.iter_mut().for_each(|offset| visit(Part::Expr(&mut offset.value)));
    }
}

fn body_parts(body: &mut SetExpr, visit: &mut dyn FnMut(Part<'_>)) {
    match body {
        SetExpr::Select(select) => select_parts(select, visit),
        SetExpr::Query(query) => visit(Part::Query(query)),
        SetExpr::SetOperation { left, right, .. } => {
            body_parts(left, visit);
            body_parts(right, visit);
        }
        _ => {}
    }
}

fn select_parts(select: &mut Select, visit: &mut dyn FnMut(Part<'_>)) {
    if let Some(Distinct::On(items)) = &mut select.distinct {
        items.iter_mut().for_each(|item| visit(Part::Expr(item)));
    }
    for item in &mut select.projection {
        if let SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } = item {
            visit(Part::Expr(expr));
        }
    }
    select.from.iter_mut().for_each(|tables| table_parts(tables, visit));
    select.selection.iter_mut().for_each(|condition| visit(Part::Expr(condition)));
    if let GroupByExpr::Expressions(items, _) = &mut select.group_by {
        items.iter_mut().for_each(|item| visit(Part::Expr(item)));
    }
    select.having.iter_mut().chain(&mut select.qualify).for_each(|condition| visit(Part::Expr(condition)));
}

fn table_parts(tables: &mut TableWithJoins, visit: &mut dyn FnMut(Part<'_>)) {
    factor_parts(&mut tables.relation, visit);
    for joined in &mut tables.joins {
        factor_parts(&mut joined.relation, visit);
        if let Some(JoinConstraint::On(condition)) = constraint_mut(&mut joined.join_operator) {
            visit(Part::Expr(condition));
        }
    }
}

fn factor_parts(factor: &mut TableFactor, visit: &mut dyn FnMut(Part<'_>)) {
    match factor {
        TableFactor::Derived { subquery, .. } => visit(Part::Query(subquery)),
        TableFactor::NestedJoin { table_with_joins, .. } => table_parts(table_with_joins, visit),
        TableFactor::Table { args: Some(given), .. } => {
            for argument in &mut given.args {
                if let FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) = argument {
                    visit(Part::Expr(expr));
                }
            }
        }
        _ => {}
    }
}

/// The constraint of the joins that the language has.
pub(crate) fn constraint_mut(operator: &mut JoinOperator) -> Option<&mut JoinConstraint> {
    match operator {
        JoinOperator::Join(constraint)
        | JoinOperator::Inner(constraint)
        | JoinOperator::Left(constraint)
        | JoinOperator::LeftOuter(constraint)
        | JoinOperator::Right(constraint)
        | JoinOperator::RightOuter(constraint)
        | JoinOperator::FullOuter(constraint)
        | JoinOperator::CrossJoin(constraint) => Some(constraint),
        _ => None,
    }
}

/// The same, to look at.
pub(crate) fn constraint(operator: &JoinOperator) -> Option<&JoinConstraint> {
    match operator {
        JoinOperator::Join(constraint)
        | JoinOperator::Inner(constraint)
        | JoinOperator::Left(constraint)
        | JoinOperator::LeftOuter(constraint)
        | JoinOperator::Right(constraint)
        | JoinOperator::RightOuter(constraint)
        | JoinOperator::FullOuter(constraint)
        | JoinOperator::CrossJoin(constraint) => Some(constraint),
        _ => None,
    }
}
