//! A Flight SQL client that waits for each answer.
//!
//! One connection and one thread: what is timed is the latency that one notebook sees, calls included.

use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, Int64Array, RecordBatch};
use arrow::datatypes::{DataType, Field, Schema};
use arrow_flight::FlightInfo;
use arrow_flight::flight_service_client::FlightServiceClient;
use arrow_flight::sql::client::{FlightSqlServiceClient, PreparedStatement};
use futures::TryStreamExt;
use tokio::runtime::Runtime;
use tonic::transport::{Channel, Endpoint};

use super::target::{Answer, Target};
use crate::error::BenchError;

/// A connection to a Flight SQL server.
#[derive(Debug)]
pub(crate) struct FlightTarget {
    runtime: Runtime,
    client: FlightSqlServiceClient<Channel>,
}

impl FlightTarget {
    /// Connects to `grpc://host:port`.
    pub(crate) fn connect(endpoint: &str) -> Result<Self, BenchError> {
        let address =
            endpoint.strip_prefix("grpc://").or_else(|| endpoint.strip_prefix("grpc+tcp://")).unwrap_or(endpoint);
        let refused = |error: tonic::transport::Error| BenchError::Server(format!("{endpoint}: {error}"));
        let endpoint = Endpoint::from_shared(format!("http://{address}")).map_err(refused)?.tcp_nodelay(true);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| BenchError::Server(format!("no client threads: {error}")))?;
        let channel = runtime.block_on(endpoint.connect()).map_err(refused)?;
        let client = FlightServiceClient::new(channel).max_decoding_message_size(usize::MAX);
        Ok(Self { runtime, client: FlightSqlServiceClient::new_from_inner(client) })
    }
}

impl FlightTarget {
    /// Runs a prepared query whose one parameter is a whole number.
    pub(crate) fn execute_with_id(
        &mut self,
        prepared: &mut PreparedStatement<Channel>,
        id: i64,
    ) -> Result<Answer, BenchError> {
        let schema = Arc::new(Schema::new(vec![Field::new("$1", DataType::Int64, false)]));
        let row = RecordBatch::try_new(schema, vec![Arc::new(Int64Array::from(vec![id]))])?;
        self.execute_with(prepared, row)
    }

    fn execute_with(
        &mut self,
        prepared: &mut PreparedStatement<Channel>,
        row: RecordBatch,
    ) -> Result<Answer, BenchError> {
        let Self { runtime, client } = self;
        prepared.set_parameters(row).map_err(failed)?;
        runtime.block_on(async {
            let info = prepared.execute().await.map_err(failed)?;
            fetch(client, info).await
        })
    }
}

impl Target for FlightTarget {
    type Prepared = PreparedStatement<Channel>;

    fn query(&mut self, sql: &str) -> Result<Answer, BenchError> {
        let Self { runtime, client } = self;
        runtime.block_on(async {
            let info = client.execute(sql.to_owned(), None).await.map_err(failed)?;
            fetch(client, info).await
        })
    }

    fn prepare(&mut self, sql: &str) -> Result<Self::Prepared, BenchError> {
        self.runtime.block_on(self.client.prepare(sql.to_owned(), None)).map_err(failed)
    }

    fn execute(&mut self, prepared: &mut Self::Prepared, parameters: &[f64]) -> Result<Answer, BenchError> {
        let row = one_row(parameters)?;
        self.execute_with(prepared, row)
    }
}

async fn fetch(client: &mut FlightSqlServiceClient<Channel>, info: FlightInfo) -> Result<Answer, BenchError> {
    let mut batches = Vec::new();
    for endpoint in info.endpoint {
        let ticket =
            endpoint.ticket.ok_or_else(|| BenchError::WrongAnswer("an endpoint without a ticket".to_owned()))?;
        let stream = client.do_get(ticket).await.map_err(failed)?;
        batches.extend(stream.try_collect::<Vec<RecordBatch>>().await.map_err(failed)?);
    }
    Ok(Answer { batches })
}

fn one_row(parameters: &[f64]) -> Result<RecordBatch, BenchError> {
    let fields: Vec<Field> =
        (1..=parameters.len()).map(|number| Field::new(format!("${number}"), DataType::Float64, false)).collect();
    let columns = parameters.iter().map(|value| Arc::new(Float64Array::from(vec![*value])) as ArrayRef).collect();
    Ok(RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)?)
}

fn failed(error: impl std::fmt::Display) -> BenchError {
    BenchError::Query(error.to_string())
}
