//! Simple Cone Search 1.03, one service a table with positions: `/scs/SCHEMA.TABLE?RA=..&DEC=..&SR=..`.
//!
//! A translation to one query: `VERB` chooses the columns, `MAXREC` cuts, `SR=0` asks for the columns alone. Whatever is
//! wrong is told in an INFO named `Error` (section 2.3).

mod query;

use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use axum::http::header::{CONTENT_TYPE, HeaderValue};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Extension, Router};
use sidereus_engine::{Label, QueryRequest};

use self::query::{ConeSearch, SearchError};
use crate::error::RequestId;
use crate::format::{EncodeError, Encoding, votable};
use crate::http::{self, ResultBody};
use crate::queries::Caller;
use crate::services::Services;

const XML: HeaderValue = HeaderValue::from_static("text/xml");

/// Routes below `/scs`.
pub(crate) fn router(services: &Services) -> Router<Services> {
    let searches = Router::new().route("/{table}", get(search));
    http::identified(searches, services, refused)
}

/// Says no as cone searches do.
pub(crate) fn refused(status: StatusCode, message: &str) -> Response {
    (status, [(CONTENT_TYPE, XML)], votable::cone_error_document(message)).into_response()
}

async fn search(
    State(services): State<Services>,
    Extension(caller): Extension<Caller>,
    Extension(id): Extension<RequestId>,
    Path(table): Path<String>,
    request: Request,
) -> Response {
    let tables = services.query.tables(&caller.principal);
    let asked = ConeSearch::of(&tables, &table, request.uri().query().unwrap_or_default());
    let asked = match asked {
        Ok(asked) => asked,
        Err(error) => {
            return refused(
                if matches!(error, SearchError::NoTable(_)) { StatusCode::NOT_FOUND } else { StatusCode::OK },
                &error.to_string(),
            );
        }
    };
    match answer(&services, &caller, &id, &asked).await {
        Ok(response) => response,
        Err(failure) => refused(crate::error::http_status(failure.kind()), &failure.public_text(&id)),
    }
}

async fn answer(
    services: &Services,
    caller: &Caller,
    id: &RequestId,
    asked: &ConeSearch<'_>,
) -> Result<Response, EncodeError> {
    let limits = services.limits(services.config.row_limit(asked.max_rows));
    let text = asked.text();
    let request = QueryRequest { limits, ..QueryRequest::new(text.clone(), Label::Adql) };
    let mut result = services.queries.run(caller, &request).await?;
    result.schema = asked.described(&result.schema);
    let encoding = Encoding::try_new(result, &votable::TableData, Some(text))?;
    let mut response = ResultBody::begin(encoding, id.clone()).await?.into_response();
    response.headers_mut().insert(CONTENT_TYPE, XML);
    Ok(response)
}
