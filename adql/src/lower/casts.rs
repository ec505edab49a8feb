//! Conversions that the planner does not have.
//!
//! ```text
//!  CAST('12.3 45.6' AS POINT)   ->  sky_point(12.3, 45.6)          the serialisation of DALI; of literals only
//!  CAST(name AS VARCHAR(5))     ->  left(CAST(name AS VARCHAR), 5)
//!  ~flags                       ->  -1 - (flags & -1)              equal in two's complement; an error for fractions
//! ```

use sqlparser::ast::{BinaryOperator, CharacterLength, DataType, Expr, Spanned, UnaryOperator, Value};

use super::Lowering;
use crate::shape::geometry_type;
use crate::walk::bare;
use crate::write::{call, number_literal};

impl Lowering<'_> {
    /// Rewrites a conversion; leaves those that the planner has alone.
    pub(super) fn cast(&mut self, expr: &mut Expr) {
        if let Expr::UnaryOp { op: UnaryOperator::BitwiseNot, expr: flags } = expr {
            let flags = std::mem::replace(flags.as_mut(), Expr::value(Value::Null));
            *expr = complement(flags);
            return;
        }
        let Expr::Cast { expr: inner, data_type, .. } = expr else { return };
        if let Some(length) = take_length(data_type) {
            let whole = std::mem::replace(expr, Expr::value(Value::Null));
            *expr = call("left", vec![whole, number_literal(length)]);
            return;
        }
        let Some(kind) = geometry_type(data_type) else { return };
        match constructor(inner, kind) {
            Some(constructor) => *expr = constructor,
            None if matches!(bare(inner), Expr::Value(value) if value.value == Value::Null) => {
                *expr = Expr::value(Value::Null);
            }
            None => {
                let hint = format!("write CAST('{}' AS {kind})", example(kind));
                self.findings.hinted(
                    inner.span(),
                    format!("only a string of numbers can be converted to {kind}"),
                    hint,
                );
            }
        }
    }
}

/// Takes the length out of CHAR(n) and VARCHAR(n).
fn take_length(data_type: &mut DataType) -> Option<usize> {
    let length = match data_type {
        DataType::Char(length)
        | DataType::Character(length)
        | DataType::Varchar(length)
        | DataType::CharVarying(length)
        | DataType::CharacterVarying(length) => length.take(),
        _ => None,
    };
    match length {
        Some(CharacterLength::IntegerLength { length, .. }) => usize::try_from(length).ok(),
        _ => None,
    }
}

pub(super) fn complement(flags: Expr) -> Expr {
    let minus_one = || Expr::UnaryOp { op: UnaryOperator::Minus, expr: Box::new(number_literal(1)) };
    let nested = |expr| Expr::Nested(Box::new(expr));
    let whole =
        Expr::BinaryOp { left: Box::new(nested(flags)), op: BinaryOperator::BitwiseAnd, right: Box::new(minus_one()) };
    let minus =
        Expr::BinaryOp { left: Box::new(minus_one()), op: BinaryOperator::Minus, right: Box::new(nested(whole)) };
    nested(minus)
}

fn constructor(text: &Expr, kind: &str) -> Option<Expr> {
    let Expr::Value(value) = bare(text) else { return None };
    let Value::SingleQuotedString(text) = &value.value else { return None };
    let numbers: Option<Vec<f64>> = text.split_whitespace().map(|word| word.parse().ok()).collect();
    let numbers = numbers.filter(|numbers| numbers.iter().all(|number| number.is_finite()))?;
    let (name, fits) = match kind {
        "POINT" => ("sky_point", numbers.len() == 2),
        "CIRCLE" => ("sky_circle", numbers.len() == 3),
        _ => ("sky_polygon", numbers.len() >= 6 && numbers.len().is_multiple_of(2)),
    };
    let literal = |number: &f64| Expr::value(Value::Number(format!("{number:?}"), false));
    fits.then(|| call(name, numbers.iter().map(literal).collect()))
}

fn example(kind: &str) -> &'static str {
    match kind {
        "POINT" => "12.3 45.6",
        "CIRCLE" => "12.3 45.6 1",
        _ => "1 1 2 1 2 2",
    }
}
