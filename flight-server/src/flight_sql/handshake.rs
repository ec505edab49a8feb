//! How does a client log in?
//!
//! It calls Handshake with a user name and password, in the `authorization` field (as drivers do) or in the first
//! message (as older Flight clients do), and gets a bearer token: in the `authorization` field of the answer, where
//! drivers look, and in the message, where the older ones do.

use arrow_flight::{BasicAuth, HandshakeRequest, HandshakeResponse};
use futures::StreamExt;
use futures::stream::BoxStream;
use prost::Message;
use tonic::metadata::MetadataValue;
use tonic::{Request, Response, Status, Streaming};

use super::caller::{anonymous_token, authorization};
use super::status::defect;
use crate::auth::Authenticator;

/// The answer of a handshake.
pub(super) type HandshakeStream = BoxStream<'static, Result<HandshakeResponse, Status>>;

/// Checks credentials and gives out a token.
///
/// *Errors*: credentials that are refused.
pub(super) async fn handshake(
    auth: &Authenticator,
    request: Request<Streaming<HandshakeRequest>>,
) -> Result<Response<HandshakeStream>, Status> {
    let header = authorization(request.metadata())?;
    let principal = match header {
        Some(header) => auth.authorization(Some(&header)).await?,
        None => match first_message(request.into_inner()).await? {
            Some(login) => auth.basic(&login.username, &login.password).await?,
            None => auth.authorization(None).await?,
        },
    };
    let token = match principal.name() {
        Some(_) => auth.issue(&principal),
        None => anonymous_token(&session_id()),
    };
    let answer = HandshakeResponse { protocol_version: 0, payload: token.clone().into() };
    let mut response = Response::new(futures::stream::once(async { Ok(answer) }).boxed());
    response.metadata_mut().insert("authorization", bearer(&token)?);
    Ok(response)
}

/// A bearer token as a header field.
pub(super) fn bearer(token: &str) -> Result<MetadataValue<tonic::metadata::Ascii>, Status> {
    format!("Bearer {token}").parse().map_err(defect)
}

/// A session's id: nobody can guess it.
pub(super) fn session_id() -> String {
    uuid::Uuid::new_v4().simple().to_string()
}

/// The login in the first message, where there is one.
async fn first_message(mut messages: Streaming<HandshakeRequest>) -> Result<Option<BasicAuth>, Status> {
    let Some(first) = messages.message().await? else { return Ok(None) };
    if first.payload.is_empty() {
        return Ok(None);
    }
    let login = BasicAuth::decode(first.payload);
    login
        .map(Some)
        .map_err(|_| Status::unauthenticated("malformed credentials: the handshake holds no user name and password"))
}
