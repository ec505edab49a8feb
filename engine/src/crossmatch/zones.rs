//! Which positions of a set may lie within a radius of a given one?
//!
//! Positions are sorted by zones of declination, and within a zone by right ascension. A search visits the zones that the
//! circle touches, and of each the stretch of right ascension that the circle can reach there, found by bisection.
//!
//! *Guarantee*: every position within the radius is proposed; some beyond it may be. *Source*: Gray, Nieto-Santisteban &
//! Szalay 2006, MSR-TR-2006-52 (zones); the stretch is asin(sin r / cos dec), a circle's largest difference in longitude.
//!
//! This file knows neither Arrow nor DataFusion.

use std::ops::Range;

use rayon::prelude::*;
use sidereus_sky::{Degrees, Radians};

use super::neighbours::{Search, chord2_within, radians, vector};

/// Bounds of the height of a zone in degrees.
const LOWEST: f64 = 1e-4;
const HIGHEST: f64 = 10.0;
/// What angles are widened by, in degrees; many times the rounding of what is computed here.
const SLACK_DEG: f64 = 1e-9;

/// One position of the set.
#[derive(Debug, Clone, Copy)]
struct Entry {
    zone: u32,
    lon: f64,
    vector: [f64; 3],
    row: u32,
}

/// A set of positions to be searched.
#[derive(Debug)]
pub(super) struct Zones {
    height: f64,
    entries: Vec<Entry>,
    /// Every zone that holds something, with the first of its entries.
    starts: Vec<(u32, usize)>,
}

impl Zones {
    /// Bytes of memory a position takes.
    pub(super) const ENTRY_BYTES: usize = size_of::<Entry>();

    /// A set for searches of about `radius_deg`; each position comes with its row. Longitudes within [0, 360).
    ///
    /// *Cost*: all threads.
    pub(super) fn new(positions: &[(u32, f64, f64)], radius_deg: f64) -> Self {
        let height = if radius_deg.is_finite() { radius_deg.clamp(LOWEST, HIGHEST) } else { HIGHEST };
        let entry =
            |&(row, lon, lat): &(u32, f64, f64)| Entry { zone: zone(lat, height), lon, vector: vector(lon, lat), row };
        let mut entries: Vec<Entry> = positions.par_iter().map(entry).collect();
        entries.par_sort_unstable_by(|a, b| a.zone.cmp(&b.zone).then(a.lon.total_cmp(&b.lon)).then(a.row.cmp(&b.row)));
        let mut starts: Vec<(u32, usize)> = Vec::new();
        for (index, entry) in entries.iter().enumerate() {
            if starts.last().is_none_or(|(zone, _)| *zone != entry.zone) {
                starts.push((entry.zone, index));
            }
        }
        Self { height, entries, starts }
    }

    /// Bytes of memory that it takes.
    pub(super) fn memory(&self) -> usize {
        self.entries.capacity() * size_of::<Entry>() + self.starts.capacity() * size_of::<(u32, usize)>()
    }

    /// Begins a search; a radius that is NaN or reaches the antipode proposes everything, a negative one nothing.
    pub(super) fn search(&self, lon: f64, lat: f64, radius_deg: f64, search: &mut Search) {
        search.ranges.clear();
        if radius_deg < 0.0 {
            return;
        }
        let radius = if radius_deg.is_nan() { 180.0 } else { radius_deg.min(180.0) } + SLACK_DEG;
        search.vector = vector(lon, lat);
        search.chord2 = chord2_within(radius);
        let (low, high) = (lat - radius, lat + radius);
        let reach = reach(lat, radius);
        let first = self.starts.partition_point(|(at, _)| *at < zone(low.max(-90.0), self.height));
        for (number, (at, start)) in self.starts.iter().enumerate().skip(first) {
            if *at > zone(high.min(90.0), self.height) {
                break;
            }
            let end = self.starts.get(number + 1).map_or(self.entries.len(), |(_, next)| *next);
            match reach {
                None => search.ranges.push(*start..end),
                Some(reach) => {
                    self.stretch(*start..end, lon - reach, lon + reach, search);
                    if lon - reach < 0.0 {
                        self.stretch(*start..end, lon - reach + 360.0, 360.0, search);
                    }
                    if lon + reach >= 360.0 {
                        self.stretch(*start..end, 0.0, lon + reach - 360.0, search);
                    }
                }
            }
        }
    }

    /// Adds what of a zone lies between two longitudes.
    fn stretch(&self, zone: Range<usize>, low: f64, high: f64, search: &mut Search) {
        let entries = &self.entries[zone.clone()];
        let from = entries.partition_point(|entry| entry.lon < low);
        let to = entries.partition_point(|entry| entry.lon <= high);
        if from < to {
            search.ranges.push(zone.start + from..zone.start + to);
        }
    }

    /// The row of an entry, and its unit vector.
    pub(super) fn entry(&self, index: usize) -> (u32, [f64; 3]) {
        (self.entries[index].row, self.entries[index].vector)
    }
}

/// The zone of a declination within [-90, 90].
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 180 degrees over at least 1e-4")]
fn zone(lat: f64, height: f64) -> u32 {
    ((lat + 90.0) / height) as u32
}

/// The largest difference in longitude between a position and one within the radius; `None` where a pole is within.
fn reach(lat: f64, radius: f64) -> Option<f64> {
    if lat.abs() + radius >= 90.0 - SLACK_DEG {
        return None;
    }
    let reach = (radians(radius).sin() / radians(lat).cos()).min(1.0).asin();
    let reach = Degrees::from(Radians(reach)).0;
    Some(reach * (1.0 + 1e-9) + SLACK_DEG)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use sidereus_sky::separation_deg;

    /// Everything that a search proposes, in steps of `step`.
    fn proposed(zones: &Zones, center: (f64, f64), radius: f64, step: usize) -> Vec<u32> {
        let mut search = Search::default();
        let mut rows = Vec::new();
        zones.search(center.0, center.1, radius, &mut search);
        while !search.is_over() {
            search.propose(step, |index| zones.entry(index), |row| rows.push(row));
        }
        rows.sort_unstable();
        rows
    }

    fn position() -> impl Strategy<Value = (f64, f64)> {
        let lon = prop_oneof![0.0..360.0, Just(0.0), 359.999_999..360.0, 0.0..1e-6];
        let lat = prop_oneof![-90.0..=90.0, Just(-90.0), Just(90.0), 89.9999..=90.0, -90.0..=-89.9999];
        (lon, lat)
    }

    fn radius() -> impl Strategy<Value = f64> {
        prop_oneof![0.0..180.0, 0.0..1e-3, Just(0.0), Just(90.0), Just(180.0), 89.0..91.0]
    }

    proptest! {
        #[test]
        fn nothing_within_the_radius_is_missed(
            set in prop::collection::vec(position(), 0..60), center in position(), radius in radius(),
            made_for in radius(), step in 1_usize..20
        ) {
            let rows: Vec<_> = (0_u32..).zip(&set).map(|(row, (lon, lat))| (row, *lon, *lat)).collect();
            let zones = Zones::new(&rows, made_for);
            let found = proposed(&zones, center, radius, step);
            for (row, (lon, lat)) in (0_u32..).zip(&set) {
                let separation = separation_deg(center.0, center.1, *lon, *lat);
                prop_assert!(separation > radius || found.contains(&row), "{separation} within {radius}");
                prop_assert!(separation <= radius + 1e-4 || !found.contains(&row), "{separation} beyond {radius}");
            }
            let mut once = found.clone();
            once.dedup();
            prop_assert_eq!(once, found);
        }
    }

    #[test]
    fn radii_that_are_no_circles() {
        let zones = Zones::new(&[(0, 10.0, 0.0), (1, 190.0, 0.0)], f64::NAN);
        assert_eq!(proposed(&zones, (10.0, 0.0), f64::NAN, 9), [0, 1]);
        assert_eq!(proposed(&zones, (10.0, 0.0), f64::INFINITY, 9), [0, 1]);
        assert_eq!(proposed(&zones, (10.0, 0.0), -1.0, 9), [0_u32; 0]);
        assert_eq!(proposed(&zones, (10.0, 0.0), 0.0, 9), [0]);
    }
}
