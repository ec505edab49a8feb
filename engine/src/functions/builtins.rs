//! Which functions of DataFusion can a query call?
//!
//! Those that the language's table lists, and no others: what is not registered cannot be reached. This module must not
//! know what a function does.

use std::collections::HashSet;
use std::sync::Arc;

use datafusion::functions::all_default_functions;
use datafusion::functions_aggregate::all_default_aggregate_functions;
use datafusion::functions_window::all_default_window_functions;
use datafusion::logical_expr::{AggregateUDF, ScalarUDF, WindowUDF};
use sidereus_adql::{FunctionClass, function_table};

use super::extremes::Extreme;
use super::sum::CheckedSum;

/// Functions to register with a session.
#[derive(Debug, Clone)]
pub(crate) struct Builtins {
    /// One value a row.
    pub(crate) scalar: Vec<Arc<ScalarUDF>>,
    /// One value a group.
    pub(crate) aggregate: Vec<Arc<AggregateUDF>>,
    /// One value a row of a window.
    pub(crate) window: Vec<Arc<WindowUDF>>,
}

/// Aggregates of ours that take the place of DataFusion's.
fn replaced() -> [Arc<AggregateUDF>; 3] {
    [
        Arc::new(AggregateUDF::new_from_impl(CheckedSum::new())),
        Arc::new(AggregateUDF::new_from_impl(Extreme::least())),
        Arc::new(AggregateUDF::new_from_impl(Extreme::greatest())),
    ]
}

/// The functions of DataFusion that the language's table names; and our own; `sum`, `min` and `max` are.
pub(crate) fn allowed_builtins() -> Builtins {
    let (scalar, aggregate, window) =
        (listed(FunctionClass::Scalar), listed(FunctionClass::Aggregate), listed(FunctionClass::Window));
    let replaced = replaced();
    let is_listed = |function: &Arc<AggregateUDF>| {
        aggregate.contains(function.name()) && replaced.iter().all(|ours| ours.name() != function.name())
    };
    Builtins {
        scalar: all_default_functions().into_iter().filter(|function| scalar.contains(function.name())).collect(),
        aggregate: all_default_aggregate_functions()
            .into_iter()
            .filter(is_listed)
            .chain(replaced.clone())
            .chain(super::aggregates())
            .collect(),
        window: all_default_window_functions()
            .into_iter()
            .filter(|function| window.contains(function.name()))
            .collect(),
    }
}

fn listed(class: FunctionClass) -> HashSet<&'static str> {
    function_table().iter().filter(|entry| entry.class == class).map(|entry| entry.lowered).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Listed for a form that the lowering itself answers, or for a later version.
    const NOT_CALLED: [&str; 5] = ["bitwise", "in_unit", "if_then_else", "ivo_simbadpoint", "q3c_version"];

    #[test]
    fn every_listed_function_exists() {
        let builtins = allowed_builtins();
        let ours = crate::functions::all();
        let mut known: HashSet<&str> = ours.iter().map(|function| function.name()).collect();
        known.extend(builtins.scalar.iter().map(|function| function.name()));
        known.extend(builtins.aggregate.iter().map(|function| function.name()));
        known.extend(builtins.window.iter().map(|function| function.name()));
        let missing: Vec<&str> = function_table()
            .iter()
            .map(|entry| entry.lowered)
            .filter(|lowered| !known.contains(lowered) && !NOT_CALLED.contains(lowered))
            .collect();
        assert_eq!(missing, Vec::<&str>::new());
    }

    #[test]
    fn nothing_else_is_registered() {
        let builtins = allowed_builtins();
        for name in ["repeat", "lpad", "rpad", "arrow_cast", "version", "make_array", "input_file_name", "uuid"] {
            assert!(builtins.scalar.iter().all(|function| function.name() != name), "{name}");
        }
        for name in ["array_agg", "string_agg"] {
            assert!(builtins.aggregate.iter().all(|function| function.name() != name), "{name}");
        }
    }

    #[test]
    fn sums_and_extremes_are_ours() {
        let aggregates = allowed_builtins().aggregate;
        let named = |name: &str| aggregates.iter().filter(|found| found.name() == name).collect::<Vec<_>>();
        assert!(matches!(named("sum")[..], [sum] if sum.inner().is::<CheckedSum>()));
        for name in ["min", "max"] {
            assert!(matches!(named(name)[..], [extreme] if extreme.inner().is::<Extreme>()), "{name}");
        }
    }
}
