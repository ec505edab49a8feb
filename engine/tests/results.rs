//! Are answers what an independent tool says? Runs every `slt/*.slt` over the bundled catalogs, under both labels.
//!
//! `onlyif adql` and `onlyif sql` mark records where the two languages differ.

mod support;

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, SchemaRef};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use async_trait::async_trait;
use futures::TryStreamExt;
use sidereus_engine::{EngineError, Label, Principal, QueryRequest, QueryService};
use sqllogictest::{AsyncDB, DBOutput, DefaultColumnType, Runner};
use support::{root, service};

struct Database {
    service: QueryService,
    label: Label,
}

#[async_trait]
impl AsyncDB for Database {
    type Error = EngineError;
    type ColumnType = DefaultColumnType;

    async fn run(&mut self, sql: &str) -> Result<DBOutput<DefaultColumnType>, EngineError> {
        let result = self.service.run(&Principal::anonymous(), &QueryRequest::new(sql, self.label)).await?;
        let types = types(&result.schema);
        let batches: Vec<RecordBatch> = result.stream.try_collect().await?;
        Ok(DBOutput::Rows { types, rows: batches.iter().flat_map(rows).collect() })
    }

    async fn shutdown(&mut self) {}

    fn engine_name(&self) -> &'static str {
        match self.label {
            Label::Adql => "adql",
            Label::Sql => "sql",
        }
    }
}

fn types(schema: &SchemaRef) -> Vec<DefaultColumnType> {
    let kind = |kind: &DataType| match kind {
        kind if kind.is_integer() => DefaultColumnType::Integer,
        kind if kind.is_floating() => DefaultColumnType::FloatingPoint,
        _ => DefaultColumnType::Text,
    };
    schema.fields().iter().map(|field| kind(field.data_type())).collect()
}

/// Values as text: `NULL`, floats in the shortest form that reads back, an empty string as `(empty)`.
fn rows(batch: &RecordBatch) -> Vec<Vec<String>> {
    let options = FormatOptions::new().with_null("NULL");
    let columns: Vec<ArrayFormatter<'_>> = batch
        .columns()
        .iter()
        .map(|column| ArrayFormatter::try_new(column, &options).expect("every type can be shown"))
        .collect();
    let text = |column: &ArrayFormatter<'_>, row: usize| match column.value(row).to_string() {
        text if text.is_empty() => "(empty)".to_owned(),
        text => text,
    };
    (0..batch.num_rows()).map(|row| columns.iter().map(|column| text(column, row)).collect()).collect()
}

async fn run(label: Label) {
    let service = service(&[root().join("testdata/catalogs")]).await;
    let folder = root().join("engine/tests/slt");
    let mut files: Vec<_> = std::fs::read_dir(&folder)
        .expect("the folder of result files")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "slt"))
        .collect();
    files.sort();
    assert!(!files.is_empty(), "no result files in {}", folder.display());
    for file in files {
        let mut runner = Runner::new(|| {
            let service = service.clone();
            async move { Ok(Database { service, label }) }
        });
        if let Err(error) = runner.run_file_async(&file).await {
            panic!("{label:?}: {}", error.display(false));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn results_are_as_stated_under_adql() {
    run(Label::Adql).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn results_are_as_stated_under_sql() {
    run(Label::Sql).await;
}

/// Units of the result columns of a query as it is prepared and as it runs.
async fn units(service: &QueryService, text: &str) -> Vec<String> {
    let (nobody, request) = (Principal::anonymous(), QueryRequest::new(text, Label::Adql));
    let noted = |schema: &SchemaRef| -> Vec<String> {
        schema.fields().iter().map(|field| field.metadata().get("unit").cloned().unwrap_or_default()).collect()
    };
    let prepared = noted(service.prepare(&nobody, &request).await.expect("the query is right").schema());
    let result = service.run(&nobody, &request).await.expect("the query runs");
    let batches: Vec<RecordBatch> = result.stream.try_collect().await.expect("the query ends");
    assert_eq!(prepared, noted(&result.schema), "{text}");
    assert!(batches.iter().all(|batch| prepared == noted(&batch.schema())), "{text}");
    prepared
}

#[tokio::test(flavor = "multi_thread")]
async fn units_reach_the_result() {
    let service = service(&[root().join("testdata/catalogs")]).await;
    let derived = "SELECT TOP 1 plx, 2 * plx AS a, IN_UNIT(pmra, 'deg/yr') AS b, pmra / plx AS c, ra + plx AS d, \
                   DISTANCE(ra, dec, 1, 2) AS e FROM hipparcos2";
    assert_eq!(units(&service, derived).await, ["mas", "mas", "deg.yr**-1", "yr**-1", "", "deg"]);
    let nested =
        "SELECT MAX(t.w) AS top, COUNT(*) AS n FROM (SELECT plx * plx AS w FROM hipparcos2 WHERE hip < 9) AS t";
    assert_eq!(units(&service, nested).await, ["mas**2", ""]);
    let united =
        "SELECT plx + e_plx AS s FROM hipparcos2 WHERE hip = 1 UNION ALL SELECT hpmag FROM hipparcos2 WHERE hip = 2";
    assert_eq!(units(&service, united).await, ["mas"]);
    assert_eq!(units(&service, "SELECT plx AS p FROM hipparcos2 WHERE hip = 3").await, ["mas"]);
}
