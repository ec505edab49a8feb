//! Aggregates that one function answers under several names.
//!
//! ```text
//!  MEDIAN(x)                                             ->  percentile(x, 0.5)
//!  PERCENTILE_CONT(0.9) WITHIN GROUP (ORDER BY x DESC)   ->  percentile(x, 0.9, 1)
//!  PERCENTILE_DISC(0.9) WITHIN GROUP (ORDER BY x)        ->  percentile(x, 0.9, 2)
//!  MOC_AGG(6, geometry)                                  ->  moc_agg(sky_moc(6, geometry))
//! ```

use sqlparser::ast::{Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, Value};
use sqlparser::tokenizer::Span;

use super::Lowering;
use crate::walk::take_arguments;
use crate::write::{call, number_literal};

impl Lowering<'_> {
    /// Puts the arguments of an aggregate in the form of the function that answers it.
    pub(super) fn aggregate(&mut self, name: &str, function: &mut Function, at: Span) {
        match name {
            "MEDIAN" => push(function, literal("0.5")),
            "PERCENTILE_CONT" => self.within_group(name, function, at, 0),
            "PERCENTILE_DISC" => self.within_group(name, function, at, 2),
            "MOC_AGG" => {
                let given = take_arguments(function);
                let moc = if given.len() == 2 { vec![call("sky_moc", given)] } else { given };
                moc.into_iter().for_each(|moc| push(function, moc));
            }
            _ => {}
        }
    }

    /// Takes the value out of WITHIN GROUP; `mode` is 2 for a percentile that is one of the values.
    fn within_group(&mut self, name: &str, function: &mut Function, at: Span, mode: usize) {
        let mut order = std::mem::take(&mut function.within_group);
        let (Some(value), true) = (order.pop(), order.is_empty()) else {
            let hint = format!("write {name}(0.5) WITHIN GROUP (ORDER BY value)");
            return self.findings.hinted(at, format!("{name} is of one value, named in WITHIN GROUP"), hint);
        };
        let descending = value.options.asc == Some(false);
        let fraction = take_arguments(function);
        push(function, value.expr);
        fraction.into_iter().for_each(|fraction| push(function, fraction));
        push(function, number_literal(mode + usize::from(descending)));
    }
}

fn push(function: &mut Function, argument: Expr) {
    if let FunctionArguments::List(list) = &mut function.args {
        list.args.push(FunctionArg::Unnamed(FunctionArgExpr::Expr(argument)));
    }
}

fn literal(digits: &str) -> Expr {
    Expr::value(Value::Number(digits.into(), false))
}
