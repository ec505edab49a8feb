//! The gRPC face: every call of Flight, admitted, logged, and kept from ending the process.
//!
//! Each method reads the caller from the header fields, hands the request to `commands`, and wraps the answer. Flight
//! calls that many servers leave out are answered as well: ListFlights gives every table, GetSchema
//! follows from GetFlightInfo.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow_flight::flight_service_server::FlightService;
use arrow_flight::{
    Action, ActionType, Criteria, Empty, FlightData, FlightDescriptor, FlightInfo, HandshakeRequest, PollInfo,
    PutResult, SchemaResult, Ticket,
};
use futures::stream::BoxStream;
use futures::{FutureExt, StreamExt};
use tonic::metadata::MetadataMap;
use tonic::{Code, Request, Response, Status, Streaming};

use super::actions::{self, ActionStream};
use super::caller::Caller;
use super::commands::Commands;
use super::handshake::{HandshakeStream, handshake};
use super::statements::RowStream;
use crate::auth::Authenticator;
use crate::listener::Peer;

/// How often it is looked whether the token of an open stream is still good.
const LOOK: Duration = Duration::from_secs(1);

/// The Flight service.
#[derive(Debug, Clone)]
pub(super) struct Service {
    commands: Arc<Commands>,
}

impl Service {
    /// A service over commands.
    pub(super) fn new(commands: Commands) -> Self {
        Self { commands: Arc::new(commands) }
    }

    /// Admits a caller, then answers; logs how it went. A panic is an error of this call alone.
    async fn answer<T, F>(
        &self,
        call: &'static str,
        from: From,
        answer: impl FnOnce(Caller) -> F + Send,
    ) -> Result<T, Status>
    where
        F: Future<Output = Result<T, Status>> + Send,
    {
        let began = Instant::now();
        let admitted = async {
            self.commands.check_secrecy(&from.headers, from.keeps_secrets)?;
            let caller =
                Caller::admit(&self.commands.auth, &self.commands.sessions, (&from.headers, from.peer)).await?;
            let name = caller.principal.name().map(str::to_owned);
            Ok::<_, Status>((answer(caller).await?, name))
        };
        let result = AssertUnwindSafe(admitted).catch_unwind().await.unwrap_or_else(|_| Err(panicked()));
        let milliseconds = began.elapsed().as_millis();
        match result {
            Ok((answer, principal)) => {
                let principal = principal.as_deref().unwrap_or("anonymous");
                tracing::info!(call, principal, milliseconds, "flight call answered");
                Ok(answer)
            }
            Err(status) => {
                tracing::info!(call, code = ?status.code(), milliseconds, "flight call refused");
                Err(status)
            }
        }
    }
}

/// What is known of a client before anything is asked.
struct From {
    headers: MetadataMap,
    peer: Option<Peer>,
    /// Whether a password may travel on the connection.
    keeps_secrets: bool,
}

impl From {
    fn split<T>(request: Request<T>) -> (Self, T) {
        let peer = request.extensions().get::<Peer>().copied();
        let keeps_secrets = peer.is_none_or(|peer| peer.keeps_secrets());
        let (headers, _, message) = request.into_parts();
        (Self { headers, peer, keeps_secrets }, message)
    }
}

/// Keeps a panic in a stream of rows from ending more than the stream, and ends it once its token is none any more.
fn guarded(rows: RowStream, auth: Arc<Authenticator>, token: Option<String>) -> RowStream {
    let rows = AssertUnwindSafe(rows).catch_unwind().map(|item| item.unwrap_or_else(|_| Err(panicked())));
    let Some(token) = token else { return rows.boxed() };
    let mut looked = Instant::now();
    let mut has_ended = false;
    let rows = rows.map(move |item| {
        if looked.elapsed() > LOOK {
            looked = Instant::now();
            auth.bearer(&token)?;
        }
        item
    });
    rows.take_while(move |item| std::future::ready(!std::mem::replace(&mut has_ended, item.is_err()))).boxed()
}

fn panicked() -> Status {
    tracing::error!("a call panicked");
    Status::new(Code::Internal, "internal error; the server's log says why")
}

#[tonic::async_trait]
impl FlightService for Service {
    type HandshakeStream = HandshakeStream;
    type ListFlightsStream = BoxStream<'static, Result<FlightInfo, Status>>;
    type DoGetStream = RowStream;
    type DoPutStream = BoxStream<'static, Result<PutResult, Status>>;
    type DoActionStream = ActionStream;
    type ListActionsStream = BoxStream<'static, Result<ActionType, Status>>;
    type DoExchangeStream = BoxStream<'static, Result<FlightData, Status>>;

    async fn handshake(
        &self,
        request: Request<Streaming<HandshakeRequest>>,
    ) -> Result<Response<Self::HandshakeStream>, Status> {
        let keeps_secrets = request.extensions().get::<Peer>().is_none_or(Peer::keeps_secrets);
        self.commands.check_secrecy(request.metadata(), keeps_secrets)?;
        if !keeps_secrets && !self.commands.allow_plaintext {
            return Err(Status::permission_denied(super::caller::PLAINTEXT));
        }
        let result = handshake(&self.commands.auth, request).await;
        tracing::info!(call = "Handshake", accepted = result.is_ok(), "flight call answered");
        result
    }

    async fn list_flights(&self, request: Request<Criteria>) -> Result<Response<Self::ListFlightsStream>, Status> {
        let (from, criteria) = From::split(request);
        let flights = self.answer("ListFlights", from, async |caller: Caller| {
            let criteria = std::str::from_utf8(&criteria.expression);
            let criteria = criteria.map_err(|_| Status::invalid_argument("the criteria are part of a table's name"))?;
            self.commands.flights(&caller, criteria)
        });
        Ok(Response::new(futures::stream::iter(flights.await?.into_iter().map(Ok)).boxed()))
    }

    async fn get_flight_info(&self, request: Request<FlightDescriptor>) -> Result<Response<FlightInfo>, Status> {
        let (from, descriptor) = From::split(request);
        let info =
            self.answer("GetFlightInfo", from, async |caller: Caller| self.commands.info(&caller, descriptor).await);
        Ok(Response::new(info.await?))
    }

    async fn poll_flight_info(&self, request: Request<FlightDescriptor>) -> Result<Response<PollInfo>, Status> {
        let (from, descriptor) = From::split(request);
        let poll =
            self.answer("PollFlightInfo", from, async |caller: Caller| self.commands.poll(&caller, descriptor).await);
        Ok(Response::new(poll.await?))
    }

    async fn get_schema(&self, request: Request<FlightDescriptor>) -> Result<Response<SchemaResult>, Status> {
        let (from, descriptor) = From::split(request);
        let info = self.answer("GetSchema", from, async |caller: Caller| self.commands.info(&caller, descriptor).await);
        Ok(Response::new(SchemaResult { schema: info.await?.schema }))
    }

    async fn do_get(&self, request: Request<Ticket>) -> Result<Response<Self::DoGetStream>, Status> {
        let (from, ticket) = From::split(request);
        let rows = self.answer("DoGet", from, async |caller: Caller| {
            let rows = self.commands.rows(&caller, &ticket).await?;
            Ok(guarded(rows, Arc::clone(&self.commands.auth), caller.token))
        });
        Ok(Response::new(rows.await?))
    }

    async fn do_put(&self, request: Request<Streaming<FlightData>>) -> Result<Response<Self::DoPutStream>, Status> {
        let (from, data) = From::split(request);
        let result = self.answer("DoPut", from, async |caller: Caller| self.commands.put(&caller, data).await).await?;
        Ok(Response::new(futures::stream::once(async { Ok(result) }).boxed()))
    }

    async fn do_exchange(
        &self,
        request: Request<Streaming<FlightData>>,
    ) -> Result<Response<Self::DoExchangeStream>, Status> {
        let (from, data) = From::split(request);
        let matches = self.answer("DoExchange", from, async |caller: Caller| {
            let matches = self.commands.exchange(&caller, data).await?;
            Ok(guarded(matches, Arc::clone(&self.commands.auth), caller.token))
        });
        Ok(Response::new(matches.await?))
    }

    async fn do_action(&self, request: Request<Action>) -> Result<Response<Self::DoActionStream>, Status> {
        let (from, action) = From::split(request);
        self.answer("DoAction", from, async |caller: Caller| self.commands.action(&caller, &action).await).await
    }

    async fn list_actions(&self, _: Request<Empty>) -> Result<Response<Self::ListActionsStream>, Status> {
        Ok(Response::new(futures::stream::iter(actions::listed().map(Ok)).boxed()))
    }
}
