//! Arrays: what is written out, and items of them.
//!
//! ```text
//!  ARRAY[1, 2, flux]   ->  array_of(1, 2, "flux")
//!  spectrum[3]         ->  array_item("spectrum", 3)
//! ```
//!
//! Runs last: functions that take an array apart have done so.

use sqlparser::ast::{AccessExpr, Expr, Query, Subscript, Value};

use crate::walk::{Part, parts, query_parts};
use crate::write::call;

/// Rewrites the arrays of a query and its sub-queries.
pub(super) fn lower_arrays(query: &mut Query) {
    query_parts(query, &mut lower_part);
}

fn lower_part(part: Part<'_>) {
    match part {
        Part::Query(query) => lower_arrays(query),
        Part::Expr(expr) => {
            parts(expr, &mut lower_part);
            lower_one(expr);
        }
    }
}

fn lower_one(expr: &mut Expr) {
    match expr {
        Expr::Array(array) => *expr = call("array_of", std::mem::take(&mut array.elem)),
        Expr::CompoundFieldAccess { root, access_chain } => {
            let array = std::mem::replace(root.as_mut(), Expr::value(Value::Null));
            let places = std::mem::take(access_chain).into_iter().filter_map(|access| match access {
                AccessExpr::Subscript(Subscript::Index { index }) => Some(index),
                _ => None,
            });
            *expr = places.fold(array, |array, place| call("array_item", vec![array, place]));
        }
        _ => {}
    }
}
