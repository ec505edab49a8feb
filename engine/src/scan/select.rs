//! Which partitions, row groups and pages may hold rows of the region?
//!
//! Each step narrows the one before and may only err on the side of reading too much.

use std::ops::Range;

use parquet::arrow::arrow_reader::RowSelection;
use sidereus_sky::{Cell, CoverageRange};

use super::by_key::KeyTest;
use super::cover::{Overlap, SpatialFilter};
use super::keys::RowGroupKeys;
use super::metrics::ScanMetrics;
use crate::catalog::{CatalogMetadata, Partition};
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
    /// Whether to read the keys of these rows before anything else.
    pub(crate) by_key: bool,
}

impl RowGroupTask {
    /// How many rows it reads, of row groups of so many.
    pub(crate) fn row_count(&self, rows: &[usize]) -> usize {
        let all = rows.get(self.row_group).copied().unwrap_or(0);
        self.selection.as_ref().map_or(all, RowSelection::row_count)
    }
}

/// Numbers of the partitions that may hold rows of the region.
pub(crate) fn partitions(catalog: &CatalogMetadata, spatial: Option<&SpatialFilter>, rules: Rules) -> Vec<usize> {
    let has_cells = catalog.positions.is_some() && catalog.partitions.first().is_some_and(|one| one.cell.is_some());
    match spatial.filter(|_| rules.partition_pruning && has_cells) {
        Some(spatial) => touched(&catalog.partitions, spatial.cover()),
        None => (0..catalog.partitions.len()).collect(),
    }
}

/// Numbers of partitions, in spatial order and apart from each other, that touch one of some sorted ranges; time grows with
/// the ranges, not with the partitions.
fn touched(partitions: &[Partition], ranges: &[CoverageRange]) -> Vec<usize> {
    let keys = |partition: &Partition| partition.cell.map(Cell::range29);
    let (mut numbers, mut next) = (Vec::new(), 0);
    for range in ranges {
        next += partitions[next..].partition_point(|one| keys(one).is_some_and(|keys| keys.end <= range.start));
        while partitions.get(next).is_some_and(|one| keys(one).is_none_or(|keys| keys.start < range.end)) {
            numbers.push(next);
            next += 1;
        }
    }
    numbers
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

/// What decides which keys are read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wanted<'a> {
    /// The region of the position, and what a join has told since.
    pub(crate) keys: &'a KeyTest,
    /// Pruners to use.
    pub(crate) rules: Rules,
}

/// Tasks for the row groups `groups` of a file.
pub(crate) fn row_groups(
    file: FileRowGroups<'_>,
    groups: Range<usize>,
    wanted: Wanted<'_>,
    metrics: &ScanMetrics,
) -> Vec<RowGroupTask> {
    let mut tasks = Vec::new();
    for row_group in groups {
        metrics.row_groups.add(1);
        let before = tasks.len();
        let test_position = wanted.keys.spatial.is_some();
        match file.keys.and_then(|keys| keys.get(row_group)) {
            Some(keys) if test_position || wanted.keys.narrowing.is_told() => {
                let trusted = file.positions_present[row_group];
                let selector = Selector { wanted, trusted, rows: file.rows[row_group] };
                selector.select(row_group, keys, metrics, &mut tasks);
            }
            _ => tasks.push(RowGroupTask { row_group, selection: None, test_position, by_key: false }),
        }
        if tasks.len() == before {
            metrics.row_groups_pruned.add(1);
        }
    }
    tasks
}

/// Narrows one row group.
struct Selector<'a> {
    wanted: Wanted<'a>,
    trusted: bool,
    rows: usize,
}

impl Selector<'_> {
    fn select(&self, row_group: usize, keys: &RowGroupKeys, metrics: &ScanMetrics, tasks: &mut Vec<RowGroupTask>) {
        let Wanted { keys: wanted, rules } = self.wanted;
        let whole = match &keys.keys {
            Some(keys) if rules.row_group_pruning => self.overlap(keys),
            _ => self.unknown(),
        };
        match whole {
            Overlap::Outside => {}
            Overlap::Full if !wanted.narrowing.is_told() => {
                tasks.push(RowGroupTask { row_group, selection: None, test_position: false, by_key: false });
            }
            _ if rules.page_pruning && !keys.pages.is_empty() => {
                self.select_pages(row_group, keys, metrics, tasks);
            }
            partly => {
                let test_position = wanted.spatial.is_some() && partly == Overlap::Partial;
                let by_key = keys.keys.as_ref().is_some_and(|keys| self.by_key(std::slice::from_ref(keys), self.rows));
                tasks.push(RowGroupTask { row_group, selection: None, test_position, by_key });
            }
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
            match page.keys.as_ref().map_or_else(|| self.unknown(), |keys| self.overlap(keys)) {
                Overlap::Outside => metrics.pages_pruned.add(1),
                Overlap::Partial => tested.push(page),
                Overlap::Full => taken.push(page),
            }
        }
        for (pages, test_position) in [(tested, true), (taken, false)] {
            if !pages.is_empty() {
                let spans: Option<Vec<Range<u64>>> = pages.iter().map(|page| page.keys.clone()).collect();
                let rows = pages.iter().map(|page| page.rows.len()).sum();
                let by_key = spans.is_some_and(|spans| self.by_key(&spans, rows));
                let ranges = pages.into_iter().map(|page| page.rows.clone());
                let selection = Some(RowSelection::from_consecutive_ranges(ranges, self.rows));
                tasks.push(RowGroupTask { row_group, selection, test_position, by_key });
            }
        }
    }

    fn by_key(&self, spans: &[Range<u64>], rows: usize) -> bool {
        self.wanted.rules.key_pruning && self.wanted.keys.pays(spans, rows)
    }

    /// How keys that are not known lie to the region.
    fn unknown(&self) -> Overlap {
        if self.wanted.keys.spatial.is_some() { Overlap::Partial } else { Overlap::Full }
    }

    /// A full cover counts only where no position can be null.
    fn overlap(&self, keys: &Range<u64>) -> Overlap {
        let KeyTest { spatial, narrowing } = self.wanted.keys;
        if !narrowing.touches(keys) {
            return Overlap::Outside;
        }
        match spatial.as_ref().map_or(Overlap::Full, |spatial| spatial.overlap(keys)) {
            Overlap::Full if spatial.is_some() && !self.trusted => Overlap::Partial,
            overlap => overlap,
        }
    }
}

#[cfg(test)]
mod tests {
    use arrow::datatypes::DataType;
    use sidereus_sky::{Circle, Order, Region};

    use super::*;

    #[test]
    fn partitions_that_a_region_touches_are_those_that_a_look_at_each_finds() {
        let order = |order| Order::new(order).unwrap();
        // Every third cell is split, every fifth is not there.
        let cells = (0..order(3).cell_count()).filter(|npix| npix % 5 != 0).flat_map(|npix| {
            let cell = Cell::new(order(3), npix).unwrap();
            if npix % 3 == 0 { cell.children().unwrap().to_vec() } else { vec![cell] }
        });
        let partitions: Vec<Partition> = cells.map(|cell| Partition { cell: Some(cell), files: Vec::new() }).collect();
        for (lon, lat, radius) in [(10.0, 20.0, 0.01), (0.0, 0.0, 30.0), (200.0, 89.9, 5.0), (45.0, -3.0, 170.0)] {
            let region = Region::Circle(Circle::from_degrees(lon, lat, radius).unwrap());
            let spatial = SpatialFilter::new(region, &DataType::Float64);
            let outside = |partition: &Partition| {
                let keys = partition.cell.unwrap().range29();
                spatial.overlap(&(keys.start..keys.end)) == Overlap::Outside
            };
            let each: Vec<usize> = (0..partitions.len()).filter(|number| !outside(&partitions[*number])).collect();
            assert_eq!(touched(&partitions, spatial.cover()), each, "{lon} {lat} {radius}");
        }
    }
}
