//! Conversions of text to geometry: `CAST('12.3 45.6' AS POINT)`, the serialisation of DALI.
//!
//! Only a literal can be converted so far: its numbers become the arguments of the constructor.

use sqlparser::ast::{Expr, Spanned, Value};

use super::Lowering;
use crate::shape::geometry_type;
use crate::walk::bare;
use crate::write::call;

impl Lowering<'_> {
    /// Rewrites a conversion to a geometry; leaves all others alone.
    pub(super) fn cast(&mut self, expr: &mut Expr) {
        let Expr::Cast { expr: inner, data_type, .. } = expr else { return };
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
