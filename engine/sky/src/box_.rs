//! Which positions are in the box of ADQL?
//!
//! A cross stands at the centre, its arms along the great circles to the east and to the north. The sides are the
//! great circles that cut the ends of the arms at right angles: a rectangle of the tangent plane, not a range of
//! right ascension and declination. Nothing about cells is known here.
//!
//! ```text
//!         north arm, height/2
//!            .--+--.
//!            |  |  |
//!            +--c--+  east arm, width/2
//!            '--+--'
//! ```

use crate::angle::{radians, sq_degrees};
use crate::error::SkyError;
use crate::point::{SkyPoint, east_north};
use crate::polygon::{EDGE_TOLERANCE, Polygon};
use crate::vector::{Vector, add, dot, scale, sub};

/// A box around a point, sides included.
///
/// ```
/// use sidereus_sky::{SkyBox, SkyPoint};
/// let tile = SkyBox::from_degrees(10.0, 0.0, 4.0, 2.0)?;
/// assert!(tile.contains(&SkyPoint::from_degrees(11.9, 0.9)?));
/// assert!(!tile.contains(&SkyPoint::from_degrees(12.1, 0.0)?));
/// # Ok::<(), sidereus_sky::SkyError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct SkyBox {
    center: SkyPoint,
    width_deg: f64,
    height_deg: f64,
    /// Inward unit normals of the west, east, south and north sides.
    sides: [Vector; 4],
}

impl SkyBox {
    /// Makes a box of centre, width (east-west) and height (north-south).
    ///
    /// *Units*: degrees along great circles through the centre.
    /// *Errors*: a bad centre, a width or height outside 0..=180: beyond that the sides bound no box.
    /// *Source*: ADQL 2.1 section 4.2.9 (BOX).
    pub fn from_degrees(lon_deg: f64, lat_deg: f64, width_deg: f64, height_deg: f64) -> Result<Self, SkyError> {
        Self::new(SkyPoint::from_degrees(lon_deg, lat_deg)?, width_deg, height_deg)
    }

    /// Makes a box around a point.
    ///
    /// *Errors*: as for [`SkyBox::from_degrees`].
    pub fn new(center: SkyPoint, width_deg: f64, height_deg: f64) -> Result<Self, SkyError> {
        for (what, value) in [("box width", width_deg), ("box height", height_deg)] {
            if !(0.0..=180.0).contains(&value) {
                return Err(SkyError::Extent { what, value, expected: "0 to 180 degrees" });
            }
        }
        let (east, north) = east_north(&center);
        let (sin_east, cos_east) = radians(width_deg * 0.5).sin_cos();
        let (sin_north, cos_north) = radians(height_deg * 0.5).sin_cos();
        let to_east = scale(&east, cos_east);
        let to_north = scale(&north, cos_north);
        let from_east = scale(center.vector(), sin_east);
        let from_north = scale(center.vector(), sin_north);
        let sides = [
            add(&from_east, &to_east),
            sub(&from_east, &to_east),
            add(&from_north, &to_north),
            sub(&from_north, &to_north),
        ];
        Ok(Self { center, width_deg: width_deg + 0.0, height_deg: height_deg + 0.0, sides })
    }

    /// The centre.
    pub fn center(&self) -> SkyPoint {
        self.center
    }

    /// The full extent from east to west, in degrees.
    pub fn width_deg(&self) -> f64 {
        self.width_deg
    }

    /// The full extent from south to north, in degrees.
    pub fn height_deg(&self) -> f64 {
        self.height_deg
    }

    /// Tells whether a point is inside or on a side.
    pub fn contains(&self, point: &SkyPoint) -> bool {
        self.contains_xyz(point.vector())
    }

    pub(crate) fn contains_xyz(&self, xyz: &Vector) -> bool {
        self.sides.iter().all(|side| dot(side, xyz) >= -EDGE_TOLERANCE) && !self.is_behind(xyz)
    }

    /// The great circles of the sides also meet behind the centre, where a box without width has a second image.
    fn is_behind(&self, xyz: &Vector) -> bool {
        dot(self.center.vector(), xyz) < -EDGE_TOLERANCE
    }

    /// The smallest height of a unit vector above the planes of the sides: negative outside.
    pub(crate) fn depth(&self, xyz: &Vector) -> f64 {
        self.sides.iter().map(|side| dot(side, xyz)).fold(dot(self.center.vector(), xyz), f64::min)
    }

    /// The largest distance in degrees from the centre to a point of the box.
    pub(crate) fn reach_deg(&self) -> f64 {
        if self.width_deg >= 180.0 || self.height_deg >= 180.0 {
            return 90.0;
        }
        let east = radians(self.width_deg * 0.5).tan();
        let north = radians(self.height_deg * 0.5).tan();
        crate::angle::degrees(east.hypot(north).atan())
    }

    /// The area in steradians.
    ///
    /// *Source*: solid angle of a right rectangular pyramid.
    pub(crate) fn area_sr(&self) -> f64 {
        let sines = radians(self.width_deg * 0.5).sin() * radians(self.height_deg * 0.5).sin();
        4.0 * crate::angle::asin_clamped(sines)
    }

    /// The area in square degrees.
    pub fn area_sq_deg(&self) -> f64 {
        sq_degrees(self.area_sr())
    }

    /// The four corners as a polygon; `None` where the box is half of the sphere or has no area.
    pub(crate) fn to_polygon(&self) -> Option<Polygon> {
        let (sin_east, cos_east) = radians(self.width_deg * 0.5).sin_cos();
        let (sin_north, cos_north) = radians(self.height_deg * 0.5).sin_cos();
        let (east, north) = east_north(&self.center);
        // With both cosines multiplied in, extents of 180 degrees need no infinite tangent.
        let corner = |east_sign: f64, north_sign: f64| {
            let ahead = scale(self.center.vector(), cos_east * cos_north);
            let aside = scale(&east, east_sign * sin_east * cos_north);
            let up = scale(&north, north_sign * sin_north * cos_east);
            SkyPoint::from_xyz(add(&ahead, &add(&aside, &up))).ok()
        };
        let corners = [corner(-1.0, -1.0)?, corner(1.0, -1.0)?, corner(1.0, 1.0)?, corner(-1.0, 1.0)?];
        if self.width_deg < 179.0 && self.height_deg < 179.0 {
            return Polygon::new(corners.to_vec()).ok();
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sides_are_great_circles_through_the_arm_ends() {
        let tile = SkyBox::from_degrees(180.0, 60.0, 20.0, 20.0).unwrap();
        // The north side is above the parallel of its arm end off the meridian? No: a great circle bends to the equator.
        assert!(tile.contains(&SkyPoint::from_degrees(180.0, 69.999).unwrap()));
        assert!(!tile.contains(&SkyPoint::from_degrees(195.0, 69.999).unwrap()));
        assert!(!tile.contains(&SkyPoint::from_degrees(180.0, 70.001).unwrap()));
    }

    #[test]
    fn area_agrees_with_the_polygon() {
        let tile = SkyBox::from_degrees(33.0, -72.0, 30.0, 12.0).unwrap();
        let polygon = tile.to_polygon().unwrap();
        assert!((tile.area_sq_deg() / polygon.area_sq_deg() - 1.0).abs() < 1e-12);
        let half = SkyBox::from_degrees(0.0, 0.0, 180.0, 180.0).unwrap();
        assert!((half.area_sq_deg() * 2.0 / crate::angle::SPHERE_SQ_DEG - 1.0).abs() < 1e-7);
    }

    #[test]
    fn extents_beyond_half_a_turn_are_refused() {
        assert!(SkyBox::from_degrees(0.0, 0.0, 360.0, 180.0).is_err());
        assert!(SkyBox::from_degrees(0.0, 0.0, -1.0, 1.0).is_err());
        assert!(SkyBox::from_degrees(0.0, 0.0, f64::NAN, 1.0).is_err());
    }

    #[test]
    fn a_box_without_extent_is_its_centre() {
        let dot = SkyBox::from_degrees(10.0, 20.0, 0.0, 0.0).unwrap();
        assert!(dot.contains(&SkyPoint::from_degrees(10.0, 20.0).unwrap()));
        assert!(!dot.contains(&SkyPoint::from_degrees(190.0, -20.0).unwrap()));
        assert!(!dot.contains(&SkyPoint::from_degrees(10.0, 20.001).unwrap()));
    }
}
