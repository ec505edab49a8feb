//! A random part of a table: TABLESAMPLE.
//!
//! ```text
//!  FROM stars TABLESAMPLE (2)                 ->  FROM (SELECT * FROM "public"."stars" WHERE RANDOM() < 0.02) AS "stars"
//!  FROM stars AS s TABLESAMPLE SYSTEM (2) REPEATABLE (7)
//!                          ->  FROM (SELECT * FROM "public"."stars" WHERE HASH_FRACTION(7, "id", "ra", ..) < 0.02) AS "s"
//! ```
//!
//! Each row is taken or left by itself, under either method. A repeated sample looks at the values of the row, for rows
//! have no numbers: rows that are equal in every column are taken or left together.

use sqlparser::ast::{
    BinaryOperator, Expr, Ident, ObjectName, Query, SelectItem, SetExpr, TableAlias, TableFactor, TableSample,
    TableSampleKind, TableWithJoins, Value, WildcardAdditionalOptions,
};

use super::Binder;
use crate::names::exact;
use crate::scope::Relation;
use crate::shape::sampled_percent;
use crate::write::{call, query_of, select_of, table_of};

impl Binder<'_, '_> {
    /// Gives a table without an alias its own name for one, by which the sub-query in its place will be known; true if so.
    pub(super) fn name_sampled(name: &ObjectName, alias: &mut Option<TableAlias>) -> bool {
        let Some(last) = name.0.last().and_then(|part| part.as_ident()).filter(|_| alias.is_none()) else {
            return false;
        };
        let (name, columns) = (Ident::clone(last), Vec::new());
        *alias = Some(TableAlias { explicit: true, name, columns, at: None });
        true
    }

    /// Puts the sub-query that takes a part of the rows in the place of a table.
    pub(super) fn sample(&mut self, factor: &mut TableFactor, relation: &Relation) {
        let TableFactor::Table { name, alias, sample, .. } = factor else { return };
        let Some(TableSampleKind::BeforeTableAlias(sample) | TableSampleKind::AfterTableAlias(sample)) = sample.take()
        else {
            return;
        };
        let Some(percent) = sampled_percent(&sample) else { return };
        let renamed = alias.as_ref().is_some_and(|alias| !alias.columns.is_empty());
        if renamed && sample.seed.is_some() {
            let hint = "name the columns in a sub-query around it";
            return self.findings.hinted(relation.at, "REPEATABLE cannot stand with names of columns", hint);
        }
        let condition = Expr::BinaryOp {
            left: Box::new(chance(&sample, relation)),
            op: BinaryOperator::Lt,
            right: Box::new(literal(format!("{:?}", percent / 100.0))),
        };
        let subquery = Box::new(select_all(name.clone(), condition));
        *factor = TableFactor::Derived { lateral: false, subquery, alias: alias.take(), sample: None };
    }
}

/// A number in [0, 1) for each row.
fn chance(sample: &TableSample, relation: &Relation) -> Expr {
    match &sample.seed {
        None => call("RANDOM", Vec::new()),
        Some(seed) => {
            let columns = relation.columns.exact().map(|name| Expr::Identifier(exact(name)));
            let seed = literal(seed.value.value.to_string());
            call("HASH_FRACTION", std::iter::once(seed).chain(columns).collect())
        }
    }
}

fn literal(digits: String) -> Expr {
    Expr::value(Value::Number(digits, false))
}

/// `SELECT * FROM table WHERE condition`.
fn select_all(table: ObjectName, condition: Expr) -> Query {
    let projection = vec![SelectItem::Wildcard(WildcardAdditionalOptions::default())];
    let from = TableWithJoins { relation: table_of(table, None), joins: Vec::new() };
    query_of(SetExpr::Select(Box::new(select_of(projection, from, Some(condition)))))
}
