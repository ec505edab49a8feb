//! A peer that is a process of its own and speaks the protocol on its standard streams.
//!
//! A reply that does not come in time, or is no reply, ends the process and all that it started; it then stays away.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use super::protocol::{Greeting, Reply, Request};
use crate::error::BenchError;

/// How long a peer may take to say what it is.
const START: Duration = Duration::from_secs(120);
/// How long it may take to end by itself.
const END: Duration = Duration::from_secs(30);

/// A running peer.
#[derive(Debug)]
pub(crate) struct Worker {
    child: Child,
    input: Option<ChildStdin>,
    lines: Receiver<String>,
    limit: Duration,
}

impl Worker {
    /// Starts a command and waits for its greeting; each reply may take up to `limit`.
    ///
    /// *Errors*: it cannot be started, ends, is silent, or says something else.
    pub(crate) fn start(mut command: Command, limit: Duration) -> Result<(Self, Greeting), BenchError> {
        let name = command.get_program().to_string_lossy().into_owned();
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).process_group(0);
        let mut child = command.spawn().map_err(|source| BenchError::File { path: name.into(), source })?;
        let (sender, lines) = channel();
        if let Some(output) = child.stdout.take() {
            std::thread::spawn(move || {
                // Ends with the process, or when nobody listens any more.
                BufReader::new(output).lines().map_while(Result::ok).try_for_each(|line| sender.send(line))
            });
        }
        let input = child.stdin.take();
        let mut worker = Self { child, input, lines, limit: START };
        let greeting = worker.read()?;
        worker.limit = limit;
        Ok((worker, greeting))
    }

    /// Asks and waits for the reply.
    ///
    /// *Errors*: it has ended, or does not reply in time or in the protocol; the process is then ended.
    pub(crate) fn ask(&mut self, request: &Request) -> Result<Reply, BenchError> {
        let mut line = serde_json::to_string(request).map_err(|error| BenchError::Argument(error.to_string()))?;
        line.push('\n');
        let Some(input) = &mut self.input else {
            return Err(BenchError::Server("it was ended before".to_owned()));
        };
        if input.write_all(line.as_bytes()).and_then(|()| input.flush()).is_err() {
            self.kill();
            return Err(BenchError::Server("it has ended".to_owned()));
        }
        self.read()
    }

    fn read<T: serde::de::DeserializeOwned>(&mut self) -> Result<T, BenchError> {
        let told = match self.lines.recv_timeout(self.limit) {
            Ok(line) => match serde_json::from_str(&line) {
                Ok(value) => return Ok(value),
                Err(error) => format!("it said {:?}: {error}", line.chars().take(80).collect::<String>()),
            },
            Err(RecvTimeoutError::Timeout) => format!("no reply within {} s", self.limit.as_secs()),
            Err(RecvTimeoutError::Disconnected) => "it has ended".to_owned(),
        };
        self.kill();
        Err(BenchError::Server(told))
    }

    /// Ends the process and its group.
    fn kill(&mut self) {
        self.input = None;
        let group = format!("-{}", self.child.id());
        // What has ended by itself needs no signal.
        let _ = Command::new("kill").args(["-KILL", "--", &group]).stderr(Stdio::null()).status();
        let _ = self.child.wait();
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.input = None;
        let begun = Instant::now();
        while begun.elapsed() < END {
            if !matches!(self.child.try_wait(), Ok(None)) {
                break;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        self.kill();
    }
}

#[cfg(test)]
mod tests {
    use super::super::protocol::Kind;
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    const GREETING: &str = r#"echo '{"version":"fake 1","tasks":["scan"],"install":"none"}';"#;

    #[test]
    fn a_peer_greets_and_replies() {
        let script = format!(
            r#"{GREETING} while read line; do case "$line" in
                *'"kind":"scan"'*) echo '{{"seconds":[0.5],"answers":[{{"rows":3,"checksum":"ab","sums":{{"mean":1.5}}}}]}}';;
                *) echo '{{"error":"no"}}';; esac; done"#
        );
        let (mut worker, greeting) = Worker::start(shell(&script), Duration::from_secs(20)).unwrap();
        assert_eq!((greeting.version.as_str(), greeting.tasks.as_slice()), ("fake 1", [Kind::Scan].as_slice()));
        let reply = worker.ask(&Request::new(Kind::Scan)).unwrap();
        assert_eq!((reply.seconds[0], reply.answers[0].as_ref().unwrap().sums["mean"]), (0.5, 1.5));
        assert_eq!(worker.ask(&Request::new(Kind::Export)).unwrap().error.as_deref(), Some("no"));
    }

    #[test]
    fn a_missing_peer_says_what_it_lacks() {
        let (_, greeting) =
            Worker::start(shell(r#"echo '{"missing":"lib","install":"pip install lib"}'"#), END).unwrap();
        assert_eq!((greeting.missing.as_deref(), greeting.install.as_str()), (Some("lib"), "pip install lib"));
    }

    #[test]
    fn silence_nonsense_and_a_sudden_end_are_errors_and_stay_so() {
        for (script, told) in [
            (format!("{GREETING} read line; sleep 60"), "no reply within 1 s"),
            (format!("{GREETING} read line; echo nonsense; sleep 60"), "it said \"nonsense\""),
            (format!("{GREETING} read line; exit 3"), "it has ended"),
        ] {
            let (mut worker, _) = Worker::start(shell(&script), Duration::from_secs(1)).unwrap();
            let error = worker.ask(&Request::new(Kind::Scan)).unwrap_err().to_string();
            assert!(error.contains(told), "{error}");
            assert!(worker.ask(&Request::new(Kind::Scan)).unwrap_err().to_string().contains("ended"));
        }
        assert!(Worker::start(shell("exit 1"), END).unwrap_err().to_string().contains("it has ended"));
        assert!(Worker::start(Command::new("/no/such/program"), END).is_err());
    }
}
