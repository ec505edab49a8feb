//! How is a window over whole partitions computed piece by piece?
//!
//! ```text
//! input, sorted by the partition's keys   a a b | b c c | c d d ...
//! pieces of whole partitions              [a a b b] [c c c] ...     each through DataFusion's own window
//! ```
//! A piece is held, and reserved in the pool, until its rows are handed out. A window without PARTITION BY is one piece.

use std::fmt::Formatter;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::compute::{concat_batches, partition};
use arrow::datatypes::SchemaRef;
use datafusion::common::internal_err;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::utils::memory::get_record_batch_memory_size;
use datafusion::error::Result;
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryReservation};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_plan::execution_plan::{ChildrenPropertiesMode, ReplaceChildrenOptions};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::windows::WindowAggExec;
use datafusion::physical_plan::{DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties};
use futures::{StreamExt, TryStreamExt};

/// Rows that a piece has at least, where its partitions are small.
const PIECE_ROWS: usize = 16_384;
/// Bytes that are needed to work on a piece for each byte of its rows: they are put together, and sorted out again.
const WORKING_SHARE: usize = 3;

/// A window over whole partitions, computed a few partitions at a time.
#[derive(Debug)]
pub(super) struct PiecewiseWindowExec {
    /// The window over all its input, whose input is ours.
    window: Arc<dyn ExecutionPlan>,
}

impl PiecewiseWindowExec {
    pub(super) fn new(window: Arc<dyn ExecutionPlan>) -> Self {
        Self { window }
    }
}

impl DisplayAs for PiecewiseWindowExec {
    fn fmt_as(&self, kind: DisplayFormatType, f: &mut Formatter<'_>) -> std::fmt::Result {
        f.write_str("Piecewise")?;
        self.window.fmt_as(kind, f)
    }
}

impl ExecutionPlan for PiecewiseWindowExec {
    fn name(&self) -> &'static str {
        "PiecewiseWindowExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        self.window.properties()
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        self.window.children()
    }

    fn apply_expressions(
        &self,
        f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        self.window.apply_expressions(f)
    }

    fn maintains_input_order(&self) -> Vec<bool> {
        self.window.maintains_input_order()
    }

    fn required_input_ordering(&self) -> Vec<Option<datafusion::physical_expr::OrderingRequirements>> {
        self.window.required_input_ordering()
    }

    fn replace_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
        options: ReplaceChildrenOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(Arc::new(Self::new(Arc::clone(&self.window).replace_children(children, options)?)))
    }

    fn with_new_children(self: Arc<Self>, children: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        self.replace_children(children, ReplaceChildrenOptions::new(ChildrenPropertiesMode::Recompute))
    }

    fn execute(&self, number: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let (Some(window), [input]) = (self.window.downcast_ref::<WindowAggExec>(), &*self.window.children()) else {
            return internal_err!("a window has one input");
        };
        let keys = match window.window_expr().first() {
            Some(window) => window.partition_by().to_vec(),
            None => Vec::new(),
        };
        let pieces = Pieces {
            rows: input.execute(number, Arc::clone(&context))?,
            keys,
            held: Vec::new(),
            held_rows: 0,
            ended: false,
            reservation: MemoryConsumer::new("Window").register(context.memory_pool()),
        };
        let (window, schema) = (Arc::clone(&self.window), self.schema());
        let batches = futures::stream::try_unfold(pieces, move |mut pieces| {
            let (window, context) = (Arc::clone(&window), Arc::clone(&context));
            async move {
                let Some(piece) = pieces.next().await? else { return Ok(None) };
                let input =
                    Arc::new(PieceExec { rows: piece, properties: Arc::clone(window.children()[0].properties()) });
                let same = ReplaceChildrenOptions::new(ChildrenPropertiesMode::Keep);
                let computed = window.replace_children(vec![input], same)?.execute(number, context)?;
                tokio::task::consume_budget().await;
                Ok::<_, datafusion::error::DataFusionError>(Some((computed, pieces)))
            }
        });
        Ok(Box::pin(RecordBatchStreamAdapter::new(schema, batches.try_flatten())))
    }
}

/// Reads the input and cuts it between partitions.
struct Pieces {
    rows: SendableRecordBatchStream,
    keys: Vec<Arc<dyn PhysicalExpr>>,
    /// Rows that were read and not handed out.
    held: Vec<RecordBatch>,
    held_rows: usize,
    ended: bool,
    reservation: MemoryReservation,
}

impl Pieces {
    /// The next whole partitions, `None` behind the last.
    async fn next(&mut self) -> Result<Option<Vec<RecordBatch>>> {
        self.settle()?;
        while !self.ended {
            let Some(batch) = self.rows.next().await.transpose()? else {
                self.ended = true;
                break;
            };
            if batch.num_rows() == 0 {
                continue;
            }
            let cut = self.last_beginning(&batch)?.filter(|begin| self.held_rows + begin >= PIECE_ROWS);
            if let Some(begin) = cut {
                let mut piece = std::mem::take(&mut self.held);
                piece.push(batch.slice(0, begin));
                self.hold(batch.slice(begin, batch.num_rows() - begin))?;
                self.held_rows = batch.num_rows() - begin;
                return Ok(Some(piece));
            }
            self.held_rows += batch.num_rows();
            self.hold(batch)?;
        }
        let last = std::mem::take(&mut self.held);
        Ok((!last.is_empty()).then_some(last))
    }

    fn hold(&mut self, batch: RecordBatch) -> Result<()> {
        self.reservation.try_grow(WORKING_SHARE * get_record_batch_memory_size(&batch))?;
        self.held.push(batch);
        Ok(())
    }

    /// Reserves for what is still held, once the piece before was worked on.
    fn settle(&mut self) -> Result<()> {
        let held: usize = self.held.iter().map(get_record_batch_memory_size).sum();
        self.reservation.try_resize(WORKING_SHARE * held)
    }

    /// Where in a batch the last partition that has rows in it begins, where that is known to be no continuation.
    fn last_beginning(&self, batch: &RecordBatch) -> Result<Option<usize>> {
        if self.keys.is_empty() {
            return Ok(None);
        }
        let begins = self.beginnings(batch)?;
        if let Some(begin) = begins.last().filter(|begin| **begin > 0) {
            return Ok(Some(*begin));
        }
        let Some(before) = self.held.last() else { return Ok(None) };
        let seam = [before.slice(before.num_rows() - 1, 1), batch.slice(0, 1)];
        let seam = concat_batches(&batch.schema(), &seam)?;
        Ok((self.beginnings(&seam)?.len() > 1).then_some(0))
    }

    /// Where in a batch the partitions begin, the first row included.
    fn beginnings(&self, batch: &RecordBatch) -> Result<Vec<usize>> {
        let values = self.keys.iter().map(|key| key.evaluate(batch)?.into_array(batch.num_rows()));
        let values = values.collect::<Result<Vec<_>>>()?;
        Ok(partition(&values)?.ranges().into_iter().map(|range| range.start).collect())
    }
}

/// The rows of one piece, in the place of the input.
#[derive(Debug)]
struct PieceExec {
    rows: Vec<RecordBatch>,
    properties: Arc<PlanProperties>,
}

impl DisplayAs for PieceExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut Formatter<'_>) -> std::fmt::Result {
        f.write_str("PieceExec")
    }
}

impl ExecutionPlan for PieceExec {
    fn name(&self) -> &'static str {
        "PieceExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        Vec::new()
    }

    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn replace_children(
        self: Arc<Self>,
        _: Vec<Arc<dyn ExecutionPlan>>,
        _: ReplaceChildrenOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(self)
    }

    fn with_new_children(self: Arc<Self>, children: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        self.replace_children(children, ReplaceChildrenOptions::new(ChildrenPropertiesMode::Recompute))
    }

    fn execute(&self, _: usize, _: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let schema: SchemaRef = self.schema();
        let rows = futures::stream::iter(self.rows.clone().into_iter().map(Ok));
        Ok(Box::pin(RecordBatchStreamAdapter::new(schema, rows)))
    }
}
