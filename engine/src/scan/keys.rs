//! Which keys does each row group and page hold? A compact index, built once a file.
//!
//! Keys are NESTED HEALPix indexes scaled to order 29. A row group or page whose keys are not known for certain
//! (no statistics, null keys) has no entry and is never skipped.

use std::ops::Range;

use parquet::file::metadata::{ParquetMetaData, RowGroupMetaData};
use parquet::file::page_index::column_index::ColumnIndexMetaData;
use parquet::file::statistics::Statistics;

use crate::catalog::SpatialIndex;

/// Keys and rows of one page of the key column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PageKeys {
    /// Rows, relative to the row group.
    pub(crate) rows: Range<usize>,
    /// Order-29 keys, `None` where unknown.
    pub(crate) keys: Option<Range<u64>>,
}

/// Keys of one row group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RowGroupKeys {
    /// Order-29 keys, `None` where unknown.
    pub(crate) keys: Option<Range<u64>>,
    /// Pages, empty where the file has no page index.
    pub(crate) pages: Vec<PageKeys>,
}

impl RowGroupKeys {
    /// Bytes held in memory.
    pub(crate) fn memory_size(&self) -> usize {
        size_of::<Self>() + self.pages.len() * size_of::<PageKeys>()
    }
}

/// Reads the keys of every row group from a footer; `None` where the file has no such column.
pub(crate) fn row_group_keys(metadata: &ParquetMetaData, index: &SpatialIndex) -> Option<Vec<RowGroupKeys>> {
    let schema = metadata.file_metadata().schema_descr();
    let column = schema.columns().iter().position(|column| column.path().string() == index.column)?;
    let shift = 2 * u32::from(29_u8.checked_sub(index.order)?);
    let groups = metadata.row_groups().iter().enumerate();
    Some(groups.map(|(number, group)| one_row_group(metadata, (number, group), column, shift)).collect())
}

fn one_row_group(
    metadata: &ParquetMetaData,
    (number, group): (usize, &RowGroupMetaData),
    column: usize,
    shift: u32,
) -> RowGroupKeys {
    let statistics = group.column(column).statistics();
    let keys = statistics.and_then(|statistics| {
        let (min, max) = bounds(statistics)?;
        (statistics.null_count_opt() == Some(0)).then(|| scaled(min, max, shift))?
    });
    let column_index = metadata.column_index().and_then(|index| index.get(number)?.get(column));
    let locations = metadata.offset_index().and_then(|index| index.get(number)?.get(column));
    let (Some(column_index), Some(locations)) = (column_index, locations) else {
        return RowGroupKeys { keys, pages: Vec::new() };
    };
    let starts: Vec<usize> = locations
        .page_locations()
        .iter()
        .map(|page| usize::try_from(page.first_row_index).unwrap_or(usize::MAX))
        .collect();
    let end = usize::try_from(group.num_rows()).unwrap_or(0);
    let ends = starts.iter().skip(1).copied().chain([end]);
    let pages = starts
        .iter()
        .copied()
        .zip(ends)
        .enumerate()
        .map(|(page, (start, end))| PageKeys { rows: start..end, keys: page_keys(column_index, page, shift) })
        .collect::<Vec<_>>();
    let well_formed = pages.first().is_some_and(|page| page.rows.start == 0)
        && pages.iter().all(|page| page.rows.start < page.rows.end);
    RowGroupKeys { keys, pages: if well_formed { pages } else { Vec::new() } }
}

fn bounds(statistics: &Statistics) -> Option<(i64, i64)> {
    match statistics {
        Statistics::Int64(values) => Some((*values.min_opt()?, *values.max_opt()?)),
        Statistics::Int32(values) => Some((i64::from(*values.min_opt()?), i64::from(*values.max_opt()?))),
        _ => None,
    }
}

fn page_keys(index: &ColumnIndexMetaData, page: usize, shift: u32) -> Option<Range<u64>> {
    if index.null_count(page)? != 0 {
        return None;
    }
    let (min, max) = match index {
        ColumnIndexMetaData::INT64(index) => (*index.min_value(page)?, *index.max_value(page)?),
        ColumnIndexMetaData::INT32(index) => (i64::from(*index.min_value(page)?), i64::from(*index.max_value(page)?)),
        _ => return None,
    };
    scaled(min, max, shift)
}

/// Order-29 keys of the cells `min..=max` of a coarser order.
fn scaled(min: i64, max: i64, shift: u32) -> Option<Range<u64>> {
    let (min, max) = (u64::try_from(min).ok()?, u64::try_from(max).ok()?);
    let start = min.checked_mul(1 << shift)?;
    let end = max.checked_add(1)?.checked_mul(1 << shift)?;
    (start < end).then_some(start..end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn coarse_keys_scale_to_whole_cells() {
        assert_eq!(scaled(3, 3, 4), Some(48..64));
        assert_eq!(scaled(-1, 3, 4), None);
        assert_eq!(scaled(5, 4, 0), None);
        assert_eq!(scaled(0, i64::MAX, 2), None);
    }
}
