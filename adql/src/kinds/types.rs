//! Kinds of literals and of SQL types.

use sqlparser::ast::{DataType, Expr, UnaryOperator, Value};

use crate::functions::Kind;
use crate::walk::bare;

/// The one kind that all of them have, if there is one.
pub(super) fn common(kinds: &[Kind]) -> Kind {
    let mut known = kinds.iter().copied().filter(|kind| *kind != Kind::Any);
    let Some(first) = known.next() else { return Kind::Any };
    if kinds.iter().all(|kind| *kind == first) { first } else { Kind::Any }
}

/// A literal, also one with a sign or in parentheses.
pub(super) fn literal_of(expr: &Expr) -> Option<&Value> {
    match bare(expr) {
        Expr::Value(value) => Some(&value.value),
        Expr::UnaryOp { op: UnaryOperator::Minus | UnaryOperator::Plus, expr } => literal_of(expr),
        _ => None,
    }
}

pub(super) fn literal_kind(value: &Value) -> Kind {
    match value {
        Value::Number(digits, _) if digits.bytes().all(|byte| byte.is_ascii_digit()) => Kind::Integer,
        Value::Number(..) => Kind::Number,
        Value::SingleQuotedString(_) => Kind::Text,
        Value::Boolean(_) => Kind::Boolean,
        _ => Kind::Any,
    }
}

pub(crate) fn type_kind(data_type: &DataType) -> Kind {
    match data_type {
        DataType::SmallInt(_)
        | DataType::Int2(_)
        | DataType::Int(_)
        | DataType::Int4(_)
        | DataType::Integer(_)
        | DataType::BigInt(_)
        | DataType::Int8(_) => Kind::Integer,
        DataType::Real
        | DataType::Float4
        | DataType::Float(_)
        | DataType::Float8
        | DataType::Double(_)
        | DataType::DoublePrecision
        | DataType::Numeric(_)
        | DataType::Decimal(_) => Kind::Number,
        DataType::Boolean | DataType::Bool => Kind::Boolean,
        DataType::Date | DataType::Time(..) | DataType::Timestamp(..) => Kind::Timestamp,
        other => match crate::shape::geometry_type(other) {
            Some("POINT") => Kind::Point,
            Some("CIRCLE") => Kind::Circle,
            Some(_) => Kind::Polygon,
            None => Kind::Text,
        },
    }
}
