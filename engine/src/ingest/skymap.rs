//! How many rows lie where on the sky?
//!
//! Partitions count their sorted rows per cell of [`FINEST`]; the whole catalog's map is coarsened until a cell holds
//! a handful of rows on average, so that a small catalog has a small map.

use sidereus_sky::Order;

/// Order at which partitions count.
const FINEST: u8 = 8;
/// Rows that a cell of the written map should hold on average.
const ROWS_PER_CELL: u64 = 8;

/// Rows per cell of one partition, by runs of the sorted key.
#[derive(Debug, Default)]
pub(super) struct RunCounts {
    runs: Vec<(u64, u64)>,
}

impl RunCounts {
    /// Counts rows whose keys ascend, also over successive calls.
    pub(super) fn add(&mut self, keys: &[i64]) {
        let shift = 2 * (29 - FINEST);
        for key in keys {
            let cell = key.cast_unsigned() >> shift;
            match self.runs.last_mut() {
                Some((last, rows)) if *last == cell => *rows += 1,
                _ => self.runs.push((cell, 1)),
            }
        }
    }
}

/// Rows per cell of the whole sky.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Skymap {
    /// Order of the cells.
    pub(super) order: u8,
    /// Rows by cell, NESTED.
    pub(super) rows: Vec<i64>,
}

impl Skymap {
    /// Adds up the partitions' counts and chooses the order.
    pub(super) fn of_partitions<'a>(partitions: impl Iterator<Item = &'a RunCounts>) -> Self {
        let cells = Order::new(FINEST).map_or(0, Order::cell_count);
        let mut rows = vec![0_i64; cells as usize];
        for (cell, count) in partitions.flat_map(|partition| &partition.runs) {
            rows[*cell as usize] += count.cast_signed();
        }
        let total: i64 = rows.iter().sum();
        let mut map = Self { order: FINEST, rows };
        while map.order > 0 && (map.rows.len() as u64) * ROWS_PER_CELL > total.cast_unsigned() {
            map = map.coarser();
        }
        map
    }

    /// Part of the sky that holds rows, 0 to 1.
    pub(super) fn sky_fraction(&self) -> f64 {
        self.rows.iter().filter(|rows| **rows > 0).count() as f64 / self.rows.len() as f64
    }

    fn coarser(&self) -> Self {
        Self { order: self.order - 1, rows: self.rows.chunks(4).map(|children| children.iter().sum()).collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn map_of_few_rows_is_coarse_and_complete() {
        let mut counts = RunCounts::default();
        counts.add(&[0, 1, 1 << 58]);
        counts.add(&[(1 << 58) + 5, 11 << 58]);
        let map = Skymap::of_partitions([counts].iter());
        assert_eq!(map.order, 0);
        assert_eq!(map.rows, [2, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
        assert_eq!(map.sky_fraction(), 0.25);
    }

    #[test]
    fn map_of_many_rows_is_fine() {
        let keys: Vec<i64> = (0..12 * 64 * 8).map(|row| (row / 8) << 52).collect();
        let mut counts = RunCounts::default();
        counts.add(&keys);
        let map = Skymap::of_partitions([counts].iter());
        assert_eq!((map.order, map.rows), (3, vec![8; 768]));
    }
}
