//! `ivo_normal_random(mean, sigma)`: a number drawn from a normal distribution.

use std::f64::consts::TAU;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Float64Array};
use arrow::datatypes::{DataType, Float64Type};
use datafusion::common::Result;
use datafusion::functions::math::random;
use datafusion::logical_expr::{
    ColumnarValue, Documentation, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility,
};

use super::super::arguments::Arguments;
use super::super::documentation::number_page;
use super::super::form::{Argument, Form, coerce};

/// Draws anew for each row.
///
/// *Nulls*: strict. *Errors*: none; a negative sigma draws like its size. *Source*: IVOA catalogue of ADQL user-defined
/// functions 1.2, section 2.7; Box & Muller 1958, Ann. Math. Stat. 29, 610.
#[derive(Debug)]
pub(crate) struct NormalRandom {
    signature: Signature,
    documentation: Documentation,
}

impl NormalRandom {
    /// The function.
    pub(crate) fn new() -> Self {
        let documentation = number_page(
            "A number drawn from a normal distribution, anew for each row.",
            "IVO_NORMAL_RANDOM(mean, sigma)",
        )
        .with_argument("mean", "the mean of the distribution")
        .with_argument("sigma", "its standard deviation")
        .with_sql_example("SELECT IVO_NORMAL_RANDOM(10, 0)")
        .build();
        Self { signature: Signature::user_defined(Volatility::Volatile), documentation }
    }
}

impl PartialEq for NormalRandom {
    fn eq(&self, _other: &Self) -> bool {
        true
    }
}

impl Eq for NormalRandom {}

impl Hash for NormalRandom {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name().hash(state);
    }
}

impl ScalarUDFImpl for NormalRandom {
    fn name(&self) -> &str {
        "ivo_normal_random"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, arg_types: &[DataType]) -> Result<Vec<DataType>> {
        coerce(self.name(), &[Form::Exact(&[Argument::Number; 2])], arg_types)
    }

    fn return_type(&self, _arg_types: &[DataType]) -> Result<DataType> {
        Ok(DataType::Float64)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let rows = args.number_rows;
        let uniform = || -> Result<ArrayRef> {
            let call = ScalarFunctionArgs { args: Vec::new(), arg_fields: Vec::new(), ..args.clone() };
            random().invoke_with_args(call)?.into_array(rows)
        };
        let (first, second) = (uniform()?, uniform()?);
        let (first, second) = (first.as_primitive::<Float64Type>(), second.as_primitive::<Float64Type>());
        let arguments = Arguments::with_nulls(args);
        let (means, sigmas) = (arguments.number(0)?, arguments.number(1)?);
        let draw = |row: usize| {
            // The uniform numbers leave out 1, so that the logarithm is finite.
            let radius = (-2.0 * (1.0 - first.value(row)).ln()).sqrt();
            Some(means.get(row)? + sigmas.get(row)? * radius * (TAU * second.value(row)).cos())
        };
        Ok(ColumnarValue::Array(Arc::new((0..rows).map(draw).collect::<Float64Array>())))
    }

    fn documentation(&self) -> Option<&Documentation> {
        Some(&self.documentation)
    }
}
