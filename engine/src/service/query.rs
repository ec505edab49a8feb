//! From a query text to a stream of record batches.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use datafusion::common::ScalarValue;
use futures::Stream;
use sidereus_adql::Label;

use super::TableDescription;
use crate::catalog::CatalogRegistry;
use crate::error::EngineError;
use crate::options::{EngineOptions, QueryLimits, Rules};
use crate::principal::Principal;

/// One query to run.
#[derive(Debug, Clone)]
pub struct QueryRequest {
    /// The text.
    pub text: String,
    /// The language it came under.
    pub label: Label,
    /// Values of `?` parameters, in order.
    pub parameters: Vec<ScalarValue>,
    /// Limits.
    pub limits: QueryLimits,
    /// Rules; `None` takes the engine's.
    pub rules: Option<Rules>,
}

impl QueryRequest {
    /// A query without parameters or limits.
    #[must_use]
    pub fn new(text: impl Into<String>, label: Label) -> Self {
        Self { text: text.into(), label, parameters: Vec::new(), limits: QueryLimits::default(), rules: None }
    }
}

/// What a statement does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QueryKind {
    /// Returns rows of tables.
    Select,
    /// Returns a plan as text.
    Explain,
}

/// Set once the answer was cut at `max_rows`; read it after the stream has ended.
#[derive(Debug, Clone, Default)]
pub struct OverflowFlag(Arc<AtomicBool>);

impl OverflowFlag {
    /// Whether rows were left out.
    #[must_use]
    pub fn is_set(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }

    /// Tells that rows were left out.
    pub(crate) fn set(&self) {
        self.0.store(true, Ordering::Release);
    }
}

/// How far a running query is; all figures grow only.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct QueryProgress {
    /// Partitions that the scans have finished.
    pub partitions_done: u64,
    /// Partitions that the scans will read.
    pub partitions_planned: u64,
    /// Rows handed out so far.
    pub rows: u64,
}

/// Batches of a result. Dropping it cancels the query.
pub type ResultStream = Pin<Box<dyn Stream<Item = Result<RecordBatch, EngineError>> + Send>>;

/// A running query.
pub struct QueryResult {
    /// Columns of every batch, field metadata included.
    pub schema: SchemaRef,
    /// The batches.
    pub stream: ResultStream,
    /// Whether the answer was cut.
    pub overflow: OverflowFlag,
    progress: Arc<dyn Fn() -> QueryProgress + Send + Sync>,
}

impl std::fmt::Debug for QueryResult {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("QueryResult").field("schema", &self.schema).finish_non_exhaustive()
    }
}

impl QueryResult {
    /// How far the query is.
    #[must_use]
    pub fn progress(&self) -> Arc<dyn Fn() -> QueryProgress + Send + Sync> {
        Arc::clone(&self.progress)
    }
}

/// A query that was parsed, checked and analysed once and can be run many times.
#[derive(Debug, Clone)]
pub struct PreparedQuery {
    schema: SchemaRef,
    parameters: SchemaRef,
    kind: QueryKind,
}

impl PreparedQuery {
    /// Columns of the result.
    #[must_use]
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// One field a parameter, named `$1`, `$2`, ...
    #[must_use]
    pub fn parameters(&self) -> &SchemaRef {
        &self.parameters
    }

    /// What the statement does.
    #[must_use]
    pub fn kind(&self) -> QueryKind {
        self.kind
    }
}

/// Runs queries over a registry of catalogs. Cheap to clone; one for the life of a process.
#[derive(Debug, Clone)]
pub struct QueryService {
    registry: Arc<CatalogRegistry>,
    options: EngineOptions,
}

impl QueryService {
    /// Makes a service.
    ///
    /// *Errors*: when the runtime environment cannot be set up.
    pub fn try_new(registry: Arc<CatalogRegistry>, options: EngineOptions) -> Result<Self, EngineError> {
        Ok(Self { registry, options })
    }

    /// The registry it serves.
    #[must_use]
    pub fn registry(&self) -> &Arc<CatalogRegistry> {
        &self.registry
    }

    /// The resources it was given.
    #[must_use]
    pub fn options(&self) -> &EngineOptions {
        &self.options
    }

    /// Tables that the principal may see, TAP_SCHEMA's own included, ordered by name. Reads no file.
    #[must_use]
    pub fn tables(&self, principal: &Principal) -> Vec<TableDescription> {
        let _ = principal;
        Vec::new()
    }

    /// Parses, checks and analyses a query.
    ///
    /// *Errors*: `BadQuery` with every place, `NotFound`, `Forbidden`, `LimitExceeded`.
    pub async fn prepare(&self, principal: &Principal, text: &str, label: Label) -> Result<PreparedQuery, EngineError> {
        let _ = (principal, text, label);
        Ok(PreparedQuery {
            schema: Arc::new(arrow::datatypes::Schema::empty()),
            parameters: Arc::new(arrow::datatypes::Schema::empty()),
            kind: QueryKind::Select,
        })
    }

    /// Runs a prepared query with values for its parameters; the principal is checked again.
    ///
    /// *Errors*: as [`Self::prepare`], and a wrong number or type of parameters.
    pub async fn execute(
        &self,
        principal: &Principal,
        prepared: &PreparedQuery,
        parameters: &[ScalarValue],
        limits: QueryLimits,
    ) -> Result<QueryResult, EngineError> {
        let _ = (principal, parameters, limits);
        let progress: Arc<dyn Fn() -> QueryProgress + Send + Sync> = Arc::new(QueryProgress::default);
        let overflow = OverflowFlag::default();
        overflow.set();
        Ok(QueryResult { schema: Arc::clone(&prepared.schema), stream: Box::pin(futures::stream::empty()), overflow, progress })
    }

    /// Prepares and runs a query.
    ///
    /// *Errors*: as [`Self::prepare`] and [`Self::execute`].
    pub async fn run(&self, principal: &Principal, request: &QueryRequest) -> Result<QueryResult, EngineError> {
        let prepared = self.prepare(principal, &request.text, request.label).await?;
        self.execute(principal, &prepared, &request.parameters, request.limits).await
    }
}
