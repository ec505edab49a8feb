//! What is asked: a text, its language, parameters and limits.

use std::sync::Arc;

use datafusion::common::ScalarValue;
use futures::future::BoxFuture;
use sidereus_adql::{Label, Version};

use super::{QueryClass, SpillSpace};
use crate::error::EngineError;
use crate::options::{QueryLimits, Rules};
use crate::uploads::UploadedTable;

/// One query to run.
#[derive(Debug, Clone)]
pub struct QueryRequest {
    /// The text.
    pub text: String,
    /// The language it came under.
    pub label: Label,
    /// The version of ADQL that the text is held to the letter of; `None` takes the language with its extensions.
    pub standard: Option<Version>,
    /// Values of `?` parameters, in order.
    pub parameters: Vec<ScalarValue>,
    /// Limits.
    pub limits: QueryLimits,
    /// Rules; `None` takes the engine's.
    pub rules: Option<Rules>,
    /// Tables that this query alone can name, as `TAP_UPLOAD.name` or `mydb.name`.
    pub uploads: Vec<Arc<UploadedTable>>,
}

impl QueryRequest {
    /// A query without parameters or limits.
    #[must_use]
    pub fn new(text: impl Into<String>, label: Label) -> Self {
        Self {
            text: text.into(),
            label,
            standard: None,
            parameters: Vec::new(),
            limits: QueryLimits::default(),
            rules: None,
            uploads: Vec::new(),
        }
    }
}

/// Asked once a query is planned, and before it starts to work: waits until it may, or says why it may not.
///
/// Dropped, with what it waits for, where the query is dropped.
pub type Gate = Box<dyn FnOnce(QueryClass) -> BoxFuture<'static, Result<(), EngineError>> + Send>;

/// One run of a prepared query.
#[derive(Default)]
pub struct Execution {
    /// Values of `?` parameters, in order.
    pub parameters: Vec<ScalarValue>,
    /// Limits; the time of waiting counts.
    pub limits: QueryLimits,
    /// What the query has to pass before it works.
    pub gate: Option<Gate>,
    /// Where it puts what memory does not hold; `None` is the system's folder of temporary files, without limit.
    pub spill: Option<Arc<dyn SpillSpace>>,
}

impl std::fmt::Debug for Execution {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Execution").field("limits", &self.limits).finish_non_exhaustive()
    }
}

/// What a statement does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QueryKind {
    /// Returns rows of tables.
    Select,
    /// Returns a plan as text.
    Explain {
        /// Whether the query is run and measured.
        analyze: bool,
    },
}
