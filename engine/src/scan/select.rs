//! Which partitions, row groups and pages may hold rows of the region?
//!
//! Each step narrows the one before and may only err on the side of reading too much.

use std::ops::Range;

use parquet::arrow::arrow_reader::RowSelection;

use super::cover::{Overlap, SpatialFilter};
use super::keys::RowGroupKeys;
use super::metrics::ScanMetrics;
use crate::catalog::CatalogMetadata;
use crate::options::Rules;

/// Rows of one row group that are read in one go.
#[derive(Debug, Clone)]
pub(crate) struct RowGroupTask {
    /// Number of the row group in its file.
    pub(crate) row_group: usize,
    /// Rows to read; `None` for all.
    pub(crate) selection: Option<RowSelection>,
    /// Whether positions must still be tested against the region.
    pub(crate) test_position: bool,
}

/// Numbers of the partitions that may hold rows of the region.
pub(crate) fn partitions(catalog: &CatalogMetadata, spatial: Option<&SpatialFilter>, rules: Rules) -> Vec<usize> {
    let keep = |number: &usize| match (spatial, &catalog.partitions[*number].cell) {
        (Some(spatial), Some(cell)) if rules.partition_pruning && catalog.positions.is_some() => {
            let range = cell.range29();
            spatial.overlap(&(range.start..range.end)) != Overlap::Outside
        }
        _ => true,
    };
    (0..catalog.partitions.len()).filter(keep).collect()
}

/// What selecting within a file needs to know about it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FileRowGroups<'a> {
    /// Keys of every row group, where the file has a key column.
    pub(crate) keys: Option<&'a [RowGroupKeys]>,
    /// Rows of every row group.
    pub(crate) rows: &'a [usize],
    /// Whether no position of each row group is null, so that a full cover needs no further test.
    pub(crate) positions_present: &'a [bool],
}

/// Tasks for the row groups `groups` of a file.
pub(crate) fn row_groups(
    file: FileRowGroups<'_>,
    groups: Range<usize>,
    spatial: Option<(&SpatialFilter, Rules)>,
    metrics: &ScanMetrics,
) -> Vec<RowGroupTask> {
    let mut tasks = Vec::new();
    for row_group in groups {
        metrics.row_groups.add(1);
        let before = tasks.len();
        match (spatial, file.keys.and_then(|keys| keys.get(row_group))) {
            (None, _) => tasks.push(RowGroupTask { row_group, selection: None, test_position: false }),
            (Some(_), None) => tasks.push(RowGroupTask { row_group, selection: None, test_position: true }),
            (Some((spatial, rules)), Some(keys)) => {
                let trusted = file.positions_present[row_group];
                let selector = Selector { spatial, rules, trusted, rows: file.rows[row_group] };
                selector.select(row_group, keys, metrics, &mut tasks);
            }
        }
        if tasks.len() == before {
            metrics.row_groups_pruned.add(1);
        }
    }
    tasks
}

/// Narrows one row group.
struct Selector<'a> {
    spatial: &'a SpatialFilter,
    rules: Rules,
    trusted: bool,
    rows: usize,
}

impl Selector<'_> {
    fn select(&self, row_group: usize, keys: &RowGroupKeys, metrics: &ScanMetrics, tasks: &mut Vec<RowGroupTask>) {
        let whole = match &keys.keys {
            Some(keys) if self.rules.row_group_pruning => self.overlap(keys),
            _ => Overlap::Partial,
        };
        match whole {
            Overlap::Outside => {}
            Overlap::Full => tasks.push(RowGroupTask { row_group, selection: None, test_position: false }),
            Overlap::Partial if self.rules.page_pruning && !keys.pages.is_empty() => {
                self.select_pages(row_group, keys, metrics, tasks);
            }
            Overlap::Partial => tasks.push(RowGroupTask { row_group, selection: None, test_position: true }),
        }
    }

    fn select_pages(
        &self,
        row_group: usize,
        keys: &RowGroupKeys,
        metrics: &ScanMetrics,
        tasks: &mut Vec<RowGroupTask>,
    ) {
        let mut tested = Vec::new();
        let mut taken = Vec::new();
        for page in &keys.pages {
            metrics.pages.add(1);
            match page.keys.as_ref().map_or(Overlap::Partial, |keys| self.overlap(keys)) {
                Overlap::Outside => metrics.pages_pruned.add(1),
                Overlap::Partial => tested.push(page.rows.clone()),
                Overlap::Full => taken.push(page.rows.clone()),
            }
        }
        for (ranges, test_position) in [(tested, true), (taken, false)] {
            if !ranges.is_empty() {
                let selection = RowSelection::from_consecutive_ranges(ranges.into_iter(), self.rows);
                tasks.push(RowGroupTask { row_group, selection: Some(selection), test_position });
            }
        }
    }

    /// A full cover counts only where no position can be null.
    fn overlap(&self, keys: &Range<u64>) -> Overlap {
        match self.spatial.overlap(keys) {
            Overlap::Full if !self.trusted => Overlap::Partial,
            overlap => overlap,
        }
    }
}
