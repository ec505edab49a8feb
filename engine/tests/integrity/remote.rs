//! Is a catalog on a web server noticed when it is replaced, and never mixed?

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use sidereus_engine::{CatalogRegistry, EngineOptions, QueryService};

use crate::sample::{answer, rows, write_stars};

const QUERY: &str = "SELECT COUNT(*), MIN(id), MAX(id), SUM(mag) FROM stars";

/// Serves a folder with byte ranges; says of no file when it was written, and never the tag of one.
async fn serve(folder: PathBuf) -> String {
    let app = Router::new().fallback(file).with_state(folder);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    #[allow(clippy::disallowed_methods, reason = "the server of a test lives as long as the test")]
    tokio::spawn(async move { axum::serve(listener, app).await });
    format!("http://{address}")
}

async fn file(State(folder): State<PathBuf>, request: Request) -> Response {
    let path = request.uri().path().trim_start_matches('/').replace("%3D", "=");
    let Ok(content) = fs::read(folder.join(path)) else { return StatusCode::NOT_FOUND.into_response() };
    let size = content.len();
    let range = request.headers().get(header::RANGE).map(|range| range.to_str().unwrap().to_owned());
    let Some((first, last)) = range.as_deref().and_then(|range| range.strip_prefix("bytes=")?.split_once('-')) else {
        return content.into_response();
    };
    let (start, end) = match (first.parse::<usize>(), last.parse::<usize>()) {
        (Ok(first), last) => (first, last.map_or(size, |last| size.min(last + 1))),
        (Err(_), last) => (size.saturating_sub(last.unwrap()), size),
    };
    if start > end {
        return StatusCode::RANGE_NOT_SATISFIABLE.into_response();
    }
    let mut response = (StatusCode::PARTIAL_CONTENT, content[start..end].to_vec()).into_response();
    let range = HeaderValue::from_str(&format!("bytes {start}-{}/{size}", end.saturating_sub(1))).unwrap();
    response.headers_mut().insert(header::CONTENT_RANGE, range);
    response
}

fn lead(root: &Path, version: &Path) {
    symlink(version, root.join(".next")).unwrap();
    fs::rename(root.join(".next"), root.join("stars")).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_catalog_that_is_replaced_on_its_server_is_noticed_and_never_mixed() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("root");
    fs::create_dir(&root).unwrap();
    // Of one form, so that files of one fit those of the other in all but their content.
    let versions = ["v1", "v2"].map(|name| folder.path().join(name));
    write_stars(&versions[0], &rows(12_000, 0));
    write_stars(&versions[1], &rows(12_000, 1_000_000));
    lead(&root, &versions[0]);
    let url = format!("{}/stars", serve(root.clone()).await);
    let roots = [url.clone(), "/no/such/folder".to_owned()];
    let open = async || CatalogRegistry::open(&roots[..1]).await.unwrap();
    let service = QueryService::try_new(Arc::new(open().await), EngineOptions::default()).unwrap();
    let seen = service.registry().remote_fingerprint(&roots).await;
    assert_eq!((seen.is_some(), service.registry().remote_fingerprint(&roots).await), (true, seen));
    let mut expected = vec![answer(&service, QUERY).await.unwrap()];
    lead(&root, &versions[1]);
    assert_ne!(service.registry().remote_fingerprint(&roots).await, seen, "noticed");
    for _ in 0..3 {
        let error = answer(&service, QUERY).await.unwrap_err().to_string();
        let notices = ["is not the one that the catalog was published with", "was replaced while it was in use"];
        assert!(notices.iter().any(|notice| error.contains(notice)), "{error}");
    }
    service.replace_registry(Arc::new(open().await));
    expected.push(answer(&service, QUERY).await.unwrap());
    assert_ne!(expected[0], expected[1]);
    let (mut answered, mut refused) = (0, 0);
    for round in 0..12 {
        let asking = (0..3).map(|_| answer(&service, QUERY));
        let switching = async { lead(&root, &versions[round % 2]) };
        let (found, ()) = tokio::join!(futures::future::join_all(asking), switching);
        for found in found {
            match found {
                Ok(found) => {
                    assert!(expected.contains(&found), "round {round}: {found:?} is of no version");
                    answered += 1;
                }
                Err(_) => refused += 1,
            }
        }
        if round % 3 == 0 {
            // As a registry may be read while a version takes the place of another.
            if let Ok(registry) = CatalogRegistry::open(&roots[..1]).await {
                service.replace_registry(Arc::new(registry));
            }
        }
    }
    assert!(answered > 0 && refused > 0, "{answered} answered, {refused} refused");
    let other = format!("{url}x");
    assert_ne!(service.registry().remote_fingerprint(&[other]).await, seen);
    assert_eq!(service.registry().remote_fingerprint(&["/local".to_owned()]).await, Some(0));
}
