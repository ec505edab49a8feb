//! What is there to say of a job? (UWS 1.1, section 2.2.2)

use std::time::Duration;

use axum::Extension;
use axum::extract::{Path, Request};
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use sidereus_engine::Principal;

use super::super::links;
use super::super::parameters::Parameters;
use super::super::respond::xml_response;
use super::{Result, UwsError, answered, document, text};
use crate::error::RequestId;
use crate::format::votable;
use crate::jobs::{Job, Jobs, Phase, now};

/// The whole job; with `WAIT`, once it has changed.
pub(super) async fn show(
    Extension(jobs): Extension<Jobs>,
    Extension(principal): Extension<Principal>,
    Extension(id): Extension<RequestId>,
    Path(name): Path<String>,
    request: Request,
) -> Response {
    let url = links::job(request.extensions(), &name);
    let parameters = Parameters::of_query(request.uri().query());
    let shown = async {
        let mut job = jobs.job(&principal, &name).await?;
        if let Some(time) = wait(&parameters)? {
            let phase = parameters.single("PHASE")?.map(Phase::of_name).transpose()?;
            if phase.is_none_or(|phase| phase == Some(job.phase)) {
                jobs.wait(&job.id, job.phase, time).await?;
                job = jobs.job(&principal, &name).await?;
            }
        }
        Ok(xml_response(document::job(&job, &url)))
    };
    answered(shown.await, &id)
}

/// Seconds to wait; -1 is as long as the service allows.
fn wait(parameters: &Parameters) -> Result<Option<Duration>> {
    let Some(text) = parameters.single("WAIT")? else { return Ok(None) };
    match text.trim().parse::<i64>() {
        Ok(-1) => Ok(Some(Duration::MAX)),
        Ok(seconds) if seconds >= 0 => Ok(Some(Duration::from_secs(seconds.unsigned_abs()))),
        _ => Err(UwsError::Value("WAIT", format!("expected seconds, or -1 for as long as possible, found {text:?}"))),
    }
}

/// Makes a handler that shows one thing of a job.
macro_rules! shows {
    ($($(#[$doc:meta])* $name:ident => $of:expr;)*) => {$(
        $(#[$doc])*
        pub(super) async fn $name(
            Extension(jobs): Extension<Jobs>,
            Extension(principal): Extension<Principal>,
            Extension(id): Extension<RequestId>,
            Path(name): Path<String>,
        ) -> Response {
            let of: fn(&Job) -> Result<Response> = $of;
            let shown = async { of(&jobs.job(&principal, &name).await?) };
            answered(shown.await, &id)
        }
    )*};
}

shows! {
    /// The phase.
    phase => |job| Ok(text(job.phase.name().to_owned()));
    /// When it is thought to end; empty where that is not known.
    quote => |job| Ok(text(job.quote(now()).map(document::iso).unwrap_or_default()));
    /// Seconds that it may run.
    duration => |job| Ok(text(document::duration(job).to_string()));
    /// When it is removed.
    destruction => |job| Ok(text(document::iso(job.destruction)));
    /// Whose it is; empty for nobody's.
    owner => |job| Ok(text(job.owner.clone().unwrap_or_default()));
    /// Names and values.
    parameters => |job| Ok(xml_response(document::parameters_document(job)));
    /// Why it has no result, as a VOTable (TAP 1.1, section 2.1).
    error => |job| {
        let error = job.error.as_ref().ok_or(UwsError::Absent("this job has no error"))?;
        let headers = [(CONTENT_TYPE, "application/x-votable+xml")];
        Ok((headers, votable::error_document(&error.message)).into_response())
    };
}
