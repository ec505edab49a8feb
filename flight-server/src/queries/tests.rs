//! Queries through the door, on the bundled catalogs: how they end, how they are stopped, how they wait.

use std::net::{IpAddr, Ipv4Addr};

use arrow::record_batch::RecordBatch;
use futures::{StreamExt, TryStreamExt};
use sidereus_engine::{CatalogRegistry, EngineOptions, ErrorKind, Label, Principal, QueryClass, QueryLimits};

use super::entry::Phase;
use super::*;

const LIMITS: AdmissionLimits = AdmissionLimits {
    queries: 4,
    scans: 2,
    queries_per_user: 2,
    scans_per_user: 1,
    queue: 10,
    queue_per_user: 5,
    wait: Duration::from_secs(60),
};

/// A query that gives no row for hours.
const ENDLESS: &str = "SELECT COUNT(*) AS n FROM hipparcos2 a, hipparcos2 b WHERE a.plx * b.plx < -1e9";
/// One whose rows never end.
const FLOOD: &str = "SELECT a.*, b.* FROM hipparcos2 a JOIN hipparcos2 b ON a.sn = b.sn";
const CONE: &str = "SELECT hip FROM hipparcos2 WHERE DISTANCE(ra, dec, 56.75, 24.12) < 1";

async fn queries(limits: AdmissionLimits) -> Queries {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../testdata/catalogs").to_owned();
    let registry = CatalogRegistry::open(&[root]).await.unwrap();
    let options = EngineOptions { threads: 2, ..EngineOptions::default() };
    Queries::new(QueryService::try_new(registry.into(), options).unwrap(), limits, Metrics::new())
}

fn caller(name: Option<&str>) -> Caller {
    let principal = name.map_or_else(Principal::anonymous, |name| Principal::user(name, []));
    let address = Some(IpAddr::V4(Ipv4Addr::LOCALHOST));
    Caller::new(principal, Origin { protocol: Protocol::Tap, address, request: Some("r1".to_owned()) })
}

fn request(text: &str) -> QueryRequest {
    QueryRequest::new(text, Label::Adql)
}

async fn count(queries: &Queries, name: &str, text: &str) -> Result<usize, EngineError> {
    let result = queries.run(&caller(Some(name)), &request(text)).await?;
    let batches: Vec<RecordBatch> = result.stream.try_collect().await?;
    Ok(batches.iter().map(RecordBatch::num_rows).sum())
}

async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    for _ in 0..500 {
        if holds() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("{what} did not happen in 10 s");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_is_on_the_list_while_it_runs() {
    let queries = queries(LIMITS).await;
    let mut result = queries.run(&caller(None), &request("SELECT * FROM hipparcos2")).await.unwrap();
    let rows = result.stream.next().await.unwrap().unwrap().num_rows() as u64;
    let listed = queries.list();
    let [query] = listed.as_slice() else { panic!("{listed:?}") };
    assert_eq!((query.principal.as_str(), query.phase.name(), query.rows), ("anonymous", "reading", rows));
    assert_eq!(query.text.as_ref(), "SELECT * FROM hipparcos2");
    assert_eq!(query.class, Some(QueryClass::Interactive));
    // What sha256sum says of the text.
    assert_eq!(query.digest, "b3f1a8d111ce805f7c90b2cdda7c10b3fe8b65a46baa5800c8c19c298160bee9");
    assert!(query.bytes > rows * 8 && query.work.cpu > Duration::ZERO && query.first.is_some(), "{query:?}");
    let rest: Vec<RecordBatch> = result.stream.by_ref().try_collect().await.unwrap();
    assert!(rest.iter().map(RecordBatch::num_rows).sum::<usize>() > 50_000);
    assert!(queries.list().is_empty(), "it ends with its last row, whoever holds the result");
    assert_eq!(queries.load(), (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_who_leaves_or_a_wrong_text_leaves_nothing_behind() {
    let queries = queries(LIMITS).await;
    let mut result = queries.run(&caller(None), &request(FLOOD)).await.unwrap();
    assert!(result.stream.next().await.is_some());
    assert_eq!(queries.load(), (1, 0));
    drop(result);
    assert_eq!(queries.load(), (0, 0));
    let error = queries.run(&caller(None), &request("SELECT nothing FROM hipparcos2")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
    let (nobody, endless) = (caller(None), request(ENDLESS));
    let planning = tokio::time::timeout(Duration::from_nanos(1), queries.run(&nobody, &endless));
    assert!(planning.await.is_err());
    assert!(queries.list().is_empty());
    assert_eq!(queries.load(), (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_stops_a_query_whatever_it_does() {
    let queries = queries(LIMITS).await;
    let running = tokio::spawn({
        let queries = queries.clone();
        async move { count(&queries, "a", ENDLESS).await }
    });
    let phase = |queries: &Queries, phase| queries.list().iter().any(|query| query.phase == phase);
    until("running", || phase(&queries, Phase::Running)).await;
    let queued = tokio::spawn({
        let queries = queries.clone();
        async move { count(&queries, "a", ENDLESS).await }
    });
    until("queued", || phase(&queries, Phase::Queued)).await;
    let mut asleep = queries.run(&caller(None), &request(FLOOD)).await.unwrap();
    assert!(asleep.stream.next().await.unwrap().is_ok());
    assert_eq!(queries.list().len(), 3);
    for query in queries.list() {
        assert!(queries.kill(&query.id) && !queries.kill(&query.id));
    }
    assert!(!queries.kill("another"));
    for task in [running, queued] {
        let error = task.await.unwrap().unwrap_err();
        assert!(error.to_string().contains("stopped by the operator"), "{error}");
    }
    until("nobody holds anything, a reader that sleeps neither", || queries.load() == (0, 0)).await;
    assert!(asleep.stream.next().await.unwrap().unwrap_err().to_string().contains("stopped by the operator"));
    assert!(asleep.stream.next().await.is_none() && queries.list().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn small_queries_are_answered_while_scans_run_and_wait() {
    let queries = queries(LIMITS).await;
    let scans: Vec<_> = ["a", "a", "b", "b", "c"]
        .map(|name| {
            let queries = queries.clone();
            tokio::spawn(async move { count(&queries, name, ENDLESS).await })
        })
        .into();
    until("two work", || queries.load() == (2, 3)).await;
    for name in ["a", "b", "c", "d"] {
        assert!(count(&queries, name, CONE).await.unwrap() > 0, "{name}");
    }
    assert_eq!(queries.load(), (2, 3));
    scans.iter().for_each(tokio::task::JoinHandle::abort);
    until("nothing is left", || queries.load() == (0, 0) && queries.list().is_empty()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_too_much_is_sent_away_with_a_time() {
    let queries = queries(AdmissionLimits { queue_per_user: 0, ..LIMITS }).await;
    let scan = tokio::spawn({
        let queries = queries.clone();
        async move { count(&queries, "a", ENDLESS).await }
    });
    until("it works", || queries.load().0 == 1).await;
    let error = count(&queries, "a", ENDLESS).await.unwrap_err();
    assert_eq!((error.kind(), error.retry_after()), (ErrorKind::Unavailable, Some(Duration::from_secs(30))));
    assert!(error.to_string().contains("no more than 0 queries of one user may wait"), "{error}");
    scan.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_sleeps_lends_its_place_and_is_late_in_the_end() {
    let queries = queries(LIMITS).await;
    let limits = QueryLimits { timeout: Some(Duration::from_secs(5)), max_rows: None };
    let asked = QueryRequest { limits, ..request(FLOOD) };
    let hold = async |name: &str| {
        let mut result = queries.run(&caller(Some(name)), &asked).await.unwrap();
        assert!(result.stream.next().await.unwrap().is_ok());
        result
    };
    let mut first = hold("a").await;
    let _second = hold("a").await;
    let began = Instant::now();
    assert!(count(&queries, "a", CONE).await.unwrap() > 0, "both places of the user are asleep");
    assert!(began.elapsed() < Duration::from_secs(4), "{:?}", began.elapsed());
    until("they are late", || queries.list().iter().all(|query| query.phase == Phase::Stopped)).await;
    assert_eq!(queries.load(), (0, 0));
    // What was made before may still be read; no more comes.
    let error = loop {
        match first.stream.next().await.unwrap() {
            Ok(_) => {}
            Err(error) => break error,
        }
    };
    assert_eq!(error.kind(), ErrorKind::Timeout, "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn in_maintenance_no_query_begins_and_those_that_run_end() {
    let queries = queries(LIMITS).await;
    let mut running = queries.run(&caller(None), &request("SELECT * FROM hipparcos2")).await.unwrap();
    assert!(running.stream.next().await.unwrap().is_ok());
    queries.set_maintenance(Some("new disks".to_owned()));
    let error = count(&queries, "a", CONE).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(error.to_string().contains("in maintenance: new disks"), "{error}");
    assert!(running.stream.try_collect::<Vec<_>>().await.is_ok());
    queries.set_maintenance(None);
    assert!(count(&queries, "a", CONE).await.unwrap() > 0);
}
