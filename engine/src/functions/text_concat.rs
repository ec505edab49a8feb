//! `a || b` as a function, so that its result can be bounded.
//!
//! This module must not know how it is bounded.

use std::sync::{Arc, LazyLock};

use arrow::array::{Array, ArrayRef};
use arrow::compute::cast;
use arrow::compute::kernels::concat_elements::concat_elements_dyn;
use arrow::datatypes::DataType;
use datafusion::common::utils::take_function_args;
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility};

static TEXT_CONCAT: LazyLock<Arc<ScalarUDF>> = LazyLock::new(|| Arc::new(ScalarUDF::new_from_impl(TextConcat::new())));

/// The function; it is not part of the language.
pub(crate) fn text_concat() -> Arc<ScalarUDF> {
    Arc::clone(&TEXT_CONCAT)
}

/// Joins two texts. *Nulls*: strict.
#[derive(Debug, PartialEq, Eq, Hash)]
struct TextConcat {
    signature: Signature,
}

impl TextConcat {
    fn new() -> Self {
        Self { signature: Signature::user_defined(Volatility::Immutable) }
    }
}

impl ScalarUDFImpl for TextConcat {
    fn name(&self) -> &str {
        "text_concat"
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

    /// What DataFusion's own operator returns: a view if either is one, else the larger of the two.
    fn return_type(&self, arg_types: &[DataType]) -> Result<DataType> {
        let widest = [DataType::Utf8View, DataType::LargeUtf8].into_iter().find(|wide| arg_types.contains(wide));
        Ok(widest.unwrap_or(DataType::Utf8))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let [left, right] = take_function_args(self.name(), &args.args)?;
        let constant = matches!((left, right), (ColumnarValue::Scalar(_), ColumnarValue::Scalar(_)));
        let rows = if constant { 1 } else { args.number_rows };
        let text = |value: &ColumnarValue| -> Result<ArrayRef> {
            Ok(cast(&value.to_array(rows)?, args.return_field.data_type())?)
        };
        let joined = concat_elements_dyn(&text(left)?, &text(right)?)?;
        if constant {
            return Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&joined, 0)?));
        }
        debug_assert_eq!(joined.len(), rows);
        Ok(ColumnarValue::Array(joined))
    }
}
