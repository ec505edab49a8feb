//! A web server over a folder that remembers what it was asked: byte ranges and, for buckets, listings of S3.
//!
//! `http://host/PATH` serves files and lists nothing. `http://host/bucket?list-type=2` lists as S3 does, so the same server is
//! the bucket `bucket` of an endpoint in path style; nobody's signature is looked at.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{Method, StatusCode, header};
use axum::response::Response;

/// The only bucket: the folder itself.
pub(crate) const BUCKET: &str = "bucket";

/// One request as the server saw it.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    /// Method, path, query and range.
    pub(crate) what: String,
    /// Bytes of the answer.
    pub(crate) bytes: u64,
}

/// A running server.
#[derive(Debug, Clone)]
pub(crate) struct Server {
    url: String,
    folder: PathBuf,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Server {
    /// Serves a folder on a free port for as long as the test lives.
    pub(crate) async fn start(folder: &Path) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let server = Self { url, folder: folder.to_path_buf(), seen: Arc::default() };
        let app = Router::new().fallback(answer).with_state(server.clone());
        #[allow(clippy::disallowed_methods, reason = "the server of a test lives as long as the test")]
        tokio::spawn(async move { axum::serve(listener, app).await });
        server
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// What was asked since the last time.
    pub(crate) fn take(&self) -> Vec<Seen> {
        std::mem::take(&mut *self.seen.lock().expect("nobody panics"))
    }
}

async fn answer(State(server): State<Server>, request: Request) -> Response {
    let path = request.uri().path().replace("%3D", "=").replace("%2F", "/");
    let query = request.uri().query().unwrap_or_default().replace("%2F", "/").replace("%3D", "=");
    let range = request.headers().get(header::RANGE).and_then(|range| range.to_str().ok()).map(str::to_owned);
    let shown = range.as_deref().unwrap_or_default();
    let what = format!("{} {path}?{query} {shown}", request.method());
    let (response, bytes) = match *request.method() {
        Method::GET if path.trim_matches('/') == BUCKET => list(&server.folder, &query),
        Method::GET | Method::HEAD => file(&server.folder, &path, range.as_deref()),
        _ => (status(StatusCode::METHOD_NOT_ALLOWED), 0),
    };
    let bytes = if request.method() == Method::GET { bytes } else { 0 };
    server.seen.lock().expect("nobody panics").push(Seen { what, bytes });
    response
}

fn status(code: StatusCode) -> Response {
    Response::builder().status(code).body(Body::empty()).expect("a response")
}

fn file(folder: &Path, path: &str, range: Option<&str>) -> (Response, u64) {
    let path = path.trim_start_matches('/');
    let path = folder.join(path.strip_prefix("bucket/").unwrap_or(path));
    let (Ok(content), Ok(found)) = (std::fs::read(&path), std::fs::metadata(&path)) else {
        return (status(StatusCode::NOT_FOUND), 0);
    };
    let size = content.len() as u64;
    let modified = found.modified().expect("a time").duration_since(std::time::UNIX_EPOCH).expect("after 1970");
    let (code, start, end) = match range.and_then(|range| bounds(range, size)) {
        Some((start, end)) => (StatusCode::PARTIAL_CONTENT, start, end),
        None => (StatusCode::OK, 0, size),
    };
    let part = content[start as usize..end as usize].to_vec();
    let bytes = part.len() as u64;
    let response = Response::builder()
        .status(code)
        .header(header::ETAG, format!("\"{size}-{}\"", modified.as_nanos()))
        .header(header::LAST_MODIFIED, "Sun, 22 Nov 2026 00:00:00 GMT")
        .header(header::CONTENT_RANGE, format!("bytes {start}-{}/{size}", end.saturating_sub(1)))
        .body(Body::from(part));
    (response.expect("a response"), bytes)
}

/// Start and end (exclusive) of a range header.
fn bounds(range: &str, size: u64) -> Option<(u64, u64)> {
    let (start, end) = range.strip_prefix("bytes=")?.split_once('-')?;
    if start.is_empty() {
        return Some((size.saturating_sub(end.parse().ok()?), size));
    }
    let end = end.parse::<u64>().map_or(size, |end| (end + 1).min(size));
    Some((start.parse().ok()?, end))
}

/// What S3 answers to ListObjectsV2, all on one page.
fn list(folder: &Path, query: &str) -> (Response, u64) {
    let parameter = |name: &str| {
        let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        pairs.find(|(key, _)| *key == name).map(|(_, value)| value.to_owned()).unwrap_or_default()
    };
    let (prefix, delimiter) = (parameter("prefix"), parameter("delimiter"));
    let mut keys = Vec::new();
    walk(folder, folder, &mut keys);
    let (mut objects, mut folders) = (String::new(), BTreeSet::new());
    for (key, size) in keys {
        let Some(rest) = key.strip_prefix(&prefix) else { continue };
        match rest.split_once('/').filter(|_| !delimiter.is_empty()) {
            Some((name, _)) => drop(folders.insert(format!("{prefix}{name}/"))),
            None => objects.push_str(&format!(
                "<Contents><Key>{key}</Key><LastModified>2026-11-22T00:00:00.000Z</LastModified><Size>{size}</Size></Contents>"
            )),
        }
    }
    let folders: String =
        folders.iter().map(|key| format!("<CommonPrefixes><Prefix>{key}</Prefix></CommonPrefixes>")).collect();
    let text = format!("<ListBucketResult><IsTruncated>false</IsTruncated>{objects}{folders}</ListBucketResult>");
    let bytes = text.len() as u64;
    (Response::new(Body::from(text)), bytes)
}

fn walk(root: &Path, folder: &Path, keys: &mut Vec<(String, u64)>) {
    let mut entries: Vec<PathBuf> =
        std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            walk(root, &path, keys);
        } else {
            let size = path.metadata().expect("a file").len();
            keys.push((path.strip_prefix(root).expect("below").display().to_string(), size));
        }
    }
}
