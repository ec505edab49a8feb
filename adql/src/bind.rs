//! What does every name in the query mean?
//!
//! Walks the query with its scopes (common table expressions, derived tables, joins, correlated sub-queries) and writes
//! each name out exactly. USING and NATURAL become ON, so that nothing depends on how a planner merges columns; result
//! columns get valid unique names. All names that mean nothing are reported together.
//!
//! Must not know functions or types.

use std::collections::HashSet;
use std::mem;

use sqlparser::ast::{
    BinaryOperator, Cte, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArgumentList, FunctionArguments,
    GroupByExpr, Ident, Join, JoinConstraint, JoinOperator, ObjectName, OrderBy, OrderByKind, Query, Select, SetExpr,
    Spanned, TableAlias, TableFactor, TableWithJoins, Value,
};
use sqlparser::tokenizer::Span;

use crate::balance::join as join_by;
use crate::error::{Findings, QueryErrorKind};
use crate::names::{Name, TableLookup, TableNames, exact};
use crate::output::{self, Output};
use crate::request::Label;
use crate::scope::{Column, Merged, Missing, Relation, Scope};
use crate::walk::{Part, bare, constraint_mut, parts};

/// A common table expression in sight.
struct Common {
    name: String,
    columns: Vec<Column>,
    known: bool,
    tables: usize,
}

/// What a query gives to the one around it.
pub(crate) struct Bound {
    pub(crate) columns: Vec<Column>,
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
    common: Vec<Common>,
    scopes: Vec<Scope>,
}

impl<'a, 'b> Binder<'a, 'b> {
    pub(crate) fn new(findings: &'a mut Findings<'b>, label: Label, names: &'a dyn TableNames) -> Self {
        Self { findings, label, names, used: Vec::new(), common: Vec::new(), scopes: Vec::new() }
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
                let mut bound = self.body(left);
                let other = self.body(right);
                if bound.known && other.known && bound.columns.len() != other.columns.len() {
                    let counts = format!("{} and {}", bound.columns.len(), other.columns.len());
                    self.findings.bad(at, format!("the operands of {op} have {counts} columns"));
                }
                bound.tables = bound.tables.saturating_add(other.tables);
                bound
            }
            _ => Bound { columns: Vec::new(), known: false, tables: 0 },
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
        }
        select.selection.iter_mut().for_each(|condition| self.expr(condition));
        self.group_by(select, &outputs);
        select.having.iter_mut().for_each(|condition| self.expr(condition));
        if let Some(order) = order {
            self.order_by(order, &outputs);
        }
        let known = !self.scope().has_unknown();
        self.scopes.pop();
        let columns = outputs.into_iter().map(|output| output.column).collect();
        Bound { columns, known, tables }
    }

    /// The innermost scope.
    pub(crate) fn scope(&self) -> &Scope {
        self.scopes.last().expect("a SELECT pushes its scope before it binds expressions")
    }

    /// Adds the tables of a FROM item to the scope, unless a name occurs twice.
    fn append(&mut self, scope: &mut Scope, local: Scope) {
        for relation in &local.relations {
            if scope.relations.iter().any(|other| other.qualifier == relation.qualifier) {
                let name = relation.qualifier.join(".");
                let message = format!("{name} occurs twice in FROM");
                self.findings.hinted(relation.at, message, "give one of them an alias");
            }
        }
        scope.append(local);
    }

    fn tables(&mut self, item: &mut TableWithJoins, before: &mut [&mut Scope], tables: &mut usize) -> Scope {
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
            TableFactor::Table { name, alias, .. } => {
                let relation = self.table(name, alias.as_mut(), tables);
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

    fn table(&mut self, name: &mut ObjectName, alias: Option<&mut TableAlias>, tables: &mut usize) -> Relation {
        let at = name.span();
        let written: Vec<Name> = name.0.iter().filter_map(|part| part.as_ident()).map(Name::from).collect();
        let (path, mut bound) = self.look_up(&written, at);
        *tables = tables.saturating_add(bound.tables);
        *name = ObjectName::from(path.iter().map(exact).collect::<Vec<_>>());
        let qualifier = alias.map(|alias| vec![self.rename(&mut bound, alias)]);
        let written = match qualifier {
            Some(_) => Vec::new(),
            None => written.into_iter().map(|name| name.value).collect(),
        };
        Relation { qualifier: qualifier.unwrap_or(path), written, columns: bound.columns, known: bound.known, at }
    }

    /// The exact path and the columns of a table: a common table expression first, then the catalogs.
    fn look_up(&mut self, written: &[Name], at: Span) -> (Vec<String>, Bound) {
        if let [name] = written
            && let Some(common) = self.common.iter().rev().find(|common| name.matches(&common.name))
        {
            let bound = Bound { columns: common.columns.clone(), known: common.known, tables: common.tables };
            return (vec![common.name.clone()], bound);
        }
        let shown = written.iter().map(|name| name.value.as_str()).collect::<Vec<_>>().join(".");
        let hint = match self.names.table(written) {
            TableLookup::Found(info) => {
                if !self.used.contains(&info.path) {
                    self.used.push(info.path.clone());
                }
                let columns = info.columns.into_iter().map(Column::new).collect();
                return (info.path, Bound { columns, known: true, tables: 1 });
            }
            TableLookup::NotFound { suggestions } if suggestions.is_empty() => None,
            TableLookup::NotFound { suggestions } => Some(format!("did you mean {}?", suggestions.join(" or "))),
            TableLookup::Ambiguous(several) => {
                let hint = format!("write one of {}", several.join(", "));
                self.findings.hinted(at, format!("{shown} could mean several tables"), hint);
                return (
                    written.iter().map(|name| name.value.clone()).collect(),
                    Bound { columns: Vec::new(), known: false, tables: 1 },
                );
            }
        };
        self.findings.add(QueryErrorKind::NotFound, at, format!("unknown table {shown}"), hint);
        let path = written.iter().map(|name| name.value.clone()).collect();
        (path, Bound { columns: Vec::new(), known: false, tables: 1 })
    }

    /// Applies `AS name (column, ...)`; gives the exact name.
    fn rename(&mut self, bound: &mut Bound, alias: &mut TableAlias) -> String {
        if bound.known && alias.columns.len() > bound.columns.len() {
            let message = format!("{} names for {} columns", alias.columns.len(), bound.columns.len());
            self.findings.bad(alias.span(), message);
        }
        for (index, column) in alias.columns.iter_mut().enumerate() {
            column.name = exact(&column.name.value);
            match bound.columns.get_mut(index) {
                Some(renamed) => *renamed = Column::new(&column.name.value),
                None => bound.columns.push(Column::new(&column.name.value)),
            }
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
                .filter_map(|column| match column.0.as_slice() {
                    [part] => part.as_ident().map(|ident| (Name::from(ident), ident.span)),
                    _ => {
                        self.findings.bad(column.span(), "USING takes bare names of columns");
                        None
                    }
                })
                .collect(),
            JoinConstraint::Natural => {
                common_columns(scope, left_relations).into_iter().map(|name| (name, at)).collect()
            }
        };
        let mut sides = Sides { scope, left_relations, left_merged };
        let conditions: Vec<Expr> = names
            .into_iter()
            .filter_map(|(name, at)| sides.merge(&name, at, (keeps_left, keeps_right), self.findings))
            .collect();
        if conditions.is_empty() {
            *constraint = JoinConstraint::None;
            join.join_operator = JoinOperator::CrossJoin(JoinConstraint::None);
        } else {
            *constraint = JoinConstraint::On(join_by(conditions, &BinaryOperator::And));
        }
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
                (None, Expr::Identifier(ident)) if self.label == Label::Sql => {
                    let name = Name::from(ident);
                    let hidden = matches!(self.scope().find(&name), Err(Missing::Unknown));
                    hidden.then(|| output::index(outputs, &name)).flatten()
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

    fn order_by(&mut self, order: &mut OrderBy, outputs: &[Output]) {
        let OrderByKind::Expressions(items) = &mut order.kind else { return };
        for item in items {
            if let Some(number) = position(&item.expr) {
                if number == 0 || (number > outputs.len() && !self.scope().has_unknown()) {
                    self.findings.bad(item.expr.span(), format!("there is no result column {number}"));
                }
                continue;
            }
            if let Expr::Identifier(ident) = &item.expr
                && let Some(output) = output::find(outputs, &Name::from(ident))
            {
                item.expr = Expr::Identifier(exact(&output.column.exact));
                continue;
            }
            self.expr(&mut item.expr);
        }
    }

    /// ORDER BY of a set operation: only its result columns are in sight.
    fn order_by_output(&mut self, order: Option<&mut OrderBy>, bound: &Bound) {
        let Some(OrderByKind::Expressions(items)) = order.map(|order| &mut order.kind) else { return };
        let relation = Relation {
            qualifier: Vec::new(),
            written: Vec::new(),
            columns: bound.columns.clone(),
            known: bound.known,
            at: Span::empty(),
        };
        self.scopes.push(Scope::of(relation));
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
                parts(other, &mut |part| match part {
                    Part::Expr(inner) => self.expr(inner),
                    Part::Query(query) => {
                        self.query(query);
                    }
                });
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
                Err(Missing::Ambiguous(several)) => {
                    let hint = format!("write one of {}", several.join(", "));
                    self.findings.hinted(at, format!("{} could mean several columns", name.value), hint);
                    return None;
                }
                Err(Missing::Unknown) if qualifier.is_empty() => {}
                // The table is here and lacks the column: an outer table of the same name is hidden.
                Err(Missing::Unknown) if scope.relation(qualifier).is_ok() => break,
                Err(Missing::Unknown) => {}
            }
        }
        self.report_unknown(qualifier, name, at);
        None
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
        let differs_in_case =
            name.delimited && meant.is_some_and(|meant| crate::names::same_in_any_case(meant, &name.value));
        let hint = meant.map(|meant| match differs_in_case {
            true => format!("did you mean \"{meant}\"? names in double quotes match exactly"),
            false => format!("did you mean {meant}?"),
        });
        self.findings.add(QueryErrorKind::NotFound, at, message, hint);
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
        let hidden: HashSet<(usize, usize)> =
            self.scope.merged.iter().flat_map(|merged| merged.hides.iter().copied()).collect();
        for (r, relation) in self.scope.relations.iter().enumerate().filter(|(r, _)| on_side(*r)) {
            for (c, column) in relation.columns.iter().enumerate() {
                if name.matches(&column.known_as) && !hidden.contains(&(r, c)) {
                    let qualified = relation.qualifier.iter().chain([&column.exact]).map(exact).collect();
                    let expr = Expr::CompoundIdentifier(qualified);
                    found.push(Merged { column: column.clone(), expr, hides: vec![(r, c)] });
                }
            }
        }
        found
    }
}

/// The columns that both sides of a NATURAL join have, in the order of the left one.
fn common_columns(scope: &Scope, left_relations: usize) -> Vec<Name> {
    let (left, right) = scope.relations.split_at(left_relations.min(scope.relations.len()));
    let mut names: Vec<Name> = Vec::new();
    for column in left.iter().flat_map(|relation| &relation.columns) {
        let name = Name { value: column.known_as.clone(), delimited: false };
        let there = right.iter().flat_map(|relation| &relation.columns).any(|other| name.matches(&other.known_as));
        if there && !names.iter().any(|known| known.matches(&name.value)) {
            names.push(name);
        }
    }
    names
}

fn coalesce(left: Expr, right: Expr) -> Expr {
    call("coalesce", vec![left, right])
}

/// A call of a function by its exact name.
pub(crate) fn call(name: &str, arguments: Vec<Expr>) -> Expr {
    call_of(Ident::new(name), arguments)
}

/// The same, of a name with its place.
pub(crate) fn call_of(name: Ident, arguments: Vec<Expr>) -> Expr {
    let args = arguments.into_iter().map(|expr| FunctionArg::Unnamed(FunctionArgExpr::Expr(expr))).collect();
    Expr::Function(Function {
        name: ObjectName::from(vec![name]),
        uses_odbc_syntax: false,
        parameters: FunctionArguments::None,
        args: FunctionArguments::List(FunctionArgumentList { duplicate_treatment: None, args, clauses: Vec::new() }),
        filter: None,
        null_treatment: None,
        over: None,
        within_group: Vec::new(),
    })
}

/// The number of a result column, where an item is just a whole number.
pub(crate) fn position(expr: &Expr) -> Option<usize> {
    let Expr::Value(value) = bare(expr) else { return None };
    match &value.value {
        Value::Number(digits, _) => digits.parse().ok(),
        _ => None,
    }
}

fn number_literal(number: usize) -> Expr {
    Expr::value(Value::Number(number.to_string(), false))
}

/// Keeps the place of what the user wrote on the names written out for it.
fn with_span(mut expr: Expr, at: Span) -> Expr {
    match &mut expr {
        Expr::Identifier(ident) => ident.span = at,
        Expr::CompoundIdentifier(idents) => idents.iter_mut().for_each(|ident| ident.span = at),
        _ => {}
    }
    expr
}
