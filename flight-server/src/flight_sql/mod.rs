//! Flight SQL: the front end of notebooks and drivers.
//!
//! A translation to the engine's services and back, and nothing more: it plans no query and reads no catalog.
//!
//! ```text
//! service (gRPC, admission, log) -> caller (who, session, options)
//!    -> commands (which command) -> statements, prepared -> plans, parameters, ticket -> QueryService
//!                                -> metadata, keys, sql_info, actions
//!                                -> exchange -> windows of targets, a query for each
//!                                -> poll -> pieces (long queries, in files)
//!                                -> ingest -> own (tables of clients)
//!    rows -> wire (types) -> encode (messages)
//! ```

mod actions;
mod bound;
mod caller;
mod commands;
mod cut;
mod encode;
mod exchange;
mod handshake;
mod ingest;
mod keys;
mod metadata;
mod own;
mod parameters;
mod pattern;
mod pieces;
mod plans;
mod poll;
mod prepared;
mod running;
mod service;
mod session;
mod session_messages;
mod signing;
mod sql_info;
mod statements;
mod status;
mod ticket;
mod wire;

use std::sync::Arc;

use arrow_flight::flight_service_server::FlightServiceServer;
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;
use tonic_health::ServingStatus;

use crate::metadata::{Metadata, MetadataError};
use crate::services::Services;
use crate::storage::Storage;
use commands::Commands;
use ingest::Ingest;
use own::OwnTables;
use poll::Polls;
use service::Service;
use session::Sessions;
use statements::{ServiceLimits, Statements};
use ticket::Sealer;

/// Bytes of a message that a client may send: drivers send up to 16 MiB.
const MAX_INCOMING: usize = 64 << 20;

/// The gRPC services of the Flight listener; until `stop` it says that it serves.
///
/// *Errors*: the metadata database.
pub(crate) async fn routes(
    services: &Services,
    (storage, metadata): (Arc<Storage>, Metadata),
    stop: CancellationToken,
) -> Result<Routes, MetadataError> {
    let query = services.query.clone();
    let limits = services.limits(None);
    let limits = ServiceLimits { max_rows: limits.max_rows, timeout: limits.timeout };
    let tables = Arc::new(OwnTables::default());
    let sealer = Arc::new(Sealer::new(signing::keys(&metadata).await?));
    tokio::spawn(signing::rotate(metadata, Arc::clone(&sealer), stop.clone()));
    let known = (sealer, Arc::clone(&services.auth));
    let statements = Statements::new(services.queries.clone(), Arc::clone(&tables), known, limits);
    let jobs = &services.config.jobs;
    let polls = Polls::new(Arc::clone(&storage));
    let ingest = Ingest { storage, most_bytes: jobs.upload_bytes(), anonymous: jobs.anonymous_tables, tables };
    let auth = Arc::clone(&services.auth);
    let allow_plaintext = services.config.tls.allow_plaintext_credentials;
    let service = Service::new(Commands {
        query,
        statements: Arc::new(statements),
        polls,
        ingest,
        auth,
        allow_plaintext,
        sessions: Sessions::default(),
    });
    let (reporter, health) = tonic_health::server::health_reporter();
    reporter.set_serving::<FlightServiceServer<Service>>().await;
    tokio::spawn(async move {
        stop.cancelled().await;
        reporter.set_not_serving::<FlightServiceServer<Service>>().await;
        reporter.set_service_status("", ServingStatus::NotServing).await;
    });
    let service =
        FlightServiceServer::new(service).max_decoding_message_size(MAX_INCOMING).max_encoding_message_size(usize::MAX);
    Ok(Routes::new(service).add_service(health))
}
