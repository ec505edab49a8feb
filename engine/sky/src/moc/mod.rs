//! Which part of the sky does this MOC cover?
//!
//! A multi-order coverage map as sorted, disjoint ranges of order-29 indexes and the order it was made at. The set
//! operations are merges of ranges. Bytes and text are handed in; no file is opened here.

mod cover;
mod fits;
mod text;

use crate::angle::SPHERE_SQ_DEG;
use crate::error::SkyError;
use crate::healpix::{Cell, CellRange, KEYS, Order, hash29_valid};
use crate::point::SkyPoint;
use crate::region::Region;

/// A space coverage: a set of HEALPix cells of many orders.
///
/// *Source*: IVOA MOC 2.0.
///
/// ```
/// use sidereus_sky::{Moc, SkyPoint};
/// let moc = Moc::from_ascii("1/0-3 2/16")?;
/// assert_eq!(moc.ranges().len(), 1);
/// assert!(moc.contains(&SkyPoint::from_degrees(45.0, 40.0)?));
/// assert_eq!(moc.to_ascii(), "0/0 2/16");
/// # Ok::<(), sidereus_sky::SkyError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moc {
    ranges: Vec<CellRange>,
    max_order: Order,
}

impl Moc {
    /// Makes a MOC of ranges in any order; overlapping and touching ones are merged.
    ///
    /// *Errors*: a range that is reversed or ends beyond the sphere.
    pub fn from_ranges(mut ranges: Vec<CellRange>, max_order: Order) -> Result<Self, SkyError> {
        if let Some(bad) = ranges.iter().find(|range| range.start > range.end || range.end > KEYS) {
            return Err(SkyError::Moc(format!("{} to {} is no range of order-29 cells", bad.start, bad.end)));
        }
        ranges.retain(|range| range.start < range.end);
        ranges.sort_unstable();
        Ok(Self { ranges: merged(&ranges), max_order })
    }

    /// Makes a MOC of cells in any order.
    pub fn from_cells(cells: impl IntoIterator<Item = Cell>, max_order: Order) -> Self {
        let mut ranges: Vec<CellRange> = cells.into_iter().map(Cell::range29).collect();
        ranges.sort_unstable();
        Self { ranges: merged(&ranges), max_order }
    }

    /// Makes a MOC of ranges, as fine as their finest cell.
    ///
    /// *Errors*: a range that is reversed or ends beyond the sphere.
    ///
    /// ```
    /// use sidereus_sky::{CellRange, Moc};
    /// let base = CellRange { start: 0, end: 1 << 58 };
    /// assert_eq!(Moc::from_exact_ranges(vec![base])?.to_ascii(), "0/0");
    /// # Ok::<(), sidereus_sky::SkyError>(())
    /// ```
    pub fn from_exact_ranges(ranges: Vec<CellRange>) -> Result<Self, SkyError> {
        let mut moc = Self::from_ranges(ranges, Order::MAX)?;
        let bits = moc.ranges.iter().fold(0, |bits, range| bits | range.start | range.end);
        let coarser = if bits == 0 { 29 } else { (bits.trailing_zeros() / 2).min(29) };
        moc.max_order = Order::try_from(29 - i64::from(coarser)).unwrap_or(Order::MAX);
        Ok(moc)
    }

    /// Makes the MOC of an order that covers a region; `None` where that takes more than `most` cells.
    ///
    /// *Guarantee*: holds every position of the region. A cell at its border that the region misses by less than a tenth
    /// of the cell may be in it. *Cost*: proportional to the cells along the border of the region.
    ///
    /// ```
    /// use sidereus_sky::{Circle, Moc, Order, Region};
    /// let region = Region::Circle(Circle::from_degrees(45.0, 40.0, 0.1)?);
    /// assert_eq!(Moc::of_region(&region, Order::new(2)?, 100).unwrap().to_ascii(), "2/3");
    /// assert!(Moc::of_region(&region, Order::new(20)?, 100).is_none());
    /// # Ok::<(), sidereus_sky::SkyError>(())
    /// ```
    pub fn of_region(region: &Region, order: Order, most: usize) -> Option<Self> {
        cover::cover(region, order, most)
    }

    /// Reads a MOC from the bytes of a FITS file, with ranges (MOC 2.0) or NUNIQ numbers (MOC 1.1).
    ///
    /// *Errors*: bytes that are no space MOC in ICRS.
    pub fn from_fits(bytes: &[u8]) -> Result<Self, SkyError> {
        fits::read(bytes)
    }

    /// Reads a MOC from its ASCII form, such as `4/13 17-18 8/3002`.
    ///
    /// *Errors*: text that is no MOC, naming the word.
    pub fn from_ascii(text: &str) -> Result<Self, SkyError> {
        text::read_ascii(text)
    }

    /// Reads a MOC from its JSON form, such as `{"4":[13,17,18],"8":[3002]}`.
    ///
    /// *Errors*: text that is no MOC.
    pub fn from_json(text: &str) -> Result<Self, SkyError> {
        text::read_json(text)
    }

    /// Writes the ASCII form; an order without cells at the end keeps the order the MOC was made at.
    pub fn to_ascii(&self) -> String {
        text::write_ascii(self)
    }

    /// The sorted, disjoint ranges of order-29 indexes.
    pub fn ranges(&self) -> &[CellRange] {
        &self.ranges
    }

    /// The finest order of the cells that the MOC was made of.
    pub fn max_order(&self) -> Order {
        self.max_order
    }

    /// Tells whether there is no cell.
    pub fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    /// Tells whether the cell of a point is covered.
    pub fn contains(&self, point: &SkyPoint) -> bool {
        self.contains_key(hash29_valid(point.lon_deg(), point.lat_deg()))
    }

    /// Tells whether an order-29 index is covered.
    pub fn contains_key(&self, key29: u64) -> bool {
        let next = self.ranges.partition_point(|range| range.end <= key29);
        self.ranges.get(next).is_some_and(|range| range.start <= key29)
    }

    /// Tells whether any of the indexes `start..end` is covered.
    pub(crate) fn meets_range(&self, range: CellRange) -> bool {
        let next = self.ranges.partition_point(|own| own.end <= range.start);
        self.ranges.get(next).is_some_and(|own| own.start < range.end)
    }

    /// Tells whether all of the indexes `start..end` are covered.
    pub(crate) fn holds_range(&self, range: CellRange) -> bool {
        let next = self.ranges.partition_point(|own| own.end <= range.start);
        self.ranges.get(next).is_some_and(|own| own.start <= range.start && range.end <= own.end)
    }

    /// The cells that are in either.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        let mut ranges = [self.ranges.as_slice(), other.ranges.as_slice()].concat();
        ranges.sort_unstable();
        Self { ranges: merged(&ranges), max_order: self.max_order.max(other.max_order) }
    }

    /// The cells that are in both.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        let (mut left, mut right) = (self.ranges.iter().peekable(), other.ranges.iter().peekable());
        let mut ranges = Vec::new();
        while let (Some(a), Some(b)) = (left.peek(), right.peek()) {
            let (start, end) = (a.start.max(b.start), a.end.min(b.end));
            if start < end {
                ranges.push(CellRange { start, end });
            }
            if a.end <= b.end {
                left.next()
            } else {
                right.next()
            };
        }
        Self { ranges, max_order: self.max_order.max(other.max_order) }
    }

    /// The cells that are not in it.
    #[must_use]
    pub fn complement(&self) -> Self {
        let mut ranges = Vec::with_capacity(self.ranges.len() + 1);
        let mut start = 0;
        for range in &self.ranges {
            if start < range.start {
                ranges.push(CellRange { start, end: range.start });
            }
            start = range.end;
        }
        if start < KEYS {
            ranges.push(CellRange { start, end: KEYS });
        }
        Self { ranges, max_order: self.max_order }
    }

    /// The cells that are in this one and not in the other.
    #[must_use]
    pub fn difference(&self, other: &Self) -> Self {
        let mut rest = self.intersection(&other.complement());
        rest.max_order = self.max_order.max(other.max_order);
        rest
    }

    /// The covered share of the sphere, 0 to 1.
    pub fn sky_fraction(&self) -> f64 {
        let keys: u64 = self.ranges.iter().map(|range| range.end - range.start).sum();
        keys as f64 / KEYS as f64
    }

    /// The area in square degrees.
    pub fn area_sq_deg(&self) -> f64 {
        self.sky_fraction() * SPHERE_SQ_DEG
    }

    /// The cells, as large as they can be, in ascending order of index.
    pub fn cells(&self) -> impl Iterator<Item = Cell> {
        self.ranges.iter().flat_map(|range| cells_of(*range))
    }
}

/// Cuts a range into the largest cells.
fn cells_of(range: CellRange) -> impl Iterator<Item = Cell> {
    let mut start = range.start;
    std::iter::from_fn(move || {
        if start >= range.end {
            return None;
        }
        let aligned = if start == 0 { 29 } else { (start.trailing_zeros() / 2).min(29) };
        let fitting = (range.end - start).ilog2() / 2;
        let coarser = aligned.min(fitting).min(29);
        let order = Order::try_from(29 - i64::from(coarser)).unwrap_or(Order::MAX);
        let cell = Cell::known(order, start >> order.key_shift());
        start = cell.range29().end;
        Some(cell)
    })
}

/// Merges sorted ranges that overlap or touch.
fn merged(sorted: &[CellRange]) -> Vec<CellRange> {
    let mut ranges: Vec<CellRange> = Vec::with_capacity(sorted.len());
    for range in sorted {
        match ranges.last_mut() {
            Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
            _ => ranges.push(*range),
        }
    }
    ranges
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn set_operations() {
        let (left, right) = (moc("2/0-9"), moc("2/5-12 20"));
        assert_eq!(left.union(&right).to_ascii(), moc("2/0-12 20").to_ascii());
        assert_eq!(left.intersection(&right), moc("2/5-9"));
        assert_eq!(left.difference(&right), moc("2/0-4"));
        assert_eq!(left.complement().complement(), left);
        assert!(left.intersection(&left.complement()).is_empty());
        assert_eq!(left.union(&left.complement()).sky_fraction(), 1.0);
    }

    #[test]
    fn cells_are_as_large_as_they_can_be() {
        assert_eq!(moc("29/1-19").to_ascii(), "28/1-4 29/1-3");
        assert_eq!(moc("0/0-11").to_ascii(), "0/0-11");
        assert_eq!(Moc::from_ranges(vec![], Order::MAX).unwrap().complement().cells().count(), 12);
    }

    #[test]
    fn ranges_are_checked() {
        let refused = |start, end| Moc::from_ranges(vec![CellRange { start, end }], Order::MAX).is_err();
        assert!(refused(5, 4));
        assert!(refused(0, KEYS + 1));
        assert!(!refused(0, KEYS));
    }

    fn moc(text: &str) -> Moc {
        Moc::from_ascii(text).unwrap()
    }
}
