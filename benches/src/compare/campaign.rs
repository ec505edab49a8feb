//! In which order do peers do tasks, and what is kept of it?
//!
//! ```text
//!  for each task:  a warm-up by each peer, its answers digested;
//!                  then repetitions: every peer once, each time another begins
//! ```
//! So what else the machine does hits all alike. Imports have no warm-up. A peer that fails in a task does not do it
//! again, and the others go on.

use std::path::{Path, PathBuf};

use super::answers::judge;
use super::process::load_average;
use super::protocol::{Digest, Greeting, Kind, Reply, Request};
use super::results::{Outcome, Settings, Summary, TaskReport};
use super::sidereus::Sidereus;
use super::tasks::Task;
use super::worker::Worker;
use crate::error::BenchError;

/// Repetitions of imports, at most.
const IMPORTS: u32 = 3;

/// A peer that takes part.
#[derive(Debug)]
pub(crate) struct Peer {
    /// Its name.
    pub(crate) name: String,
    /// What it said of itself.
    pub(crate) greeting: Greeting,
    /// How it is asked.
    pub(crate) connection: Connection,
}

/// How a peer is asked.
#[derive(Debug)]
pub(crate) enum Connection {
    /// From within the harness.
    Within(Box<Sidereus>),
    /// As a process of its own.
    Process(Worker),
}

impl Peer {
    /// Asks; what the peer says is wrong is an error too.
    pub(crate) fn ask(&mut self, request: &Request) -> Result<Reply, BenchError> {
        let reply = match &mut self.connection {
            Connection::Within(sidereus) => sidereus.ask(request)?,
            Connection::Process(worker) => worker.ask(request)?,
        };
        match reply.error {
            Some(error) => Err(BenchError::Query(error)),
            None => Ok(reply),
        }
    }
}

/// What a campaign needs beside peers and tasks.
#[derive(Debug)]
pub(crate) struct Campaign<'a> {
    /// Its size.
    pub(crate) settings: &'a Settings,
    /// Scratch folder; sources of imports are there.
    pub(crate) work: &'a Path,
}

/// What is gathered of one peer and task.
#[derive(Debug, Default)]
struct Gathered {
    seconds: Vec<f64>,
    rates: Vec<f64>,
    cpu_seconds: f64,
    queries: u64,
    peak_mb: f64,
    answers: Vec<Option<Digest>>,
    error: Option<String>,
}

impl Campaign<'_> {
    /// Lets all peers do a task; returns what they did and the highest load average seen.
    pub(crate) fn task(&self, task: &Task, peers: &mut [Peer]) -> (TaskReport, f64) {
        let mut able: Vec<&mut Peer> =
            peers.iter_mut().filter(|peer| peer.greeting.tasks.contains(&task.request.kind)).collect();
        let mut gathered: Vec<Gathered> = able.iter().map(|_| Gathered::default()).collect();
        let import = task.request.kind == Kind::Ingest;
        let rounds = if import { self.settings.repeat.min(IMPORTS) } else { self.settings.repeat + 1 };
        let mut load = 0.0_f64;
        for round in 0..rounds as usize {
            for turn in 0..able.len() {
                let number = (turn + round) % able.len();
                if gathered[number].error.is_none() {
                    let request = self.request(task, round == 0);
                    let outcome = request.and_then(|request| able[number].ask(&request));
                    gathered[number].take(outcome, round == 0, import || round > 0);
                    load = load.max(load_average());
                }
            }
        }
        let answers: Vec<Vec<Option<Digest>>> =
            gathered.iter_mut().map(|one| std::mem::take(&mut one.answers)).collect();
        let verdicts = judge(&answers);
        let outcomes = able.iter().zip(gathered).zip(answers).zip(verdicts).map(|(((peer, one), answers), verdict)| {
            let rows = answers.iter().flatten().map(|answer| answer.rows).sum();
            let outcome = one.outcome();
            let error = outcome.error.map(|error| self.without_folder(&error));
            Outcome { peer: peer.name.clone(), rows, answers: verdict, error, ..outcome }
        });
        (TaskReport { name: task.name.clone(), outcomes: outcomes.collect() }, load)
    }

    /// A message without the scratch folder, which says nothing to readers of a report.
    fn without_folder(&self, message: &str) -> String {
        message.replace(&format!("{}/", self.work.display()), "")
    }

    fn request(&self, task: &Task, check: bool) -> Result<Request, BenchError> {
        let mut request = Request { check, budget_seconds: self.settings.budget_seconds, ..task.request.clone() };
        if let Some(source) = &request.source {
            request.source = Some(self.work.join(source).display().to_string());
            request.folder = Some(self.empty_folder()?.display().to_string());
        }
        Ok(request)
    }

    fn empty_folder(&self) -> Result<PathBuf, BenchError> {
        let folder = self.work.join("ingested");
        let failed = |source| BenchError::File { path: folder.clone(), source };
        if folder.exists() {
            std::fs::remove_dir_all(&folder).map_err(failed)?;
        }
        std::fs::create_dir_all(&folder).map_err(failed)?;
        Ok(folder)
    }
}

impl Gathered {
    fn take(&mut self, outcome: Result<Reply, BenchError>, first: bool, timed: bool) {
        let reply = match outcome {
            Ok(reply) => reply,
            Err(error) => {
                self.error = Some(error.to_string());
                return;
            }
        };
        self.peak_mb = self.peak_mb.max(reply.peak_mb);
        if first {
            self.answers = reply.answers;
        } else if let Some(query) = self.changed(&reply.answers) {
            self.error = Some(format!("wrong answer: query {query} has other rows than the first time"));
        }
        if !timed {
            return;
        }
        let queries = reply.queries.unwrap_or(reply.seconds.len() as u64);
        self.queries += queries;
        self.cpu_seconds += reply.cpu_seconds;
        match reply.queries {
            Some(queries) => self.rates.extend(reply.seconds.first().map(|seconds| queries as f64 / seconds)),
            None => self.seconds.extend(reply.seconds),
        }
    }

    /// The first query whose number of rows is another than before.
    fn changed(&self, answers: &[Option<Digest>]) -> Option<usize> {
        let rows = |answer: &Option<Digest>| answer.as_ref().map(|answer| answer.rows);
        let pairs = self.answers.iter().zip(answers).map(|(before, now)| (rows(before), rows(now)));
        pairs.into_iter().position(|pair| matches!(pair, (Some(before), Some(now)) if before != now))
    }

    fn outcome(self) -> Outcome {
        Outcome {
            seconds: Summary::of(&self.seconds),
            queries_per_second: Summary::of(&self.rates).map(|rates| rates.median),
            cpu_seconds: self.cpu_seconds / self.queries.max(1) as f64,
            peak_mb: self.peak_mb,
            error: self.error,
            ..Outcome::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;
    use std::time::Duration;

    fn fake(name: &str, reply: &str) -> Peer {
        let script =
            format!(r#"echo '{{"version":"{name}","tasks":["scan"]}}'; while read line; do echo '{reply}'; done"#);
        let mut command = Command::new("sh");
        command.args(["-c", &script]);
        let (worker, greeting) = Worker::start(command, Duration::from_secs(20)).unwrap();
        Peer { name: name.to_owned(), greeting, connection: Connection::Process(worker) }
    }

    #[test]
    fn a_peer_that_answers_otherwise_is_told_and_the_others_are_timed() {
        let settings = Settings { rows: 1, second_rows: 1, repeat: 3, probes: 1, budget_seconds: 1.0 };
        let campaign = Campaign { settings: &settings, work: Path::new("nowhere") };
        let reply = |rows: u32, checksum: &str, seconds: f64| {
            format!(
                r#"{{"seconds":[{seconds}],"answers":[{{"rows":{rows},"checksum":"{checksum}"}}],"cpu_seconds":0.5,"peak_mb":7}}"#
            )
        };
        let mut peers = [
            fake("a", &reply(3, "x", 1.0)),
            fake("b", &reply(3, "y", 2.0)),
            fake("c", &reply(3, "x", 3.0)),
            fake("d", r#"{"error":"cannot read nowhere/sky.csv"}"#),
        ];
        let task = Task { name: "scan".to_owned(), request: Request::new(Kind::Scan) };
        let (report, _) = campaign.task(&task, &mut peers);
        let differing: Vec<usize> = report.outcomes.iter().map(|outcome| outcome.answers.differing).collect();
        assert_eq!(differing, [0, 1, 0, 0]);
        assert_eq!(report.outcomes[3].error.as_deref(), Some("query failed: cannot read sky.csv"));
        let timed = &report.outcomes[2];
        let seconds = timed.seconds.unwrap();
        assert_eq!((seconds.runs, seconds.median, timed.cpu_seconds, timed.peak_mb, timed.rows), (3, 3.0, 0.5, 7.0, 3));
        let (other, _) = campaign.task(&Task { name: "x".to_owned(), request: Request::new(Kind::Export) }, &mut peers);
        assert!(other.outcomes.is_empty());
    }
}
