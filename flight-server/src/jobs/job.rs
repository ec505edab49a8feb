//! What is a job? (UWS 1.1, section 2.1)
//!
//! Plain values as they are kept; who changes them is the store's matter. Nothing here knows a protocol.

use std::fmt;
use std::time::Duration;

use chrono::{DateTime, SubsecRound, Utc};
use serde::{Deserialize, Serialize};
use sidereus_engine::{Label, Principal, QueryRequest, Version};
use uuid::Uuid;

use super::phase::Phase;

/// A moment, in UTC, to the millisecond.
pub(crate) type Time = DateTime<Utc>;

/// Now, as exact as it is kept.
pub(crate) fn now() -> Time {
    Utc::now().trunc_subsecs(3)
}

/// Names a job; 122 random bits, so that nobody finds another's.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct JobId(String);

impl JobId {
    /// An id that no other job has.
    pub(crate) fn new() -> Self {
        Self(Uuid::new_v4().simple().to_string())
    }

    /// The id of a text that can be one: 32 hexadecimal digits.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let is_one = text.len() == 32 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        is_one.then(|| Self(text.to_owned()))
    }

    /// The digits.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A table that came with a query.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Upload {
    /// Name after `TAP_UPLOAD.`.
    pub(crate) name: String,
    /// Where its bytes are.
    pub(crate) source: UploadSource,
}

/// Where an uploaded table is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum UploadSource {
    /// A part of the request, by its name.
    Part(String),
    /// Somewhere else.
    Url(String),
}

/// Languages, by the names of `LANG` (TAP 1.1, section 2.7.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum QueryLanguage {
    /// ADQL of any version, with this service's extensions.
    #[serde(rename = "ADQL")]
    Adql,
    /// ADQL 2.0 to the letter.
    #[serde(rename = "ADQL-2.0")]
    Adql20,
    /// SQL as PostgreSQL users write it.
    #[serde(rename = "SQL")]
    Sql,
}

impl QueryLanguage {
    /// What [`of_name`](Self::of_name) takes.
    pub(crate) const EXPECTED: &str = "expected ADQL, ADQL-2.0, ADQL-2.1 or SQL";

    /// The language of a name in any case.
    pub(crate) fn of_name(name: &str) -> Option<Self> {
        match name.trim().to_ascii_uppercase().as_str() {
            "ADQL" | "ADQL-2.1" => Some(Self::Adql),
            "ADQL-2.0" => Some(Self::Adql20),
            "SQL" => Some(Self::Sql),
            _ => None,
        }
    }
}

/// What a job runs: a query and how its rows are to be written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct JobRequest {
    /// The text.
    pub(crate) query: String,
    /// Its language.
    pub(crate) language: QueryLanguage,
    /// Rows after which the answer is cut; `None` takes the service's.
    pub(crate) max_rows: Option<u64>,
    /// Short name of the format of the result.
    pub(crate) format: String,
    /// Media type of the result, in the client's own words where it has some.
    pub(crate) media_type: String,
    /// Tables that came along.
    #[serde(default)]
    pub(crate) uploads: Vec<Upload>,
}

impl JobRequest {
    /// The query for the engine.
    pub(crate) fn query_request(&self) -> QueryRequest {
        let (label, standard) = match self.language {
            QueryLanguage::Adql => (Label::Adql, None),
            QueryLanguage::Adql20 => (Label::Adql, Some(Version::V2_0)),
            QueryLanguage::Sql => (Label::Sql, None),
        };
        QueryRequest { standard, ..QueryRequest::new(self.query.clone(), label) }
    }
}

/// Why a job has no result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct JobError {
    /// For people; a query's error points at its place.
    pub(crate) message: String,
    /// Whether the same may work later.
    pub(crate) is_transient: bool,
}

/// What a completed job has made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct JobResult {
    /// Length of the file.
    pub(crate) bytes: u64,
    /// Rows in it.
    pub(crate) rows: u64,
    /// Its media type.
    pub(crate) media_type: String,
    /// SHA-256 of the file, in hexadecimal digits.
    pub(crate) digest: String,
    /// Whether rows were left out.
    pub(crate) overflow: bool,
}

/// What a job tells of its work: how far it is, and what it did not have to read.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct JobReport {
    /// Share of the work that is done, from 0 to 1.
    pub(crate) progress: f64,
    /// Figures of the scans: partitions, row groups, pages and rows, read and passed over.
    pub(crate) scanned: Vec<(String, u64)>,
}

/// Everything that is kept of a job.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Job {
    pub(crate) id: JobId,
    /// Name of the user; `None` is anonymous.
    pub(crate) owner: Option<String>,
    /// Address that it came from.
    pub(crate) origin: String,
    pub(crate) run_id: Option<String>,
    pub(crate) phase: Phase,
    pub(crate) created: Time,
    pub(crate) queued: Option<Time>,
    pub(crate) started: Option<Time>,
    pub(crate) ended: Option<Time>,
    /// When it and its result are removed.
    pub(crate) destruction: Time,
    /// How long it may run; `None` is unlimited.
    pub(crate) duration: Option<Duration>,
    /// What its query was thought to take.
    pub(crate) estimate: Option<Duration>,
    pub(crate) request: Option<JobRequest>,
    /// How often it was begun.
    pub(crate) attempts: u32,
    pub(crate) error: Option<JobError>,
    pub(crate) result: Option<JobResult>,
    pub(crate) report: Option<JobReport>,
    /// Bytes of the files that came with it.
    pub(crate) upload_bytes: u64,
    /// Names and values as the client gave them.
    pub(crate) parameters: Vec<(String, String)>,
}

impl Job {
    /// A new job of a principal, not yet asked to run.
    pub(crate) fn new(principal: &Principal, origin: String, lifetime: Duration) -> Self {
        let created = now();
        Self {
            id: JobId::new(),
            owner: principal.name().map(str::to_owned),
            origin,
            run_id: None,
            phase: Phase::Pending,
            created,
            queued: None,
            started: None,
            ended: None,
            destruction: created + lifetime,
            duration: None,
            estimate: None,
            request: None,
            attempts: 0,
            error: None,
            result: None,
            report: None,
            upload_bytes: 0,
            parameters: Vec::new(),
        }
    }

    /// Whether somebody may see and change it: its owner, or for an anonymous one, whoever knows its id.
    pub(crate) fn is_open_to(&self, principal: &Principal) -> bool {
        self.owner.is_none() || self.owner.as_deref() == principal.name()
    }

    /// When it is thought to end, seen from `now`; `None` where nothing is known or it has ended.
    pub(crate) fn quote(&self, now: Time) -> Option<Time> {
        let begin = match self.phase {
            Phase::Pending | Phase::Queued => now,
            Phase::Executing => self.started?,
            Phase::Completed | Phase::Error | Phase::Aborted => return None,
        };
        Some((begin + self.estimate?).max(now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_32_digits_and_nothing_else_is() {
        let id = JobId::new();
        assert_eq!(JobId::parse(id.as_str()), Some(id));
        for text in ["", "..", "0123456789abcdef0123456789ABCDEF", "0123456789abcdef0123456789abcde/"] {
            assert_eq!(JobId::parse(text), None, "{text}");
        }
    }

    #[test]
    fn jobs_of_users_are_theirs_alone() {
        let (ada, bob) = (Principal::user("ada", []), Principal::user("bob", []));
        let job = Job::new(&ada, String::new(), Duration::from_secs(1));
        assert!(job.is_open_to(&ada) && !job.is_open_to(&bob) && !job.is_open_to(&Principal::anonymous()));
        assert!(Job::new(&Principal::anonymous(), String::new(), Duration::ZERO).is_open_to(&bob));
    }

    #[test]
    fn a_quote_is_never_past() {
        let mut job = Job::new(&Principal::anonymous(), String::new(), Duration::from_secs(60));
        let at = |seconds| job.created + Duration::from_secs(seconds);
        assert_eq!(job.quote(at(0)), None);
        let (later, started) = (at(10), at(5));
        job.estimate = Some(Duration::from_secs(3));
        assert_eq!(job.quote(later), Some(later + Duration::from_secs(3)));
        (job.phase, job.started) = (Phase::Executing, Some(started));
        assert_eq!(job.quote(later), Some(later));
        job.phase = Phase::Completed;
        assert_eq!(job.quote(later), None);
    }
}
