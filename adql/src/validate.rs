//! Does a text conform to ADQL? Judged by the standard alone, without a catalog.
//!
//! [`parse`](crate::parse()) and [`check`](crate::check()) take the declared extensions too; this does not.

use crate::error::{Findings, QueryErrors};
use crate::kinds;
use crate::limits::on_bounded_stack;
use crate::parse::parse;
use crate::request::{Label, Request};

/// The version of the standard to judge by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Version {
    /// ADQL 2.0 (2008).
    V2_0,
    /// ADQL 2.1 (2023).
    #[default]
    V2_1,
}

impl Version {
    /// The version of that number: `2.0` or `2.1`, also with a leading `v`.
    pub fn from_number(number: &str) -> Option<Self> {
        match number.trim_start_matches(['v', 'V']) {
            "2.0" | "2" => Some(Self::V2_0),
            "2.1" => Some(Self::V2_1),
            _ => None,
        }
    }
}

/// How to judge.
#[derive(Debug, Clone)]
pub struct ValidateOptions {
    /// The label; under [`Label::Sql`] the declared extensions are allowed.
    pub label: Label,
    /// The version of the standard.
    pub version: Version,
    /// Names of the functions that the service declares beyond the language.
    pub udfs: Vec<String>,
}

impl Default for ValidateOptions {
    fn default() -> Self {
        Self { label: Label::Adql, version: Version::default(), udfs: Vec::new() }
    }
}

/// Judges a text.
///
/// *Errors*: whatever the standard does not allow. Unknown tables and columns are no errors.
pub fn validate(text: &str, options: &ValidateOptions) -> Result<(), QueryErrors> {
    let query = match parse(text, options.label)? {
        Request::Select(query) | Request::Explain { query, .. } => query,
        Request::CreateTableAs { target, .. }
        | Request::InsertInto { target, .. }
        | Request::DropTable { target, .. } => {
            return Err(target.refuse(crate::QueryErrorKind::Forbidden, "only SELECT is a query"));
        }
    };
    on_bounded_stack(move || {
        let mut findings = Findings::new(&query.text);
        let mut ast = query.ast;
        kinds::check_kinds_with(&mut ast, options.label, &options.udfs, &mut findings);
        findings.finish()
    })
}
