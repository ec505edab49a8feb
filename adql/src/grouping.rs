//! Is every column of an aggregated SELECT grouped?
//!
//! Once a SELECT groups its rows, a column outside of an aggregate must be one that it groups by, or stand in an
//! expression that it groups by. Runs on bound names, so equal columns are written alike; sub-queries are judged by
//! themselves.

use std::mem::{Discriminant, discriminant};

use sqlparser::ast::{
    Expr, Function, GroupByExpr, Ident, OrderByKind, Query, Select, SelectItem, SetExpr, TableFactor, TableWithJoins,
};

use sqlparser::tokenizer::Span;

use crate::error::Findings;
use crate::functions::{FunctionClass, find_function};
use crate::names::exact;
use crate::request::Label;
use crate::walk::{Part, bare, parts, query_parts};

/// Reports columns that are neither grouped nor aggregated, in a query and its sub-queries.
pub(crate) fn check_grouping(query: &mut Query, label: Label, findings: &mut Findings<'_>) {
    query_parts(query, &mut |part| check_part(part, label, findings));
    if !check_body(&mut query.body, label, findings) {
        return;
    }
    // An aggregated SELECT with an ORDER BY of its own.
    let SetExpr::Select(select) = query.body.as_ref() else { return };
    let Some(OrderByKind::Expressions(items)) = query.order_by.as_ref().map(|order| &order.kind) else { return };
    let mut grouped = Grouped::of(select, label);
    grouped.add_outputs(select);
    items.iter().for_each(|item| grouped.check(&mut item.expr.clone(), findings));
}

fn check_part(part: Part<'_>, label: Label, findings: &mut Findings<'_>) {
    match part {
        Part::Query(query) => check_grouping(query, label, findings),
        Part::Expr(expr) => {
            parts(expr, &mut |inner| check_part(inner, label, findings));
        }
    }
}

/// Checks the SELECTs of a body; true if it is one aggregated SELECT.
fn check_body(body: &mut SetExpr, label: Label, findings: &mut Findings<'_>) -> bool {
    match body {
        SetExpr::Select(select) => check_select(select, label, findings),
        SetExpr::SetOperation { left, right, .. } => {
            check_body(left, label, findings);
            check_body(right, label, findings);
            false
        }
        _ => false,
    }
}

fn check_select(select: &mut Select, label: Label, findings: &mut Findings<'_>) -> bool {
    let mut projected: Vec<Expr> = select.projection.iter().filter_map(projected).cloned().collect();
    let groups = matches!(&select.group_by, GroupByExpr::Expressions(items, _) if !items.is_empty());
    let conditions = select.having.iter_mut().chain(&mut select.qualify);
    let aggregates = projected.iter_mut().chain(conditions).any(|expr| has_aggregate(expr, label));
    if !groups && !aggregates && select.having.is_none() {
        return false;
    }
    let mut grouped = Grouped::of(select, label);
    projected.iter_mut().for_each(|expr| grouped.check(expr, findings));
    select.having.iter_mut().for_each(|expr| grouped.check(expr, findings));
    if let Some(mut condition) = select.qualify.clone() {
        grouped.add_outputs(select);
        grouped.check(&mut condition, findings);
    }
    true
}

/// What a SELECT groups by.
struct Grouped {
    label: Label,
    /// The qualifiers of its own tables; other columns come from outside.
    own: Vec<Vec<String>>,
    /// Of columns, their names where there is but one table, else with it.
    columns: Vec<Vec<Ident>>,
    /// Of other expressions, with their form.
    keys: Vec<(Discriminant<Expr>, String)>,
}

impl Grouped {
    fn of(select: &Select, label: Label) -> Self {
        let mut own = Vec::new();
        select.from.iter().for_each(|tables| qualifiers(tables, &mut own));
        let mut grouped = Self { label, own, columns: Vec::new(), keys: Vec::new() };
        if let GroupByExpr::Expressions(items, _) = &select.group_by {
            let expressions = items.iter().map(|item| match crate::write::position(item) {
                Some(number) => {
                    number.checked_sub(1).and_then(|index| select.projection.get(index)).and_then(projected)
                }
                None => Some(item),
            });
            for item in expressions.flatten() {
                match grouped.column(item) {
                    Some(column) => grouped.columns.push(column.to_vec()),
                    None => grouped.keys.push((discriminant(bare(item)), grouped.key(item))),
                }
            }
        }
        grouped
    }

    /// Takes the names of result columns for grouped.
    fn add_outputs(&mut self, select: &Select) {
        self.columns.extend(select.projection.iter().filter_map(output_name).map(|name| vec![exact(name)]));
    }

    fn check(&self, expr: &mut Expr, findings: &mut Findings<'_>) {
        if self.is_key(expr) {
            return;
        }
        match expr {
            Expr::Function(function) if is_aggregate(function, self.label) => {}
            Expr::Identifier(ident) => self.report(&ident.value, ident.span, findings),
            Expr::CompoundIdentifier(idents) => {
                let Some((name, qualifier)) = idents.split_last() else { return };
                if self.own.iter().any(|own| own.iter().eq(qualifier.iter().map(|ident| &ident.value))) {
                    self.report(&name.value, name.span, findings);
                }
            }
            other => {
                parts(other, &mut |part| {
                    if let Part::Expr(inner) = part {
                        self.check(inner, findings);
                    }
                });
            }
        }
    }

    /// Whether it is grouped by; what no key has the form of need not be spelt out.
    fn is_key(&self, expr: &Expr) -> bool {
        if let Some(column) = self.column(expr) {
            return self.columns.iter().any(|key| key == column);
        }
        let form = discriminant(bare(expr));
        let mut alike = self.keys.iter().filter(|(other, _)| *other == form).map(|(_, key)| key).peekable();
        alike.peek().is_some() && {
            let key = self.key(expr);
            alike.any(|other| *other == key)
        }
    }

    /// The parts by which equal columns are told, if it is one.
    fn column<'e>(&self, expr: &'e Expr) -> Option<&'e [Ident]> {
        match bare(expr) {
            Expr::Identifier(ident) => Some(std::slice::from_ref(ident)),
            Expr::CompoundIdentifier(idents) => match self.own.as_slice() {
                [own] if idents.len() == own.len() + 1 => idents.get(own.len()..),
                _ => Some(idents),
            },
            _ => None,
        }
    }

    fn report(&self, name: &str, at: Span, findings: &mut Findings<'_>) {
        let message = format!("the column {name} is neither grouped nor inside an aggregate");
        let hint = format!("add {name} to GROUP BY, or write MIN({name}) or MAX({name})");
        findings.hinted(at, message, hint);
    }

    /// A spelling that equal expressions share: no parentheses, functions in one case, and, where there is but one
    /// table, columns without it.
    fn key(&self, expr: &Expr) -> String {
        let mut expr = bare(expr).clone();
        self.simplify(&mut expr);
        expr.to_string()
    }

    fn simplify(&self, expr: &mut Expr) {
        match expr {
            Expr::CompoundIdentifier(idents) if self.own.len() == 1 && idents.len() == self.own[0].len() + 1 => {
                if let Some(name) = idents.pop() {
                    *expr = Expr::Identifier(exact(name.value));
                }
            }
            Expr::Function(function) => {
                for ident in function.name.0.iter_mut().filter_map(|part| match part {
                    sqlparser::ast::ObjectNamePart::Identifier(ident) => Some(ident),
                    sqlparser::ast::ObjectNamePart::Function(_) => None,
                }) {
                    ident.value = ident.value.to_lowercase();
                }
            }
            _ => {}
        }
        parts(expr, &mut |part| {
            if let Part::Expr(inner) = part {
                self.simplify(inner);
            }
        });
    }
}

fn projected(item: &SelectItem) -> Option<&Expr> {
    match item {
        SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } => Some(expr),
        _ => None,
    }
}

fn output_name(item: &SelectItem) -> Option<&str> {
    match item {
        SelectItem::ExprWithAlias { alias, .. } => Some(&alias.value),
        SelectItem::UnnamedExpr(Expr::Identifier(ident)) => Some(&ident.value),
        SelectItem::UnnamedExpr(Expr::CompoundIdentifier(idents)) => idents.last().map(|ident| ident.value.as_str()),
        _ => None,
    }
}

fn has_aggregate(expr: &mut Expr, label: Label) -> bool {
    if matches!(expr, Expr::Function(function) if is_aggregate(function, label)) {
        return true;
    }
    let mut found = false;
    parts(expr, &mut |part| {
        if let Part::Expr(inner) = part {
            found |= has_aggregate(inner, label);
        }
    });
    found
}

fn is_aggregate(function: &Function, label: Label) -> bool {
    let name = function.name.0.first().and_then(|part| part.as_ident());
    let entry = name.and_then(|name| find_function(&name.value, label));
    function.over.is_none() && entry.is_some_and(|entry| entry.class == FunctionClass::Aggregate)
}

fn qualifiers(tables: &TableWithJoins, own: &mut Vec<Vec<String>>) {
    for factor in std::iter::once(&tables.relation).chain(tables.joins.iter().map(|join| &join.relation)) {
        match factor {
            TableFactor::Table { alias: Some(alias), .. } | TableFactor::Derived { alias: Some(alias), .. } => {
                own.push(vec![alias.name.value.clone()]);
            }
            TableFactor::Table { name, .. } => {
                own.push(name.0.iter().filter_map(|part| part.as_ident()).map(|ident| ident.value.clone()).collect());
            }
            TableFactor::NestedJoin { table_with_joins, .. } => qualifiers(table_with_joins, own),
            _ => {}
        }
    }
}
