//! How does a file leave? Whole or one range of it, with its true length and a tag of its version.

use std::io::SeekFrom;
use std::ops::Range;

use axum::body::Body;
use axum::http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG, HeaderName, HeaderValue,
};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures::{StreamExt, stream};
use sha2::{Digest, Sha256};
use sidereus_engine::CatalogFile;
use tokio::io::{AsyncReadExt, AsyncSeekExt};
use tokio_util::io::ReaderStream;

use super::HatsError;
use crate::http::ranges::{self, Part};
use crate::storage::{StorageError, Written};

/// Bytes that are read at a time.
const PIECE: u64 = 1 << 20;
/// Bytes of a made file that are read at a time.
const MADE_PIECE: usize = 1 << 18;

const PARQUET: &str = "application/vnd.apache.parquet";

/// A file of a catalog as it is.
pub(super) fn stored(file: &CatalogFile, name: &str, asked: &HeaderMap) -> Result<Response, HatsError> {
    let head = Head::new(file.size(), &tag(file.version().as_bytes()), media_type(name));
    Ok(head.answer(asked, |range| {
        let file = file.clone();
        let starts = stream::iter(range.clone().step_by(usize::try_from(PIECE).unwrap_or(usize::MAX)));
        Body::from_stream(starts.then(move |start| {
            let (file, end) = (file.clone(), range.end.min(start + PIECE));
            async move { file.read(start..end).await }
        }))
    }))
}

/// A text.
pub(super) fn text(text: String, name: &str, asked: &HeaderMap) -> Response {
    let head = Head::new(text.len() as u64, &tag(text.as_bytes()), media_type(name));
    let bytes = Bytes::from(text);
    let place = |at: u64| usize::try_from(at).unwrap_or(usize::MAX).min(bytes.len());
    head.answer(asked, |range| Body::from(bytes.slice(place(range.start)..place(range.end))))
}

/// A file that was made.
///
/// *Errors*: the disk.
pub(super) async fn made(made: &Written, asked: &HeaderMap) -> Result<Response, HatsError> {
    let tag = format!("\"{}\"", &made.digest[..made.digest.len().min(32)]);
    let head = Head::new(made.bytes, &tag, PARQUET);
    let failed = |error| HatsError::Storage(StorageError::Io(error));
    let mut file = tokio::fs::File::open(made.path()).await.map_err(failed)?;
    if let Part::Of(from, _) = ranges::part(asked, made.bytes, &tag) {
        file.seek(SeekFrom::Start(from)).await.map_err(failed)?;
    }
    // An open file is there to its end, whoever removes its name.
    Ok(head.answer(asked, |range| {
        Body::from_stream(ReaderStream::with_capacity(file.take(range.end - range.start), MADE_PIECE))
    }))
}

/// What is said of a file before its bytes.
struct Head {
    length: u64,
    tag: String,
    headers: HeaderMap,
}

impl Head {
    fn new(length: u64, tag: &str, media_type: &'static str) -> Self {
        let mut headers = HeaderMap::new();
        let fixed: [(HeaderName, &'static str); 3] = [
            (CONTENT_TYPE, media_type),
            (ACCEPT_RANGES, "bytes"),
            // Ranges are of these very bytes, and what one caller sees is not for all.
            (CACHE_CONTROL, "private, no-cache, no-transform"),
        ];
        headers.extend(fixed.map(|(name, value)| (name, HeaderValue::from_static(value))));
        headers.extend(HeaderValue::from_str(tag).ok().map(|value| (ETAG, value)));
        Self { length, tag: tag.to_owned(), headers }
    }

    fn answer(mut self, asked: &HeaderMap, body: impl FnOnce(Range<u64>) -> Body) -> Response {
        if ranges::has(asked, &self.tag) {
            return (StatusCode::NOT_MODIFIED, self.headers).into_response();
        }
        let length = self.length;
        let mut add = |name, value: String| {
            self.headers.extend(HeaderValue::try_from(value).ok().map(|value| (name, value)));
        };
        let (status, range) = match ranges::part(asked, length, &self.tag) {
            Part::Whole => (StatusCode::OK, 0..length),
            Part::Of(from, to) => {
                add(CONTENT_RANGE, format!("bytes {from}-{}/{length}", to.saturating_sub(1)));
                (StatusCode::PARTIAL_CONTENT, from..to)
            }
            Part::Beyond => {
                add(CONTENT_RANGE, format!("bytes */{length}"));
                self.headers.remove(CONTENT_TYPE);
                return (StatusCode::RANGE_NOT_SATISFIABLE, self.headers).into_response();
            }
        };
        add(CONTENT_LENGTH, (range.end - range.start).to_string());
        (status, self.headers, body(range)).into_response()
    }
}

fn tag(version: &[u8]) -> String {
    let digest = Sha256::digest(version);
    let digits: String = digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    format!("\"{digits}\"")
}

fn media_type(name: &str) -> &'static str {
    match name.rsplit_once('.').map(|(_, extension)| extension) {
        Some("csv") => "text/csv",
        Some("fits") => "application/fits",
        Some("properties") => super::PLAIN,
        _ if name == "properties" => super::PLAIN,
        _ => PARQUET,
    }
}
