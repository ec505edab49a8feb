//! A running `sidereus serve`, stopped when dropped.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, Stdio};

use crate::client::{self, Answer, form};

/// The bundled catalogs.
pub(crate) fn catalogs() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../testdata/catalogs"))
}

/// The binary, or the one that `SIDEREUS_TEST_BINARY` names, in an environment without settings.
pub(crate) fn sidereus() -> Command {
    let other = std::env::var_os("SIDEREUS_TEST_BINARY");
    let mut command = Command::new(other.unwrap_or_else(|| env!("CARGO_BIN_EXE_sidereus").into()));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("SIDEREUS_")) {
        command.env_remove(name);
    }
    command
}

/// A process that listens.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    pub(crate) http: String,
    /// Address of the admin listener, where there is one.
    pub(crate) admin: Option<String>,
    log: Option<ChildStderr>,
    _state: Option<tempfile::TempDir>,
}

impl Server {
    /// Starts with the bundled catalogs on free ports.
    pub(crate) fn start() -> Self {
        Self::start_with(&[], &[])
    }

    /// The same with more options and variables of the environment.
    pub(crate) fn start_with(options: &[&str], variables: &[(&str, &str)]) -> Self {
        let mut command = sidereus();
        Self::spawn(
            command.arg("serve").args(options).env("SIDEREUS_LOG_FILTER", "warn").envs(variables.iter().copied()),
        )
    }

    /// The same over a state folder that stays.
    pub(crate) fn start_in(state: &Path, variables: &[(&str, &str)]) -> Self {
        let mut command = sidereus();
        let command = command.arg("serve").arg("--state").arg(state);
        Self::spawn_in(command.env("SIDEREUS_LOG_FILTER", "warn").envs(variables.iter().copied()), None)
    }

    /// The same as [`start`](Self::start), its log kept for [`log`](Self::log).
    pub(crate) fn start_logged() -> Self {
        Self::spawn(sidereus().arg("serve").env("SIDEREUS_LOG_FILTER", "info").stderr(Stdio::piped()))
    }

    fn spawn(command: &mut Command) -> Self {
        let state = tempfile::tempdir().unwrap();
        Self::spawn_in(command.arg("--state").arg(state.path()), Some(state))
    }

    fn spawn_in(command: &mut Command, state: Option<tempfile::TempDir>) -> Self {
        let mut child = command
            .args(["--flight", "127.0.0.1:0", "--http", "127.0.0.1:0", "--catalogs"])
            .arg(catalogs())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
        let mut admin = None;
        let mut address = |start: &str| {
            let is_it = |line: &String| {
                admin = admin.take().or_else(|| line.strip_prefix("admin: http://").map(str::to_owned));
                line.starts_with(start)
            };
            let line = lines.find(is_it).expect("an address is printed");
            line[start.len()..].trim_end_matches("/tap").to_owned()
        };
        assert!(address("flight: grpc://").starts_with("127.0.0.1:"));
        let http = address("http: http://");
        let log = child.stderr.take();
        Self { child, http, admin, log, _state: state }
    }

    /// A GET of a path.
    pub(crate) fn get(&self, path: &str) -> Answer {
        client::send(&self.http, "GET", path, &[], b"")
    }

    /// A form to `/tap/sync`.
    pub(crate) fn post(&self, pairs: &[(&str, &str)]) -> Answer {
        let headers = [("Content-Type", "application/x-www-form-urlencoded")];
        client::send(&self.http, "POST", "/tap/sync", &headers, form(pairs).as_bytes())
    }

    /// An ADQL query, its rows as CSV.
    pub(crate) fn csv(&self, query: &str) -> Answer {
        self.post(&[("LANG", "ADQL"), ("FORMAT", "csv"), ("QUERY", query)])
    }

    /// Processor time so far in hundredths of a second, where the system tells.
    pub(crate) fn processor_ticks(&self) -> Option<u64> {
        let text = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id())).ok()?;
        let fields: Vec<&str> = text.rsplit_once(')')?.1.split_whitespace().collect();
        Some(fields.get(11)?.parse::<u64>().ok()? + fields.get(12)?.parse::<u64>().ok()?)
    }

    /// Ends it as a power cut would, and waits until it has.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Waits until it has ended by itself.
    pub(crate) fn ended(&mut self) {
        self.child.wait().unwrap();
    }

    /// A request with a form to any path.
    pub(crate) fn post_to(&self, path: &str, pairs: &[(&str, &str)]) -> Answer {
        let headers = [("Content-Type", "application/x-www-form-urlencoded")];
        client::send(&self.http, "POST", path, &headers, form(pairs).as_bytes())
    }

    /// Sends SIGTERM and waits for the exit code.
    pub(crate) fn terminate(&mut self) -> Option<i32> {
        let pid = self.child.id().to_string();
        Command::new("kill").args(["-TERM", &pid]).status().unwrap();
        self.child.wait().unwrap().code()
    }
}

impl Server {
    /// Stops it and gives what it logged since [`start_logged`](Self::start_logged).
    pub(crate) fn into_log(mut self) -> String {
        assert_eq!(self.terminate(), Some(0));
        std::io::read_to_string(self.log.take().expect("the log is kept")).unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
