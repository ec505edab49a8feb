//! One query, answered at once (TAP 1.1, section 2.2).
//!
//! `MAXREC` cuts after `TOP` and never silently; `MAXREC=0` asks for the columns alone. A client that goes away drops the
//! response body, and with it the query.

use std::path::PathBuf;

use arrow::datatypes::SchemaRef;
use axum::Extension;
use axum::extract::{Request, State};
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_ENCODING, CONTENT_TYPE};
use axum::http::{HeaderName, HeaderValue};
use axum::response::Response;
use sidereus_engine::QueryRequest;

use super::asked;
use super::intake;
use super::parameters::ParameterError;
use super::respond::{error_response, failed, upload_failed};
use crate::error::RequestId;
use crate::format::{self, EncodeError, Encoding, Head};
use crate::http::ResultBody;
use crate::jobs::{JobRequest, Jobs, TakenIn};
use crate::queries::Caller;
use crate::services::Services;

/// Rows after which the answer is cut, where there is such a limit.
const MAX_ROWS_HEADER: HeaderName = HeaderName::from_static("x-sidereus-max-rows");

/// Answers a query.
pub(super) async fn query(
    State(services): State<Services>,
    Extension(jobs): Extension<Jobs>,
    Extension(caller): Extension<Caller>,
    Extension(id): Extension<RequestId>,
    request: Request,
) -> Response {
    let default = asked::default_format(request.headers());
    let parsed = async {
        let parameters = intake::read(request, &jobs, &services, &caller).await?;
        let (asked, run_id) = (asked::request(&parameters, default)?, asked::run_id(&parameters)?);
        Ok::<_, ParameterError>((asked, run_id, parameters.into_parts().1))
    };
    let (asked, run_id, parts) = match parsed.await {
        Ok(parsed) => parsed,
        Err(error) => return error_response(error.status(), &error.to_string()),
    };
    if let Some(run_id) = run_id {
        tracing::info!(request = %id, run_id, "run id");
    }
    let part = |name: &str| {
        let found = parts.iter().find(|(known, _)| known == name);
        found.map(|(_, written)| written.path().to_owned())
    };
    let taken = match jobs.take_in(intake::account(&caller), &asked.uploads, part).await {
        Ok(taken) => taken,
        Err(error) => return upload_failed(&error, &id),
    };
    drop(parts);
    let spool = jobs.storage().spool();
    match answer(&services, &caller, &id, (asked, taken, spool)).await {
        Ok(response) => response,
        Err(failure) => failed(&failure, &id),
    }
}

async fn answer(
    services: &Services,
    caller: &Caller,
    id: &RequestId,
    (asked, taken, spool): (JobRequest, TakenIn, PathBuf),
) -> Result<Response, EncodeError> {
    let limits = services.limits(services.config.row_limit(asked.max_rows));
    let request = QueryRequest { limits, uploads: taken.tables.clone(), ..asked.query_request() };
    let result = taken.keep_for(services.queries.run(caller, &request).await?);
    let format = format::find(&asked.format).unwrap_or(format::ALL[0]);
    let head = Head { spool: Some(spool), ..Head::new(SchemaRef::clone(&result.schema), Some(asked.query)) };
    let encoding = Encoding::with_head(result, format, &head)?;
    let mut response = ResultBody::begin(encoding, id.clone()).await?.into_response();
    let content_type = HeaderValue::from_str(&asked.media_type);
    let own = HeaderValue::from_static(format.media_type());
    response.headers_mut().insert(CONTENT_TYPE, content_type.unwrap_or(own));
    if let Ok(value) = HeaderValue::try_from(format!("inline; filename=\"result.{}\"", format.extension())) {
        response.headers_mut().insert(CONTENT_DISPOSITION, value);
    }
    if let Some(encoding) = format.content_encoding() {
        response.headers_mut().insert(CONTENT_ENCODING, HeaderValue::from_static(encoding));
    }
    if let Some(max_rows) = limits.max_rows {
        response.headers_mut().insert(MAX_ROWS_HEADER, HeaderValue::from(max_rows));
    }
    Ok(response)
}
