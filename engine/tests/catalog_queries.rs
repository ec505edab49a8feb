//! Registered catalogs asked by ADQL: every row of every fixture, damaged ones, and the tables that describe tables.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up ends here")]

mod catalog_support;

use std::sync::Arc;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::Int64Type;
use arrow::util::display::array_value_to_string;
use catalog_support::{names, open, properties, rows, shared_data, write, write_catalog, write_parquet};
use futures::TryStreamExt;
use sidereus_engine::{
    CatalogOverrides, CatalogRegistry, EngineError, EngineOptions, ErrorKind, Label, Principal, QueryRequest,
    QueryService, TableName, TableOverride,
};

fn service(registry: CatalogRegistry) -> QueryService {
    QueryService::try_new(Arc::new(registry), EngineOptions::default()).unwrap()
}

async fn ask_as(service: &QueryService, principal: &Principal, text: &str) -> Result<Vec<RecordBatch>, EngineError> {
    service.run(principal, &QueryRequest::new(text, Label::Adql)).await?.stream.try_collect().await
}

/// Rows as texts, cells separated by a space; what is null is `-`.
async fn ask(service: &QueryService, text: &str) -> Vec<String> {
    let batches =
        ask_as(service, &Principal::anonymous(), text).await.unwrap_or_else(|error| panic!("{text}: {error}"));
    let cell = |column: &dyn Array, row| match column.is_null(row) {
        true => "-".to_owned(),
        false => array_value_to_string(column, row).unwrap(),
    };
    let line =
        |batch: &RecordBatch, row| batch.columns().iter().map(|column| cell(column, row)).collect::<Vec<_>>().join(" ");
    batches.iter().flat_map(|batch| (0..batch.num_rows()).map(|row| line(batch, row)).collect::<Vec<_>>()).collect()
}

async fn count(service: &QueryService, table: &str) -> i64 {
    let text = format!("SELECT COUNT(*) AS n FROM {table}");
    let batches =
        ask_as(service, &Principal::anonymous(), &text).await.unwrap_or_else(|error| panic!("{table}: {error}"));
    batches[0].column(0).as_primitive::<Int64Type>().value(0)
}

#[tokio::test]
async fn every_row_of_every_fixture_is_read() {
    let Some(data) = shared_data() else { return };
    for folder in ["hats_fixtures/hats", "hats_fixtures/hats-import", "hats_fixtures/lsdb", "hats_real"] {
        let registry = open(&data.join(folder)).await;
        let expected: Vec<_> = registry.tables().iter().map(|table| (table.name.to_string(), table.rows)).collect();
        let service = service(registry);
        for (name, rows) in expected {
            assert_eq!(u64::try_from(count(&service, &name).await).ok(), rows, "{folder}: {name}");
            let wide = ask_as(&service, &Principal::anonymous(), &format!("SELECT TOP 3 * FROM {name}")).await;
            assert!(wide.is_ok(), "{folder}: {name}: {wide:?}");
        }
    }
}

#[tokio::test]
async fn a_leaf_that_is_missing_is_an_error_and_no_empty_answer() {
    let root = tempfile::tempdir().unwrap();
    write_catalog(&root.path().join("stars"), "stars");
    write(&root.path().join("stars/partition_info.csv"), "Norder,Npix\n0,4\n0,5\n");
    let service = service(open(root.path()).await);
    for text in ["SELECT COUNT(*) FROM stars", "SELECT id FROM stars", "SELECT SUM(ra) FROM stars"] {
        let error = ask_as(&service, &Principal::anonymous(), text).await.unwrap_err();
        assert!(error.to_string().contains("Npix=5.parquet"), "{error}");
    }
}

#[tokio::test]
async fn a_leaf_with_other_columns_is_an_error() {
    let root = tempfile::tempdir().unwrap();
    let stars = root.path().join("stars");
    write_catalog(&stars, "stars");
    write(&stars.join("partition_info.csv"), "Norder,Npix\n0,4\n0,5\n");
    let narrow = rows(5).project(&[0, 1, 3]).unwrap();
    write_parquet(&stars.join("dataset/Norder=0/Dir=0/Npix=5.parquet"), &narrow);
    let service = service(open(root.path()).await);
    let error = ask_as(&service, &Principal::anonymous(), "SELECT ra, dec FROM stars").await.unwrap_err();
    assert!(error.to_string().contains("dec"), "{error}");
}

#[tokio::test]
async fn tap_schema_is_queried_under_any_case() {
    let root = tempfile::tempdir().unwrap();
    write_catalog(&root.path().join("stars"), "stars");
    let described = properties("stars") + "obs_description=Some stars\n";
    write(&root.path().join("stars/hats.properties"), &described);
    let service = service(open(root.path()).await);
    let tables = "SELECT table_name, table_type, description FROM TAP_SCHEMA.tables WHERE schema_name = 'public'";
    assert_eq!(ask(&service, tables).await, ["public.stars table Some stars"]);
    let columns = "SELECT column_name, datatype, arraysize, \"size\", indexed FROM Tap_Schema.Columns \
                   WHERE table_name = 'public.stars' ORDER BY column_index";
    let expected = ["id long - - 0", "ra double - - 1", "dec double - - 1", "\"_healpix_29\" long - - 1"];
    assert_eq!(ask(&service, columns).await, expected);
    assert_eq!(count(&service, "tap_schema.key_columns").await, 5);
    let types = "SELECT data_type FROM information_schema.columns WHERE table_name = 'stars' AND column_name = 'ra'";
    assert_eq!(ask(&service, types).await, ["double precision"]);
}

#[tokio::test]
async fn every_described_table_and_column_can_be_queried_as_it_is_written() {
    let Some(data) = shared_data() else { return };
    let service = service(open(&data.join("hats_fixtures/hats-import")).await);
    for line in ask(&service, "SELECT table_name, column_name FROM TAP_SCHEMA.columns").await {
        let (table, column) = line.split_once(' ').unwrap();
        let text = format!("SELECT TOP 1 {column} FROM {table}");
        let answer = ask_as(&service, &Principal::anonymous(), &text).await;
        assert!(answer.is_ok(), "{text}: {answer:?}");
    }
}

#[tokio::test]
async fn tables_of_a_group_exist_for_its_members_only() {
    let root = tempfile::tempdir().unwrap();
    write_catalog(&root.path().join("stars"), "stars");
    write_parquet(&root.path().join("secret.parquet"), &rows(2));
    let secret = TableName { schema: "public".into(), table: "secret".into() };
    let setting = TableOverride { groups: Some(vec!["team".into()]), ..TableOverride::default() };
    let overrides = CatalogOverrides::from([(secret, setting)]);
    let registry = CatalogRegistry::open_with(&[root.path().display().to_string()], &overrides).await.unwrap();
    assert_eq!(names(&registry), ["public.secret", "public.stars"]);
    let service = service(registry);
    let (anonymous, member) = (Principal::anonymous(), Principal::user("ada", ["team".to_owned()]));

    let error = ask_as(&service, &anonymous, "SELECT id FROM secret").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
    assert!(ask_as(&service, &member, "SELECT id FROM secret").await.is_ok());
    let tables = |principal| service.tables(principal).iter().map(|table| table.name.to_string()).collect::<Vec<_>>();
    assert!(tables(&member).contains(&"public.secret".to_owned()));
    assert!(!tables(&anonymous).contains(&"public.secret".to_owned()));
    assert!(tables(&anonymous).contains(&"tap_schema.columns".to_owned()));
    for schema_table in
        ["TAP_SCHEMA.tables", "TAP_SCHEMA.columns", "information_schema.tables", "information_schema.columns"]
    {
        let text = format!("SELECT COUNT(*) FROM {schema_table} WHERE table_name LIKE '%secret%'");
        assert_eq!(ask(&service, &text).await, ["0"], "{schema_table}");
    }
}

#[tokio::test]
async fn plain_tables_are_asked_by_their_names() {
    let root = tempfile::tempdir().unwrap();
    write_parquet(&root.path().join("My Table.parquet"), &rows(2));
    write_parquet(&root.path().join("survey/deep-field/a.parquet"), &rows(3));
    let service = service(open(root.path()).await);
    assert_eq!(count(&service, "\"My Table\"").await, 2);
    assert_eq!(count(&service, "survey.\"deep-field\"").await, 3);
    let error = ask_as(&service, &Principal::anonymous(), "SELECT id FROM \"my table\"").await.unwrap_err();
    assert!(error.to_string().contains("My Table"), "{error}");
}
