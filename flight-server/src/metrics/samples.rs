//! Figures that are asked for when somebody looks.

use std::sync::{Arc, PoisonError, RwLock};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric, MetricEncoder};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;

/// What a figure does over time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SampleKind {
    /// It only grows.
    Counter,
    /// It goes up and down.
    Gauge,
}

/// One figure. Those of one name stand together.
#[derive(Debug, Clone)]
pub(crate) struct Sample {
    name: &'static str,
    help: &'static str,
    kind: SampleKind,
    labels: Vec<(&'static str, String)>,
    value: f64,
}

impl Sample {
    /// A figure that goes up and down.
    pub(crate) const fn gauge(name: &'static str, help: &'static str, value: f64) -> Self {
        Self { name, help, kind: SampleKind::Gauge, labels: Vec::new(), value }
    }

    /// A figure that only grows; `_total` is appended to its name.
    pub(crate) const fn counter(name: &'static str, help: &'static str, value: f64) -> Self {
        Self { name, help, kind: SampleKind::Counter, labels: Vec::new(), value }
    }

    /// The same with a label.
    pub(crate) fn with(mut self, label: &'static str, value: impl Into<String>) -> Self {
        self.labels.push((label, value.into()));
        self
    }

    fn encode(&self, encoder: MetricEncoder<'_>) -> std::fmt::Result {
        match self.kind {
            SampleKind::Counter => ConstCounter::new(self.value).encode(encoder),
            SampleKind::Gauge => ConstGauge::new(self.value).encode(encoder),
        }
    }
}

type Source = Box<dyn Fn() -> Vec<Sample> + Send + Sync>;

/// Who is asked.
#[derive(Clone, Default)]
pub(super) struct Sources(Arc<RwLock<Vec<Source>>>);

impl std::fmt::Debug for Sources {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sources").finish_non_exhaustive()
    }
}

impl Sources {
    pub(super) fn add(&self, source: Source) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).push(source);
    }
}

impl Collector for Sources {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> std::fmt::Result {
        let sources = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let samples: Vec<Sample> = sources.iter().flat_map(|source| source()).collect();
        for same in samples.chunk_by(|one, other| one.name == other.name) {
            let Some(first) = same.first() else { continue };
            let kind = match first.kind {
                SampleKind::Counter => MetricType::Counter,
                SampleKind::Gauge => MetricType::Gauge,
            };
            let mut metric = encoder.encode_descriptor(first.name, first.help, None, kind)?;
            for sample in same {
                if sample.labels.is_empty() {
                    sample.encode(metric)?;
                    break;
                }
                sample.encode(metric.encode_family(&sample.labels)?)?;
            }
        }
        Ok(())
    }
}
