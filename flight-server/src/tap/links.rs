//! Under which URLs do clients find what they are told of?

use axum::http::Extensions;

use crate::http::Seen;

/// The URL of `/tap` as the client knows it.
pub(super) fn base(request: &Extensions) -> String {
    format!("{}/tap", request.get::<Seen>().map_or("", |seen| seen.base.as_str()))
}

/// The URL of the list of jobs.
pub(super) fn jobs(request: &Extensions) -> String {
    format!("{}/async", base(request))
}

/// The URL of a job.
pub(super) fn job(request: &Extensions, id: &str) -> String {
    format!("{}/{}", jobs(request), url::form_urlencoded::byte_serialize(id.as_bytes()).collect::<String>())
}
