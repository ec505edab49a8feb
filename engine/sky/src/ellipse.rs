//! Which positions are in an ellipse on the sphere?
//!
//! The ellipse is the section of the sphere with an elliptical cone whose apex is the centre of the sphere: an ordinary
//! ellipse in the tangent plane of its centre, and the set where the distances to two foci sum to at most the major
//! axis. Nothing about cells is known here.

use crate::angle::{radians, sq_degrees};
use crate::error::SkyError;
use crate::point::{SkyPoint, east_north};
use crate::vector::{Vector, add, dot, scale, sub};
use std::f64::consts::TAU;

/// Slack of the rim, in units of the quadratic form scaled to the larger axis.
const RIM_TOLERANCE: f64 = 4e-16;

/// An ellipse around a point, rim included.
///
/// ```
/// use sidereus_sky::{Ellipse, SkyPoint};
/// let galaxy = Ellipse::from_degrees(10.68, 41.27, 1.5, 0.5, 35.0)?;
/// assert!(galaxy.contains(&SkyPoint::from_degrees(10.68, 41.7)?));
/// # Ok::<(), sidereus_sky::SkyError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Ellipse {
    center: SkyPoint,
    semi_major_deg: f64,
    semi_minor_deg: f64,
    position_angle_deg: f64,
    /// Unit vectors along the major and the minor axis, tangent at the centre.
    axes: [Vector; 2],
    tan_major: f64,
    tan_minor: f64,
}

impl Ellipse {
    /// Makes an ellipse of centre, semi-axes and the position angle of its major axis, from north through east.
    ///
    /// *Units*: degrees.
    /// *Errors*: a bad centre; a semi-major axis outside 0..90 (90 excluded); a semi-minor axis that is negative or
    /// longer than the semi-major; an angle that is not finite.
    pub fn from_degrees(
        lon_deg: f64,
        lat_deg: f64,
        semi_major_deg: f64,
        semi_minor_deg: f64,
        position_angle_deg: f64,
    ) -> Result<Self, SkyError> {
        let center = SkyPoint::from_degrees(lon_deg, lat_deg)?;
        Self::new(center, semi_major_deg, semi_minor_deg, position_angle_deg)
    }

    /// Makes an ellipse around a point.
    ///
    /// *Errors*: as for [`Ellipse::from_degrees`].
    pub fn new(
        center: SkyPoint,
        semi_major_deg: f64,
        semi_minor_deg: f64,
        position_angle_deg: f64,
    ) -> Result<Self, SkyError> {
        if !(0.0..90.0).contains(&semi_major_deg) {
            let expected = "0 to 90 degrees, 90 excluded";
            return Err(SkyError::Extent { what: "semi-major axis", value: semi_major_deg, expected });
        }
        if !(0.0..=semi_major_deg).contains(&semi_minor_deg) {
            let expected = "0 degrees to the semi-major axis";
            return Err(SkyError::Extent { what: "semi-minor axis", value: semi_minor_deg, expected });
        }
        if !position_angle_deg.is_finite() {
            let expected = "the finite numbers";
            return Err(SkyError::Extent { what: "position angle", value: position_angle_deg, expected });
        }
        let (east, north) = east_north(&center);
        let (sin, cos) = radians(position_angle_deg % 360.0).sin_cos();
        let major = add(&scale(&north, cos), &scale(&east, sin));
        let minor = sub(&scale(&east, cos), &scale(&north, sin));
        Ok(Self {
            center,
            semi_major_deg: semi_major_deg + 0.0,
            semi_minor_deg: semi_minor_deg + 0.0,
            position_angle_deg,
            axes: [major, minor],
            tan_major: radians(semi_major_deg).tan(),
            tan_minor: radians(semi_minor_deg).tan(),
        })
    }

    /// The centre.
    pub fn center(&self) -> SkyPoint {
        self.center
    }

    /// Half of the major axis in degrees.
    pub fn semi_major_deg(&self) -> f64 {
        self.semi_major_deg
    }

    /// Half of the minor axis in degrees.
    pub fn semi_minor_deg(&self) -> f64 {
        self.semi_minor_deg
    }

    /// Position angle of the major axis in degrees, from north through east.
    pub fn position_angle_deg(&self) -> f64 {
        self.position_angle_deg
    }

    /// Tells whether a point is inside or on the rim.
    pub fn contains(&self, point: &SkyPoint) -> bool {
        self.contains_xyz(point.vector())
    }

    pub(crate) fn contains_xyz(&self, xyz: &Vector) -> bool {
        let [ahead, major, minor] = self.components(xyz);
        if ahead <= 0.0 {
            return false;
        }
        // In the tangent plane; an axis of length 0 leaves the other coordinate alone.
        let tolerance = RIM_TOLERANCE * (1.0 + 1.0 / ahead);
        let (major, minor) = (major.abs() / ahead, minor.abs() / ahead);
        if minor > self.tan_minor + tolerance || major > self.tan_major + tolerance {
            return false;
        }
        if self.tan_minor == 0.0 {
            return true;
        }
        (major / self.tan_major).hypot(minor / self.tan_minor) <= 1.0 + tolerance / self.tan_minor.min(1.0)
    }

    /// Components of a vector along the centre, the major and the minor axis.
    pub(crate) fn components(&self, xyz: &Vector) -> [f64; 3] {
        let [major, minor] = &self.axes;
        [dot(self.center.vector(), xyz), dot(major, xyz), dot(minor, xyz)]
    }

    /// Tangents of the semi-axes: the ellipse in the tangent plane.
    pub(crate) fn tangents(&self) -> (f64, f64) {
        (self.tan_major, self.tan_minor)
    }

    /// The area in steradians: an integral over the eccentric anomaly, whose integrand is smooth and periodic, so that
    /// the trapezoid rule converges geometrically.
    pub(crate) fn area_sr(&self) -> f64 {
        self.tan_major
            * self.tan_minor
            * self.mean_over_anomaly(|square| {
                let secant = (1.0 + square).sqrt();
                1.0 / (secant * (secant + 1.0))
            })
    }

    /// Length of the integral of the position over the ellipse; it points to the centre.
    pub(crate) fn moment(&self) -> f64 {
        0.5 * self.tan_major * self.tan_minor * self.mean_over_anomaly(|square| 1.0 / (1.0 + square))
    }

    fn mean_over_anomaly(&self, integrand: impl Fn(f64) -> f64) -> f64 {
        let steps = (64.0 * (1.0 + self.tan_major)).min(1e6) as u32;
        let sum: f64 = (0..steps)
            .map(|step| {
                let (sin, cos) = (TAU * f64::from(step) / f64::from(steps)).sin_cos();
                integrand((self.tan_major * cos).powi(2) + (self.tan_minor * sin).powi(2))
            })
            .sum();
        TAU * sum / f64::from(steps)
    }

    /// The area in square degrees.
    pub fn area_sq_deg(&self) -> f64 {
        sq_degrees(self.area_sr())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::circle::Circle;
    use crate::point::separation_deg;

    #[test]
    fn equal_axes_are_a_circle() {
        for radius in [1e-3, 1.0, 40.0, 89.0] {
            let ellipse = Ellipse::from_degrees(200.0, -50.0, radius, radius, 12.0).unwrap();
            let circle = Circle::from_degrees(200.0, -50.0, radius).unwrap();
            assert!((ellipse.area_sq_deg() / circle.area_sq_deg() - 1.0).abs() < 1e-9, "{radius}");
        }
    }

    #[test]
    fn distances_to_the_foci_sum_to_the_major_axis() {
        let ellipse = Ellipse::from_degrees(0.0, 0.0, 30.0, 20.0, 90.0).unwrap();
        let focus = crate::angle::degrees((radians(30.0).cos() / radians(20.0).cos()).acos());
        for step in 0..2000 {
            let (lon, lat) = (f64::from(step % 80) - 40.0, f64::from(step / 80) * 2.0 - 25.0 + 0.013);
            let sum = separation_deg(lon, lat, focus, 0.0) + separation_deg(lon, lat, -focus, 0.0);
            let point = SkyPoint::from_degrees(lon, lat).unwrap();
            assert_eq!(ellipse.contains(&point), sum <= 60.0, "{lon} {lat} {sum}");
        }
    }

    #[test]
    fn position_angle_turns_from_north_to_east() {
        let ellipse = Ellipse::from_degrees(0.0, 0.0, 2.0, 0.1, 45.0).unwrap();
        assert!(ellipse.contains(&SkyPoint::from_degrees(1.0, 1.0).unwrap()));
        assert!(!ellipse.contains(&SkyPoint::from_degrees(359.0, 1.0).unwrap()));
    }

    #[test]
    fn degenerate_axes() {
        let segment = Ellipse::from_degrees(0.0, 0.0, 2.0, 0.0, 90.0).unwrap();
        assert!(segment.contains(&SkyPoint::from_degrees(1.5, 0.0).unwrap()));
        assert!(!segment.contains(&SkyPoint::from_degrees(2.5, 0.0).unwrap()));
        assert!(!segment.contains(&SkyPoint::from_degrees(1.5, 1e-9).unwrap()));
        let point = Ellipse::from_degrees(5.0, 6.0, 0.0, 0.0, 0.0).unwrap();
        assert!(point.contains(&SkyPoint::from_degrees(5.0, 6.0).unwrap()));
        assert!(!point.contains(&SkyPoint::from_degrees(5.0, 6.0 + 1e-9).unwrap()));
        assert!(Ellipse::from_degrees(0.0, 0.0, 1.0, 2.0, 0.0).is_err());
    }
}
