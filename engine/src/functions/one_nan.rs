//! How is NaN the same NaN everywhere?
//!
//! Floating point has many NaNs, with a sign and a payload that mean nothing; kernels compare their bits, by which some
//! lie below all numbers and some above. So there is one here, the positive one without payload: columns get it where
//! they are decoded ([`one_nan`]), and [`KeepOneNan`] wraps what can make another of numbers:
//!
//! ```text
//! before  Filter: a - b > 5                    -NaN, of infinities, is below 5
//! after   Filter: one_nan(a - b) > 5           NaN is above all numbers
//! ```
//!
//! This module must not know where values come from.

use std::sync::{Arc, LazyLock};

use arrow::array::{Array, ArrayRef, AsArray, PrimitiveArray};
use arrow::datatypes::{ArrowPrimitiveType, DataType, Float32Type, Float64Type};
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::Transformed;
use datafusion::common::utils::take_function_args;
use datafusion::common::{DFSchema, Result, ScalarValue};
use datafusion::logical_expr::expr::InList;
use datafusion::logical_expr::{
    BinaryExpr, ColumnarValue, Expr, ExprSchemable, LogicalPlan, Operator, ScalarFunctionArgs, ScalarUDF,
    ScalarUDFImpl, Signature, Volatility,
};
use datafusion::optimizer::AnalyzerRule;

use super::rewrite::rewrite_expressions;

/// The column with every NaN the same; other types as they are.
///
/// *Cost*: one look at each value; a copy only where some NaN differs.
pub(crate) fn one_nan(column: ArrayRef) -> ArrayRef {
    match column.data_type() {
        DataType::Float32 => {
            replaced::<Float32Type>(&column, |value| value.is_nan() && value.to_bits() != f32::NAN.to_bits(), f32::NAN)
        }
        DataType::Float64 => {
            replaced::<Float64Type>(&column, |value| value.is_nan() && value.to_bits() != f64::NAN.to_bits(), f64::NAN)
        }
        _ => None,
    }
    .unwrap_or(column)
}

fn replaced<T: ArrowPrimitiveType>(
    column: &ArrayRef,
    is_other: impl Fn(T::Native) -> bool,
    nan: T::Native,
) -> Option<ArrayRef> {
    let values: &PrimitiveArray<T> = column.as_primitive();
    let differs = values.values().iter().fold(false, |found, value| found | is_other(*value));
    differs.then(|| Arc::new(values.unary::<_, T>(|value| if is_other(value) { nan } else { value })) as _)
}

/// Wraps floating-point expressions that can make NaN of numbers, or turn its sign.
#[derive(Debug, Default)]
pub(crate) struct KeepOneNan;

impl AnalyzerRule for KeepOneNan {
    fn name(&self) -> &str {
        "keep_one_nan"
    }

    fn analyze(&self, plan: LogicalPlan, _config: &ConfigOptions) -> Result<LogicalPlan> {
        rewrite_expressions(plan, wrap)
    }
}

fn wrap(expr: Expr, schema: &DFSchema) -> Result<Transformed<Expr>> {
    let (expr, unwrapped) = match expr {
        Expr::BinaryExpr(BinaryExpr { left, op, right }) if is_arithmetic(op) => {
            let ((left, first), (right, second)) = (unwrap(*left), unwrap(*right));
            (Expr::BinaryExpr(BinaryExpr::new(Box::new(left), op, Box::new(right))), first || second)
        }
        Expr::Negative(inner) => {
            let (inner, unwrapped) = unwrap(*inner);
            (Expr::Negative(Box::new(inner)), unwrapped)
        }
        Expr::InList(list) => return both_zeros(list, schema),
        other => (other, false),
    };
    let floats = |expr: &Expr| {
        Ok::<_, datafusion::error::DataFusionError>(matches!(
            expr.get_type(schema)?,
            DataType::Float32 | DataType::Float64
        ))
    };
    if unwrapped || (makes_nan(&expr) && floats(&expr)?) {
        return Ok(Transformed::yes(ONE_NAN.call(vec![expr])));
    }
    Ok(Transformed::no(expr))
}

/// Lists the other zero beside a zero, for a list compares bits.
fn both_zeros(mut membership: InList, schema: &DFSchema) -> Result<Transformed<Expr>> {
    let zeros = match membership.expr.get_type(schema)? {
        DataType::Float32 => [ScalarValue::from(0.0_f32), ScalarValue::from(-0.0_f32)],
        DataType::Float64 => [ScalarValue::from(0.0_f64), ScalarValue::from(-0.0_f64)],
        _ => return Ok(Transformed::no(Expr::InList(membership))),
    };
    let has_zero = membership.list.iter().any(is_zero);
    if has_zero {
        membership.list.extend(zeros.map(|zero| Expr::Literal(zero, None)));
    }
    Ok(Transformed::new_transformed(Expr::InList(membership), has_zero))
}

/// A zero, of any type and sign.
fn is_zero(expr: &Expr) -> bool {
    match expr {
        Expr::Literal(ScalarValue::Float64(Some(value)), _) => *value == 0.0,
        Expr::Literal(ScalarValue::Float32(Some(value)), _) => *value == 0.0,
        Expr::Literal(ScalarValue::Utf8(Some(text)), _) => text.trim().parse::<f64>() == Ok(0.0),
        Expr::Literal(value, _) => ScalarValue::new_zero(&value.data_type()).is_ok_and(|zero| zero == *value),
        Expr::Cast(cast) => is_zero(&cast.expr),
        Expr::Negative(inner) => is_zero(inner),
        _ => false,
    }
}

/// What an expression computes, without our call around it.
pub(crate) fn without_one_nan(expr: &Expr) -> &Expr {
    match expr {
        Expr::ScalarFunction(call) if call.func.inner().is::<OneNan>() => call.args.first().unwrap_or(expr),
        other => other,
    }
}

/// The operand inside of our call, for what surrounds it is wrapped as a whole.
fn unwrap(expr: Expr) -> (Expr, bool) {
    match expr {
        Expr::ScalarFunction(mut call) if call.func.inner().is::<OneNan>() => match call.args.pop() {
            Some(inner) => (inner, true),
            None => (Expr::ScalarFunction(call), false),
        },
        other => (other, false),
    }
}

fn is_arithmetic(op: Operator) -> bool {
    matches!(op, Operator::Plus | Operator::Minus | Operator::Multiply | Operator::Divide | Operator::Modulo)
}

/// Whether NaN can come out where none goes in, or another one than went in.
fn makes_nan(expr: &Expr) -> bool {
    match expr {
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::Modulo, right }) => !(is_plain(left) && is_plain(right)),
        // With one finite number that is not zero, only NaN gives NaN: the same.
        Expr::BinaryExpr(BinaryExpr { left, op, right }) => is_arithmetic(*op) && !is_plain(left) && !is_plain(right),
        Expr::Negative(inner) => !is_plain(inner),
        Expr::ScalarFunction(call) => MAKERS.contains(&call.name()),
        _ => false,
    }
}

/// Functions that have no value for some numbers.
const MAKERS: [&str; 14] =
    ["acos", "acosh", "adql_mod", "asin", "atanh", "cos", "cot", "ln", "log10", "log2", "power", "sin", "sqrt", "tan"];

/// A finite number that is not zero.
fn is_plain(expr: &Expr) -> bool {
    match expr {
        Expr::Literal(ScalarValue::Float64(Some(value)), _) => value.is_finite() && !is_zero(expr),
        Expr::Literal(ScalarValue::Float32(Some(value)), _) => value.is_finite() && !is_zero(expr),
        Expr::Literal(value, _) => value.data_type().is_integer() && !is_zero(expr),
        Expr::Cast(cast) => is_plain(&cast.expr),
        Expr::Negative(inner) => is_plain(inner),
        _ => false,
    }
}

static ONE_NAN: LazyLock<ScalarUDF> = LazyLock::new(|| ScalarUDF::new_from_impl(OneNan::new()));

/// A floating-point number, NaN as the one NaN. *Nulls*: strict. It is not part of the language.
#[derive(Debug, PartialEq, Eq, Hash)]
struct OneNan {
    signature: Signature,
}

impl OneNan {
    fn new() -> Self {
        Self { signature: Signature::user_defined(Volatility::Immutable) }
    }
}

impl ScalarUDFImpl for OneNan {
    fn name(&self) -> &str {
        "one_nan"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn is_strict(&self) -> bool {
        true
    }

    fn coerce_types(&self, arg_types: &[DataType]) -> Result<Vec<DataType>> {
        Ok(arg_types.to_vec())
    }

    fn return_type(&self, arg_types: &[DataType]) -> Result<DataType> {
        let [number] = take_function_args(self.name(), arg_types)?;
        Ok(number.clone())
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let [value] = take_function_args(self.name(), args.args)?;
        match value {
            ColumnarValue::Array(array) => Ok(ColumnarValue::Array(one_nan(array))),
            ColumnarValue::Scalar(scalar) => {
                Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&one_nan(scalar.to_array()?), 0)?))
            }
        }
    }
}
