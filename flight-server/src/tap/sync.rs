//! One query, answered at once (TAP 1.1, section 2.2).
//!
//! `MAXREC` cuts after `TOP` and never silently; `MAXREC=0` asks for the columns alone. A client that goes away drops the
//! response body, and with it the query.

use arrow::datatypes::SchemaRef;
use axum::Extension;
use axum::extract::{Request, State};
use axum::http::header::{ACCEPT, CONTENT_DISPOSITION, CONTENT_ENCODING, CONTENT_TYPE, USER_AGENT};
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::response::Response;
use bytes::Bytes;
use sidereus_engine::{Label, Principal, QueryRequest, Version};

use super::parameters::{ParameterError, Parameters};
use super::respond::{error_response, failed};
use crate::error::RequestId;
use crate::format::{self, EncodeError, Encoding, Ending, Head, OutputFormat};
use crate::http::{OVERFLOW_HEADER, ResultBody};
use crate::services::Services;

/// Rows after which the answer is cut, where there is such a limit.
const MAX_ROWS_HEADER: HeaderName = HeaderName::from_static("x-sidereus-max-rows");

/// Longest run identifier (TAP 1.1, section 2.7.5).
const MAX_RUNID: usize = 64;

/// What a client asked for.
#[derive(Debug)]
struct SyncRequest {
    query: String,
    language: (Label, Option<Version>),
    max_rows: Option<u64>,
    format: &'static dyn OutputFormat,
    /// The client's own words where it asked by media type, else the format's.
    content_type: HeaderValue,
    run_id: Option<String>,
}

/// Answers a query.
pub(super) async fn query(
    State(services): State<Services>,
    Extension(principal): Extension<Principal>,
    Extension(id): Extension<RequestId>,
    request: Request,
) -> Response {
    let default = default_format(request.headers());
    let parsed = match Parameters::read(request).await {
        Ok(parameters) => SyncRequest::parse(&parameters, default),
        Err(error) => Err(error),
    };
    let asked = match parsed {
        Ok(asked) => asked,
        Err(error) => return error_response(error.status(), &error.to_string()),
    };
    if let Some(run_id) = &asked.run_id {
        tracing::info!(request = %id, run_id, "run id");
    }
    match answer(&services, &principal, &id, asked).await {
        Ok(response) => response,
        Err(failure) => failed(&failure, &id),
    }
}

async fn answer(
    services: &Services,
    principal: &Principal,
    id: &RequestId,
    asked: SyncRequest,
) -> Result<Response, EncodeError> {
    let defaults = services.config.limits.default_rows;
    let max_rows = asked.max_rows.or_else(|| (defaults > 0).then_some(defaults));
    let limits = services.limits(max_rows);
    let mut response = if asked.max_rows == Some(0) {
        columns_only(services, principal, &asked).await?
    } else {
        let request = QueryRequest { limits, ..asked.request() };
        let result = services.query.run(principal, &request).await?;
        let encoding = Encoding::try_new(result, asked.format, Some(asked.query))?;
        ResultBody::begin(encoding, id.clone()).await?.into_response()
    };
    response.headers_mut().insert(CONTENT_TYPE, asked.content_type);
    let file_name = format!("inline; filename=\"result.{}\"", asked.format.extension());
    if let Ok(value) = HeaderValue::try_from(file_name) {
        response.headers_mut().insert(CONTENT_DISPOSITION, value);
    }
    if let Some(encoding) = asked.format.content_encoding() {
        response.headers_mut().insert(CONTENT_ENCODING, HeaderValue::from_static(encoding));
    }
    if let Some(max_rows) = limits.max_rows {
        response.headers_mut().insert(MAX_ROWS_HEADER, HeaderValue::from(max_rows));
    }
    Ok(response)
}

/// The columns of an answer without running the query; by definition rows are left out.
async fn columns_only(
    services: &Services,
    principal: &Principal,
    asked: &SyncRequest,
) -> Result<Response, EncodeError> {
    let prepared = services.query.prepare(principal, &asked.request()).await?;
    let head = Head::new(SchemaRef::clone(prepared.schema()), Some(asked.query.clone()));
    let out = format::without_rows(asked.format, &head, Ending::Overflow)?;
    let mut response = Response::new(Bytes::from(out).into());
    response.headers_mut().insert(OVERFLOW_HEADER, HeaderValue::from_static("true"));
    Ok(response)
}

impl SyncRequest {
    fn parse(parameters: &Parameters, default: &'static dyn OutputFormat) -> Result<Self, ParameterError> {
        check_tolerated(parameters)?;
        let query = parameters.single("QUERY")?.ok_or_else(|| missing("QUERY", "the query is missing"))?;
        let (format, content_type) = output_format(parameters, default)?;
        let run_id = parameters.single("RUNID")?.map(str::to_owned);
        if run_id.as_ref().is_some_and(|id| id.len() > MAX_RUNID) {
            return Err(missing("RUNID", &format!("at most {MAX_RUNID} bytes")));
        }
        Ok(Self {
            query: query.to_owned(),
            language: language(parameters)?,
            max_rows: max_rows(parameters)?,
            format,
            content_type,
            run_id,
        })
    }

    fn request(&self) -> QueryRequest {
        let (label, standard) = self.language;
        QueryRequest { standard, ..QueryRequest::new(self.query.clone(), label) }
    }
}

/// The label of a language, and the version of the standard that it means to the letter.
fn language(parameters: &Parameters) -> Result<(Label, Option<Version>), ParameterError> {
    let expected = "expected ADQL, ADQL-2.0, ADQL-2.1 or SQL";
    let language = parameters.single("LANG")?.ok_or_else(|| missing("LANG", expected))?;
    match language.trim().to_ascii_uppercase().as_str() {
        "ADQL" | "ADQL-2.1" => Ok((Label::Adql, None)),
        "ADQL-2.0" => Ok((Label::Adql, Some(Version::V2_0))),
        "SQL" => Ok((Label::Sql, None)),
        _ => Err(ParameterError::Value {
            name: "LANG",
            message: format!("unknown query language {language:?}: {expected}"),
        }),
    }
}

/// Parameters of earlier versions that say nothing new, and those of later ones that would say too much.
fn check_tolerated(parameters: &Parameters) -> Result<(), ParameterError> {
    if let Some(request) = parameters.single("REQUEST")?
        && !request.eq_ignore_ascii_case("doQuery")
    {
        return Err(ParameterError::Value { name: "REQUEST", message: format!("expected doQuery, found {request:?}") });
    }
    if parameters.all("UPLOAD").next().is_some() {
        return Err(missing("UPLOAD", "this service takes no uploaded tables"));
    }
    Ok(())
}

fn max_rows(parameters: &Parameters) -> Result<Option<u64>, ParameterError> {
    let parse = |text: &str| {
        let message = || format!("expected a number of rows, found {text:?}");
        text.trim().parse().map_err(|_| ParameterError::Value { name: "MAXREC", message: message() })
    };
    parameters.single("MAXREC")?.map(parse).transpose()
}

/// The format of an answer whose request names none.
fn default_format(headers: &HeaderMap) -> &'static dyn OutputFormat {
    let header = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    format::default_for(header(ACCEPT), header(USER_AGENT))
}

fn output_format(
    parameters: &Parameters,
    default: &'static dyn OutputFormat,
) -> Result<(&'static dyn OutputFormat, HeaderValue), ParameterError> {
    let asked = match parameters.single("RESPONSEFORMAT")? {
        Some(asked) => Some(asked),
        None => parameters.single("FORMAT")?,
    };
    let Some(asked) = asked else { return Ok((default, HeaderValue::from_static(default.media_type()))) };
    let format = format::find(asked).filter(|format| format.is_served()).ok_or_else(|| {
        let names: Vec<&str> = format::ALL.iter().filter(|f| f.is_served()).map(|f| f.name()).collect();
        let message = format!("unknown format {asked:?}: expected one of {}, or a media type", names.join(", "));
        ParameterError::Value { name: "RESPONSEFORMAT", message }
    })?;
    let own = HeaderValue::from_static(format.media_type());
    let is_media_type =
        ["application/", "text/"].iter().any(|start| asked.trim().to_ascii_lowercase().starts_with(start));
    let content_type = if is_media_type { HeaderValue::from_str(asked.trim()).unwrap_or(own) } else { own };
    Ok((format, content_type))
}

fn missing(name: &'static str, message: &str) -> ParameterError {
    ParameterError::Value { name, message: message.to_owned() }
}
