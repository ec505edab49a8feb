//! Which rows in memory may lie near a position?
//!
//! Where one small radius holds for all rows they are filed under small cells, else sorted into zones.

use std::ops::Range;

use sidereus_sky::{Degrees, Radians};

use super::cells::Cells;
use super::zones::Zones;
use crate::scan::KeyRanges;

/// What squares of chords are widened by; the chord of 0.02 arcseconds.
const SLACK_CHORD2: f64 = 1e-14;

/// The positions of the rows in memory.
#[derive(Debug)]
pub(super) enum Neighbours {
    /// For one small radius.
    Cells(Cells),
    /// For any.
    Zones(Zones),
}

/// A search under way: what is left to propose for one position.
#[derive(Debug, Default)]
pub(super) struct Search {
    pub(super) ranges: Vec<Range<usize>>,
    pub(super) vector: [f64; 3],
    pub(super) chord2: f64,
    /// Where the last search began.
    pub(super) at: usize,
}

impl Neighbours {
    /// Bytes of memory that a row takes while they are sorted.
    pub(super) const ROW_BYTES: usize = {
        let (cells, zones) = (Cells::ROW_BYTES, Zones::ENTRY_BYTES);
        if cells > zones { cells } else { zones }
    };

    /// The positions of rows, longitudes within [0, 360), for searches of `radius_deg`; `exact` where none is wider.
    pub(super) fn new(positions: &[Option<(f64, f64)>], radius_deg: f64, exact: bool) -> Self {
        if exact && let Some(cells) = Cells::new(positions, radius_deg) {
            return Self::Cells(cells);
        }
        let rows = (0_u32..).zip(positions).filter_map(|(row, position)| position.map(|(lon, lat)| (row, lon, lat)));
        Self::Zones(Zones::new(&rows.collect::<Vec<_>>(), radius_deg))
    }

    /// Bytes of memory that they take.
    pub(super) fn memory(&self) -> usize {
        match self {
            Self::Cells(cells) => cells.memory(),
            Self::Zones(zones) => zones.memory(),
        }
    }

    /// Begins a search; a radius that is NaN or reaches the antipode proposes everything, a negative one nothing.
    pub(super) fn search(&self, lon: f64, lat: f64, radius_deg: f64, search: &mut Search) {
        match self {
            Self::Cells(cells) => cells.search(lon, lat, search),
            Self::Zones(zones) => zones.search(lon, lat, radius_deg, search),
        }
    }

    /// Proposes rows until the search ends or `most` were looked at; gives how many were.
    pub(super) fn propose(&self, search: &mut Search, most: usize, take: impl FnMut(u32)) -> usize {
        match self {
            Self::Cells(cells) => search.propose(most, |index| cells.entry(index), take),
            Self::Zones(zones) => search.propose(most, |index| zones.entry(index), take),
        }
    }

    /// Bytes of memory that telling the keys takes at most.
    pub(super) fn keys_memory(&self) -> usize {
        match self {
            Self::Cells(cells) => cells.keys_memory(),
            Self::Zones(_) => 0,
        }
    }

    /// The keys of all that can be near, where they are known.
    pub(super) fn keys(&self) -> Option<KeyRanges> {
        match self {
            Self::Cells(cells) => Some(cells.keys()),
            Self::Zones(_) => None,
        }
    }
}

impl Search {
    /// Proposes the near ones of the entries that are left, until `most` were looked at; gives how many were.
    pub(super) fn propose(
        &mut self,
        most: usize,
        entry: impl Fn(usize) -> (u32, [f64; 3]),
        mut take: impl FnMut(u32),
    ) -> usize {
        let mut looked_at = 0;
        while looked_at < most {
            let Some(range) = self.ranges.last_mut() else { break };
            let end = range.end.min(range.start + (most - looked_at));
            for index in range.start..end {
                let (row, vector) = entry(index);
                if chord2(vector, self.vector) <= self.chord2 {
                    take(row);
                }
            }
            looked_at += end - range.start;
            range.start = end;
            if range.start == range.end {
                self.ranges.pop();
            }
        }
        looked_at
    }

    /// Whether nothing is left to propose.
    pub(super) fn is_over(&self) -> bool {
        self.ranges.is_empty()
    }
}

/// The square of the chord that positions within a radius of at most 180 degrees are apart at most.
pub(super) fn chord2_within(radius_deg: f64) -> f64 {
    let half_chord = (radians(radius_deg.min(180.0)) / 2.0).sin();
    4.0 * half_chord * half_chord * (1.0 + 1e-12) + SLACK_CHORD2
}

/// The unit vector of a position in degrees.
pub(super) fn vector(lon: f64, lat: f64) -> [f64; 3] {
    let ((sin_lon, cos_lon), (sin_lat, cos_lat)) = (radians(lon).sin_cos(), radians(lat).sin_cos());
    [cos_lat * cos_lon, cos_lat * sin_lon, sin_lat]
}

pub(super) fn radians(degrees: f64) -> f64 {
    Radians::from(Degrees(degrees)).0
}

fn chord2(a: [f64; 3], b: [f64; 3]) -> f64 {
    let [x, y, z] = [a[0] - b[0], a[1] - b[1], a[2] - b[2]];
    x * x + y * y + z * z
}
