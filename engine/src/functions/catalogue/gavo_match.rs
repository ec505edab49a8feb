//! `gavo_match(pattern, text)`: does a regular expression match somewhere in a text?

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Int32Array, StringArray};
use arrow::compute::regexp_is_match_scalar;
use datafusion::common::{Result, exec_datafusion_err, plan_err};
use datafusion::logical_expr::{Documentation, ReturnFieldArgs};

use super::super::arguments::Arguments;
use super::super::documentation::text_page;
use super::super::form::{Argument, Form};
use super::super::row_function::RowFunction;
use super::super::spatial::Returned;

/// Matches without case folding, anywhere in the text.
///
/// *Nulls*: strict. *Errors*: a pattern that is no regular expression, or is not written out: compiled patterns are
/// large, so a column of them has no bound. *Cost*: linear in the text, no backtracking. *Source*: the function of this
/// name of GAVO DaCHS, whose POSIX patterns mean the same but for back-references, which are errors.
#[derive(Debug)]
pub(crate) struct GavoMatch;

impl RowFunction for GavoMatch {
    fn name(&self) -> &'static str {
        "gavo_match"
    }

    fn forms(&self) -> &'static [Form] {
        &[Form::Exact(&[Argument::Text, Argument::Text])]
    }

    fn returned(&self, call: &ReturnFieldArgs<'_>) -> Result<Returned> {
        if call.scalar_arguments.first().copied().flatten().is_none() {
            return plan_err!("the pattern of gavo_match must be a string, written out");
        }
        Ok(Returned::Flag)
    }

    fn invoke(&self, arguments: &Arguments) -> Result<ArrayRef> {
        let (texts, _) = arguments.array(1)?;
        let texts: &StringArray = texts.as_string();
        let patterns = arguments.text(0)?;
        let found = regexp_is_match_scalar(texts, patterns.get(0).unwrap_or_default(), None)
            .map_err(|error| exec_datafusion_err!("gavo_match: {error}"))?;
        Ok(Arc::new(found.iter().map(|found| found.map(i32::from)).collect::<Int32Array>()))
    }

    fn documentation(&self) -> Documentation {
        text_page("1 where a regular expression matches somewhere in a text, else 0.", "GAVO_MATCH(pattern, text)")
            .with_argument("pattern", "a regular expression, written out; no back-references")
            .with_argument("text", "the text; case counts, `(?i)` at the start of the pattern switches that off")
            .with_sql_example("SELECT GAVO_MATCH('^NGC +[0-9]+$', 'NGC 224')")
            .build()
    }
}
