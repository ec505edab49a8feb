//! How are requests read from connections, and how long may that take?
//!
//! A header that does not come, or is too long, ends its connection; so do a connection that idles and a client that opens and resets
//! streams as fast as it can. When the server stops, requests that are under way end as they would.

use std::convert::Infallible;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Uri};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::GracefulShutdown;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use crate::config::Connections;
use crate::listener::Connection;

/// Streams that a client opened and reset before anybody looked at them (CVE-2023-44487).
pub(crate) const RESETS: usize = 50;
/// Fields of a header.
const FIELDS: usize = 100;
/// How often an HTTP/2 connection is probed, and how long a probe may take.
const KEEPALIVE: Duration = Duration::from_secs(60);

/// Answers connections until there are no more, then lets what is under way end.
pub(crate) async fn serve(
    mut connections: mpsc::Receiver<Connection>,
    router: Router,
    (limits, stop): (Connections, CancellationToken),
) {
    let builder = builder(limits);
    let graceful = GracefulShutdown::new();
    while let Some(Some(connection)) = stop.run_until_cancelled(connections.recv()).await {
        let (peer, router) = (connection.peer(), router.clone());
        let service = service_fn(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(peer);
            merge_slashes(request.uri_mut());
            let router = router.clone();
            async move {
                Ok::<_, Infallible>(router.oneshot(request.map(Body::new)).await.unwrap_or_else(|never| match never {}))
            }
        });
        let served = builder.serve_connection(TokioIo::new(connection), service).into_owned();
        let served = graceful.watch(served);
        tokio::spawn(async move {
            if let Err(error) = served.await {
                tracing::debug!(%error, "a connection broke off");
            }
        });
    }
    drop(connections);
    graceful.shutdown().await;
}

/// Makes `//tap/sync` `/tap/sync`: clients put addresses together of parts that may be empty, astroquery's among them.
fn merge_slashes(uri: &mut Uri) {
    if !uri.path().contains("//") {
        return;
    }
    let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
    let parts: Vec<&str> = uri.path().split('/').filter(|part| !part.is_empty()).collect();
    let end = if uri.path().ends_with('/') && !parts.is_empty() { "/" } else { "" };
    let mut merged = uri.clone().into_parts();
    merged.path_and_query = format!("/{}{end}{query}", parts.join("/")).parse().ok();
    // What cannot be put together again stays as it is, and is found nowhere.
    if let Ok(merged) = Uri::from_parts(merged) {
        *uri = merged;
    }
}

fn builder(limits: Connections) -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    let header = limits.header_kib << 10;
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(Duration::from_secs(limits.header_seconds))
        .max_headers(FIELDS)
        .max_buf_size(header);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(limits.streams)
        .max_header_list_size(u32::try_from(header).unwrap_or(u32::MAX))
        .max_pending_accept_reset_streams(RESETS)
        .keep_alive_interval(KEEPALIVE)
        .keep_alive_timeout(KEEPALIVE);
    builder
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slashes_count_once_but_in_queries() {
        for (asked, meant) in [
            ("//tap/sync?QUERY=a//b", "/tap/sync?QUERY=a//b"),
            ("/tap//async///1/", "/tap/async/1/"),
            ("///", "/"),
            ("/tap/async/", "/tap/async/"),
            ("http://host//tap", "http://host/tap"),
        ] {
            let mut uri: Uri = asked.parse().unwrap();
            merge_slashes(&mut uri);
            assert_eq!(uri.to_string(), meant);
        }
    }
}
