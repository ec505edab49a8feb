//! Catalogs behind a plain web server, which serves files and ranges of them and lists nothing.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up ends here")]

mod catalog_support;

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{Method, StatusCode, header};
use axum::response::Response;
use catalog_support::{
    assert_problem, names, properties, rows, shared_data, write, write_catalog, write_collection, write_parquet,
};
use object_store::ObjectStoreExt;
use sidereus_engine::CatalogRegistry;

/// A server over a folder that remembers what it was asked.
#[derive(Clone)]
struct Server {
    folder: PathBuf,
    log: Arc<Mutex<Vec<String>>>,
}

impl Server {
    /// Starts on a free port; gives the base URL.
    async fn start(folder: PathBuf) -> (String, Self) {
        let server = Self { folder, log: Arc::default() };
        let router = Router::new().fallback(serve).with_state(server.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let running =
            datafusion::common::runtime::SpawnedTask::spawn(async move { axum::serve(listener, router).await });
        std::mem::forget(running);
        (url, server)
    }

    fn requests(&self) -> Vec<String> {
        self.log.lock().unwrap().clone()
    }
}

async fn serve(State(server): State<Server>, request: Request) -> Response {
    let range = request.headers().get(header::RANGE).map(|range| range.to_str().unwrap().to_owned());
    let path = percent_decoded(request.uri().path());
    server.log.lock().unwrap().push(format!("{} {path} {}", request.method(), range.clone().unwrap_or_default()));
    let status = |code| Response::builder().status(code).body(Body::empty()).unwrap();
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return status(StatusCode::METHOD_NOT_ALLOWED);
    }
    let Ok(content) = std::fs::read(server.folder.join(path.trim_start_matches('/'))) else {
        return status(StatusCode::NOT_FOUND);
    };
    let size = content.len();
    let Some((start, end)) = range.map(|range| bounds(&range, size)) else {
        return Response::builder().header(header::CONTENT_LENGTH, size).body(Body::from(content)).unwrap();
    };
    Response::builder()
        .status(StatusCode::PARTIAL_CONTENT)
        .header(header::CONTENT_RANGE, format!("bytes {start}-{}/{size}", end - 1))
        .body(Body::from(content[start..end].to_vec()))
        .unwrap()
}

/// Start and end (exclusive) of a range header.
fn bounds(range: &str, size: usize) -> (usize, usize) {
    let (first, last) = range.trim_start_matches("bytes=").split_once('-').unwrap();
    match (first.parse::<usize>(), last.parse::<usize>()) {
        (Ok(first), Ok(last)) => (first, size.min(last + 1)),
        (Ok(first), Err(_)) => (first, size),
        (Err(_), Ok(last)) => (size.saturating_sub(last), size),
        (Err(_), Err(_)) => panic!("range {range}"),
    }
}

fn percent_decoded(path: &str) -> String {
    path.replace("%3D", "=")
}

async fn open(url: &str) -> CatalogRegistry {
    CatalogRegistry::open(&[url.to_owned()]).await.unwrap_or_else(|error| panic!("{error}"))
}

#[tokio::test]
async fn a_collection_opens_in_seven_requests_without_listing() {
    let Some(data) = shared_data() else { return };
    let (url, server) = Server::start(data.join("hats_real")).await;
    let registry = open(&format!("{url}/gaia_dr3_g10_collection")).await;
    assert_eq!(names(&registry), ["public.gaia_dr3_g10"]);
    let gaia = &registry.tables()[0];
    assert_eq!((gaia.rows, gaia.partitions.len()), (Some(482_176), 123));
    assert_eq!(server.requests().len(), 7, "{:#?}", server.requests());
    let file = &gaia.partitions[0].files[0];
    assert_eq!(file.size, None);
    let size = gaia.location.store.head(&file.path).await.unwrap().size;
    assert!(size > 10_000);
}

#[tokio::test]
async fn leaves_that_are_folders_are_found_by_metadata() {
    let Some(data) = shared_data() else { return };
    let (url, server) = Server::start(data.join("hats_real")).await;
    let registry = open(&format!("{url}/hipparcos2_collection")).await;
    assert_eq!(names(&registry), ["public.hipparcos2"]);
    let files: Vec<_> = registry.tables()[0].partitions.iter().flat_map(|partition| &partition.files).collect();
    assert_eq!(files.len(), 18);
    registry.tables()[0].location.store.head(&files[17].path).await.unwrap();
    assert!(server.requests().len() <= 9, "{:#?}", server.requests());
}

#[tokio::test]
async fn a_catalog_a_file_and_the_root_of_a_server_are_tables() {
    let folder = tempfile::tempdir().unwrap();
    let at = |path: &str| folder.path().join(path);
    write_catalog(&at("deep/stars"), "stars");
    write_collection(&at("deep/c"), "primary");
    write_parquet(&at("t.parquet"), &rows(3));
    let (url, server) = Server::start(folder.path().to_path_buf()).await;
    assert_eq!(names(&open(&format!("{url}/deep/stars")).await), ["public.stars"]);
    assert_eq!(server.requests().len(), 4, "{:#?}", server.requests());
    assert_eq!(names(&open(&format!("{url}/deep/stars/")).await), ["public.stars"]);
    assert_eq!(names(&open(&format!("{url}/deep/c")).await), ["public.primary"]);
    let file = open(&format!("{url}/t.parquet")).await;
    assert_eq!(names(&file), ["public.t"]);
    assert_eq!(file.tables()[0].rows, Some(3));

    let (url, _) = Server::start(at("deep/stars")).await;
    assert_eq!(names(&open(&url).await), ["public.stars"]);
}

#[tokio::test]
async fn what_a_server_does_not_have_is_told() {
    let folder = tempfile::tempdir().unwrap();
    write(&folder.path().join("lost/hats.properties"), &properties("lost"));
    let (url, _) = Server::start(folder.path().to_path_buf()).await;
    let error = CatalogRegistry::open(&[format!("{url}/absent")]).await.unwrap_err().to_string();
    assert!(error.contains("does not list folders") && error.contains("/absent"), "{error}");
    let lost = open(&format!("{url}/lost")).await;
    assert!(lost.tables().is_empty());
    assert_problem(&lost, "lost");
    let absent = open(&format!("{url}/absent.parquet")).await;
    assert_problem(&absent, "does not exist");
}
