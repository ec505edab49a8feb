//! What does every name in the query mean?
//!
//! Walks the query with its scopes (common table expressions, derived tables, joins, correlated sub-queries) and writes
//! each name out exactly. USING and NATURAL become ON, so that nothing depends on how a planner merges columns; result
//! columns get valid unique names. All names that mean nothing are reported together.
//!
//! Must not know functions or types, save where a unit is asked for ([`units`]).

mod sample;
mod tables;
mod units;
mod versions;
mod xmatch;
mod xmatch_query;

use std::sync::Arc;

use sqlparser::ast::{Cte, Expr, GroupByExpr, OrderBy, OrderByExpr, OrderByKind, Query, Select, SetExpr, Spanned};
use sqlparser::tokenizer::Span;

use crate::check::TableReference;
use crate::columns::Columns;
use crate::error::{Findings, QueryErrorKind};
use crate::hints;
use crate::names::{Name, TableNames, exact, same_in_any_case};
use crate::output::{self, Output};
use crate::request::Label;
use crate::scope::{Column, Missing, Relation, Scope};
use crate::snapshots::Pin;
use crate::walk::{Part, parts};
use crate::write::{number_literal, position, with_span};
pub(crate) use units::text_of;
pub(crate) use xmatch::is_xmatch;

/// A common table expression in sight.
struct Common {
    name: String,
    columns: Columns,
    known: bool,
    tables: usize,
}

/// What a query gives to the one around it.
pub(crate) struct Bound {
    pub(crate) columns: Columns,
    /// False where an unknown table hides which columns there are.
    pub(crate) known: bool,
    /// Table references once every common table expression is written out.
    pub(crate) tables: usize,
}

/// Binds the names of one query.
pub(crate) struct Binder<'a, 'b> {
    pub(crate) findings: &'a mut Findings<'b>,
    pub(crate) label: Label,
    pub(crate) names: &'a dyn TableNames,
    /// Exact paths of the tables used, each once.
    pub(crate) used: Vec<Vec<String>>,
    /// Every place that names a table, in no order.
    pub(crate) references: Vec<TableReference>,
    /// Whether some column holds values of several tables: of a set operation, or merged by a full join.
    pub(crate) mixes: bool,
    /// Snapshots that no table has claimed yet.
    pins: Vec<Pin>,
    common: Vec<Common>,
    scopes: Vec<Scope>,
}

impl<'a, 'b> Binder<'a, 'b> {
    pub(crate) fn new(findings: &'a mut Findings<'b>, label: Label, names: &'a dyn TableNames) -> Self {
        let (used, references, pins) = (Vec::new(), Vec::new(), Vec::new());
        let (mixes, common, scopes) = (false, Vec::new(), Vec::new());
        Self { findings, label, names, used, references, mixes, pins, common, scopes }
    }

    /// With the snapshots that stand in the text.
    pub(crate) fn with_pins(self, pins: Vec<Pin>) -> Self {
        Self { pins, ..self }
    }

    /// Reports the snapshots that no table has claimed.
    pub(crate) fn refuse_pins(&mut self) {
        for pin in std::mem::take(&mut self.pins) {
            self.findings.bad(pin.at, "a snapshot can follow only the name of a table in FROM");
        }
    }

    /// Binds a query and its sub-queries.
    pub(crate) fn query(&mut self, query: &mut Query) -> Bound {
        let outer_common = self.common.len();
        for cte in query.with.iter_mut().flat_map(|with| &mut with.cte_tables) {
            self.common_table(cte, outer_common);
        }
        let order = query.order_by.as_mut();
        let bound = match query.body.as_mut() {
            SetExpr::Select(select) => self.select(select, order),
            body => {
                let bound = self.body(body);
                self.order_by_output(order, &bound);
                bound
            }
        };
        self.common.truncate(outer_common);
        bound
    }

    fn common_table(&mut self, cte: &mut Cte, outer: usize) {
        let name = cte.alias.name.value.clone();
        if self.common[outer..].iter().any(|other| Name::from(&cte.alias.name).matches(&other.name)) {
            self.findings.bad(cte.alias.name.span, format!("{name} is defined twice in this WITH"));
        }
        let mut bound = self.query(&mut cte.query);
        self.rename(&mut bound, &mut cte.alias);
        cte.alias.explicit = false;
        self.common.push(Common { name, columns: bound.columns, known: bound.known, tables: bound.tables });
    }

    fn body(&mut self, body: &mut SetExpr) -> Bound {
        match body {
            SetExpr::Select(select) => self.select(select, None),
            SetExpr::Query(query) => self.query(query),
            SetExpr::SetOperation { left, right, op, .. } => {
                let at = right.span();
                self.mixes = true;
                let mut bound = self.body(left);
                let other = self.body(right);
                if bound.known && other.known && bound.columns.len() != other.columns.len() {
                    let counts = format!("{} and {}", bound.columns.len(), other.columns.len());
                    self.findings.bad(at, format!("the operands of {op} have {counts} columns"));
                }
                bound.tables = bound.tables.saturating_add(other.tables);
                bound
            }
            _ => Bound { columns: Columns::default(), known: false, tables: 0 },
        }
    }

    fn select(&mut self, select: &mut Select, order: Option<&mut OrderBy>) -> Bound {
        if select.from.is_empty() && self.label == Label::Adql {
            let at = select.select_token.0.span;
            self.findings.hinted(at, "a SELECT needs a FROM in ADQL", "write FROM table");
        }
        let mut scope = Scope::default();
        let mut tables = 0usize;
        for item in &mut select.from {
            let local = self.tables(item, &mut [&mut scope], &mut tables);
            self.append(&mut scope, local);
        }
        self.scopes.push(scope);
        let outputs = output::name_columns(self, select);
        if let Some(scope) = self.scopes.last_mut() {
            scope.qualifies = output::hides_a_column(&outputs, scope);
            scope.outputs = outputs.iter().map(|output| Arc::clone(&output.column.known_as)).collect();
        }
        select.selection.iter_mut().for_each(|condition| self.expr(condition));
        self.group_by(select, &outputs);
        select.having.iter_mut().for_each(|condition| self.expr(condition));
        select.qualify.iter_mut().for_each(|condition| self.with_outputs(&outputs, |binder| binder.expr(condition)));
        if let Some(order) = order {
            self.order_by(order, &outputs);
        }
        let known = !self.scope().has_unknown();
        self.scopes.pop();
        let columns = Columns::Listed(outputs.into_iter().map(|output| output.column).collect());
        Bound { columns, known, tables }
    }

    /// The innermost scope.
    pub(crate) fn scope(&self) -> &Scope {
        self.scopes.last().expect("a SELECT pushes its scope before it binds expressions")
    }

    /// All scopes in sight, from the innermost outwards.
    pub(crate) fn scopes(&self) -> impl Iterator<Item = &Scope> {
        self.scopes.iter().rev()
    }

    /// Binds GROUP BY: columns and expressions, positions, and under [`Label::Sql`] aliases of result columns.
    fn group_by(&mut self, select: &mut Select, outputs: &[Output]) {
        let GroupByExpr::Expressions(items, _) = &mut select.group_by else { return };
        for item in items {
            let wanted = match (position(item), &*item) {
                (Some(number), _) => {
                    let index = number.checked_sub(1).filter(|index| *index < outputs.len());
                    if index.is_none() && !self.scope().has_unknown() {
                        self.findings.bad(item.span(), format!("there is no result column {number}"));
                    }
                    index
                }
                (None, Expr::Identifier(ident)) => {
                    let name = Name::from(ident);
                    let at = ident.span;
                    let hidden = matches!(self.scope().find(&name), Err(Missing::Unknown));
                    let index = hidden.then(|| output::index(outputs, &name)).flatten();
                    if index.is_some() && self.label == Label::Adql {
                        let message = format!("{} is a result column, not a column of FROM", name.value);
                        self.findings.hinted(at, message, "write its expression in GROUP BY");
                    }
                    index
                }
                _ => None,
            };
            match wanted.and_then(|index| outputs[index].expr.clone().map(|expr| (index, expr))) {
                // A number would be read as a position again.
                Some((index, Expr::Value(_))) => *item = number_literal(index + 1),
                Some((_, expr)) => *item = expr,
                None if position(item).is_some() => {}
                None => self.expr(item),
            }
        }
    }

    /// Binds ORDER BY: positions, names of result columns, and expressions, in which a column of FROM goes before a
    /// result column of the same name.
    fn order_by(&mut self, order: &mut OrderBy, outputs: &[Output]) {
        let OrderByKind::Expressions(items) = &mut order.kind else { return };
        let known = !self.scope().has_unknown();
        self.with_outputs(outputs, |binder| binder.order_items(items, outputs, known));
    }

    /// Binds something that sees the result columns behind those of FROM.
    fn with_outputs(&mut self, outputs: &[Output], bind: impl FnOnce(&mut Self)) {
        let known = !self.scope().has_unknown();
        let columns = Columns::Listed(outputs.iter().map(|output| output.column.clone()).collect());
        let inner = self.scopes.len() - 1;
        self.scopes.insert(inner, Scope::of(Relation::unnamed(columns, known)));
        bind(self);
        self.scopes.remove(inner);
    }

    fn order_items(&mut self, items: &mut [OrderByExpr], outputs: &[Output], known: bool) {
        for item in items {
            if let Some(number) = position(&item.expr) {
                if number == 0 || (number > outputs.len() && known) {
                    self.findings.bad(item.expr.span(), format!("there is no result column {number}"));
                }
                continue;
            }
            if let Expr::Identifier(ident) = &item.expr
                && let Some(output) = output::find(outputs, &Name::from(ident))
            {
                item.expr = with_span(Expr::Identifier(exact(&*output.column.exact)), ident.span);
                continue;
            }
            self.expr(&mut item.expr);
        }
    }

    /// ORDER BY of a set operation: only its result columns are in sight.
    fn order_by_output(&mut self, order: Option<&mut OrderBy>, bound: &Bound) {
        let Some(OrderByKind::Expressions(items)) = order.map(|order| &mut order.kind) else { return };
        self.scopes.push(Scope::of(Relation::unnamed(bound.columns.clone(), bound.known)));
        for item in items {
            match position(&item.expr) {
                Some(number) if number == 0 || (bound.known && number > bound.columns.len()) => {
                    self.findings.bad(item.expr.span(), format!("there is no result column {number}"));
                }
                Some(_) => {}
                None => self.expr(&mut item.expr),
            }
        }
        self.scopes.pop();
    }

    /// Binds the names of one expression and of its sub-queries.
    pub(crate) fn expr(&mut self, expr: &mut Expr) {
        match expr {
            Expr::Identifier(ident) => {
                let name = Name::from(&*ident);
                let at = ident.span;
                if let Some((_, bound)) = self.resolve(&[], &name, at) {
                    *expr = with_span(bound, at);
                }
            }
            Expr::CompoundIdentifier(idents) => {
                let at = idents.iter().map(|ident| ident.span).reduce(|a, b| a.union(&b)).unwrap_or_else(Span::empty);
                let mut names: Vec<Name> = idents.iter().map(Name::from).collect();
                if let Some(name) = names.pop()
                    && let Some((_, bound)) = self.resolve(&names, &name, at)
                {
                    *expr = with_span(bound, at);
                }
            }
            other => {
                let known = self.findings.count();
                parts(other, &mut |part| match part {
                    Part::Expr(inner) => self.expr(inner),
                    Part::Query(query) => {
                        self.query(query);
                    }
                });
                if let Expr::Function(function) = other
                    && units::is_in_unit(function)
                    && self.findings.count() == known
                {
                    self.in_unit(function);
                }
            }
        }
    }

    /// Looks a column up from the innermost scope outwards; reports one that is not there.
    pub(crate) fn resolve(&mut self, qualifier: &[Name], name: &Name, at: Span) -> Option<(Column, Expr)> {
        for (depth, scope) in self.scopes.iter().rev().enumerate() {
            let found = match qualifier {
                [] if depth > 0 => scope.find_from_inside(name),
                [] => scope.find(name),
                _ => scope.find_qualified(qualifier, name),
            };
            match found {
                Ok(found) => return Some(found),
                Err(Missing::Ambiguous(mut several)) => {
                    several.dedup();
                    let hint = format!("write one of {}", several.join(", "));
                    let hint = (several.len() > 1).then_some(hint);
                    let message = format!("{} could mean several columns", name.value);
                    self.findings.add(QueryErrorKind::BadQuery, at, message, hint);
                    return None;
                }
                Err(Missing::Unknown) if qualifier.is_empty() => {}
                // The table is here and lacks the column: an outer table of the same name is hidden.
                Err(Missing::Unknown) if scope.relation(qualifier).is_ok() => break,
                Err(Missing::Unknown) => {}
            }
        }
        let found = self.list_of_nested(qualifier, name);
        if found.is_none() {
            self.report_unknown(qualifier, name, at);
        }
        found
    }

    /// The column `lc.mag` of a table, which is one list of the nested column `lc`, where no table is called `lc`.
    fn list_of_nested(&self, qualifier: &[Name], name: &Name) -> Option<(Column, Expr)> {
        let scopes = self.scopes.iter().rev().enumerate();
        let known = scopes.filter(|(_, scope)| scope.relations.iter().all(|relation| relation.known));
        known.into_iter().find_map(|(depth, scope)| {
            (0..qualifier.len()).find_map(|tables| {
                let (table, nested) = qualifier.split_at(tables);
                let parts = || nested.iter().chain([name]);
                let value = parts().map(|part| part.value.as_str()).collect::<Vec<_>>().join(".");
                let list = Name { value, delimited: parts().any(|part| part.delimited) };
                let found = match table {
                    [] if depth > 0 => scope.find_from_inside(&list),
                    [] => scope.find(&list),
                    _ => scope.find_qualified(table, &list),
                };
                found.ok()
            })
        })
    }

    /// What to write for the name of a table that has an alias, or for a result column among the columns of FROM.
    fn aliased(&self, qualifier: &[Name], name: &Name) -> Option<String> {
        let Some(table) = qualifier.last() else {
            let is_output = self.scopes().any(|scope| scope.outputs.iter().any(|output| name.matches(output)));
            return is_output.then(|| format!("{} is a result column: write its expression here", name.value));
        };
        let relations = self.scopes().flat_map(|scope| &scope.relations);
        let aliased = relations.filter(|relation| relation.table.as_ref().is_some_and(|known| table.matches(known)));
        let alias = aliased.filter_map(|relation| relation.qualifier.last()).next()?;
        (!table.matches(alias)).then(|| format!("that table is called {alias} here"))
    }

    /// What to write for a column that both sides of an XMATCH have.
    fn numbered(&self, qualifier: &[Name], name: &Name) -> Option<String> {
        let meant = |relation: &&Relation| {
            qualifier.last().is_none_or(|table| relation.qualifier.last().is_some_and(|known| table.matches(known)))
        };
        let mut relations = self.scopes().flat_map(|scope| &scope.relations).filter(meant);
        relations.find_map(|relation| {
            let one = |suffix: &str| {
                let numbered = Name { value: format!("{}{suffix}", name.value), delimited: name.delimited };
                relation.columns.known_as().find(|known| numbered.matches(known)).map(str::to_owned)
            };
            Some(format!("write {} or {}", one("_1")?, one("_2")?))
        })
    }

    fn report_unknown(&mut self, qualifier: &[Name], name: &Name, at: Span) {
        let table_known = qualifier.is_empty() || self.scopes.iter().any(|scope| scope.relation(qualifier).is_ok());
        let shown = qualifier.iter().chain([name]).map(|name| name.value.as_str()).collect::<Vec<_>>().join(".");
        let scopes = || self.scopes.iter().rev();
        let (message, meant) = if table_known {
            (format!("unknown column {shown}"), scopes().find_map(|scope| scope.closest_column(&name.value)))
        } else {
            let table = qualifier.last().map_or("", |name| name.value.as_str());
            (
                format!("{shown}: there is no table {table} in FROM"),
                scopes().find_map(|scope| scope.closest_relation(table)),
            )
        };
        let differs_in_case = name.delimited && meant.is_some_and(|meant| same_in_any_case(meant, &name.value));
        let hint = meant.map(|meant| match differs_in_case {
            true => format!("did you mean \"{meant}\"? names in double quotes match exactly"),
            false => format!("did you mean {meant}?"),
        });
        let hint = self
            .aliased(qualifier, name)
            .or_else(|| self.numbered(qualifier, name))
            .or(hint)
            .or_else(|| qualifier.is_empty().then(|| hints::for_column(&name.value, name.delimited)).flatten());
        self.findings.add(QueryErrorKind::NotFound, at, message, hint);
    }
}
