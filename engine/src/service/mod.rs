//! The entries of the engine: what a front end can ask for.
//!
//! Each front end is a translation to these types. Nothing here knows a protocol.

mod account;
mod class;
mod estimate;
mod permits;
mod plan;
mod provenance;
mod query;
mod references;
mod request;
mod resources;
mod result;
mod rows;
mod spill;
mod template;
mod views;
mod worker;

pub use class::QueryClass;
pub use estimate::Estimate;
pub use provenance::Provenance;
pub use query::{PreparedQuery, QueryService};
pub use references::Reference;
pub use request::{Execution, Gate, QueryKind, QueryRequest};
pub use resources::{CacheUse, Resources};
pub use result::{OverflowFlag, QueryProgress, QueryResult, QueryWork, ResultStream};
pub use spill::SpillSpace;
