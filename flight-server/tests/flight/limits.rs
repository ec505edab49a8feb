//! Limits: of the client, whose cut is told, and of the service, which is an error.

use std::time::{Duration, Instant};

use futures::TryStreamExt;
use tonic::Code;

use crate::server::{Server, count, open, rows, status};

#[tokio::test]
async fn a_cut_that_the_client_asked_for_is_told() {
    let server = Server::start();
    let mut client = server.client().await;
    client.set_header("x-sidereus-max-rows", "10");
    let info = client.execute("SELECT hip FROM hipparcos2".to_owned(), None).await.expect("a description");
    let mut stream = open(&mut client, &info).await.expect("a stream");
    let mut found = 0;
    while let Some(batch) = stream.try_next().await.expect("a batch") {
        found += batch.num_rows();
    }
    assert_eq!(found, 10);
    let trailers = stream.trailers().expect("trailers");
    assert_eq!(trailers.get("x-overflow").expect("overflow"), "true");

    let all = rows(&mut client, "SELECT TOP 10 hip FROM hipparcos2").await.expect("rows");
    assert_eq!(count(&all), 10);
}

#[tokio::test]
async fn rows_beyond_the_services_limit_are_an_error() {
    let server =
        Server::start_with(&[], &[("SIDEREUS_LIMITS_MAX_ROWS", "100"), ("SIDEREUS_LIMITS_DEFAULT_ROWS", "50")]);
    let mut client = server.client().await;
    let info = client.execute("SELECT hip FROM hipparcos2".to_owned(), None).await.expect("a description");
    let mut stream = open(&mut client, &info).await.expect("a stream");
    let mut found = 0;
    let error = loop {
        match stream.try_next().await {
            Ok(Some(batch)) => found += batch.num_rows(),
            Ok(None) => panic!("a cut answer looks whole"),
            Err(error) => break status(error),
        }
    };
    assert_eq!((found, error.code()), (100, Code::ResourceExhausted));
    assert_eq!(count(&rows(&mut client, "SELECT TOP 100 hip FROM hipparcos2").await.expect("rows")), 100);
    client.set_header("x-sidereus-max-rows", "30");
    assert_eq!(count(&rows(&mut client, "SELECT hip FROM hipparcos2").await.expect("rows")), 30);
}

#[tokio::test]
async fn time_is_limited() {
    let server = Server::start();
    let mut client = server.client().await;
    client.set_header("x-sidereus-timeout", "0.5");
    let begun = Instant::now();
    // One that gives rows all the time, and one that gives none before it has seen them all.
    for asked in ["a.ra", "COUNT(*) AS n"] {
        let text = format!("SELECT {asked} FROM hipparcos2 AS a, hipparcos2 AS b WHERE a.ra + b.ra > 1e-5");
        let error = rows(&mut client, &text).await.expect_err("too slow");
        assert_eq!(error.code(), Code::DeadlineExceeded, "{error}");
    }
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
}
