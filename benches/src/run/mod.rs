//! Times the server as a client sees it: through Flight SQL, warm, every answer checked.
//!
//! ```text
//!  start the binary (or take an endpoint) -> choose places -> warm-up pass, checked -> timed pass -> table and JSON
//! ```

pub(crate) mod catalog;
pub(crate) mod flight;
pub(crate) mod places;
pub(crate) mod report;
pub(crate) mod server;
pub(crate) mod target;
pub(crate) mod tasks;

use std::path::PathBuf;

use clap::Args;

use crate::error::BenchError;
use catalog::Catalog;
use flight::FlightTarget;
use report::Report;
use server::Server;
use tasks::Plan;

/// What to measure.
#[derive(Debug, Clone, Args)]
pub(crate) struct Run {
    /// Folder of the HATS catalog to query.
    #[arg(long)]
    catalog: PathBuf,
    /// Server to start on it.
    #[arg(long, default_value = "target/release/sidereus")]
    binary: PathBuf,
    /// A server that serves it already, as grpc://host:port; none is started.
    #[arg(long)]
    endpoint: Option<String>,
    /// Places per cone search; the scan and the map run a tenth as often.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..))]
    repeat: u32,
    /// Seed of the places.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// A column of magnitudes that the scan filters on.
    #[arg(long, default_value = "phot_g_mean_mag")]
    magnitude: String,
    /// File for the results as JSON; `-` is standard output.
    #[arg(long)]
    json: Option<PathBuf>,
}

/// Measures and reports.
///
/// *Errors*: the server fails, or a task does: the report is complete all the same.
pub(crate) fn run(arguments: &Run) -> Result<(), BenchError> {
    let catalog = Catalog::read(&arguments.catalog)?;
    let server = match &arguments.endpoint {
        Some(_) => None,
        None => Some(Server::start(&arguments.binary, &[&arguments.catalog])?),
    };
    let endpoint = server.as_ref().map(Server::endpoint).or(arguments.endpoint.as_deref());
    let endpoint = endpoint.ok_or_else(|| BenchError::Argument("there is no server to ask".to_owned()))?;
    let mut target = FlightTarget::connect(endpoint)?;
    let plan =
        Plan { catalog: &catalog, repeat: arguments.repeat, seed: arguments.seed, magnitude: &arguments.magnitude };
    let measurements = tasks::measure(&plan, &mut target)?;
    let version = server.as_ref().and_then(Server::version);
    let report = Report::new(&catalog, version, measurements);
    report.print_table()?;
    if let Some(path) = &arguments.json {
        report.write_json(path)?;
    }
    report.failure().map_or(Ok(()), Err)
}
