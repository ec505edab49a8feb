//! The composition root: services -> routers -> listeners.
//!
//! The one place that knows every front end. No query, format or protocol detail belongs here.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use futures::{Stream, StreamExt};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;

use crate::jobs::{Jobs, Phase};
use crate::listener::{Connection, Slots, Tls, TlsError, connections};
use crate::metadata::{Metadata, MetadataError};
use crate::metrics::Sample;
use crate::services::Services;
use crate::storage::Storage;
use crate::{admin, flight_sql, hats, http, scs, tap};

/// How often an idle Flight connection is probed, and how long a probe may take.
const KEEPALIVE: Duration = Duration::from_secs(60);

/// What an HTTP/2 stream may have in flight: enough for a wide-area connection.
const STREAM_WINDOW: u32 = 8 << 20;

/// Why the server did not start or did not go on.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ServeError {
    /// An address cannot be listened on.
    #[error("cannot listen on {address}: {source}")]
    Bind {
        /// The address as configured.
        address: String,
        /// The cause.
        source: std::io::Error,
    },
    /// A listener has no address.
    #[error("a listener failed: {0}")]
    Listener(#[source] std::io::Error),
    /// The certificate cannot be used.
    #[error("cannot encrypt: {0}")]
    Tls(#[from] TlsError),
    /// The keys of its tickets cannot be read.
    #[error("the Flight listener has no keys: {0}")]
    Keys(#[source] MetadataError),
    /// The Flight listener failed.
    #[error("the Flight listener failed: {0}")]
    Flight(#[source] tonic::transport::Error),
}

/// Bound listeners and the services behind them.
#[derive(Debug)]
pub(crate) struct Server {
    services: Services,
    jobs: Jobs,
    flight: TcpListener,
    http: TcpListener,
    admin: Option<TcpListener>,
    tls: Option<Arc<Tls>>,
}

impl Server {
    /// Binds all listeners.
    pub(crate) async fn bind(services: Services, jobs: Jobs) -> Result<Self, ServeError> {
        let flight = bind(&services.config.flight).await?;
        let http = bind(&services.config.http).await?;
        let address = &services.config.admin.listen;
        let admin = if address.is_empty() { None } else { Some(bind(address).await?) };
        let tls = services.config.tls.files().map(|(certificate, key)| Tls::open(certificate, key)).transpose()?;
        Ok(Self { services, jobs, flight, http, admin, tls })
    }

    /// The addresses that were bound: Flight, then HTTP.
    pub(crate) fn addresses(&self) -> Result<(SocketAddr, SocketAddr), ServeError> {
        let flight = self.flight.local_addr().map_err(ServeError::Listener)?;
        let http = self.http.local_addr().map_err(ServeError::Listener)?;
        Ok((flight, http))
    }

    /// The address of the admin listener, where there is one.
    pub(crate) fn admin_address(&self) -> Option<SocketAddr> {
        self.admin.as_ref()?.local_addr().ok()
    }

    /// The services behind the listeners.
    pub(crate) const fn services(&self) -> &Services {
        &self.services
    }

    /// Serves until `stop` is cancelled, then lets running requests finish within the configured grace.
    pub(crate) async fn run(self, stop: CancellationToken) -> Result<(), ServeError> {
        let grace = Duration::from_secs(self.services.config.limits.grace_seconds);
        if let Some(listener) = self.admin {
            // It answers to the end, so that what stops can be seen.
            let service = admin::router(self.services.clone()).into_make_service();
            tokio::spawn(async move { axum::serve(listener, service).await });
        }
        let health = self.services.health.clone();
        health.serving();
        let stopped = stop.clone();
        tokio::spawn(async move {
            stopped.cancelled().await;
            health.stopping();
        });
        if let Some(tls) = &self.tls {
            tokio::spawn(stop.clone().run_until_cancelled_owned(Arc::clone(tls).watch()));
        }
        let limits = self.services.config.connections;
        let slots = Slots::new(limits.open, limits.open_per_address);
        let counted = Arc::clone(&slots);
        self.services.metrics.watch(move || {
            let (open, refused) = counted.count();
            vec![
                Sample::gauge("connections_open", "Connections of both listeners", open as f64),
                Sample::counter("connections_refused", "Connections beyond the limits", refused as f64),
            ]
        });
        let counted = self.jobs.clone();
        self.services.metrics.watch(move || {
            let (phases, bytes) = counted.figures();
            let jobs = |(phase, count): (Phase, u64)| {
                Sample::gauge("jobs", "Jobs that are kept", count as f64).with("phase", phase.name())
            };
            let kept = Sample::gauge("kept_bytes", "Bytes of results and uploads that are kept", bytes as f64);
            phases.into_iter().map(jobs).chain([kept]).collect()
        });
        let take = |listener| connections(listener, (Arc::clone(&slots), self.tls.clone()), stop.clone());
        let state = (Arc::clone(self.jobs.storage()), self.jobs.metadata().clone());
        let flight = serve_flight(ReceiverStream::new(take(self.flight)), (self.services.clone(), state), stop.clone());
        let jobs = self.jobs.clone();
        let working = tokio::spawn(jobs.clone().work(stop.clone()));
        let http = serve_http(take(self.http), (self.services, self.jobs), stop.clone());
        let both = async { tokio::try_join!(stopping(&stop, flight), stopping(&stop, http)).map(|_| ()) };
        let out_of_grace = async {
            stop.cancelled().await;
            tokio::time::sleep(grace).await;
        };
        let ended = tokio::select! {
            ended = both => ended,
            () = out_of_grace => {
                tracing::warn!(seconds = grace.as_secs(), "requests still running after the grace were cut off");
                Ok(())
            }
        };
        stop.cancel();
        if let Err(error) = working.await {
            tracing::error!(%error, "the jobs' queue ended");
        }
        jobs.close().await;
        ended
    }
}

/// Runs one listener; when it ends for whatever reason, the other stops as well.
async fn stopping(
    stop: &CancellationToken,
    listener: impl Future<Output = Result<(), ServeError>>,
) -> Result<(), ServeError> {
    let ended = listener.await;
    stop.cancel();
    ended
}

async fn serve_http(
    connections: mpsc::Receiver<Connection>,
    (services, jobs): (Services, Jobs),
    stop: CancellationToken,
) -> Result<(), ServeError> {
    let limits = services.config.connections;
    let front_ends = Router::new()
        .nest("/tap", tap::router(&services, &jobs))
        .nest("/scs", scs::router(&services))
        .merge(hats::router(&services, &jobs));
    http::serve(connections, http::router(services, front_ends), (limits, stop)).await;
    Ok(())
}

async fn serve_flight(
    connections: impl Stream<Item = Connection> + Send,
    (services, state): (Services, (Arc<Storage>, Metadata)),
    stop: CancellationToken,
) -> Result<(), ServeError> {
    let limits = services.config.connections;
    let routes = flight_sql::routes(&services, state, stop.clone()).await.map_err(ServeError::Keys)?;
    tonic::transport::Server::builder()
        .http2_keepalive_interval(Some(KEEPALIVE))
        .http2_keepalive_timeout(Some(KEEPALIVE))
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(2 * STREAM_WINDOW)
        .max_concurrent_streams(limits.streams)
        .http2_max_header_list_size(u32::try_from(limits.header_kib << 10).unwrap_or(u32::MAX))
        .http2_max_pending_accept_reset_streams(Some(http::RESETS))
        .add_routes(routes)
        .serve_with_incoming_shutdown(connections.map(Ok::<_, std::io::Error>), stop.cancelled_owned())
        .await
        .map_err(ServeError::Flight)
}

async fn bind(address: &str) -> Result<TcpListener, ServeError> {
    TcpListener::bind(address).await.map_err(|source| ServeError::Bind { address: address.to_owned(), source })
}
