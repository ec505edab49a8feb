//! `ivo_hashlist_has(list, item)`: is a word in a list that is joined by hash signs?

use std::sync::Arc;

use arrow::array::{ArrayRef, Int32Array};
use datafusion::common::Result;
use datafusion::logical_expr::{Documentation, ReturnFieldArgs};

use super::super::arguments::Arguments;
use super::super::documentation::text_page;
use super::super::form::{Argument, Form};
use super::super::row_function::RowFunction;
use super::super::spatial::Returned;

/// Compares whole items, whatever the case.
///
/// *Nulls*: strict. *Source*: IVOA catalogue of ADQL user-defined functions 1.2, section 2.5 (RegTAP 1.1 section 9).
#[derive(Debug)]
pub(crate) struct HashlistHas;

impl RowFunction for HashlistHas {
    fn name(&self) -> &'static str {
        "ivo_hashlist_has"
    }

    fn forms(&self) -> &'static [Form] {
        &[Form::Exact(&[Argument::Text, Argument::Text])]
    }

    fn returned(&self, _call: &ReturnFieldArgs<'_>) -> Result<Returned> {
        Ok(Returned::Flag)
    }

    fn invoke(&self, arguments: &Arguments) -> Result<ArrayRef> {
        let (lists, items) = (arguments.text(0)?, arguments.text(1)?);
        let has = |row: usize| {
            let (list, item) = (lists.get(row)?, items.get(row)?.to_lowercase());
            Some(i32::from(list.split('#').any(|word| word.to_lowercase() == item)))
        };
        Ok(Arc::new((0..arguments.rows()).map(has).collect::<Int32Array>()))
    }

    fn documentation(&self) -> Documentation {
        text_page(
            "1 where a list that is joined by `#` has an item, whatever the case, else 0.",
            "IVO_HASHLIST_HAS(list, item)",
        )
        .with_argument("list", "items joined by `#`")
        .with_argument("item", "a whole item")
        .with_sql_example("SELECT IVO_HASHLIST_HAS('optical#x-ray', 'X-ray')")
        .build()
    }
}
