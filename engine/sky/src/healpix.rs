//! Which HEALPix cell is this position in, and where is that cell?
//!
//! A typed face of the reference implementation by the CDS: orders, NESTED cells and ranges of order-29 indexes. Only
//! numbering and geometry of cells live here; which cells a region needs is asked of `coverage`.
//!
//! ```text
//! order 0: 12 base cells     cell n at order k  =  order-29 indexes  n << 2(29-k)  ..  (n+1) << 2(29-k)
//! ```

use crate::angle::{degrees, radians, reduce_lon_deg};
use crate::error::SkyError;
use crate::point::SkyPoint;
use crate::vector::Vector;

/// Number of order-29 cells on the sphere.
pub(crate) const KEYS: u64 = 12 << 58;

/// A HEALPix order, 0 to 29: `nside = 2^order`.
///
/// ```
/// use sidereus_sky::Order;
/// assert_eq!(Order::new(3)?.cell_count(), 768);
/// assert!(Order::new(30).is_err());
/// # Ok::<(), sidereus_sky::SkyError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Order(u8);

impl Order {
    /// The finest order, that of the keys of a catalog.
    pub const MAX: Self = Self(29);
    /// The coarsest order, of the twelve base cells.
    pub const MIN: Self = Self(0);

    /// Makes an order.
    ///
    /// *Errors*: an order above 29.
    pub fn new(order: u8) -> Result<Self, SkyError> {
        if order <= 29 { Ok(Self(order)) } else { Err(SkyError::Order(i64::from(order))) }
    }

    /// The number, 0 to 29.
    pub fn get(self) -> u8 {
        self.0
    }

    /// The number of cells of this order.
    pub fn cell_count(self) -> u64 {
        12 << (2 * self.0)
    }

    /// Bits by which an order-29 index is longer than one of this order.
    pub fn key_shift(self) -> u8 {
        2 * (29 - self.0)
    }

    /// The next finer order; `None` at 29.
    pub fn finer(self) -> Option<Self> {
        (self.0 < 29).then(|| Self(self.0 + 1))
    }
}

impl TryFrom<i64> for Order {
    type Error = SkyError;

    fn try_from(order: i64) -> Result<Self, SkyError> {
        u8::try_from(order).ok().filter(|order| *order <= 29).map(Self).ok_or(SkyError::Order(order))
    }
}

/// A half-open range of order-29 NESTED indexes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CellRange {
    /// The first index.
    pub start: u64,
    /// The index after the last one.
    pub end: u64,
}

/// A HEALPix cell in NESTED numbering.
///
/// ```
/// use sidereus_sky::{Cell, Order};
/// let cell = Cell::new(Order::new(1)?, 47)?;
/// assert_eq!(cell.parent().unwrap().npix(), 11);
/// assert_eq!(Cell::from_key(cell.range29().start, cell.order())?, cell);
/// # Ok::<(), sidereus_sky::SkyError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cell {
    order: Order,
    npix: u64,
}

impl Cell {
    /// Makes a cell.
    ///
    /// *Errors*: a number that does not exist at the order.
    pub fn new(order: Order, npix: u64) -> Result<Self, SkyError> {
        let limit = order.cell_count();
        if npix < limit { Ok(Self { order, npix }) } else { Err(SkyError::Npix { order: order.0, npix, limit }) }
    }

    /// The cell of an order that holds an order-29 index.
    ///
    /// *Errors*: an index beyond the last order-29 cell.
    pub fn from_key(key29: u64, order: Order) -> Result<Self, SkyError> {
        let key = Self::new(Order::MAX, key29)?;
        Ok(Self { order, npix: key.npix >> order.key_shift() })
    }

    /// A cell whose number is known to exist.
    pub(crate) fn known(order: Order, npix: u64) -> Self {
        debug_assert!(npix < order.cell_count());
        Self { order, npix }
    }

    /// The order.
    pub fn order(self) -> Order {
        self.order
    }

    /// The NESTED number.
    pub fn npix(self) -> u64 {
        self.npix
    }

    /// The number of the cell in the RING scheme: along circles of latitude, from the north.
    ///
    /// *Source*: Górski et al. 2005, ApJ 622, 759, section 4.1.
    ///
    /// ```
    /// use sidereus_sky::{Cell, Order};
    /// let order = Order::new(2)?;
    /// assert_eq!(Cell::new(order, 60)?.ring(), 22);
    /// assert_eq!(Cell::from_ring(order, 22)?.npix(), 60);
    /// # Ok::<(), sidereus_sky::SkyError>(())
    /// ```
    pub fn ring(self) -> u64 {
        cdshealpix::nested::get(self.order.0).to_ring(self.npix)
    }

    /// The cell of a number in the RING scheme.
    ///
    /// *Errors*: a number that does not exist at the order.
    pub fn from_ring(order: Order, ring: u64) -> Result<Self, SkyError> {
        let limit = order.cell_count();
        if ring >= limit {
            return Err(SkyError::Npix { order: order.0, npix: ring, limit });
        }
        Ok(Self { order, npix: cdshealpix::nested::get(order.0).from_ring(ring) })
    }

    /// The order-29 indexes of the cell.
    pub fn range29(self) -> CellRange {
        let shift = self.order.key_shift();
        CellRange { start: self.npix << shift, end: (self.npix + 1) << shift }
    }

    /// The cell of the next coarser order that holds this one; `None` for a base cell.
    pub fn parent(self) -> Option<Self> {
        (self.order.0 > 0).then(|| Self { order: Order(self.order.0 - 1), npix: self.npix >> 2 })
    }

    /// The four cells of the next finer order; `None` at order 29.
    pub fn children(self) -> Option<[Self; 4]> {
        let order = self.order.finer()?;
        Some([0, 1, 2, 3].map(|child| Self { order, npix: (self.npix << 2) | child }))
    }

    /// The centre as a unit vector, straight from ring and place on the ring: one sine and cosine in all.
    pub(crate) fn center_vector(self) -> Vector {
        let order = self.order.0;
        let nside = 1_i64 << order;
        let base = (self.npix >> (2 * order)) as usize;
        let (east, west) = (even_bits(self.npix, order), even_bits(self.npix >> 1, order));
        // Rings from the north, 1 to 4 nside - 1; the base cells reach their southern corners at 2, 3 and 4 nside.
        let ring = (2 + base as i64 / 4) * nside - east - west - 1;
        let length = ring.min(4 * nside - ring).min(nside);
        // Height above the equator, and the distance from the axis without cancellation near the poles.
        let (z, axial) = if length < nside {
            let drop = (length * length) as f64 / (3.0 * (nside * nside) as f64);
            ((1.0 - drop).copysign((2 * nside - ring) as f64), (drop * (2.0 - drop)).sqrt())
        } else {
            let z = 2.0 * (2 * nside - ring) as f64 / (3.0 * nside as f64);
            (z, (1.0 - z * z).sqrt())
        };
        let eighths = BASE_EIGHTHS[base] * length + east - west;
        let (sin, cos) = (std::f64::consts::FRAC_PI_4 * eighths as f64 / length as f64).sin_cos();
        [axial * cos, axial * sin, z]
    }
}

/// Longitude of the middle of each base cell, in eighths of a turn.
const BASE_EIGHTHS: [i64; 12] = [1, 3, 5, 7, 0, 2, 4, 6, 1, 3, 5, 7];

/// The bits of even places among the lower `2 * count`, drawn together.
fn even_bits(number: u64, count: u8) -> i64 {
    let mut bits = number & 0x5555_5555_5555_5555 & ((1_u64 << (2 * count)) - 1);
    bits = (bits | (bits >> 1)) & 0x3333_3333_3333_3333;
    bits = (bits | (bits >> 2)) & 0x0f0f_0f0f_0f0f_0f0f;
    bits = (bits | (bits >> 4)) & 0x00ff_00ff_00ff_00ff;
    bits = (bits | (bits >> 8)) & 0x0000_ffff_0000_ffff;
    ((bits | (bits >> 16)) & 0x0000_0000_ffff_ffff) as i64
}

/// An upper bound in radians of the distance from the centre of a cell to any point of it.
///
/// *Guarantee*: never below the true distance. The largest distance is that between the centre and the vertices of
/// the cells along the border of the polar caps; times 2^order it is 0.841 at order 0 and grows to
/// sqrt(4/5 + 5π²/144) = 1.06897 in the limit. The bound adds 1 %, which the tests confirm on every cell to order 6.
pub(crate) fn cell_radius_rad(order: Order) -> f64 {
    1.08 / (1_u64 << order.0) as f64
}

/// The NESTED number of the cell that holds a position.
///
/// *Units*: degrees; the longitude is reduced modulo 360.
/// *Guarantee*: the cell of a coarse order is the ancestor of that of a finer one.
/// *Errors*: a longitude that is not finite, a latitude outside -90..=90.
/// *Source*: Górski et al. 2005, ApJ 622, 759.
///
/// ```
/// use sidereus_sky::{Order, hash};
/// assert_eq!(hash(Order::new(0)?, 45.0, 89.0)?, 0);
/// # Ok::<(), sidereus_sky::SkyError>(())
/// ```
pub fn hash(order: Order, lon_deg: f64, lat_deg: f64) -> Result<u64, SkyError> {
    Ok(hash29(lon_deg, lat_deg)? >> order.key_shift())
}

/// The order-29 NESTED index of a position, the key that catalogs are sorted by.
///
/// *Units*: degrees; the longitude is reduced modulo 360.
/// *Errors*: a longitude that is not finite, a latitude outside -90..=90.
///
/// ```
/// use sidereus_sky::{Order, hash, hash29};
/// assert_eq!(hash29(1.0, 2.0)? >> 48, hash(Order::new(5)?, 1.0, 2.0)?);
/// # Ok::<(), sidereus_sky::SkyError>(())
/// ```
pub fn hash29(lon_deg: f64, lat_deg: f64) -> Result<u64, SkyError> {
    if !lon_deg.is_finite() {
        return Err(SkyError::Longitude(lon_deg));
    }
    if !(-90.0..=90.0).contains(&lat_deg) {
        return Err(SkyError::Latitude(lat_deg));
    }
    Ok(hash29_valid(reduce_lon_deg(lon_deg), lat_deg))
}

/// The order-29 index of a position whose longitude is in `[0, 360)` and whose latitude is in `[-90, 90]`.
pub(crate) fn hash29_valid(lon_deg: f64, lat_deg: f64) -> u64 {
    let half_pi = std::f64::consts::FRAC_PI_2;
    cdshealpix::nested::get(29).hash(radians(lon_deg), radians(lat_deg).clamp(-half_pi, half_pi))
}

/// The centre of a cell.
///
/// ```
/// use sidereus_sky::{Cell, Order, center};
/// let point = center(Cell::new(Order::new(0)?, 4)?);
/// assert_eq!((point.lon_deg(), point.lat_deg()), (0.0, 0.0));
/// # Ok::<(), sidereus_sky::SkyError>(())
/// ```
pub fn center(cell: Cell) -> SkyPoint {
    let (lon_rad, lat_rad) = cdshealpix::nested::center(cell.order.0, cell.npix);
    let lat_deg = degrees(lat_rad).clamp(-90.0, 90.0);
    SkyPoint::from_degrees(degrees(lon_rad), lat_deg).unwrap_or_else(|_| SkyPoint::from_unit(&cell.center_vector()))
}

/// The cells that share a border or a corner with a cell: 8, or 6 or 7 at the corners of the base cells.
///
/// ```
/// use sidereus_sky::{Cell, Order, neighbours};
/// assert_eq!(neighbours(Cell::new(Order::new(2)?, 3)?).len(), 8);
/// # Ok::<(), sidereus_sky::SkyError>(())
/// ```
pub fn neighbours(cell: Cell) -> Vec<Cell> {
    let mut numbers = Vec::with_capacity(8);
    cdshealpix::nested::append_bulk_neighbours(cell.order.0, cell.npix, &mut numbers);
    numbers.into_iter().map(|npix| Cell { order: cell.order, npix }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vector::angle_between;

    #[test]
    fn radius_bounds_every_point_of_a_cell() {
        for order in 0..=6 {
            let order = Order::new(order).unwrap();
            for npix in 0..order.cell_count() {
                assert_inside_radius(Cell::known(order, npix));
            }
        }
    }

    #[test]
    fn radius_bounds_deep_cells_at_the_worst_places() {
        for order in 7..=20 {
            let order = Order::new(order).unwrap();
            // The border of the polar caps, z = 2/3, where cells are longest; and the meridians through the poles.
            for (lon, lat) in [(0.0, 41.810314895778596), (45.0, 41.8103), (90.0, 41.8104), (0.0, 66.0), (45.0, 89.0)] {
                for sign in [1.0, -1.0] {
                    let npix = hash(order, lon, lat * sign).unwrap();
                    assert_inside_radius(Cell::known(order, npix));
                    neighbours(Cell::known(order, npix)).into_iter().for_each(assert_inside_radius);
                }
            }
        }
    }

    fn assert_inside_radius(cell: Cell) {
        let center = cell.center_vector();
        let steps = if cell.order.0 < 4 { 16 } else { 4 };
        for (lon, lat) in cdshealpix::nested::grid(cell.order.0, cell.npix, steps).iter() {
            let point = [lat.cos() * lon.cos(), lat.cos() * lon.sin(), lat.sin()];
            let distance = angle_between(&center, &point);
            assert!(distance < cell_radius_rad(cell.order) / 1.009, "{cell:?}: {distance}");
        }
    }

    #[test]
    fn centre_vectors_are_those_of_the_reference() {
        for order in 0..=29 {
            let order = Order::new(order).unwrap();
            for k in 0..2_000_u64 {
                let npix = k.wrapping_mul(0x9e37_79b9_7f4a_7c15) % order.cell_count();
                let (lon, lat) = cdshealpix::nested::center(order.get(), npix);
                let reference = [lat.cos() * lon.cos(), lat.cos() * lon.sin(), lat.sin()];
                let distance = angle_between(&reference, &Cell::known(order, npix).center_vector());
                assert!(distance < 1e-15, "{order:?} {npix}: {distance}");
            }
        }
    }

    #[test]
    fn numbers_are_checked() {
        assert!(Order::try_from(-1_i64).is_err());
        assert!(Cell::new(Order::MIN, 12).is_err());
        assert!(Cell::from_key(KEYS, Order::MIN).is_err());
        assert!(hash29(f64::NAN, 0.0).is_err());
        assert!(hash29(0.0, 91.0).is_err());
    }

    #[test]
    fn parents_and_children_agree() {
        let cell = Cell::new(Order::new(4).unwrap(), 1234).unwrap();
        let children = cell.children().unwrap();
        assert!(children.iter().all(|child| child.parent() == Some(cell)));
        assert_eq!(children[0].range29().start, cell.range29().start);
        assert_eq!(children[3].range29().end, cell.range29().end);
        assert_eq!(Cell::known(Order::MAX, 1).children(), None);
    }
}
