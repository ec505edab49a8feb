//! Who is asking?
//!
//! [`Authenticator`] turns credentials of any protocol into an engine [`Principal`]: nothing (anonymous, where the
//! configuration allows it), a user name with a password, or a bearer token that a handshake gave out. It knows the
//! configured users and the tokens in memory; it knows no header map, endpoint or table.

mod credentials;
mod password;
mod tokens;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use sha2::{Digest, Sha256};
use sidereus_engine::{ErrorKind, Principal};
use tokio::sync::Semaphore;

pub(crate) use credentials::Credentials;
pub(crate) use password::{check_hash, hash_password};
use tokens::TokenStore;

/// Verifications that may run at once: each holds tens of megabytes and a core.
const PARALLEL_VERIFICATIONS: usize = 4;

/// The token of everybody who did not say who they are; it opens what no token opens.
const ANONYMOUS_TOKEN: &str = "anonymous";

/// A user as configured.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct User {
    /// Name to log in with.
    pub(crate) name: String,
    /// Argon2 hash in PHC form, checked by [`check_hash`].
    pub(crate) password_hash: String,
    /// Groups of the user.
    pub(crate) groups: Vec<String>,
}

/// Why credentials did not become a principal.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum AuthError {
    /// Nothing was given and anonymous access is off.
    #[error("this service wants credentials: a user name and password, or a bearer token")]
    Missing,
    /// The header is not one that the service understands.
    #[error("malformed credentials: {0}")]
    Malformed(&'static str),
    /// Unknown user or wrong password; which of them is not told.
    #[error("unknown user or wrong password")]
    Rejected,
    /// The token is unknown or was given out too long ago.
    #[error("unknown or expired token: log in again")]
    Expired,
}

impl AuthError {
    /// The kind that front ends map to a status.
    #[expect(clippy::unused_self, reason = "every authentication error is of one kind today")]
    pub(crate) const fn kind(&self) -> ErrorKind {
        ErrorKind::Unauthenticated
    }
}

impl From<AuthError> for tonic::Status {
    fn from(error: AuthError) -> Self {
        Self::new(crate::error::grpc_code(error.kind()), error.to_string())
    }
}

/// Checks credentials and gives out tokens; one for the life of the server.
pub(crate) struct Authenticator {
    users: BTreeMap<String, User>,
    anonymous: bool,
    tokens: TokenStore,
    verifications: Arc<Semaphore>,
    /// Verified against for unknown users, so that they take as long as known ones.
    decoy: String,
}

impl std::fmt::Debug for Authenticator {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Authenticator")
            .field("users", &self.users.len())
            .field("anonymous", &self.anonymous)
            .finish_non_exhaustive()
    }
}

impl Authenticator {
    /// Makes an authenticator for the configured users; tokens live for `session`.
    pub(crate) fn new(users: impl IntoIterator<Item = User>, anonymous: bool, session: Duration) -> Self {
        let users: BTreeMap<String, User> = users.into_iter().map(|user| (user.name.clone(), user)).collect();
        let decoy = users.values().next().map_or_else(password::decoy, |user| user.password_hash.clone());
        Self {
            users,
            anonymous,
            tokens: TokenStore::new(session),
            verifications: Arc::new(Semaphore::new(PARALLEL_VERIFICATIONS)),
            decoy,
        }
    }

    /// The principal of an `authorization` header: `Basic` (padded or not), `Bearer`, or none for anonymous.
    pub(crate) async fn authorization(&self, header: Option<&str>) -> Result<Principal, AuthError> {
        match header.map(Credentials::parse).transpose()? {
            None => self.anonymous(),
            Some(Credentials::Basic { user, password }) => self.basic(&user, &password).await,
            Some(Credentials::Bearer(token)) => self.bearer(&token),
        }
    }

    /// The principal of a user name and password.
    ///
    /// An empty name, or `anonymous` where no such user is configured, with an empty password asks for anonymous access.
    /// *Cost*: one argon2 verification on a blocking thread, for unknown users too.
    pub(crate) async fn basic(&self, user: &str, password: &str) -> Result<Principal, AuthError> {
        let known = self.users.get(user);
        if known.is_none() && password.is_empty() && (user.is_empty() || user == ANONYMOUS_TOKEN) {
            return self.anonymous();
        }
        let hash = known.map_or(&self.decoy, |known| &known.password_hash).clone();
        let matches = self.verify(hash, password.to_owned()).await;
        match known {
            Some(known) if matches => Ok(Principal::user(known.name.clone(), known.groups.iter().cloned())),
            _ => Err(AuthError::Rejected),
        }
    }

    /// The principal of a user whose credentials were checked earlier; `None` where that is no user any more.
    pub(crate) fn principal(&self, user: &str) -> Option<Principal> {
        let known = self.users.get(user)?;
        Some(Principal::user(known.name.clone(), known.groups.iter().cloned()))
    }

    /// A digest of what a principal may and how it is known: another once its password or its groups have changed.
    pub(crate) fn standing(&self, principal: &Principal) -> u64 {
        let Some(user) = principal.name().and_then(|name| self.users.get(name)) else { return 0 };
        let digest = Sha256::new().chain_update(&user.password_hash);
        let digest = user.groups.iter().fold(digest, |digest, group| digest.chain_update([0]).chain_update(group));
        let digest = digest.finalize();
        digest.first_chunk().map_or(0, |first| u64::from_le_bytes(*first))
    }

    /// The principal that a token was issued to.
    pub(crate) fn bearer(&self, token: &str) -> Result<Principal, AuthError> {
        if token == ANONYMOUS_TOKEN {
            return self.anonymous();
        }
        self.tokens.principal(token).ok_or(AuthError::Expired)
    }

    /// A fresh token for a principal; 256 random bits, kept only as a digest.
    ///
    /// Anonymous principals share one public token, so that they cannot fill the store.
    pub(crate) fn issue(&self, principal: &Principal) -> String {
        if principal.name().is_none() { ANONYMOUS_TOKEN.to_owned() } else { self.tokens.issue(principal.clone()) }
    }

    /// Forgets a token; unknown ones are fine.
    pub(crate) fn revoke(&self, token: &str) {
        self.tokens.revoke(token);
    }

    fn anonymous(&self) -> Result<Principal, AuthError> {
        if self.anonymous { Ok(Principal::anonymous()) } else { Err(AuthError::Missing) }
    }

    async fn verify(&self, hash: String, password: String) -> bool {
        let Ok(_permit) = self.verifications.acquire().await else { return false };
        let verified = tokio::task::spawn_blocking(move || password::verify(&hash, &password)).await;
        verified.unwrap_or(false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_user_logs_in_with_padded_and_unpadded_credentials() {
        let auth = authenticator(false);
        for header in ["Basic Z2FsaWxlbzptb29ucyE=", "basic Z2FsaWxlbzptb29ucyE", "BASIC   Z2FsaWxlbzptb29ucyE="] {
            let principal = auth.authorization(Some(header)).await.unwrap();
            assert_eq!(principal.name(), Some("galileo"), "{header}");
            assert!(principal.is_member("observers") && !principal.is_member("others"));
        }
    }

    #[tokio::test]
    async fn wrong_names_and_wrong_passwords_are_told_alike() {
        let auth = authenticator(true);
        assert_eq!(auth.basic("galileo", "moon").await, Err(AuthError::Rejected));
        assert_eq!(auth.basic("nobody", "moons!").await, Err(AuthError::Rejected));
        assert_eq!(auth.basic("", "moons!").await, Err(AuthError::Rejected));
    }

    #[tokio::test]
    async fn nothing_is_anonymous_only_where_allowed() {
        assert_eq!(authenticator(true).authorization(None).await, Ok(Principal::anonymous()));
        assert_eq!(authenticator(true).basic("anonymous", "").await, Ok(Principal::anonymous()));
        assert_eq!(authenticator(false).authorization(None).await, Err(AuthError::Missing));
        assert_eq!(authenticator(false).bearer(ANONYMOUS_TOKEN), Err(AuthError::Missing));
    }

    #[tokio::test]
    async fn a_token_stands_for_its_principal_until_revoked() {
        let auth = authenticator(false);
        let principal = auth.basic("galileo", "moons!").await.unwrap();
        let token = auth.issue(&principal);
        assert_eq!(auth.authorization(Some(&format!("Bearer {token}"))).await, Ok(principal));
        assert_eq!(auth.bearer("another"), Err(AuthError::Expired));
        auth.revoke(&token);
        assert_eq!(auth.bearer(&token), Err(AuthError::Expired));
    }

    #[test]
    fn debug_output_shows_no_hash() {
        assert!(!format!("{:?}", authenticator(true)).contains("argon2"));
    }

    fn authenticator(anonymous: bool) -> Authenticator {
        let user = User {
            name: "galileo".to_owned(),
            password_hash: hash_password("moons!").unwrap(),
            groups: vec!["observers".to_owned()],
        };
        Authenticator::new([user], anonymous, Duration::from_secs(60))
    }
}
