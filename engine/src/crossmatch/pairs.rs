//! All pairs: which rows of the streamed side find which partners in memory?
//!
//! Proposals are gathered up to a number of pairs, then judged together, so that memory stays flat however many partners
//! a row has. The walk gives way to others after some work, also where it finds nothing.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use arrow::array::{RecordBatch, UInt32Array};
use datafusion::common::Result;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::physical_plan::metrics::{BaselineMetrics, Count, ExecutionPlanMetricsSet, MetricBuilder};
use futures::{Stream, TryStreamExt};

use super::exec::{Build, CrossmatchPlan};
use super::filter::Pairs;
use super::neighbours::Search;
use super::output::{Alone, Output};

/// Pairs that are judged together, and rows that are given at once.
pub(super) const PAIRS: usize = 8192;
/// Positions that are looked at before others have their turn.
const LOOKS: usize = 1 << 19;

/// Counters of one output partition.
#[derive(Debug, Clone)]
pub(super) struct PairMetrics {
    pub(super) baseline: BaselineMetrics,
    /// Pairs that were proposed.
    pub(super) proposed: Count,
}

impl PairMetrics {
    pub(super) fn new(set: &ExecutionPlanMetricsSet, partition: usize) -> Self {
        let proposed = MetricBuilder::new(set).counter("pairs_proposed", partition);
        Self { baseline: BaselineMetrics::new(set, partition), proposed }
    }
}

/// A batch of the streamed side, and how far the walk has come in it.
#[derive(Debug)]
pub(super) struct Probe {
    pub(super) batch: RecordBatch,
    positions: Vec<Option<(f64, f64)>>,
    radii: Option<Vec<f64>>,
    row: usize,
    search: Search,
    /// Next row in memory, where all pairs are proposed.
    every: u32,
    searching: bool,
}

/// Pairs proposed: a row in memory and a row of the batch each.
#[derive(Debug, Default)]
pub(super) struct Proposed {
    pub(super) build: Vec<u32>,
    pub(super) probe: Vec<u32>,
}

impl Probe {
    pub(super) fn new(batch: RecordBatch, plan: &CrossmatchPlan, build: &Build, left: bool) -> Result<Self> {
        let (positions, radii) = match &plan.near {
            None => (Vec::new(), None),
            Some(near) => (near.position(left).evaluate(&batch)?, near.streamed_radii(&batch, build, left)?),
        };
        let search = Search::default();
        Ok(Self { batch, positions, radii, row: 0, search, every: 0, searching: false })
    }

    /// Whether every row was looked up.
    pub(super) fn is_over(&self) -> bool {
        self.row >= self.batch.num_rows()
    }

    /// Proposes more pairs, until there are enough, or enough was looked at, or the batch is over.
    pub(super) fn propose(&mut self, build: &Build) -> Proposed {
        let mut proposed = Proposed::default();
        let mut looks = 0;
        while !self.is_over() && proposed.probe.len() < PAIRS && looks < LOOKS {
            let most = PAIRS - proposed.probe.len();
            // A batch has far fewer rows than 2^32.
            let row = u32::try_from(self.row).unwrap_or(u32::MAX);
            let take = |partner| {
                proposed.build.push(partner);
                proposed.probe.push(row);
            };
            let (looked, over) = self.look(build, most, take);
            looks += looked + 1;
            if over {
                self.row += 1;
                self.searching = false;
            }
        }
        proposed
    }

    /// Looks at some partners of the present row; how many, and whether none is left.
    fn look(&mut self, build: &Build, most: usize, mut take: impl FnMut(u32)) -> (usize, bool) {
        let Some(neighbours) = &build.neighbours else {
            let rows = u32::try_from(build.batch.num_rows()).unwrap_or(u32::MAX);
            let first = if self.searching { self.every } else { 0 };
            let end = rows.min(first.saturating_add(u32::try_from(most).unwrap_or(u32::MAX)));
            (first..end).for_each(take);
            (self.every, self.searching) = (end, true);
            return ((end - first) as usize, end == rows);
        };
        if !self.searching {
            let Some(Some((lon, lat))) = self.positions.get(self.row) else { return (0, true) };
            let radius = self.radii.as_ref().map(|radii| radii[self.row]).or(build.radius).unwrap_or(f64::NAN);
            neighbours.search(*lon, *lat, radius, &mut self.search);
            self.searching = true;
        }
        let looked = neighbours.propose(&mut self.search, most, &mut take);
        (looked, self.search.is_over())
    }
}

/// The walk of one partition of the streamed side.
#[derive(Debug)]
pub(super) struct PairWalk {
    plan: Arc<CrossmatchPlan>,
    build: Arc<Build>,
    build_left: bool,
    output: Output,
    metrics: PairMetrics,
}

/// What the walk is busy with.
struct Progress {
    walk: PairWalk,
    input: Option<SendableRecordBatchStream>,
    probe: Option<(Probe, Vec<bool>)>,
    ready: VecDeque<RecordBatch>,
    running: Arc<AtomicUsize>,
}

impl PairWalk {
    pub(super) fn new(
        plan: Arc<CrossmatchPlan>,
        (build, build_left): (Arc<Build>, bool),
        output: Output,
        metrics: PairMetrics,
    ) -> Self {
        Self { plan, build, build_left, output, metrics }
    }

    /// The rows of the join that this partition gives; the last partition to end gives those of the side in memory that
    /// found no partner, or are wanted by themselves.
    pub(super) fn into_stream(
        self,
        input: SendableRecordBatchStream,
        running: Arc<AtomicUsize>,
    ) -> impl Stream<Item = Result<RecordBatch>> + Send {
        let progress = Progress { walk: self, input: Some(input), probe: None, ready: VecDeque::new(), running };
        futures::stream::try_unfold(progress, async |mut progress| {
            Ok(progress.next().await?.map(|batch| (batch, progress)))
        })
    }

    /// Judges some pairs of a batch; gives those that are rows.
    fn step(&self, probe: &mut Probe, matched: &mut [bool]) -> Result<Option<RecordBatch>> {
        let proposed = probe.propose(&self.build);
        if proposed.probe.is_empty() {
            return Ok(None);
        }
        self.metrics.proposed.add(proposed.probe.len());
        let (build, streamed) = (UInt32Array::from(proposed.build), UInt32Array::from(proposed.probe));
        let pairs = self.pairs(probe, &build, &streamed);
        let (build, streamed) = match &self.plan.filter {
            None => (build.clone(), streamed.clone()),
            Some(filter) => {
                let kept = filter.select(pairs)?;
                let keep = |rows: &UInt32Array| kept.iter().map(|index| rows.value(*index)).collect::<UInt32Array>();
                (keep(&build), keep(&streamed))
            }
        };
        for row in streamed.values() {
            matched[*row as usize] = true;
        }
        if self.output.gives_alone(self.build_left).is_some() {
            build.values().iter().for_each(|row| self.build.mark(*row));
        }
        if build.is_empty() || !self.output.gives_pairs() {
            return Ok(None);
        }
        self.output.pairs(self.pairs(probe, &build, &streamed)).map(Some)
    }

    fn pairs<'a>(&'a self, probe: &'a Probe, build: &'a UInt32Array, streamed: &'a UInt32Array) -> Pairs<'a> {
        let (build, streamed) = ((&self.build.batch, build), (&probe.batch, streamed));
        if self.build_left { Pairs { left: build, right: streamed } } else { Pairs { left: streamed, right: build } }
    }

    /// Rows of a finished batch that are given by themselves.
    fn alone(&self, probe: &Probe, matched: Vec<bool>) -> Result<Option<RecordBatch>> {
        let Some(alone) = self.output.gives_alone(!self.build_left) else { return Ok(None) };
        if alone == Alone::Marked {
            return self.output.marked(&probe.batch, matched).map(Some);
        }
        let rows = (0_u32..).zip(matched).filter(|(_, matched)| alone.takes(*matched)).map(|(row, _)| row);
        let rows: UInt32Array = rows.collect();
        if rows.is_empty() { Ok(None) } else { self.output.alone(!self.build_left, &probe.batch, &rows).map(Some) }
    }

    /// Rows in memory that are given by themselves, once every partition has ended.
    fn build_alone(&self) -> Result<VecDeque<RecordBatch>> {
        let Some(alone) = self.output.gives_alone(self.build_left) else { return Ok(VecDeque::new()) };
        let batch = &self.build.batch;
        if alone == Alone::Marked {
            let pieces = (0..batch.num_rows()).step_by(PAIRS).map(|first| {
                let piece = batch.slice(first, PAIRS.min(batch.num_rows() - first));
                self.output.marked(&piece, self.build.has_partner(first..first + piece.num_rows()))
            });
            return pieces.collect();
        }
        let rows = self.build.rows(alone == Alone::Partnered);
        let piece = |rows: &[u32]| {
            self.output.alone(self.build_left, batch, &UInt32Array::from_iter_values(rows.iter().copied()))
        };
        rows.chunks(PAIRS).map(piece).collect()
    }
}

impl Progress {
    async fn next(&mut self) -> Result<Option<RecordBatch>> {
        loop {
            if let Some(batch) = self.ready.pop_front() {
                return Ok(Some(batch));
            }
            if let Some((probe, matched)) = &mut self.probe {
                // Before every step, also of a walk whose every step gives rows: its reader may ask without end.
                tokio::task::consume_budget().await;
                let given = self.walk.step(probe, matched)?;
                if probe.is_over() {
                    self.ready.extend(given);
                    self.ready.extend(self.walk.alone(probe, std::mem::take(matched))?);
                    self.probe = None;
                } else if given.is_some() {
                    return Ok(given);
                }
                continue;
            }
            let Some(input) = &mut self.input else { return Ok(None) };
            match input.try_next().await? {
                Some(batch) => {
                    let matched = vec![false; batch.num_rows()];
                    self.probe =
                        Some((Probe::new(batch, &self.walk.plan, &self.walk.build, !self.walk.build_left)?, matched));
                }
                None => {
                    self.input = None;
                    // The marks of the others are seen: each of them ended with this operation, too.
                    if self.running.fetch_sub(1, Ordering::AcqRel) == 1 {
                        self.ready = self.walk.build_alone()?;
                    }
                }
            }
        }
    }
}
