//! What do statements see when a catalog is replaced, and does an answer say what it was made of?

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::array::{ArrayRef, AsArray, Float64Array, Int64Array, RecordBatch};
use arrow::datatypes::Int64Type;
use sidereus_engine::{Provenance, WriteOptions, write_catalog};
use tonic::Code;

use crate::server::{Client, Server, fetch, open, rows, status};

const SUM: &str = "SELECT SUM(id) AS total FROM stars";

/// Writes `stars` with so many rows; the columns of the second kind are others.
fn write(folder: &Path, count: i64, other: bool) {
    let id: ArrayRef = match other {
        false => Arc::new(Int64Array::from_iter_values(0..count)),
        true => Arc::new(Float64Array::from_iter_values((0..count).map(|id| id as f64))),
    };
    let degrees =
        |step: f64| Arc::new(Float64Array::from_iter_values((0..count).map(|id| id as f64 * step))) as ArrayRef;
    let batch = RecordBatch::try_from_iter([("id", id), ("ra", degrees(0.1)), ("dec", degrees(0.01))]);
    write_catalog(&[batch.expect("a batch")], &WriteOptions::new("stars"), folder).expect("a catalog");
}

fn lead(root: &Path, version: &Path) {
    symlink(version, root.join(".next")).expect("a link");
    fs::rename(root.join(".next"), root.join("stars")).expect("it is published");
}

async fn total(client: &mut Client, text: &str) -> i64 {
    let batches = rows(client, text).await.unwrap_or_else(|error| panic!("{text}: {error}"));
    batches[0].column(0).as_primitive::<Int64Type>().value(0)
}

/// Waits until the server has noticed that a table is another one.
async fn noticed(client: &mut Client, text: &str, expected: &str) {
    let began = Instant::now();
    loop {
        let info = client.execute(text.to_owned(), None).await.expect("a description");
        let snapshots = info.try_decode_schema().expect("a schema").metadata[Provenance::SNAPSHOTS].clone();
        if snapshots != expected {
            return;
        }
        assert!(began.elapsed() < Duration::from_secs(60), "{snapshots} is still served");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

#[tokio::test]
async fn the_next_run_of_a_statement_sees_the_new_version_unless_it_names_one() {
    let folder = tempfile::tempdir().expect("a folder");
    let root = folder.path().join("root");
    fs::create_dir(&root).expect("a folder");
    let versions = [(10, false), (20, false), (30, true)].map(|(count, other)| {
        let version = folder.path().join(count.to_string());
        write(&version, count, other);
        version
    });
    lead(&root, &versions[0]);
    let server = Server::start_with(&["--catalogs", &root.display().to_string()], &[]);
    let mut client = server.client().await;
    let info = client.execute(SUM.to_owned(), None).await.expect("a description");
    let described = info.clone().try_decode_schema().expect("a schema");
    let first = described.metadata[Provenance::SNAPSHOTS].clone();
    let named = described.metadata[Provenance::QUERY].clone();
    assert_eq!(named, SUM.replace("stars", &first), "the query with the snapshot");
    let mut plain = client.prepare(SUM.to_owned(), None).await.expect("a statement");
    let mut pinned = client.prepare(named.clone(), None).await.expect("a statement");
    for statement in [&mut plain, &mut pinned] {
        let info = statement.execute().await.expect("a description");
        let mut stream = open(&mut client, &info).await.expect("rows");
        let batch = futures::StreamExt::next(&mut stream).await.expect("a batch").expect("a batch");
        assert_eq!(batch.column(0).as_primitive::<Int64Type>().value(0), 45);
        let schema = stream.schema().expect("a schema");
        assert_eq!(schema.metadata()[Provenance::QUERY], named);
        assert!(schema.metadata().values().all(|value| !value.contains(&folder.path().display().to_string())));
    }

    lead(&root, &versions[1]);
    noticed(&mut client, SUM, &first).await;
    let second = client.execute(SUM.to_owned(), None).await.expect("a description");
    let second = second.try_decode_schema().expect("a schema").metadata[Provenance::SNAPSHOTS].clone();
    for (statement, expected) in [(&mut plain, 190), (&mut pinned, 45)] {
        let info = statement.execute().await.expect("a description");
        let found = fetch(&mut client, &info).await.expect("rows");
        assert_eq!(found[0].column(0).as_primitive::<Int64Type>().value(0), expected);
    }
    // A ticket that was given out before is good for what is served now.
    let found = fetch(&mut client, &info).await.expect("rows");
    assert_eq!(found[0].column(0).as_primitive::<Int64Type>().value(0), 190);
    assert_eq!(total(&mut client, &named).await, 45);

    lead(&root, &versions[2]);
    noticed(&mut client, SUM, &second).await;
    let error = plain.execute().await.map_err(status).expect_err("other columns");
    assert_eq!(error.code(), Code::FailedPrecondition, "{error}");
    assert!(error.message().contains("prepare the query again"), "{error}");
    let info = pinned.execute().await.expect("a description");
    let found = fetch(&mut client, &info).await.expect("rows");
    assert_eq!(found[0].column(0).as_primitive::<Int64Type>().value(0), 45);
}
