//! The server under test, as a process of its own that ends with the benchmark.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::error::BenchError;

/// How long a server may take to open its catalogs and listen.
const START: Duration = Duration::from_secs(60);
/// What its line with the address begins with.
const ADDRESS: &str = "flight: grpc://";

/// A running server; dropping it ends it.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    _state: tempfile::TempDir,
    binary: PathBuf,
    endpoint: String,
}

impl Server {
    /// Starts the binary on catalogs and waits until it says where it listens.
    ///
    /// *Errors*: the binary is not there, ends early (its last lines are told) or stays silent for a minute.
    pub(crate) fn start(binary: &Path, catalogs: &[&Path]) -> Result<Self, BenchError> {
        let state = tempfile::tempdir().map_err(|source| BenchError::File { path: std::env::temp_dir(), source })?;
        let mut child = Command::new(binary)
            .args(["serve", "--state"])
            .arg(state.path())
            .args(catalogs.iter().flat_map(|catalog| [Path::new("--catalogs"), catalog]))
            .args(["--flight", "127.0.0.1:0", "--http", "127.0.0.1:0"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|source| BenchError::File { path: binary.to_owned(), source })?;
        let last_lines = Arc::new(Mutex::new(Vec::new()));
        let (found, addresses) = channel();
        if let Some(output) = child.stdout.take() {
            read_lines(output, found.clone(), Arc::clone(&last_lines));
        }
        if let Some(output) = child.stderr.take() {
            read_lines(output, found, Arc::clone(&last_lines));
        }
        let mut server = Self { child, _state: state, binary: binary.to_owned(), endpoint: String::new() };
        server.endpoint = server.wait(&addresses, &last_lines)?;
        Ok(server)
    }

    fn wait(&mut self, addresses: &Receiver<String>, last_lines: &Mutex<Vec<String>>) -> Result<String, BenchError> {
        let started = Instant::now();
        while started.elapsed() < START {
            if let Ok(address) = addresses.recv_timeout(Duration::from_millis(100)) {
                return Ok(address);
            }
            if let Ok(Some(status)) = self.child.try_wait() {
                let lines = last_lines.lock().unwrap_or_else(PoisonError::into_inner).join("\n");
                return Err(BenchError::Server(format!("{} ended with {status}\n{lines}", self.binary.display())));
            }
        }
        Err(BenchError::Server(format!("{} did not say {ADDRESS}... within a minute", self.binary.display())))
    }

    /// Where it listens, as `grpc://host:port`.
    pub(crate) fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Its process.
    pub(crate) fn process(&self) -> u32 {
        self.child.id()
    }

    /// What it calls itself.
    pub(crate) fn version(&self) -> Option<String> {
        let output =
            Command::new(&self.binary).arg("--version").output().ok().filter(|output| output.status.success())?;
        Some(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself; then there is nothing to do.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Reads to the end, so that the server never waits for its reader.
fn read_lines(output: impl Read + Send + 'static, found: Sender<String>, last_lines: Arc<Mutex<Vec<String>>>) {
    const KEPT: usize = 20;
    std::thread::spawn(move || {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            if let Some(address) = address_in(&line) {
                // Nobody waits any more once the address is known.
                let _ = found.send(address);
            }
            let mut lines = last_lines.lock().unwrap_or_else(PoisonError::into_inner);
            lines.push(line);
            if lines.len() > KEPT {
                lines.remove(0);
            }
        }
    });
}

fn address_in(line: &str) -> Option<String> {
    let (_, address) = line.split_once(ADDRESS)?;
    let address = address.split_whitespace().next().filter(|address| address.contains(':'))?;
    Some(format!("grpc://{address}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn address_is_found_in_its_line() {
        assert_eq!(address_in("  flight: grpc://127.0.0.1:4711").as_deref(), Some("grpc://127.0.0.1:4711"));
        assert_eq!(address_in("flight: grpc://[::1]:4711 (no TLS)").as_deref(), Some("grpc://[::1]:4711"));
        assert_eq!(address_in("http: http://127.0.0.1:8080/tap"), None);
    }

    #[test]
    fn a_server_that_ends_at_once_is_told_with_its_words() {
        let error = Server::start(Path::new("/bin/false"), &[Path::new("nowhere")]).unwrap_err();
        assert!(error.to_string().contains("ended with"), "{error}");
        assert!(Server::start(Path::new("/no/such/binary"), &[Path::new("nowhere")]).is_err());
    }
}
