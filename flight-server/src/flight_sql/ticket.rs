//! What is inside a handle or a ticket, and how is it kept from being forged?
//!
//! Prepared statement handles and tickets are the same thing: a [`Statement`] in protobuf form, preceded by a keyed
//! digest (HMAC-SHA-256) and the number of its key. Binding parameters makes a new handle; nothing has to be
//! remembered for it, so a ticket may be read by another client process, several times, until it expires. Only the
//! principal that made a statement may run it, and whoever changes one bit is refused.
//!
//! ```text
//! | number of the key, 4 bytes | digest, 32 bytes | Statement { id, text or its digest, label, owner, parameters, limits, expiry } |
//! ```
//!
//! This file knows neither gRPC nor queries.

use std::sync::{PoisonError, RwLock};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use prost::Message;
use rand::RngCore;
use sha2::{Digest, Sha256};

/// Bytes of a SHA-256 digest.
const DIGEST: usize = 32;
/// Bytes of a block of SHA-256, which HMAC pads its key to.
pub(super) const BLOCK: usize = 64;
/// Bytes of the number of a key.
const NUMBER: usize = 4;
/// Texts longer than this travel as their digest, and the server keeps the text.
const INLINE_TEXT: usize = 16 * 1024;

/// A statement as it travels: everything that is needed to run it later.
#[derive(Clone, PartialEq, Eq, Message)]
pub(super) struct Statement {
    /// Identity of this run, by which it can be cancelled.
    #[prost(bytes = "bytes", tag = "1")]
    pub(super) id: Bytes,
    /// The text, unless it is long.
    #[prost(string, optional, tag = "2")]
    pub(super) text: Option<String>,
    /// Digest of owner, label, rules and text: the key of the plan.
    #[prost(bytes = "bytes", tag = "3")]
    pub(super) plan: Bytes,
    /// Whether the text is ADQL; SQL otherwise.
    #[prost(bool, tag = "4")]
    pub(super) adql: bool,
    /// Name of the principal that may run it; none for anonymous.
    #[prost(string, optional, tag = "5")]
    pub(super) owner: Option<String>,
    /// Rows of parameters as an IPC stream; empty where none were bound.
    #[prost(bytes = "bytes", tag = "6")]
    pub(super) parameters: Bytes,
    /// Rows that the client asked for at most.
    #[prost(uint64, optional, tag = "7")]
    pub(super) max_rows: Option<u64>,
    /// Milliseconds that the query may run, where the client said so.
    #[prost(uint64, optional, tag = "8")]
    pub(super) timeout_ms: Option<u64>,
    /// Seconds since 1970 after which it is refused.
    #[prost(uint64, tag = "9")]
    pub(super) expires: u64,
    /// Compression of message bodies: empty, `lz4` or `zstd`.
    #[prost(string, tag = "10")]
    pub(super) compression: String,
    /// Rules of the engine that the client switched off, where it said so.
    #[prost(string, optional, tag = "11")]
    pub(super) rules_off: Option<String>,
    /// Digest of the columns and parameters that the client was told of; empty where it was told the table only.
    #[prost(bytes = "bytes", tag = "12")]
    pub(super) columns: Bytes,
    /// Whose own tables it may name; empty where there were none.
    #[prost(bytes = "bytes", tag = "13")]
    pub(super) tables_of: Bytes,
    /// Whether it is a query that is followed: its id says all, and there is no text.
    #[prost(bool, tag = "14")]
    pub(super) is_followed: bool,
    /// The piece of its answer, from 1; in a descriptor, how many the client was told of.
    #[prost(uint64, tag = "15")]
    pub(super) piece: u64,
    /// Digest of what the owner may, and how it is known: one that was made before either changed is refused.
    #[prost(uint64, tag = "16")]
    pub(super) standing: u64,
}

impl Statement {
    /// Fills in text and plan key: short texts travel, long ones are only named.
    pub(super) fn with_text(mut self, text: &str) -> Self {
        self.plan = plan_key(self.owner.as_deref(), self.adql, self.rules_off.as_deref(), text);
        self.text = (text.len() <= INLINE_TEXT).then(|| text.to_owned());
        self
    }

    /// The same statement as a run of its own, good for `life`.
    pub(super) fn renewed(mut self, life: Duration) -> Self {
        let mut id = [0_u8; 16];
        rand::rng().fill_bytes(&mut id);
        self.id = Bytes::copy_from_slice(&id);
        self.expires = seconds_since_1970() + life.as_secs();
        self
    }

    /// The id as people and logs write it.
    pub(super) fn query_id(&self) -> String {
        self.id.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// Why a handle or ticket was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum TicketError {
    /// It was not made by this server or not for this user as it is now, or it was changed.
    #[error("the handle or ticket was not issued to you by this server: prepare the query again")]
    Foreign,
    /// Its time is over.
    #[error("the handle or ticket has expired: prepare the query again")]
    Expired,
}

/// A random key.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct SigningKey {
    /// Found by it.
    pub(super) number: u32,
    /// When, in seconds since 1970.
    pub(super) made: u64,
    /// The key.
    pub(super) bytes: [u8; BLOCK],
}

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SigningKey").field("number", &self.number).finish_non_exhaustive()
    }
}

/// Signs statements and checks signatures.
pub(super) struct Sealer {
    /// The first signs.
    keys: RwLock<Vec<SigningKey>>,
}

impl std::fmt::Debug for Sealer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sealer").finish_non_exhaustive()
    }
}

impl Sealer {
    /// A sealer whose first key signs; what was signed by the others is good as well.
    pub(super) fn new(keys: Vec<SigningKey>) -> Self {
        Self { keys: RwLock::new(keys) }
    }

    /// Takes other keys from now on.
    pub(super) fn replace(&self, keys: Vec<SigningKey>) {
        *self.keys.write().unwrap_or_else(PoisonError::into_inner) = keys;
    }

    /// Encodes and signs.
    pub(super) fn seal(&self, statement: &Statement) -> Bytes {
        let body = statement.encode_to_vec();
        let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner);
        let Some(key) = keys.first() else { return Bytes::new() };
        let mut sealed = Vec::with_capacity(NUMBER + DIGEST + body.len());
        sealed.extend_from_slice(&key.number.to_le_bytes());
        sealed.extend_from_slice(&key.code(&body));
        sealed.extend_from_slice(&body);
        sealed.into()
    }

    /// Checks signature and expiry and decodes.
    pub(super) fn unseal(&self, sealed: &[u8]) -> Result<Statement, TicketError> {
        let (number, sealed) = sealed.split_first_chunk::<NUMBER>().ok_or(TicketError::Foreign)?;
        let (code, body) = sealed.split_at_checked(DIGEST).ok_or(TicketError::Foreign)?;
        let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner);
        let key = keys.iter().find(|key| key.number == u32::from_le_bytes(*number)).ok_or(TicketError::Foreign)?;
        if !equal_in_constant_time(code, &key.code(body)) {
            return Err(TicketError::Foreign);
        }
        drop(keys);
        let statement = Statement::decode(body).map_err(|_| TicketError::Foreign)?;
        if statement.expires < seconds_since_1970() {
            return Err(TicketError::Expired);
        }
        Ok(statement)
    }
}

impl SigningKey {
    /// HMAC-SHA-256 of `message`. *Source*: RFC 2104, section 2.
    fn code(&self, message: &[u8]) -> [u8; DIGEST] {
        let inner = Sha256::new().chain_update(self.bytes.map(|byte| byte ^ 0x36)).chain_update(message).finalize();
        Sha256::new().chain_update(self.bytes.map(|byte| byte ^ 0x5c)).chain_update(inner).finalize().into()
    }
}

/// The key of a plan: nobody else's statement, and none under another label or other rules, has the same one.
fn plan_key(owner: Option<&str>, adql: bool, rules_off: Option<&str>, text: &str) -> Bytes {
    let (name, rules) = (owner.unwrap_or_default(), rules_off.unwrap_or_default());
    let digest = Sha256::new()
        .chain_update([u8::from(owner.is_some()), u8::from(adql), u8::from(rules_off.is_some())])
        .chain_update(name.len().to_le_bytes())
        .chain_update(name)
        .chain_update(rules.len().to_le_bytes())
        .chain_update(rules)
        .chain_update(text)
        .finalize();
    Bytes::copy_from_slice(&digest)
}

/// Compares without telling by its time where the first difference is.
fn equal_in_constant_time(left: &[u8], right: &[u8]) -> bool {
    left.len() == right.len() && left.iter().zip(right).fold(0, |differences, (l, r)| differences | (l ^ r)) == 0
}

/// The clock of expiry times.
pub(super) fn seconds_since_1970() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |elapsed| elapsed.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sealed_statement_comes_back() {
        let sealer = sealer(1);
        let statement = statement("SELECT 1");
        assert_eq!(sealer.unseal(&sealer.seal(&statement)), Ok(statement));
    }

    #[test]
    fn every_changed_bit_is_refused() {
        let sealer = sealer(1);
        let sealed = sealer.seal(&statement("SELECT 1"));
        for bit in 0..sealed.len() * 8 {
            let mut forged = sealed.to_vec();
            forged[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(sealer.unseal(&forged), Err(TicketError::Foreign), "bit {bit}");
        }
        assert_eq!(sealer.unseal(&sealed[..20]), Err(TicketError::Foreign));
        assert_eq!(sealer.unseal(b""), Err(TicketError::Foreign));
    }

    #[test]
    fn what_a_key_has_signed_ends_with_the_key() {
        let (statement, all) = (statement("SELECT 1"), sealer(2));
        let sealed = sealer(1).seal(&statement);
        assert_eq!(all.unseal(&sealed), Ok(statement.clone()));
        assert_eq!(all.seal(&statement)[..NUMBER], 2_u32.to_le_bytes());
        all.replace(vec![key(2)]);
        assert_eq!(all.unseal(&sealed), Err(TicketError::Foreign));
    }

    #[test]
    fn an_expired_statement_is_refused() {
        let sealer = sealer(1);
        let mut old = statement("SELECT 1");
        old.expires = 1;
        assert_eq!(sealer.unseal(&sealer.seal(&old)), Err(TicketError::Expired));
    }

    #[test]
    fn the_code_is_hmac_sha_256() {
        // RFC 4231, test case 2: a short key, padded with zeros.
        let mut bytes = [0_u8; BLOCK];
        bytes[..4].copy_from_slice(b"Jefe");
        let code = SigningKey { bytes, ..key(1) }.code(b"what do ya want for nothing?");
        let hex: String = code.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    }

    #[test]
    fn plans_are_told_apart_by_owner_label_rules_and_text() {
        let keys = [
            plan_key(None, false, None, "SELECT 1"),
            plan_key(None, true, None, "SELECT 1"),
            plan_key(Some(""), false, None, "SELECT 1"),
            plan_key(Some("S"), false, None, "ELECT 1"),
            plan_key(None, false, None, "SELECT 2"),
            plan_key(None, false, Some(""), "SELECT 1"),
            plan_key(None, false, Some("S"), "ELECT 1"),
        ];
        for (index, key) in keys.iter().enumerate() {
            assert!(!keys[index + 1..].contains(key));
        }
    }

    #[test]
    fn a_long_text_stays_behind() {
        let long = statement(&"x".repeat(INLINE_TEXT + 1));
        assert_eq!(long.text, None);
        assert_eq!(long.plan.len(), DIGEST);
        assert!(statement("SELECT 1").text.is_some());
    }

    /// A sealer with so many keys.
    fn sealer(keys: u32) -> Sealer {
        Sealer::new((1..=keys).rev().map(key).collect())
    }

    fn key(number: u32) -> SigningKey {
        SigningKey { number, made: 0, bytes: [number as u8; BLOCK] }
    }

    fn statement(text: &str) -> Statement {
        Statement { owner: Some("alice".into()), ..Statement::default() }
            .with_text(text)
            .renewed(Duration::from_secs(60))
    }
}
