//! A crossmatch as a table: XMATCH.
//!
//! ```text
//!  FROM XMATCH(a, b, 0.001) AS m
//!      ->  FROM (SELECT "left"."ra" AS "ra_1", .., "right"."ra" AS "ra_2", .., DISTANCE(..) AS "separation"
//!                FROM a AS "left" JOIN b AS "right" ON DISTANCE(..) <= 0.001) AS "m"
//! ```
//! So nothing behind this step knows of it. Each side is a table, a common table expression, a sub-query or another
//! XMATCH; where its rows lie, the table is asked ([`TableNames::position`]), or its columns are called so.
//!
//! [`TableNames::position`]: crate::TableNames::position

use std::collections::HashSet;
use std::sync::Arc;

use sqlparser::ast::{
    Expr, FunctionArg, FunctionArgExpr, Ident, ObjectName, Query, Spanned, TableAlias, TableFactor, TableFunctionArgs,
    UnaryOperator, Value,
};
use sqlparser::tokenizer::Span;

use super::xmatch_query::{How, Match, Placed};
use super::{Binder, Bound};
use crate::columns::Columns;
use crate::error::QueryErrorKind;
use crate::limits::Limits;
use crate::names::{Name, exact};
use crate::scope::{Column, ColumnUnit, Relation};
use crate::units::Unit;
use crate::walk::{Part, bare, parts, take_arguments};
use crate::write::table_of;

/// The name of the function, and of its result where it has no alias.
pub(crate) const XMATCH: &str = "XMATCH";
/// The column of separations.
pub(super) const SEPARATION: &str = "separation";
/// What columns of positions are called in the result of a query, by preference.
const POSITIONS: [(&str, &str); 4] =
    [("ra", "dec"), ("raj2000", "dej2000"), ("_raj2000", "_dej2000"), ("ra_icrs", "de_icrs")];
const FORM: &str = "write XMATCH(left, right, degrees), then how many of the nearest, or how: 'best1'";

/// One table of a match, bound.
struct Side {
    table: Placed,
    columns: Vec<Column>,
    tables: usize,
}

/// A match, bound, and its columns.
struct Matched {
    query: Query,
    columns: Vec<Column>,
    position: (Arc<str>, Arc<str>),
    tables: usize,
}

/// Whether this is the name of the function.
pub(crate) fn is_xmatch(name: &ObjectName) -> bool {
    let [part] = name.0.as_slice() else { return false };
    part.as_ident().is_some_and(|ident| ident.quote_style.is_none() && ident.value.eq_ignore_ascii_case(XMATCH))
}

impl Binder<'_, '_> {
    /// Puts the sub-query that matches two tables in the place of a call; the table it is.
    pub(super) fn xmatch(&mut self, factor: &mut TableFactor, tables: &mut usize) -> Relation {
        let TableFactor::Table { name, alias, args: Some(TableFunctionArgs { args, .. }), .. } = factor else {
            return Relation::unnamed(Columns::default(), false);
        };
        let at = name.span();
        let given = args.drain(..).filter_map(unnamed).collect();
        let mut alias = alias.take().unwrap_or_else(|| named(XMATCH.to_lowercase()));
        let matched = self.matched(given, at);
        let (columns, known) = match matched {
            Some(Matched { query, columns, tables: read, .. }) => {
                *tables = tables.saturating_add(read);
                let subquery = Box::new(query);
                *factor = TableFactor::Derived { lateral: false, subquery, alias: None, sample: None };
                (Columns::Listed(columns), true)
            }
            None => (Columns::default(), false),
        };
        let mut bound = Bound { columns, known, tables: 0 };
        let at = if alias.explicit { alias.name.span } else { at };
        let qualifier = vec![self.rename(&mut bound, &mut alias)];
        if let TableFactor::Derived { alias: place, .. } = factor {
            *place = Some(alias);
        }
        Relation { written: Vec::new(), qualifier, columns: bound.columns, known, at, table: None }
    }

    /// Binds the arguments and writes the query; `None` where something is wrong, which is reported.
    fn matched(&mut self, given: Vec<Expr>, at: Span) -> Option<Matched> {
        let mut given = given.into_iter();
        let (Some(mut left), Some(mut right), Some(radius)) = (given.next(), given.next(), given.next()) else {
            self.findings.hinted(at, "XMATCH takes two tables and a radius", FORM);
            return None;
        };
        let rest: Vec<Expr> = given.collect();
        let radius = self.radius(radius);
        let how = self.how(&rest, at);
        let (left, right) = (self.side(&mut left), self.side(&mut right));
        let (left, right, (how, count)) = (left?, right?, how?);
        let tables = left.tables.saturating_mul(1 + usize::from(how == How::Mutual));
        let tables = tables.saturating_add(right.tables).saturating_add(1);
        if tables > Limits::DEFAULT.tables {
            let message = format!("XMATCH reads {tables} tables; at most {} are taken", Limits::DEFAULT.tables);
            self.findings.add(QueryErrorKind::LimitExceeded, at, message, None);
            return None;
        }
        let radius = radius?;
        let names = names(&left, &right, how);
        let columns = columns(&left, &right, &names, how);
        let (lon, lat) = &left.table.position;
        let position = (renamed(lon, &names[0]), renamed(lat, &names[0]));
        let request = Match { left: left.table, right: right.table, radius, how, count, names };
        Some(Matched { query: request.into_query(), columns, position, tables })
    }

    /// A constant in degrees.
    fn radius(&mut self, mut radius: Expr) -> Option<Expr> {
        let at = radius.span();
        if !is_constant(&mut radius) {
            let hint = "for a radius of each row write a JOIN ON DISTANCE(..) <= radius";
            self.findings.hinted(at, "the radius of XMATCH is a constant in degrees", hint);
            return None;
        }
        if matches!(bare(&radius), Expr::UnaryOp { op: UnaryOperator::Minus, .. }) || is_text(&radius) {
            self.findings.hinted(
                at,
                "the radius of XMATCH is a number of degrees, not below 0",
                "2 arcsec: 2 / 3600.0",
            );
            return None;
        }
        Some(radius)
    }

    /// How many of the nearest, and which pairs.
    fn how(&mut self, given: &[Expr], at: Span) -> Option<(How, u64)> {
        let (count, how) = match given {
            [] => (None, None),
            [one] if is_text(one) => (None, Some(one)),
            [count] => (Some(count), None),
            [count, how] => (Some(count), Some(how)),
            _ => {
                self.findings.hinted(at, "XMATCH takes at most five arguments", FORM);
                return None;
            }
        };
        let number = match count.map(|count| (whole(count), count.span())) {
            None => None,
            Some((Some(number), _)) if number > 0 => Some(number),
            Some((_, at)) => {
                self.findings.hinted(at, "how many of the nearest is a whole number from 1", FORM);
                return None;
            }
        };
        let how = match how {
            None if number.is_some() => How::Best1,
            None => How::All,
            Some(written) => {
                let found = text(written).and_then(How::from_name);
                if found.is_none() {
                    let message = "this is no kind of match";
                    self.findings.hinted(written.span(), message, format!("one of {}", How::names()));
                }
                found?
            }
        };
        if number.is_some() && !how.counts() {
            let message = "how many of the nearest goes with 'best1', 'best2' and 'each' only";
            self.findings.bad(count.map_or(at, Spanned::span), message);
            return None;
        }
        Some((how, number.unwrap_or(1)))
    }

    /// Binds one of the tables.
    fn side(&mut self, given: &mut Expr) -> Option<Side> {
        let at = given.span();
        match given {
            Expr::Nested(inner) => self.side(inner),
            Expr::Identifier(ident) => {
                let ident = ident.clone();
                self.table_side(vec![ident], at)
            }
            Expr::CompoundIdentifier(idents) => {
                let idents = idents.clone();
                self.table_side(idents, at)
            }
            Expr::Subquery(query) => {
                let bound = self.query(query);
                let factor =
                    TableFactor::Derived { lateral: false, subquery: query.clone(), alias: None, sample: None };
                self.placed(factor, bound, at)
            }
            Expr::Function(function) if is_xmatch(&function.name) => {
                let Matched { query, columns, position, tables } = self.matched(take_arguments(function), at)?;
                let subquery = Box::new(query);
                let factor = TableFactor::Derived { lateral: false, subquery, alias: None, sample: None };
                Some(Side { table: Placed { factor, position }, columns, tables })
            }
            _ => {
                let hint = "write the name of a table, or a sub-query in parentheses";
                self.findings.hinted(at, "XMATCH takes tables", hint);
                None
            }
        }
    }

    fn table_side(&mut self, idents: Vec<Ident>, at: Span) -> Option<Side> {
        let (mut name, mut tables) = (ObjectName::from(idents), 0);
        // What a snapshot is known as does not matter: the sides get names of their own.
        let relation = self.table(&mut name, &mut None, &mut tables);
        let bound = Bound { columns: relation.columns, known: relation.known, tables };
        self.placed(table_of(name, None), bound, at)
    }

    /// A bound table with the columns that its rows lie at.
    fn placed(&mut self, factor: TableFactor, bound: Bound, at: Span) -> Option<Side> {
        if !bound.known {
            return None;
        }
        let Some(position) = self.position(&bound.columns) else {
            let hint = "match a sub-query whose columns are called ra and dec, in degrees: (SELECT .. AS ra, .. AS dec FROM ..)";
            self.findings.hinted(at, "which columns of this table are positions is not known", hint);
            return None;
        };
        Some(Side { table: Placed { factor, position }, columns: bound.columns.into_vec(), tables: bound.tables })
    }

    /// The exact names of longitude and latitude: a table says it; of a query, the columns of these names, else those
    /// that are the position of a table.
    fn position(&self, columns: &Columns) -> Option<(Arc<str>, Arc<str>)> {
        if let Columns::OfTable { table, .. } = columns
            && let Some((lon, lat)) = self.names.position(table)
        {
            return Some((lon.into(), lat.into()));
        }
        let one = |name: &str| {
            let name = Name { value: name.to_owned(), delimited: false };
            let mut found = columns.matching(&name);
            let first = found.next().map(|(_, column)| column.exact);
            first.filter(|_| found.next().is_none())
        };
        let called = POSITIONS.iter().find_map(|(lon, lat)| one(lon).zip(one(lat)));
        called.or_else(|| {
            let of = |column: &Column, table: &[String], name: &str| match &column.unit {
                ColumnUnit::OfTable { table: origin, column } => **origin == *table && **column == *name,
                _ => false,
            };
            columns.iter().find_map(|column| {
                let ColumnUnit::OfTable { table, .. } = &column.unit else { return None };
                let (lon, lat) = self.names.position(table)?;
                let lat = columns.iter().find(|other| of(other, table, &lat))?;
                of(&column, table, &lon).then_some((column.exact, lat.exact))
            })
        })
    }
}

/// A column's own name, and its name in the result.
type Renamed = (String, String);

/// The names of the columns in the result, by side: those that both sides have, in any case, get a number.
fn names(left: &Side, right: &Side, how: How) -> [Vec<Renamed>; 2] {
    let own = |side: &Side| side.columns.iter().map(|column| column.exact.to_string()).collect::<Vec<_>>();
    if !how.gives_pairs() {
        return [own(left).into_iter().map(|name| (name.clone(), name)).collect(), Vec::new()];
    }
    let keys = |side: &Side| own(side).iter().map(|name| name.to_lowercase()).collect::<HashSet<_>>();
    let (of_left, of_right) = (keys(left), keys(right));
    let mut taken: HashSet<String> = of_left.union(&of_right).cloned().chain([SEPARATION.to_owned()]).collect();
    let mut side = |side: &Side, other: &HashSet<String>, suffix: &str| {
        let unique = |own: String| {
            let (key, mut name) = (own.to_lowercase(), own.clone());
            if other.contains(&key) || key == SEPARATION {
                name += suffix;
                while !taken.insert(name.to_lowercase()) {
                    name += suffix;
                }
            }
            (own, name)
        };
        side.columns.iter().map(|column| column.exact.to_string()).map(unique).collect::<Vec<_>>()
    };
    [side(left, &of_right, "_1"), side(right, &of_left, "_2")]
}

/// The columns of the result.
fn columns(left: &Side, right: &Side, names: &[Vec<Renamed>; 2], how: How) -> Vec<Column> {
    let sides = left.columns.iter().zip(&names[0]).chain(right.columns.iter().zip(&names[1]));
    let separation = Column::new(SEPARATION).with_unit(ColumnUnit::Known(Unit::of("deg")));
    let separation = how.gives_pairs().then_some(separation);
    let renamed = |(column, (_, name)): (&Column, &Renamed)| Column::new(name.as_str()).with_unit(column.unit.clone());
    sides.map(renamed).chain(separation).collect()
}

/// What a column of the left side is called in the result.
fn renamed(own: &Arc<str>, names: &[Renamed]) -> Arc<str> {
    let found = names.iter().find(|(known, _)| *known == **own);
    found.map_or_else(|| Arc::clone(own), |(_, name)| name.as_str().into())
}

fn named(name: String) -> TableAlias {
    TableAlias { explicit: false, name: exact(name), columns: Vec::new(), at: None }
}

fn unnamed(argument: FunctionArg) -> Option<Expr> {
    match argument {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => Some(expr),
        _ => None,
    }
}

/// Whether an expression holds neither columns nor queries.
fn is_constant(expr: &mut Expr) -> bool {
    if matches!(expr, Expr::Identifier(_) | Expr::CompoundIdentifier(_)) {
        return false;
    }
    let mut constant = true;
    let known = parts(expr, &mut |part| {
        constant &= match part {
            Part::Expr(inner) => is_constant(inner),
            Part::Query(_) => false,
        };
    });
    known && constant
}

fn text(expr: &Expr) -> Option<&str> {
    match bare(expr) {
        Expr::Value(value) => match &value.value {
            Value::SingleQuotedString(text) => Some(text),
            _ => None,
        },
        _ => None,
    }
}

fn is_text(expr: &Expr) -> bool {
    text(expr).is_some()
}

fn whole(expr: &Expr) -> Option<u64> {
    crate::write::position(expr).and_then(|number| u64::try_from(number).ok())
}
