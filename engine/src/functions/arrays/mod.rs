//! What can be done with arrays of numbers?
//!
//! An array is any list type of Arrow with numeric items; functions see it as doubles. Results are doubles, and of the
//! fixed length of an operand that has one. One file a family; [`all`] is the list.

mod arithmetic;
mod array_of;
mod item;
mod lists;
mod planner;
mod summary;

#[cfg(test)]
mod tests;

use std::fmt::Debug;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::array::ArrayRef;
use arrow::datatypes::DataType;
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::{
    ColumnarValue, Documentation, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};

pub(crate) use planner::PlanArrays;

/// A function of arrays.
trait ArrayFunction: Debug + Send + Sync {
    /// The name in lowered SQL, unique.
    fn name(&self) -> &'static str;

    /// The types to cast the arguments to.
    ///
    /// *Errors*: types that it does not take.
    fn coerced(&self, types: &[DataType]) -> Result<Vec<DataType>>;

    /// The type of its values for coerced arguments.
    fn returned(&self, types: &[DataType]) -> DataType;

    /// Evaluates a batch: as many values as `rows`, which is one where every argument is constant.
    fn invoke(&self, arguments: &[ColumnarValue], rows: usize) -> Result<ArrayRef>;

    /// Its page.
    fn documentation(&self) -> Documentation;
}

/// Shows an [`ArrayFunction`] to DataFusion; two are equal when their names are.
#[derive(Debug)]
struct ArrayUdf {
    function: Box<dyn ArrayFunction>,
    signature: Signature,
    documentation: Documentation,
}

fn shared(function: impl ArrayFunction + 'static) -> Arc<ScalarUDF> {
    let documentation = function.documentation();
    let signature = Signature::user_defined(Volatility::Immutable);
    Arc::new(ScalarUDF::new_from_impl(ArrayUdf { function: Box::new(function), signature, documentation }))
}

/// The functions of arrays.
pub(super) fn all() -> Vec<Arc<ScalarUDF>> {
    let arithmetic = arithmetic::ALL.into_iter().map(shared);
    let summaries = summary::ALL.into_iter().map(shared);
    let others = [shared(array_of::ArrayOf), shared(item::ArrayItem), shared(item::Cardinality), shared(summary::Dot)];
    arithmetic.chain(summaries).chain(others).collect()
}

impl PartialEq for ArrayUdf {
    fn eq(&self, other: &Self) -> bool {
        self.function.name() == other.function.name()
    }
}

impl Eq for ArrayUdf {}

impl Hash for ArrayUdf {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.function.name().hash(state);
    }
}

impl ScalarUDFImpl for ArrayUdf {
    fn name(&self) -> &str {
        self.function.name()
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, arg_types: &[DataType]) -> Result<Vec<DataType>> {
        self.function.coerced(arg_types)
    }

    fn return_type(&self, arg_types: &[DataType]) -> Result<DataType> {
        Ok(self.function.returned(arg_types))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let constant = args.args.iter().all(|value| matches!(value, ColumnarValue::Scalar(_)));
        let values = self.function.invoke(&args.args, if constant { 1 } else { args.number_rows })?;
        if constant {
            return Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&values, 0)?));
        }
        Ok(ColumnarValue::Array(values))
    }

    fn documentation(&self) -> Option<&Documentation> {
        Some(&self.documentation)
    }
}
