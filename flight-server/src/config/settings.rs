//! What are the sections of the configuration, and their defaults?
//!
//! Plain values with their documentation; what they mean together is judged in [`Config`](super::Config).

use serde::{Deserialize, Serialize};

/// Limits of requests; 0 is unlimited.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Limits {
    /// Rows of a TAP answer whose request names no MAXREC.
    pub(crate) default_rows: u64,
    /// Rows of any answer.
    pub(crate) max_rows: u64,
    /// Seconds of one query.
    pub(crate) query_seconds: u64,
    /// Mebibytes of an HTTP request body.
    pub(crate) body_mib: usize,
    /// Seconds that running requests have to finish when the server stops.
    pub(crate) grace_seconds: u64,
    /// Hours after which a bearer token ends.
    pub(crate) session_hours: u64,
}

/// Resources of the process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Engine {
    /// Mebibytes that sorts, joins and groupings may hold.
    pub(crate) memory_mib: usize,
    /// Mebibytes of them that one query may hold; 0 is as many as there are.
    pub(crate) query_memory_mib: usize,
    /// Mebibytes of catalog footers and page indexes that are kept.
    pub(crate) metadata_cache_mib: usize,
    /// Rows of the smaller of two catalogs from which on a crossmatch goes partition by partition.
    pub(crate) crossmatch_rows: usize,
    /// Threads that run queries; 0 takes one per processor.
    pub(crate) threads: usize,
    /// Rows of catalogs up to which a query waits for no other.
    pub(crate) short_rows: usize,
    /// Queries beyond that which work at the same time; 0 takes four per thread.
    pub(crate) long_queries: usize,
    /// Rules to do without: names with commas between them, or `all`.
    pub(crate) rules_off: String,
}

/// What is kept of remote catalogs on the local disk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Cache {
    /// Folder of this process alone; empty keeps nothing.
    pub(crate) folder: String,
    /// Mebibytes that it may hold.
    pub(crate) mib: u64,
}

/// The language of queries.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Language {
    /// Extensions of ADQL that are switched off, by name.
    pub(crate) extensions_off: Vec<String>,
}

/// What is logged, and how.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Log {
    /// `text` or `json`.
    pub(crate) format: LogFormat,
    /// Filter directives, such as `info` or `info,sidereus_engine=debug`.
    pub(crate) filter: String,
}

/// Form of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// One `[[user]]` entry.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct UserEntry {
    /// Name to log in with.
    pub(crate) name: String,
    /// Argon2 hash, made by `sidereus hash-password`.
    pub(crate) password_hash: String,
    /// Groups of the user.
    #[serde(default)]
    pub(crate) groups: Vec<String>,
}

impl std::fmt::Debug for UserEntry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("UserEntry").field("name", &self.name).field("groups", &self.groups).finish_non_exhaustive()
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            default_rows: 1_000_000,
            max_rows: 0,
            query_seconds: 600,
            body_mib: 32,
            grace_seconds: 30,
            session_hours: 24,
        }
    }
}

impl Default for Engine {
    fn default() -> Self {
        Self {
            memory_mib: 4096,
            query_memory_mib: 0,
            metadata_cache_mib: 512,
            crossmatch_rows: 3_000_000,
            threads: 0,
            short_rows: 1_000_000,
            long_queries: 0,
            rules_off: String::new(),
        }
    }
}

impl Default for Cache {
    fn default() -> Self {
        Self { folder: String::new(), mib: 10_240 }
    }
}

impl Default for Log {
    fn default() -> Self {
        Self { format: LogFormat::Text, filter: "info".to_owned() }
    }
}
