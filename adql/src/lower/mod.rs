//! How is a checked query written in plain SQL?
//!
//! ```text
//!  SELECT TOP 5 id FROM stars WHERE 1=CONTAINS(POINT('ICRS', ra, dec), CIRCLE('ICRS', 10, 20, 0.5))
//!  SELECT "id" FROM "public"."stars" WHERE 1 = sky_contains(sky_point("ra", "dec"), sky_circle(10, 20, 0.5)) LIMIT 5
//! ```
//!
//! One file per construct. Names are exact already; nothing here can fail on a name.

mod aggregates;
mod arrays;
mod bits;
mod casts;
mod chains;
mod folding;
mod functions;
mod membership;
mod q3c;
mod regions;
mod rows;

use std::fmt;
use std::sync::Arc;

use sqlparser::ast::{Expr, Query, Statement, UnaryOperator, Value};

use chains::Chain;

use crate::check::{CheckedQuery, ColumnOrigin, TableReference};
use crate::error::{Findings, QueryErrors};
use crate::functions::Kind;
use crate::limits::on_bounded_stack;
use crate::request::Label;
use crate::snapshots;
use crate::walk::{Part, parts, query_parts};

/// A query in plain SQL, all names exact and delimited.
///
/// *Guarantee*: holds nothing but a SELECT, and calls only functions of [`function_table`](crate::function_table).
pub struct Lowered {
    /// Always `Statement::Query`.
    pub statement: Statement,
    /// The parameters `$1`, `$2`, ... in order.
    pub parameters: Vec<Parameter>,
    /// Exact paths of the tables it reads, each once.
    pub tables: Vec<Vec<String>>,
    /// Table references once every common table expression is written out where it is used.
    pub expanded_table_count: usize,
    /// For each result column its unit: as its table states it, or as it was inferred, in VOUnits.
    pub units: Vec<Option<String>>,
    /// For each result column the column of a table that it is; none of a query that puts rows of several tables into one column.
    pub origins: Vec<Option<ColumnOrigin>>,
    text: Arc<str>,
    references: Vec<TableReference>,
}

impl Lowered {
    /// The statement as text.
    pub fn sql(&self) -> String {
        on_bounded_stack(|| self.statement.to_string())
    }

    /// The text that it was read from, each table of a FROM written as `written` has it; `None` leaves it as it is.
    pub fn text_with(&self, written: impl Fn(&TableReference) -> Option<String>) -> String {
        snapshots::rewritten(&self.text, &self.references, written)
    }
}

impl fmt::Debug for Lowered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lowered")
            .field("sql", &self.sql())
            .field("parameters", &self.parameters)
            .finish_non_exhaustive()
    }
}

/// One parameter of a query.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parameter {
    /// Its number, from 1.
    pub index: usize,
    /// Its type, where the function or operator around it tells; a planner infers the others from columns.
    pub parameter_type: Option<ParameterType>,
}

/// The type of a parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ParameterType {
    /// 64-bit floating point.
    Double,
    /// 64-bit integer.
    BigInt,
    /// String.
    Text,
    /// Truth value.
    Boolean,
    /// Timestamp.
    Timestamp,
}

impl ParameterType {
    fn of(kind: Kind) -> Option<Self> {
        match kind {
            Kind::Number => Some(Self::Double),
            Kind::Integer => Some(Self::BigInt),
            Kind::Text => Some(Self::Text),
            Kind::Boolean => Some(Self::Boolean),
            Kind::Timestamp => Some(Self::Timestamp),
            _ => None,
        }
    }
}

/// Lowers a checked query to plain SQL.
///
/// *Errors*: a chain of more conditions than [`Limits::chain`](crate::Limits::chain) that nothing folds; a construct
/// that this version does not run.
pub fn lower(query: CheckedQuery) -> Result<Lowered, QueryErrors> {
    on_bounded_stack(move || {
        let CheckedQuery { mut ast, text, label, parameters, tables, expanded_tables, units, origins, references } =
            query;
        let mut lowering = Lowering { findings: Findings::new(&text), label, parameters: vec![None; parameters] };
        lowering.query(&mut ast);
        arrays::lower_arrays(&mut ast);
        lowering.findings.finish()?;
        let parameters = lowering.parameters.into_iter().zip(1..);
        Ok(Lowered {
            statement: Statement::Query(ast),
            parameters: parameters.map(|(parameter_type, index)| Parameter { index, parameter_type }).collect(),
            tables,
            expanded_table_count: expanded_tables,
            units,
            origins,
            references,
            text,
        })
    })
}

/// What the rewriting of one query carries along.
struct Lowering<'a> {
    findings: Findings<'a>,
    label: Label,
    /// The types learnt, by number.
    parameters: Vec<Option<ParameterType>>,
}

impl Lowering<'_> {
    fn query(&mut self, query: &mut Query) {
        query_parts(query, &mut |part| self.part(part));
        rows::lower_rows(query);
    }

    fn part(&mut self, part: Part<'_>) {
        match part {
            Part::Expr(expr) => self.expr(expr),
            Part::Query(query) => self.query(query),
        }
    }

    /// Rewrites an expression from the inside out.
    fn expr(&mut self, expr: &mut Expr) {
        self.learn(expr);
        self.coordinate_system(expr);
        if let Some(chain) = Chain::of(expr) {
            return self.chain(expr, chain);
        }
        let binds = binds_tighter(expr);
        parts(expr, &mut |part| match part {
            Part::Expr(inner) => self.operand(inner, binds),
            Part::Query(query) => self.query(query),
        });
        self.call(expr);
        self.cast(expr);
        part_signs(expr);
    }

    /// Rewrites an operand; a call that became a comparison gets parentheses where its surroundings bind tighter.
    fn operand(&mut self, expr: &mut Expr, binds_tighter: bool) {
        let was_call = matches!(expr, Expr::Function(_));
        self.expr(expr);
        if binds_tighter && was_call && matches!(expr, Expr::BinaryOp { .. }) {
            let comparison = std::mem::replace(expr, Expr::value(Value::Null));
            *expr = Expr::Nested(Box::new(comparison));
        }
    }
}

/// Puts the inner of two minus signs into parentheses: together they would begin a comment.
fn part_signs(expr: &mut Expr) {
    let is_minus = |expr: &Expr| matches!(expr, Expr::UnaryOp { op: UnaryOperator::Minus, .. });
    if is_minus(expr)
        && let Expr::UnaryOp { expr: inner, .. } = expr
        && is_minus(inner)
    {
        let negative = std::mem::replace(inner.as_mut(), Expr::value(Value::Null));
        **inner = Expr::Nested(Box::new(negative));
    }
}

/// Whether a comparison among the direct parts of this expression would need parentheses.
fn binds_tighter(expr: &Expr) -> bool {
    !matches!(
        expr,
        Expr::Nested(_) | Expr::Function(_) | Expr::Case { .. } | Expr::UnaryOp { op: UnaryOperator::Not, .. }
    )
}
