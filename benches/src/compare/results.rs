//! What a comparison found, as it is written to JSON and read again.

use serde::{Deserialize, Serialize};

use super::answers::Verdict;
use super::protocol::Greeting;
use crate::run::report::{Machine, quantile};

/// A whole comparison.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Report {
    /// Day it was made, as YYYY-MM-DD, in UTC.
    pub(crate) date: String,
    /// What it ran on.
    pub(crate) machine: Machine,
    /// The one-minute load average before the first task and its highest value after one.
    pub(crate) load_average: [f64; 2],
    /// What was asked for.
    pub(crate) settings: Settings,
    /// Who took part, and who could not.
    pub(crate) peers: Vec<PeerReport>,
    /// What they did.
    pub(crate) tasks: Vec<TaskReport>,
}

/// Size of the task.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Settings {
    /// Rows of the catalog.
    pub(crate) rows: u64,
    /// Rows of the second table.
    pub(crate) second_rows: u64,
    /// Timed repetitions.
    pub(crate) repeat: u32,
    /// Queries of the tasks that ask many.
    pub(crate) probes: u32,
    /// Seconds after which such a task is cut short, for each peer and repetition.
    pub(crate) budget_seconds: f64,
}

/// One peer.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct PeerReport {
    /// Its name.
    pub(crate) name: String,
    /// What it says of itself.
    #[serde(flatten)]
    pub(crate) greeting: Greeting,
    /// How long it took to load the tables, or to find them loaded.
    #[serde(default)]
    pub(crate) load_seconds: Option<f64>,
    /// Why it could not load them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) error: Option<String>,
}

/// One task.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct TaskReport {
    /// Its name.
    pub(crate) name: String,
    /// How each peer that can do it did.
    pub(crate) outcomes: Vec<Outcome>,
}

/// How one peer did one task.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Outcome {
    /// The peer.
    pub(crate) peer: String,
    /// Seconds of a query.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) seconds: Option<Summary>,
    /// Queries in a second, of several clients together: the median of the repetitions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) queries_per_second: Option<f64>,
    /// Processor seconds of a query, on average.
    #[serde(default)]
    pub(crate) cpu_seconds: f64,
    /// The most memory, in MB.
    #[serde(default)]
    pub(crate) peak_mb: f64,
    /// Rows of all answers of one repetition.
    #[serde(default)]
    pub(crate) rows: u64,
    /// Whether the answers are those of others.
    #[serde(default)]
    pub(crate) answers: Verdict,
    /// Why there are no figures.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) error: Option<String>,
}

/// Times of several runs.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) struct Summary {
    /// How many.
    pub(crate) runs: usize,
    /// Their median.
    pub(crate) median: f64,
    /// 95 % are shorter.
    pub(crate) p95: f64,
    /// The shortest.
    pub(crate) min: f64,
}

impl Summary {
    /// Of at least one time.
    pub(crate) fn of(times: &[f64]) -> Option<Self> {
        let mut sorted = times.to_vec();
        sorted.sort_by(f64::total_cmp);
        (!sorted.is_empty()).then(|| Self {
            runs: sorted.len(),
            median: quantile(&sorted, 0.5),
            p95: quantile(&sorted, 0.95),
            min: sorted[0],
        })
    }
}

impl Outcome {
    /// Seconds for one query, whichever way it was measured.
    pub(crate) fn seconds_of_one(&self) -> Option<f64> {
        let of_several = self.queries_per_second.filter(|rate| *rate > 0.0).map(|rate| 1.0 / rate);
        of_several.or_else(|| self.seconds.map(|seconds| seconds.median))
    }
}

impl Report {
    /// A task's outcome of a peer.
    pub(crate) fn outcome(&self, task: &str, peer: &str) -> Option<&Outcome> {
        let task = self.tasks.iter().find(|report| report.name == task)?;
        task.outcomes.iter().find(|outcome| outcome.peer == peer)
    }
}
