//! Q3C's predicates, as the geometry they mean.
//!
//! ```text
//!  q3c_radial_query(ra, dec, 10, 20, 1)   ->  sky_contains(sky_point(ra, dec), sky_circle(10, 20, 1)) = 1
//!  q3c_join(a.ra, a.dec, b.ra, b.dec, 1)  ->  sky_distance(a.ra, a.dec, b.ra, b.dec) <= 1
//!  q3c_join_pm(.., 10, 1)                 ->  q3c_dist_pm(..) <= 1
//! ```
//!
//! So one recogniser serves both dialects. Distances are degrees in both.

use sqlparser::ast::{BinaryOperator, Expr, Value};
use sqlparser::tokenizer::Span;

use crate::error::Findings;
use crate::write::call;

/// Rewrites a predicate of Q3C; the number of arguments was checked.
pub(super) fn lower_q3c(name: &str, mut given: Vec<Expr>, at: Span, findings: &mut Findings<'_>) -> Expr {
    match name {
        "Q3C_RADIAL_QUERY" => {
            let circle = call("sky_circle", given.split_off(2));
            inside(given, circle)
        }
        "Q3C_JOIN" => {
            let radius = given.pop().unwrap_or_else(|| Expr::value(Value::Null));
            compare(call("sky_distance", given), BinaryOperator::LtEq, radius)
        }
        "Q3C_JOIN_PM" => {
            let radius = given.pop().unwrap_or_else(|| Expr::value(Value::Null));
            // How far the epochs are apart only helps Q3C to find its pairs.
            given.truncate(9);
            compare(call("q3c_dist_pm", given), BinaryOperator::LtEq, radius)
        }
        "Q3C_ELLIPSE_JOIN" => {
            // The ellipse is around the first position here, around the second in the query.
            given.get_mut(..4).into_iter().for_each(|positions| positions.rotate_left(2));
            ellipse(given, at, findings)
        }
        "Q3C_POLY_QUERY" => {
            let corners = match given.pop() {
                Some(Expr::Array(array)) => array.elem,
                _ => Vec::new(),
            };
            if corners.len() < 6 || corners.len() % 2 == 1 {
                findings.hinted(
                    at,
                    "the polygon needs at least three pairs of numbers",
                    "write ARRAY[ra1, dec1, ra2, dec2, ...]",
                );
            }
            inside(given, call("sky_polygon", corners))
        }
        _ => ellipse(given, at, findings),
    }
}

/// Rewrites `q3c_sindist` and its form for moving sources: the squared sine of half the distance.
pub(super) fn lower_sindist(lowered: &str, given: Vec<Expr>) -> Expr {
    let distance = call("radians", vec![call(lowered, given)]);
    let half = compare(distance, BinaryOperator::Divide, Expr::value(Value::Number("2".into(), false)));
    call("power", vec![call("sin", vec![half]), Expr::value(Value::Number("2".into(), false))])
}

/// Characters of a semi-major axis that may be written twice; nested ones would double at each level.
const AXIS_CHARACTERS: usize = 1000;

/// Q3C gives the axis ratio where the constructor takes the semi-minor axis.
fn ellipse(mut given: Vec<Expr>, at: Span, findings: &mut Findings<'_>) -> Expr {
    let mut shape = given.split_off(2);
    if shape.get(2).is_some_and(|axis| axis.to_string().len() > AXIS_CHARACTERS) {
        findings.hinted(at, "the semi-major axis is too long an expression", "compute it in a sub-query");
        return Expr::value(Value::Null);
    }
    if shape.len() == 5 {
        let ratio = shape.remove(3);
        let minor = compare(nested(shape[2].clone()), BinaryOperator::Multiply, nested(ratio));
        shape.insert(3, minor);
    }
    inside(given, call("sky_ellipse", shape))
}

fn inside(position: Vec<Expr>, region: Expr) -> Expr {
    let contains = call("sky_contains", vec![call("sky_point", position), region]);
    compare(contains, BinaryOperator::Eq, Expr::value(Value::Number("1".into(), false)))
}

fn compare(left: Expr, op: BinaryOperator, right: Expr) -> Expr {
    Expr::BinaryOp { left: Box::new(left), op, right: Box::new(right) }
}

fn nested(expr: Expr) -> Expr {
    match expr {
        Expr::Value(_) | Expr::Identifier(_) | Expr::CompoundIdentifier(_) | Expr::Function(_) | Expr::Nested(_) => {
            expr
        }
        other => Expr::Nested(Box::new(other)),
    }
}
