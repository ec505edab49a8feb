//! What does the server do? Figures in the text format of OpenMetrics, for Prometheus.
//!
//! What ends is counted here as it ends; what is, is asked for when somebody looks: other parts add their own [`Sample`]s by
//! [`Metrics::watch`]. Knows no endpoint.

mod samples;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;

pub(crate) use samples::Sample;
use samples::Sources;

type Labels = Vec<(&'static str, &'static str)>;
type Histograms = Family<Labels, Histogram, fn() -> Histogram>;

/// A query that is over.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ended {
    /// How heavy it was.
    pub(crate) class: &'static str,
    /// How it ended.
    pub(crate) outcome: &'static str,
    /// Rows and bytes that its reader took.
    pub(crate) rows: u64,
    /// See [`rows`](Self::rows).
    pub(crate) bytes: u64,
    /// Bytes that it wrote to disk for want of memory.
    pub(crate) spilled: u64,
    /// Time of processors.
    pub(crate) cpu: Duration,
    /// Time of waiting for its turn.
    pub(crate) waited: Duration,
    /// Time until its first rows, if there were any.
    pub(crate) first: Option<Duration>,
    /// Time of all.
    pub(crate) whole: Duration,
}

/// All figures of a server.
#[derive(Debug)]
pub(crate) struct Metrics {
    registry: Mutex<Registry>,
    sources: Sources,
    queries: Family<Labels, Counter>,
    rows: Counter,
    bytes: Counter,
    spilled: Counter,
    cpu: Counter<f64, std::sync::atomic::AtomicU64>,
    waits: Histograms,
    first_rows: Histograms,
    whole: Histograms,
}

fn seconds() -> Histogram {
    // From a millisecond to half an hour.
    Histogram::new(exponential_buckets(0.001, 2.0, 22))
}

impl Metrics {
    /// Figures of a server that has done nothing.
    pub(crate) fn new() -> Arc<Self> {
        let histograms = || Histograms::new_with_constructor(seconds);
        let metrics = Self {
            registry: Mutex::new(Registry::with_prefix("sidereus")),
            sources: Sources::default(),
            queries: Family::default(),
            rows: Counter::default(),
            bytes: Counter::default(),
            spilled: Counter::default(),
            cpu: Counter::default(),
            waits: histograms(),
            first_rows: histograms(),
            whole: histograms(),
        };
        {
            let mut registry = metrics.registry.lock().unwrap_or_else(PoisonError::into_inner);
            let registry = &mut *registry;
            registry.register("queries", "Queries that are over, by class and outcome", metrics.queries.clone());
            registry.register("rows", "Rows that readers took", metrics.rows.clone());
            registry.register("bytes", "Bytes of these rows in memory", metrics.bytes.clone());
            registry.register("spilled_bytes", "Bytes written to disk for want of memory", metrics.spilled.clone());
            registry.register("query_cpu_seconds", "Time of processors that queries took", metrics.cpu.clone());
            registry.register("query_wait_seconds", "Time of waiting for a turn", metrics.waits.clone());
            registry.register("query_first_rows_seconds", "Time until the first rows", metrics.first_rows.clone());
            registry.register("query_seconds", "Time of whole queries", metrics.whole.clone());
            registry.register_collector(Box::new(metrics.sources.clone()));
        }
        Arc::new(metrics)
    }

    /// Asks for figures whenever somebody looks.
    pub(crate) fn watch(&self, source: impl Fn() -> Vec<Sample> + Send + Sync + 'static) {
        self.sources.add(Box::new(source));
    }

    /// Counts a query.
    pub(crate) fn query_ended(&self, query: &Ended) {
        self.queries.get_or_create(&vec![("class", query.class), ("outcome", query.outcome)]).inc();
        self.rows.inc_by(query.rows);
        self.bytes.inc_by(query.bytes);
        self.spilled.inc_by(query.spilled);
        self.cpu.inc_by(query.cpu.as_secs_f64());
        let class = vec![("class", query.class)];
        self.waits.get_or_create(&class).observe(query.waited.as_secs_f64());
        if let Some(first) = query.first {
            self.first_rows.get_or_create(&class).observe(first.as_secs_f64());
        }
        self.whole.get_or_create(&class).observe(query.whole.as_secs_f64());
    }

    /// All figures as text.
    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        let registry = self.registry.lock().unwrap_or_else(PoisonError::into_inner);
        // A String takes any text.
        let _ = encode(&mut text, &registry);
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_counted_is_told() {
        let metrics = Metrics::new();
        let ended = Ended {
            class: "scan",
            outcome: "ok",
            rows: 3,
            bytes: 24,
            spilled: 0,
            cpu: Duration::from_millis(250),
            waited: Duration::ZERO,
            first: Some(Duration::from_millis(3)),
            whole: Duration::from_millis(5),
        };
        metrics.query_ended(&ended);
        metrics.query_ended(&ended);
        metrics.watch(|| vec![Sample::gauge("jobs", "Jobs by phase", 7.0).with("phase", "QUEUED")]);
        let text = metrics.text();
        for line in [
            "sidereus_queries_total{class=\"scan\",outcome=\"ok\"} 2",
            "sidereus_rows_total 6",
            "sidereus_query_cpu_seconds_total 0.5",
            "sidereus_query_first_rows_seconds_bucket{le=\"0.004\",class=\"scan\"} 2",
            "sidereus_query_first_rows_seconds_bucket{le=\"0.002\",class=\"scan\"} 0",
            "sidereus_jobs{phase=\"QUEUED\"} 7",
            "# TYPE sidereus_jobs gauge",
        ] {
            assert!(text.contains(line), "{line} is not in\n{text}");
        }
        assert!(text.ends_with("# EOF\n"));
    }
}
