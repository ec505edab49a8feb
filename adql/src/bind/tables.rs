//! The tables of a FROM, and what a join makes of their columns.
//!
//! USING and NATURAL become ON: each pair of equal columns turns into a condition and one merged column, which is the
//! side that a join keeps, or for FULL whichever of the two is there.

use std::mem;
use std::sync::Arc;

use sqlparser::ast::{
    BinaryOperator, Expr, Ident, Join, JoinConstraint, JoinOperator, ObjectName, Query, Spanned, TableAlias,
    TableAliasColumnDef, TableFactor, TableWithJoins, Value,
};
use sqlparser::tokenizer::Span;

use super::{Binder, Bound};
use crate::balance::join as join_by;
use crate::check::TableReference;
use crate::columns::Columns;
use crate::error::{Findings, QueryErrorKind};
use crate::names::{Name, TableInfo, TableLookup, exact};
use crate::personal;
use crate::scope::{Column, Merged, Relation, Scope};
use crate::walk::constraint_mut;
use crate::write::call;

impl Binder<'_, '_> {
    /// Adds the tables of a FROM item to the scope, unless a name occurs twice.
    pub(super) fn append(&mut self, scope: &mut Scope, local: Scope) {
        for relation in &local.relations {
            if scope.relations.iter().any(|other| other.qualifier == relation.qualifier) {
                let name = relation.qualifier.join(".");
                let message = format!("{name} occurs twice in FROM");
                self.findings.hinted(relation.at, message, "give one of them an alias");
            }
        }
        scope.append(local);
    }

    pub(super) fn tables(&mut self, item: &mut TableWithJoins, before: &mut [&mut Scope], tables: &mut usize) -> Scope {
        let mut scope = self.factor(&mut item.relation, before, tables);
        for join in &mut item.joins {
            let mut sight: Vec<&mut Scope> = before.iter_mut().map(|scope| &mut **scope).chain([&mut scope]).collect();
            let right = self.factor(&mut join.relation, &mut sight, tables);
            let left_relations = scope.relations.len();
            let left_merged = scope.merged.len();
            self.append(&mut scope, right);
            self.constraint(join, &mut scope, left_relations, left_merged);
        }
        scope
    }

    fn factor(&mut self, factor: &mut TableFactor, before: &mut [&mut Scope], tables: &mut usize) -> Scope {
        match factor {
            TableFactor::Table { args: Some(_), .. } => Scope::of(self.xmatch(factor, tables)),
            TableFactor::Table { name, alias, sample, .. } => {
                let named = sample.is_some() && Self::name_sampled(name, alias);
                let mut relation = self.table(name, alias, tables);
                if named {
                    let path = name.0.iter().filter_map(|part| part.as_ident());
                    relation.written = path.map(|ident| ident.value.clone()).collect();
                }
                self.sample(factor, &relation);
                Scope::of(relation)
            }
            TableFactor::Derived { lateral, subquery, alias, .. } => {
                let mut bound = if *lateral { self.lateral(subquery, before) } else { self.query(subquery) };
                *tables = tables.saturating_add(bound.tables);
                let qualifier = alias.as_mut().map(|alias| self.rename(&mut bound, alias)).unwrap_or_default();
                let relation = Relation {
                    written: Vec::new(),
                    qualifier: vec![qualifier],
                    columns: bound.columns,
                    known: bound.known,
                    at: alias.as_ref().map_or_else(Span::empty, |alias| alias.name.span),
                    table: None,
                };
                Scope::of(relation)
            }
            TableFactor::NestedJoin { table_with_joins, .. } => self.tables(table_with_joins, before, tables),
            _ => Scope::default(),
        }
    }

    /// Binds a sub-query that sees the tables before it.
    fn lateral(&mut self, subquery: &mut Query, before: &mut [&mut Scope]) -> Bound {
        let outer = self.scopes.len();
        self.scopes.extend(before.iter_mut().map(|scope| mem::take(&mut **scope)));
        let bound = self.query(subquery);
        for (scope, seen) in before.iter_mut().zip(self.scopes.drain(outer..)) {
            **scope = seen;
        }
        bound
    }

    pub(super) fn table(
        &mut self,
        name: &mut ObjectName,
        alias: &mut Option<TableAlias>,
        tables: &mut usize,
    ) -> Relation {
        let mut at = name.span();
        let written: Vec<Name> = name.0.iter().filter_map(|part| part.as_ident()).map(Name::from).collect();
        let pin = self.pin_of(name);
        let (known_as, (path, mut bound)) = match &pin {
            Some(pin) => {
                at.end = pin.at.end;
                self.look_up_version(&written, &pin.snapshot, at)
            }
            None => self.look_up_any(&written, at),
        };
        *tables = tables.saturating_add(bound.tables);
        *name = ObjectName::from(path.iter().map(exact).collect::<Vec<_>>());
        let unaliased = alias.is_none();
        if let (true, Some(name)) = (unaliased, known_as.as_ref().and_then(|path| path.last())) {
            *alias = Some(TableAlias { explicit: true, name: exact(name), columns: Vec::new(), at: None });
        }
        let qualifier = alias.as_mut().map(|alias| vec![self.rename(&mut bound, alias)]);
        let table = path.last().cloned().filter(|_| qualifier.is_some());
        let written = match unaliased {
            false => Vec::new(),
            true => known_as.unwrap_or_else(|| written.into_iter().map(|name| name.value).collect()),
        };
        let qualifier = qualifier.unwrap_or(path);
        Relation { qualifier, written, columns: bound.columns, known: bound.known, at, table }
    }

    /// Notes a table that is used.
    pub(super) fn found(&mut self, info: TableInfo, at: Span) -> (Vec<String>, Bound) {
        if !self.used.contains(&info.path) {
            self.used.push(info.path.clone());
        }
        self.references.push(TableReference { path: info.path.clone(), at });
        let table: Arc<[String]> = info.path.as_slice().into();
        let columns = Columns::OfTable { table, names: info.columns };
        (info.path, Bound { columns, known: true, tables: 1 })
    }

    /// The exact path and the columns of a table: a common table expression first, then the catalogs.
    pub(super) fn look_up(&mut self, written: &[Name], at: Span) -> (Vec<String>, Bound) {
        if let [name] = written
            && let Some(common) = self.common.iter().rev().find(|common| name.matches(&common.name))
        {
            let bound = Bound { columns: common.columns.clone(), known: common.known, tables: common.tables };
            return (vec![common.name.clone()], bound);
        }
        let shown = written.iter().map(|name| name.value.as_str()).collect::<Vec<_>>().join(".");
        let hint = match self.names.table(written) {
            TableLookup::Found(info) => {
                return self.found(info, at);
            }
            TableLookup::NotFound { suggestions } => personal::absence(written).or_else(|| {
                let meant = suggestions.join(" or ");
                (!meant.is_empty()).then(|| format!("did you mean {meant}?"))
            }),
            TableLookup::Ambiguous(several) => {
                let hint = format!("write one of {}", several.join(", "));
                self.findings.hinted(at, format!("{shown} could mean several tables"), hint);
                return (
                    written.iter().map(|name| name.value.clone()).collect(),
                    Bound { columns: Columns::default(), known: false, tables: 1 },
                );
            }
        };
        self.findings.add(QueryErrorKind::NotFound, at, format!("unknown table {shown}"), hint);
        let path = written.iter().map(|name| name.value.clone()).collect();
        (path, Bound { columns: Columns::default(), known: false, tables: 1 })
    }

    /// Applies `AS name (column, ...)`; gives the exact name.
    pub(super) fn rename(&mut self, bound: &mut Bound, alias: &mut TableAlias) -> String {
        if bound.known && alias.columns.len() > bound.columns.len() {
            let message = format!("{} names for {} columns", alias.columns.len(), bound.columns.len());
            self.findings.bad(alias.span(), message);
        }
        if !alias.columns.is_empty() {
            bound.columns.rename(|columns| rename(columns, alias));
        }
        alias.explicit = true;
        alias.name = Ident { span: alias.name.span, ..exact(&alias.name.value) };
        alias.name.value.clone()
    }

    /// Binds the condition of a join; USING and NATURAL become ON.
    fn constraint(&mut self, join: &mut Join, scope: &mut Scope, left_relations: usize, left_merged: usize) {
        let at = join.relation.span();
        let (keeps_left, keeps_right) = match &join.join_operator {
            JoinOperator::Right(_) | JoinOperator::RightOuter(_) => (false, true),
            JoinOperator::FullOuter(_) => (true, true),
            _ => (true, false),
        };
        let inner = matches!(join.join_operator, JoinOperator::Join(_) | JoinOperator::Inner(_));
        let Some(constraint) = constraint_mut(&mut join.join_operator) else { return };
        let names: Vec<(Name, Span)> = match constraint {
            JoinConstraint::On(condition) => {
                self.scopes.push(mem::take(scope));
                self.expr(condition);
                *scope = self.scopes.pop().unwrap_or_default();
                return;
            }
            JoinConstraint::None => return,
            JoinConstraint::Using(columns) => columns
                .iter()
                .filter_map(|column| column.0.first().and_then(|part| part.as_ident()))
                .map(|ident| (Name::from(ident), ident.span))
                .collect(),
            JoinConstraint::Natural => {
                common_columns(scope, left_relations).into_iter().map(|name| (name, at)).collect()
            }
        };
        self.mixes |= keeps_left && keeps_right && !names.is_empty();
        let mut sides = Sides { scope, left_relations, left_merged };
        let conditions: Vec<Expr> = names
            .into_iter()
            .filter_map(|(name, at)| sides.merge(&name, at, (keeps_left, keeps_right), self.findings))
            .collect();
        if conditions.is_empty() && inner {
            join.join_operator = JoinOperator::CrossJoin(JoinConstraint::None);
        } else if conditions.is_empty() {
            *constraint = JoinConstraint::On(Expr::value(Value::Boolean(true)));
        } else {
            *constraint = JoinConstraint::On(join_by(conditions, &BinaryOperator::And));
        }
    }
}

/// The two sides of a join whose equal columns are merged.
struct Sides<'a> {
    scope: &'a mut Scope,
    left_relations: usize,
    left_merged: usize,
}

impl Sides<'_> {
    /// Merges one column of both sides; gives the condition that they are equal.
    fn merge(&mut self, name: &Name, at: Span, keeps: (bool, bool), findings: &mut Findings<'_>) -> Option<Expr> {
        let left = self.side(name, true);
        let right = self.side(name, false);
        let report = |side: &str, found: usize| match found {
            0 => format!("USING: there is no column {} on the {side}", name.value),
            _ => format!("USING: {} could mean several columns on the {side}", name.value),
        };
        for (side, found) in [("left", &left), ("right", &right)] {
            if found.len() != 1 && !self.scope.has_unknown() {
                findings.bad(at, report(side, found.len()));
            }
        }
        let (Some(left), Some(right)) = (left.into_iter().next(), right.into_iter().next()) else { return None };
        let expr = match keeps {
            (true, true) => coalesce(left.expr.clone(), right.expr.clone()),
            (false, _) => right.expr.clone(),
            _ => left.expr.clone(),
        };
        let condition =
            Expr::BinaryOp { left: Box::new(left.expr), op: BinaryOperator::Eq, right: Box::new(right.expr) };
        let hides = left.hides.into_iter().chain(right.hides).collect();
        self.scope.merged.retain(|merged| merged.column.exact != left.column.exact);
        self.scope.merged.push(Merged { column: left.column, expr, hides });
        self.left_merged = self.left_merged.min(self.scope.merged.len());
        Some(condition)
    }

    fn side(&self, name: &Name, left: bool) -> Vec<Merged> {
        let on_side = |relation: usize| (relation < self.left_relations) == left;
        let merged = self.scope.merged.iter().filter(|merged| {
            name.matches(&merged.column.known_as)
                && merged.hides.first().is_some_and(|(relation, _)| on_side(*relation))
        });
        let mut found: Vec<Merged> = merged.cloned().collect();
        for (r, relation) in self.scope.relations.iter().enumerate().filter(|(r, _)| on_side(*r)) {
            for (c, column) in relation.columns.matching(name).filter(|(c, _)| !self.scope.is_hidden((r, *c))) {
                let parts = relation.qualifier.iter().map(String::as_str).chain([&*column.exact]);
                let expr = Expr::CompoundIdentifier(parts.map(exact).collect());
                found.push(Merged { column, expr, hides: vec![(r, c)] });
            }
        }
        found
    }
}

/// The columns that both sides of a NATURAL join have, in the order of the left one.
fn common_columns(scope: &Scope, left_relations: usize) -> Vec<Name> {
    let (left, right) = scope.relations.split_at(left_relations.min(scope.relations.len()));
    let mut names: Vec<Name> = Vec::new();
    for known in left.iter().flat_map(|relation| relation.columns.known_as()) {
        let name = Name { value: known.to_owned(), delimited: false };
        let there = right.iter().any(|relation| relation.columns.matching(&name).next().is_some());
        if there && !names.iter().any(|known| known.matches(&name.value)) {
            names.push(name);
        }
    }
    names
}

/// Gives columns the names of an alias, the first to the first; where it has fewer, as PostgreSQL allows, the others keep theirs.
fn rename(columns: &mut Vec<Column>, alias: &mut TableAlias) {
    for (index, column) in alias.columns.iter_mut().enumerate() {
        column.name = exact(&column.name.value);
        let name = column.name.value.as_str();
        match columns.get_mut(index) {
            Some(renamed) => *renamed = Column::new(name).with_unit(mem::take(&mut renamed.unit)),
            None => columns.push(Column::new(name)),
        }
    }
    let others = columns.iter().skip(alias.columns.len());
    alias.columns.extend(others.map(|column| TableAliasColumnDef { name: exact(&*column.exact), data_type: None }));
}

fn coalesce(left: Expr, right: Expr) -> Expr {
    call("coalesce", vec![left, right])
}
