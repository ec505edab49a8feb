//! `ivo_nocasematch(text, pattern)`: does a pattern of LIKE match a text, whatever the case?

use std::sync::Arc;

use arrow::array::{ArrayRef, Datum, Int32Array, Scalar};
use arrow::compute::kernels::comparison::ilike;
use datafusion::common::Result;
use datafusion::logical_expr::{Documentation, ReturnFieldArgs};

use super::super::arguments::Arguments;
use super::super::documentation::text_page;
use super::super::form::{Argument, Form};
use super::super::row_function::RowFunction;
use super::super::spatial::Returned;

/// ILIKE as a number.
///
/// *Nulls*: strict. *Source*: IVOA catalogue of ADQL user-defined functions 1.2, section 2.5 (RegTAP 1.1 section 9).
#[derive(Debug)]
pub(crate) struct NoCaseMatch;

impl RowFunction for NoCaseMatch {
    fn name(&self) -> &'static str {
        "ivo_nocasematch"
    }

    fn forms(&self) -> &'static [Form] {
        &[Form::Exact(&[Argument::Text, Argument::Text])]
    }

    fn returned(&self, _call: &ReturnFieldArgs<'_>) -> Result<Returned> {
        Ok(Returned::Flag)
    }

    fn invoke(&self, arguments: &Arguments) -> Result<ArrayRef> {
        let datum = |index: usize| -> Result<Box<dyn Datum>> {
            let (array, constant) = arguments.array(index)?;
            Ok(if constant { Box::new(Scalar::new(array)) } else { Box::new(array) })
        };
        let (text, pattern) = (datum(0)?, datum(1)?);
        let found = ilike(text.as_ref(), pattern.as_ref())?;
        debug_assert_eq!(found.len(), arguments.rows());
        Ok(Arc::new(found.iter().map(|found| found.map(i32::from)).collect::<Int32Array>()))
    }

    fn documentation(&self) -> Documentation {
        text_page("1 where a text is like a pattern, whatever the case, else 0.", "IVO_NOCASEMATCH(text, pattern)")
            .with_argument("text", "the text")
            .with_argument("pattern", "as in LIKE: `%` for any characters, `_` for one")
            .with_sql_example("SELECT IVO_NOCASEMATCH('Andromeda', 'ANDRO%')")
            .build()
    }
}
