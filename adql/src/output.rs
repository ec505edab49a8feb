//! What are the result columns called?
//!
//! A column keeps its exact name, an alias is taken as written, an expression is called after its function (else
//! `col_N`), and a name that occurs again gets a number. A star is left alone unless a name would occur twice or columns
//! were merged. Knows nothing of functions beyond their names.

use std::collections::{HashMap, HashSet};
use std::mem;

use sqlparser::ast::{Expr, Select, SelectItem, SelectItemQualifiedWildcardKind, SetExpr, Spanned};

use crate::bind::Binder;
use crate::names::{Name, exact};
use crate::scope::{Column, Expanded, Scope};
use crate::walk::{arguments, bare};

/// One result column.
pub(crate) struct Output {
    pub(crate) column: Column,
    /// What it is, bound; `None` for a column of a star that is left alone.
    pub(crate) expr: Option<Expr>,
}

/// The result column of that name, if exactly one can be meant.
pub(crate) fn find<'a>(outputs: &'a [Output], name: &Name) -> Option<&'a Output> {
    index(outputs, name).map(|index| &outputs[index])
}

/// Its index.
pub(crate) fn index(outputs: &[Output], name: &Name) -> Option<usize> {
    let named = |(_, output): &(usize, &Output)| name.matches(&output.column.known_as);
    let mut found = outputs.iter().enumerate().filter(named);
    match (found.next(), found.next()) {
        (Some((index, _)), None) => Some(index),
        _ => None,
    }
}

/// Whether a result column has the name of a column in FROM that it is not.
pub(crate) fn hides_a_column(outputs: &[Output], scope: &Scope) -> bool {
    let is_that_column = |expr: &Expr, name: &str| match expr {
        Expr::Identifier(ident) => ident.value == name,
        Expr::CompoundIdentifier(idents) => idents.last().is_some_and(|ident| ident.value == name),
        _ => false,
    };
    outputs.iter().any(|output| {
        let name = &output.column.exact;
        let other = output.expr.as_ref().is_some_and(|expr| !is_that_column(expr, name));
        other && scope.relations.iter().flat_map(|relation| relation.columns.exact()).any(|exact| *exact == **name)
    })
}

/// An item of the select list, bound but not yet named.
enum Item {
    One { expr: Box<Expr>, name: String, is_column: bool },
    Star { item: Box<SelectItem>, columns: Expanded },
}

/// Binds the select list and gives every column its name.
pub(crate) fn name_columns(binder: &mut Binder<'_, '_>, select: &mut Select) -> Vec<Output> {
    let items: Vec<Item> = mem::take(&mut select.projection)
        .into_iter()
        .enumerate()
        .filter_map(|(index, item)| bind_item(binder, item, index))
        .collect();
    let expands = !binder.scope().merged.is_empty() || has_duplicates(&items);
    let mut names = Names::default();
    let mut outputs = Vec::new();
    for item in items {
        match item {
            Item::One { expr, name, is_column } => {
                let unique = names.unique(&name);
                let plain = is_column && unique == name;
                select.projection.push(projected((*expr).clone(), &unique, plain));
                let unit = binder.output_unit(&expr);
                outputs.push(Output {
                    column: Column { exact: unique.into(), known_as: name.into(), unit },
                    expr: Some(*expr),
                });
            }
            Item::Star { item, columns } if !expands => {
                select.projection.push(*item);
                outputs.extend(columns.into_iter().map(|(column, expr)| Output {
                    column: Column::new(column.exact).with_unit(column.unit),
                    expr: Some(expr),
                }));
            }
            Item::Star { columns, .. } => {
                for (column, expr) in columns {
                    let unique = names.unique(&column.exact);
                    let plain =
                        *unique == *column.exact && matches!(expr, Expr::Identifier(_) | Expr::CompoundIdentifier(_));
                    select.projection.push(projected(expr.clone(), &unique, plain));
                    let column = Column { exact: unique.into(), known_as: column.exact, unit: column.unit };
                    outputs.push(Output { column, expr: Some(expr) });
                }
            }
        }
    }
    outputs
}

fn bind_item(binder: &mut Binder<'_, '_>, item: SelectItem, index: usize) -> Option<Item> {
    match item {
        SelectItem::UnnamedExpr(mut expr) => {
            let was_column = matches!(expr, Expr::Identifier(_) | Expr::CompoundIdentifier(_));
            binder.expr(&mut expr);
            let written = if was_column { merged_name(&expr) } else { None };
            let name = written.or_else(|| natural_name(&expr)).unwrap_or_else(|| format!("col_{}", index + 1));
            let is_column = matches!(expr, Expr::Identifier(_) | Expr::CompoundIdentifier(_));
            Some(Item::One { expr: Box::new(expr), name, is_column })
        }
        SelectItem::ExprWithAlias { mut expr, alias } => {
            binder.expr(&mut expr);
            Some(Item::One { expr: Box::new(expr), name: alias.value, is_column: false })
        }
        SelectItem::Wildcard(options) => {
            if binder.scope().relations.is_empty() {
                binder.findings.bad(options.wildcard_token.0.span, "there is no table for the *");
            }
            let columns = binder.scope().expand();
            Some(Item::Star { item: Box::new(SelectItem::Wildcard(options)), columns })
        }
        SelectItem::QualifiedWildcard(SelectItemQualifiedWildcardKind::ObjectName(name), options) => {
            let qualifier: Vec<Name> = name.0.iter().filter_map(|part| part.as_ident()).map(Name::from).collect();
            let Ok(relation) = binder.scope().relation(&qualifier) else {
                let meant = qualifier.last().and_then(|last| binder.scope().closest_relation(&last.value));
                let hint = meant.map(|meant| format!("did you mean {meant}?"));
                let message = format!("{name}.*: there is no such table in FROM");
                binder.findings.add(crate::QueryErrorKind::NotFound, name.span(), message, hint);
                return None;
            };
            let columns = Scope::expand_relation(relation);
            let idents: Vec<_> = relation.qualifier.iter().map(exact).collect();
            let kind = SelectItemQualifiedWildcardKind::ObjectName(idents.into());
            Some(Item::Star { item: Box::new(SelectItem::QualifiedWildcard(kind, options)), columns })
        }
        _ => None,
    }
}

fn has_duplicates(items: &[Item]) -> bool {
    let mut seen = HashSet::new();
    items.iter().any(|item| match item {
        Item::One { name, .. } => !seen.insert(name.as_str()),
        Item::Star { columns, .. } => columns.iter().any(|(column, _)| !seen.insert(&*column.exact)),
    })
}

fn projected(expr: Expr, name: &str, plain: bool) -> SelectItem {
    match plain {
        true => SelectItem::UnnamedExpr(expr),
        false => SelectItem::ExprWithAlias { expr, alias: exact(name) },
    }
}

/// The names given so far.
#[derive(Default)]
struct Names {
    taken: HashSet<String>,
    next: HashMap<String, usize>,
}

impl Names {
    /// The name itself, or with the first free number behind it.
    fn unique(&mut self, name: &str) -> String {
        if self.taken.insert(name.to_owned()) {
            return name.to_owned();
        }
        let next = self.next.entry(name.to_owned()).or_insert(2);
        loop {
            let numbered = format!("{name}_{next}");
            *next += 1;
            if self.taken.insert(numbered.clone()) {
                return numbered;
            }
        }
    }
}

/// The name of a column that a FULL JOIN merged of two: it is written as a call, and called as the left one.
fn merged_name(expr: &Expr) -> Option<String> {
    let Expr::Function(function) = expr else { return None };
    arguments(function).first().and_then(|left| merged_name(left).or_else(|| natural_name(left)))
}

/// What an expression without an alias is called.
fn natural_name(expr: &Expr) -> Option<String> {
    let name = match bare(expr) {
        Expr::Identifier(ident) => return Some(ident.value.clone()),
        Expr::CompoundIdentifier(idents) => return idents.last().map(|ident| ident.value.clone()),
        Expr::Function(function) => {
            return function.name.0.last().and_then(|part| part.as_ident()).map(|ident| ident.value.to_lowercase());
        }
        Expr::Cast { expr, .. } => return Some(natural_name(expr).unwrap_or_else(|| "cast".into())),
        Expr::Subquery(query) => return subquery_name(&query.body),
        Expr::Case { .. } => "case",
        Expr::Ceil { .. } => "ceil",
        Expr::Floor { .. } => "floor",
        Expr::Extract { .. } => "extract",
        Expr::Position { .. } => "position",
        Expr::Substring { .. } => "substring",
        Expr::Trim { .. } => "trim",
        Expr::Overlay { .. } => "overlay",
        Expr::Exists { .. } => "exists",
        _ => return None,
    };
    Some(name.into())
}

fn subquery_name(body: &SetExpr) -> Option<String> {
    match body {
        SetExpr::Select(select) => match select.projection.first()? {
            SelectItem::ExprWithAlias { alias, .. } => Some(alias.value.clone()),
            SelectItem::UnnamedExpr(expr) => natural_name(expr),
            _ => None,
        },
        SetExpr::SetOperation { left, .. } => subquery_name(left),
        SetExpr::Query(query) => subquery_name(&query.body),
        _ => None,
    }
}
