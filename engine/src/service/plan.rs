//! How does a query text become a logical plan that may run?
//!
//! Text, checked query, plain SQL, plan: one function each. The plan is compared with an allow-list of nodes, so that
//! whatever the planner might make of a statement, nothing but reading reaches execution.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef};
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::error::{DataFusionError, Result as PlanResult};
use datafusion::execution::SessionState;
use datafusion::logical_expr::expr::Placeholder;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder};
use datafusion::sql::parser::Statement;
use sidereus_adql::{
    Language, Lowered, Parameter, ParameterType, Query, QueryErrorKind, Request, TableNames, check, lower, parse,
};

use super::QueryKind;
use crate::error::{EngineError, ErrorKind};

/// A query that was read and bound to tables.
#[derive(Debug)]
pub(crate) struct Checked {
    pub(crate) lowered: Lowered,
    pub(crate) kind: QueryKind,
}

/// Reads a text, binds its names and lowers it.
///
/// *Errors*: every mistake of the text with its place; `Forbidden` for statements that would change something.
pub(crate) fn read(text: &str, language: Language, tables: &dyn TableNames) -> Result<Checked, EngineError> {
    let (query, kind) = match parse(text, language)? {
        Request::Select(query) => (query, QueryKind::Select),
        Request::Explain { analyze, query } => (query, QueryKind::Explain { analyze }),
        Request::CreateTableAs { target, .. }
        | Request::InsertInto { target, .. }
        | Request::DropTable { target, .. } => {
            let message = "only SELECT is allowed: this service keeps no tables of users";
            return Err(target.refuse(QueryErrorKind::Forbidden, message).into());
        }
    };
    Ok(Checked { lowered: bind(query, tables)?, kind })
}

fn bind(query: Query, tables: &dyn TableNames) -> Result<Lowered, EngineError> {
    Ok(lower(check(query, tables)?)?)
}

/// Types a lowered query and makes a plan of it.
///
/// *Errors*: `BadQuery` where types do not fit, `Forbidden` for a plan that does more than read.
pub(crate) async fn plan(state: &SessionState, checked: &Checked) -> Result<LogicalPlan, EngineError> {
    let statement = Statement::Statement(Box::new(checked.lowered.statement.clone()));
    let plan = state.statement_to_plan(statement).await?;
    only_reads(&plan)?;
    let plan = match checked.kind {
        QueryKind::Select => plan,
        QueryKind::Explain { analyze } => {
            LogicalPlanBuilder::from(plan).explain(false, analyze).and_then(LogicalPlanBuilder::build)?
        }
    };
    Ok(plan)
}

/// Refuses every node that is not on the list of those that read.
fn only_reads(plan: &LogicalPlan) -> Result<(), EngineError> {
    let mut refused = None;
    plan.apply_with_subqueries(|node| {
        let reads = matches!(
            node,
            LogicalPlan::Projection(_)
                | LogicalPlan::Filter(_)
                | LogicalPlan::Window(_)
                | LogicalPlan::Aggregate(_)
                | LogicalPlan::Sort(_)
                | LogicalPlan::Join(_)
                | LogicalPlan::Union(_)
                | LogicalPlan::TableScan(_)
                | LogicalPlan::EmptyRelation(_)
                | LogicalPlan::Subquery(_)
                | LogicalPlan::SubqueryAlias(_)
                | LogicalPlan::Limit(_)
                | LogicalPlan::Values(_)
                | LogicalPlan::Distinct(_)
        );
        if !reads {
            refused = Some(node.display().to_string());
        }
        PlanResult::<TreeNodeRecursion>::Ok(if reads { TreeNodeRecursion::Continue } else { TreeNodeRecursion::Stop })
    })?;
    match refused {
        None => Ok(()),
        Some(node) => {
            let name = node.split([':', ' ']).next().unwrap_or_default().to_owned();
            Err(EngineError::request(ErrorKind::Forbidden, format!("only SELECT is allowed, this would run {name}")))
        }
    }
}

/// Fields `$1`, `$2`, ... of a query's parameters; text where neither the language nor the plan knows better.
pub(crate) fn parameter_schema(parameters: &[Parameter], plan: &LogicalPlan) -> Result<SchemaRef, EngineError> {
    let inferred = plan.get_parameter_types().map_err(EngineError::from)?;
    let fields: Vec<Field> = parameters
        .iter()
        .enumerate()
        .map(|(number, parameter)| {
            let name = format!("${}", number + 1);
            let known = inferred.get(&name).cloned().flatten().filter(|kind| *kind != DataType::Null);
            let kind = declared(parameter).or(known).unwrap_or(DataType::Utf8);
            Field::new(name, kind, true)
        })
        .collect();
    Ok(Arc::new(Schema::new(fields)))
}

/// The plan with the parameters whose type nothing told, as in `SELECT ?`, of the type that is asked of clients.
pub(crate) fn with_parameter_types(plan: LogicalPlan, parameters: &Schema) -> Result<LogicalPlan, EngineError> {
    let mut is_settled = true;
    plan.apply_with_subqueries(|node| {
        for expr in node.expressions() {
            is_settled &= !expr.exists(|node| Ok(is_untyped(node)))?;
        }
        Ok(if is_settled { TreeNodeRecursion::Continue } else { TreeNodeRecursion::Stop })
    })?;
    if is_settled {
        return Ok(plan);
    }
    let typed = |expr: Expr| {
        expr.transform_up(|node| {
            let Expr::Placeholder(Placeholder { id, .. }) = &node else { return Ok(Transformed::no(node)) };
            let Some((_, field)) = parameters.column_with_name(id).filter(|_| is_untyped(&node)) else {
                return Ok(Transformed::no(node));
            };
            let typed = Placeholder::new_with_field(id.clone(), Some(Arc::new(field.clone())));
            Ok(Transformed::yes(Expr::Placeholder(typed)))
        })
    };
    let plan = plan.transform_up_with_subqueries(|node| {
        let node = node.map_expressions(typed)?;
        Ok(Transformed::yes(node.data.recompute_schema()?))
    })?;
    Ok(plan.data)
}

fn is_untyped(expr: &Expr) -> bool {
    let is_unknown = |field: &FieldRef| *field.data_type() == DataType::Null;
    matches!(expr, Expr::Placeholder(placeholder) if placeholder.field.as_ref().is_none_or(is_unknown))
}

fn declared(parameter: &Parameter) -> Option<DataType> {
    match parameter.parameter_type? {
        ParameterType::Double => Some(DataType::Float64),
        ParameterType::BigInt => Some(DataType::Int64),
        ParameterType::Text => Some(DataType::Utf8),
        ParameterType::Boolean => Some(DataType::Boolean),
        ParameterType::Timestamp => Some(DataType::Timestamp(arrow::datatypes::TimeUnit::Nanosecond, None)),
    }
}

/// The plan with every type settled, where it may be run as one scan; `None` for explanations.
pub(crate) fn analysed(state: &SessionState, plan: &LogicalPlan) -> Result<Option<LogicalPlan>, EngineError> {
    if matches!(plan, LogicalPlan::Explain(_) | LogicalPlan::Analyze(_)) {
        return Ok(None);
    }
    let options = state.config_options();
    Ok(Some(state.analyzer().execute_and_check(plan.clone(), options, |_, _| {})?))
}

/// Notes the units of the result columns, in place of those that the planner took from anywhere.
pub(crate) fn with_units(schema: &SchemaRef, units: &[Option<String>]) -> SchemaRef {
    if units.len() != schema.fields().len() {
        return Arc::clone(schema);
    }
    let noted = |(field, unit): (&FieldRef, &Option<String>)| {
        let mut field = field.as_ref().clone();
        match unit {
            Some(unit) => field.metadata_mut().insert("unit".to_owned(), unit.clone()),
            None => field.metadata_mut().remove("unit"),
        };
        field
    };
    let fields = schema.fields().iter().zip(units).map(noted).collect::<Vec<_>>();
    Arc::new(Schema::new_with_metadata(fields, schema.metadata().clone()))
}

/// The columns as the planner names them, with the types that the analysis settled: those of `CASE` and `COALESCE` are
/// known only then.
pub(crate) fn with_types_of(schema: &SchemaRef, settled: &Schema) -> SchemaRef {
    let pairs = || schema.fields().iter().zip(settled.fields());
    if pairs().all(|(field, settled)| field.data_type() == settled.data_type()) {
        return Arc::clone(schema);
    }
    let typed =
        |(field, settled): (&FieldRef, &FieldRef)| field.as_ref().clone().with_data_type(settled.data_type().clone());
    Arc::new(Schema::new_with_metadata(pairs().map(typed).collect::<Vec<_>>(), schema.metadata().clone()))
}

/// Adds a cut after `rows` rows to a plan of a SELECT.
pub(crate) fn cut(plan: LogicalPlan, rows: usize) -> Result<LogicalPlan, DataFusionError> {
    LogicalPlanBuilder::from(plan).limit(0, Some(rows))?.build()
}
