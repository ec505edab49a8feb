//! The actions beyond Flight SQL's own: sessions, cancelling a query, renewing a ticket.

use arrow_flight::sql::{Any, TicketStatementQuery};
use arrow_flight::{
    Action, ActionType, CancelFlightInfoRequest, CancelFlightInfoResult, CancelStatus, FlightInfo,
    RenewFlightEndpointRequest, Ticket,
};
use futures::StreamExt;
use futures::stream::BoxStream;
use prost::Message;
use tonic::{Response, Status};

use super::caller::{COOKIE, Caller, anonymous_token};
use super::commands::Commands;
use super::handshake::{bearer, session_id};
use super::session::SessionKey;
use super::session_messages::{
    CloseSessionResult, CloseStatus, GetSessionOptionsResult, OptionError, SessionOptionValue,
    SetSessionOptionsRequest, SetSessionOptionsResult, decode,
};
use super::status::defect;
use super::ticket::Statement;

/// Every action that is answered, with what it does.
const ACTIONS: [(&str, &str); 8] = [
    (
        "CreatePreparedStatement",
        "Plans a query; ActionCreatePreparedStatementRequest -> ActionCreatePreparedStatementResult",
    ),
    ("ClosePreparedStatement", "Forgets a prepared query; ActionClosePreparedStatementRequest -> nothing"),
    ("CancelQuery", "Stops a running query (deprecated); ActionCancelQueryRequest -> ActionCancelQueryResult"),
    ("CancelFlightInfo", "Stops a running query; CancelFlightInfoRequest -> CancelFlightInfoResult"),
    ("RenewFlightEndpoint", "Gives a ticket more time; RenewFlightEndpointRequest -> FlightEndpoint"),
    (
        "SetSessionOptions",
        "Sets language, max_rows, timeout, compression; SetSessionOptionsRequest -> SetSessionOptionsResult",
    ),
    ("GetSessionOptions", "Tells the session's options; GetSessionOptionsRequest -> GetSessionOptionsResult"),
    ("CloseSession", "Forgets the session and its token; CloseSessionRequest -> CloseSessionResult"),
];

/// A stream of action results.
pub(super) type ActionStream = BoxStream<'static, Result<arrow_flight::Result, Status>>;

/// The actions that are answered.
pub(super) fn listed() -> impl Iterator<Item = ActionType> {
    ACTIONS.into_iter().map(|(name, text)| ActionType { r#type: name.to_owned(), description: text.to_owned() })
}

impl Commands {
    /// Answers an action that Flight SQL itself does not define.
    pub(super) fn other_action(&self, caller: &Caller, action: &Action) -> Result<Response<ActionStream>, Status> {
        match action.r#type.as_str() {
            "SetSessionOptions" => self.set_options(caller, &action.body),
            "GetSessionOptions" => Ok(one(&get_options(caller))),
            "CloseSession" => Ok(one(&self.close_session(caller))),
            "CancelFlightInfo" => self.cancel_info(caller, &action.body).map(|result| one(&result)),
            "RenewFlightEndpoint" => self.renew(caller, &action.body),
            other => {
                Err(Status::unimplemented(format!("there is no action {other}: ListActions tells those there are")))
            }
        }
    }

    fn set_options(&self, caller: &Caller, body: &[u8]) -> Result<Response<ActionStream>, Status> {
        let request: SetSessionOptionsRequest = decode(body).map_err(unreadable)?;
        let (id, key) = match caller.session {
            Some(key) => (None, key),
            None => {
                let id = session_id();
                let key = SessionKey::new(caller.principal.name(), &id);
                (Some(id), key)
            }
        };
        let mut options = self.sessions.options(key);
        let mut result = SetSessionOptionsResult::default();
        for (name, value) in request.options {
            if let Err(problem) = options.set(&name, value.value.as_ref()) {
                result.errors.insert(name, OptionError { problem: problem.into() });
            }
        }
        self.sessions.keep(key, options);
        let mut response = one(&result);
        if let Some(id) = id {
            let cookie = format!("{COOKIE}={id}; Path=/; HttpOnly; SameSite=Strict");
            response.metadata_mut().insert("set-cookie", cookie.parse().map_err(defect)?);
            if caller.principal.name().is_none() {
                response.metadata_mut().insert("authorization", bearer(&anonymous_token(&id))?);
            }
        }
        Ok(response)
    }

    fn close_session(&self, caller: &Caller) -> CloseSessionResult {
        if let Some(session) = caller.session {
            self.sessions.close(session);
        }
        // Those of a user stay for the user's other sessions.
        if caller.principal.name().is_none() {
            self.ingest.tables.close(caller.owner);
        }
        if let Some(token) = &caller.token {
            self.auth.revoke(token);
        }
        // A session without options is closed as well: there is nothing more to it.
        CloseSessionResult { status: CloseStatus::Closed.into() }
    }

    fn cancel_info(&self, caller: &Caller, body: &[u8]) -> Result<CancelFlightInfoResult, Status> {
        let request: CancelFlightInfoRequest = decode(body).map_err(unreadable)?;
        let info = request.info.ok_or_else(|| Status::invalid_argument("the request names no FlightInfo"))?;
        let status = if self.cancel(caller, &info)? { CancelStatus::Cancelled } else { CancelStatus::NotCancellable };
        Ok(CancelFlightInfoResult { status: status.into() })
    }

    /// Stops the queries of a FlightInfo; whether one was running.
    pub(super) fn cancel(&self, caller: &Caller, info: &FlightInfo) -> Result<bool, Status> {
        let mut was_running = false;
        for ticket in info.endpoint.iter().filter_map(|endpoint| endpoint.ticket.as_ref()) {
            let statement = self.statement_of(caller, ticket)?;
            was_running |= self.statements.cancel(&statement) || self.polls.forget(&statement);
        }
        Ok(was_running)
    }

    fn renew(&self, caller: &Caller, body: &[u8]) -> Result<Response<ActionStream>, Status> {
        let request: RenewFlightEndpointRequest = decode(body).map_err(unreadable)?;
        let ticket = request.endpoint.as_ref().and_then(|endpoint| endpoint.ticket.as_ref());
        let ticket = ticket.ok_or_else(|| Status::invalid_argument("the request names no ticket"))?;
        let statement = self.statement_of(caller, ticket)?;
        if statement.is_followed {
            self.polls.touch(&statement)?;
        }
        Ok(one(&self.statements.renewed_endpoint(statement)))
    }

    fn statement_of(&self, caller: &Caller, ticket: &Ticket) -> Result<Statement, Status> {
        let any = Any::decode(&*ticket.ticket).map_err(unreadable)?;
        let ticket: Option<TicketStatementQuery> = any.unpack().map_err(defect)?;
        let ticket = ticket.ok_or_else(|| Status::invalid_argument("the ticket is not one of a query"))?;
        self.statements.unseal(&caller.principal, &ticket.statement_handle)
    }
}

fn get_options(caller: &Caller) -> GetSessionOptionsResult {
    let listed = caller.options.listed().into_iter();
    GetSessionOptionsResult {
        options: listed.map(|(name, value)| (name, SessionOptionValue { value: Some(value) })).collect(),
    }
}

pub(super) fn one(message: &impl Message) -> Response<ActionStream> {
    let result = arrow_flight::Result { body: message.encode_to_vec().into() };
    Response::new(futures::stream::once(async { Ok(result) }).boxed())
}

#[expect(clippy::needless_pass_by_value, reason = "map_err hands over the error")]
fn unreadable(error: prost::DecodeError) -> Status {
    Status::invalid_argument(format!("the body of the action cannot be read: {error}"))
}
