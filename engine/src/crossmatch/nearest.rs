//! The best few: which partners does each row in memory keep of all that stream by?
//!
//! A row keeps at most as many as are asked for, in order; the rows of the streamed side that are kept by anybody are
//! gathered, and gathered anew when most of them were let go, so that memory follows the size of the answer. Each stream
//! is walked by itself; at the end the rows choose among what the walks found, in the order of the streams.

use std::collections::VecDeque;
use std::sync::Arc;

use arrow::array::{RecordBatch, UInt32Array};
use arrow::compute::{interleave_record_batch, take_record_batch};
use arrow::row::{RowConverter, SortField};
use datafusion::common::runtime::SpawnedTask;
use datafusion::common::{DataFusionError, JoinType, Result, exec_datafusion_err};
use datafusion::execution::SendableRecordBatchStream;
use datafusion::execution::memory_pool::MemoryReservation;
use futures::{Stream, StreamExt, TryStreamExt};

use super::exec::{Build, CrossmatchPlan, PhysicalBest};
use super::filter::Pairs;
use super::output::Output;
use super::pairs::{PAIRS, PairMetrics, Probe};
use super::partners::Partners;

/// Rows that may be let go before the others are gathered anew.
const LOOSE: usize = 1 << 16;
/// The search for the best partners.
#[derive(Debug)]
pub(super) struct NearestWalk {
    plan: Arc<CrossmatchPlan>,
    build: Arc<Build>,
    output: Output,
    metrics: PairMetrics,
    partners: Partners,
    /// Rows that somebody chose: what partners point into.
    gathered: Vec<RecordBatch>,
    /// Rows of all of them.
    kept: usize,
    held: MemoryReservation,
}

impl NearestWalk {
    pub(super) fn new(plan: Arc<CrossmatchPlan>, build: Arc<Build>, output: Output, metrics: PairMetrics) -> Self {
        let held = build.reserve();
        let count = plan.best.as_ref().map_or(0, |best| best.count);
        let partners = Partners::new(build.batch.num_rows(), count);
        Self { plan, build, output, metrics, partners, gathered: Vec::new(), kept: 0, held }
    }

    /// Reads everything, each input in a task of its own, then gives every row of the left side with its partners.
    pub(super) fn into_stream(
        self,
        inputs: Vec<SendableRecordBatchStream>,
    ) -> impl Stream<Item = Result<RecordBatch>> + Send {
        let read =
            async move { Ok::<_, DataFusionError>(futures::stream::iter(self.read_all(inputs).await?.into_batches())) };
        futures::stream::once(read).try_flatten().boxed()
    }

    async fn read_all(self, inputs: Vec<SendableRecordBatchStream>) -> Result<Self> {
        let inputs = match <[_; 1]>::try_from(inputs) {
            Ok([input]) => return self.read(input).await,
            Err(inputs) => inputs,
        };
        let walks: Vec<_> = inputs.into_iter().map(|input| SpawnedTask::spawn(self.another().read(input))).collect();
        let mut all = self;
        for walk in walks {
            let walk = walk.join_unwind().await;
            all.take_over(walk.map_err(|error| exec_datafusion_err!("a crossmatch was cut off: {error}"))??)?;
        }
        Ok(all)
    }

    /// The same walk, not yet begun.
    fn another(&self) -> Self {
        let (plan, build) = (Arc::clone(&self.plan), Arc::clone(&self.build));
        Self::new(plan, build, self.output.clone(), self.metrics.clone())
    }

    /// Lets the rows choose among what they found here and in a walk over later rows.
    fn take_over(&mut self, mut later: Self) -> Result<()> {
        let bytes = later.held.free();
        self.held.try_grow(bytes)?;
        self.partners.take_over(later.partners, place(self.gathered.len()));
        self.gathered.append(&mut later.gathered);
        self.kept += later.kept;
        Ok(())
    }

    async fn read(mut self, mut input: SendableRecordBatchStream) -> Result<Self> {
        let plan = Arc::clone(&self.plan);
        let Some(best) = &plan.best else { return Ok(self) };
        self.held.try_grow(self.partners.memory())?;
        let sorted =
            best.order.iter().map(|(key, options)| Ok(SortField::new_with_options(key.data_type()?, *options)));
        let mut converter = RowConverter::new(sorted.collect::<Result<Vec<_>>>()?)?;
        while let Some(batch) = input.try_next().await? {
            let mut probe = Probe::new(batch, &plan, &self.build, false)?;
            // Rows of this batch that somebody keeps are known by their place in it until it is over.
            let batch_at = place(self.gathered.len());
            while !probe.is_over() {
                self.step(&mut probe, best, (&mut converter, batch_at))?;
                tokio::task::consume_budget().await;
            }
            self.gather(&probe.batch, batch_at)?;
        }
        Ok(self)
    }

    /// Judges some pairs and lets the rows in memory choose.
    fn step(&mut self, probe: &mut Probe, best: &PhysicalBest, keys: (&mut RowConverter, u32)) -> Result<()> {
        let (converter, batch_at) = keys;
        let proposed = probe.propose(&self.build);
        self.metrics.proposed.add(proposed.probe.len());
        if proposed.probe.is_empty() {
            return Ok(());
        }
        let (mut build, mut streamed) = (UInt32Array::from(proposed.build), UInt32Array::from(proposed.probe));
        if let Some(filter) = &self.plan.filter {
            let kept = filter.select(self.pairs(&probe.batch, &build, &streamed))?;
            let keep = |rows: &UInt32Array| kept.iter().map(|index| rows.value(*index)).collect::<UInt32Array>();
            (build, streamed) = (keep(&build), keep(&streamed));
        }
        if build.is_empty() {
            return Ok(());
        }
        let pairs = self.pairs(&probe.batch, &build, &streamed);
        let columns = best.order.iter().map(|(key, _)| key.evaluate(pairs)).collect::<Result<Vec<_>>>()?;
        let rows = converter.convert_columns(&columns)?;
        let before = self.partners.memory();
        for (pair, (row, of_batch)) in build.values().iter().zip(streamed.values()).enumerate() {
            self.partners.offer(*row, rows.row(pair).data(), (batch_at, *of_batch));
        }
        self.held.try_grow(self.partners.memory() - before)
    }

    fn pairs<'a>(&'a self, batch: &'a RecordBatch, build: &'a UInt32Array, streamed: &'a UInt32Array) -> Pairs<'a> {
        Pairs { left: (&self.build.batch, build), right: (batch, streamed) }
    }

    /// Keeps the rows of a batch that somebody chose, and lets go what nobody holds any more.
    fn gather(&mut self, batch: &RecordBatch, batch_at: u32) -> Result<()> {
        let chosen = self.partners.settle(batch_at, batch.num_rows());
        if chosen.is_empty() {
            return Ok(());
        }
        let rows = take_record_batch(batch, &UInt32Array::from(chosen))?;
        self.held.try_grow(rows.get_array_memory_size())?;
        self.kept += rows.num_rows();
        self.gathered.push(rows);
        if self.kept > 2 * self.partners.count() + LOOSE { self.gather_anew() } else { Ok(()) }
    }

    /// Puts the rows that are still held into one batch.
    fn gather_anew(&mut self) -> Result<()> {
        let places = self.partners.renumber();
        let rows = interleave_record_batch(&self.gathered.iter().collect::<Vec<_>>(), &places)?;
        self.held.try_resize(rows.get_array_memory_size() + self.partners.memory())?;
        self.kept = rows.num_rows();
        self.gathered = vec![rows];
        Ok(())
    }

    /// The rows of the join, in the order of the left side.
    fn into_batches(self) -> impl Iterator<Item = Result<RecordBatch>> + Send {
        let mut left = 0..u32::try_from(self.build.batch.num_rows()).unwrap_or(u32::MAX);
        let mut pending: VecDeque<(u32, Option<(usize, usize)>)> = VecDeque::new();
        let keeps_all = self.plan.join_type == JoinType::Left;
        std::iter::from_fn(move || {
            while pending.len() < PAIRS
                && let Some(row) = left.next()
            {
                let before = pending.len();
                pending.extend(self.partners.of(row).map(|at| (row, Some(at))));
                if pending.len() == before && keeps_all {
                    pending.push_back((row, None));
                }
            }
            let count = pending.len().min(PAIRS);
            (count > 0).then(|| self.batch(pending.drain(..count).collect()))
        })
    }

    /// Rows of one kind first, then of the other: those with a partner, those without.
    fn batch(&self, rows: Vec<(u32, Option<(usize, usize)>)>) -> Result<RecordBatch> {
        let (paired, alone): (Vec<_>, Vec<_>) = rows.into_iter().partition(|(_, partner)| partner.is_some());
        let mut batches = Vec::new();
        if !paired.is_empty() {
            let gathered: Vec<&RecordBatch> = self.gathered.iter().collect();
            let places: Vec<(usize, usize)> = paired.iter().filter_map(|(_, partner)| *partner).collect();
            let right = interleave_record_batch(&gathered, &places)?;
            let left = UInt32Array::from_iter_values(paired.iter().map(|(row, _)| *row));
            let left = take_record_batch(&self.build.batch, &left)?;
            let columns = left.columns().iter().chain(right.columns()).cloned().collect();
            batches.push(self.output.batch(columns, places.len())?);
        }
        if !alone.is_empty() {
            let rows = UInt32Array::from_iter_values(alone.iter().map(|(row, _)| *row));
            batches.push(self.output.alone(true, &self.build.batch, &rows)?);
        }
        Ok(arrow::compute::concat_batches(&self.output.schema, &batches)?)
    }
}

/// The number of a batch, or of a row in one.
fn place(number: usize) -> u32 {
    // Memory ends long before.
    u32::try_from(number).unwrap_or(u32::MAX)
}
