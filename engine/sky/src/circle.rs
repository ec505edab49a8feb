//! Which positions are within a radius of a centre?
//!
//! The exact test is `separation_deg(..) <= radius_deg`, the very expression that a distance in a query is compared
//! by. The fast test decides far from the rim only and leaves the rest to the exact one. HEALPix is not known here.

use crate::angle::{radians, sq_degrees};
use crate::error::SkyError;
use crate::point::{SkyPoint, separation_deg};
use std::f64::consts::PI;

/// A circle on the sphere (a spherical cap), rim included.
///
/// ```
/// use sidereus_sky::{Circle, SkyPoint};
/// let circle = Circle::from_degrees(0.0, 90.0, 1.0)?;
/// assert!(circle.contains(&SkyPoint::from_degrees(123.0, 89.0)?));
/// assert!(Circle::from_degrees(0.0, 0.0, -1.0).is_err());
/// # Ok::<(), sidereus_sky::SkyError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Circle {
    center: SkyPoint,
    radius_deg: f64,
}

impl Circle {
    /// Makes a circle of centre and radius.
    ///
    /// *Units*: degrees.
    /// *Errors*: a bad centre, or a radius outside 0..=180; a radius of 0 is the centre alone.
    pub fn from_degrees(lon_deg: f64, lat_deg: f64, radius_deg: f64) -> Result<Self, SkyError> {
        Self::new(SkyPoint::from_degrees(lon_deg, lat_deg)?, radius_deg)
    }

    /// Makes a circle around a point.
    ///
    /// *Errors*: a radius outside 0..=180 degrees.
    pub fn new(center: SkyPoint, radius_deg: f64) -> Result<Self, SkyError> {
        if !(0.0..=180.0).contains(&radius_deg) {
            return Err(SkyError::Radius(radius_deg));
        }
        Ok(Self { center, radius_deg: radius_deg + 0.0 })
    }

    /// A circle whose radius is cut to the range that a radius has.
    pub(crate) fn clamped(center: SkyPoint, radius_deg: f64) -> Self {
        Self { center, radius_deg: radius_deg.clamp(0.0, 180.0) }
    }

    /// The centre.
    pub fn center(&self) -> SkyPoint {
        self.center
    }

    /// The radius in degrees.
    pub fn radius_deg(&self) -> f64 {
        self.radius_deg
    }

    /// Tells whether a point is inside or on the rim.
    ///
    /// *Source*: ADQL 2.1 section 4.2.11 (CONTAINS).
    pub fn contains(&self, point: &SkyPoint) -> bool {
        self.contains_lonlat(point.lon_deg(), point.lat_deg())
    }

    /// The exact test on a position in degrees; false for not a number.
    pub(crate) fn contains_lonlat(&self, lon_deg: f64, lat_deg: f64) -> bool {
        separation_deg(lon_deg, lat_deg, self.center.lon_deg(), self.center.lat_deg()) <= self.radius_deg
    }

    /// The area in steradians.
    pub(crate) fn area_sr(&self) -> f64 {
        let half = radians(self.radius_deg * 0.5).sin();
        4.0 * PI * half * half
    }

    /// The area in square degrees.
    pub fn area_sq_deg(&self) -> f64 {
        sq_degrees(self.area_sr())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rim_is_inside() {
        let circle = Circle::from_degrees(10.0, 20.0, 0.5).unwrap();
        assert!(circle.contains(&SkyPoint::from_degrees(10.0, 20.5).unwrap()));
        assert!(!circle.contains(&SkyPoint::from_degrees(10.0, 20.5 + 1e-13).unwrap()));
    }

    #[test]
    fn extreme_radii() {
        let all = Circle::from_degrees(10.0, 20.0, 180.0).unwrap();
        assert!(all.contains(&SkyPoint::from_degrees(190.0, -20.0).unwrap()));
        assert!((all.area_sq_deg() - crate::angle::SPHERE_SQ_DEG).abs() < 1e-9);
        let point = Circle::from_degrees(10.0, 20.0, 0.0).unwrap();
        assert!(point.contains(&SkyPoint::from_degrees(370.0, 20.0).unwrap()));
        assert!(!point.contains(&SkyPoint::from_degrees(10.0, 20.0 + 1e-14).unwrap()));
        assert_eq!(Circle::from_degrees(0.0, 0.0, 180.1), Err(SkyError::Radius(180.1)));
        assert!(Circle::from_degrees(0.0, 0.0, f64::NAN).is_err());
    }
}
