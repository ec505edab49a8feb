//! Which positions of a set may lie within one small radius of a given one?
//!
//! Every position is filed under each of the few cells that can hold what lies within the radius of it. A search looks up
//! the cell of its own position and finds all that were filed there; searches in order of the key go through the files in
//! order, too.
//!
//! *Guarantee*: every position within the radius is proposed; some beyond it may be.
//!
//! This file knows neither Arrow nor DataFusion.

use std::ops::Range;

use rayon::prelude::*;
use sidereus_sky::{SmallDiscs, hash};

use super::neighbours::{Search, chord2_within, vector};
use crate::scan::{KeyRanges, PAD_DEG};

/// Positions whose cells are computed at a time.
const CHUNK: usize = 1 << 14;
/// Files of one position that memory is reserved for, twice over while they are sorted.
const FILES: usize = 4;

/// A position under one cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Filed {
    cell: u64,
    row: u32,
}

/// A set of positions to be searched within one radius.
#[derive(Debug)]
pub(super) struct Cells {
    discs: SmallDiscs,
    files: Vec<Filed>,
    /// The unit vector of each row; of rows without a position nothing is filed.
    vectors: Vec<[f64; 3]>,
    chord2: f64,
}

impl Cells {
    /// Bytes of memory that a row takes while its set is made.
    pub(super) const ROW_BYTES: usize = size_of::<[f64; 3]>() + 2 * FILES * size_of::<Filed>();

    /// The positions of rows in degrees, for searches within `radius_deg`; `None` where that is no small radius.
    ///
    /// *Cost*: all threads.
    pub(super) fn new(positions: &[Option<(f64, f64)>], radius_deg: f64) -> Option<Self> {
        // Keys may lie off their positions, and the files tell which keys matter.
        let discs = SmallDiscs::new(radius_deg + PAD_DEG).filter(|_| radius_deg >= 0.0)?;
        let chunks = positions.par_chunks(CHUNK).enumerate().map(|(chunk, positions)| {
            let (mut files, mut cells) = (Vec::with_capacity(positions.len() * FILES), Vec::new());
            for (row, position) in (chunk * CHUNK..).zip(positions) {
                let Some((lon, lat)) = position else { continue };
                discs.cells(*lon, *lat, &mut cells).ok()?;
                let row = u32::try_from(row).ok()?;
                files.extend(cells.drain(..).map(|cell| Filed { cell, row }));
            }
            Some(files)
        });
        let mut files = chunks.collect::<Option<Vec<_>>>()?.concat();
        files.par_sort_unstable();
        files.dedup();
        let vectors = positions.par_iter().map(|position| position.map_or([0.0; 3], |(lon, lat)| vector(lon, lat)));
        Some(Self { discs, files, vectors: vectors.collect(), chord2: chord2_within(radius_deg) })
    }

    /// Bytes of memory that it takes.
    pub(super) fn memory(&self) -> usize {
        self.files.capacity() * size_of::<Filed>() + self.vectors.capacity() * size_of::<[f64; 3]>()
    }

    /// Bytes of memory that telling the keys takes at most.
    pub(super) fn keys_memory(&self) -> usize {
        self.files.len() * (size_of::<u64>() + size_of::<Range<u64>>())
    }

    /// The keys of all positions within the radius of one of the set.
    pub(super) fn keys(&self) -> KeyRanges {
        let shift = self.discs.order().key_shift();
        let mut cells: Vec<u64> = self.files.iter().map(|filed| filed.cell).collect();
        cells.dedup();
        KeyRanges::of(cells.into_iter().map(|cell| cell << shift..(cell + 1) << shift))
    }

    /// Begins a search within the radius.
    pub(super) fn search(&self, lon: f64, lat: f64, search: &mut Search) {
        search.ranges.clear();
        let Ok(cell) = hash(self.discs.order(), lon, lat) else { return };
        let range = self.filed(cell, search.at);
        search.at = range.start;
        if !range.is_empty() {
            search.vector = vector(lon, lat);
            search.chord2 = self.chord2;
            search.ranges.push(range);
        }
    }

    /// What is filed under a cell; looked for from a place onwards, where it is not before that.
    fn filed(&self, cell: u64, near: usize) -> Range<usize> {
        let is_before = |at: usize| self.files.get(at).is_some_and(|filed| filed.cell < cell);
        let (mut low, mut step) = (if near > 0 && !is_before(near - 1) { 0 } else { near }, 1);
        while is_before(low + step) {
            low += step;
            step *= 2;
        }
        let end = self.files.len().min(low + step + 1);
        let start = low.min(end) + self.files[low.min(end)..end].partition_point(|filed| filed.cell < cell);
        let count = self.files[start..].iter().take_while(|filed| filed.cell == cell).count();
        start..start + count
    }

    /// The row of a file, and its unit vector.
    pub(super) fn entry(&self, index: usize) -> (u32, [f64; 3]) {
        let row = self.files[index].row;
        (row, self.vectors[row as usize])
    }
}

#[cfg(test)]
mod tests {
    use super::super::neighbours::radians;
    use super::*;
    use proptest::prelude::*;
    use sidereus_sky::separation_deg;

    fn position() -> impl Strategy<Value = (f64, f64)> {
        let lon = prop_oneof![0.0..360.0, Just(0.0), Just(45.0), 359.999_999..360.0, 0.0..1e-6];
        let lat = prop_oneof![-90.0..=90.0, Just(-90.0), Just(90.0), 89.9999..=90.0, Just(41.810_314_895_778_6)];
        (lon, lat)
    }

    /// Positions about one another, so that some are within any radius.
    fn near((lon, lat): (f64, f64), (east, north): (f64, f64), radius: f64) -> (f64, f64) {
        let lat_near = (lat + north * radius).clamp(-90.0, 90.0);
        ((lon + east * radius / radians(lat).cos().max(1e-3)).rem_euclid(360.0) % 360.0, lat_near)
    }

    proptest! {
        #[test]
        fn nothing_within_the_radius_is_missed(
            set in prop::collection::vec(prop::option::weighted(0.9, (position(), (-1.5..1.5, -1.5..1.5))), 1..60),
            centers in prop::collection::vec(prop_oneof![(0_usize..60).prop_map(Ok), position().prop_map(Err)], 1..20),
            exponent in -8.0..0.6, step in 1_usize..20
        ) {
            let radius = 10.0_f64.powf(exponent);
            let set: Vec<_> = set.into_iter().map(|one| one.map(|(at, off)| near(at, off, radius))).collect();
            let cells = Cells::new(&set, radius).unwrap();
            let keys = cells.keys();
            let mut search = Search::default();
            for center in centers {
                let near_one = |place: usize| set[place % set.len()].map(|at| near(at, (0.5, -0.5), radius));
                let Some((lon, lat)) = center.map_or_else(Some, near_one) else { continue };
                let mut found = Vec::new();
                cells.search(lon, lat, &mut search);
                while !search.is_over() {
                    search.propose(step, |index| cells.entry(index), |row| found.push(row));
                }
                let mut once = found.clone();
                once.sort_unstable();
                once.dedup();
                prop_assert_eq!(once.len(), found.len());
                for (row, other) in (0_u32..).zip(&set) {
                    let Some((other_lon, other_lat)) = other else { prop_assert!(!found.contains(&row)); continue };
                    let separation = separation_deg(lon, lat, *other_lon, *other_lat);
                    prop_assert!(separation > radius || found.contains(&row), "{separation} within {radius}");
                    prop_assert!(separation <= radius + 1e-4 || !found.contains(&row), "{separation} beyond {radius}");
                    let key = hash(sidereus_sky::Order::new(29).unwrap(), lon, lat).unwrap();
                    prop_assert!(separation > radius || keys.touch(&(key..key + 1)));
                }
            }
        }
    }

    #[test]
    fn radii_that_are_not_small() {
        for radius in [-1.0, f64::NAN, f64::INFINITY, 6.0] {
            assert!(Cells::new(&[Some((10.0, 0.0))], radius).is_none(), "{radius}");
        }
        assert!(Cells::new(&[], 1.0).is_some());
    }
}
