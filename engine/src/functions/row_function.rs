//! What is a function that makes one value of each row, and says nothing of regions?
//!
//! A function is a [`RowFunction`]; [`RowUdf`] is the one concrete type that shows any of them to DataFusion. Rules ask it
//! how far a source moves; what they must know else is a [`SpatialFunction`](super::spatial::SpatialFunction). This module must not know any single
//! SQL function.

use std::fmt::Debug;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::array::ArrayRef;
use arrow::datatypes::{DataType, FieldRef};
use datafusion::common::{DataFusionError, Result, ScalarValue};
use datafusion::logical_expr::{
    ColumnarValue, Documentation, Expr, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    Volatility,
};

use super::arguments::Arguments;
use super::form::{Argument, Form, coerce};
use super::motion::Moved;
use super::spatial::{Position, Returned, refuse_other_kind};

/// A SQL function of the values of one row.
pub(crate) trait RowFunction: Debug + Send + Sync {
    /// The name in lowered SQL, unique.
    fn name(&self) -> &'static str;

    /// What it can be called with.
    fn forms(&self) -> &'static [Form];

    /// What a call returns.
    ///
    /// *Errors*: a call that cannot be evaluated, known from its literals.
    fn returned(&self, call: &ReturnFieldArgs<'_>) -> Result<Returned>;

    /// Evaluates a batch: as many values as `arguments.rows()`.
    ///
    /// *Nulls*: constant nulls get here only where [`RowFunction::takes_nulls`] says so.
    fn invoke(&self, arguments: &Arguments) -> Result<ArrayRef>;

    /// Its page: description, argument by argument, and an example that runs.
    fn documentation(&self) -> Documentation;

    /// Which position a call moves, and how far at most; `None` when it is no such call.
    fn moved<'a>(&self, args: &'a [Expr]) -> Option<Moved<'a>> {
        let _ = args;
        None
    }

    /// Between which positions a call measures, the first of them moved; null where either is none.
    fn measured<'a>(&self, args: &'a [Expr]) -> Option<(Moved<'a>, Position<'a>)> {
        let _ = args;
        None
    }

    /// Whether a null argument may have a result other than null.
    fn takes_nulls(&self) -> bool {
        false
    }
}

/// Shows a [`RowFunction`] to DataFusion; two are equal when their names are.
#[derive(Debug)]
pub(crate) struct RowUdf {
    function: Box<dyn RowFunction>,
    signature: Signature,
    documentation: Documentation,
}

impl RowUdf {
    /// Wraps a function.
    pub(crate) fn shared(function: impl RowFunction + 'static) -> Arc<ScalarUDF> {
        let documentation = function.documentation();
        let signature = Signature::user_defined(Volatility::Immutable);
        Arc::new(ScalarUDF::new_from_impl(Self { function: Box::new(function), signature, documentation }))
    }

    /// The function and the arguments of a call; `None` for any other expression.
    pub(crate) fn call(expr: &Expr) -> Option<(&dyn RowFunction, &[Expr])> {
        let Expr::ScalarFunction(call) = expr else { return None };
        let udf = call.func.inner().downcast_ref::<Self>()?;
        Some((udf.function.as_ref(), &call.args))
    }
}

impl PartialEq for RowUdf {
    fn eq(&self, other: &Self) -> bool {
        self.function.name() == other.function.name()
    }
}

impl Eq for RowUdf {}

impl Hash for RowUdf {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.function.name().hash(state);
    }
}

impl ScalarUDFImpl for RowUdf {
    fn name(&self) -> &str {
        self.function.name()
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn is_strict(&self) -> bool {
        !self.function.takes_nulls()
    }

    fn return_type(&self, _arg_types: &[DataType]) -> Result<DataType> {
        Err(DataFusionError::Internal(format!("the type of {} was asked for without its arguments", self.name())))
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> Result<FieldRef> {
        let wants_geometry = |index: usize| {
            let kind = |form: &Form| form.argument(index);
            self.function.forms().iter().any(|form| matches!(kind(form), Some(Argument::Point | Argument::Geometry)))
        };
        for (index, field) in args.arg_fields.iter().enumerate() {
            if wants_geometry(index) {
                refuse_other_kind(self.name(), index, field)?;
            }
        }
        Ok(Arc::new(self.function.returned(&args)?.field(self.name())))
    }

    fn coerce_types(&self, arg_types: &[DataType]) -> Result<Vec<DataType>> {
        coerce(self.name(), self.function.forms(), arg_types)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let return_type = args.return_field.data_type().clone();
        let arguments =
            if self.function.takes_nulls() { Some(Arguments::with_nulls(args)) } else { Arguments::new(args) };
        let Some(arguments) = arguments else {
            return Ok(ColumnarValue::Scalar(ScalarValue::try_from(&return_type)?));
        };
        arguments.result(self.name(), self.function.invoke(&arguments)?)
    }

    fn documentation(&self) -> Option<&Documentation> {
        Some(&self.documentation)
    }
}
