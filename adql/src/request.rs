//! What does the user ask for?
//!
//! Holds the parsed query before its names are bound. Only a SELECT ever goes further; the statements that would change
//! tables are recognised so that a front end can refuse them with a clear text, or carry them out by other means.

use std::fmt;
use std::sync::Arc;

use sqlparser::ast;
use sqlparser::tokenizer::Span;

use crate::error::{Findings, QueryErrorKind, QueryErrors};
use crate::names::Name;
use crate::snapshots::Pin;

/// The label a text came under; it decides where the two languages give one name two meanings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Label {
    /// ADQL 2.1 with the declared extensions (`LOG` is natural; FROM is mandatory; GROUP BY takes no alias).
    Adql,
    /// The Postgres and Q3C dialect, a superset (`LOG` is to base 10).
    Sql,
}

/// One request: a query, an explanation of one, or a statement about a user's own tables.
#[derive(Debug)]
pub enum Request {
    /// A query to run.
    Select(Query),
    /// `EXPLAIN` or, where `analyze` is set, `EXPLAIN ANALYZE` of a query.
    Explain {
        /// Whether to run the query and report what was done.
        analyze: bool,
        /// The explained query.
        query: Query,
    },
    /// `CREATE TABLE target AS query`.
    CreateTableAs {
        /// The table to create.
        target: Target,
        /// What to fill it with.
        query: Query,
    },
    /// `INSERT INTO target query`.
    InsertInto {
        /// The table to extend.
        target: Target,
        /// The rows to add.
        query: Query,
    },
    /// `DROP TABLE [IF EXISTS] target`.
    DropTable {
        /// The table to drop.
        target: Target,
        /// Whether its absence is no error.
        if_exists: bool,
    },
}

/// The table that a statement would change, and its place.
#[derive(Debug, Clone)]
pub struct Target {
    /// The parts of its name as written.
    pub path: Vec<Name>,
    pub(crate) span: Span,
    pub(crate) text: Arc<str>,
}

impl Target {
    /// The error that refuses a statement on this table, with its place.
    pub fn refuse(&self, kind: QueryErrorKind, message: impl Into<String>) -> QueryErrors {
        let refused: Result<(), QueryErrors> = Findings::new(&self.text).fail(kind, self.span, message.into(), None);
        refused.expect_err("`fail` always returns an error")
    }
}

/// A parsed SELECT; its names are not bound yet.
///
/// *Guarantee*: holds only clauses and expressions that the language knows, nested to a bounded depth.
pub struct Query {
    pub(crate) ast: Box<ast::Query>,
    pub(crate) text: Arc<str>,
    pub(crate) label: Label,
    pub(crate) parameters: usize,
    pub(crate) pins: Vec<Pin>,
}

impl Query {
    /// The text it was read from.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The label it was read under.
    pub fn label(&self) -> Label {
        self.label
    }

    /// How many values must be bound to it.
    pub fn parameter_count(&self) -> usize {
        self.parameters
    }
}

impl fmt::Debug for Query {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Query").field("label", &self.label).field("text", &self.text).finish_non_exhaustive()
    }
}
