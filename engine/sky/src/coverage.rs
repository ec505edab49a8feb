//! Which keys can the rows of a region have?
//!
//! A cover is made by descent: from the cells around the region, cells outside are dropped, cells inside are kept
//! whole, the others are split, level by level, until the budget of ranges is used.
//!
//! ```text
//!   level k        level k+1           ranges of order-29 indexes
//!  +-------+      +---+---+
//!  | mixed |  ->  | o | m |      o dropped, i full, m partial (or split again)
//!  +-------+      +---+---+
//!                 | m | i |
//!                 +---+---+
//! ```
//!
//! **Safety**: a position of the region never has a key outside of the cover, not even if its key was rounded across
//! a cell border by 1e-9 degrees; a full range never holds a position outside of the region. Partial ranges may be too
//! large, never too small. Nothing is known here of files and pages.

use crate::angle::{SPHERE_SQ_DEG, radians};
use crate::cell_relation::{Patch, Relation};
use crate::circle::Circle;
use crate::healpix::{Cell, CellRange, KEYS, Order, hash, neighbours};
use crate::moc::Moc;
use crate::region::Region;

/// A range of order-29 indexes that rows of a region can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CoverageRange {
    /// The first index.
    pub start: u64,
    /// The index after the last one.
    pub end: u64,
    /// Whether every position with such a key is in the region: no exact test is needed.
    pub full: bool,
}

/// The key ranges of a region: sorted, disjoint, neighbours of equal kind merged.
///
/// ```
/// use sidereus_sky::{Circle, Region, coverage};
/// let cover = coverage(&Region::Circle(Circle::from_degrees(0.0, 0.0, 5.0)?), 64);
/// assert!(cover.ranges().len() <= 64);
/// assert!(cover.area_sq_deg() > 78.5 && cover.area_sq_deg() < 110.0);
/// # Ok::<(), sidereus_sky::SkyError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Coverage {
    ranges: Vec<CoverageRange>,
}

impl Coverage {
    /// The cover of the whole sphere.
    pub fn all_sky() -> Self {
        Self { ranges: vec![CoverageRange { start: 0, end: KEYS, full: true }] }
    }

    /// The ranges in ascending order.
    pub fn ranges(&self) -> &[CoverageRange] {
        &self.ranges
    }

    /// Tells whether any key of `start..end` is covered.
    pub fn intersects(&self, start: u64, end: u64) -> bool {
        let next = self.ranges.partition_point(|range| range.end <= start);
        start < end && self.ranges.get(next).is_some_and(|range| range.start < end)
    }

    /// Tells whether every key of `start..end` is in full ranges.
    pub fn is_full(&self, start: u64, end: u64) -> bool {
        let mut reached = start;
        let next = self.ranges.partition_point(|range| range.end <= start);
        for range in &self.ranges[next..] {
            if reached >= end || range.start > reached || !range.full {
                break;
            }
            reached = range.end;
        }
        reached >= end
    }

    /// Tells whether nothing is covered.
    pub fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    /// The covered area in square degrees.
    pub fn area_sq_deg(&self) -> f64 {
        let keys: u64 = self.ranges.iter().map(|range| range.end - range.start).sum();
        keys as f64 / KEYS as f64 * SPHERE_SQ_DEG
    }

    /// Makes a cover of ranges that may overlap; where a full one does, the result is full.
    fn from_unsorted(ranges: &[CoverageRange]) -> Self {
        let moc = |wanted: fn(&CoverageRange) -> bool| {
            let chosen = ranges.iter().filter(|range| wanted(range));
            let chosen = chosen.map(|range| CellRange { start: range.start, end: range.end }).collect();
            Moc::from_ranges(chosen, Order::MAX).unwrap_or_else(|_| Moc::from_cells(all_base_cells(), Order::MAX))
        };
        let (all, full) = (moc(|_| true), moc(|range| range.full));
        let partial = all.difference(&full);
        let as_kind = |full: bool| move |range: &CellRange| CoverageRange { start: range.start, end: range.end, full };
        let mut ranges: Vec<CoverageRange> = full.ranges().iter().map(as_kind(true)).collect();
        ranges.extend(partial.ranges().iter().map(as_kind(false)));
        ranges.sort_unstable_by_key(|range| range.start);
        Self { ranges }
    }

    /// Makes a cover of sorted, disjoint ranges.
    fn from_sorted(ranges: impl Iterator<Item = CoverageRange>) -> Self {
        let mut merged: Vec<CoverageRange> = Vec::new();
        for range in ranges {
            match merged.last_mut() {
                Some(last) if last.end == range.start && last.full == range.full => last.end = range.end,
                _ => merged.push(range),
            }
        }
        Self { ranges: merged }
    }

    /// Joins the ranges that cost least to join until at most `budget` are left. A gap costs its keys, a full range
    /// that becomes partial a quarter of its own.
    fn reduced(self, budget: usize) -> Self {
        let count = self.ranges.len();
        if count <= budget {
            return self;
        }
        let loss = |range: &CoverageRange| if range.full { (range.end - range.start) / 4 } else { 0 };
        let costs = self.ranges.windows(2).enumerate().map(|(index, pair)| {
            let gap = pair[1].start - pair[0].end;
            (gap + loss(&pair[0]) + loss(&pair[1]), index)
        });
        let mut costs: Vec<(u64, usize)> = costs.collect();
        let joins = count - budget;
        if joins < costs.len() {
            costs.select_nth_unstable(joins);
        }
        let mut joined = vec![false; count];
        costs.iter().take(joins).for_each(|(_, index)| joined[*index] = true);
        let mut ranges: Vec<CoverageRange> = Vec::with_capacity(budget);
        let mut joins_previous = false;
        for (range, joins_next) in self.ranges.iter().zip(joined) {
            match ranges.last_mut() {
                Some(last) if joins_previous => {
                    *last = CoverageRange { start: last.start, end: range.end, full: false }
                }
                _ => ranges.push(*range),
            }
            joins_previous = joins_next;
        }
        Self::from_sorted(ranges.into_iter())
    }
}

/// Unions with more members than this are covered member by member.
const FEW_MEMBERS: usize = 4;

/// Makes the cover of a region with at most about `budget` ranges (40 to 150 are sensible; 4 are always granted).
///
/// *Guarantee*: never misses a position of the region, with its key rounded or not; `full` is never wrong.
/// *Cost*: proportional to the budget and to the number of edges or members of the region.
///
/// ```
/// use sidereus_sky::{Circle, Region, coverage, hash29};
/// let cover = coverage(&Region::Circle(Circle::from_degrees(10.0, 20.0, 0.1)?), 64);
/// let key = hash29(10.0, 20.0)?;
/// assert!(cover.is_full(key, key + 1));
/// # Ok::<(), sidereus_sky::SkyError>(())
/// ```
pub fn coverage(region: &Region, budget: usize) -> Coverage {
    let budget = budget.max(4);
    match region {
        Region::Empty => Coverage::default(),
        Region::AllSky => Coverage::all_sky(),
        Region::Union(members) if members.len() > FEW_MEMBERS => cover_members(members, budget),
        _ => descend(region, budget),
    }
}

/// Unions with more members than this are covered by cells of about the size of each member.
const MANY_MEMBERS: usize = 128;

/// Unions with more members than this are covered by larger cells.
const MOST_MEMBERS: usize = 4096;

/// Covers each member with its share of the budget and joins what is near to each other.
fn cover_members(members: &[Region], budget: usize) -> Coverage {
    let share = (2 * budget / members.len()).max(6);
    let cover = |member: &Region| match members.len() {
        0..=MANY_MEMBERS => coverage(member, share),
        count if count <= MOST_MEMBERS => cover_roughly(member, 2),
        _ => cover_roughly(member, 1),
    };
    let ranges: Vec<CoverageRange> = members.iter().flat_map(|member| cover(member).ranges).collect();
    Coverage::from_unsorted(&ranges).reduced(budget)
}

/// Descends some levels from the cells around the region.
fn cover_roughly(region: &Region, levels: usize) -> Coverage {
    let mut full = Vec::new();
    let mut mixed = classify(region, &cells_around(&region.bounding_cap()), &mut full);
    for _ in 0..levels {
        if mixed.first().is_none_or(|cell| cell.order() == Order::MAX) {
            break;
        }
        let children: Vec<Cell> = mixed.iter().filter_map(|cell| cell.children()).flatten().collect();
        mixed = classify(region, &children, &mut full);
    }
    assemble(&full, &mixed)
}

/// Descends level by level, as long as the ranges are within the budget.
fn descend(region: &Region, budget: usize) -> Coverage {
    let mut full: Vec<CellRange> = Vec::new();
    let mut mixed: Vec<Cell> = classify(region, &cells_around(&region.bounding_cap()), &mut full);
    let mut best = assemble(&full, &mixed);
    while mixed.first().is_some_and(|cell| cell.order() < Order::MAX) && mixed.len() <= 16 * budget {
        let children: Vec<Cell> = mixed.iter().filter_map(|cell| cell.children()).flatten().collect();
        mixed = classify(region, &children, &mut full);
        let finer = assemble(&full, &mixed);
        let over_budget = finer.ranges.len() > budget;
        if !over_budget {
            best = finer;
        } else {
            let affordable = finer.ranges.len() <= 2 * budget || best.ranges.len() > budget;
            return if affordable { finer.reduced(budget) } else { best };
        }
    }
    best.reduced(budget)
}

/// Sorts cells: inside ones go to `full`, outside ones are dropped, the others are returned.
fn classify(region: &Region, cells: &[Cell], full: &mut Vec<CellRange>) -> Vec<Cell> {
    let mut mixed = Vec::with_capacity(cells.len());
    for cell in cells {
        match region.relation(&Patch::padded(*cell)) {
            Relation::Outside => {}
            Relation::Inside => full.push(cell.range29()),
            Relation::Mixed => mixed.push(*cell),
        }
    }
    mixed
}

fn assemble(full: &[CellRange], mixed: &[Cell]) -> Coverage {
    let whole = full.iter().map(|range| CoverageRange { start: range.start, end: range.end, full: true });
    let partial = mixed.iter().map(|cell| {
        let range = cell.range29();
        CoverageRange { start: range.start, end: range.end, full: false }
    });
    let mut ranges: Vec<CoverageRange> = whole.chain(partial).collect();
    ranges.sort_unstable_by_key(|range| range.start);
    Coverage::from_sorted(ranges.into_iter())
}

/// The cells that positions within a cap can have: the cell around the middle and its neighbours, where they are certain
/// to hold the cap, else the base cells; sorted, all of one order.
///
/// The distance from a cell to anything beyond its neighbours is at least the smallest distance between opposite
/// sides of a cell, which is above 0.7 / 2^order radians; a third of that is asked for.
pub fn cells_around(cap: &Circle) -> Vec<Cell> {
    let reach = radians(cap.radius_deg() + 2e-9);
    let order = (0..=29_u8).rev().find(|order| reach < 0.25 / (1_u64 << order) as f64);
    let Some(order) = order.and_then(|order| Order::new(order).ok()) else { return all_base_cells() };
    let Ok(npix) = hash(order, cap.center().lon_deg(), cap.center().lat_deg()) else { return all_base_cells() };
    let middle = Cell::known(order, npix);
    let mut cells = neighbours(middle);
    cells.push(middle);
    cells.sort_unstable();
    cells
}

fn all_base_cells() -> Vec<Cell> {
    (0..12).map(|npix| Cell::known(Order::MIN, npix)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn full_and_partial_ranges_alternate() {
        let cover = circle(120.0, 30.0, 3.0, 64);
        assert!(cover.ranges().len() <= 64 && cover.ranges().len() > 20);
        assert!(cover.ranges().iter().any(|range| range.full));
        let ordered = cover
            .ranges()
            .windows(2)
            .all(|pair| pair[0].end < pair[1].start || (pair[0].end == pair[1].start && pair[0].full != pair[1].full));
        assert!(ordered);
    }

    #[test]
    fn covers_fit_closely() {
        for (radius, budget) in [(1.0 / 3600.0, 64), (1.0 / 60.0, 64), (1.0, 64), (5.0, 64), (5.0, 150)] {
            let cover = circle(200.0, -44.0, radius, budget);
            let area = Circle::from_degrees(0.0, 0.0, radius).unwrap().area_sq_deg();
            assert!(cover.area_sq_deg() < 1.5 * area, "{radius}: {} of {area}", cover.area_sq_deg());
        }
    }

    #[test]
    fn extremes() {
        assert_eq!(circle(0.0, 0.0, 180.0, 64), Coverage::all_sky());
        assert!(coverage(&Region::Empty, 64).is_empty());
        assert!(coverage(&Region::Union(vec![]), 64).is_empty());
        assert_eq!(coverage(&Region::Intersection(vec![]), 64), Coverage::all_sky());
        let dot = circle(45.0, 90.0, 0.0, 64);
        let key = crate::healpix::hash29(45.0, 90.0).unwrap();
        assert!(dot.intersects(key, key + 1) && dot.area_sq_deg() < 1e-12);
    }

    #[test]
    fn reduction_keeps_every_key() {
        let fine = circle(10.0, 80.0, 4.0, 400);
        let coarse = fine.clone().reduced(10);
        assert!(coarse.ranges().len() <= 10);
        assert!(
            fine.ranges().iter().all(|range| {
                coarse.ranges().iter().any(|other| other.start <= range.start && range.end <= other.end)
            })
        );
    }

    fn circle(lon: f64, lat: f64, radius: f64, budget: usize) -> Coverage {
        coverage(&Region::Circle(Circle::from_degrees(lon, lat, radius).unwrap()), budget)
    }
}
