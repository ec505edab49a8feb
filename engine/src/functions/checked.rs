//! What happens where integers get too large?
//!
//! ```text
//! before  Projection: t.id + Int64(1)                      DataFusion wraps around, silently
//! after   Projection: checked_add(t.id, Int64(1)) AS ...   "integer overflow in 9223372036854775807 + 1"
//! ```
//! [`CheckIntegerOverflow`] runs after type coercion and replaces `+`, `-`, `*` and unary minus of integers. Division
//! and remainder need no replacement: DataFusion reports division by zero and the one quotient that overflows.
//!
//! This module must not know where a query comes from.

use arrow::array::ArrayRef;
use arrow::compute::kernels::numeric::{add, mul, neg, sub};
use arrow::datatypes::DataType;
use arrow::error::ArrowError;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::Transformed;
use datafusion::common::utils::take_function_args;
use datafusion::common::{DFSchema, DataFusionError, Result, exec_datafusion_err, plan_datafusion_err};
use datafusion::logical_expr::{
    BinaryExpr, ColumnarValue, Expr, ExprSchemable, LogicalPlan, Operator, ScalarFunctionArgs, ScalarUDF,
    ScalarUDFImpl, Signature, Volatility,
};
use datafusion::optimizer::AnalyzerRule;
use datafusion::physical_expr_common::datum::apply;

use super::rewrite::rewrite_expressions;

/// Replaces integer arithmetic by functions that report an overflow.
#[derive(Debug, Default)]
pub(crate) struct CheckIntegerOverflow;

impl AnalyzerRule for CheckIntegerOverflow {
    fn name(&self) -> &str {
        "check_integer_overflow"
    }

    fn analyze(&self, plan: LogicalPlan, _config: &ConfigOptions) -> Result<LogicalPlan> {
        rewrite_expressions(plan, check)
    }
}

fn check(expr: Expr, schema: &DFSchema) -> Result<Transformed<Expr>> {
    match expr {
        Expr::BinaryExpr(BinaryExpr { left, op, right }) => {
            let operation = match op {
                Operator::Plus => Operation::Add,
                Operator::Minus => Operation::Subtract,
                Operator::Multiply => Operation::Multiply,
                _ => return Ok(Transformed::no(Expr::BinaryExpr(BinaryExpr { left, op, right }))),
            };
            let types = (operand_type(&left, schema)?, operand_type(&right, schema)?);
            if !types.0.is_integer() || types.0 != types.1 {
                return Ok(Transformed::no(Expr::BinaryExpr(BinaryExpr { left, op, right })));
            }
            Ok(Transformed::yes(operation.udf().call(vec![*left, *right])))
        }
        Expr::Negative(inner) if operand_type(&inner, schema)?.is_signed_integer() => {
            Ok(Transformed::yes(Operation::Negate.udf().call(vec![*inner])))
        }
        other => Ok(Transformed::no(other)),
    }
}

/// The type of an operand. A long chain of additions is walked once a link without asking the schema each time.
fn operand_type(expr: &Expr, schema: &DFSchema) -> Result<DataType> {
    let mut expr = expr;
    while let Expr::ScalarFunction(call) = expr
        && call.func.inner().is::<CheckedArithmetic>()
        && let Some(first) = call.args.first()
    {
        expr = first;
    }
    match expr {
        Expr::OuterReferenceColumn(field, _) => Ok(field.data_type().clone()),
        other => other.get_type(schema),
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Operation {
    Add,
    Subtract,
    Multiply,
    Negate,
}

impl Operation {
    fn name(self) -> &'static str {
        match self {
            Self::Add => "checked_add",
            Self::Subtract => "checked_subtract",
            Self::Multiply => "checked_multiply",
            Self::Negate => "checked_negate",
        }
    }

    fn udf(self) -> ScalarUDF {
        ScalarUDF::new_from_impl(CheckedArithmetic::new(self))
    }
}

/// Arithmetic of integers of one type, as a function.
///
/// *Shape*: one or two integers of one type to the same type. *Nulls*: strict. *Errors*: a result that the type cannot
/// hold, with the operands.
#[derive(Debug, PartialEq, Eq, Hash)]
struct CheckedArithmetic {
    operation: Operation,
    signature: Signature,
}

impl CheckedArithmetic {
    fn new(operation: Operation) -> Self {
        Self { operation, signature: Signature::user_defined(Volatility::Immutable) }
    }
}

impl ScalarUDFImpl for CheckedArithmetic {
    fn name(&self) -> &str {
        self.operation.name()
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn is_strict(&self) -> bool {
        true
    }

    fn coerce_types(&self, arg_types: &[DataType]) -> Result<Vec<DataType>> {
        let count = if self.operation == Operation::Negate { 1 } else { 2 };
        let alike = arg_types.iter().all(|found| found.is_integer() && Some(found) == arg_types.first());
        if arg_types.len() != count || !alike {
            return Err(plan_datafusion_err!("{} takes {count} integers of one type", self.name()));
        }
        Ok(arg_types.to_vec())
    }

    fn return_type(&self, arg_types: &[DataType]) -> Result<DataType> {
        arg_types.first().cloned().ok_or_else(|| plan_datafusion_err!("{} takes integers", self.name()))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let result = match self.operation {
            Operation::Add => apply_two(&args.args, add),
            Operation::Subtract => apply_two(&args.args, sub),
            Operation::Multiply => apply_two(&args.args, mul),
            Operation::Negate => negate(&args.args),
        };
        result.map_err(overflow)
    }
}

pub(super) type Kernel = fn(&dyn arrow::array::Datum, &dyn arrow::array::Datum) -> Result<ArrayRef, ArrowError>;

pub(super) fn apply_two(args: &[ColumnarValue], kernel: Kernel) -> Result<ColumnarValue> {
    let [left, right] = take_function_args("arithmetic", args)?;
    apply(left, right, kernel)
}

fn negate(args: &[ColumnarValue]) -> Result<ColumnarValue> {
    let [operand] = take_function_args("negation", args)?;
    match operand {
        ColumnarValue::Array(array) => Ok(ColumnarValue::Array(neg(array)?)),
        ColumnarValue::Scalar(scalar) => {
            let negated = neg(&scalar.to_array()?)?;
            Ok(ColumnarValue::Scalar(datafusion::common::ScalarValue::try_from_array(&negated, 0)?))
        }
    }
}

/// Says the overflow in our words; keeps any other error.
pub(super) fn overflow(error: DataFusionError) -> DataFusionError {
    match error {
        DataFusionError::ArrowError(inner, backtrace) => match *inner {
            ArrowError::ArithmeticOverflow(message) => {
                let operands = message.strip_prefix("Overflow happened on: ").unwrap_or(&message);
                exec_datafusion_err!("integer overflow in {operands}")
            }
            other => DataFusionError::ArrowError(Box::new(other), backtrace),
        },
        other => other,
    }
}
