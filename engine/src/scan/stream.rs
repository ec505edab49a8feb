//! How does one output partition of a scan walk its files, row group by row group?
//!
//! One row group is open at a time; dropping the stream stops everything.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::array::RecordBatch;
use arrow::compute::BatchCoalescer;
use arrow::datatypes::Schema;
use datafusion::error::{DataFusionError, Result};

use super::by_key::KeyTest;
use super::cache::{Footer, FooterCache};
use super::columns::FileColumns;
use super::decode::{BATCH_ROWS, FileScan, KeyColumn, OutputPlan, RowGroupBatches, Source};
use super::descriptor::{ScanDescriptor, ScanUnit};
use super::exec::Told;
use super::extremes;
use super::filter::RowFilter;
use super::id_lookup::IdLookup;
use super::intervals::{is_false, spans};
use super::metrics::ScanMetrics;
use super::select::{self, FileRowGroups, RowGroupTask, Wanted};
use super::wanted::IsWanted;

/// Work after which others get their turn.
const TURN: Duration = Duration::from_millis(10);

/// Walks the units of one output partition.
#[derive(Debug)]
pub(crate) struct UnitWalk {
    descriptor: Arc<ScanDescriptor>,
    keys: KeyTest,
    told: Told,
    /// Ids that were not looked up yet.
    lookup: Option<Arc<IdLookup>>,
    footers: Arc<FooterCache>,
    metrics: ScanMetrics,
    /// Made when the first file is opened: more is known by then.
    plan: Option<Arc<OutputPlan>>,
    units: VecDeque<ScanUnit>,
    /// Where the open file is.
    unit: Option<ScanUnit>,
    file: Option<FileScan>,
    tasks: VecDeque<RowGroupTask>,
    batches: Option<RowGroupBatches>,
    coalescer: BatchCoalescer,
    remaining: usize,
    finished: bool,
}

impl UnitWalk {
    pub(crate) fn new(
        (descriptor, told): (Arc<ScanDescriptor>, Told),
        stream: usize,
        footers: Arc<FooterCache>,
        metrics: ScanMetrics,
    ) -> Self {
        let units = descriptor.streams.get(stream).cloned().unwrap_or_default().into();
        let coalescer = BatchCoalescer::new(Arc::clone(&descriptor.output), BATCH_ROWS)
            .with_biggest_coalesce_batch_size(Some(BATCH_ROWS / 2));
        Self {
            plan: None,
            remaining: descriptor.limit.unwrap_or(usize::MAX),
            keys: KeyTest { spatial: descriptor.pruner().cloned(), narrowing: told.narrowing.clone() },
            lookup: descriptor.lookup.clone(),
            told,
            descriptor,
            footers,
            metrics,
            units,
            unit: None,
            file: None,
            tasks: VecDeque::new(),
            batches: None,
            coalescer,
            finished: false,
        }
    }

    /// The next batch; `None` at the end.
    pub(crate) async fn next(&mut self) -> Result<Option<RecordBatch>> {
        let mut since = Instant::now();
        loop {
            // What keeps no row hands nothing out for long, and could not be stopped.
            if since.elapsed() > TURN {
                tokio::task::yield_now().await;
                since = Instant::now();
            }
            if let Some(batch) = self.coalescer.next_completed_batch() {
                return Ok(Some(batch));
            }
            if self.finished {
                return Ok(None);
            }
            let stepped = self.step().await;
            if stepped.is_err() {
                self.forget();
            }
            if !stepped? {
                self.finished = true;
                self.coalescer.finish_buffered_batch()?;
            }
        }
    }

    /// Does one piece of work; `false` when there is none left.
    async fn step(&mut self) -> Result<bool> {
        if self.remaining == 0 {
            return Ok(false);
        }
        if let (Some(batches), Some(file)) = (&mut self.batches, &self.file) {
            match file.next(batches, &self.metrics)? {
                Some(batch) => self.hand_out(batch)?,
                None => self.batches = None,
            }
            return Ok(true);
        }
        if let (Some(task), Some(file)) = (self.tasks.pop_front(), &self.file) {
            match self.within_bounds(task, &file.footer)? {
                Some(task) => self.batches = Some(file.open(&task, &self.metrics).await?),
                None => self.metrics.row_groups_pruned.add(1),
            }
            return Ok(true);
        }
        if self.file.take().is_some() {
            self.metrics.partitions_done.add(1);
        }
        if let Some(lookup) = self.lookup.take().or_else(|| self.lookup_of_join()) {
            self.keys.narrowing.tell(lookup.keys(&self.footers, &self.metrics).await?);
        }
        let Some(unit) = self.units.pop_front() else { return Ok(false) };
        if self.may_matter(&unit) {
            self.open(&unit).await?;
            self.unit = Some(unit);
        } else {
            self.metrics.partitions_skipped.add(1);
        }
        Ok(true)
    }

    /// Where the rows of a join's ids lie, until that was asked.
    fn lookup_of_join(&self) -> Option<Arc<IdLookup>> {
        let (column, ids) = self.told.ids.as_ref()?;
        let ScanDescriptor { catalog, output, rules, .. } = self.descriptor.as_ref();
        if !rules.id_index || self.keys.narrowing.is_told() {
            return None;
        }
        ids.lookup(catalog, output.field(*column).name())
    }

    /// What of a task can pass the comparisons, and what whoever reads the scan has found out since.
    fn within_bounds(&self, task: RowGroupTask, footer: &Footer) -> Result<Option<RowGroupTask>> {
        if !self.descriptor.rules.extremes_pruning {
            return Ok(Some(task));
        }
        let before = task.row_count(&footer.rows);
        let output = &self.descriptor.output;
        let mut task = extremes::within(footer, task, self.descriptor.filter.spans());
        if let Some((column, ids)) = &self.told.ids {
            task = task.and_then(|task| extremes::holding(footer, task, output.field(*column).name(), ids));
        }
        for found in self.told.dynamic.iter() {
            let found = found.current()?;
            if is_false(&found) {
                task = None;
            }
            let spans = spans(&found, output);
            let spans = spans.into_iter().map(|(column, span)| (output.field(column).name().as_str(), span));
            task = task.and_then(|task| extremes::within(footer, task, spans));
        }
        let left = task.as_ref().map_or(0, |task| task.row_count(&footer.rows));
        self.metrics.rows_out_of_bounds.add(before - left);
        Ok(task)
    }

    /// Drops footer and blocks of the open file, which may not be the file's any more.
    fn forget(&self) {
        if let Some(file) = &self.file {
            file.fetcher.forget();
        }
        let catalog = &self.descriptor.catalog;
        if let Some(unit) = &self.unit {
            self.footers.forget(catalog, &catalog.partitions[unit.partition].files[unit.file]);
        }
    }

    fn hand_out(&mut self, batch: RecordBatch) -> Result<()> {
        if batch.num_rows() == 0 {
            return Ok(());
        }
        let batch = if batch.num_rows() > self.remaining { batch.slice(0, self.remaining) } else { batch };
        self.remaining -= batch.num_rows();
        Ok(self.coalescer.push_batch(batch)?)
    }

    async fn open(&mut self, unit: &ScanUnit) -> Result<()> {
        let descriptor = &self.descriptor;
        let file = &descriptor.catalog.partitions[unit.partition].files[unit.file];
        let counters = self.metrics.fetched.clone();
        let mut fetcher = self.footers.fetcher(&descriptor.catalog, file, counters);
        let footer = self
            .footers
            .footer(&descriptor.catalog, (file, &mut fetcher))
            .await
            .map_err(|error| DataFusionError::External(Box::new(error)))?;
        self.tasks = self.tasks_of(unit, &footer).into();
        let plan = Arc::clone(self.plan.get_or_insert_with(|| Arc::new(output_plan(&self.descriptor, &self.told))));
        let filter_columns = FileColumns::try_new(&footer, Arc::clone(&plan.filter.schema), fetcher.path())?;
        let rest_columns = FileColumns::try_new(&footer, Arc::clone(&plan.rest), fetcher.path())?;
        let key_column = descriptor.catalog.index.as_ref().and_then(|index| KeyColumn::of(index, &footer));
        let keys = self.keys.clone();
        self.file = Some(FileScan { footer, fetcher, filter_columns, rest_columns, plan, key_column, keys });
        Ok(())
    }

    /// Whether a partition may hold keys that matter.
    fn may_matter(&self, unit: &ScanUnit) -> bool {
        let Some(cell) = &self.descriptor.catalog.partitions[unit.partition].cell else { return true };
        let range = cell.range29();
        !self.descriptor.rules.partition_pruning || self.keys.narrowing.touches(&(range.start..range.end))
    }

    fn tasks_of(&self, unit: &ScanUnit, footer: &Footer) -> Vec<RowGroupTask> {
        let groups = footer.rows.len();
        let (share, shares) = unit.share;
        let groups = share * groups / shares..(share + 1) * groups / shares;
        let row_groups = FileRowGroups {
            keys: footer.keys.as_deref(),
            rows: &footer.rows,
            positions_present: &footer.positions_present,
        };
        let wanted = Wanted { keys: &self.keys, rules: self.descriptor.rules };
        select::row_groups(row_groups, groups, wanted, &self.metrics)
    }
}

/// Sorts the output columns into those that filters read anyway and the rest.
fn output_plan(descriptor: &ScanDescriptor, told: &Told) -> OutputPlan {
    let filter = filter(descriptor, told);
    let mut rest = Vec::new();
    let sources = descriptor
        .output
        .fields()
        .iter()
        .map(|field| match filter.schema.index_of(field.name()) {
            Ok(place) => Source::Filter(place),
            Err(_) => {
                rest.push(Arc::clone(field));
                Source::Rest(rest.len() - 1)
            }
        })
        .collect();
    OutputPlan {
        filter,
        output: Arc::clone(&descriptor.output),
        rest: Arc::new(Schema::new(rest)),
        sources,
        late_materialization: descriptor.rules.late_materialization,
    }
}

/// The filter of a descriptor, and whether rows have an id that a join is known to ask for.
fn filter(descriptor: &ScanDescriptor, told: &Told) -> RowFilter {
    let RowFilter { schema, spatial, comparisons, .. } = &descriptor.filter;
    let Some((column, ids)) = told.ids.as_ref().filter(|(_, ids)| ids.is_told()) else {
        return descriptor.filter.clone();
    };
    let field = &descriptor.output.fields()[*column];
    let mut fields = schema.fields().to_vec();
    let place = schema.index_of(field.name()).unwrap_or_else(|_| {
        fields.push(Arc::clone(field));
        fields.len() - 1
    });
    let schema = Arc::new(Schema::new_with_metadata(fields, schema.metadata().clone()));
    let test = IsWanted { name: field.name().clone(), column: place, ids: Arc::clone(ids) };
    let comparisons: Vec<_> = comparisons.iter().cloned().chain([Arc::new(test) as _]).collect();
    RowFilter::new(schema, spatial.clone(), &comparisons)
}
