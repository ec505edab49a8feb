//! Where do the rows of some ids lie? An index of the collection tells, before the catalog itself is read.
//!
//! ```text
//!  id = 4, id IN (1, 9) --> index: pages that may hold 1, 4, 9 --> keys (else partitions) of their rows --> narrowing
//! ```
//! The index is a table in order of id, so it is read as a catalog is: ids in the place of keys. What it answers narrows the
//! scan as a join does; the comparison itself is still evaluated.
//!
//! *Guarantee*: every row with one of the ids is still read, as far as the index names all rows of its snapshot.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{Array, AsArray, Int64Array, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int64Type};
use datafusion::error::{DataFusionError, Result};
use datafusion::physical_plan::metrics::ExecutionPlanMetricsSet;
use sidereus_sky::{Cell, Order};
use tokio::sync::OnceCell;

use super::cache::FooterCache;
use super::descriptor::{ScanDescriptor, ScanRequest};
use super::exec::Told;
use super::metrics::ScanMetrics;
use super::narrow::{KeyRanges, Narrowing};
use super::stream::UnitWalk;
use crate::catalog::{CatalogMetadata, IdIndex, SpatialIndex};
use crate::options::Rules;

/// Ids beyond which the catalog is read without asking the index.
const MOST_IDS: usize = 10_000;

/// Some ids, and where their rows lie once that was asked.
#[derive(Debug)]
pub(crate) struct IdLookup {
    index: IdIndex,
    /// The spatial index of the catalog that is looked up in.
    spatial: Option<SpatialIndex>,
    /// Not negative, ascending.
    ids: Vec<u64>,
    found: OnceCell<Vec<Range<u64>>>,
}

impl IdLookup {
    /// A look-up of ids in a column; `None` where there is no index of it, or it cannot serve.
    pub(crate) fn new(catalog: &CatalogMetadata, column: &str, ids: &[i64]) -> Option<Arc<Self>> {
        let index = catalog.id_indexes.iter().find(|index| index.column == column)?.clone();
        let ids: Option<Vec<u64>> = ids.iter().map(|id| u64::try_from(*id).ok()).collect();
        let mut ids = ids.filter(|ids| ids.len() <= MOST_IDS)?;
        ids.sort_unstable();
        ids.dedup();
        Some(Arc::new(Self { index, spatial: catalog.index.clone(), ids, found: OnceCell::new() }))
    }

    /// How many ids.
    pub(crate) fn count(&self) -> usize {
        self.ids.len()
    }

    /// The column that is looked up.
    pub(crate) fn column(&self) -> &str {
        &self.index.column
    }

    /// Keys of the rows; the index is read once, whoever asks first.
    pub(crate) async fn keys(&self, footers: &Arc<FooterCache>, metrics: &ScanMetrics) -> Result<KeyRanges> {
        let found = self.found.get_or_try_init(|| Box::pin(self.read(footers, metrics))).await?;
        Ok(KeyRanges::of(found.clone()))
    }

    async fn read(&self, footers: &Arc<FooterCache>, metrics: &ScanMetrics) -> Result<Vec<Range<u64>>> {
        let schema = &self.index.entries.schema;
        let key = self.spatial.as_ref().filter(|spatial| schema.index_of(&spatial.column).is_ok());
        let columns = match key {
            Some(key) => vec![self.column(), key.column.as_str()],
            None => vec![self.column(), "Norder", "Npix"],
        };
        let projection = columns.iter().map(|name| schema.index_of(name)).collect::<Result<Vec<_>, _>>()?;
        let request = ScanRequest {
            projection,
            spatial: None,
            comparisons: Vec::new(),
            filter_columns: Vec::new(),
            limit: None,
            lookup: None,
        };
        let descriptor = ScanDescriptor::plan(Arc::clone(&self.index.entries), request, Rules::all(), 1);
        let narrowing = Narrowing::default();
        narrowing.tell(KeyRanges::of(self.ids.iter().map(|id| *id..id.saturating_add(1))));
        let own =
            ScanMetrics { fetched: metrics.fetched.clone(), ..ScanMetrics::new(&ExecutionPlanMetricsSet::new(), 0) };
        let mut walk = UnitWalk::new(
            (Arc::new(descriptor), Told { narrowing, ..Told::default() }),
            0,
            Arc::clone(footers),
            own.clone(),
        );
        let mut ranges = Vec::new();
        while let Some(batch) = walk.next().await? {
            self.collect(&batch, key, &mut ranges)?;
        }
        metrics.index_rows.add(own.rows_matched.value());
        ranges.sort_unstable_by_key(|range| range.start);
        Ok(ranges)
    }

    /// Adds where the rows of a batch lie that are of one of the ids.
    fn collect(&self, batch: &RecordBatch, key: Option<&SpatialIndex>, ranges: &mut Vec<Range<u64>>) -> Result<()> {
        let ids = integers(batch, 0)?;
        let wanted = |row: &usize| {
            let id = u64::try_from(ids.value(*row));
            ids.is_valid(*row) && id.is_ok_and(|id| self.ids.binary_search(&id).is_ok())
        };
        let rows: Vec<usize> = (0..batch.num_rows()).filter(wanted).collect();
        if rows.is_empty() {
            return Ok(());
        }
        let (first, last) = (integers(batch, 1)?, integers(batch, batch.num_columns() - 1)?);
        for row in rows {
            let range = match key {
                Some(key) => key_range(first.value(row), key),
                None => cell_range(first.value(row), last.value(row)),
            };
            ranges.push(range.ok_or_else(|| {
                let (column, id) = (self.column(), ids.value(row));
                DataFusionError::External(format!("the index of {column} names no place for {id}").into())
            })?);
        }
        Ok(())
    }
}

fn integers(batch: &RecordBatch, column: usize) -> Result<Int64Array> {
    Ok(cast(batch.column(column), &DataType::Int64)?.as_primitive::<Int64Type>().clone())
}

fn key_range(key: i64, index: &SpatialIndex) -> Option<Range<u64>> {
    let shift = 2 * u32::from(29_u8.checked_sub(index.order)?);
    let start = u64::try_from(key).ok()?.checked_mul(1 << shift)?;
    Some(start..start.checked_add(1 << shift)?)
}

fn cell_range(order: i64, npix: i64) -> Option<Range<u64>> {
    let order = Order::new(u8::try_from(order).ok()?).ok()?;
    let range = Cell::new(order, u64::try_from(npix).ok()?).ok()?.range29();
    Some(range.start..range.end)
}
