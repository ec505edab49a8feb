//! Which query is a match of two tables?
//!
//! One shape for each kind of match; names are exact already. The kinds are called as STILTS calls them, where it has them.

use std::sync::Arc;

use sqlparser::ast::{
    BinaryOperator, Expr, Join, JoinConstraint, JoinOperator, LimitClause, OrderBy, OrderByExpr, OrderByKind,
    OrderByOptions, Query, SelectItem, SetExpr, TableAlias, TableFactor, TableWithJoins, Value,
};

use crate::names::exact;
use crate::write::{call, number_literal, query_of, select_of};

const LEFT: &str = "left";
const RIGHT: &str = "right";
const OTHER: &str = "other";

/// Which pairs a match gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum How {
    All,
    Left,
    Right,
    Full,
    Best1,
    Best2,
    Each,
    Mutual,
    Semi,
    Anti,
}

const KINDS: [(&str, How); 10] = [
    ("all", How::All),
    ("left", How::Left),
    ("right", How::Right),
    ("full", How::Full),
    ("best1", How::Best1),
    ("best2", How::Best2),
    ("each", How::Each),
    ("mutual", How::Mutual),
    ("semi", How::Semi),
    ("anti", How::Anti),
];

impl How {
    pub(super) fn from_name(name: &str) -> Option<Self> {
        KINDS.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, how)| *how)
    }

    /// All names, for a message.
    pub(super) fn names() -> String {
        KINDS.map(|(name, _)| format!("'{name}'")).join(", ")
    }

    /// Whether it keeps a number of the nearest.
    pub(super) fn counts(self) -> bool {
        matches!(self, Self::Best1 | Self::Best2 | Self::Each)
    }

    /// Whether its rows have columns of both sides.
    pub(super) fn gives_pairs(self) -> bool {
        !matches!(self, Self::Semi | Self::Anti)
    }
}

/// A table without an alias, and the exact names of its longitude and latitude.
#[derive(Debug, Clone)]
pub(super) struct Placed {
    pub(super) factor: TableFactor,
    pub(super) position: (Arc<str>, Arc<str>),
}

/// What is asked for.
pub(super) struct Match {
    pub(super) left: Placed,
    pub(super) right: Placed,
    pub(super) radius: Expr,
    pub(super) how: How,
    /// How many of the nearest.
    pub(super) count: u64,
    /// What the columns of both sides are called in the result, in the order of the sides' own.
    pub(super) names: [Vec<(String, String)>; 2],
}

impl Match {
    /// The query.
    pub(super) fn into_query(self) -> Query {
        let pairs = self.projection();
        let near = || self.near();
        let on = |join: fn(JoinConstraint) -> JoinOperator| join(JoinConstraint::On(near()));
        let (left, right) = (|| aliased(&self.left, LEFT), || aliased(&self.right, RIGHT));
        let (projection, from, condition) = match self.how {
            How::All => (pairs, joined(left(), right(), on(JoinOperator::Join)), None),
            How::Left => (pairs, joined(left(), right(), on(JoinOperator::LeftOuter)), None),
            How::Right => (pairs, joined(left(), right(), on(JoinOperator::RightOuter)), None),
            How::Full => (pairs, joined(left(), right(), on(JoinOperator::FullOuter)), None),
            How::Best1 => (pairs, joined(left(), self.nearest(&self.right, RIGHT), cross()), None),
            How::Best2 => (pairs, joined(right(), self.nearest(&self.left, LEFT), cross()), None),
            How::Each => {
                let always = JoinConstraint::On(Expr::value(Value::Boolean(true)));
                (pairs, joined(left(), self.nearest(&self.right, RIGHT), JoinOperator::LeftOuter(always)), None)
            }
            How::Mutual => {
                let condition = exists(aliased(&self.left, OTHER), self.nearer(), true);
                (pairs, joined(left(), self.nearest(&self.right, RIGHT), cross()), Some(condition))
            }
            How::Semi | How::Anti => {
                let from = TableWithJoins { relation: left(), joins: Vec::new() };
                (pairs, from, Some(exists(right(), near(), self.how == How::Anti)))
            }
        };
        query_of(SetExpr::Select(Box::new(select_of(projection, from, condition))))
    }

    fn projection(&self) -> Vec<SelectItem> {
        let side = |alias: &'static str, index: usize| {
            self.names[index].iter().map(move |(own, name)| {
                let expr = column(alias, own);
                if own == name {
                    SelectItem::UnnamedExpr(expr)
                } else {
                    SelectItem::ExprWithAlias { expr, alias: exact(name) }
                }
            })
        };
        let separation = SelectItem::ExprWithAlias { expr: self.separation(), alias: exact(super::xmatch::SEPARATION) };
        let separation = self.how.gives_pairs().then_some(separation);
        side(LEFT, 0).chain(side(RIGHT, 1)).chain(separation).collect()
    }

    fn separation(&self) -> Expr {
        distance((LEFT, &self.left), (RIGHT, &self.right))
    }

    fn near(&self) -> Expr {
        compare(self.separation(), BinaryOperator::LtEq, self.radius.clone())
    }

    /// Another row of the left side is nearer to the one of the right.
    fn nearer(&self) -> Expr {
        compare(distance((OTHER, &self.left), (RIGHT, &self.right)), BinaryOperator::Lt, self.separation())
    }

    /// The nearest rows of one side, for each row of the other.
    fn nearest(&self, side: &Placed, alias: &str) -> TableFactor {
        let columns = self.names[usize::from(alias == RIGHT)].iter();
        let columns = columns.map(|(own, _)| SelectItem::UnnamedExpr(column(alias, own))).collect();
        let from = TableWithJoins { relation: aliased(side, alias), joins: Vec::new() };
        let body = SetExpr::Select(Box::new(select_of(columns, from, Some(self.near()))));
        let by_separation = OrderByExpr {
            expr: self.separation(),
            options: OrderByOptions { asc: None, nulls_first: None },
            with_fill: None,
        };
        let limit = Some(number_literal(usize::try_from(self.count).unwrap_or(usize::MAX)));
        let query = Query {
            order_by: Some(OrderBy { kind: OrderByKind::Expressions(vec![by_separation]), interpolate: None }),
            limit_clause: Some(LimitClause::LimitOffset { limit, offset: None, limit_by: Vec::new() }),
            ..query_of(body)
        };
        TableFactor::Derived { lateral: true, subquery: Box::new(query), alias: Some(named(alias)), sample: None }
    }
}

fn cross() -> JoinOperator {
    JoinOperator::CrossJoin(JoinConstraint::None)
}

fn joined(relation: TableFactor, other: TableFactor, join_operator: JoinOperator) -> TableWithJoins {
    TableWithJoins { relation, joins: vec![Join { relation: other, global: false, join_operator }] }
}

fn exists(table: TableFactor, condition: Expr, negated: bool) -> Expr {
    let from = TableWithJoins { relation: table, joins: Vec::new() };
    let one = SelectItem::UnnamedExpr(number_literal(1));
    let select = select_of(vec![one], from, Some(condition));
    Expr::Exists { subquery: Box::new(query_of(SetExpr::Select(Box::new(select)))), negated }
}

fn aliased(table: &Placed, name: &str) -> TableFactor {
    let mut factor = table.factor.clone();
    if let TableFactor::Table { alias, .. } | TableFactor::Derived { alias, .. } = &mut factor {
        *alias = Some(named(name));
    }
    factor
}

fn named(name: &str) -> TableAlias {
    TableAlias { explicit: true, name: exact(name), columns: Vec::new(), at: None }
}

fn column(table: &str, name: &str) -> Expr {
    Expr::CompoundIdentifier(vec![exact(table), exact(name)])
}

fn distance(first: (&str, &Placed), second: (&str, &Placed)) -> Expr {
    let ends =
        [first, second].map(|(alias, Placed { position: (lon, lat), .. })| [column(alias, lon), column(alias, lat)]);
    call("DISTANCE", ends.concat())
}

fn compare(left: Expr, op: BinaryOperator, right: Expr) -> Expr {
    let right = match right {
        value @ (Expr::Value(_) | Expr::Function(_) | Expr::Nested(_)) => value,
        other => Expr::Nested(Box::new(other)),
    };
    Expr::BinaryOp { left: Box::new(left), op, right: Box::new(right) }
}
