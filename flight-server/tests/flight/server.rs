//! A running `sidereus serve`, and clients of it.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use arrow::array::RecordBatch;
use arrow_flight::FlightInfo;
use arrow_flight::decode::FlightRecordBatchStream;
use arrow_flight::error::FlightError;
use arrow_flight::sql::client::FlightSqlServiceClient;
use futures::TryStreamExt;
use tonic::Status;
use tonic::transport::{Channel, Endpoint};

/// A client of Flight SQL.
pub(crate) type Client = FlightSqlServiceClient<Channel>;

/// A process that listens; killed when dropped.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    address: String,
    _state: tempfile::TempDir,
}

impl Server {
    /// Starts with the bundled catalogs on free ports.
    pub(crate) fn start() -> Self {
        Self::start_with(&[], &[])
    }

    /// The same with more options and variables of the environment.
    pub(crate) fn start_with(options: &[&str], variables: &[(&str, &str)]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sidereus"));
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("SIDEREUS_")) {
            command.env_remove(name);
        }
        let state = tempfile::tempdir().expect("a folder");
        let mut child = command
            .args(["serve", "--state"])
            .arg(state.path())
            .args(["--flight", "127.0.0.1:0", "--http", "127.0.0.1:0", "--catalogs"])
            .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/../testdata/catalogs"))
            .args(options)
            .envs(variables.iter().copied())
            .env("SIDEREUS_LOG_FILTER", "warn")
            .stdout(Stdio::piped())
            .spawn()
            .expect("the binary starts");
        let lines = BufReader::new(child.stdout.take().expect("its output")).lines();
        let mut lines = lines.map_while(Result::ok);
        let address = lines.find_map(|line| line.strip_prefix("flight: grpc://").map(str::to_owned));
        Self { child, address: address.expect("an address is printed"), _state: state }
    }

    /// A connection of its own.
    pub(crate) async fn client(&self) -> Client {
        let endpoint = Endpoint::from_shared(format!("http://{}", self.address)).expect("an address");
        let channel = endpoint.connect().await.expect("a connection");
        let mut client = FlightSqlServiceClient::new(channel);
        let inner = client.inner().clone().max_decoding_message_size(16 << 20);
        client = FlightSqlServiceClient::new_from_inner(inner);
        client
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The rows of a text, asked as a direct statement.
pub(crate) async fn rows(client: &mut Client, text: &str) -> Result<Vec<RecordBatch>, Status> {
    let info = client.execute(text.to_owned(), None).await.map_err(status)?;
    fetch(client, &info).await
}

/// The rows of what was described.
pub(crate) async fn fetch(client: &mut Client, info: &FlightInfo) -> Result<Vec<RecordBatch>, Status> {
    open(client, info).await?.try_collect().await.map_err(status)
}

/// The stream of what was described.
pub(crate) async fn open(client: &mut Client, info: &FlightInfo) -> Result<FlightRecordBatchStream, Status> {
    assert_eq!(info.endpoint.len(), 1, "some clients read the first endpoint only");
    let ticket = info.endpoint[0].ticket.clone().expect("a ticket");
    client.do_get(ticket).await.map_err(status)
}

/// The status that ended a call.
pub(crate) fn status(error: FlightError) -> Status {
    match error {
        FlightError::Tonic(status) => *status,
        other => panic!("the stream is broken: {other}"),
    }
}

/// Rows in all batches.
pub(crate) fn count(batches: &[RecordBatch]) -> usize {
    batches.iter().map(RecordBatch::num_rows).sum()
}
