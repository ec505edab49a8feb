//! Which keys can positions near a cell have?
//!
//! Those of the cell, and of finer cells that touch its border from outside: a finer cell is so wide that what lies
//! within the radius of it lies in its neighbours.

use crate::angle::radians;
use crate::healpix::{Cell, CellRange, KEYS, Order, neighbours};
use crate::small_disc::spread;

/// Orders that the cells at the border are finer than the cell, at most: 256 of them.
const FINER: u8 = 6;

/// Order-29 indexes, sorted and apart from each other, that hold every position within a radius in degrees of a
/// position in a cell.
///
/// *Guarantee*: too many rather than too few. A radius that is not a number reaches everywhere.
///
/// ```
/// use sidereus_sky::{Cell, Order, hash29, keys_around};
/// let key = hash29(10.0, 20.0)?;
/// let ranges = keys_around(Cell::from_key(key, Order::new(8)?)?, 0.001);
/// let near = hash29(10.0, 20.0009)?;
/// assert!(ranges.iter().any(|range| range.start <= near && near < range.end));
/// # Ok::<(), sidereus_sky::SkyError>(())
/// ```
#[must_use]
pub fn keys_around(cell: Cell, radius_deg: f64) -> Vec<CellRange> {
    let reach = radians(radius_deg.max(0.0) + 2e-9);
    let finest = (cell.order().get() + FINER).min(29);
    // As wide as `cells_around` asks a cell to be.
    let order = (0..=finest).rev().find(|order| reach < 0.25 / (1_u64 << order) as f64);
    let Some(order) = order.filter(|_| !radius_deg.is_nan()).and_then(|order| Order::new(order).ok()) else {
        return vec![CellRange { start: 0, end: KEYS }];
    };
    let border = border(cell, order);
    let outside = border.iter().copied().flat_map(neighbours);
    let mut cells: Vec<CellRange> = outside.chain(border.iter().copied()).chain([cell]).map(Cell::range29).collect();
    cells.sort_unstable();
    let mut ranges: Vec<CellRange> = Vec::new();
    for range in cells {
        match ranges.last_mut() {
            Some(last) if last.end >= range.start => last.end = last.end.max(range.end),
            _ => ranges.push(range),
        }
    }
    ranges
}

/// The cells of an order that lie along the border of a cell, or the one that holds it.
fn border(cell: Cell, order: Order) -> Vec<Cell> {
    let Some(finer) = order.get().checked_sub(cell.order().get()) else {
        let shift = 2 * (cell.order().get() - order.get());
        return vec![Cell::known(order, cell.npix() >> shift)];
    };
    let (first, last) = (cell.npix() << (2 * finer), (1_u64 << finer) - 1);
    let columns = (0..=last).flat_map(|along| [(0, along), (last, along), (along, 0), (along, last)]);
    columns.map(|(x, y)| Cell::known(order, first | spread(x) | spread(y) << 1)).collect()
}
