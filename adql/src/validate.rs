//! Does a text conform to ADQL? Judged by the standard alone, without a catalog.
//!
//! [`parse`](crate::parse()) and [`check`](crate::check()) take the declared extensions too; this does not.

use sqlparser::tokenizer::Span;

use crate::error::{Findings, QueryErrorKind, QueryErrors};
use crate::kinds::Declared;
use crate::limits::{Limits, on_bounded_stack};
use crate::parse::parse_read;
use crate::request::{Label, Request};
use crate::strict::Rule;
use crate::tokens::Tokens;
use crate::{kinds, strict};

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
/// ```
/// use sidereus_adql::{ValidateOptions, validate};
/// let options = ValidateOptions { udfs: vec!["my_udf(x REAL) -> REAL".into()], ..ValidateOptions::default() };
/// assert!(validate("SELECT my_udf(ra) FROM anything", &options).is_ok());
/// let errors = validate("SELECT ra FROM stars LIMIT 5", &options).unwrap_err();
/// assert_eq!(errors.errors()[0].hint.as_deref(), Some("write SELECT TOP n"));
/// ```
///
/// *Errors*: whatever the standard does not allow. Unknown tables and columns are no errors.
pub fn validate(text: &str, options: &ValidateOptions) -> Result<(), QueryErrors> {
    let strict = options.label == Label::Adql;
    let tokens = Tokens::read(text, options.label, &Limits::DEFAULT)?;
    let mut findings = Findings::new(text);
    let rule = Rule::Standard(options.version);
    if strict {
        strict::check_tokens(&tokens, rule, &mut findings);
    }
    let first = tokens.list.first().map_or_else(Span::empty, |token| token.span);
    let query = match parse_read(text, options.label.into(), tokens)? {
        Request::Select(query) => query,
        Request::Explain { query, .. } if !strict => query,
        _ => {
            return findings.fail(QueryErrorKind::Forbidden, first, "only SELECT is a query of ADQL".into(), None);
        }
    };
    on_bounded_stack(|| {
        let mut ast = query.ast;
        if strict {
            strict::check_query(&mut ast, rule, &mut findings);
            kinds::check_standard_kinds(&mut ast, options.version, Declared::Names(&options.udfs), &mut findings);
        } else {
            kinds::check_kinds(&mut ast, options.label, &options.udfs, &mut findings);
        }
        findings.finish()
    })
}
