//! The best few: which partners does each row in memory keep of all that stream by?
//!
//! A row keeps at most as many as are asked for, in order; the rows of the streamed side that are kept by anybody are
//! gathered, and gathered anew when most of them were let go, so that memory follows the size of the answer.

use std::collections::VecDeque;
use std::sync::Arc;

use arrow::array::{RecordBatch, UInt32Array};
use arrow::compute::{interleave_record_batch, take_record_batch};
use arrow::row::{OwnedRow, RowConverter, SortField};
use datafusion::common::{JoinType, Result};
use datafusion::execution::SendableRecordBatchStream;
use datafusion::execution::memory_pool::MemoryReservation;
use futures::{Stream, StreamExt, TryStreamExt};

use super::exec::{Build, CrossmatchPlan, PhysicalBest};
use super::filter::Pairs;
use super::output::Output;
use super::pairs::{PAIRS, PairMetrics, Probe};

/// Rows that may be let go before the others are gathered anew.
const LOOSE: usize = 1 << 16;
/// Bytes of memory that a partner takes besides its row.
const PARTNER_BYTES: usize = 96;

/// A partner of a row in memory.
#[derive(Debug)]
struct Partner {
    key: OwnedRow,
    /// Where its row is kept: which gathered batch, and where there.
    at: (usize, usize),
}

/// The search for the best partners.
#[derive(Debug)]
pub(super) struct NearestWalk {
    plan: Arc<CrossmatchPlan>,
    build: Arc<Build>,
    output: Output,
    metrics: PairMetrics,
    partners: Vec<Vec<Partner>>,
    /// Rows in memory whose partners changed with the present batch.
    touched: Vec<u32>,
    gathered: Vec<RecordBatch>,
    live: usize,
    held: MemoryReservation,
}

impl NearestWalk {
    pub(super) fn new(plan: Arc<CrossmatchPlan>, build: Arc<Build>, output: Output, metrics: PairMetrics) -> Self {
        let partners = (0..build.batch.num_rows()).map(|_| Vec::new()).collect();
        let held = build.reserve();
        Self { plan, build, output, metrics, partners, touched: Vec::new(), gathered: Vec::new(), live: 0, held }
    }

    /// Reads everything, then gives every row of the left side with its partners.
    pub(super) fn into_stream(
        mut self,
        input: SendableRecordBatchStream,
    ) -> impl Stream<Item = Result<RecordBatch>> + Send {
        let read = async move {
            self.read(input).await?;
            Ok::<_, datafusion::error::DataFusionError>(futures::stream::iter(self.into_batches()))
        };
        futures::stream::once(read).try_flatten().boxed()
    }

    async fn read(&mut self, mut input: SendableRecordBatchStream) -> Result<()> {
        let plan = Arc::clone(&self.plan);
        let Some(best) = &plan.best else { return Ok(()) };
        let sorted =
            best.order.iter().map(|(key, options)| Ok(SortField::new_with_options(key.data_type()?, *options)));
        let mut converter = RowConverter::new(sorted.collect::<Result<Vec<_>>>()?)?;
        while let Some(batch) = input.try_next().await? {
            let mut probe = Probe::new(batch, &plan, &self.build, false)?;
            // Rows of this batch that somebody keeps are known by their place in it until it is over.
            let batch_at = self.gathered.len();
            while !probe.is_over() {
                self.step(&mut probe, best, (&mut converter, batch_at))?;
                tokio::task::consume_budget().await;
            }
            self.gather(&probe.batch, batch_at)?;
        }
        Ok(())
    }

    /// Judges some pairs and lets the rows in memory choose.
    fn step(&mut self, probe: &mut Probe, best: &PhysicalBest, keys: (&mut RowConverter, usize)) -> Result<()> {
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
        let mut added = 0;
        for (pair, row) in build.values().iter().enumerate() {
            let partners = &mut self.partners[*row as usize];
            let key = rows.row(pair);
            let place = partners.partition_point(|partner| partner.key.row() <= key);
            if place < best.count {
                let at = (batch_at, streamed.value(pair) as usize);
                added += usize::from(partners.len() < best.count);
                partners.insert(place, Partner { key: key.owned(), at });
                partners.truncate(best.count);
                self.touched.push(*row);
            }
        }
        self.live += added;
        self.held.try_grow(added * PARTNER_BYTES)
    }

    fn pairs<'a>(&'a self, batch: &'a RecordBatch, build: &'a UInt32Array, streamed: &'a UInt32Array) -> Pairs<'a> {
        Pairs { left: (&self.build.batch, build), right: (batch, streamed) }
    }

    /// Keeps the rows of a batch that somebody chose, and lets go what nobody holds any more.
    fn gather(&mut self, batch: &RecordBatch, batch_at: usize) -> Result<()> {
        let mut touched = std::mem::take(&mut self.touched);
        touched.sort_unstable();
        touched.dedup();
        let of_batch = |partner: &&Partner| partner.at.0 == batch_at;
        let new = touched.iter().flat_map(|row| &self.partners[*row as usize]).filter(of_batch);
        let mut chosen: Vec<u32> = new.map(|partner| u32::try_from(partner.at.1).unwrap_or(u32::MAX)).collect();
        if chosen.is_empty() {
            return Ok(());
        }
        chosen.sort_unstable();
        chosen.dedup();
        for row in touched {
            for partner in self.partners[row as usize].iter_mut().filter(|partner| partner.at.0 == batch_at) {
                let row = u32::try_from(partner.at.1).unwrap_or(u32::MAX);
                partner.at.1 = chosen.binary_search(&row).unwrap_or_default();
            }
        }
        let rows = take_record_batch(batch, &UInt32Array::from(chosen))?;
        self.held.try_grow(rows.get_array_memory_size())?;
        self.gathered.push(rows);
        let kept: usize = self.gathered.iter().map(RecordBatch::num_rows).sum();
        if kept > 2 * self.live + LOOSE { self.gather_anew() } else { Ok(()) }
    }

    /// Puts the rows that are still held into one batch.
    fn gather_anew(&mut self) -> Result<()> {
        let places: Vec<(usize, usize)> = self.partners.iter().flatten().map(|partner| partner.at).collect();
        let batches: Vec<&RecordBatch> = self.gathered.iter().collect();
        let rows = interleave_record_batch(&batches, &places)?;
        for (place, partner) in self.partners.iter_mut().flatten().enumerate() {
            partner.at = (0, place);
        }
        self.held.try_resize(rows.get_array_memory_size() + self.live * PARTNER_BYTES)?;
        self.gathered = vec![rows];
        Ok(())
    }

    /// The rows of the join, in the order of the left side.
    fn into_batches(self) -> impl Iterator<Item = Result<RecordBatch>> + Send {
        let mut left: VecDeque<u32> = (0_u32..).zip(&self.partners).map(|(row, _)| row).collect();
        let mut pending: VecDeque<(u32, Option<(usize, usize)>)> = VecDeque::new();
        let keeps_all = self.plan.join_type == JoinType::Left;
        std::iter::from_fn(move || {
            while pending.len() < PAIRS
                && let Some(row) = left.pop_front()
            {
                let partners = &self.partners[row as usize];
                pending.extend(partners.iter().map(|partner| (row, Some(partner.at))));
                if partners.is_empty() && keeps_all {
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
