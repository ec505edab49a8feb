//! Which keys can matter, as a scan learns only when it is already planned?
//!
//! A join that has read its smaller side knows where the rows of the other can have partners. It tells the scan before the
//! scan begins; partitions, row groups and pages that hold no such key are then skipped.
//!
//! *Guarantee*: every row within the radius of one of the positions is still read; most others may be, too.

use std::ops::Range;
use std::sync::{Arc, OnceLock};

use sidereus_sky::{Cell, keys_around};

/// Degrees by which positions may lie off their keys.
pub(crate) const PAD_DEG: f64 = 1e-4;
/// Keys that matter: sorted, apart from each other.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct KeyRanges(Vec<Range<u64>>);

/// A place where the keys that matter are told, once.
#[derive(Debug, Clone, Default)]
pub(crate) struct Narrowing(Arc<OnceLock<KeyRanges>>);

impl KeyRanges {
    /// Some ranges in order of their start, which may touch or overlap.
    pub(crate) fn of(ranges: impl IntoIterator<Item = Range<u64>>) -> Self {
        let mut apart: Vec<Range<u64>> = Vec::new();
        for range in ranges {
            match apart.last_mut() {
                Some(last) if last.end >= range.start => last.end = last.end.max(range.end),
                _ => apart.push(range),
            }
        }
        Self(apart)
    }

    /// Keys within `radius_deg` of a position in a cell.
    pub(crate) fn around_cell(cell: Cell, radius_deg: f64) -> Self {
        let ranges = keys_around(cell, radius_deg.max(0.0) + PAD_DEG);
        Self(ranges.into_iter().map(|range| range.start..range.end).collect())
    }

    /// Whether one of some keys matters.
    pub(crate) fn touch(&self, keys: &Range<u64>) -> bool {
        let next = self.0.partition_point(|range| range.end <= keys.start);
        self.0.get(next).is_some_and(|range| range.start < keys.end)
    }
}

impl Narrowing {
    /// Tells the keys that matter; only the first word counts.
    pub(crate) fn tell(&self, keys: KeyRanges) {
        // Whoever came first said the same: one join reads one scan.
        let _ = self.0.set(keys);
    }

    /// Whether one of some keys matters, as far as is known.
    pub(crate) fn touches(&self, keys: &Range<u64>) -> bool {
        self.0.get().is_none_or(|ranges| ranges.touch(keys))
    }

    /// The keys that matter, sorted, where any were told.
    pub(crate) fn ranges(&self) -> Option<&[Range<u64>]> {
        self.0.get().map(|ranges| ranges.0.as_slice())
    }

    /// Whether anything was told.
    pub(crate) fn is_told(&self) -> bool {
        self.0.get().is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sidereus_sky::{Order, hash29};

    #[test]
    fn keys_near_a_cell_matter() {
        let cell = Cell::from_key(hash29(10.0, 20.0).unwrap(), Order::new(8).unwrap()).unwrap();
        let ranges = KeyRanges::around_cell(cell, 0.01);
        for (lon, lat, near) in [(10.0, 20.0, true), (10.0, 20.009, true), (10.0, 21.0, false), (100.0, 20.0, false)] {
            let key = hash29(lon, lat).unwrap();
            assert_eq!(ranges.touch(&(key..key + 1)), near, "{lon} {lat}");
        }
        assert!(ranges.0.windows(2).all(|pair| pair[0].end < pair[1].start));
        assert!(ranges.touch(&(0..u64::MAX)));
    }

    #[test]
    fn ranges_that_touch_are_one() {
        assert_eq!(KeyRanges::of([1..3, 2..5, 5..6, 8..9]).0, [1..6, 8..9]);
        assert!(!KeyRanges::of([]).touch(&(0..u64::MAX)));
    }
}
