//! Does the query make sense: do its names exist, are its functions known, do kinds fit?
//!
//! Runs the binder, then the rules of kinds; reports everything at once. The only way to a [`CheckedQuery`], so nothing
//! unchecked can be lowered.

use std::fmt;
use std::sync::Arc;

use sqlparser::ast;
use sqlparser::tokenizer::Span;

use crate::bind::{Binder, text_of};
use crate::error::{Findings, QueryErrorKind, QueryErrors};
use crate::limits::{Limits, on_bounded_stack};
use crate::names::TableNames;
use crate::request::{Label, Query};
use crate::scope::ColumnUnit;
use crate::{grouping, kinds};

/// A query whose names are bound and whose functions and kinds are right.
pub struct CheckedQuery {
    pub(crate) ast: Box<ast::Query>,
    pub(crate) text: Arc<str>,
    pub(crate) label: Label,
    pub(crate) parameters: usize,
    pub(crate) tables: Vec<Vec<String>>,
    pub(crate) expanded_tables: usize,
    pub(crate) units: Vec<Option<String>>,
    pub(crate) origins: Vec<Option<ColumnOrigin>>,
    pub(crate) references: Vec<TableReference>,
}

/// The column of a table that a result column is, value for value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnOrigin {
    /// Exact path of the table, or of its version.
    pub table: Arc<[String]>,
    /// Exact name of the column there.
    pub column: Arc<str>,
}

/// A place of a query's text that names a table, its snapshot included.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableReference {
    /// Exact path of the table, or of its version where one is named.
    pub path: Vec<String>,
    pub(crate) at: Span,
}

impl CheckedQuery {
    /// The text it was read from.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Exact paths of the tables it reads, each once.
    pub fn tables(&self) -> &[Vec<String>] {
        &self.tables
    }
}

impl fmt::Debug for CheckedQuery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CheckedQuery").field("label", &self.label).field("text", &self.text).finish_non_exhaustive()
    }
}

/// Binds the names of a query and checks its functions and kinds.
///
/// *Errors*: all that is wrong, at once: unknown or ambiguous tables and columns, unknown functions, arguments that do
/// not fit, aggregates where none can be, more table references than [`Limits::tables`].
pub fn check(query: Query, tables: &dyn TableNames) -> Result<CheckedQuery, QueryErrors> {
    on_bounded_stack(move || {
        let Query { mut ast, text, label, parameters, pins } = query;
        let mut findings = Findings::new(&text);
        let mut binder = Binder::new(&mut findings, label, tables).with_pins(pins);
        let bound = binder.query(&mut ast);
        binder.refuse_pins();
        let (used, references, mixes) = (binder.used, binder.references, binder.mixes);
        if bound.tables > Limits::DEFAULT.tables {
            let message = format!(
                "the query reads {} tables once its WITH is written out; at most {} are taken",
                bound.tables,
                Limits::DEFAULT.tables
            );
            findings.add(QueryErrorKind::LimitExceeded, Span::empty(), message, None);
        }
        grouping::check_grouping(&mut ast, label, &mut findings);
        kinds::check_kinds(&mut ast, label, &[], &mut findings);
        findings.finish()?;
        let columns = bound.columns.into_vec();
        let origins = columns.iter().map(|column| origin_of(&column.unit).filter(|_| !mixes)).collect();
        let units = columns.into_iter().map(|column| text_of(column.unit, tables)).collect();
        let expanded_tables = bound.tables;
        Ok(CheckedQuery { ast, text, label, parameters, tables: used, expanded_tables, units, origins, references })
    })
}

fn origin_of(unit: &ColumnUnit) -> Option<ColumnOrigin> {
    match unit {
        ColumnUnit::OfTable { table, column } => {
            Some(ColumnOrigin { table: Arc::clone(table), column: Arc::clone(column) })
        }
        ColumnUnit::Unknown | ColumnUnit::Known(_) => None,
    }
}
