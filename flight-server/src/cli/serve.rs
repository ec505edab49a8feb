//! `sidereus serve`: both listeners, until a signal.

use std::io::Write;

use clap::Args;
use tokio_util::sync::CancellationToken;

use super::{CommandError, Source, snippets};
use crate::logging;
use crate::reload;
use crate::server::Server;
use crate::services::Services;

/// Options of the command.
#[derive(Debug, Args)]
pub(super) struct Options {
    #[command(flatten)]
    source: Source,
    /// Address of the Flight SQL listener [default: 127.0.0.1:32010]; port 0 takes a free one.
    #[arg(long, value_name = "ADDR")]
    flight: Option<String>,
    /// Address of the HTTP listener [default: 127.0.0.1:8080]; port 0 takes a free one.
    #[arg(long, value_name = "ADDR")]
    http: Option<String>,
    /// Folder of jobs and their results [default: ~/.local/state/sidereus]; one process at a time.
    #[arg(long, value_name = "FOLDER")]
    state: Option<String>,
}

/// Runs the command.
pub(super) async fn run(options: Options) -> Result<(), CommandError> {
    let mut config = options.source.load()?;
    if let Some(flight) = options.flight {
        config.flight = flight;
    }
    if let Some(http) = options.http {
        config.http = http;
    }
    if let Some(state) = options.state {
        config.state = state;
    }
    logging::start(&config.log)?;
    let services = Services::open(config).await?;
    let watched = services.clone();
    for problem in services.query.registry().problems() {
        tracing::warn!(error = %crate::error::chain(problem), "a catalog is not served");
    }
    let jobs = services.open_jobs().await?;
    let server = Server::bind(services, jobs).await?;
    announce(&server)?;
    let stop = CancellationToken::new();
    tokio::spawn(stop_at_signal(stop.clone()));
    tokio::spawn(reload::watch(watched, stop.clone()));
    server.run(stop).await?;
    tracing::info!("stopped");
    Ok(())
}

/// Prints addresses and snippets, once both listeners are bound.
fn announce(server: &Server) -> Result<(), CommandError> {
    let (flight, http) = server.addresses()?;
    if let Some(admin) = server.admin_address() {
        tracing::info!(%admin, "operators");
    }
    let tables = server.services().query.tables(&sidereus_engine::Principal::anonymous());
    let served = tables.iter().filter(|table| !snippets::is_system(table)).count();
    tracing::info!(tables = served, %flight, %http, "serving");
    let mut out = std::io::stdout().lock();
    let mut text = snippets::text(flight, http, &tables);
    if let Some(admin) = server.admin_address() {
        text.insert_str(0, &format!("admin: http://{admin}\n"));
    }
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        // A service goes on when nobody reads its greeting.
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        other => Ok(other?),
    }
}

async fn stop_at_signal(stop: CancellationToken) {
    let interrupted = tokio::signal::ctrl_c();
    match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
        Ok(mut terminated) => {
            tokio::select! {
                _ = interrupted => {}
                _ = terminated.recv() => {}
            }
        }
        Err(error) => {
            tracing::warn!(%error, "cannot listen for SIGTERM");
            let _ = interrupted.await;
        }
    }
    tracing::info!("stopping: no new requests, running ones may finish");
    stop.cancel();
}
