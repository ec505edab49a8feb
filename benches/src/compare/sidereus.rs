//! Sidereus as a peer: Flight SQL from within the harness, and `sidereus import` for ingest.
//!
//! Two peers share one server: one prepares its searches, the other sends each as a text of its own. The texts are
//! also handed to the peer that asks through ADBC.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::digest::digest;
use super::process::{self, Usage};
use super::protocol::{Digest, Kind, Probe, Reply, Request};
use super::texts::Texts;
use crate::error::BenchError;
use crate::run::flight::FlightTarget;
use crate::run::target::{Answer, Target};
use crate::sky::second::{leaves, read_columns};

/// A server and how to ask it.
#[derive(Debug, Clone)]
pub(crate) struct Served {
    /// Where it listens.
    pub(crate) endpoint: String,
    /// Its process, where the harness started it.
    pub(crate) process: Option<u32>,
    /// The program, for imports.
    pub(crate) binary: PathBuf,
    /// Texts with places for what changes: the columns first.
    pub(crate) texts: Texts,
}

impl Served {
    /// What a peer must know that asks this server too: the texts, where it listens, its process.
    pub(crate) fn as_json(&self) -> Value {
        let mut texts = self.texts.as_json();
        texts["endpoint"] = json!(self.endpoint);
        texts["pid"] = json!(self.process);
        texts
    }
}

/// How searches are asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// A prepared statement with parameters.
    Prepared,
    /// A text each.
    AdHoc,
}

/// One way to ask a server: each request over a connection of its own. Nobody answers the server's pings between requests, so
/// it would give an older one up while slow peers work.
#[derive(Debug)]
pub(crate) struct Sidereus {
    served: Served,
    way: Way,
}

impl Sidereus {
    /// Over a server.
    pub(crate) fn new(served: &Served, way: Way) -> Self {
        Self { served: served.clone(), way }
    }

    /// Kinds of tasks: a prepared statement matters for searches only.
    pub(crate) fn tasks(way: Way) -> Vec<Kind> {
        let searches = [Kind::Cone, Kind::Polygon, Kind::Identifier];
        let whole = [Kind::Scan, Kind::Density, Kind::Crossmatch, Kind::Export, Kind::Ingest];
        match way {
            // The polygon's vertices are no parameters.
            Way::Prepared => vec![Kind::Cone, Kind::Identifier],
            Way::AdHoc => searches.into_iter().chain(whole).collect(),
        }
    }

    /// Does a request; the clock runs from the call to the last row.
    pub(crate) fn ask(&self, request: &Request) -> Result<Reply, BenchError> {
        let processes: Vec<u32> = [Some(std::process::id()), self.served.process].into_iter().flatten().collect();
        let usage = Usage::begin(&processes);
        let mut reply = match request.kind {
            Kind::Load => Reply { seconds: vec![0.0], ..Reply::default() },
            Kind::Ingest => return self.ingest(request),
            _ if request.clients > 1 => self.several(request)?,
            _ => {
                let (reply, answers) = self.alone(request)?;
                let (cpu_seconds, peak_mb) = usage.end();
                let answers = answers.iter().map(|answer| digest(&answer.batches, request.check).map(Some));
                return Ok(Reply { answers: answers.collect::<Result<_, _>>()?, cpu_seconds, peak_mb, ..reply });
            }
        };
        (reply.cpu_seconds, reply.peak_mb) = usage.end();
        Ok(reply)
    }

    fn alone(&self, request: &Request) -> Result<(Reply, Vec<Answer>), BenchError> {
        let (mut reply, mut answers) = (Reply::default(), Vec::new());
        let mut target = FlightTarget::connect(&self.served.endpoint)?;
        let begun = Instant::now();
        let mut asker = Asker::new(&self.served.texts, self.way, &mut target, &request.probes)?;
        if request.probes.is_empty() {
            let text = self.served.texts.of_whole(request)?;
            let started = Instant::now();
            answers.push(asker.target.query(&text)?);
            reply.seconds.push(started.elapsed().as_secs_f64());
        }
        for probe in &request.probes {
            let started = Instant::now();
            answers.push(asker.ask(probe)?);
            reply.seconds.push(started.elapsed().as_secs_f64());
            if begun.elapsed().as_secs_f64() > request.budget_seconds {
                break;
            }
        }
        Ok((reply, answers))
    }

    /// Clients with a connection and a thread each, which take the next probe until the budget is spent.
    fn several(&self, request: &Request) -> Result<Reply, BenchError> {
        let next = AtomicUsize::new(0);
        let targets: Vec<FlightTarget> =
            (0..request.clients).map(|_| FlightTarget::connect(&self.served.endpoint)).collect::<Result<_, _>>()?;
        let begun = Instant::now();
        let budget = Duration::try_from_secs_f64(request.budget_seconds).unwrap_or(Duration::MAX);
        let work = |mut target: FlightTarget| -> Result<Vec<(usize, u64)>, BenchError> {
            let mut asker = Asker::new(&self.served.texts, self.way, &mut target, &request.probes)?;
            let mut rows = Vec::new();
            while begun.elapsed() < budget {
                let probe = next.fetch_add(1, Ordering::Relaxed) % request.probes.len().max(1);
                rows.push((probe, asker.ask(&request.probes[probe])?.rows()));
            }
            Ok(rows)
        };
        let outcomes: Vec<_> = std::thread::scope(|scope| {
            let threads: Vec<_> = targets.into_iter().map(|target| scope.spawn(|| work(target))).collect();
            threads.into_iter().map(|thread| thread.join()).collect()
        });
        let elapsed = begun.elapsed().as_secs_f64();
        let (mut answers, mut queries) = (vec![None; request.probes.len()], 0);
        for outcome in outcomes {
            let rows = outcome.map_err(|_| BenchError::Query("a client's thread ended early".to_owned()))??;
            queries += rows.len() as u64;
            for (probe, rows) in rows {
                answers[probe] = Some(Digest { rows, ..Digest::default() });
            }
        }
        Ok(Reply { seconds: vec![elapsed], queries: Some(queries), answers, ..Reply::default() })
    }

    /// Runs `sidereus import`, a process of its own.
    fn ingest(&self, request: &Request) -> Result<Reply, BenchError> {
        let (Some(source), Some(folder)) = (&request.source, &request.folder) else {
            return Err(BenchError::Argument("an import needs a source and a folder".to_owned()));
        };
        let folder = PathBuf::from(folder);
        let (target, log) = (folder.join("made"), folder.join("log"));
        let failed = |path: &Path| {
            let path = path.to_owned();
            |source| BenchError::File { path, source }
        };
        let words = File::create(&log).map_err(failed(&log))?;
        let mut command = Command::new(&self.served.binary);
        command.arg("import").arg(source).arg("--output").arg(&target);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(words);
        let ran = process::run(&mut command).map_err(failed(&self.served.binary))?;
        if !ran.status.success() {
            let told = std::fs::read_to_string(&log).unwrap_or_default();
            return Err(BenchError::Query(told.lines().last().unwrap_or("import failed").to_owned()));
        }
        let mut rows = Vec::new();
        for file in leaves(&target)? {
            rows.extend(read_columns(&file, &["source_id"])?);
        }
        Ok(Reply {
            seconds: vec![ran.seconds],
            answers: vec![Some(digest(&rows, request.check)?)],
            cpu_seconds: ran.cpu_seconds,
            peak_mb: ran.peak_mb,
            ..Reply::default()
        })
    }
}

/// Asks probes over one connection.
struct Asker<'a> {
    texts: &'a Texts,
    target: &'a mut FlightTarget,
    prepared: Option<<FlightTarget as Target>::Prepared>,
}

impl<'a> Asker<'a> {
    fn new(texts: &'a Texts, way: Way, target: &'a mut FlightTarget, probes: &[Probe]) -> Result<Self, BenchError> {
        let text = probes.first().and_then(|probe| texts.to_prepare(probe));
        let text = text.filter(|_| way == Way::Prepared);
        let prepared = text.map(|text| target.prepare(&text)).transpose()?;
        Ok(Self { texts, target, prepared })
    }

    fn ask(&mut self, probe: &Probe) -> Result<Answer, BenchError> {
        match (&mut self.prepared, probe) {
            (Some(prepared), Probe::Cone { ra, dec, radius_deg, .. }) => {
                self.target.execute(prepared, &[*ra, *dec, *radius_deg])
            }
            (Some(prepared), Probe::Identifier { source_id }) => self.target.execute_with_id(prepared, *source_id),
            _ => self.target.query(&self.texts.of_probe(probe)),
        }
    }
}
