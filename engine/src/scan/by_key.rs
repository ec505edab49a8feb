//! Which rows can matter, by their keys alone?
//!
//! A page of keys is read and compared faster than positions are decoded and tested. Where a region or the rows of a join
//! take little of what the pages span - many small regions all over the sky do - the keys are read first, and positions
//! only of the rows whose keys touch a range.
//!
//! *Guarantee*: drops only rows whose known key touches no range of the cover, or none that a join asks for.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray};
use arrow::buffer::BooleanBuffer;
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int64Type};
use datafusion::error::Result;

use super::cover::SpatialFilter;
use super::narrow::Narrowing;

/// Rows below which an extra column costs more than it saves.
const FEWEST_ROWS: usize = 1 << 15;
/// Share of the keys above which most rows would be read anyway.
const MOST_SHARE: f64 = 0.25;

/// The keys that matter to a scan.
#[derive(Debug, Clone)]
pub(crate) struct KeyTest {
    /// The region of the position.
    pub(crate) spatial: Option<Arc<SpatialFilter>>,
    /// What a join has told since.
    pub(crate) narrowing: Narrowing,
}

impl KeyTest {
    /// Whether reading the keys of so many rows first is worth its time; their pages hold the keys `spans`.
    pub(crate) fn pays(&self, spans: &[Range<u64>], rows: usize) -> bool {
        rows >= FEWEST_ROWS && self.share(spans) < MOST_SHARE
    }

    /// The share of some keys that matter, at most.
    fn share(&self, spans: &[Range<u64>]) -> f64 {
        let of = |matter: &dyn Fn(&Range<u64>) -> u64| spans.iter().map(matter).sum::<u64>() as f64;
        let all = of(&|span| span.end - span.start);
        let region = self.spatial.as_ref().map_or(all, |spatial| {
            let ranges = spatial.cover();
            of(&|span| covered(ranges, |range| range.start..range.end, span))
        });
        let told = self.narrowing.ranges().map_or(all, |ranges| of(&|span| covered(ranges, Range::clone, span)));
        region.min(told) / all.max(1.0)
    }

    /// Marks the rows whose keys, cells of 4^(`shift`/2) order-29 keys, may matter; a null key may.
    pub(crate) fn select(&self, keys: &ArrayRef, shift: u32) -> Result<BooleanArray> {
        let keys = cast(keys, &DataType::Int64)?;
        let keys = keys.as_primitive::<Int64Type>();
        let mut marks = vec![true; keys.len()];
        if let Some(spatial) = &self.spatial {
            clear_untouched(keys.values(), shift, spatial.cover(), |range| range.start..range.end, &mut marks);
        }
        if let Some(ranges) = self.narrowing.ranges() {
            clear_untouched(keys.values(), shift, ranges, Range::clone, &mut marks);
        }
        let marks = BooleanBuffer::from(marks);
        Ok(match keys.nulls() {
            Some(known) => BooleanArray::new(&marks | &!known.inner(), None),
            None => BooleanArray::new(marks, None),
        })
    }
}

/// How many keys of `span` lie in some sorted ranges.
fn covered<R>(ranges: &[R], bounds: fn(&R) -> Range<u64>, span: &Range<u64>) -> u64 {
    let first = ranges.partition_point(|range| bounds(range).end <= span.start);
    let touching = ranges[first..].iter().map(bounds).take_while(|range| range.start < span.end);
    touching.map(|range| range.end.min(span.end) - range.start.max(span.start)).sum()
}

/// Takes the marks of keys that touch none of some sorted ranges away; one pass where the keys are sorted.
fn clear_untouched<R>(keys: &[i64], shift: u32, ranges: &[R], bounds: fn(&R) -> Range<u64>, marks: &mut [bool]) {
    let end_of = |at: usize| ranges.get(at).map(|range| bounds(range).end);
    let mut at = 0;
    for (key, mark) in keys.iter().zip(marks) {
        let Some(start) = u64::try_from(*key).ok().and_then(|key| key.checked_mul(1 << shift)) else { continue };
        if at == 0 || end_of(at - 1).is_some_and(|end| end > start) {
            at = ranges.partition_point(|range| bounds(range).end <= start);
        }
        while end_of(at).is_some_and(|end| end <= start) {
            at += 1;
        }
        *mark &= ranges.get(at).is_some_and(|range| bounds(range).start < start.saturating_add(1 << shift));
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::{Int32Array, Int64Array};
    use sidereus_sky::{Cell, Circle, Order, Region, hash29};

    use super::super::narrow::KeyRanges;
    use super::*;

    #[test]
    fn keys_in_any_order_are_judged_alike() {
        let ranges = [4..6_u64, 10..11, 40..64];
        let keys: Vec<i64> = (0..70).chain((0..70).rev()).chain([5, 63, 0, 10, -3, i64::MAX]).collect();
        for shift in [0, 2] {
            let mut marks = vec![true; keys.len()];
            clear_untouched(&keys, shift, &ranges, Range::clone, &mut marks);
            for (key, mark) in keys.iter().zip(marks) {
                let Some(start) = u64::try_from(*key).ok().and_then(|key| key.checked_mul(1 << shift)) else {
                    assert!(mark, "what is no key is kept");
                    continue;
                };
                let end = start + (1 << shift);
                assert_eq!(mark, ranges.iter().any(|range| range.start < end && start < range.end), "{key} {shift}");
            }
        }
    }

    #[test]
    fn rows_near_a_region_are_kept() {
        let positions = [(10.0, 20.0), (10.0, 20.009), (10.0, 20.5), (200.0, -40.0)];
        let circle = Region::Circle(Circle::from_degrees(10.0, 20.0, 0.01).unwrap());
        let spatial = Some(SpatialFilter::new(circle, &DataType::Float64));
        let keys = positions.map(|(lon, lat)| i64::try_from(hash29(lon, lat).unwrap()).unwrap());
        let test = KeyTest { spatial, narrowing: Narrowing::default() };
        let fine: ArrayRef = Arc::new(Int64Array::from_iter(keys.map(Some).into_iter().chain([None])));
        assert_eq!(test.select(&fine, 0).unwrap(), BooleanArray::from(vec![true, true, false, false, true]));
        let cells = keys.map(|key| (key >> 48) as i32);
        let same_cell = cells.map(|cell| cell == cells[0]).to_vec();
        assert_eq!(same_cell, [true, true, true, false], "cells of 3.7 degrees");
        let coarse: ArrayRef = Arc::new(Int32Array::from_iter_values(cells));
        assert_eq!(test.select(&coarse, 48).unwrap(), BooleanArray::from(same_cell));
        let far = Cell::from_key(hash29(200.0, -40.0).unwrap(), Order::new(6).unwrap()).unwrap();
        test.narrowing.tell(KeyRanges::around_cell(far, 0.1));
        assert_eq!(test.select(&fine, 0).unwrap().true_count(), 1, "only the null key is left");
    }

    #[test]
    fn reading_keys_first_pays_where_they_are_few() {
        let circle = Region::Circle(Circle::from_degrees(10.0, 20.0, 1.0).unwrap());
        let test =
            KeyTest { spatial: Some(SpatialFilter::new(circle, &DataType::Float64)), narrowing: Narrowing::default() };
        let around = |order: u32| {
            let (key, size) = (hash29(10.0, 20.0).unwrap(), 1 << (2 * (29 - order)));
            vec![Range { start: key / size * size, end: (key / size + 1) * size }]
        };
        assert!(test.pays(&around(2), 1 << 20));
        assert!(!test.pays(&around(2), 1 << 10));
        assert!(!test.pays(&around(9), 1 << 20));
    }
}
