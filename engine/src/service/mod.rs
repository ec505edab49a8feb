//! The entries of the engine: what a front end can ask for.
//!
//! Each front end is a translation to these types. Nothing here knows a protocol.

mod description;
mod query;

pub use description::{ColumnDescription, TableDescription};
pub use query::{
    OverflowFlag, PreparedQuery, QueryKind, QueryProgress, QueryRequest, QueryResult, QueryService,
};
