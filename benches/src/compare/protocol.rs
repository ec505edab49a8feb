//! What is said between the harness and a peer: JSON lines, one reply to each request.
//!
//! ```text
//!  peer:    {"version": .., "tasks": [..]}     or    {"missing": "..", "install": ".."}
//!  harness: {"kind": "cone", "probes": [..], ..}
//!  peer:    {"seconds": [..], "answers": [..], ..}    or    {"error": ".."}
//! ```

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A peer's first line.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Greeting {
    /// What it is, with its version.
    #[serde(default)]
    pub(crate) version: String,
    /// Settings that are not the default.
    #[serde(default)]
    pub(crate) configuration: Map<String, Value>,
    /// Kinds of tasks that it can do.
    #[serde(default)]
    pub(crate) tasks: Vec<Kind>,
    /// The command that installs it.
    #[serde(default)]
    pub(crate) install: String,
    /// What it lacks, where it cannot run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) missing: Option<String>,
}

/// What is asked of a peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Kind {
    /// Make the tables queryable.
    Load,
    /// Rows within a circle.
    Cone,
    /// Rows within a convex polygon.
    Polygon,
    /// The row of an identifier.
    Identifier,
    /// A filter over all rows, with aggregates.
    Scan,
    /// Counts and averages by cell.
    Density,
    /// The nearest star of each row of the second table.
    Crossmatch,
    /// All rows of some columns.
    Export,
    /// A file becomes a table in order of the sky.
    Ingest,
}

/// One query of a task that asks many.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub(crate) enum Probe {
    /// A circle; angles in degrees. The ranges of order-29 keys (end exclusive) cover it.
    Cone {
        /// Right ascension of the centre.
        ra: f64,
        /// Its declination.
        dec: f64,
        /// Radius.
        radius_deg: f64,
        /// Keys that may lie in it.
        ranges: Vec<(u64, u64)>,
    },
    /// A convex polygon.
    Polygon {
        /// Right ascension and declination in degrees.
        vertices: Vec<(f64, f64)>,
        /// For each edge the normal of its plane, towards the inner side.
        planes: Vec<[f64; 3]>,
        /// Keys that may lie in it.
        ranges: Vec<(u64, u64)>,
    },
    /// An identifier, which need not be there.
    Identifier {
        /// The value.
        source_id: i64,
    },
}

/// A task, as it is sent.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Request {
    /// What to do.
    pub(crate) kind: Kind,
    /// Queries, of the kinds that have them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) probes: Vec<Probe>,
    /// Clients that ask at the same time.
    pub(crate) clients: usize,
    /// Time after which no further probe is asked.
    pub(crate) budget_seconds: f64,
    /// Whether to look at the answers, or only count their rows.
    pub(crate) check: bool,
    /// Order of the density map's cells.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) order: Option<u8>,
    /// Largest separation of a match.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) radius_deg: Option<f64>,
    /// Columns to export.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) columns: Vec<String>,
    /// File to ingest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) source: Option<String>,
    /// Empty folder to ingest into.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) folder: Option<String>,
    /// What to load.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) sky: Option<Value>,
}

impl Request {
    /// A request without particulars.
    pub(crate) fn new(kind: Kind) -> Self {
        Self {
            kind,
            probes: Vec::new(),
            clients: 1,
            budget_seconds: f64::MAX,
            check: false,
            order: None,
            radius_deg: None,
            columns: Vec::new(),
            source: None,
            folder: None,
            sky: None,
        }
    }
}

/// What a peer did.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Reply {
    /// Why it did not.
    #[serde(default)]
    pub(crate) error: Option<String>,
    /// The time of each query, until the client had the last row; of several clients the time of all.
    #[serde(default)]
    pub(crate) seconds: Vec<f64>,
    /// Queries that several clients asked in that time.
    #[serde(default)]
    pub(crate) queries: Option<u64>,
    /// The answers, in order of the probes; those that were not asked may be absent or null.
    #[serde(default)]
    pub(crate) answers: Vec<Option<Digest>>,
    /// Processor time of all processes of the peer.
    #[serde(default)]
    pub(crate) cpu_seconds: f64,
    /// Peak memory of all processes of the peer, in MB.
    #[serde(default)]
    pub(crate) peak_mb: f64,
    /// Settings, told after loading.
    #[serde(default)]
    pub(crate) configuration: Option<Map<String, Value>>,
}

/// What is compared of an answer; `benches/peers/digest.py` says how it is made.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Digest {
    /// Rows.
    pub(crate) rows: u64,
    /// Checksum of what must be equal to the bit, where it was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) checksum: Option<String>,
    /// Weighted sums of computed columns.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) sums: BTreeMap<String, f64>,
}
