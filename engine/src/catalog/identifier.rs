//! How is a name written in ADQL so that it means just this object?

use std::borrow::Cow;

use sidereus_adql::is_reserved;

use super::{DEFAULT_SCHEMA, TableName};

/// A name as a query must spell it: as it is where it is a regular identifier, in double quotes otherwise.
///
/// *Source*: ADQL 2.1 section 2.1.3: a letter, then letters, digits and underscores, and no reserved word.
///
/// ```
/// use sidereus_engine::adql_identifier;
/// assert_eq!(adql_identifier("ra"), "ra");
/// assert_eq!(adql_identifier("_healpix_29"), "\"_healpix_29\"");
/// assert_eq!(adql_identifier("size"), "\"size\"");
/// ```
#[must_use]
pub fn adql_identifier(name: &str) -> Cow<'_, str> {
    let starts_well = name.starts_with(|first: char| first.is_ascii_alphabetic());
    let is_regular = starts_well && name.chars().all(|next| next.is_ascii_alphanumeric() || next == '_');
    if is_regular && !is_reserved(name) {
        return Cow::Borrowed(name);
    }
    Cow::Owned(format!("\"{}\"", name.replace('"', "\"\"")))
}

/// A table's name as queries write it.
#[must_use]
pub fn adql_table(name: &TableName) -> String {
    format!("{}.{}", adql_schema(&name.schema), adql_identifier(&name.table))
}

/// A schema's name as queries write it. `PUBLIC` is a reserved word, but nobody writes the default schema in quotes, and
/// none are needed.
pub(super) fn adql_schema(name: &str) -> Cow<'_, str> {
    if name == DEFAULT_SCHEMA { Cow::Borrowed(name) } else { adql_identifier(name) }
}
