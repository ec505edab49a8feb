//! How does a client want its queries answered, beyond their text?
//!
//! [`Options`] are set for a session by `SetSessionOptions`, or for one call by header fields of the same names
//! (`x-sidereus-language`, `x-sidereus-max-rows`, ...), which win. A session is found by the id that a client sends
//! back to us (cookie or bearer token); it belongs to one principal and ends after an hour without use. This file
//! knows no gRPC.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use arrow::ipc::CompressionType;
use sha2::{Digest, Sha256};
use sidereus_engine::{Label, Rules};

use super::session_messages::{OptionProblem, OptionValue};

/// The one catalog, as Flight SQL calls the level above schemas.
pub(super) const CATALOG: &str = "sidereus";
/// The schema whose name need not be written.
pub(super) const DEFAULT_SCHEMA: &str = "public";
/// Options that a header field may set for one call.
pub(super) const CALL_OPTIONS: [(&str, &str); 6] = [
    ("x-sidereus-estimate", "estimate"),
    ("x-sidereus-language", "language"),
    ("x-sidereus-max-rows", "max_rows"),
    ("x-sidereus-timeout", "timeout"),
    ("x-sidereus-compression", "compression"),
    ("x-sidereus-rules-off", "rules_off"),
];

/// Sessions that are kept at once; beyond it the one unused for longest is forgotten.
const MAX_SESSIONS: usize = 10_000;
/// Time without use after which a session ends.
const IDLE: Duration = Duration::from_secs(3600);

/// How queries are read and answered.
#[derive(Debug, Clone, Copy)]
pub(super) struct Options {
    /// Language of query texts.
    pub(super) label: Label,
    /// Rows after which an answer is cut, and the cut is told.
    pub(super) max_rows: Option<u64>,
    /// Time that a query may take.
    pub(super) timeout: Option<Duration>,
    /// Compression of message bodies.
    pub(super) compression: Option<CompressionType>,
    /// Rules of the engine; none takes the server's.
    pub(super) rules: Option<Rules>,
    /// Whether descriptions of queries say what they will cost.
    pub(super) estimate: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { label: Label::Sql, max_rows: None, timeout: None, compression: None, rules: None, estimate: false }
    }
}

impl Options {
    /// Whether texts are ADQL.
    pub(super) fn is_adql(&self) -> bool {
        matches!(self.label, Label::Adql)
    }

    /// Sets one option; no value restores its default.
    ///
    /// *Errors*: an unknown name, or a value that the option cannot have.
    pub(super) fn set(&mut self, name: &str, value: Option<&OptionValue>) -> Result<(), OptionProblem> {
        let text = value.map(text_of).transpose()?.filter(|text| !text.is_empty());
        let text = text.as_deref();
        let wrong = OptionProblem::InvalidValue;
        match name {
            "language" => self.label = text.map_or(Some(Label::Sql), label).ok_or(wrong)?,
            "max_rows" => self.max_rows = text.map(str::parse).transpose().map_err(|_| wrong)?,
            "timeout" => self.timeout = text.map(|text| seconds(text).ok_or(wrong)).transpose()?,
            "compression" => self.compression = text.map_or(Some(None), compression).ok_or(wrong)?,
            "rules_off" => {
                self.rules = text.map(|list| Rules::all().without(list)).transpose().map_err(|_| wrong)?;
            }
            "estimate" => self.estimate = text.map_or(Ok(false), str::parse).map_err(|_| wrong)?,
            "catalog" if text.is_none_or(|text| text == CATALOG) => {}
            "schema" if text.is_none_or(|text| text == DEFAULT_SCHEMA) => {}
            "catalog" | "schema" => return Err(wrong),
            _ => return Err(OptionProblem::InvalidName),
        }
        Ok(())
    }

    /// All options that have a value, by name.
    pub(super) fn listed(&self) -> HashMap<String, OptionValue> {
        let text = |text: &str| OptionValue::Text(text.to_owned());
        let mut listed = HashMap::from([
            ("catalog".to_owned(), text(CATALOG)),
            ("schema".to_owned(), text(DEFAULT_SCHEMA)),
            ("language".to_owned(), text(if self.is_adql() { "adql" } else { "sql" })),
            ("compression".to_owned(), text(compression_name(self.compression))),
            ("estimate".to_owned(), text(if self.estimate { "true" } else { "false" })),
        ]);
        if let Some(rules) = self.rules {
            listed.insert("rules_off".to_owned(), text(&rules.switched_off()));
        }
        if let Some(rows) = self.max_rows.and_then(|rows| i64::try_from(rows).ok()) {
            listed.insert("max_rows".to_owned(), OptionValue::Integer(rows));
        }
        if let Some(timeout) = self.timeout {
            listed.insert("timeout".to_owned(), OptionValue::Double(timeout.as_secs_f64()));
        }
        listed
    }
}

/// The name of a compression; empty for none.
pub(super) fn compression_name(compression: Option<CompressionType>) -> &'static str {
    match compression {
        Some(CompressionType::LZ4_FRAME) => "lz4",
        Some(CompressionType::ZSTD) => "zstd",
        _ => "none",
    }
}

/// The compression of a name.
pub(super) fn compression(name: &str) -> Option<Option<CompressionType>> {
    match name {
        "none" | "" => Some(None),
        "lz4" => Some(Some(CompressionType::LZ4_FRAME)),
        "zstd" => Some(Some(CompressionType::ZSTD)),
        _ => None,
    }
}

fn text_of(value: &OptionValue) -> Result<String, OptionProblem> {
    match value {
        OptionValue::Text(text) => Ok(text.trim().to_owned()),
        OptionValue::Integer(number) => Ok(number.to_string()),
        OptionValue::Double(number) => Ok(number.to_string()),
        OptionValue::Bool(_) | OptionValue::List(_) => Err(OptionProblem::InvalidValue),
    }
}

fn label(name: &str) -> Option<Label> {
    match name.to_ascii_lowercase().as_str() {
        "sql" => Some(Label::Sql),
        "adql" => Some(Label::Adql),
        _ => None,
    }
}

fn seconds(text: &str) -> Option<Duration> {
    text.parse()
        .ok()
        .filter(|seconds: &f64| *seconds > 0.0)
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
}

/// What a session is found by: never the id itself, so that a dump of memory opens none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct SessionKey([u8; 32]);

impl SessionKey {
    /// The key of an id as sent by a principal; another principal's id finds nothing.
    pub(super) fn new(principal: Option<&str>, id: &str) -> Self {
        let name = principal.unwrap_or_default();
        let digest = Sha256::new()
            .chain_update([u8::from(principal.is_some())])
            .chain_update(name.len().to_le_bytes())
            .chain_update(name)
            .chain_update(id);
        Self(digest.finalize().into())
    }

    /// What belongs to a user, whatever the session.
    pub(super) fn user(name: &str) -> Self {
        Self(Sha256::new().chain_update([2]).chain_update(name).finalize().into())
    }

    /// What belongs to a connection.
    pub(super) fn connection(number: u64) -> Self {
        Self(Sha256::new().chain_update([3]).chain_update(number.to_le_bytes()).finalize().into())
    }

    /// The key as it travels inside handles.
    pub(super) fn bytes(self) -> [u8; 32] {
        self.0
    }

    /// The key of [`Self::bytes`].
    pub(super) fn of_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }
}

struct Session {
    options: Options,
    used: Instant,
}

/// Options of all sessions.
#[derive(Default)]
pub(super) struct Sessions(Mutex<HashMap<SessionKey, Session>>);

impl std::fmt::Debug for Sessions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sessions").field("open", &self.lock().len()).finish()
    }
}

impl Sessions {
    /// The options of a session; the defaults where it set none.
    pub(super) fn options(&self, key: SessionKey) -> Options {
        let mut sessions = self.lock();
        let Some(session) = sessions.get_mut(&key) else { return Options::default() };
        if session.used.elapsed() > IDLE {
            sessions.remove(&key);
            return Options::default();
        }
        session.used = Instant::now();
        session.options
    }

    /// Keeps the options of a session.
    pub(super) fn keep(&self, key: SessionKey, options: Options) {
        let mut sessions = self.lock();
        if sessions.len() >= MAX_SESSIONS && !sessions.contains_key(&key) {
            sessions.retain(|_, session| session.used.elapsed() <= IDLE);
            if sessions.len() >= MAX_SESSIONS {
                let oldest = sessions.iter().min_by_key(|(_, session)| session.used).map(|(key, _)| *key);
                oldest.and_then(|oldest| sessions.remove(&oldest));
            }
        }
        sessions.insert(key, Session { options, used: Instant::now() });
    }

    /// Ends a session; whether there was one.
    pub(super) fn close(&self, key: SessionKey) -> bool {
        self.lock().remove(&key).is_some()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<SessionKey, Session>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_take_texts_and_numbers() {
        let mut options = Options::default();
        for (name, value) in [
            ("language", text("ADQL")),
            ("max_rows", OptionValue::Integer(10)),
            ("timeout", OptionValue::Double(1.5)),
            ("compression", text("zstd")),
            ("rules_off", text("page_pruning, scan_template")),
            ("catalog", text("sidereus")),
            ("schema", text("public")),
        ] {
            assert_eq!(options.set(name, Some(&value)), Ok(()), "{name}");
        }
        assert!(options.is_adql());
        assert_eq!((options.max_rows, options.timeout), (Some(10), Some(Duration::from_millis(1500))));
        assert_eq!(options.listed()["max_rows"], OptionValue::Integer(10));
        assert_eq!(options.listed()["rules_off"], text("page_pruning,scan_template"));
        assert_eq!(options.set("max_rows", None), Ok(()));
        assert_eq!(options.max_rows, None);
    }

    #[test]
    fn wrong_names_and_values_are_told_apart() {
        let mut options = Options::default();
        assert_eq!(options.set("colour", Some(&text("red"))), Err(OptionProblem::InvalidName));
        for (name, value) in [
            ("language", text("cobol")),
            ("max_rows", OptionValue::Integer(-1)),
            ("max_rows", text("many")),
            ("timeout", OptionValue::Double(-3.0)),
            ("timeout", OptionValue::Double(f64::NAN)),
            ("timeout", OptionValue::Double(1e300)),
            ("language", OptionValue::Bool(true)),
            ("schema", text("elsewhere")),
            ("catalog", text("elsewhere")),
            ("rules_off", text("pages")),
        ] {
            assert_eq!(options.set(name, Some(&value)), Err(OptionProblem::InvalidValue), "{name} {value:?}");
        }
    }

    #[test]
    fn a_session_belongs_to_its_principal() {
        let sessions = Sessions::default();
        let alice = SessionKey::new(Some("alice"), "id");
        sessions.keep(alice, Options { max_rows: Some(1), ..Options::default() });
        assert_eq!(sessions.options(alice).max_rows, Some(1));
        assert_eq!(sessions.options(SessionKey::new(None, "id")).max_rows, None);
        assert_eq!(sessions.options(SessionKey::new(Some("bob"), "id")).max_rows, None);
        assert!(sessions.close(alice) && !sessions.close(alice));
    }

    #[test]
    fn sessions_are_bounded() {
        let sessions = Sessions::default();
        for id in 0..=MAX_SESSIONS {
            sessions.keep(SessionKey::new(None, &id.to_string()), Options::default());
        }
        assert_eq!(sessions.lock().len(), MAX_SESSIONS);
    }

    fn text(text: &str) -> OptionValue {
        OptionValue::Text(text.to_owned())
    }
}
