//! How do tests call functions: on columns without a session, or as SQL in a bare one?

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch};
use arrow::datatypes::{DataType, Field, FieldRef, Schema};
use datafusion::common::{DFSchema, Result, ScalarValue};
use datafusion::execution::{SessionStateBuilder, SessionStateDefaults};
use datafusion::logical_expr::execution_props::ExecutionProps;
use datafusion::logical_expr::simplify::SimplifyContext;
use datafusion::logical_expr::{ColumnarValue, Expr};
use datafusion::optimizer::Analyzer;
use datafusion::optimizer::simplify_expressions::ExprSimplifier;
use datafusion::physical_expr::create_physical_expr;
use datafusion::prelude::SessionContext;

use super::{all, allowed_builtins, analyzer_rules, expr_planners};

/// A call of one of our functions.
pub(super) fn call(name: &str, args: Vec<Expr>) -> Expr {
    all().iter().find(|udf| udf.name() == name).unwrap_or_else(|| panic!("no function {name}")).call(args)
}

/// The value and the field of an expression over columns that may carry metadata.
pub(super) fn evaluate(expr: &Expr, columns: &[(FieldRef, ArrayRef)]) -> Result<(ColumnarValue, FieldRef)> {
    let (fields, arrays): (Vec<FieldRef>, Vec<ArrayRef>) = columns.iter().cloned().unzip();
    let schema = Arc::new(Schema::new(fields));
    let df_schema = Arc::new(DFSchema::try_from(Arc::clone(&schema))?);
    let simplifier = ExprSimplifier::new(SimplifyContext::builder().with_schema(Arc::clone(&df_schema)).build());
    let expr = simplifier.coerce(expr.clone(), &df_schema)?;
    let batch = RecordBatch::try_new(schema, arrays)?;
    let physical = create_physical_expr(&expr, &df_schema, &ExecutionProps::new(), &Default::default())?;
    Ok((physical.evaluate(&batch)?, physical.return_field(&batch.schema())?))
}

/// The value of an expression of constants.
pub(super) fn constant(expr: &Expr) -> Result<ScalarValue> {
    let one_row: (FieldRef, ArrayRef) =
        (Arc::new(Field::new("row", DataType::Null, true)), arrow::array::new_null_array(&DataType::Null, 1));
    match evaluate(expr, &[one_row])?.0 {
        ColumnarValue::Scalar(value) => Ok(value),
        ColumnarValue::Array(array) => ScalarValue::try_from_array(&array, 0),
    }
}

/// A session with exactly our functions and rules.
pub(super) fn session() -> SessionContext {
    let mut rules = Analyzer::new().rules;
    rules.extend(analyzer_rules());
    let builtins = allowed_builtins();
    let state = SessionStateBuilder::new()
        .with_default_features()
        .with_scalar_functions(builtins.scalar.into_iter().chain(all()).collect())
        .with_aggregate_functions(builtins.aggregate)
        .with_window_functions(builtins.window)
        .with_expr_planners([expr_planners(), SessionStateDefaults::default_expr_planners()].concat())
        .with_analyzer_rules(rules)
        .build();
    SessionContext::new_with_state(state)
}

/// The rows of a query in a session of ours.
pub(super) async fn query(sql: &str) -> Result<Vec<RecordBatch>> {
    session().sql(sql).await?.collect().await
}

/// The only value of a query.
pub(super) async fn value(sql: &str) -> Result<ScalarValue> {
    let batches = query(sql).await?;
    let batch = batches.iter().find(|batch| batch.num_rows() > 0).unwrap_or_else(|| panic!("no row: {sql}"));
    ScalarValue::try_from_array(batch.column(0), 0)
}
