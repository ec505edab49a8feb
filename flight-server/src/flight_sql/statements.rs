//! From a statement to its description and its rows.
//!
//! ```text
//! text --prepare--> Statement --describe--> FlightInfo { schema, ticket }
//! ticket --open--> Statement --rows--> messages
//! ```
//!
//! Everything that runs a query over Flight meets here: direct statements, prepared ones, plain texts as tickets. A
//! statement bound to several rows of parameters gives the answer for each, one after the other: by one join with them where the
//! engine has such a plan, else by a run for each.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arrow::array::RecordBatch;
use arrow::datatypes::{Schema, SchemaRef};
use arrow_flight::sql::{ProstMessageExt, TicketStatementQuery};
use arrow_flight::{FlightData, FlightDescriptor, FlightEndpoint, FlightInfo, IpcMessage, SchemaAsIpc, Ticket};
use bytes::Bytes;
use futures::stream::BoxStream;
use futures::{Stream, StreamExt, TryStreamExt};
use prost::Message;
use sha2::{Digest, Sha256};
use sidereus_engine::{PreparedQuery, Principal, QueryLimits, QueryProgress, QueryResult, Rules, ScalarValue};
use tokio_util::sync::CancellationToken;
use tonic::Status;

use super::bound::Bound;
use super::caller::Caller;
use super::cut::Cut;
use super::encode::{Messages, Piece};
use super::own::{OwnTables, Table};
use super::parameters;
use super::plans::Plans;
use super::running::{Running, RunningQuery};
use super::session::{SessionKey, compression, compression_name};
use super::status::{defect, status, ticket_status};
use super::ticket::{Sealer, Statement, TicketError};
use super::wire::wire_schema;
use crate::auth::Authenticator;
use crate::queries::{self, Queries};

/// Time that a ticket is good for.
pub(super) const TICKET_LIFE: Duration = Duration::from_secs(3600);

/// Limits that the operator set for every query.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct ServiceLimits {
    /// Rows of an answer.
    pub(super) max_rows: Option<u64>,
    /// Time of a query.
    pub(super) timeout: Option<Duration>,
}

/// Tells, whenever it is called, which share of its work a query has done.
pub(super) type Share = Box<dyn Fn() -> f64 + Send + Sync>;

/// A query that runs.
pub(super) struct Started {
    /// Columns of its messages.
    pub(super) schema: SchemaRef,
    /// Its rows.
    pub(super) batches: BoxStream<'static, Result<RecordBatch, Status>>,
    /// What is told after the last.
    pub(super) cut: Cut,
    /// How far it is.
    pub(super) progress: Share,
    /// Ends it.
    pub(super) stop: CancellationToken,
}

/// A stream of encoded rows.
pub(super) type RowStream = BoxStream<'static, Result<FlightData, Status>>;

/// Prepares, describes and runs statements.
#[derive(Debug)]
pub(super) struct Statements {
    queries: Queries,
    plans: Plans,
    sealer: Arc<Sealer>,
    auth: Arc<Authenticator>,
    running: Arc<Running>,
    pub(super) bound: Bound,
    tables: Arc<OwnTables>,
    limits: ServiceLimits,
}

impl Statements {
    /// Statements that run as queries.
    pub(super) fn new(
        queries: Queries,
        tables: Arc<OwnTables>,
        (sealer, auth): (Arc<Sealer>, Arc<Authenticator>),
        limits: ServiceLimits,
    ) -> Self {
        let plans = Plans::new(queries.clone());
        Self { queries, plans, sealer, auth, running: Arc::default(), bound: Bound::default(), tables, limits }
    }

    /// Plans a text on behalf of a caller.
    ///
    /// *Errors*: those of planning, with their places.
    pub(super) async fn prepare(&self, caller: &Caller, text: &str) -> Result<(Statement, Arc<PreparedQuery>), Status> {
        let statement = Statement {
            max_rows: caller.options.max_rows,
            timeout_ms: caller.options.timeout.map(|timeout| u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX)),
            compression: compression_name(caller.options.compression).to_owned(),
            rules_off: caller.options.rules.map(Rules::switched_off),
            adql: caller.options.is_adql(),
            ..self.owned(caller)
        };
        let statement = statement.with_text(text);
        let tables = self.tables(&statement);
        let query = self.plans.prepare(caller, &statement, (text, &tables)).await?;
        Ok((Statement { columns: columns_digest(&query), ..statement }, query))
    }

    /// A statement of a caller.
    pub(super) fn owned(&self, caller: &Caller) -> Statement {
        Statement {
            owner: caller.principal.name().map(str::to_owned),
            standing: self.auth.standing(&caller.principal),
            tables_of: self.tables_of(caller),
            ..Statement::default()
        }
    }

    /// The statement of a handle or ticket, and its plan.
    ///
    /// *Errors*: one that is forged, expired, or another principal's; a catalog that was replaced by one of other columns.
    pub(super) async fn open(&self, caller: &Caller, sealed: &[u8]) -> Result<(Statement, Arc<PreparedQuery>), Status> {
        let mut statement = self.unseal(&caller.principal, sealed)?;
        let query = self.plans.find(caller, &statement, &self.tables(&statement)).await?;
        if statement.parameters.is_empty() && !query.parameters().fields().is_empty() {
            statement.parameters = self.bound.find(&statement.id);
        }
        if !statement.columns.is_empty() && statement.columns != columns_digest(&query) {
            let message = "the columns of the answer are others since a catalog was replaced: prepare the query again";
            return Err(Status::failed_precondition(message));
        }
        Ok((statement, query))
    }

    /// Whose own tables the statements of a caller may name; empty where there are none.
    fn tables_of(&self, caller: &Caller) -> Bytes {
        let has_none = self.tables.of(caller.owner).is_empty();
        if has_none { Bytes::new() } else { Bytes::copy_from_slice(&caller.owner.bytes()) }
    }

    /// The tables beside the catalogs that a statement may name, as they are now.
    fn tables(&self, statement: &Statement) -> Vec<Arc<Table>> {
        SessionKey::of_bytes(&statement.tables_of).map(|owner| self.tables.of(owner)).unwrap_or_default()
    }

    /// The statement of a handle or ticket, for its owner only; to others it is none of this server's.
    pub(super) fn unseal(&self, principal: &Principal, sealed: &[u8]) -> Result<Statement, Status> {
        let statement = self.sealer.unseal(sealed).map_err(ticket_status)?;
        if statement.owner.as_deref() != principal.name() || statement.standing != self.auth.standing(principal) {
            return Err(ticket_status(TicketError::Foreign));
        }
        Ok(statement)
    }

    /// A statement as a handle.
    pub(super) fn seal(&self, statement: &Statement) -> Bytes {
        self.sealer.seal(statement)
    }

    /// What a client is told before it reads the rows.
    pub(super) fn describe(
        &self,
        statement: Statement,
        query: &PreparedQuery,
        (descriptor, estimate): (FlightDescriptor, Option<serde_json::Value>),
    ) -> Result<FlightInfo, Status> {
        parameters::decode(&statement.parameters, query)?;
        let run = statement.renewed(TICKET_LIFE);
        let mut metadata = serde_json::json!({ "query_id": run.query_id() });
        if let Some(estimate) = estimate {
            metadata["estimate"] = estimate;
        }
        let expires = run.expires;
        let mut info = FlightInfo::new()
            .try_with_schema(&wire_schema(query.schema()))
            .map_err(defect)?
            .with_endpoint(endpoint(self.ticket(&run), expires))
            .with_total_records(-1)
            .with_total_bytes(-1)
            .with_app_metadata(metadata.to_string());
        info.flight_descriptor = Some(echoed(descriptor));
        Ok(info)
    }

    /// What the first run of a statement will cost, as JSON.
    pub(super) async fn estimate(
        &self,
        principal: &Principal,
        statement: &Statement,
        query: &PreparedQuery,
    ) -> Result<serde_json::Value, Status> {
        let values = parameters::decode(&statement.parameters, query)?;
        let limits = QueryLimits { max_rows: statement.max_rows, ..self.query_limits(statement) };
        let first = values.first().map_or(&[][..], Vec::as_slice);
        let estimate =
            self.queries.service().estimate(principal, query, first, limits).await.map_err(|error| status(&error))?;
        Ok(serde_json::json!({
            "rows": estimate.rows,
            "bytes": estimate.bytes,
            "rows_read": estimate.rows_read,
            "bytes_read": estimate.bytes_read,
            "seconds": estimate.seconds,
        }))
    }

    /// The ticket of a statement.
    pub(super) fn ticket(&self, statement: &Statement) -> Ticket {
        Ticket::new(TicketStatementQuery { statement_handle: self.seal(statement) }.as_any().encode_to_vec())
    }

    /// Runs a statement.
    ///
    /// *Errors*: those of the first batch's query come here, later ones in the stream. Dropping the stream, or this
    /// future, cancels the query.
    pub(super) async fn rows(
        &self,
        caller: &Caller,
        statement: &Statement,
        query: Arc<PreparedQuery>,
    ) -> Result<RowStream, Status> {
        let started = self.start(caller, statement, query).await?;
        let (schema, cut) = (started.schema, started.cut);
        let pieces = started.batches.map_ok(Piece::Rows);
        let ending = Box::new(move || cut.ending());
        let compression = compression(&statement.compression).unwrap_or_default();
        Ok(Messages::try_new(schema, pieces.boxed(), compression, ending)?.boxed())
    }

    /// Begins to run a statement.
    ///
    /// *Errors*: as [`Self::rows`].
    pub(super) async fn start(
        &self,
        caller: &Caller,
        statement: &Statement,
        query: Arc<PreparedQuery>,
    ) -> Result<Started, Status> {
        let (query, values) = match self.joined(caller, statement, &query).await? {
            Some(joined) => (Arc::new(joined), VecDeque::from([Vec::new()])),
            None => (Arc::clone(&query), VecDeque::from(parameters::decode(&statement.parameters, &query)?)),
        };
        let entry = self.running.enter(&statement.id);
        let stop = entry.stop.clone();
        let schema = wire_schema(query.schema());
        let (runs, progress) = (values.len(), Arc::new(Progress::default()));
        let mut run = Run {
            queries: self.queries.clone(),
            caller: caller.asking(),
            query,
            values,
            limits: self.query_limits(statement),
            cut: Cut::new(statement.max_rows, self.limits.max_rows),
            current: None,
            progress: Arc::clone(&progress),
            entry,
            _tables: self.tables(statement),
        };
        run.advance().await?;
        let cut = run.cut.clone();
        let batches = stoppable(run.into_batches(), stop.clone()).boxed();
        let progress = Box::new(move || progress.share(runs));
        Ok(Started { schema, batches, cut, progress, stop })
    }

    /// One query for all rows of parameters, where there are several and it can be.
    async fn joined(
        &self,
        caller: &Caller,
        statement: &Statement,
        query: &PreparedQuery,
    ) -> Result<Option<PreparedQuery>, Status> {
        let Some(rows) = parameters::several(&statement.parameters)? else { return Ok(None) };
        let joined = self.queries.service().joined(&caller.principal, query, &rows).await;
        joined.map_err(|error| status(&error))
    }

    /// An endpoint with the same statement and more time; the statement stays the same run.
    pub(super) fn renewed_endpoint(&self, statement: Statement) -> FlightEndpoint {
        let id = statement.id.clone();
        let statement = Statement { id, ..statement.renewed(TICKET_LIFE) };
        endpoint(self.ticket(&statement), statement.expires)
    }

    /// Stops a running statement; whether it ran.
    pub(super) fn cancel(&self, statement: &Statement) -> bool {
        self.running.cancel(&statement.id)
    }

    /// Runs queries.
    pub(super) fn queries(&self) -> &Queries {
        &self.queries
    }

    /// Rows that the service gives at most.
    pub(super) fn most_rows(&self) -> Option<u64> {
        self.limits.max_rows
    }

    fn query_limits(&self, statement: &Statement) -> QueryLimits {
        self.limits_of(statement.timeout_ms.map(Duration::from_millis))
    }

    /// The limits of a query for which a client asked for so much time.
    pub(super) fn limits_of(&self, asked: Option<Duration>) -> QueryLimits {
        let timeout = match (asked, self.limits.timeout) {
            (Some(asked), Some(limit)) => Some(asked.min(limit)),
            (asked, limit) => asked.or(limit),
        };
        QueryLimits { timeout, max_rows: None }
    }
}

/// The schema message that stands for a schema outside of streams.
pub(super) fn schema_message(schema: &Schema) -> Result<Bytes, Status> {
    let IpcMessage(bytes) = SchemaAsIpc::new(schema, &Default::default()).try_into().map_err(defect)?;
    Ok(bytes)
}

/// A descriptor as it is sent back: empty where it is long, for clients know it and messages are limited. pyarrow reads no
/// description without one.
pub(super) fn echoed(descriptor: FlightDescriptor) -> FlightDescriptor {
    if descriptor.cmd.len() > 64 * 1024 { FlightDescriptor::new_cmd(Bytes::new()) } else { descriptor }
}

/// What a client was promised: names and types of the columns of an answer, and those of the parameters.
fn columns_digest(query: &PreparedQuery) -> Bytes {
    let mut digest = Sha256::new();
    for schema in [wire_schema(query.schema()), wire_schema(query.parameters())] {
        digest.update(schema.fields().len().to_le_bytes());
        for field in schema.fields() {
            digest.update(format!("{:?} {}\n", field.name(), field.data_type()));
        }
    }
    Bytes::copy_from_slice(&digest.finalize())
}

/// An endpoint that can be read until so many seconds since 1970.
pub(super) fn endpoint(ticket: Ticket, expires: u64) -> FlightEndpoint {
    let mut endpoint = FlightEndpoint::new().with_ticket(ticket);
    endpoint.expiration_time.get_or_insert_default().seconds = i64::try_from(expires).unwrap_or(i64::MAX);
    endpoint
}

/// How far the runs of a statement are.
#[derive(Default)]
struct Progress(Mutex<(usize, Option<OfRun>)>);

/// Tells how far one run is.
type OfRun = Arc<dyn Fn() -> QueryProgress + Send + Sync>;

impl Progress {
    fn begin(&self, run: OfRun) {
        let mut runs = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *runs = (runs.0 + 1, Some(run));
    }

    /// The share of so many runs.
    fn share(&self, runs: usize) -> f64 {
        let (begun, current) = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let Some(current) = current else { return 0.0 };
        let current = current();
        let share = current.partitions_done as f64 / current.partitions_planned.max(1) as f64;
        (begun as f64 - 1.0 + share.min(1.0)) / runs.max(1) as f64
    }
}

/// The runs of one statement over its rows of parameters, one after the other.
struct Run {
    queries: Queries,
    caller: queries::Caller,
    query: Arc<PreparedQuery>,
    values: VecDeque<Vec<ScalarValue>>,
    limits: QueryLimits,
    cut: Cut,
    current: Option<QueryResult>,
    progress: Arc<Progress>,
    entry: RunningQuery,
    /// Kept until the last row.
    _tables: Vec<Arc<Table>>,
}

impl Run {
    /// Starts the run of the next row of parameters; whether there was one.
    async fn advance(&mut self) -> Result<bool, Status> {
        let Some(values) = self.values.pop_front() else { return Ok(false) };
        let max_rows = self.cut.left(self.entry.rows());
        let limits = QueryLimits { max_rows, ..self.limits };
        let started = self.queries.execute(&self.caller, &self.query, &values, limits).await;
        let started = started.map_err(|error| status(&error))?;
        self.progress.begin(started.progress());
        self.current = Some(started);
        Ok(true)
    }

    async fn next(&mut self) -> Result<Option<RecordBatch>, Status> {
        loop {
            let Some(current) = &mut self.current else { return Ok(None) };
            if let Some(batch) = current.stream.next().await {
                let batch = batch.map_err(|error| status(&error))?;
                if batch.num_rows() > 0 && self.cut.is_full(self.entry.rows()) {
                    self.current = None;
                    self.cut.reached()?;
                    return Ok(None);
                }
                self.entry.add_rows(batch.num_rows());
                return Ok(Some(batch));
            }
            let overflow = current.overflow.is_set();
            self.current = None;
            if overflow {
                self.cut.reached()?;
                return Ok(None);
            }
            if !self.advance().await? {
                return Ok(None);
            }
        }
    }

    fn into_batches(self) -> impl Stream<Item = Result<RecordBatch, Status>> + Send {
        futures::stream::try_unfold(self, async |mut run| Ok(run.next().await?.map(|batch| (batch, run))))
    }
}

/// A stream that ends with an error as soon as somebody asks for its end.
fn stoppable(
    batches: impl Stream<Item = Result<RecordBatch, Status>> + Send,
    stop: CancellationToken,
) -> impl Stream<Item = Result<RecordBatch, Status>> + Send {
    let asked = stop.clone();
    let end = async move { asked.is_cancelled().then(|| Err(Status::cancelled("the query was cancelled"))) };
    let end = futures::stream::once(end).filter_map(std::future::ready);
    batches.take_until(stop.cancelled_owned()).chain(end)
}
