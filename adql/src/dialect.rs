//! Which characters make a name, and which grammar does the parser follow?
//!
//! One dialect serves both labels: only `"` delimits a name, names are ASCII, and none of the parser's vendor
//! extensions is on. What the grammar still takes too freely, [`shape`](crate::shape) refuses.

use sqlparser::dialect::Dialect;

/// The one dialect.
#[derive(Debug)]
pub(crate) struct QueryDialect;

impl Dialect for QueryDialect {
    fn is_delimited_identifier_start(&self, ch: char) -> bool {
        ch == '"'
    }

    fn is_identifier_start(&self, ch: char) -> bool {
        ch.is_ascii_alphabetic() || ch == '_'
    }

    fn is_identifier_part(&self, ch: char) -> bool {
        ch.is_ascii_alphanumeric() || ch == '_'
    }

    fn supports_group_by_expr(&self) -> bool {
        true
    }

    fn supports_filter_during_aggregation(&self) -> bool {
        true
    }

    fn supports_bitwise_shift_operators(&self) -> bool {
        true
    }
}
