//! Do functions and operators get what they need?
//!
//! Infers the [`Kind`] of every expression as far as the text alone tells (a column is [`Kind::Any`]) and reports unknown
//! functions, arguments that do not fit, geometries and numbers used as conditions, aggregates where none can be.
//! Must not know catalogs, nor how anything is lowered.

mod calls;
mod types;

use calls::called;
use sqlparser::ast::{
    BinaryOperator, Distinct, Expr, GroupByExpr, JoinConstraint, LimitClause, OrderByKind, Query, Select, SelectItem,
    SetExpr, Spanned, TableFactor, TableWithJoins, UnaryOperator,
};
use sqlparser::tokenizer::Span;
pub(crate) use types::type_kind;
use types::{common, literal_kind};

use crate::error::Findings;
use crate::functions::Kind;
use crate::request::Label;
use crate::validate::Version;
use crate::walk::{Part, constraint_mut, parts, place};

/// Checks functions and kinds in a query that is to be run; functions named in `declared` exist too.
pub(crate) fn check_kinds(query: &mut Query, label: Label, declared: &[String], findings: &mut Findings<'_>) {
    judge(query, label, Declared::Names(declared), None, findings);
}

/// The same by the letter of the standard.
///
/// Its grammar lets a literal, a column or an aggregate stand for a value of any kind; a condition is never a value.
pub(crate) fn check_standard_kinds(
    query: &mut Query,
    version: Version,
    declared: Declared<'_>,
    findings: &mut Findings<'_>,
) {
    judge(query, Label::Adql, declared, Some(version), findings);
}

/// Most queries are right, and the place of an expression is found by a walk over all of it: so places are looked up
/// only once something is known to be wrong.
fn judge(
    query: &mut Query,
    label: Label,
    declared: Declared<'_>,
    standard: Option<Version>,
    findings: &mut Findings<'_>,
) {
    let mut unplaced = Findings::new("");
    for (findings, places) in [(&mut unplaced, false), (findings, true)] {
        Judge { findings, places, label, declared, standard, place: Place::Rows, in_aggregate: false }.query(query);
        if findings.is_empty() && !places {
            return;
        }
    }
}

/// Which functions count as user-defined ones.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Declared<'a> {
    /// Those of these names or declarations; nothing is known of their arguments.
    Names(&'a [String]),
    /// Every function of the table that can be called without further grammar.
    Own,
}

/// Whether a function over a window stands in an expression.
fn has_window(expr: &mut Expr) -> bool {
    let mut found = matches!(expr, Expr::Function(function) if function.over.is_some());
    parts(expr, &mut |part| {
        if let Part::Expr(inner) = part {
            found = found || has_window(inner);
        }
    });
    found
}

/// Where an expression stands, as far as aggregates are concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Select list, HAVING, ORDER BY: aggregates are values here.
    Groups,
    /// WHERE, ON, GROUP BY: every row by itself.
    Rows,
}

struct Judge<'a, 'b> {
    findings: &'a mut Findings<'b>,
    /// Whether the places of errors are wanted.
    places: bool,
    label: Label,
    declared: Declared<'a>,
    /// The version of the standard to judge by, if only the standard counts.
    standard: Option<Version>,
    place: Place,
    in_aggregate: bool,
}

impl Judge<'_, '_> {
    fn query(&mut self, query: &mut Query) {
        let outer = (self.place, self.in_aggregate);
        self.in_aggregate = false;
        for cte in query.with.iter_mut().flat_map(|with| &mut with.cte_tables) {
            self.query(&mut cte.query);
        }
        self.body(&mut query.body);
        self.place = Place::Groups;
        if let Some(OrderByKind::Expressions(items)) = query.order_by.as_mut().map(|order| &mut order.kind) {
            items.iter_mut().for_each(|item| self.sortable(&mut item.expr, "ordered by"));
        }
        if let Some(LimitClause::LimitOffset { limit, offset, .. }) = &mut query.limit_clause {
            limit.iter_mut().chain(offset.iter_mut().map(|offset| &mut offset.value)).for_each(|expr| {
                self.kind(expr);
            });
        }
        (self.place, self.in_aggregate) = outer;
    }

    fn body(&mut self, body: &mut SetExpr) {
        match body {
            SetExpr::Select(select) => self.select(select),
            SetExpr::Query(query) => self.query(query),
            SetExpr::SetOperation { left, right, .. } => {
                self.body(left);
                self.body(right);
            }
            _ => {}
        }
    }

    fn select(&mut self, select: &mut Select) {
        self.place = Place::Rows;
        select.from.iter_mut().for_each(|tables| self.tables(tables));
        select.selection.iter_mut().for_each(|condition| self.condition(condition));
        if let GroupByExpr::Expressions(items, _) = &mut select.group_by {
            items.iter_mut().for_each(|item| self.sortable(item, "grouped by"));
        }
        self.place = Place::Groups;
        let distinct = matches!(select.distinct, Some(Distinct::Distinct));
        for item in &mut select.projection {
            match item {
                SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } if distinct => {
                    self.sortable(expr, "made DISTINCT");
                }
                SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } => {
                    self.value(expr);
                }
                _ => {}
            }
        }
        self.qualify(select);
        select.having.iter_mut().chain(&mut select.qualify).for_each(|condition| self.condition(condition));
    }

    /// QUALIFY is about window functions.
    fn qualify(&mut self, select: &mut Select) {
        let Some(at) = select.qualify.as_ref().map(Spanned::span) else { return };
        let selected = select.projection.iter_mut().filter_map(|item| match item {
            SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } => Some(expr),
            _ => None,
        });
        if !selected.chain(&mut select.qualify).any(has_window) {
            let message = "QUALIFY is a condition on window functions, and there is none";
            self.findings.hinted(at, message, "conditions on rows go to WHERE, those on groups to HAVING");
        }
    }

    fn tables(&mut self, tables: &mut TableWithJoins) {
        self.factor(&mut tables.relation);
        for join in &mut tables.joins {
            self.factor(&mut join.relation);
            if let Some(JoinConstraint::On(condition)) = constraint_mut(&mut join.join_operator) {
                self.condition(condition);
            }
        }
    }

    fn factor(&mut self, factor: &mut TableFactor) {
        match factor {
            TableFactor::Derived { subquery, .. } => self.query(subquery),
            TableFactor::NestedJoin { table_with_joins, .. } => self.tables(table_with_joins),
            _ => {}
        }
    }

    /// A value that rows are compared by.
    fn sortable(&mut self, expr: &mut Expr, verb: &str) {
        if self.value(expr).is_geometry() && self.standard.is_none() {
            self.findings.bad(expr.span(), format!("geometries cannot be {verb}"));
        }
    }

    /// A value: in the standard a condition is none.
    fn value(&mut self, expr: &mut Expr) -> Kind {
        let kind = self.kind(expr);
        if kind == Kind::Boolean && self.standard.is_some() {
            self.findings.bad(expr.span(), "a condition is no value in ADQL");
        }
        kind
    }

    /// An expression that must be true or false.
    fn condition(&mut self, expr: &mut Expr) {
        let kind = self.kind(expr);
        let span = self.span(expr);
        if kind == Kind::Any && self.standard.is_some() {
            return self.findings.hinted(span, "a value is no condition", "compare it with something");
        }
        if matches!(kind, Kind::Boolean | Kind::Any) {
            return;
        }
        match called(expr) {
            Some(name @ ("CONTAINS" | "INTERSECTS")) => {
                self.findings.hinted(
                    span,
                    format!("{name} gives 1 or 0, not a condition"),
                    format!("write 1 = {name}(...)"),
                );
            }
            _ if kind.is_geometry() => {
                self.findings.hinted(
                    span,
                    format!("{} is no condition", kind.noun()),
                    "write 1 = CONTAINS(point, region)",
                );
            }
            _ => self.findings.bad(span, format!("{} is no condition", kind.noun())),
        }
    }

    /// The place of an expression, if it is wanted.
    fn span(&self, expr: &Expr) -> Span {
        if self.places { place(expr) } else { Span::empty() }
    }

    /// Infers the kind of an expression and reports what is wrong inside.
    fn kind(&mut self, expr: &mut Expr) -> Kind {
        let span = self.span(expr);
        match expr {
            Expr::Identifier(_) | Expr::CompoundIdentifier(_) => Kind::Any,
            Expr::Value(value) => literal_kind(&value.value),
            Expr::Nested(inner) => self.kind(inner),
            Expr::BinaryOp { left, op: BinaryOperator::And | BinaryOperator::Or, right } => {
                self.condition(left);
                self.condition(right);
                Kind::Boolean
            }
            Expr::UnaryOp { op: UnaryOperator::Not, expr } => {
                self.condition(expr);
                Kind::Boolean
            }
            Expr::UnaryOp { expr, .. } => {
                let kind = self.kind(expr);
                self.numeric(kind, span)
            }
            Expr::BinaryOp { left, op, right } => {
                let kinds = (self.value(left), self.value(right));
                self.operator(op, kinds, span)
            }
            Expr::Between { expr, low, high, .. } => {
                let kinds = [self.kind(expr), self.kind(low), self.kind(high)];
                self.comparable(kinds[0], kinds[1], span);
                self.comparable(kinds[0], kinds[2], span);
                Kind::Boolean
            }
            Expr::InList { expr, list, .. } => {
                let kind = self.kind(expr);
                for item in list {
                    let other = self.kind(item);
                    self.comparable(kind, other, span);
                }
                Kind::Boolean
            }
            Expr::Like { expr, pattern, .. } | Expr::ILike { expr, pattern, .. } => {
                for part in [expr, pattern] {
                    let kind = self.kind(part);
                    let span = self.span(part);
                    self.no_geometry(kind, span);
                }
                Kind::Boolean
            }
            Expr::Case { operand, conditions, else_result, .. } => {
                let simple = operand.as_mut().map(|operand| self.kind(operand));
                let mut result = Vec::new();
                for branch in conditions {
                    match simple {
                        None => self.condition(&mut branch.condition),
                        Some(kind) => {
                            let other = self.kind(&mut branch.condition);
                            self.comparable(kind, other, span);
                        }
                    }
                    result.push(self.kind(&mut branch.result));
                }
                result.extend(else_result.iter_mut().map(|expr| self.kind(expr)));
                common(&result)
            }
            Expr::Cast { expr, data_type, .. } => {
                let kind = self.kind(expr);
                self.no_geometry(kind, span);
                type_kind(data_type)
            }
            Expr::TypedString(typed) => type_kind(&typed.data_type),
            // Conditions that differ only in their numbers.
            Expr::Prefixed { value, .. } => {
                self.condition(value);
                Kind::Boolean
            }
            Expr::Array(array) => {
                array.elem.iter_mut().for_each(|item| {
                    self.kind(item);
                });
                Kind::Array
            }
            Expr::CompoundFieldAccess { root, .. } => {
                let kind = self.kind(root);
                if !Kind::Array.accepts(kind) && !kind.is_geometry() {
                    self.findings.bad(span, format!("{} has no items: only an array takes a subscript", kind.noun()));
                }
                Kind::Any
            }
            Expr::Function(function) => self.function(function, span),
            other => self.other(other),
        }
    }

    fn other(&mut self, expr: &mut Expr) -> Kind {
        parts(expr, &mut |part| match part {
            Part::Expr(inner) => {
                self.kind(inner);
            }
            Part::Query(query) => self.query(query),
        });
        match expr {
            Expr::Ceil { .. } | Expr::Floor { .. } | Expr::Extract { .. } => Kind::Number,
            Expr::Position { .. } => Kind::Integer,
            Expr::Substring { .. } | Expr::Trim { .. } | Expr::Overlay { .. } => Kind::Text,
            Expr::AtTimeZone { .. } => Kind::Timestamp,
            Expr::IsNull(_)
            | Expr::IsNotNull(_)
            | Expr::IsTrue(_)
            | Expr::IsNotTrue(_)
            | Expr::IsFalse(_)
            | Expr::IsNotFalse(_)
            | Expr::IsUnknown(_)
            | Expr::IsNotUnknown(_)
            | Expr::IsDistinctFrom(..)
            | Expr::IsNotDistinctFrom(..)
            | Expr::InSubquery { .. }
            | Expr::Exists { .. } => Kind::Boolean,
            _ => Kind::Any,
        }
    }

    fn operator(&mut self, op: &BinaryOperator, (left, right): (Kind, Kind), span: Span) -> Kind {
        match op {
            BinaryOperator::Eq | BinaryOperator::NotEq if left.is_geometry() && left.accepts(right) => Kind::Boolean,
            BinaryOperator::Eq | BinaryOperator::NotEq if right.is_geometry() && right.accepts(left) => Kind::Boolean,
            BinaryOperator::Eq
            | BinaryOperator::NotEq
            | BinaryOperator::Lt
            | BinaryOperator::LtEq
            | BinaryOperator::Gt
            | BinaryOperator::GtEq => {
                self.comparable(left, right, span);
                Kind::Boolean
            }
            BinaryOperator::StringConcat => {
                self.no_geometry(left, span);
                self.no_geometry(right, span);
                Kind::Text
            }
            BinaryOperator::PGRegexMatch
            | BinaryOperator::PGRegexIMatch
            | BinaryOperator::PGRegexNotMatch
            | BinaryOperator::PGRegexNotIMatch => Kind::Boolean,
            _ => {
                self.numeric(left, span);
                self.numeric(right, span);
                match (left, right) {
                    (Kind::Integer, Kind::Integer) => Kind::Integer,
                    (left, right) if left.is_number() && right.is_number() => Kind::Number,
                    _ => Kind::Any,
                }
            }
        }
    }

    fn numeric(&mut self, kind: Kind, span: Span) -> Kind {
        if kind.is_geometry() || kind == Kind::Boolean {
            self.findings.bad(span, format!("{} cannot be calculated with", kind.noun()));
        }
        if kind.is_number() { kind } else { Kind::Any }
    }

    fn no_geometry(&mut self, kind: Kind, span: Span) {
        if kind.is_geometry() {
            self.findings.bad(span, format!("{} cannot stand here", kind.noun()));
        }
    }

    /// Two operands that are ordered or listed.
    fn comparable(&mut self, left: Kind, right: Kind, span: Span) {
        if left.is_geometry() || right.is_geometry() {
            let message = "geometries cannot be compared in this way";
            return self.findings.hinted(span, message, "use CONTAINS, INTERSECTS or DISTANCE");
        }
        let mixed = (left == Kind::Boolean && right.is_number()) || (right == Kind::Boolean && left.is_number());
        if mixed {
            self.findings.hinted(
                span,
                "a condition cannot be compared with a number",
                "write a < b AND b < c, or the condition alone",
            );
        }
    }
}
