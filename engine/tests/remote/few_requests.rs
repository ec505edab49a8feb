//! How many requests does it take to open a catalog of 4,000 files, and to answer a small cone?

#![allow(clippy::print_stdout, reason = "a test of costs tells them")]

use std::path::Path;
use std::sync::Arc;

use sidereus_engine::{CatalogRegistry, EngineOptions, QueryService, Rules};

use crate::bucket;
use crate::many_files;
use crate::server::{BUCKET, Seen, Server};
use crate::support::{ask, ids, service};

fn cone((lon, lat): (f64, f64)) -> String {
    format!("SELECT id, g, bp, name FROM stars WHERE DISTANCE(ra, dec, {lon}, {lat}) < 1/60.0")
}

async fn open(root: &str) -> QueryService {
    let registry = CatalogRegistry::open(&[root.to_owned()]).await.expect("it opens");
    assert!(registry.problems().is_empty(), "{:?}", registry.problems());
    assert_eq!(registry.tables()[0].partitions.len() as u64, many_files::FILES);
    QueryService::try_new(Arc::new(registry), EngineOptions::default()).expect("it starts")
}

/// Asks for two cones; tells the server, by a name that it does not have, where one phase ends.
async fn ask_cones(root: &str, local: &Path, ended: impl AsyncFn(&str)) {
    let remote = open(root).await;
    ended("opened").await;
    let beside = service(&[local.to_path_buf()]).await;
    for (phase, place) in [("tiny", many_files::in_a_tiny_file()), ("crowd", many_files::in_the_crowd())] {
        let found = ids(&ask(&remote, &cone(place), Rules::all()).await.expect("it answers"));
        ended(phase).await;
        assert_eq!(found, ids(&ask(&beside, &cone(place), Rules::none()).await.expect("it answers")));
        assert!(found.len() > 40 || phase == "tiny", "{} rows", found.len());
    }
}

async fn mark(url: &str, phase: &str) {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let mut stream = tokio::net::TcpStream::connect(url.trim_start_matches("http://")).await.expect("it listens");
    let request = format!("GET /ended/{phase} HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.expect("it listens");
    stream.read_to_end(&mut Vec::new()).await.expect("it answers");
}

/// Requests of each phase.
fn phases(seen: &[Seen]) -> Vec<Vec<&str>> {
    let seen: Vec<&str> = seen.iter().map(|request| request.what.as_str()).collect();
    seen.split(|what| what.contains("/ended/")).map(<[&str]>::to_vec).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn over_http_ten_requests_open_and_answer() {
    let folder = tempfile::tempdir().expect("a folder");
    let begun = std::time::Instant::now();
    many_files::write(&folder.path().join("sky"), false);
    println!("written after {:?}", begun.elapsed());
    let server = Server::start(folder.path()).await;
    let root = format!("{}/sky", server.url());
    ask_cones(&root, &folder.path().join("sky"), async |phase| mark(server.url(), phase).await).await;
    println!("asked after {:?}", begun.elapsed());
    let seen = server.take();
    judge(&phases(&seen), 7);
    tokio::task::block_in_place(|| bucket::run("few_requests::a_bucket_of_many_files", folder.path(), &server));
    judge(&phases(&server.take()), 7);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "run by another test, which serves a bucket"]
async fn a_bucket_of_many_files() {
    let Some((endpoint, folder)) = bucket::found() else { return };
    let root = format!("s3://{BUCKET}/sky");
    ask_cones(&root, &folder.join("sky"), async |phase| mark(&endpoint, phase).await).await;
}

fn judge(phases: &[Vec<&str>], opening: usize) {
    let [opened, tiny, crowd, ..] = phases else { panic!("{phases:#?}") };
    println!(
        "requests: {} to open, {} for a cone in a small file, {} in a large one",
        opened.len(),
        tiny.len(),
        crowd.len()
    );
    assert!(opened.len() <= opening, "{opened:#?}");
    assert!(opened.len() + tiny.len() <= 10 && !tiny.is_empty(), "{opened:#?}{tiny:#?}");
    assert!(crowd.len() <= 8 && crowd.len() > 2, "{crowd:#?}");
    assert!(phases.iter().flatten().all(|what| !what.starts_with("HEAD")), "{phases:#?}");
}
