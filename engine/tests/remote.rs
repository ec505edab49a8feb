//! Does a scan of a remote catalog read what it says it reads? A web server that counts is the judge.

mod support;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arrow::array::AsArray;
use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use sidereus_engine::{CatalogRegistry, EngineOptions, QueryService, Rules};
use support::{ask, digest, ids, service, shared};

/// What the server saw.
#[derive(Debug, Default)]
struct Seen {
    requests: AtomicU64,
    bytes: AtomicU64,
}

impl Seen {
    fn take(&self) -> (u64, u64) {
        (self.requests.swap(0, Ordering::SeqCst), self.bytes.swap(0, Ordering::SeqCst))
    }
}

/// Serves a folder over HTTP with byte ranges and nothing else: no listing.
async fn serve(folder: PathBuf) -> (String, Arc<Seen>) {
    let seen = Arc::new(Seen::default());
    let state = (folder, Arc::clone(&seen));
    let app = Router::new().fallback(answer).with_state(state);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    #[allow(clippy::disallowed_methods, reason = "the server of a test lives as long as the test")]
    tokio::spawn(async move { axum::serve(listener, app).await });
    (format!("http://{address}"), seen)
}

async fn answer(State((folder, seen)): State<(PathBuf, Arc<Seen>)>, request: Request) -> Response {
    seen.requests.fetch_add(1, Ordering::SeqCst);
    if request.method() != Method::GET && request.method() != Method::HEAD {
        return StatusCode::METHOD_NOT_ALLOWED.into_response();
    }
    let Some(content) = read(&folder, request.uri().path()) else { return StatusCode::NOT_FOUND.into_response() };
    let size = content.len() as u64;
    let range = request.headers().get(header::RANGE).and_then(|range| byte_range(range, size));
    let (status, start, end) =
        range.map_or((StatusCode::OK, 0, size), |(start, end)| (StatusCode::PARTIAL_CONTENT, start, end));
    let part = content[start as usize..end as usize].to_vec();
    if request.method() == Method::GET {
        seen.bytes.fetch_add(part.len() as u64, Ordering::SeqCst);
    }
    let mut response = (status, part).into_response();
    let headers = response.headers_mut();
    headers.insert(header::LAST_MODIFIED, HeaderValue::from_static("Sun, 22 Nov 2026 00:00:00 GMT"));
    if status == StatusCode::PARTIAL_CONTENT {
        let range = format!("bytes {start}-{}/{size}", end - 1);
        headers.insert(header::CONTENT_RANGE, HeaderValue::from_str(&range).expect("ASCII"));
    }
    response
}

fn read(folder: &Path, path: &str) -> Option<Vec<u8>> {
    let path = path.trim_start_matches('/').replace("%3D", "=");
    std::fs::read(folder.join(path)).ok()
}

fn byte_range(header: &HeaderValue, size: u64) -> Option<(u64, u64)> {
    let (start, end) = header.to_str().ok()?.strip_prefix("bytes=")?.split_once('-')?;
    if start.is_empty() {
        let suffix: u64 = end.parse().ok()?;
        return Some((size.saturating_sub(suffix), size));
    }
    let end = end.parse::<u64>().map_or(size, |end| (end + 1).min(size));
    Some((start.parse().ok()?, end))
}

/// The sum of a counter over all lines of a plan with metrics.
fn counter(plan: &str, name: &str) -> u64 {
    let needle = format!("{name}=");
    let amounts =
        plan.match_indices(&needle).filter(|(at, _)| !plan[..*at].ends_with(|c: char| c.is_alphanumeric() || c == '_'));
    amounts
        .map(|(at, _)| {
            let text: String = plan[at + needle.len()..].chars().take_while(|c| !matches!(c, ',' | ']')).collect();
            let (number, unit) = text.trim().split_once(' ').unwrap_or_else(|| (text.trim(), ""));
            let factor = match unit {
                "" => 1.0,
                "K" => 1e3,
                "M" => 1e6,
                "G" => 1e9,
                other => panic!("unknown unit {other} in {text}"),
            };
            (number.parse::<f64>().expect("a number") * factor).round() as u64
        })
        .sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn explain_analyze_counts_what_the_server_saw() {
    let Some(folder) = shared("data/hats_real/gaia_dr3_g10_collection") else { return };
    let (url, seen) = serve(folder.parent().expect("a folder").to_path_buf()).await;
    let registry = CatalogRegistry::open(&[format!("{url}/gaia_dr3_g10_collection")]).await.expect("it opens");
    assert!(registry.problems().is_empty(), "{:?}", registry.problems());
    let (opening, _) = seen.take();
    assert!(opening <= 10, "opening took {opening} requests");
    let service = QueryService::try_new(Arc::new(registry), EngineOptions::default()).expect("it starts");
    let local = support::service(&[folder]).await;
    for (lon, lat, radius) in [(83.6, -5.4, 0.3), (10.0, 89.9, 1.0), (266.4, -29.0, 0.02), (0.0, 0.0, 12.0)] {
        let query = format!(
            "SELECT source_id, phot_g_mean_mag FROM gaia_dr3_g10 WHERE DISTANCE(ra, dec, {lon}, {lat}) < {radius}"
        );
        seen.take();
        let plan = ask(&service, &format!("EXPLAIN ANALYZE {query}"), Rules::all()).await.expect("it runs");
        let (requests, bytes) = seen.take();
        let plan = plan[0].column(1).as_string::<i32>().value(0).to_owned();
        let told = (counter(&plan, "requests"), counter(&plan, "bytes_read"));
        assert!(bytes > 0, "nothing was read:\n{plan}");
        assert!(close(told.0, requests) && close(told.1, bytes), "told {told:?}, saw {:?}:\n{plan}", (requests, bytes));
        let remote = ids(&ask(&service, &query, Rules::all()).await.expect("it runs"));
        let beside = ids(&ask(&local, &query, Rules::none()).await.expect("it runs"));
        assert_eq!(digest(&remote), digest(&beside));
        assert!(!remote.is_empty() || radius < 0.1);
    }
}

/// Within 5 %.
fn close(told: u64, saw: u64) -> bool {
    told.abs_diff(saw) as f64 <= 0.05 * saw as f64
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_partition_is_an_error_not_an_empty_answer() {
    let Some(source) = shared("data/hats_real/hipparcos2_collection") else { return };
    let folder = tempfile::tempdir().expect("a folder");
    copy(&source, &folder.path().join("hip"));
    let service = service(&[folder.path().join("hip")]).await;
    let query = "SELECT hip FROM hipparcos2 WHERE plx > 0";
    assert!(ask(&service, query, Rules::all()).await.is_ok());
    let victim = first_leaf(&folder.path().join("hip/hipparcos2/dataset"));
    std::fs::remove_file(&victim).expect("it is removed");
    let fresh = support::service(&[folder.path().join("hip")]).await;
    match ask(&fresh, query, Rules::all()).await {
        Err(error) => assert!(error.to_string().contains("Npix"), "{error}"),
        Ok(_) => panic!("the rows of {} were left out silently", victim.display()),
    }
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a folder");
    for entry in std::fs::read_dir(from).expect("a folder") {
        let entry = entry.expect("an entry");
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            let content = std::fs::read(entry.path()).expect("a file");
            std::fs::write(target, content).expect("it is written");
        }
    }
}

fn first_leaf(folder: &Path) -> PathBuf {
    let mut entries: Vec<PathBuf> =
        std::fs::read_dir(folder).expect("a folder").map(|e| e.expect("an entry").path()).collect();
    entries.sort();
    let next = entries.iter().find(|path| path.is_dir()).cloned();
    next.map_or_else(
        || entries.into_iter().find(|path| path.extension().is_some_and(|e| e == "parquet")).expect("a leaf"),
        |next| first_leaf(&next),
    )
}
