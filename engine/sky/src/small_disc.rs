//! Which few small cells can hold what lies within a small radius of a position?
//!
//! Within a base cell the NESTED number of a cell is its column and row, bit by bit. A disc reaches so many columns and
//! rows of order-29 cells at most; the cells of a coarser order that this square touches are one to nine, four on average.
//! Near the border of a base cell the cells around are taken instead.
//!
//! *Guarantee*: every position within the radius lies in one of the cells. Where the bound on the width of columns comes
//! from: opposite sides of a cell are more than 0.7 / 2^order radians apart, and lines that are many columns apart lie no
//! nearer than a seventh less than as many widths; tests sample both.

use crate::angle::radians;
use crate::circle::Circle;
use crate::coverage::cells_around;
use crate::error::SkyError;
use crate::healpix::{Order, hash29};

/// The least width of a column of cells, times 2^order, in radians.
const LEAST_WIDTH: f64 = 0.6;
/// The widest disc, in degrees, that is small.
const WIDEST_DEG: f64 = 5.0;
/// Largest reach of a disc in columns of the cells that are chosen.
const REACH: f64 = 0.6;
/// Columns of order-29 cells in a base cell.
const COLUMNS: u64 = 1 << 29;

/// Discs of one radius.
///
/// ```
/// use sidereus_sky::{SmallDiscs, hash29};
/// let discs = SmallDiscs::new(2.0 / 3600.0).expect("two arcseconds are little");
/// let mut cells = Vec::new();
/// discs.cells(10.0, 20.0, &mut cells)?;
/// let key = hash29(10.0, 20.0005)? >> discs.order().key_shift();
/// assert!(cells.contains(&key) && cells.len() <= 9);
/// # Ok::<(), sidereus_sky::SkyError>(())
/// ```
#[derive(Debug, Clone, Copy)]
pub struct SmallDiscs {
    radius_deg: f64,
    order: Order,
    /// Columns of order-29 cells that the radius reaches.
    reach: u64,
}

impl SmallDiscs {
    /// Discs of a radius in degrees; `None` for one that is not small, negative or not a number.
    #[must_use]
    pub fn new(radius_deg: f64) -> Option<Self> {
        if !(0.0..=WIDEST_DEG).contains(&radius_deg) {
            return None;
        }
        // What computing keys may be off by.
        let columns = radians(radius_deg + 2e-9) / LEAST_WIDTH * COLUMNS as f64;
        let order = (0..=29_u8).rev().find(|order| columns <= REACH * (1_u64 << (29 - order)) as f64)?;
        Some(Self { radius_deg, order: Order::new(order).ok()?, reach: columns.ceil() as u64 })
    }

    /// The order of the cells.
    #[must_use]
    pub fn order(&self) -> Order {
        self.order
    }

    /// Adds the numbers of the cells that can hold a position within the radius of one in degrees.
    ///
    /// *Errors*: no position.
    pub fn cells(&self, lon_deg: f64, lat_deg: f64, cells: &mut Vec<u64>) -> Result<(), SkyError> {
        let key = hash29(lon_deg, lat_deg)?;
        let (base, column, row) = (key >> 58, every_other_bit(key), every_other_bit(key >> 1));
        let near_border = [column, row].iter().any(|at| *at < self.reach || at + self.reach >= COLUMNS);
        if near_border {
            return self.cells_at_border(lon_deg, lat_deg, cells);
        }
        let (step, shift) = (29 - self.order.get(), self.order.key_shift());
        let first = base << (58 - shift);
        for x in (column - self.reach) >> step..=(column + self.reach) >> step {
            for y in (row - self.reach) >> step..=(row + self.reach) >> step {
                cells.push(first | spread(x) | spread(y) << 1);
            }
        }
        Ok(())
    }

    fn cells_at_border(&self, lon_deg: f64, lat_deg: f64, cells: &mut Vec<u64>) -> Result<(), SkyError> {
        let shift = self.order.key_shift();
        for cell in cells_around(&Circle::from_degrees(lon_deg, lat_deg, self.radius_deg)?) {
            let range = cell.range29();
            cells.extend(range.start >> shift..=(range.end - 1) >> shift);
        }
        Ok(())
    }
}

/// Bits 0, 2, 4, .. of an order-29 number within its base cell, side by side.
fn every_other_bit(bits: u64) -> u64 {
    let mut bits = bits & 0x0155_5555_5555_5555;
    bits = (bits | bits >> 1) & 0x3333_3333_3333_3333;
    bits = (bits | bits >> 2) & 0x0f0f_0f0f_0f0f_0f0f;
    bits = (bits | bits >> 4) & 0x00ff_00ff_00ff_00ff;
    bits = (bits | bits >> 8) & 0x0000_ffff_0000_ffff;
    (bits | bits >> 16) & 0x0000_0000_ffff_ffff
}

/// Bits 0, 1, 2, .. in the places 0, 2, 4, ..
pub(crate) fn spread(bits: u64) -> u64 {
    let mut bits = bits & 0x0000_0000_ffff_ffff;
    bits = (bits | bits << 16) & 0x0000_ffff_0000_ffff;
    bits = (bits | bits << 8) & 0x00ff_00ff_00ff_00ff;
    bits = (bits | bits << 4) & 0x0f0f_0f0f_0f0f_0f0f;
    bits = (bits | bits << 2) & 0x3333_3333_3333_3333;
    (bits | bits << 1) & 0x5555_5555_5555_5555
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_go_apart_and_together() {
        for bits in [0, 1, 0x1fff_ffff, 0x1234_5678 & 0x1fff_ffff] {
            assert_eq!(every_other_bit(spread(bits)), bits);
            assert_eq!(every_other_bit((spread(bits) << 1) >> 1), bits);
        }
        assert_eq!(spread(0b1011), 0b100_0101);
    }

    #[test]
    fn cells_are_few_and_fit_the_radius() {
        let mut cells = Vec::new();
        for radius_deg in [0.0, 0.1 / 3600.0, 2.0 / 3600.0, 1.0 / 60.0, 1.0] {
            let discs = SmallDiscs::new(radius_deg).unwrap();
            cells.clear();
            let places = (0..1000_u32).map(|n| (f64::from(n) * 0.359 + 0.1, 89.0 - f64::from(n) * 0.178));
            places.for_each(|(lon, lat)| discs.cells(lon, lat, &mut cells).unwrap());
            let most = if (1e-5..0.1).contains(&radius_deg) { 6000 } else { 9000 };
            assert!(cells.len() <= most, "{radius_deg}: {}", cells.len());
            let width_deg = 58.6 / f64::from(1 << discs.order().get());
            assert!(radius_deg == 0.0 || width_deg < 6.5 * radius_deg, "{radius_deg}: {width_deg}");
        }
        assert!([-1.0, 6.0, f64::NAN].iter().all(|radius| SmallDiscs::new(*radius).is_none()));
        assert!(SmallDiscs::new(1.0).unwrap().cells(0.0, 91.0, &mut cells).is_err());
    }
}
