//! Where is the result of a job? (UWS 1.1, section 2.2.2; TAP 1.1, section 2.1)
//!
//! A file, sent from its start or from anywhere within (RFC 9110, section 14), so that a broken transfer can go on.

use std::io::SeekFrom;

use axum::Extension;
use axum::body::Body;
use axum::extract::{Path, Request};
use axum::http::header::{
    ACCEPT_RANGES, CONTENT_DISPOSITION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG,
};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use sidereus_engine::Principal;
use tokio::io::{AsyncReadExt, AsyncSeekExt};
use tokio_util::io::ReaderStream;

use super::super::links;
use super::super::respond::xml_response;
use super::{Result, UwsError, answered, document};
use crate::error::RequestId;
use crate::format;
use crate::http::OVERFLOW_HEADER;
use crate::http::ranges::{self, Part};
use crate::jobs::{Job, JobResult, Jobs};
use crate::storage::StorageError;

/// Bytes that are read at a time.
const PIECE: usize = 1 << 18;

/// Answers the list of results.
pub(super) async fn list(
    Extension(jobs): Extension<Jobs>,
    Extension(principal): Extension<Principal>,
    Extension(id): Extension<RequestId>,
    Path(name): Path<String>,
    request: Request,
) -> Response {
    let url = links::job(request.extensions(), &name);
    let listed = async { Ok(xml_response(document::results_document(&jobs.job(&principal, &name).await?, &url))) };
    answered(listed.await, &id)
}

/// Sends the result.
pub(super) async fn show(
    Extension(jobs): Extension<Jobs>,
    Extension(principal): Extension<Principal>,
    Extension(id): Extension<RequestId>,
    Path(name): Path<String>,
    headers: HeaderMap,
) -> Response {
    let sent = async {
        let job = jobs.job(&principal, &name).await?;
        let result = job.result.clone().ok_or_else(|| match &job.error {
            Some(error) => UwsError::Failed(error.message.clone()),
            None => UwsError::Absent("this job has no result"),
        })?;
        send(&jobs, &job, &result, &headers).await
    };
    answered(sent.await, &id)
}

async fn send(jobs: &Jobs, job: &Job, result: &JobResult, asked: &HeaderMap) -> Result<Response> {
    let failed = |error| UwsError::Jobs(StorageError::Io(error).into());
    let mut file = tokio::fs::File::open(jobs.result_path(&job.id)).await.map_err(failed)?;
    let tag = format!("\"{}\"", result.digest);
    let mut headers = HeaderMap::new();
    let mut add = |name, value: &str| HeaderValue::from_str(value).map(|value| headers.insert(name, value)).is_ok();
    add(CONTENT_TYPE, &result.media_type);
    add(ETAG, &tag);
    add(ACCEPT_RANGES, "bytes");
    add(OVERFLOW_HEADER, if result.overflow { "true" } else { "false" });
    if let Some(format) = job.request.as_ref().and_then(|request| format::find(&request.format)) {
        add(CONTENT_DISPOSITION, &format!("inline; filename=\"{}.{}\"", job.id, format.extension()));
        if let Some(encoding) = format.content_encoding() {
            add(CONTENT_ENCODING, encoding);
        }
    }
    let (status, from, to) = match ranges::part(asked, result.bytes, &tag) {
        Part::Whole => (StatusCode::OK, 0, result.bytes),
        Part::Of(from, to) => (StatusCode::PARTIAL_CONTENT, from, to),
        Part::Beyond => {
            let range = [(CONTENT_RANGE, format!("bytes */{}", result.bytes))];
            return Ok((StatusCode::RANGE_NOT_SATISFIABLE, range).into_response());
        }
    };
    if status == StatusCode::PARTIAL_CONTENT {
        add(CONTENT_RANGE, &format!("bytes {from}-{}/{}", to.saturating_sub(1), result.bytes));
    }
    add(CONTENT_LENGTH, &(to - from).to_string());
    file.seek(SeekFrom::Start(from)).await.map_err(failed)?;
    let body = Body::from_stream(ReaderStream::with_capacity(file.take(to - from), PIECE));
    Ok((status, headers, body).into_response())
}
