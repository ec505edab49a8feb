//! Which expressions never descend while the rows of a scan go by?
//!
//! Those that a key which ascends cannot make descend: the key, divided or shifted by a constant, rounded or widened.
//! `ivo_healpix_index` of the catalog's position is the key shifted, and becomes that: the key was made of the position.

use std::collections::HashSet;
use std::sync::Arc;

use datafusion::common::ScalarValue;
use datafusion::logical_expr::Operator;
use datafusion::physical_expr::expressions::{BinaryExpr, CastExpr, Column, Literal};
use datafusion::physical_expr::{PhysicalExpr, ScalarFunctionExpr};
use datafusion::physical_plan::ExecutionPlan;

use crate::scan::HatsScanExec;

/// A scan, and what its rows are grouped by.
pub(super) struct Followed {
    pub(super) input: Arc<dyn ExecutionPlan>,
    pub(super) group: Arc<dyn PhysicalExpr>,
    /// Whether rows are known to come in order of it, not only supposed to.
    pub(super) in_order: bool,
}

/// Functions of one number that do not descend where it ascends.
const ROUNDINGS: [&str; 3] = ["one_nan", "floor", "ceil"];
/// The order of the keys that catalogs are written with.
const KEY_ORDER: i64 = 29;

/// What a group expression over a plan becomes, if the plan is a scan in order of its key and the expression follows it.
/// `used` are the columns of the plan that something else reads.
pub(super) fn follow(
    group: &Arc<dyn PhysicalExpr>,
    input: &Arc<dyn ExecutionPlan>,
    used: &HashSet<usize>,
) -> Option<Followed> {
    let scan = input.downcast_ref::<HatsScanExec>().filter(|scan| scan.groups_by_runs())?;
    let in_order = scan.is_in_order();
    if let Some(key) = scan.output_column(scan.key()?)
        && follows(group, key)
    {
        return Some(Followed {
            input: Arc::clone(input),
            group: if scan.keys_are_of_positions() { in_shifts(group, key) } else { Arc::clone(group) },
            in_order,
        });
    }
    if !scan.keys_are_of_positions() {
        return None;
    }
    let order = order_of_cell(group, scan)?;
    let scan = scan.with_key(|column| used.contains(&column))?;
    let key = Arc::new(Column::new(scan.key()?, scan.output_column(scan.key()?)?));
    let shift = Arc::new(Literal::new(ScalarValue::Int64(Some(2 * (KEY_ORDER - order)))));
    let group = Arc::new(BinaryExpr::new(key, Operator::BitwiseShiftRight, shift));
    Some(Followed { input: Arc::new(scan), group, in_order })
}

/// Whether an expression never descends where a column ascends.
fn follows(expr: &Arc<dyn PhysicalExpr>, key: usize) -> bool {
    if let Some(column) = expr.downcast_ref::<Column>() {
        return column.index() == key;
    }
    if let Some(cast) = expr.downcast_ref::<CastExpr>() {
        return cast.cast_type().is_numeric() && follows(cast.expr(), key);
    }
    if let Some(call) = expr.downcast_ref::<ScalarFunctionExpr>() {
        return ROUNDINGS.contains(&call.fun().name()) && matches!(call.args(), [one] if follows(one, key));
    }
    let Some(binary) = expr.downcast_ref::<BinaryExpr>() else { return false };
    let constant = binary.right().downcast_ref::<Literal>().and_then(|literal| number(literal.value()));
    let rising = match (binary.op(), constant) {
        (Operator::Divide, Some(by)) => by > 0.0,
        (Operator::BitwiseShiftRight, Some(by)) => (0.0..64.0).contains(&by),
        _ => false,
    };
    rising && follows(binary.left(), key)
}

fn number(value: &ScalarValue) -> Option<f64> {
    match value.cast_to(&arrow::datatypes::DataType::Float64) {
        Ok(ScalarValue::Float64(number)) => number,
        _ => None,
    }
}

/// The division of the key by a power of two as a shift, which is many times quicker: keys are never negative.
fn in_shifts(group: &Arc<dyn PhysicalExpr>, key: usize) -> Arc<dyn PhysicalExpr> {
    let as_shift = || {
        let binary = group.downcast_ref::<BinaryExpr>().filter(|binary| *binary.op() == Operator::Divide)?;
        binary.left().downcast_ref::<Column>().filter(|column| column.index() == key)?;
        let ScalarValue::Int64(Some(by)) = binary.right().downcast_ref::<Literal>()?.value() else { return None };
        let power = u64::try_from(*by).ok().filter(|by| by.is_power_of_two())?.trailing_zeros();
        let shift = Arc::new(Literal::new(ScalarValue::Int64(Some(i64::from(power)))));
        Some(Arc::new(BinaryExpr::new(Arc::clone(binary.left()), Operator::BitwiseShiftRight, shift)) as _)
    };
    as_shift().unwrap_or_else(|| Arc::clone(group))
}

/// The order of `ivo_healpix_index(order, ra, dec)` of the catalog's own position.
fn order_of_cell(group: &Arc<dyn PhysicalExpr>, scan: &HatsScanExec) -> Option<i64> {
    let call = group.downcast_ref::<ScalarFunctionExpr>().filter(|call| call.fun().name() == "ivo_healpix_index")?;
    let [order, lon, lat] = call.args() else { return None };
    let column = |expr: &Arc<dyn PhysicalExpr>| expr.downcast_ref::<Column>().map(Column::index);
    scan.is_own_position(column(lon)?, column(lat)?).then_some(())?;
    let ScalarValue::Int64(Some(order)) = order.downcast_ref::<Literal>()?.value() else { return None };
    (0..=KEY_ORDER).contains(order).then_some(*order)
}
