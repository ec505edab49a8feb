//! Who makes a call, in which session, and how should it be answered?
//!
//! Made once for each call, from its header fields. Sessions are found by a cookie or by the bearer token; a client
//! without either gets both when it sets an option. Anonymous clients may hold a token too (`anonymous.<session>`),
//! since some drivers keep tokens but not cookies.

use std::net::IpAddr;

use sidereus_engine::Principal;
use tonic::Status;
use tonic::metadata::MetadataMap;

use super::session::{CALL_OPTIONS, Options, SessionKey, Sessions};
use super::session_messages::OptionValue;
use crate::auth::Authenticator;
use crate::listener::Peer;
use crate::queries::{self, Origin, Protocol};
use crate::storage::Account;

/// Name of the session cookie.
pub(super) const COOKIE: &str = "sidereus_session";
/// What an anonymous client's token begins with; the session's id follows.
const ANONYMOUS_PREFIX: &str = "anonymous.";

/// What flightsql-dbapi sends as its token where its user gave none.
const NO_TOKEN: &str = "None";

/// What is said to credentials that others could read.
pub(super) const PLAINTEXT: &str = "this connection is not encrypted: send no password or token on it, use grpc+tls";

/// Who makes a call, and how it should be answered.
#[derive(Debug, Clone)]
pub(super) struct Caller {
    /// On whose behalf it runs.
    pub(super) principal: Principal,
    /// The session, where the client named one.
    pub(super) session: Option<SessionKey>,
    /// Whose the tables are that it makes: the user's, or of the session or connection of somebody without a name.
    pub(super) owner: SessionKey,
    /// The bearer token of a user, which ends with the session.
    pub(super) token: Option<String>,
    /// The address of the client.
    pub(super) address: Option<IpAddr>,
    /// Options of the session, overridden by those of the call.
    pub(super) options: Options,
}

impl Caller {
    /// Reads the header fields of a call.
    ///
    /// *Errors*: credentials that are refused, and option fields with values they cannot have.
    pub(super) async fn admit(
        auth: &Authenticator,
        sessions: &Sessions,
        (headers, peer): (&MetadataMap, Option<Peer>),
    ) -> Result<Self, Status> {
        let authorization = authorization(headers)?;
        let (principal, token) = principal(auth, authorization.as_deref()).await?;
        let id = cookie(headers).or_else(|| token.clone());
        let token = token.filter(|_| principal.name().is_some());
        let session = id.map(|id| SessionKey::new(principal.name(), &id));
        let mut options = session.map(|session| sessions.options(session)).unwrap_or_default();
        for (header, option) in CALL_OPTIONS {
            let Some(value) = headers.get(header) else { continue };
            let set = value.to_str().ok().map(|text| OptionValue::Text(text.to_owned()));
            if set.is_none() || options.set(option, set.as_ref()).is_err() {
                return Err(Status::invalid_argument(format!("header field {header}: the value does not fit")));
            }
        }
        let connection = || SessionKey::connection(peer.map_or(0, |peer| peer.number));
        let owner = principal.name().map(SessionKey::user).or(session).unwrap_or_else(connection);
        let address = peer.map(|peer| peer.address.ip().to_canonical());
        Ok(Self { principal, session, owner, token, address, options })
    }

    /// On whose account files lie.
    pub(super) fn account(&self) -> Account {
        Account::named(self.principal.name(), &self.asking().address())
    }

    /// Whether it is on this machine.
    pub(super) fn is_local(&self) -> bool {
        self.address.is_some_and(|address| address.is_loopback())
    }

    /// The caller as whom queries run.
    pub(super) fn asking(&self) -> queries::Caller {
        let origin = Origin { protocol: Protocol::Flight, address: self.address, request: None };
        queries::Caller::new(self.principal.clone(), origin)
    }
}

/// An anonymous client's token for a session.
pub(super) fn anonymous_token(session: &str) -> String {
    format!("{ANONYMOUS_PREFIX}{session}")
}

/// The value of the `authorization` field, or of the field that some Flight clients use instead.
pub(super) fn authorization(headers: &MetadataMap) -> Result<Option<String>, Status> {
    if let Some(value) = headers.get("authorization") {
        let text = value.to_str().map_err(|_| Status::unauthenticated("malformed credentials: not ASCII"))?;
        return Ok(Some(text.to_owned()));
    }
    let Some(value) = headers.get_bin("auth-token-bin") else { return Ok(None) };
    let malformed = |_| Status::unauthenticated("malformed credentials: the token is not text");
    let bytes = value.to_bytes().map_err(|_| Status::unauthenticated("malformed credentials: not base64"))?;
    Ok(Some(format!("Bearer {}", String::from_utf8(bytes.to_vec()).map_err(malformed)?)))
}

/// The principal of an `authorization` value, and the id of the session that its token stands for.
async fn principal(auth: &Authenticator, authorization: Option<&str>) -> Result<(Principal, Option<String>), Status> {
    let bearer = authorization
        .and_then(|value| value.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
    let Some((_, token)) = bearer else { return Ok((auth.authorization(authorization).await?, None)) };
    let token = token.trim();
    if token == NO_TOKEN {
        return Ok((auth.authorization(None).await?, None));
    }
    match token.strip_prefix(ANONYMOUS_PREFIX) {
        Some(session) => Ok((auth.authorization(None).await?, Some(session.to_owned()))),
        None => {
            let principal = auth.bearer(token)?;
            // Anonymous clients without a session share one token.
            let session = principal.name().map(|_| token.to_owned());
            Ok((principal, session))
        }
    }
}

fn cookie(headers: &MetadataMap) -> Option<String> {
    let fields = headers.get_all("cookie");
    let pairs = fields.iter().filter_map(|field| field.to_str().ok()).flat_map(|field| field.split(';'));
    pairs.filter_map(|pair| pair.trim().split_once('=')).find(|(name, _)| *name == COOKIE).map(|(_, id)| id.to_owned())
}
