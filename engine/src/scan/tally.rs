//! What do the footers of a catalog say of all its rows?
//!
//! Rows, values that are not null, the least and the greatest value of a column. The footers of a catalog with a manifest are
//! not even read for the number of rows: the manifest seals it.
//!
//! *Guarantee*: what is told is what reading every row gives. Nothing is told where a statistic is missing, cut short, of an
//! order that the file does not declare, or blind to NaN, nor for an extreme that is zero, whose sign statistics do not keep.

use std::sync::Arc;

use arrow::array::Array;
use arrow::datatypes::DataType;
use datafusion::common::ScalarValue;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::TaskContext;
use datafusion::physical_plan::metrics::ExecutionPlanMetricsSet;
use futures::{StreamExt, TryStreamExt};
use parquet::arrow::arrow_reader::statistics::StatisticsConverter;
use parquet::basic::{ColumnOrder, SortOrder};
use parquet::file::metadata::RowGroupMetaData;

use super::cache::{Footer, FooterCache};
use super::exec::HatsScanExec;
use super::fetch::FetchCounters;
use super::metrics::fetch_counters;
use crate::catalog::CatalogMetadata;
use crate::error::EngineError;
use crate::integrity::nan_counts;

/// Footers that are read at the same time.
const CONCURRENT_FOOTERS: usize = 16;

/// What is asked of all rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Tally {
    /// How many there are.
    Rows,
    /// In how many a column is not null.
    Present(String),
    /// The least value of a column.
    Least(String),
    /// The greatest value of a column.
    Greatest(String),
}

impl Tally {
    fn column(&self) -> Option<&str> {
        match self {
            Self::Rows => None,
            Self::Present(column) | Self::Least(column) | Self::Greatest(column) => Some(column),
        }
    }
}

/// What is known so far.
enum Known {
    Count(i64),
    Extreme(Option<ScalarValue>),
}

impl HatsScanExec {
    /// Whether it hands out every row of its catalog, and may be answered for.
    pub(crate) fn is_whole(&self) -> bool {
        let scan = self.descriptor();
        let unfiltered = scan.filter.spatial.is_none() && scan.filter.comparisons.is_empty() && scan.lookup.is_none();
        let whole = scan.limit.is_none() && scan.partitions == scan.catalog.partitions.len();
        scan.rules.metadata_answers && unfiltered && whole
    }

    /// The name of an output column about which footers may tell.
    pub(crate) fn tallied_column(&self, column: usize) -> Option<&str> {
        let field = self.descriptor().output.fields().get(column)?;
        is_tallied(field.data_type()).then(|| field.name().as_str())
    }

    /// What the footers say; `None` where they do not say it all.
    ///
    /// *Errors*: a file that cannot be read.
    pub(crate) async fn tally(
        &self,
        asked: &[Tally],
        context: &TaskContext,
        metrics: &ExecutionPlanMetricsSet,
    ) -> Result<Option<Vec<ScalarValue>>> {
        let catalog = &self.descriptor().catalog;
        if let (Some(rows), Some(_), true) =
            (catalog.rows, catalog.manifest, asked.iter().all(|one| *one == Tally::Rows))
        {
            return Ok(i64::try_from(rows).ok().map(|rows| vec![ScalarValue::Int64(Some(rows)); asked.len()]));
        }
        let Some(footers) = context.session_config().get_extension::<FooterCache>() else { return Ok(None) };
        let counters = fetch_counters(metrics, 0);
        let files: Vec<(usize, usize)> = (0..catalog.partitions.len())
            .flat_map(|partition| (0..catalog.partitions[partition].files.len()).map(move |file| (partition, file)))
            .collect();
        let mut read = futures::stream::iter(files)
            .map(|place| read_footer(Arc::clone(catalog), place, Arc::clone(&footers), counters.clone()))
            .buffered(CONCURRENT_FOOTERS);
        let mut known: Vec<Known> = asked
            .iter()
            .map(|one| match one {
                Tally::Rows | Tally::Present(_) => Known::Count(0),
                Tally::Least(_) | Tally::Greatest(_) => Known::Extreme(None),
            })
            .collect();
        while let Some(footer) = read.try_next().await.map_err(|error| DataFusionError::External(Box::new(error)))? {
            for (one, known) in asked.iter().zip(&mut known) {
                if add(catalog, (one, known), &footer).is_none() {
                    return Ok(None);
                }
            }
        }
        Ok(known.into_iter().zip(asked).map(|(known, one)| known.value(catalog, one)).collect())
    }
}

async fn read_footer(
    catalog: Arc<CatalogMetadata>,
    (partition, file): (usize, usize),
    footers: Arc<FooterCache>,
    counters: FetchCounters,
) -> Result<Arc<Footer>, EngineError> {
    let file = &catalog.partitions[partition].files[file];
    let mut fetcher = footers.fetcher(&catalog, file, counters);
    footers.footer(&catalog, (file, &mut fetcher)).await
}

impl Known {
    fn value(self, catalog: &CatalogMetadata, asked: &Tally) -> Option<ScalarValue> {
        match self {
            Self::Count(count) => Some(ScalarValue::Int64(Some(count))),
            Self::Extreme(Some(value)) => (!is_zero(&value)).then_some(value),
            Self::Extreme(None) => {
                ScalarValue::try_from(catalog.schema.field_with_name(asked.column()?).ok()?.data_type()).ok()
            }
        }
    }

    fn count(&mut self, more: i64) -> Option<()> {
        let Self::Count(count) = self else { return None };
        *count = count.checked_add(more)?;
        Some(())
    }

    /// Takes a value that may be a new extreme.
    fn offer(&mut self, value: ScalarValue, wanted: std::cmp::Ordering) -> Option<()> {
        let Self::Extreme(best) = self else { return None };
        let better = match best {
            None => true,
            Some(best) => value.partial_cmp(best)? == wanted,
        };
        if better {
            *best = Some(value);
        }
        Some(())
    }
}

/// Adds what a footer says; `None` where it does not.
fn add(catalog: &CatalogMetadata, (asked, known): (&Tally, &mut Known), footer: &Footer) -> Option<()> {
    let metadata = footer.reader.metadata();
    let groups = metadata.row_groups();
    let Some(name) = asked.column() else {
        return groups.iter().try_for_each(|group| known.count(rows(group)?));
    };
    let kind = catalog.schema.field_with_name(name).ok()?.data_type();
    let schema = footer.reader.schema();
    if schema.field_with_name(name).ok()?.data_type() != kind || !is_tallied(kind) {
        return None;
    }
    let converter = StatisticsConverter::try_new(name, schema, footer.reader.parquet_schema()).ok()?;
    let converter = converter.with_missing_null_counts_as_zero(false);
    let column = converter.parquet_column_index()?;
    let nulls = converter.row_group_null_counts(groups).ok()?;
    let present = |group: usize| {
        let nulls = i64::try_from(nulls.is_valid(group).then(|| nulls.value(group))?).ok()?;
        rows(&groups[group])?.checked_sub(nulls).filter(|present| *present >= 0)
    };
    let (extremes, exact, wanted) = match asked {
        Tally::Rows | Tally::Present(_) => return (0..groups.len()).try_for_each(|group| known.count(present(group)?)),
        Tally::Least(_) => {
            (converter.row_group_mins(groups), converter.row_group_is_min_value_exact(groups), std::cmp::Ordering::Less)
        }
        Tally::Greatest(_) => {
            let exact = converter.row_group_is_max_value_exact(groups);
            (converter.row_group_maxes(groups), exact, std::cmp::Ordering::Greater)
        }
    };
    let (extremes, exact) = (extremes.ok()?, exact.ok()?);
    let order = metadata.file_metadata().column_order(column);
    if !matches!(order, ColumnOrder::TYPE_DEFINED_ORDER(order) if order != SortOrder::UNDEFINED) {
        return None;
    }
    let nans = nan_counts(metadata);
    for (number, group) in groups.iter().enumerate() {
        let present = present(number)?;
        if present == 0 {
            continue;
        }
        let is_float = kind.is_floating();
        let nan = if is_float { i64::try_from(nans.count(name, number)?).ok()? } else { 0 };
        if nan >= present || (nan > 0 && wanted == std::cmp::Ordering::Greater) {
            return None;
        }
        let statistics = group.column(column).statistics()?;
        let whole =
            kind.is_primitive() || *kind == DataType::Boolean || (exact.is_valid(number) && exact.value(number));
        if statistics.is_min_max_deprecated() || !whole || extremes.is_null(number) {
            return None;
        }
        let value = ScalarValue::try_from_array(&extremes, number).ok()?;
        if is_nan(&value) {
            return None;
        }
        known.offer(value, wanted)?;
    }
    Some(())
}

fn rows(group: &RowGroupMetaData) -> Option<i64> {
    Some(group.num_rows()).filter(|rows| *rows >= 0)
}

/// Types whose order in Parquet is that of SQL.
fn is_tallied(kind: &DataType) -> bool {
    match kind {
        DataType::Float16 | DataType::Time32(_) | DataType::Time64(_) => false,
        DataType::Boolean | DataType::Date32 | DataType::Date64 | DataType::Timestamp(..) => true,
        DataType::Decimal128(..) | DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => true,
        number => number.is_integer() || number.is_floating(),
    }
}

fn is_nan(value: &ScalarValue) -> bool {
    match value {
        ScalarValue::Float32(Some(value)) => value.is_nan(),
        ScalarValue::Float64(Some(value)) => value.is_nan(),
        _ => false,
    }
}

fn is_zero(value: &ScalarValue) -> bool {
    match value {
        ScalarValue::Float32(Some(value)) => *value == 0.0,
        ScalarValue::Float64(Some(value)) => *value == 0.0,
        _ => false,
    }
}
