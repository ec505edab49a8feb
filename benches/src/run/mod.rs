//! Times the server as a client sees it, through Flight SQL, or the engine without one; warm, every answer checked.
//!
//! ```text
//!  start the binary (or take an endpoint) -> choose places -> warm-up pass, checked -> timed pass -> table and JSON
//! ```

pub(crate) mod catalog;
pub(crate) mod flight;
mod in_process;
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
use in_process::InProcess;
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
    /// Ask the engine in this process; there is no server.
    #[arg(long, conflicts_with = "endpoint")]
    in_process: bool,
    /// Only tasks whose names hold this.
    #[arg(long, default_value = "")]
    tasks: String,
    /// What cones select: columns separated by commas, the position among them.
    #[arg(long, default_value = "*")]
    select: String,
    /// Places per cone search; the scan and the map run a tenth as often, at most ten times.
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
    let plan = Plan {
        catalog: &catalog,
        repeat: arguments.repeat,
        seed: arguments.seed,
        tasks: &arguments.tasks,
        select: &arguments.select,
        magnitude: &arguments.magnitude,
    };
    let report = if arguments.in_process {
        let measurements = tasks::measure(&plan, &mut InProcess::open(&arguments.catalog)?)?;
        Report::new(&catalog, Some(format!("{} in process", env!("CARGO_PKG_VERSION"))), measurements)
    } else {
        let server = match &arguments.endpoint {
            Some(_) => None,
            None => Some(Server::start(&arguments.binary, &[&arguments.catalog])?),
        };
        let endpoint = server.as_ref().map(Server::endpoint).or(arguments.endpoint.as_deref());
        let endpoint = endpoint.ok_or_else(|| BenchError::Argument("there is no server to ask".to_owned()))?;
        let measurements = tasks::measure(&plan, &mut FlightTarget::connect(endpoint)?)?;
        Report::new(&catalog, server.as_ref().and_then(Server::version), measurements)
    };
    report.print_table()?;
    if let Some(path) = &arguments.json {
        report.write_json(path)?;
    }
    report.failure().map_or(Ok(()), Err)
}
