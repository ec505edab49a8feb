//! Which pages can hold values within some bounds?
//!
//! The page index of a file gives the least and the greatest value of every page. They are kept of numbers, as doubles,
//! rounded outwards; pages that hold nothing within the bounds of a column are not read.
//!
//! *Guarantee*: a page that is skipped holds no row that the bounds let through. NaN, which no extreme tells of, is taken to be
//! everywhere but where the file counts none.

use std::ops::Range;

use parquet::arrow::arrow_reader::RowSelection;
use parquet::basic::{ColumnOrder, ConvertedType, LogicalType, SortOrder};
use parquet::file::metadata::ParquetMetaData;
use parquet::file::page_index::column_index::{ColumnIndexMetaData, PrimitiveColumnIndex};
use parquet::schema::types::ColumnDescriptor;

use super::cache::Footer;
use super::intervals::Span;
use super::select::RowGroupTask;
use super::wanted::WantedIds;
use crate::integrity::{NanCounts, nan_counts};

/// The extremes of the pages of one file.
#[derive(Debug, Default)]
pub(crate) struct PageExtremes {
    columns: Vec<ColumnExtremes>,
}

/// Those of one column, row group by row group.
#[derive(Debug)]
struct ColumnExtremes {
    leaf: usize,
    groups: Vec<GroupExtremes>,
}

/// Those of one row group.
#[derive(Debug)]
struct GroupExtremes {
    pages: Box<[Page]>,
    may_be_nan: bool,
}

/// What one page holds besides NaN.
#[derive(Debug, Clone, Copy)]
struct Page {
    low: f64,
    high: f64,
    may_be_null: bool,
}

impl PageExtremes {
    /// Those of the numbers of a file with a page index.
    pub(crate) fn of(metadata: &ParquetMetaData) -> Self {
        let nans = nan_counts(metadata);
        let parquet = metadata.file_metadata().schema_descr();
        let columns = parquet.columns().iter().enumerate().filter_map(|(leaf, column)| {
            let order = metadata.file_metadata().column_order(leaf);
            let ordered = matches!(order, ColumnOrder::TYPE_DEFINED_ORDER(order) if order != SortOrder::UNDEFINED);
            if !ordered || !is_number(column) {
                return None;
            }
            let name = column.path().string();
            let groups = (0..metadata.num_row_groups()).map(|group| one_group(metadata, (group, leaf), &name, &nans));
            Some(ColumnExtremes { leaf, groups: groups.collect::<Option<_>>()? })
        });
        Self { columns: columns.collect() }
    }

    /// Bytes held in memory.
    pub(crate) fn memory_size(&self) -> usize {
        let groups = self.columns.iter().flat_map(|column| &column.groups);
        let pages = groups.map(|group| size_of::<GroupExtremes>() + group.pages.len() * size_of::<Page>());
        pages.sum::<usize>() + self.columns.len() * size_of::<ColumnExtremes>()
    }

    fn pages(&self, leaf: usize, group: usize) -> Option<&GroupExtremes> {
        let column = self.columns.binary_search_by_key(&leaf, |column| column.leaf).ok()?;
        self.columns[column].groups.get(group)
    }
}

/// Whether a column holds numbers whose order in Parquet is that of SQL.
fn is_number(column: &ColumnDescriptor) -> bool {
    let signed = match (column.logical_type_ref(), column.converted_type()) {
        (Some(LogicalType::Integer(kind)), _) => kind.is_signed,
        (None, kind) => {
            use ConvertedType::{INT_8, INT_16, INT_32, INT_64, NONE};
            matches!(kind, NONE | INT_8 | INT_16 | INT_32 | INT_64)
        }
        _ => false,
    };
    column.path().parts().len() == 1 && signed
}

fn one_group(
    metadata: &ParquetMetaData,
    (group, leaf): (usize, usize),
    name: &str,
    nans: &NanCounts,
) -> Option<GroupExtremes> {
    let index = metadata.column_index()?.get(group)?.get(leaf)?;
    let (pages, is_float) = match index {
        ColumnIndexMetaData::FLOAT(pages) => (bounded(index, pages, |value| around(f64::from(value))), true),
        ColumnIndexMetaData::DOUBLE(pages) => (bounded(index, pages, around), true),
        ColumnIndexMetaData::INT32(pages) => (bounded(index, pages, |value| around(f64::from(value))), false),
        ColumnIndexMetaData::INT64(pages) => (bounded(index, pages, |value| Some(rounded(value))), false),
        _ => return None,
    };
    Some(GroupExtremes { pages, may_be_nan: is_float && !nans.is_nan_free(name, group) })
}

fn bounded<T: Copy>(
    index: &ColumnIndexMetaData,
    pages: &PrimitiveColumnIndex<T>,
    around: impl Fn(T) -> Option<(f64, f64)>,
) -> Box<[Page]> {
    let page = |page: usize| {
        let may_be_null = index.null_count(page) != Some(0);
        let (low, high) = match (index.is_null_page(page), pages.min_value(page), pages.max_value(page)) {
            (true, ..) => (f64::INFINITY, f64::NEG_INFINITY),
            (false, Some(low), Some(high)) => match (around(*low), around(*high)) {
                (Some((low, _)), Some((_, high))) => (low, high),
                _ => (f64::NEG_INFINITY, f64::INFINITY),
            },
            _ => (f64::NEG_INFINITY, f64::INFINITY),
        };
        Page { low, high, may_be_null }
    };
    let count = usize::try_from(index.num_pages()).unwrap_or(0);
    (0..count).map(page).collect()
}

/// An exact number twice; `None` for NaN, which bounds nothing.
fn around(value: f64) -> Option<(f64, f64)> {
    (!value.is_nan()).then_some((value, value))
}

/// The doubles at most and at least as large as an integer.
pub(super) fn rounded(value: i64) -> (f64, f64) {
    let near = value as f64;
    if near as i128 == i128::from(value) { (near, near) } else { (near.next_down(), near.next_up()) }
}

/// What of a task is left where columns are bounded; `None` if nothing is.
pub(crate) fn within<'a>(
    footer: &Footer,
    task: RowGroupTask,
    bounds: impl IntoIterator<Item = (&'a str, Span)>,
) -> Option<RowGroupTask> {
    bounds.into_iter().try_fold(task, |task, (name, span)| {
        narrowed(footer, task, name, |page, may_be_nan| {
            (page.low <= span.high && page.high >= span.low)
                || (span.nan && may_be_nan)
                || (span.null && page.may_be_null)
        })
    })
}

/// What of a task is left where a column has one of some ids; `None` if nothing is.
pub(crate) fn holding(footer: &Footer, task: RowGroupTask, column: &str, ids: &WantedIds) -> Option<RowGroupTask> {
    narrowed(footer, task, column, |page, _| ids.may_lie_within(page.low, page.high))
}

/// What of a task is left of some pages of a column, chosen by what they hold and whether the row group may hold NaN.
fn narrowed(
    footer: &Footer,
    mut task: RowGroupTask,
    column: &str,
    keep: impl Fn(&Page, bool) -> bool,
) -> Option<RowGroupTask> {
    let columns = footer.reader.parquet_schema().columns();
    let leaf = columns.iter().position(|found| found.path().parts() == [column]);
    let Some((leaf, extremes)) = leaf.and_then(|leaf| Some((leaf, footer.extremes.pages(leaf, task.row_group)?)))
    else {
        return Some(task);
    };
    let kept: Vec<bool> = extremes.pages.iter().map(|page| keep(page, extremes.may_be_nan)).collect();
    if kept.iter().all(|kept| *kept) {
        return Some(task);
    }
    let rows = page_rows(footer, task.row_group, leaf).filter(|rows| rows.len() == kept.len());
    let Some(rows) = rows else { return Some(task) };
    let kept = rows.iter().zip(&kept).filter(|(_, kept)| **kept).map(|(rows, _)| rows.clone());
    let all = footer.rows.get(task.row_group).copied().unwrap_or(0);
    let kept = RowSelection::from_consecutive_ranges(kept, all);
    let left = task.selection.as_ref().map_or_else(|| kept.clone(), |rows| rows.intersection(&kept));
    let any = left.selects_any();
    task.selection = Some(left);
    any.then_some(task)
}

/// The rows of each page of a column in a row group.
fn page_rows(footer: &Footer, group: usize, leaf: usize) -> Option<Vec<Range<usize>>> {
    let locations = footer.reader.metadata().offset_index()?.get(group)?.get(leaf)?.page_locations();
    let start =
        |page: &parquet::file::page_index::offset_index::PageLocation| usize::try_from(page.first_row_index).ok();
    let starts: Vec<usize> = locations.iter().map(start).collect::<Option<_>>()?;
    let ends = starts.iter().skip(1).copied().chain([*footer.rows.get(group)?]);
    let rows: Vec<Range<usize>> = starts.iter().copied().zip(ends).map(|(start, end)| start..end).collect();
    let well_formed = rows.first().is_some_and(|rows| rows.start == 0) && rows.iter().all(|rows| rows.start < rows.end);
    well_formed.then_some(rows)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn integers_lie_between_their_doubles(value in any::<i64>()) {
            let (low, high) = rounded(value);
            prop_assert!(low as i128 <= i128::from(value) && i128::from(value) <= high as i128, "{low} {value} {high}");
        }
    }

    #[test]
    fn the_largest_integers() {
        assert_eq!(rounded(i64::MIN), (-(2.0_f64.powi(63)), -(2.0_f64.powi(63))));
        assert!(rounded(i64::MAX).1 >= 2.0_f64.powi(63));
        assert_eq!(rounded(-7), (-7.0, -7.0));
    }
}
