//! `adql_mod(x, y)`: the remainder of two numbers (ADQL `MOD`).

use std::hash::{Hash, Hasher};

use arrow::compute::kernels::numeric::rem;
use arrow::datatypes::DataType;
use datafusion::common::utils::take_function_args;
use datafusion::common::{Result, plan_datafusion_err};
use datafusion::logical_expr::{
    ColumnarValue, Documentation, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility,
};

use super::checked::{apply_two, overflow};
use super::documentation::number_page;

/// The remainder, with the sign of `x`.
///
/// *Shape*: two integers to an integer, else two doubles to a double. *Nulls*: strict. *Errors*: an integer remainder by
/// zero; by a floating zero it is NaN. *Source*: ADQL 2.1 section 2.3.
#[derive(Debug)]
pub(crate) struct Modulo {
    signature: Signature,
    documentation: Documentation,
}

impl Modulo {
    /// The function.
    pub(crate) fn new() -> Self {
        let documentation = number_page("The remainder of x by y, with the sign of x.", "MOD(x, y)")
            .with_argument("x", "a number")
            .with_argument("y", "a number; an integer zero is an error, a floating zero gives NaN")
            .with_sql_example("SELECT MOD(-7, 3)")
            .build();
        Self { signature: Signature::user_defined(Volatility::Immutable), documentation }
    }
}

impl PartialEq for Modulo {
    fn eq(&self, _other: &Self) -> bool {
        true
    }
}

impl Eq for Modulo {}

impl Hash for Modulo {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name().hash(state);
    }
}

impl ScalarUDFImpl for Modulo {
    fn name(&self) -> &str {
        "adql_mod"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn is_strict(&self) -> bool {
        true
    }

    fn coerce_types(&self, arg_types: &[DataType]) -> Result<Vec<DataType>> {
        let [x, y] = take_function_args(self.name(), arg_types)?;
        let is_number = |found: &DataType| found.is_numeric() || found.is_null();
        if !is_number(x) || !is_number(y) {
            return Err(plan_datafusion_err!("adql_mod takes two numbers, not {x} and {y}"));
        }
        let is_whole = |found: &DataType| found.is_integer() || found.is_null();
        let common = if is_whole(x) && is_whole(y) {
            if x == y && x == &DataType::UInt64 { DataType::UInt64 } else { DataType::Int64 }
        } else {
            DataType::Float64
        };
        Ok(vec![common.clone(), common])
    }

    fn return_type(&self, arg_types: &[DataType]) -> Result<DataType> {
        Ok(arg_types.first().cloned().unwrap_or(DataType::Float64))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        apply_two(&args.args, rem).map_err(overflow)
    }

    fn documentation(&self) -> Option<&Documentation> {
        Some(&self.documentation)
    }
}
