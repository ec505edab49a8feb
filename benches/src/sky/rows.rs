//! Where within its cell is each star?
//!
//! Keys are random low bits, sorted within each order-9 cell, so a partition is sorted as it is made. A position lies
//! near the centre of its order-29 cell, off it by a random part of a cell: its last bits are as random as those of
//! real stars, and its key can be found again.

use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use sidereus_sky::{Cell, Order, center};

use super::density::{CellCounts, sequence};

/// Rows made at a time; whole pages of 4096.
const ROWS: usize = 32_768;
/// Largest offset from a cell's centre in each direction, in degrees (0.07 mas): the narrowest order-29 cells are
/// 0.24 mas wide.
const JITTER_DEG: f64 = 0.07 / 3.6e6;

/// Keys and positions of consecutive rows.
#[derive(Debug)]
pub(super) struct Rows {
    /// Order-29 keys, ascending.
    pub(super) keys: Vec<i64>,
    /// Right ascensions in degrees.
    pub(super) ra_deg: Vec<f64>,
    /// Declinations in degrees.
    pub(super) dec_deg: Vec<f64>,
    /// Number of the first of these rows within its partition.
    pub(super) first: usize,
}

/// Makes the rows of one partition, in order.
#[derive(Debug)]
pub(super) struct PartitionKeys<'a> {
    counts: &'a CellCounts,
    cells: std::ops::Range<u64>,
    waiting: Vec<i64>,
    made: usize,
    random: SmallRng,
}

impl<'a> PartitionKeys<'a> {
    /// Begins a partition of order 9 or coarser.
    pub(super) fn new(cell: Cell, counts: &'a CellCounts, seed: u64) -> Self {
        let shift = CellCounts::order().key_shift();
        let range = cell.range29();
        let random = SmallRng::seed_from_u64(sequence(seed, range.start | 1));
        Self { counts, cells: range.start >> shift..range.end >> shift, waiting: Vec::new(), made: 0, random }
    }

    /// The partition's random numbers.
    pub(super) fn random(&mut self) -> &mut SmallRng {
        &mut self.random
    }

    /// The next rows; `None` at the end.
    pub(super) fn next_rows(&mut self) -> Option<Rows> {
        while self.waiting.len() < ROWS
            && let Some(cell) = self.cells.next()
        {
            self.draw_cell(cell);
        }
        if self.waiting.is_empty() {
            return None;
        }
        let rest = self.waiting.split_off(self.waiting.len().min(ROWS));
        let keys = std::mem::replace(&mut self.waiting, rest);
        let (ra_deg, dec_deg) = keys.iter().map(|key| place(*key, &mut self.random)).unzip();
        let first = self.made;
        self.made += keys.len();
        Some(Rows { keys, ra_deg, dec_deg, first })
    }

    fn draw_cell(&mut self, cell: u64) {
        let shift = CellCounts::order().key_shift();
        let low_bits = (1_u64 << shift) - 1;
        let begin = self.waiting.len();
        let drawn = (0..self.counts.rows_in(cell))
            .map(|_| ((cell << shift) | (self.random.random::<u64>() & low_bits)).cast_signed());
        self.waiting.extend(drawn);
        self.waiting[begin..].sort_unstable();
    }
}

fn place(key: i64, random: &mut SmallRng) -> (f64, f64) {
    let cell = Cell::new(Order::MAX, key.cast_unsigned()).expect("the key was made within a cell");
    let center = center(cell);
    let [x, y, _] = center.xyz();
    let cos_dec = x.hypot(y);
    if cos_dec < 1e-6 {
        return (center.lon_deg(), center.lat_deg());
    }
    let ra_deg = center.lon_deg() + JITTER_DEG / cos_dec * random.random_range(-1.0..1.0);
    let dec_deg = center.lat_deg() + JITTER_DEG * random.random_range(-1.0..1.0);
    let ra_deg = ra_deg.rem_euclid(360.0);
    (if ra_deg == 360.0 { 0.0 } else { ra_deg }, dec_deg)
}

#[cfg(test)]
mod tests {
    use super::*;
    use sidereus_sky::hash29;

    #[test]
    fn positions_lie_in_the_cell_of_their_key_all_over_the_sky() {
        let mut random = SmallRng::seed_from_u64(2);
        let anywhere: Vec<u64> = (0..200_000).map(|_| random.random_range(0..12 << 58)).collect();
        let at_poles_and_corners = (0..12)
            .flat_map(|base: u64| (0..200).flat_map(move |step| [(base << 58) + step, ((base + 1) << 58) - 1 - step]));
        for key in anywhere.into_iter().chain(at_poles_and_corners) {
            let (ra_deg, dec_deg) = place(key.cast_signed(), &mut random);
            assert!((0.0..360.0).contains(&ra_deg));
            assert_eq!(hash29(ra_deg, dec_deg).unwrap(), key, "at {ra_deg} {dec_deg}");
        }
    }

    #[test]
    fn a_partition_is_sorted_and_complete() {
        let counts = CellCounts::draw(300_000, 1, false);
        let cell = Cell::new(Order::MIN, 7).unwrap();
        let mut partition = PartitionKeys::new(cell, &counts, 1);
        let mut keys = Vec::new();
        while let Some(rows) = partition.next_rows() {
            assert_eq!(
                (rows.first, rows.ra_deg.len(), rows.dec_deg.len()),
                (keys.len(), rows.keys.len(), rows.keys.len())
            );
            keys.extend(rows.keys);
        }
        assert_eq!(keys.len(), counts.rows_before(8 << 58) - counts.rows_before(7 << 58));
        assert!(keys.is_sorted() && keys.iter().all(|key| *key >> 58 == 7));
    }
}
