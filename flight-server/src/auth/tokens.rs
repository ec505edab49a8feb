//! Which bearer tokens are valid, and for whom?
//!
//! Tokens are 256 random bits; the store keeps only their SHA-256 digests, so that a dump of memory or a core file opens
//! no session. They live in this process: a restart logs everybody out.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};
use sidereus_engine::Principal;

/// Sessions that are kept; the one that ends first makes room.
const MAX_SESSIONS: usize = 100_000;

type TokenDigest = [u8; 32];

#[derive(Debug)]
struct Session {
    principal: Principal,
    ends: Instant,
}

/// Tokens given out by this process.
#[derive(Debug)]
pub(super) struct TokenStore {
    sessions: Mutex<HashMap<TokenDigest, Session>>,
    lifetime: Duration,
}

impl TokenStore {
    pub(super) fn new(lifetime: Duration) -> Self {
        Self { sessions: Mutex::default(), lifetime }
    }

    pub(super) fn issue(&self, principal: Principal) -> String {
        self.issue_at(principal, Instant::now())
    }

    pub(super) fn principal(&self, token: &str) -> Option<Principal> {
        self.principal_at(token, Instant::now())
    }

    pub(super) fn revoke(&self, token: &str) {
        self.lock().remove(&digest(token));
    }

    fn issue_at(&self, principal: Principal, now: Instant) -> String {
        let token = URL_SAFE_NO_PAD.encode(rand::random::<[u8; 32]>());
        let mut sessions = self.lock();
        if sessions.len() >= MAX_SESSIONS {
            sessions.retain(|_, session| session.ends > now);
        }
        if sessions.len() >= MAX_SESSIONS {
            let oldest = sessions.iter().min_by_key(|(_, session)| session.ends).map(|(key, _)| *key);
            oldest.and_then(|key| sessions.remove(&key));
        }
        sessions.insert(digest(&token), Session { principal, ends: now + self.lifetime });
        token
    }

    fn principal_at(&self, token: &str, now: Instant) -> Option<Principal> {
        let key = digest(token);
        let mut sessions = self.lock();
        let session = sessions.get(&key)?;
        if session.ends > now {
            return Some(session.principal.clone());
        }
        sessions.remove(&key);
        None
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<TokenDigest, Session>> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn digest(token: &str) -> TokenDigest {
    Sha256::digest(token.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_end_after_their_lifetime() {
        let store = TokenStore::new(Duration::from_secs(60));
        let start = Instant::now();
        let token = store.issue_at(galileo(), start);
        assert_eq!(store.principal_at(&token, start + Duration::from_secs(59)), Some(galileo()));
        assert_eq!(store.principal_at(&token, start + Duration::from_secs(60)), None);
        assert_eq!(store.principal_at(&token, start), None, "an expired token stays dead");
    }

    #[test]
    fn tokens_are_long_and_differ() {
        let store = TokenStore::new(Duration::from_secs(60));
        let (one, two) = (store.issue(galileo()), store.issue(galileo()));
        assert_ne!(one, two);
        assert_eq!(one.len(), 43);
        assert_eq!(store.principal(""), None);
    }

    fn galileo() -> Principal {
        Principal::user("galileo", [])
    }
}
