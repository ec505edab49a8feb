//! Direct statements: rows, schemas, errors, refusals, hostile texts, cancelling.

use arrow::array::AsArray;
use arrow::datatypes::{Int64Type, Schema};
use arrow_flight::flight_descriptor::DescriptorType;
use arrow_flight::sql::{Any, CommandStatementQuery, ProstMessageExt};
use arrow_flight::{
    Action, CancelFlightInfoRequest, CancelFlightInfoResult, CancelStatus, FlightDescriptor, FlightInfo, IpcMessage,
    Ticket,
};
use futures::{StreamExt, TryStreamExt};
use prost::Message;
use tonic::Code;

use crate::server::{Client, Server, count, fetch, open, rows};

/// Gives rows for as long as somebody reads.
const ENDLESS: &str = "SELECT a.ra FROM hipparcos2 AS a, hipparcos2 AS b WHERE a.ra + b.ra > 1e-5";

#[tokio::test]
async fn an_answer_is_what_was_promised() {
    let server = Server::start();
    let mut client = server.client().await;
    let text = "SELECT name, ra, dec, vmag FROM openngc WHERE vmag < 9";
    let info = client.execute(text.to_owned(), None).await.expect("a description");
    let promised = Schema::try_from(IpcMessage(info.schema.clone())).expect("a schema");
    assert_eq!(promised.field(1).metadata()["unit"], "deg");
    assert_eq!((info.total_records, info.total_bytes), (-1, -1));
    let batches = fetch(&mut client, &info).await.expect("rows");
    assert!(count(&batches) > 10);
    assert!(batches.iter().all(|batch| *batch.schema() == promised));
    assert_eq!(count(&fetch(&mut client, &info).await.expect("rows again")), count(&batches));
}

#[tokio::test]
async fn no_rows_still_have_a_schema() {
    let server = Server::start();
    let mut client = server.client().await;
    let info = client.execute("SELECT ra FROM hipparcos2 WHERE ra < -1".to_owned(), None).await.expect("a description");
    let mut stream = open(&mut client, &info).await.expect("a stream");
    assert!(stream.next().await.is_none());
    assert_eq!(stream.schema().expect("a schema").field(0).name(), "ra");
}

#[tokio::test]
async fn texts_paths_schemas_and_polls_are_answered() {
    let server = Server::start();
    let mut client = server.client().await;
    let inner = client.inner_mut();
    let text = "SELECT COUNT(*) AS n FROM hipparcos2";
    let plain = FlightDescriptor::new_cmd(text);
    let command = CommandStatementQuery { query: text.to_owned(), transaction_id: None };
    let wrapped = FlightDescriptor::new_cmd(command.as_any().encode_to_vec());
    for descriptor in [plain, wrapped] {
        let schema = inner.get_schema(descriptor.clone()).await.expect("a schema").into_inner().schema;
        assert_eq!(Schema::try_from(IpcMessage(schema)).expect("a schema").field(0).name(), "n");
        let mut poll = inner.poll_flight_info(descriptor.clone()).await.expect("a poll").into_inner();
        while let Some(next) = poll.flight_descriptor {
            poll = inner.poll_flight_info(next).await.expect("a poll").into_inner();
        }
        let whole = poll.info.expect("a description");
        assert_eq!((poll.progress, whole.total_records, whole.endpoint.len()), (Some(1.0), 1, 1));
        let mut request = tonic::Request::new(descriptor);
        request.metadata_mut().insert("x-sidereus-estimate", "true".parse().expect("a value"));
        let told = inner.get_flight_info(request).await.expect("a description").into_inner().app_metadata;
        let told: serde_json::Value = serde_json::from_slice(&told).expect("JSON");
        assert_eq!(told["estimate"]["rows"], 1, "{told}");
        assert!(told["estimate"]["rows_read"].as_u64() > Some(50_000) && told["query_id"].is_string(), "{told}");
    }
    let path = FlightDescriptor {
        r#type: DescriptorType::Path.into(),
        path: vec!["public".to_owned(), "openngc".to_owned()],
        ..FlightDescriptor::default()
    };
    assert!(inner.get_flight_info(path).await.is_ok());
    assert!(client.do_get(Ticket::new(text)).await.expect("rows").try_next().await.expect("rows").is_some());
}

#[tokio::test]
async fn errors_point_at_their_place() {
    let server = Server::start();
    let mut client = server.client().await;
    let error = rows(&mut client, "SELECT ra FROM hipparcos2\n  WHERE DISTANCES(ra, dec, 10, 20) < 1")
        .await
        .expect_err("an error");
    assert_eq!(error.code(), Code::InvalidArgument);
    assert!(error.message().starts_with("line 2, column 9: unknown function DISTANCES"), "{}", error.message());
    assert!(error.message().contains("        ^^^^^^^^^ did you mean DISTANCE?"), "{}", error.message());
    let places = error.metadata().get_bin("x-sidereus-errors-bin").expect("places").to_bytes().expect("bytes");
    let places: serde_json::Value = serde_json::from_slice(&places).expect("JSON");
    assert_eq!((&places[0]["line"], &places[0]["column"]), (&2.into(), &9.into()));
}

#[tokio::test]
async fn whatever_is_no_query_is_refused() {
    let server = Server::start();
    let mut client = server.client().await;
    for refused in [
        "COPY openngc TO '/tmp/out.csv'",
        "EXPLAIN ANALYZE COPY openngc TO '/tmp/out.csv'",
        "CREATE EXTERNAL TABLE t STORED AS CSV LOCATION '/etc/passwd'",
        "EXPLAIN CREATE EXTERNAL TABLE t STORED AS CSV LOCATION '/etc/passwd'",
        "SET datafusion.execution.batch_size = 1",
        "EXPLAIN ANALYZE SET datafusion.execution.batch_size = 1",
        "SELECT * FROM '/etc/hostname'",
        "EXPLAIN ANALYZE SELECT * FROM '/etc/hostname'",
        "SELECT * FROM \"/etc/hostname\"",
        "DROP TABLE openngc",
        "SELECT 1; SELECT 2",
        "",
    ] {
        let error = rows(&mut client, refused).await.expect_err(refused);
        assert!(
            matches!(error.code(), Code::InvalidArgument | Code::PermissionDenied | Code::NotFound),
            "{refused}: {error}"
        );
        assert!(!error.message().is_empty(), "{refused}");
        assert!(client.execute_update(refused.to_owned(), None).await.is_err(), "{refused}");
        assert!(client.prepare(refused.to_owned(), None).await.is_err(), "{refused}");
    }
    let literal = rows(&mut client, "SELECT TOP 1 'COPY (x) TO y' AS copy FROM openngc").await.expect("an answer");
    assert_eq!(literal[0].column(0).as_string::<i32>().value(0), "COPY (x) TO y");
    let update = client.execute_update("SELECT ra FROM openngc".to_owned(), None).await.expect_err("no update");
    assert!(update.to_string().contains("updates nothing"), "{update}");
}

#[tokio::test]
async fn hostile_texts_end_in_an_error_or_an_answer() {
    let server = Server::start();
    let mut client = server.client().await;
    let conditions: Vec<String> = (0..5000).map(|n| format!("(ra > {n} AND dec < {n})")).collect();
    let hostile = [
        format!("SELECT ra FROM openngc WHERE {}", conditions.join(" OR ")),
        format!("SELECT {} AS a FROM openngc", vec!["1"; 10_000].join(" + ")),
        format!("SELECT {}1{} AS a FROM openngc", "(".repeat(1000), ")".repeat(1000)),
        "(".repeat(200_000),
    ];
    for text in hostile {
        if let Err(error) = rows(&mut client, &text).await {
            assert!(matches!(error.code(), Code::InvalidArgument | Code::ResourceExhausted), "{error}");
            assert!(error.message().len() < 16_000);
        }
    }
    assert_eq!(
        total(
            &mut client,
            &format!("SELECT COUNT(*) AS n FROM openngc WHERE {}1 = 1{}", "(".repeat(40), ")".repeat(40))
        )
        .await,
        14_026
    );
}

#[tokio::test]
async fn an_action_stops_a_running_query() {
    let server = Server::start();
    let mut client = server.client().await;
    let info = client.execute(ENDLESS.to_owned(), None).await.expect("a description");
    assert_eq!(cancel(&mut client, &info).await, CancelStatus::NotCancellable, "it does not run yet");
    let mut stream = open(&mut client, &info).await.expect("a stream");
    stream.next().await.expect("a batch").expect("a batch");
    assert_eq!(cancel(&mut client, &info).await, CancelStatus::Cancelled);
    let error = stream.try_for_each(|_| async { Ok(()) }).await.expect_err("an end");
    assert_eq!(crate::server::status(error).code(), Code::Cancelled);
    assert_eq!(cancel(&mut client, &info).await, CancelStatus::NotCancellable, "it has ended");
}

#[tokio::test]
async fn a_stream_that_is_dropped_stops_its_query() {
    let server = Server::start();
    let mut client = server.client().await;
    let info = client.execute(ENDLESS.to_owned(), None).await.expect("a description");
    let mut stream = open(&mut client, &info).await.expect("a stream");
    stream.next().await.expect("a batch").expect("a batch");
    drop(stream);
    // The query leaves the list of those that run when the server drops it.
    for _ in 0..100 {
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        if cancel(&mut client, &info).await == CancelStatus::NotCancellable {
            return;
        }
    }
    panic!("the query went on");
}

#[tokio::test]
async fn tickets_cannot_be_made_up() {
    let server = Server::start();
    let mut client = server.client().await;
    let info = client.execute("SELECT ra FROM openngc".to_owned(), None).await.expect("a description");
    let ticket = info.endpoint[0].ticket.clone().expect("a ticket").ticket;
    let mut forged = ticket.to_vec();
    *forged.last_mut().expect("a byte") ^= 1;
    for bytes in [forged, Any::default().encode_to_vec(), vec![0xff; 40], Vec::new()] {
        let Err(error) = client.do_get(Ticket::new(bytes)).await else { panic!("a forged ticket was taken") };
        assert!(matches!(crate::server::status(error).code(), Code::NotFound | Code::InvalidArgument));
    }
}

async fn cancel(client: &mut Client, info: &FlightInfo) -> CancelStatus {
    let body = CancelFlightInfoRequest { info: Some(info.clone()) }.encode_to_vec();
    let action = Action { r#type: "CancelFlightInfo".to_owned(), body: body.into() };
    let result =
        client.do_action(action).await.expect("an answer").message().await.expect("a result").expect("a result");
    CancelFlightInfoResult::decode(result.body).expect("a result").status()
}

async fn total(client: &mut Client, text: &str) -> i64 {
    rows(client, text).await.expect("a count")[0].column(0).as_primitive::<Int64Type>().value(0)
}
