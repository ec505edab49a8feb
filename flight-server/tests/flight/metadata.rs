//! What drivers ask before and beside queries.

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::{Schema, UInt32Type};
use arrow_flight::sql::{
    CommandGetCrossReference, CommandGetDbSchemas, CommandGetExportedKeys, CommandGetImportedKeys,
    CommandGetPrimaryKeys, CommandGetTables, CommandGetXdbcTypeInfo,
};
use arrow_flight::{Criteria, FlightInfo, IpcMessage};
use futures::TryStreamExt;

use crate::server::{Client, Server, count, fetch};

#[tokio::test]
async fn every_metadata_command_gives_what_it_promised() {
    let server = Server::start();
    let mut client = server.client().await;
    let one = |rows: Vec<RecordBatch>, column: usize| -> Vec<String> {
        rows.iter()
            .flat_map(|batch| {
                batch.column(column).as_string::<i32>().iter().flatten().map(str::to_owned).collect::<Vec<_>>()
            })
            .collect()
    };
    let info = client.get_catalogs().await.expect("catalogs");
    assert_eq!(one(promised(&mut client, info).await, 0), ["sidereus"]);
    let info = client.get_db_schemas(CommandGetDbSchemas::default()).await.expect("schemas");
    assert!(one(promised(&mut client, info).await, 1).contains(&"public".to_owned()));
    let info = client.get_table_types().await.expect("types");
    assert_eq!(one(promised(&mut client, info).await, 0), ["TABLE", "VIEW"]);
    let wanted = CommandGetTables {
        table_name_filter_pattern: Some("hip%".to_owned()),
        include_schema: true,
        ..CommandGetTables::default()
    };
    let info = client.get_tables(wanted).await.expect("tables");
    let tables = promised(&mut client, info).await;
    let bytes = tables[0].column(4).as_binary::<i32>().value(0).to_vec();
    let schema = Schema::try_from(IpcMessage(bytes.into())).expect("a schema");
    assert_eq!(schema.field_with_name("ra").expect("ra").metadata()["unit"], "deg");
    assert_eq!(one(tables, 2), ["hipparcos2"]);
}

#[tokio::test]
async fn every_code_of_sql_info_is_answered() {
    let server = Server::start();
    let mut client = server.client().await;
    let info = client.get_sql_info(Vec::new()).await.expect("a description");
    let rows = promised(&mut client, info).await;
    let codes: Vec<u32> =
        rows.iter().flat_map(|batch| batch.column(0).as_primitive::<UInt32Type>().values().to_vec()).collect();
    let expected: Vec<u32> = [0..=11, 100..=101, 500..=576].into_iter().flatten().collect();
    assert_eq!(codes, expected);
}

#[tokio::test]
async fn keys_are_empty_and_types_are_not() {
    let server = Server::start();
    let mut client = server.client().await;
    let infos = [
        client.get_primary_keys(CommandGetPrimaryKeys::default()).await,
        client.get_exported_keys(CommandGetExportedKeys::default()).await,
        client.get_imported_keys(CommandGetImportedKeys::default()).await,
        client.get_cross_reference(CommandGetCrossReference::default()).await,
    ];
    for info in infos {
        assert_eq!(count(&promised(&mut client, info.expect("a description")).await), 0);
    }
    let info = client.get_xdbc_type_info(CommandGetXdbcTypeInfo::default()).await.expect("a description");
    assert!(count(&promised(&mut client, info).await) > 5);
}

#[tokio::test]
async fn every_table_is_a_flight() {
    let server = Server::start();
    let mut client = server.client().await;
    let flights = client.inner_mut().list_flights(Criteria { expression: "openngc".into() }).await.expect("flights");
    let flights: Vec<FlightInfo> = flights.into_inner().try_collect().await.expect("flights");
    let [openngc] = &flights[..] else { panic!("{} flights", flights.len()) };
    let rows = promised(&mut client, openngc.clone()).await;
    assert_eq!(i64::try_from(count(&rows)).expect("a count"), openngc.total_records);
}

#[tokio::test]
async fn transactions_are_refused_with_a_reason() {
    let server = Server::start();
    let mut client = server.client().await;
    let error = client.begin_transaction().await.expect_err("no transactions").to_string();
    assert!(error.contains("no transactions"), "{error}");
}

/// The rows of a description, whose columns they must have.
async fn promised(client: &mut Client, info: FlightInfo) -> Vec<RecordBatch> {
    let schema = Schema::try_from(IpcMessage(info.schema.clone())).expect("a schema");
    let rows = fetch(client, &info).await.expect("rows");
    assert!(rows.iter().all(|batch| batch.schema().fields() == schema.fields()));
    rows
}
