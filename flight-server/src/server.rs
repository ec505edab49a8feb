//! The composition root: services -> routers -> listeners.
//!
//! The one place that knows every front end. No query, format or protocol detail belongs here.

use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::serve::ListenerExt;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tonic::transport::server::TcpIncoming;

use crate::jobs::Jobs;
use crate::services::Services;
use crate::{admin, flight_sql, http, scs, tap};

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
    /// The HTTP listener failed.
    #[error("the HTTP listener failed: {0}")]
    Http(#[source] std::io::Error),
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
}

impl Server {
    /// Binds all listeners.
    pub(crate) async fn bind(services: Services, jobs: Jobs) -> Result<Self, ServeError> {
        let flight = bind(&services.config.flight).await?;
        let http = bind(&services.config.http).await?;
        let address = &services.config.admin.listen;
        let admin = if address.is_empty() { None } else { Some(bind(address).await?) };
        Ok(Self { services, jobs, flight, http, admin })
    }

    /// The addresses that were bound: Flight, then HTTP.
    pub(crate) fn addresses(&self) -> Result<(SocketAddr, SocketAddr), ServeError> {
        let flight = self.flight.local_addr().map_err(ServeError::Http)?;
        let http = self.http.local_addr().map_err(ServeError::Http)?;
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
        let flight = serve_flight(self.flight, self.services.clone(), stop.clone());
        let jobs = self.jobs.clone();
        let working = tokio::spawn(jobs.clone().work(stop.clone()));
        let http = serve_http(self.http, (self.services, self.jobs), stop.clone());
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
    listener: TcpListener,
    (services, jobs): (Services, Jobs),
    stop: CancellationToken,
) -> Result<(), ServeError> {
    let listener = listener.tap_io(|socket| {
        if let Err(error) = socket.set_nodelay(true) {
            tracing::debug!(%error, "cannot set TCP_NODELAY");
        }
    });
    let front_ends = Router::new().nest("/tap", tap::router(&services, &jobs)).nest("/scs", scs::router(&services));
    let service = http::router(services, front_ends).into_make_service_with_connect_info::<SocketAddr>();
    axum::serve(listener, service).with_graceful_shutdown(stop.cancelled_owned()).await.map_err(ServeError::Http)
}

async fn serve_flight(listener: TcpListener, services: Services, stop: CancellationToken) -> Result<(), ServeError> {
    let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
    tonic::transport::Server::builder()
        .http2_keepalive_interval(Some(KEEPALIVE))
        .http2_keepalive_timeout(Some(KEEPALIVE))
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(2 * STREAM_WINDOW)
        .add_routes(flight_sql::routes(&services))
        .serve_with_incoming_shutdown(incoming, stop.cancelled_owned())
        .await
        .map_err(ServeError::Flight)
}

async fn bind(address: &str) -> Result<TcpListener, ServeError> {
    TcpListener::bind(address).await.map_err(|source| ServeError::Bind { address: address.to_owned(), source })
}
