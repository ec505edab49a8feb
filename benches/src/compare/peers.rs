//! Which systems are compared, and how do they start?
//!
//! One that cannot take part, for it is not installed or cannot load the sky, is told in the report and left out.

use std::fs::File;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};

use super::campaign::{Connection, Peer};
use super::protocol::{Greeting, Kind, Request};
use super::results::PeerReport;
use super::sidereus::{Served, Sidereus, Way};
use super::worker::Worker;
use super::{Compare, absolute, chosen, failed};
use crate::error::BenchError;

/// Peers in order of the report; those that have a way are asked from within the harness.
pub(crate) const PEERS: [(&str, Option<Way>); 13] = [
    ("sidereus", Some(Way::AdHoc)),
    ("sidereus_prepared", Some(Way::Prepared)),
    ("sidereus_adbc", None),
    ("postgres_q3c", None),
    ("postgres_pgsphere", None),
    ("duckdb_table", None),
    ("duckdb_parquet", None),
    ("chdb_table", None),
    ("datafusion_parquet", None),
    ("polars_parquet", None),
    ("lsdb_dask", None),
    ("stilts_match", None),
    ("astropy_match", None),
];

/// What is needed to start peers.
#[derive(Debug)]
pub(crate) struct Start<'a> {
    /// What was asked for.
    pub(crate) arguments: &'a Compare,
    /// Scratch folder.
    pub(crate) work: &'a Path,
    /// Sidereus.
    pub(crate) served: &'a Served,
    /// Its version.
    pub(crate) version: String,
}

impl Start<'_> {
    /// Starts the chosen peers and lets them load the sky, one after the other.
    ///
    /// *Errors*: Sidereus does not answer.
    pub(crate) fn all(&self, sky: &Value) -> Result<(Vec<Peer>, Vec<PeerReport>), BenchError> {
        let (mut peers, mut reports) = (Vec::new(), Vec::new());
        for (name, way) in PEERS.into_iter().filter(|(name, _)| chosen(&self.arguments.peers, name)) {
            let started = match way {
                Some(way) => Ok(self.within(way)),
                None => self.process(name),
            };
            let mut report = PeerReport { name: name.to_owned(), ..PeerReport::default() };
            match started {
                Err(error) => report.error = Some(error.to_string()),
                Ok((_, greeting)) if greeting.missing.is_some() => report.greeting = greeting,
                Ok((connection, greeting)) => {
                    eprintln!("loading {name}");
                    let mut peer = Peer { name: name.to_owned(), greeting, connection };
                    let loaded = self.load(&mut peer, sky);
                    report.greeting = peer.greeting.clone();
                    match loaded {
                        Ok(seconds) => {
                            report.load_seconds = Some(seconds);
                            peers.push(peer);
                        }
                        Err(error) => report.error = Some(error.to_string()),
                    }
                }
            }
            reports.push(report);
        }
        Ok((peers, reports))
    }

    fn within(&self, way: Way) -> (Connection, Greeting) {
        let greeting = Greeting {
            version: self.version.clone(),
            tasks: Sidereus::tasks(way),
            install: "cargo build --release".to_owned(),
            ..Greeting::default()
        };
        (Connection::Within(Box::new(Sidereus::new(self.served, way))), greeting)
    }

    fn process(&self, name: &str) -> Result<(Connection, Greeting), BenchError> {
        let script = absolute(&self.arguments.adapters.join(format!("{name}.py")))?;
        let log = self.work.join(format!("{name}.log"));
        let words = File::create(&log).map_err(failed(&log))?;
        let mut command = Command::new(&self.arguments.python);
        command.arg("-B").arg(script).current_dir(self.work).stderr(words);
        let (worker, greeting) = Worker::start(command, Duration::from_secs(self.arguments.limit))?;
        Ok((Connection::Process(worker), greeting))
    }

    fn load(&self, peer: &mut Peer, sky: &Value) -> Result<f64, BenchError> {
        let folder = self.work.join(&peer.name);
        std::fs::create_dir_all(&folder).map_err(failed(&folder))?;
        let mut sky = sky.clone();
        sky["folder"] = json!(folder);
        let reply = peer.ask(&Request { sky: Some(sky), ..Request::new(Kind::Load) })?;
        if let Some(configuration) = reply.configuration {
            peer.greeting.configuration = configuration;
        }
        Ok(reply.seconds.first().copied().unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_peer_beside_ours_has_an_adapter_that_says_how_to_install_it() {
        let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/peers"));
        for (name, _) in PEERS.into_iter().filter(|(_, way)| way.is_none()) {
            let text = std::fs::read_to_string(folder.join(format!("{name}.py"))).unwrap();
            let install = text.lines().find_map(|line| line.strip_prefix("Install: ")).unwrap();
            assert!(text.matches(install).count() == 2, "{name} gives another command when it is absent: {install}");
        }
    }
}
