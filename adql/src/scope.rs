//! Which column does a name mean, given the tables in sight?
//!
//! A [`Scope`] holds the tables of one FROM. A name is looked up from the innermost scope outwards; the first scope that
//! knows it decides. Knows nothing of the statement around it.

use std::sync::Arc;

use sqlparser::ast::{Expr, Ident};
use sqlparser::tokenizer::Span;

use crate::columns::Columns;
use crate::names::{Name, closest, exact};
use crate::units::Unit;

/// A column that can be named.
#[derive(Debug, Clone)]
pub(crate) struct Column {
    /// The exact name to write out.
    pub(crate) exact: Arc<str>,
    /// The name the user knows it by; differs where a duplicate had to be renamed.
    pub(crate) known_as: Arc<str>,
    /// In which unit its values are.
    pub(crate) unit: ColumnUnit,
}

/// Where the unit of a column is known from.
#[derive(Debug, Clone, Default)]
pub(crate) enum ColumnUnit {
    /// It has none that is known.
    #[default]
    Unknown,
    /// It is a column of a table, which can be asked.
    OfTable {
        /// Exact path of the table.
        table: Arc<[String]>,
        /// Exact name of its column.
        column: Arc<str>,
    },
    /// It was inferred.
    Known(Unit),
}

impl Column {
    pub(crate) fn new(name: impl Into<Arc<str>>) -> Self {
        let exact = name.into();
        Self { known_as: Arc::clone(&exact), exact, unit: ColumnUnit::Unknown }
    }

    pub(crate) fn with_unit(self, unit: ColumnUnit) -> Self {
        Self { unit, ..self }
    }
}

/// One table of a FROM.
#[derive(Debug)]
pub(crate) struct Relation {
    /// The exact parts to write before one of its columns: its alias, or the path of an unaliased table.
    pub(crate) qualifier: Vec<String>,
    /// The path as written, by which its columns may be qualified too.
    pub(crate) written: Vec<String>,
    pub(crate) columns: Columns,
    /// False for a table that was not found: then every column passes, for its absence was reported already.
    pub(crate) known: bool,
    /// Where it is named.
    pub(crate) at: Span,
    /// The name of the table behind an alias.
    pub(crate) table: Option<String>,
}

impl Relation {
    /// Columns that no name of a table qualifies: the result of a query.
    pub(crate) fn unnamed(columns: Columns, known: bool) -> Self {
        Self { qualifier: Vec::new(), written: Vec::new(), columns, known, at: Span::empty(), table: None }
    }

    /// Whether `t` in `t.column`, or `s.t` in `s.t.column`, means this table.
    fn is_named(&self, qualifier: &[Name]) -> bool {
        let ends = |path: &[String]| {
            qualifier.len() <= path.len()
                && qualifier.iter().rev().zip(path.iter().rev()).all(|(name, part)| name.matches(part))
        };
        ends(&self.qualifier) || ends(&self.written)
    }

    /// The expression of one of its columns, qualified.
    fn column(&self, column: &Column) -> Expr {
        let parts = self.qualifier.iter().map(String::as_str).chain([&*column.exact]);
        let mut idents: Vec<Ident> = parts.map(exact).collect();
        match idents.len() {
            1 => Expr::Identifier(idents.swap_remove(0)),
            _ => Expr::CompoundIdentifier(idents),
        }
    }
}

/// A column that USING or NATURAL made of two.
#[derive(Debug, Clone)]
pub(crate) struct Merged {
    pub(crate) column: Column,
    pub(crate) expr: Expr,
    /// The columns it stands for, as (relation, column).
    pub(crate) hides: Vec<(usize, usize)>,
}

/// What a star stands for: each column, its name and how to write it.
pub(crate) type Expanded = Vec<(Column, Expr)>;

/// The tables of one FROM.
#[derive(Debug, Default)]
pub(crate) struct Scope {
    pub(crate) relations: Vec<Relation>,
    pub(crate) merged: Vec<Merged>,
    /// Whether a result column hides a column of these tables: then every column is written with its table.
    pub(crate) qualifies: bool,
    /// Names of the result columns, once they are known.
    pub(crate) outputs: Vec<Arc<str>>,
}

/// Why a name means nothing.
pub(crate) enum Missing {
    /// No column or table of that name here.
    Unknown,
    /// Several columns could be meant: these.
    Ambiguous(Vec<String>),
}

impl Scope {
    /// The scope of one table.
    pub(crate) fn of(relation: Relation) -> Self {
        Self { relations: vec![relation], ..Self::default() }
    }

    /// Adds the tables of another scope behind those of this one.
    pub(crate) fn append(&mut self, other: Self) {
        let shift = self.relations.len();
        self.relations.extend(other.relations);
        for mut merged in other.merged {
            merged.hides.iter_mut().for_each(|(relation, _)| *relation += shift);
            self.merged.push(merged);
        }
    }

    /// The column of that name, and the expression that writes it.
    pub(crate) fn find(&self, name: &Name) -> Result<(Column, Expr), Missing> {
        self.find_written(name, self.qualified())
    }

    /// The same for a sub-query, where only the table's name makes sure that no inner column is meant.
    pub(crate) fn find_from_inside(&self, name: &Name) -> Result<(Column, Expr), Missing> {
        self.find_written(name, true)
    }

    fn find_written(&self, name: &Name, qualified: bool) -> Result<(Column, Expr), Missing> {
        let merged = self.merged.iter().filter(|merged| name.matches(&merged.column.known_as));
        let mut found: Vec<(Column, Expr)> =
            merged.map(|merged| (merged.column.clone(), merged.expr.clone())).collect();
        for (r, relation) in self.relations.iter().enumerate() {
            let matching = relation.columns.matching(name).filter(|(c, _)| !self.is_hidden((r, *c)));
            found.extend(matching.map(|(_, column)| {
                let written = write(relation, &column, qualified);
                (column, written)
            }));
        }
        match found.len() {
            1 => Ok(found.swap_remove(0)),
            0 if self.relations.iter().any(|relation| !relation.known) => {
                Ok((Column::new(name.value.as_str()), Expr::Identifier(exact(&name.value))))
            }
            0 => Err(Missing::Unknown),
            _ => Err(Missing::Ambiguous(found.iter().map(|(_, expr)| plain(expr)).collect())),
        }
    }

    /// The column `qualifier.name`.
    pub(crate) fn find_qualified(&self, qualifier: &[Name], name: &Name) -> Result<(Column, Expr), Missing> {
        let relation = self.relation(qualifier)?;
        let mut found: Vec<Column> = relation.columns.matching(name).map(|(_, column)| column).collect();
        match found.len() {
            1 => {
                let column = found.swap_remove(0);
                let written = relation.column(&column);
                Ok((column, written))
            }
            0 if !relation.known => {
                let column = Column::new(name.value.as_str());
                let expr = relation.column(&column);
                Ok((column, expr))
            }
            0 => Err(Missing::Unknown),
            _ => Err(Missing::Ambiguous(found.iter().map(|column| column.exact.to_string()).collect())),
        }
    }

    /// The one table of that name.
    pub(crate) fn relation(&self, qualifier: &[Name]) -> Result<&Relation, Missing> {
        let mut found = self.relations.iter().filter(|relation| relation.is_named(qualifier));
        match (found.next(), found.next()) {
            (Some(relation), None) => Ok(relation),
            (None, _) => Err(Missing::Unknown),
            (Some(first), Some(second)) => {
                Err(Missing::Ambiguous(vec![first.qualifier.join("."), second.qualifier.join(".")]))
            }
        }
    }

    /// The column that an expression, written out exactly, stands for.
    pub(crate) fn written_column(&self, idents: &[Ident]) -> Option<Column> {
        let (name, qualifier) = idents.split_last()?;
        let is_meant = |relation: &&Relation| {
            let same = |(ident, part): (&Ident, &String)| ident.value == *part;
            qualifier.is_empty()
                || (qualifier.len() == relation.qualifier.len() && qualifier.iter().zip(&relation.qualifier).all(same))
        };
        self.relations.iter().filter(is_meant).find_map(|relation| {
            let place = relation.columns.exact().position(|exact| *exact == *name.value)?;
            relation.columns.get(place)
        })
    }

    /// What `*` stands for: merged columns first, as the standard says.
    pub(crate) fn expand(&self) -> Expanded {
        let merged = self.merged.iter().map(|merged| (merged.column.clone(), merged.expr.clone()));
        let qualified = self.qualified();
        let visible = self.relations.iter().enumerate().flat_map(|(r, relation)| {
            let columns = relation.columns.iter().enumerate().filter(move |(c, _)| !self.is_hidden((r, *c)));
            columns.map(move |(_, column)| {
                let written = write(relation, &column, qualified);
                (column, written)
            })
        });
        merged.chain(visible).collect()
    }

    /// What `t.*` stands for.
    pub(crate) fn expand_relation(relation: &Relation) -> Expanded {
        let written = |column: Column| {
            let written = relation.column(&column);
            (column, written)
        };
        relation.columns.iter().map(written).collect()
    }

    /// Whether a table of this scope could not be looked up, so that its columns are not known.
    pub(crate) fn has_unknown(&self) -> bool {
        self.relations.iter().any(|relation| !relation.known)
    }

    /// The name of a column in this scope that is spelt like `name`.
    pub(crate) fn closest_column(&self, name: &str) -> Option<&str> {
        closest(name, self.relations.iter().flat_map(|relation| relation.columns.known_as()))
    }

    /// The name of a table in this scope that is spelt like `name`.
    pub(crate) fn closest_relation(&self, name: &str) -> Option<&str> {
        closest(name, self.relations.iter().filter_map(|relation| relation.qualifier.last()).map(String::as_str))
    }

    /// Whether a column, given as (relation, column), is part of a merged one.
    pub(crate) fn is_hidden(&self, place: (usize, usize)) -> bool {
        self.merged.iter().any(|merged| merged.hides.contains(&place))
    }

    /// A column needs its table's name where there are several tables, or a result column of the same name.
    fn qualified(&self) -> bool {
        self.qualifies || self.relations.len() > 1
    }
}

fn write(relation: &Relation, column: &Column, qualified: bool) -> Expr {
    if qualified { relation.column(column) } else { Expr::Identifier(exact(&*column.exact)) }
}

/// A column reference for a message.
fn plain(expr: &Expr) -> String {
    match expr {
        Expr::Identifier(ident) => ident.value.clone(),
        Expr::CompoundIdentifier(idents) => {
            idents.iter().map(|ident| ident.value.as_str()).collect::<Vec<_>>().join(".")
        }
        other => other.to_string(),
    }
}
