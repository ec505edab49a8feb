//! How do the rows of one row group come out of its bytes?
//!
//! ```text
//! two phases   filter columns -> exact test -> the other columns of the kept rows
//! one phase    all columns -> exact test, where most rows are kept or nothing else is asked for
//! ```
//! Both give the same rows; which is used is a matter of time only.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, RecordBatch, RecordBatchOptions};
use arrow::compute::{concat_batches, filter_record_batch};
use arrow::datatypes::SchemaRef;
use bytes::Bytes;
use datafusion::error::{DataFusionError, Result};
use parquet::DecodeResult;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, RowSelection};
use parquet::arrow::push_decoder::ParquetPushDecoderBuilder;

use super::by_key::KeyTest;
use super::cache::Footer;
use super::columns::FileColumns;
use super::fetch::{FetchError, FileFetcher};
use super::filter::RowFilter;
use super::metrics::ScanMetrics;
use super::select::RowGroupTask;
use crate::catalog::SpatialIndex;
use crate::integrity::not_published;

/// Rows of a decoded batch.
pub(crate) const BATCH_ROWS: usize = 8192;
/// Share of kept rows above which the remaining columns are decoded whole and filtered.
const SPARSE: f64 = 0.25;

/// One open file and what a scan wants of it.
#[derive(Debug)]
pub(crate) struct FileScan {
    pub(crate) footer: Arc<Footer>,
    pub(crate) fetcher: FileFetcher,
    /// Columns that filters read.
    pub(crate) filter_columns: FileColumns,
    /// Output columns that filters do not read.
    pub(crate) rest_columns: FileColumns,
    pub(crate) plan: Arc<OutputPlan>,
    /// The column of keys, where the file has one.
    pub(crate) key_column: Option<KeyColumn>,
    pub(crate) keys: KeyTest,
}

/// The column of keys of one file.
#[derive(Debug)]
pub(crate) struct KeyColumn {
    mask: ProjectionMask,
    /// Twice the orders between its keys and those of order 29.
    shift: u32,
}

impl KeyColumn {
    pub(crate) fn of(index: &SpatialIndex, footer: &Footer) -> Option<Self> {
        let root = footer.reader.schema().fields().iter().position(|field| *field.name() == index.column)?;
        let mask = ProjectionMask::roots(footer.reader.parquet_schema(), [root]);
        Some(Self { mask, shift: 2 * u32::from(29_u8.checked_sub(index.order)?) })
    }
}

/// Where each output column comes from, and the filters.
#[derive(Debug)]
pub(crate) struct OutputPlan {
    pub(crate) filter: RowFilter,
    pub(crate) output: SchemaRef,
    pub(crate) rest: SchemaRef,
    /// For each output column: its place among the filter columns, or among the rest.
    pub(crate) sources: Vec<Source>,
    pub(crate) late_materialization: bool,
}

/// Where an output column is decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Source {
    /// Among the filter columns.
    Filter(usize),
    /// Among the rest.
    Rest(usize),
}

impl OutputPlan {
    fn assemble(&self, rows: usize, filter: &[ArrayRef], rest: &[ArrayRef]) -> Result<RecordBatch> {
        let columns = self
            .sources
            .iter()
            .map(|source| match source {
                Source::Filter(place) => Arc::clone(&filter[*place]),
                Source::Rest(place) => Arc::clone(&rest[*place]),
            })
            .collect();
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        Ok(RecordBatch::try_new_with_options(Arc::clone(&self.output), columns, &options)?)
    }
}

/// Batches of one row group, decoded on demand.
pub(crate) enum RowGroupBatches {
    /// Rows counted from the footer, no column asked for.
    Counted(usize),
    /// Nothing left to test: read and hand out.
    Plain { reader: Box<ParquetRecordBatchReader>, columns: FileColumns },
    /// Every column at once, then the test.
    OnePhase { filter: Box<ParquetRecordBatchReader>, rest: Option<Box<ParquetRecordBatchReader>>, test_position: bool },
    /// Kept rows of the filter columns, and the rest of exactly these rows.
    Refined { kept: RecordBatch, rest: Option<Box<ParquetRecordBatchReader>>, next: usize },
    /// Filter columns with their marks, and the rest of all rows.
    Marked { marked: VecDeque<(RecordBatch, BooleanArray)>, rest: Box<ParquetRecordBatchReader> },
    /// No row passed.
    Done,
}

impl std::fmt::Debug for RowGroupBatches {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RowGroupBatches")
    }
}

impl FileScan {
    /// Fetches what is needed and decodes the filter columns.
    pub(crate) async fn open(&self, task: &RowGroupTask, metrics: &ScanMetrics) -> Result<RowGroupBatches> {
        match &self.key_column {
            Some(keys) if task.by_key => match self.ruled_by_key(task, keys, metrics).await? {
                Some(fewer) => self.open_rows(&fewer, metrics).await,
                None => Ok(RowGroupBatches::Done),
            },
            _ => self.open_rows(task, metrics).await,
        }
    }

    /// The rows of a task whose keys may matter, `None` if there are none.
    async fn ruled_by_key(
        &self,
        task: &RowGroupTask,
        column: &KeyColumn,
        metrics: &ScanMetrics,
    ) -> Result<Option<RowGroupTask>> {
        let Some(mut reader) = self.reader(task, &column.mask, task.selection.clone()).await? else { return Ok(None) };
        let mut marks = Vec::new();
        let (mut rows, mut kept) = (0, 0);
        while let Some(batch) = self.pull(&mut reader)? {
            let some = self.keys.select(batch.column(0), column.shift)?;
            rows += some.len();
            kept += some.true_count();
            marks.push(some);
        }
        metrics.rows_ruled_out.add(rows - kept);
        let refined = RowSelection::from_filters(&marks);
        let selection = task.selection.as_ref().map_or_else(|| refined.clone(), |outer| outer.and_then(&refined));
        Ok((kept > 0).then(|| RowGroupTask { selection: Some(selection), by_key: false, ..task.clone() }))
    }

    async fn open_rows(&self, task: &RowGroupTask, metrics: &ScanMetrics) -> Result<RowGroupBatches> {
        let plan = &self.plan;
        let no_rest = plan.rest.fields().is_empty();
        if plan.filter.is_empty(task.test_position) {
            return self.open_unfiltered(task).await;
        }
        if no_rest || !plan.late_materialization {
            let filter = self.reader(task, self.filter_columns.mask(), task.selection.clone()).await?;
            let Some(filter) = filter else { return Ok(RowGroupBatches::Done) };
            let rest = match no_rest {
                true => None,
                false => self.reader(task, self.rest_columns.mask(), task.selection.clone()).await?,
            };
            return Ok(RowGroupBatches::OnePhase { filter, rest, test_position: task.test_position });
        }
        self.open_in_two_phases(task, metrics).await
    }

    async fn open_unfiltered(&self, task: &RowGroupTask) -> Result<RowGroupBatches> {
        if self.plan.output.fields().is_empty() {
            return Ok(RowGroupBatches::Counted(task.row_count(&self.footer.rows)));
        }
        let columns = FileColumns::try_new(&self.footer, Arc::clone(&self.plan.output), self.fetcher.path())?;
        let reader = self.reader(task, columns.mask(), task.selection.clone()).await?;
        Ok(reader.map_or(RowGroupBatches::Done, |reader| RowGroupBatches::Plain { reader, columns }))
    }

    async fn open_in_two_phases(&self, task: &RowGroupTask, metrics: &ScanMetrics) -> Result<RowGroupBatches> {
        let reader = self.reader(task, self.filter_columns.mask(), task.selection.clone()).await?;
        let Some(reader) = reader else { return Ok(RowGroupBatches::Done) };
        let mut marked = VecDeque::new();
        let (mut rows, mut kept) = (0, 0);
        for batch in reader {
            let batch = self.filter_batch(&batch?)?;
            let marks = self.plan.filter.select(&batch, task.test_position)?;
            rows += batch.num_rows();
            kept += marks.true_count();
            marked.push_back((batch, marks));
        }
        metrics.rows_decoded.add(rows);
        metrics.rows_matched.add(kept);
        if kept == 0 {
            return Ok(RowGroupBatches::Done);
        }
        if kept as f64 > SPARSE * rows as f64 {
            let rest = self.reader(task, self.rest_columns.mask(), task.selection.clone()).await?;
            let Some(rest) = rest else { return Err(short_of_rows(&self.fetcher)) };
            return Ok(RowGroupBatches::Marked { marked, rest });
        }
        let marks: Vec<BooleanArray> = marked.iter().map(|(_, marks)| marks.clone()).collect();
        let refined = RowSelection::from_filters(&marks);
        let selection = task.selection.as_ref().map_or_else(|| refined.clone(), |outer| outer.and_then(&refined));
        let batches = marked
            .iter()
            .map(|(batch, marks)| Ok(filter_record_batch(batch, marks)?))
            .collect::<Result<Vec<RecordBatch>>>()?;
        let kept = concat_batches(&self.plan.filter.schema, &batches)?;
        let rest = self.reader(task, self.rest_columns.mask(), Some(selection)).await?;
        Ok(RowGroupBatches::Refined { kept, rest, next: 0 })
    }

    async fn reader(
        &self,
        task: &RowGroupTask,
        mask: &ProjectionMask,
        selection: Option<RowSelection>,
    ) -> Result<Option<Box<ParquetRecordBatchReader>>> {
        let mut builder = ParquetPushDecoderBuilder::new_with_metadata(self.footer.reader.clone())
            .with_row_groups(vec![task.row_group])
            .with_projection(mask.clone())
            .with_batch_size(BATCH_ROWS);
        if let Some(selection) = selection {
            builder = builder.with_row_selection(selection);
        }
        let mut decoder = builder.build().map_err(|error| self.damaged(&error))?;
        loop {
            match decoder.try_next_reader().map_err(|error| self.damaged(&error))? {
                DecodeResult::Data(reader) => return Ok(Some(Box::new(reader))),
                DecodeResult::Finished => return Ok(None),
                DecodeResult::NeedsData(ranges) => {
                    let parts = self.fetch(&ranges).await?;
                    decoder.push_ranges(ranges, parts).map_err(|error| self.damaged(&error))?;
                }
            }
        }
    }

    /// Reads whole pages, each of which must be the one that was published.
    async fn fetch(&self, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        let parts = self.fetcher.ranges(ranges).await.map_err(|error| self.not_fetched(error))?;
        if let Some(sums) = &self.footer.pages {
            for (range, part) in ranges.iter().zip(&parts) {
                let path = self.fetcher.path().as_ref();
                sums.check(range, part).map_err(|why| DataFusionError::External(not_published(path, &why).into()))?;
            }
        }
        Ok(parts)
    }

    fn not_fetched(&self, error: FetchError) -> DataFusionError {
        match error {
            FetchError::Store(error) => DataFusionError::from(error),
            other => DataFusionError::External(format!("file {}: {other}", self.fetcher.path()).into()),
        }
    }

    fn damaged(&self, error: &parquet::errors::ParquetError) -> DataFusionError {
        DataFusionError::External(format!("file {} cannot be decoded: {error}", self.fetcher.path()).into())
    }

    fn filter_batch(&self, batch: &RecordBatch) -> Result<RecordBatch> {
        let columns = self.filter_columns.arrange(batch)?;
        let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        Ok(RecordBatch::try_new_with_options(Arc::clone(&self.plan.filter.schema), columns, &options)?)
    }

    /// The next batch of output columns, which may be empty; `None` at the end.
    pub(crate) fn next(&self, batches: &mut RowGroupBatches, metrics: &ScanMetrics) -> Result<Option<RecordBatch>> {
        let plan = &self.plan;
        match batches {
            RowGroupBatches::Done => Ok(None),
            RowGroupBatches::Counted(rows) => {
                let rows = std::mem::take(rows);
                *batches = RowGroupBatches::Done;
                metrics.rows_matched.add(rows);
                Ok(Some(plan.assemble(rows, &[], &[])?))
            }
            RowGroupBatches::Plain { reader, columns } => {
                let Some(batch) = self.pull(reader)? else { return Ok(None) };
                metrics.rows_matched.add(batch.num_rows());
                let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
                let columns = columns.arrange(&batch)?;
                Ok(Some(RecordBatch::try_new_with_options(Arc::clone(&plan.output), columns, &options)?))
            }
            RowGroupBatches::OnePhase { filter, rest, test_position } => {
                let Some(batch) = self.pull(filter)? else { return Ok(None) };
                let batch = self.filter_batch(&batch)?;
                let marks = plan.filter.select(&batch, *test_position)?;
                metrics.rows_decoded.add(batch.num_rows());
                metrics.rows_matched.add(marks.true_count());
                self.join_marked(&batch, &marks, rest.as_deref_mut()).map(Some)
            }
            RowGroupBatches::Marked { marked, rest } => {
                let Some((batch, marks)) = marked.pop_front() else { return Ok(None) };
                self.join_marked(&batch, &marks, Some(rest)).map(Some)
            }
            RowGroupBatches::Refined { kept, rest, next } => {
                if *next >= kept.num_rows() {
                    return Ok(None);
                }
                let Some(rest) = rest else { return Err(short_of_rows(&self.fetcher)) };
                let Some(batch) = self.pull(rest)? else { return Err(short_of_rows(&self.fetcher)) };
                if *next + batch.num_rows() > kept.num_rows() {
                    return Err(short_of_rows(&self.fetcher));
                }
                let front = kept.slice(*next, batch.num_rows());
                *next += batch.num_rows();
                let rest = self.rest_columns.arrange(&batch)?;
                Ok(Some(plan.assemble(batch.num_rows(), front.columns(), &rest)?))
            }
        }
    }

    /// Filters one batch of filter columns together with as many rows of the rest.
    fn join_marked(
        &self,
        batch: &RecordBatch,
        marks: &BooleanArray,
        rest: Option<&mut ParquetRecordBatchReader>,
    ) -> Result<RecordBatch> {
        let rest = match rest {
            None => Vec::new(),
            Some(reader) => match self.pull(reader)? {
                Some(rest) if rest.num_rows() == batch.num_rows() => self.rest_columns.arrange(&rest)?,
                _ => return Err(short_of_rows(&self.fetcher)),
            },
        };
        let whole = self.plan.assemble(batch.num_rows(), batch.columns(), &rest)?;
        if marks.true_count() == marks.len() { Ok(whole) } else { Ok(filter_record_batch(&whole, marks)?) }
    }

    fn pull(&self, reader: &mut ParquetRecordBatchReader) -> Result<Option<RecordBatch>> {
        match reader.next() {
            None => Ok(None),
            Some(Ok(batch)) => Ok(Some(batch)),
            Some(Err(error)) => Err(DataFusionError::External(
                format!("file {} cannot be decoded: {error}", self.fetcher.path()).into(),
            )),
        }
    }
}

fn short_of_rows(file: &FileFetcher) -> DataFusionError {
    DataFusionError::External(format!("file {}: columns of one row group differ in rows", file.path()).into())
}
