//! Queries that outlive their request: UWS 1.1 jobs, for every front end.
//!
//! ```text
//!  front end -> Jobs -> store    what is known of each job, in the metadata database
//!                    -> files    results and uploaded tables, on disk before the store tells of them
//!                    -> worker   whose turn it is -> run    query -> format -> file
//! ```
//! A job is never lost: whatever happens to the process, at the next start it is complete with its result, waits for its turn
//! again, or says why it failed. This module knows no protocol.

mod files;
mod job;
mod phase;
mod run;
mod service;
mod store;
mod uploads;
mod worker;

use std::sync::Arc;
use std::time::Duration;

use sidereus_engine::Outgoing;

use crate::auth::Authenticator;
use crate::config::Config;
use crate::queries::Queries;
use crate::storage::Storage;

pub(crate) use job::{Job, JobRequest, JobResult, QueryLanguage, Time, Upload, UploadSource, now};
#[cfg(test)]
pub(crate) use job::{JobError, JobReport};
pub(crate) use phase::{Phase, UnknownPhase};
pub(crate) use service::{Jobs, JobsError, Part};
pub(crate) use store::JobFilter;
pub(crate) use uploads::{TakenIn, UploadError};

/// What jobs work with.
#[derive(Debug)]
pub(crate) struct Workshop {
    /// Runs queries.
    pub(crate) queries: Queries,
    /// Knows the users.
    pub(crate) auth: Arc<Authenticator>,
    /// What the operator set.
    pub(crate) config: Arc<Config>,
    /// Keeps files.
    pub(crate) storage: Arc<Storage>,
    /// Limits of jobs.
    pub(crate) limits: JobLimits,
    /// Fetches tables that requests name by URL.
    pub(crate) outgoing: Outgoing,
}

/// What the operator allows jobs.
#[derive(Debug, Clone, Copy)]
pub(crate) struct JobLimits {
    /// Jobs that run at the same time, in all.
    pub(crate) running: usize,
    /// The same of one user.
    pub(crate) running_each: u32,
    /// How long a job may run that does not say; `None` is unlimited.
    pub(crate) default_duration: Option<Duration>,
    /// How long any job may run; `None` is unlimited.
    pub(crate) longest_duration: Option<Duration>,
    /// How long a job is kept that does not say.
    pub(crate) default_retention: Duration,
    /// How long any job is kept.
    pub(crate) longest_retention: Duration,
    /// How long a client may wait for a change in one request.
    pub(crate) longest_wait: Duration,
}
