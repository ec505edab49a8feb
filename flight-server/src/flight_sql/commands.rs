//! Which command is a request, and who answers it?
//!
//! A request is a command of Flight SQL inside a protobuf `Any`, or, for clients that know Flight only, the text of a
//! query or the path of a table. What the server does not do is refused here with a text that says so.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow_flight::error::FlightError;
use arrow_flight::sql::{
    ActionCancelQueryRequest, ActionCancelQueryResult, ActionClosePreparedStatementRequest,
    ActionCreatePreparedStatementRequest, Any, Command, DoPutUpdateResult, ProstMessageExt,
};
use arrow_flight::{
    Action, CancelStatus, FlightData, FlightDescriptor, FlightEndpoint, FlightInfo, PollInfo, PutResult, Ticket,
};
use bytes::Bytes;
use futures::{Stream, StreamExt};
use prost::Message;
use sidereus_engine::{PreparedQuery, QueryService, TableDescription};
use tonic::metadata::MetadataMap;
use tonic::{Response, Status};

use super::actions::{ActionStream, one};
use super::caller::{Caller, PLAINTEXT, authorization};
use super::encode::{Ending, Messages, Piece};
use super::ingest::{Ingest, Wanted};
use super::poll::Polls;
use super::session::Sessions;
use super::statements::{RowStream, Statements};
use super::status::defect;
use super::ticket::Statement;
use super::{keys, metadata, sql_info};
use crate::auth::Authenticator;

/// Prefix of the type of every command.
const TYPE_PREFIX: &str = "type.googleapis.com/";
/// Answer to everything that transactions would need.
pub(super) const NO_TRANSACTIONS: &str = "this server has no transactions: every query stands alone";
/// Answer to everything that would change data.
const READ_ONLY: &str = "this server takes queries, and rows that become tables of your own: nothing else is updated";

/// Answers commands; one for the life of the server.
#[derive(Debug)]
pub(super) struct Commands {
    /// Lists tables.
    pub(super) query: QueryService,
    /// Prepares and runs queries.
    pub(super) statements: Arc<Statements>,
    /// Follows long queries.
    pub(super) polls: Polls,
    /// Takes tables in.
    pub(super) ingest: Ingest,
    /// Forgets tokens of sessions that are closed.
    pub(super) auth: Arc<Authenticator>,
    /// Whether credentials are taken on connections that others could read.
    pub(super) allow_plaintext: bool,
    /// Keeps the options of clients.
    pub(super) sessions: Sessions,
}

/// What a descriptor asks for.
enum Described {
    Query(Box<Statement>, Arc<PreparedQuery>),
    /// A command about tables, types or the server, and its answer.
    Rows(Any, RecordBatch),
}

/// What a descriptor or ticket holds.
enum Asked {
    Command(Box<Command>, Any),
    Text(String),
}

impl Asked {
    fn parse(bytes: &Bytes) -> Result<Self, Status> {
        if let Ok(any) = Any::decode(bytes.clone())
            && any.type_url.starts_with(TYPE_PREFIX)
        {
            let command = Command::try_from(any.clone()).map_err(super::status::malformed)?;
            return Ok(Self::Command(Box::new(command), any));
        }
        let text = std::str::from_utf8(bytes).ok().filter(|text| !text.trim().is_empty());
        let is_text =
            |text: &&str| !text.contains(|character: char| character.is_control() && !character.is_whitespace());
        text.filter(is_text)
            .map(|text| Self::Text(text.to_owned()))
            .ok_or_else(|| Status::invalid_argument("expected a Flight SQL command, or the text of a query in UTF-8"))
    }
}

impl Commands {
    /// Refuses credentials that others could have read.
    pub(super) fn check_secrecy(&self, headers: &MetadataMap, keeps_secrets: bool) -> Result<(), Status> {
        if keeps_secrets || self.allow_plaintext || authorization(headers)?.is_none() {
            return Ok(());
        }
        Err(Status::permission_denied(PLAINTEXT))
    }

    /// Describes what a descriptor asks for.
    pub(super) async fn info(&self, caller: &Caller, descriptor: FlightDescriptor) -> Result<FlightInfo, Status> {
        match self.described(caller, &descriptor).await? {
            Described::Query(statement, query) => {
                let estimate = if caller.options.estimate {
                    Some(self.statements.estimate(&caller.principal, &statement, &query).await?)
                } else {
                    None
                };
                self.statements.describe(*statement, &query, (descriptor, estimate))
            }
            Described::Rows(any, batch) => {
                let ticket = Ticket::new(any.encode_to_vec());
                let info = FlightInfo::new().try_with_schema(&batch.schema()).map_err(defect)?;
                let rows = i64::try_from(batch.num_rows()).unwrap_or(-1);
                let endpoint = FlightEndpoint::new().with_ticket(ticket);
                Ok(info.with_endpoint(endpoint).with_total_records(rows).with_descriptor(descriptor))
            }
        }
    }

    /// Starts what a descriptor asks for, or tells how far it is.
    pub(super) async fn poll(&self, caller: &Caller, descriptor: FlightDescriptor) -> Result<PollInfo, Status> {
        if descriptor.path.is_empty()
            && let Asked::Command(command, _) = Asked::parse(&descriptor.cmd)?
            && let Command::TicketStatementQuery(ticket) = *command
        {
            let statement = self.statements.unseal(&caller.principal, &ticket.statement_handle)?;
            let told = usize::try_from(statement.piece).unwrap_or(usize::MAX);
            return self.polls.news(&self.statements, (&statement, told)).await;
        }
        match self.described(caller, &descriptor).await? {
            Described::Query(statement, query) => {
                let statement = self.polls.start(&self.statements, caller, (*statement, query), descriptor)?;
                self.polls.news(&self.statements, (&statement, 0)).await
            }
            Described::Rows(..) => {
                let mut poll = PollInfo::new().with_info(self.info(caller, descriptor).await?);
                poll.progress = Some(1.0);
                Ok(poll)
            }
        }
    }

    /// What a descriptor asks for.
    async fn described(&self, caller: &Caller, descriptor: &FlightDescriptor) -> Result<Described, Status> {
        if !descriptor.path.is_empty() {
            let text = metadata::path_query(&descriptor.path, &self.tables(caller));
            let path = descriptor.path.join("/");
            let text =
                text.ok_or_else(|| Status::not_found(format!("no table (or more than one) is called {path}")))?;
            return self.query(caller, &text).await;
        }
        let (command, any) = match Asked::parse(&descriptor.cmd)? {
            Asked::Text(text) => return self.query(caller, &text).await,
            Asked::Command(command, any) => (*command, any),
        };
        match command {
            Command::CommandStatementQuery(command) => {
                refuse_transaction(command.transaction_id.as_ref())?;
                self.query(caller, &command.query).await
            }
            Command::CommandPreparedStatementQuery(command) => {
                let (statement, query) = self.statements.open(caller, &command.prepared_statement_handle).await?;
                Ok(Described::Query(Box::new(statement), query))
            }
            command => Ok(Described::Rows(any, self.metadata(caller, &command)?)),
        }
    }

    /// Gives the rows of a ticket.
    pub(super) async fn rows(&self, caller: &Caller, ticket: &Ticket) -> Result<RowStream, Status> {
        let command = match Asked::parse(&ticket.ticket)? {
            Asked::Text(text) => {
                let (statement, query) = self.statements.prepare(caller, &text).await?;
                let run = statement.renewed(super::statements::TICKET_LIFE);
                return self.statements.rows(caller, &run, query).await;
            }
            Asked::Command(command, _) => *command,
        };
        let handle = match command {
            Command::TicketStatementQuery(ticket) => ticket.statement_handle,
            Command::CommandPreparedStatementQuery(command) => command.prepared_statement_handle,
            command => return one_batch(self.metadata(caller, &command)?),
        };
        let statement = self.statements.unseal(&caller.principal, &handle)?;
        if statement.is_followed {
            return self.polls.rows(&statement).await;
        }
        let (statement, query) = self.statements.open(caller, &handle).await?;
        self.statements.rows(caller, &statement, query).await
    }

    /// Takes an upload: parameters of prepared statements, and rows that become a table.
    pub(super) async fn put(
        &self,
        caller: &Caller,
        data: impl Stream<Item = Result<FlightData, Status>> + Send + Unpin + 'static,
    ) -> Result<PutResult, Status> {
        let (descriptor, data) = with_descriptor(data).await?;
        if !descriptor.path.is_empty() {
            return self.take(caller, Wanted::at(&descriptor.path)?, data).await;
        }
        let Asked::Command(command, _) = Asked::parse(&descriptor.cmd)? else {
            return Err(Status::unimplemented(READ_ONLY));
        };
        let metadata = match *command {
            Command::CommandPreparedStatementQuery(command) => {
                self.statements.bind(caller, &command.prepared_statement_handle, data).await?.encode_to_vec()
            }
            Command::CommandStatementIngest(command) => return self.take(caller, Wanted::of(&command)?, data).await,
            Command::CommandStatementUpdate(command) => self.update(caller, &command.query).await?.encode_to_vec(),
            Command::CommandPreparedStatementUpdate(command) => {
                self.statements.open(caller, &command.prepared_statement_handle).await?;
                return Err(Status::invalid_argument(
                    "the statement is a query: it has rows to read and updates nothing",
                ));
            }
            _ => return Err(Status::unimplemented(READ_ONLY)),
        };
        Ok(PutResult { app_metadata: metadata.into() })
    }

    async fn take(
        &self,
        caller: &Caller,
        wanted: Wanted,
        data: impl Stream<Item = Result<FlightData, Status>> + Send + Unpin + 'static,
    ) -> Result<PutResult, Status> {
        let rows = self.ingest.take(caller, wanted, data).await?;
        let result = DoPutUpdateResult { record_count: i64::try_from(rows).unwrap_or(i64::MAX) };
        Ok(PutResult { app_metadata: result.encode_to_vec().into() })
    }

    /// Answers an action.
    pub(super) async fn action(&self, caller: &Caller, action: &Action) -> Result<Response<ActionStream>, Status> {
        match action.r#type.as_str() {
            "CreatePreparedStatement" => {
                let request: ActionCreatePreparedStatementRequest = unpack(&action.body)?;
                refuse_transaction(request.transaction_id.as_ref())?;
                Ok(one(&self.statements.create_prepared(caller, &request.query).await?.as_any()))
            }
            "ClosePreparedStatement" => {
                let request: ActionClosePreparedStatementRequest = unpack(&action.body)?;
                self.statements.close(caller, &request.prepared_statement_handle);
                Ok(Response::new(futures::stream::empty().boxed()))
            }
            "CancelQuery" => {
                let request: ActionCancelQueryRequest = unpack(&action.body)?;
                let info = FlightInfo::decode(request.info).map_err(unreadable)?;
                // The two enumerations have the same numbers.
                let was_running = self.cancel(caller, &info)?;
                let result = if was_running { CancelStatus::Cancelled } else { CancelStatus::NotCancellable };
                Ok(one(&ActionCancelQueryResult { result: result.into() }.as_any()))
            }
            "BeginTransaction" | "EndTransaction" | "BeginSavepoint" | "EndSavepoint" => {
                Err(Status::unimplemented(NO_TRANSACTIONS))
            }
            _ => self.other_action(caller, action),
        }
    }

    /// Every table as a flight of its own.
    pub(super) fn flights(&self, caller: &Caller, criteria: &str) -> Result<Vec<FlightInfo>, Status> {
        let tables = self.tables(caller);
        let matching = tables.iter().filter(|table| criteria.is_empty() || table.name.to_string().contains(criteria));
        matching.map(|table| self.flight(caller, table)).collect()
    }

    fn flight(&self, caller: &Caller, table: &TableDescription) -> Result<FlightInfo, Status> {
        let statement = self.statements.owned(caller).with_text(&metadata::table_query(&table.name));
        let path = vec![table.name.schema.clone(), table.name.table.clone()];
        let info = FlightInfo::new().try_with_schema(&super::wire::wire_schema(&table.schema)).map_err(defect)?;
        Ok(info
            .with_descriptor(FlightDescriptor::new_path(path))
            .with_endpoint(self.statements.renewed_endpoint(statement.renewed(super::statements::TICKET_LIFE)))
            .with_total_records(table.rows.and_then(|rows| i64::try_from(rows).ok()).unwrap_or(-1))
            .with_total_bytes(-1))
    }

    async fn query(&self, caller: &Caller, text: &str) -> Result<Described, Status> {
        let (statement, query) = self.statements.prepare(caller, text).await?;
        Ok(Described::Query(Box::new(statement), query))
    }

    /// An update is refused with the reason that the language gives for it.
    async fn update(&self, caller: &Caller, text: &str) -> Result<DoPutUpdateResult, Status> {
        self.statements.prepare(caller, text).await?;
        Err(Status::invalid_argument("the statement is a query: it has rows to read and updates nothing"))
    }

    /// The rows of a command about catalogs, tables, keys, types or the server itself.
    fn metadata(&self, caller: &Caller, command: &Command) -> Result<RecordBatch, Status> {
        let failed = |error: FlightError| defect(error);
        match command {
            Command::CommandGetCatalogs(command) => metadata::catalogs(*command).map_err(failed),
            Command::CommandGetDbSchemas(command) => metadata::schemas(command, &self.tables(caller)).map_err(failed),
            Command::CommandGetTables(command) => metadata::tables(command, &self.tables(caller)).map_err(failed),
            Command::CommandGetTableTypes(command) => metadata::table_types(*command).map_err(failed),
            Command::CommandGetSqlInfo(command) => sql_info::sql_info(&command.info),
            Command::CommandGetXdbcTypeInfo(command) => keys::types(command.data_type).map_err(failed),
            Command::CommandGetPrimaryKeys(_) => Ok(RecordBatch::new_empty(keys::primary_keys_schema())),
            Command::CommandGetExportedKeys(_)
            | Command::CommandGetImportedKeys(_)
            | Command::CommandGetCrossReference(_) => Ok(RecordBatch::new_empty(keys::foreign_keys_schema())),
            Command::CommandStatementSubstraitPlan(_) => {
                Err(Status::unimplemented("this server takes ADQL and SQL, not Substrait plans"))
            }
            other => Err(Status::unimplemented(format!("this server does not answer {}", other.type_url()))),
        }
    }

    fn tables(&self, caller: &Caller) -> Vec<TableDescription> {
        let mut tables = self.query.tables(&caller.principal);
        tables.extend(self.ingest.tables.of(caller.owner).iter().map(|own| own.table.description()));
        tables
    }
}

/// A batch as a stream of messages.
fn one_batch(batch: RecordBatch) -> Result<RowStream, Status> {
    let schema = batch.schema();
    let rows = futures::stream::iter([Ok(Piece::Rows(batch))]).boxed();
    Ok(Messages::try_new(schema, rows, None, Box::new(Ending::default))?.boxed())
}

/// The descriptor of an upload, and its messages.
///
/// *Errors*: a first message without one.
pub(super) async fn with_descriptor(
    mut data: impl Stream<Item = Result<FlightData, Status>> + Send + Unpin + 'static,
) -> Result<(FlightDescriptor, impl Stream<Item = Result<FlightData, Status>> + Send + Unpin + 'static), Status> {
    let mut first = data.next().await.ok_or_else(|| Status::invalid_argument("the upload has no message"))??;
    let descriptor = first.flight_descriptor.take();
    let descriptor = descriptor.ok_or_else(|| Status::invalid_argument("the first message has no descriptor"))?;
    let has_data = !first.data_header.is_empty();
    Ok((descriptor, futures::stream::iter(has_data.then_some(Ok(first))).chain(data)))
}

fn refuse_transaction(id: Option<&Bytes>) -> Result<(), Status> {
    if id.is_some_and(|id| !id.is_empty()) { Err(Status::unimplemented(NO_TRANSACTIONS)) } else { Ok(()) }
}

fn unpack<M: ProstMessageExt>(body: &Bytes) -> Result<M, Status> {
    let any = Any::decode(body.clone()).map_err(unreadable)?;
    let message = any.unpack().map_err(super::status::malformed)?;
    message.ok_or_else(|| Status::invalid_argument(format!("expected a message of type {}", M::type_url())))
}

#[expect(clippy::needless_pass_by_value, reason = "map_err hands over the error")]
fn unreadable(error: prost::DecodeError) -> Status {
    Status::invalid_argument(format!("the message cannot be read: {error}"))
}
