//! Compares systems: the same tasks on the same sky, in turn, answers checked against each other.
//!
//! ```text
//!  sky and second table (given, or made) -> server -> queries with covers and planes
//!     -> peers: Sidereus within the harness, others as processes (benches/peers) -> load
//!     -> campaign -> report: JSON, Markdown, plots
//! ```

mod answers;
mod campaign;
mod check;
mod digest;
mod page;
mod peers;
mod plot;
mod process;
mod protocol;
mod results;
mod sidereus;
mod tables;
mod tasks;
mod texts;
mod worker;

pub(crate) use check::{Check, check};
pub(crate) use page::{WritePage, write_page};

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use clap::Args;
use serde_json::json;

use crate::error::BenchError;
use crate::run::catalog::Catalog;
use crate::run::flight::FlightTarget;
use crate::run::report::{Machine, write_to_stdout};
use crate::run::server::Server;
use crate::sky::second::{MakeSecond, leaves, make_second};
use campaign::Campaign;
use peers::{PEERS, Start};
use process::load_average;
use protocol::Kind;
use results::{Report, Settings};
use sidereus::Served;
use tasks::Draw;
use texts::Texts;

/// What to compare.
#[derive(Debug, Clone, Args)]
pub(crate) struct Compare {
    /// HATS catalog that `make-sky` made.
    #[arg(long)]
    catalog: PathBuf,
    /// Second table, from `make-second`; made in the scratch folder where none is given.
    #[arg(long)]
    second: Option<PathBuf>,
    /// Rows of a second table that is made.
    #[arg(long, default_value = "1000000", value_parser = crate::sky::number)]
    second_rows: u64,
    /// Scratch folder: what peers load stays there for the next run over the same catalog.
    #[arg(long)]
    work: PathBuf,
    /// The program `sidereus`.
    #[arg(long, default_value = "target/release/sidereus")]
    binary: PathBuf,
    /// Python that has the peers' packages.
    #[arg(long, default_value = "python3")]
    python: PathBuf,
    /// Folder of the peers' adapters.
    #[arg(long, default_value = "benches/peers")]
    adapters: PathBuf,
    /// Peers to ask, separated by commas [default: all].
    #[arg(long, value_delimiter = ',')]
    peers: Vec<String>,
    /// Tasks whose names begin like this, separated by commas [default: all].
    #[arg(long, value_delimiter = ',')]
    tasks: Vec<String>,
    /// Timed repetitions.
    #[arg(long, default_value_t = 5)]
    repeat: u32,
    /// Queries of the tasks that ask many.
    #[arg(long, default_value_t = 100)]
    probes: u32,
    /// Seconds after which a peer asks no further query of such a task in this repetition.
    #[arg(long, default_value_t = 3.0)]
    budget: f64,
    /// Rows of the files that are ingested, at most.
    #[arg(long, default_value = "10000000", value_parser = crate::sky::number)]
    ingest_rows: u64,
    /// Seconds that a peer may take for one task before it is ended.
    #[arg(long, default_value_t = 3600)]
    limit: u64,
    /// Ranges of keys that cover a region, at most: what systems without spherical indexes search in. More ranges hold
    /// fewer rows, and cost more to plan.
    #[arg(long, default_value_t = 4)]
    cover: usize,
    /// Seed of the places.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// File for the report.
    #[arg(long)]
    json: PathBuf,
}

/// Compares and writes the report.
///
/// *Errors*: the sky cannot be read or served; Sidereus itself gives other answers than most (the report is written).
pub(crate) fn compare(arguments: &Compare) -> Result<(), BenchError> {
    known(&arguments.peers, &PEERS.map(|(name, _)| name.to_owned()))?;
    known(&arguments.tasks, &tasks::names())?;
    std::fs::create_dir_all(&arguments.work).map_err(failed(&arguments.work))?;
    let work = std::fs::canonicalize(&arguments.work).map_err(failed(&arguments.work))?;
    let (catalog, second) = (absolute(&arguments.catalog)?, second_table(arguments, &work)?);
    let described = (Catalog::read(&catalog)?, Catalog::read(&second)?);
    claim(&work, &format!("{} {} {}\n", catalog.display(), described.0.rows, described.1.rows))?;
    let indexed = indexed(arguments, &catalog, &work)?;
    let server = Server::start(&arguments.binary, &[&indexed, &second])?;
    let served = Served {
        endpoint: server.endpoint().to_owned(),
        process: Some(server.process()),
        binary: arguments.binary.clone(),
        texts: Texts::new(&described.0, &described.1),
    };
    let mut target = FlightTarget::connect(&served.endpoint)?;
    let draw = Draw { probes: arguments.probes, cover: arguments.cover, seed: arguments.seed };
    let mut tasks = tasks::tasks(&described.0, draw, &mut target)?;
    tasks.retain(|task| chosen(&arguments.tasks, &task.name));
    if tasks.iter().any(|task| task.request.kind == Kind::Ingest)
        && let Err(error) = make_sources(arguments, &catalog, &work)
    {
        eprintln!("nothing is ingested: {error}");
        tasks.retain(|task| task.request.kind != Kind::Ingest);
    }
    let load_before = load_average();
    let sky = json!({
        "catalog": catalog, "files": leaves(&catalog)?, "second": second, "second_files": leaves(&second)?,
        "shared_folder": work, "sidereus": served.as_json(),
    });
    let start = Start { arguments, work: &work, served: &served, version: server.version().unwrap_or_default() };
    let (mut peers, reports) = start.all(&sky)?;
    let settings = Settings {
        rows: described.0.rows,
        second_rows: described.1.rows,
        repeat: arguments.repeat,
        probes: arguments.probes,
        budget_seconds: arguments.budget,
    };
    let mut report = Report {
        date: today(),
        machine: Machine::this(),
        load_average: [load_before; 2],
        settings: settings.clone(),
        peers: reports,
        tasks: Vec::new(),
    };
    let campaign = Campaign { settings: &settings, work: &work };
    for task in &tasks {
        eprintln!("{}", task.name);
        let (done, load) = campaign.task(task, &mut peers);
        report.load_average[1] = report.load_average[1].max(load);
        report.tasks.push(done);
        write(&report, &arguments.json)?;
    }
    write_to_stdout(page::section(&report, None).as_bytes())?;
    wrong_answers(&report)
}

fn wrong_answers(report: &Report) -> Result<(), BenchError> {
    let outcomes = report.tasks.iter().flat_map(|task| task.outcomes.iter().map(move |outcome| (task, outcome)));
    let wrong: Vec<String> = outcomes
        .filter(|(_, outcome)| outcome.peer.starts_with("sidereus") && outcome.answers.differing > 0)
        .map(|(task, outcome)| format!("{}, {}", outcome.peer, task.name))
        .collect();
    if wrong.is_empty() { Ok(()) } else { Err(BenchError::WrongAnswer(wrong.join("; "))) }
}

fn second_table(arguments: &Compare, work: &Path) -> Result<PathBuf, BenchError> {
    if let Some(second) = &arguments.second {
        return absolute(second);
    }
    let out = work.join("second");
    if !out.exists() {
        let (catalog, rows) = (arguments.catalog.clone(), arguments.second_rows);
        make_second(&MakeSecond { catalog, rows, out: out.clone(), seed: arguments.seed })?;
    }
    Ok(out)
}

/// The catalog with an index of its identifiers, as the peers have one: the files themselves are linked.
fn indexed(arguments: &Compare, catalog: &Path, work: &Path) -> Result<PathBuf, BenchError> {
    let indexed = work.join("indexed");
    if !indexed.exists() {
        let mut command = Command::new(&arguments.binary);
        command.args(["catalog", "collect", "--index", "source_id", "--output"]).arg(&indexed).arg(catalog);
        let status = command.stdout(Stdio::null()).status().map_err(failed(&arguments.binary))?;
        if !status.success() {
            return Err(BenchError::Argument(format!("{}: identifiers cannot be indexed", catalog.display())));
        }
    }
    Ok(indexed)
}

/// Writes the files to ingest, unless they are there.
fn make_sources(arguments: &Compare, catalog: &Path, work: &Path) -> Result<(), BenchError> {
    if work.join("sky.fits").exists() {
        return Ok(());
    }
    eprintln!("writing files to ingest");
    let script = absolute(&arguments.adapters.join("sources.py"))?;
    let mut command = Command::new(&arguments.python);
    command.arg("-B").arg(script).arg(catalog).arg(work).arg(arguments.ingest_rows.to_string()).stdout(Stdio::null());
    let status = command.status().map_err(failed(&arguments.python))?;
    if status.success() {
        return Ok(());
    }
    Err(BenchError::Argument("sources.py failed; it needs numpy, pyarrow and astropy".to_owned()))
}

/// Writes into the scratch folder which sky it is for; what peers loaded of another would be asked otherwise.
fn claim(work: &Path, sky: &str) -> Result<(), BenchError> {
    let path = work.join("sky.txt");
    match std::fs::read_to_string(&path) {
        Ok(claimed) if claimed == sky => Ok(()),
        Ok(claimed) => {
            let told = format!("{} holds tables of another sky: {}", work.display(), claimed.trim());
            Err(BenchError::Argument(told))
        }
        Err(_) => std::fs::write(&path, sky).map_err(failed(&path)),
    }
}

fn known(chosen: &[String], names: &[String]) -> Result<(), BenchError> {
    match chosen.iter().find(|chosen| !names.iter().any(|name| name.starts_with(chosen.as_str()))) {
        Some(unknown) => Err(BenchError::Argument(format!("{unknown:?} is none of {}", names.join(", ")))),
        None => Ok(()),
    }
}

fn chosen(chosen: &[String], name: &str) -> bool {
    chosen.is_empty() || chosen.iter().any(|chosen| name.starts_with(chosen.as_str()))
}

fn today() -> String {
    let output = Command::new("date").args(["-u", "+%F"]).output();
    output.map_or_else(|_| "unknown day".to_owned(), |output| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

fn write(report: &Report, path: &Path) -> Result<(), BenchError> {
    let mut text = serde_json::to_vec_pretty(report).map_err(|error| BenchError::Argument(error.to_string()))?;
    text.push(b'\n');
    std::fs::write(path, text).map_err(failed(path))
}

fn absolute(path: &Path) -> Result<PathBuf, BenchError> {
    std::fs::canonicalize(path).map_err(failed(path))
}

fn failed(path: &Path) -> impl FnOnce(std::io::Error) -> BenchError {
    let path = path.to_owned();
    move |source| BenchError::File { path, source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scratch_folder_serves_one_sky() {
        let folder = tempfile::tempdir().unwrap();
        claim(folder.path(), "sky 1 1\n").unwrap();
        claim(folder.path(), "sky 1 1\n").unwrap();
        assert!(claim(folder.path(), "sky 2 1\n").unwrap_err().to_string().contains("another sky: sky 1 1"));
    }

    #[test]
    fn names_are_chosen_by_their_beginning() {
        let names = ["cone 1 deg", "scan"].map(str::to_owned);
        assert!(chosen(&[], "scan") && chosen(&["co".to_owned()], "cone 1 deg") && !chosen(&["co".to_owned()], "scan"));
        assert!(known(&["sc".to_owned()], &names).is_ok() && known(&["can".to_owned()], &names).is_err());
    }
}
