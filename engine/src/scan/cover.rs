//! How does a region become HEALPix ranges that are cheap to compare with a catalog's keys?
//!
//! *Guarantee*: the ranges hold every point of the region; a range marked full holds no point outside it.

use std::ops::Range;
use std::sync::Arc;

use arrow::datatypes::DataType;
use sidereus_sky::{Circle, Coverage, CoverageRange, PreparedRegion, Region, coverage};

/// Ranges a cover may have: enough that cells are about an eighth of the radius, few enough to stay in the cache.
const BUDGET: usize = 96;
/// The same for a small circle: the pages of any catalog are larger, so finer cells would only take time.
const SMALL_CIRCLE_DEG: f64 = 0.05;
const BUDGET_SMALL: usize = 24;
/// The same for each member of a union, and at most.
const BUDGET_PER_MEMBER: usize = 9;
const MOST_RANGES: usize = 1 << 20;
/// Degrees by which a position rounded to single precision may be off, padded.
const SINGLE_PRECISION_PAD_DEG: f64 = 1e-4;

/// How a range of keys lies to a region.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Overlap {
    /// No point of the region has such a key.
    Outside,
    /// Some may.
    Partial,
    /// All points with such keys lie in the region.
    Full,
}

/// A region, ready to select by key and by position.
#[derive(Debug)]
pub(crate) struct SpatialFilter {
    region: Region,
    prepared: PreparedRegion,
    coverage: Coverage,
    /// Whether keys were computed from positions of full precision, so that a full range needs no test.
    exact_keys: bool,
}

impl SpatialFilter {
    /// Prepares a region for positions of the given type.
    pub(crate) fn new(region: Region, position_type: &DataType) -> Arc<Self> {
        let exact_keys = *position_type == DataType::Float64;
        let coverage = if exact_keys { coverage(&region, budget(&region)) } else { padded_coverage(&region) };
        let prepared = region.prepare();
        Arc::new(Self { region, prepared, coverage, exact_keys })
    }

    /// The region.
    pub(crate) fn region(&self) -> &Region {
        &self.region
    }

    /// The exact test.
    pub(crate) fn prepared(&self) -> &PreparedRegion {
        &self.prepared
    }

    /// Ranges of keys that hold every point of the region, sorted.
    pub(crate) fn cover(&self) -> &[CoverageRange] {
        self.coverage.ranges()
    }

    /// The part of the keys `keys` that the cover takes.
    pub(crate) fn covered(&self, keys: &Range<u64>) -> f64 {
        let ranges = self.coverage.ranges();
        let first = ranges.partition_point(|range| range.end <= keys.start);
        let within = ranges[first..].iter().take_while(|range| range.start < keys.end);
        let taken: u64 = within.map(|range| range.end.min(keys.end) - range.start.max(keys.start)).sum();
        taken as f64 / (keys.end - keys.start).max(1) as f64
    }

    /// How the keys `keys` lie to the region.
    pub(crate) fn overlap(&self, keys: &Range<u64>) -> Overlap {
        let ranges = self.coverage.ranges();
        let first = ranges.partition_point(|range| range.end <= keys.start);
        let mut covered = keys.start;
        let mut full = self.exact_keys;
        let mut touched = false;
        for range in &ranges[first..] {
            if range.start >= keys.end {
                break;
            }
            touched = true;
            full &= range.full && range.start <= covered;
            covered = range.end;
        }
        match (touched, full && covered >= keys.end) {
            (false, _) => Overlap::Outside,
            (true, true) => Overlap::Full,
            (true, false) => Overlap::Partial,
        }
    }
}

/// Ranges that are worth having for a region.
fn budget(region: &Region) -> usize {
    match region {
        Region::Circle(circle) if circle.radius_deg() <= SMALL_CIRCLE_DEG => BUDGET_SMALL,
        Region::Union(members) => (members.len() * BUDGET_PER_MEMBER).clamp(BUDGET, MOST_RANGES),
        _ => BUDGET,
    }
}

/// A cover for positions that were rounded after their keys were computed: wider.
fn padded_coverage(region: &Region) -> Coverage {
    let cap = region.bounding_cap();
    let radius = (cap.radius_deg() + SINGLE_PRECISION_PAD_DEG).min(180.0);
    let center = cap.center();
    match Circle::from_degrees(center.lon_deg(), center.lat_deg(), radius) {
        Ok(wider) => coverage(&Region::Circle(wider), BUDGET),
        Err(_) => Coverage::all_sky(),
    }
}
