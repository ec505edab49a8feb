//! Prepared statements: parameters, truth, long texts.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Float64Array, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Int64Type};
use arrow_flight::FlightData;
use arrow_flight::sql::client::PreparedStatement;
use arrow_flight::sql::{ActionCreatePreparedStatementRequest, CommandPreparedStatementQuery, ProstMessageExt};
use arrow_flight::{Action, FlightDescriptor};
use prost::Message;
use tonic::transport::Channel;
use tonic::{Code, Status};

use crate::server::{Client, Server, count, fetch, status};

#[tokio::test]
async fn every_cone_of_the_truth_is_bound_and_counted() {
    let server = Server::start();
    let mut client = server.client().await;
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../testdata/truth/cones.csv");
    let truth = std::fs::read_to_string(path).expect("the truth");
    let mut cones = 0;
    for line in truth.lines().skip(1) {
        let values: Vec<&str> = line.split(',').collect();
        let [table, _, ra, dec, radius, expected, _, _, xor, _] = values[..] else { panic!("ten columns in {line}") };
        let id = if table == "hipparcos2" { "hip" } else { "source_id" };
        let text = format!(
            "SELECT CAST({id} AS BIGINT) AS id FROM {table} WHERE 1 = CONTAINS(POINT(ra, dec), CIRCLE(?, ?, ?))"
        );
        let mut statement = client.prepare(text, None).await.expect("a statement");
        let types: Vec<_> =
            statement.parameter_schema().expect("parameters").fields().iter().map(|f| f.data_type().clone()).collect();
        assert_eq!(types, vec![DataType::Float64; 3]);
        let values = [ra, dec, radius].map(|value| value.parse::<f64>().expect("a number"));
        let batches = run(&mut client, &mut statement, numbers(&values)).await.expect("rows");
        assert_eq!(count(&batches).to_string(), expected, "{line}");
        let ids = batches.iter().flat_map(|batch| batch.column(0).as_primitive::<Int64Type>().values().to_vec());
        assert_eq!(ids.fold(0, |all, id| all ^ id), xor.parse().unwrap_or(0), "{line}");
        statement.close().await.expect("closed");
        cones += 1;
    }
    assert_eq!(cones, 40);
}

#[tokio::test]
async fn parameters_are_brought_to_their_types_or_refused() {
    let server = Server::start();
    let mut client = server.client().await;
    let text = "SELECT ra FROM hipparcos2 WHERE hip = ?";
    let mut statement = client.prepare(text.to_owned(), None).await.expect("a statement");
    assert_eq!(statement.dataset_schema().expect("a schema").field(0).name(), "ra");
    let float: ArrayRef = Arc::new(Float64Array::from(vec![71683.0]));
    let integer: ArrayRef = Arc::new(Int64Array::from(vec![71683]));
    for value in [float, integer] {
        let rows = run(&mut client, &mut statement, batch([value])).await.expect("rows");
        assert_eq!(count(&rows), 1);
    }
    let word: ArrayRef = Arc::new(StringArray::from(vec!["rigil kentaurus"]));
    let error = run(&mut client, &mut statement, batch([word])).await.expect_err("no number");
    assert!(error.code() == Code::InvalidArgument && error.message().contains("parameter 1"), "{error}");
    let error = run(&mut client, &mut statement, numbers(&[1.0, 2.0])).await.expect_err("two values");
    assert!(error.message().contains("1 parameters, and 2 values"), "{error}");
    let error = statement.execute().await.map_err(status).err();
    assert!(error.is_none_or(|error| error.code() == Code::InvalidArgument));
}

#[tokio::test]
async fn several_rows_are_several_runs() {
    let server = Server::start();
    let mut client = server.client().await;
    let mut statement =
        client.prepare("SELECT hip FROM hipparcos2 WHERE hip = ?".to_owned(), None).await.expect("a statement");
    let ids: ArrayRef = Arc::new(Int64Array::from(vec![3, 1, 2, 1]));
    let rows = run(&mut client, &mut statement, batch([ids])).await.expect("rows");
    let schema = rows[0].schema();
    let hips = arrow::compute::concat_batches(&schema, &rows).expect("rows");
    let hips = arrow::compute::cast(hips.column(0), &DataType::Int64).expect("integers");
    assert_eq!(hips.as_primitive::<Int64Type>().values(), &[3, 1, 2, 1]);
}

#[tokio::test]
async fn a_text_too_long_for_tickets_is_kept_by_the_server() {
    let server = Server::start();
    let mut client = server.client().await;
    let ids: Vec<String> = (1..=50_000).map(|id| id.to_string()).collect();
    let text = format!("SELECT hip FROM hipparcos2 WHERE hip IN ({})", ids.join(","));
    let handle = handle_of(&mut client, &text).await;
    assert!(handle.len() < 1000, "{} bytes", handle.len());
    let mut statement = client.prepare(text, None).await.expect("a statement");
    let info = statement.execute().await.expect("a description");
    assert!(info.encoded_len() < 10_000, "{} bytes", info.encoded_len());
    statement.close().await.expect("closed");
    assert!(count(&fetch(&mut client, &info).await.expect("rows")) > 40_000, "closing stops nothing");
}

/// Binds one batch and runs the statement.
async fn run(
    client: &mut Client,
    statement: &mut PreparedStatement<Channel>,
    values: RecordBatch,
) -> Result<Vec<RecordBatch>, Status> {
    statement.set_parameters(values).map_err(|error| Status::internal(error.to_string()))?;
    let info = statement.execute().await.map_err(status)?;
    fetch(client, &info).await
}

async fn handle_of(client: &mut Client, text: &str) -> bytes::Bytes {
    let request = ActionCreatePreparedStatementRequest { query: text.to_owned(), transaction_id: None };
    let action = Action { r#type: "CreatePreparedStatement".to_owned(), body: request.as_any().encode_to_vec().into() };
    let result =
        client.do_action(action).await.expect("an answer").message().await.expect("a result").expect("a result");
    let any = arrow_flight::sql::Any::decode(result.body).expect("a message");
    let created: arrow_flight::sql::ActionCreatePreparedStatementResult =
        any.unpack().expect("a message").expect("its type");
    created.prepared_statement_handle
}

#[tokio::test]
async fn broken_uploads_are_refused() {
    let server = Server::start();
    let mut client = server.client().await;
    let handle = handle_of(&mut client, "SELECT ra FROM openngc WHERE ra > ?").await;
    let command = CommandPreparedStatementQuery { prepared_statement_handle: handle };
    let descriptor = FlightDescriptor::new_cmd(command.as_any().encode_to_vec());
    let garbage =
        FlightData::new().with_descriptor(descriptor).with_data_header(vec![1_u8; 64]).with_data_body(vec![2_u8; 64]);
    for upload in [vec![garbage], vec![FlightData::new()], Vec::new()] {
        let refused = match client.do_put(futures::stream::iter(upload)).await {
            Ok(mut results) => results.message().await.is_err(),
            Err(_) => true,
        };
        assert!(refused);
    }
}

fn numbers(values: &[f64]) -> RecordBatch {
    batch(values.iter().map(|value| Arc::new(Float64Array::from(vec![*value])) as ArrayRef))
}

fn batch(columns: impl IntoIterator<Item = ArrayRef>) -> RecordBatch {
    let columns = columns.into_iter().enumerate().map(|(index, column)| (index.to_string(), column));
    RecordBatch::try_from_iter(columns).expect("a batch")
}
