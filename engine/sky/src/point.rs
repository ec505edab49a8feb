//! Where is this on the sky, and how far apart are two places?
//!
//! A point keeps its longitude and latitude as they were given beside the unit vector made of them, so that text and
//! separations repeat every bit. Frames, epochs and catalogs are not known here.

use crate::angle::{Radians, degrees, radians, reduce_lon_deg, sin_cos_lat};
use crate::error::SkyError;
use crate::vector::{Vector, norm};

/// A position on the unit sphere.
///
/// *Guarantee*: two points made of the same longitude (modulo a turn) and latitude are equal in every bit.
///
/// ```
/// use sidereus_sky::SkyPoint;
/// let point = SkyPoint::from_degrees(-10.0, 41.0)?;
/// assert_eq!((point.lon_deg(), point.lat_deg()), (350.0, 41.0));
/// # Ok::<(), sidereus_sky::SkyError>(())
/// ```
#[derive(Debug, Clone, Copy)]
pub struct SkyPoint {
    lon_deg: f64,
    lat_deg: f64,
    xyz: Vector,
}

impl PartialEq for SkyPoint {
    fn eq(&self, other: &Self) -> bool {
        self.lon_deg == other.lon_deg && self.lat_deg == other.lat_deg
    }
}

impl SkyPoint {
    /// Makes a point of longitude and latitude.
    ///
    /// *Units*: degrees; the longitude is reduced modulo 360.
    /// *Errors*: a longitude that is not finite, a latitude outside -90..=90.
    pub fn from_degrees(lon_deg: f64, lat_deg: f64) -> Result<Self, SkyError> {
        if !lon_deg.is_finite() {
            return Err(SkyError::Longitude(lon_deg));
        }
        if !(-90.0..=90.0).contains(&lat_deg) {
            return Err(SkyError::Latitude(lat_deg));
        }
        Ok(Self::from_valid(reduce_lon_deg(lon_deg), lat_deg + 0.0))
    }

    /// Makes a point of the direction of a vector of any length.
    ///
    /// *Errors*: a vector without direction, or with a component that is not finite.
    pub fn from_xyz(xyz: [f64; 3]) -> Result<Self, SkyError> {
        let [x, y, z] = xyz;
        if crate::vector::normalize(&xyz).is_none() {
            return Err(SkyError::Direction(x, y, z));
        }
        let lon_deg = reduce_lon_deg(degrees(y.atan2(x)));
        let lat_deg = degrees(z.atan2(x.hypot(y))).clamp(-90.0, 90.0);
        Ok(Self::from_valid(lon_deg, lat_deg + 0.0))
    }

    /// The point of a vector that is known to have a direction.
    pub(crate) fn from_unit(xyz: &Vector) -> Self {
        Self::from_xyz(*xyz).unwrap_or_else(|_| Self::from_valid(0.0, 90.0))
    }

    fn from_valid(lon_deg: f64, lat_deg: f64) -> Self {
        Self { lon_deg, lat_deg, xyz: unit_vector(lon_deg, lat_deg) }
    }

    /// Longitude in degrees, in `[0, 360)`.
    pub fn lon_deg(&self) -> f64 {
        self.lon_deg
    }

    /// Latitude in degrees, in `[-90, 90]`.
    pub fn lat_deg(&self) -> f64 {
        self.lat_deg
    }

    /// The unit vector: x to longitude 0 on the equator, z to the north pole.
    pub fn xyz(&self) -> [f64; 3] {
        self.xyz
    }

    pub(crate) fn vector(&self) -> &Vector {
        &self.xyz
    }

    /// The angle between two points.
    ///
    /// *Guarantee*: accurate at 0 and at 180 degrees; symmetric in every bit.
    ///
    /// ```
    /// use sidereus_sky::{Degrees, SkyPoint};
    /// let (a, b) = (SkyPoint::from_degrees(0.0, 0.0)?, SkyPoint::from_degrees(90.0, 0.0)?);
    /// assert_eq!(Degrees::from(a.separation(&b)), Degrees(90.0));
    /// # Ok::<(), sidereus_sky::SkyError>(())
    /// ```
    pub fn separation(&self, other: &Self) -> Radians {
        Radians(radians(separation_deg(self.lon_deg, self.lat_deg, other.lon_deg, other.lat_deg)))
    }
}

/// The unit vector of a longitude and latitude in degrees.
pub(crate) fn unit_vector(lon_deg: f64, lat_deg: f64) -> Vector {
    let (sin_lat, cos_lat) = sin_cos_lat(lat_deg);
    let (sin_lon, cos_lon) = radians(lon_deg).sin_cos();
    [cos_lat * cos_lon, cos_lat * sin_lon, sin_lat]
}

/// The angle between two positions, all in degrees.
///
/// The definition of distance for the whole engine: the region of a circle is where this is at most the radius.
///
/// *Units*: degrees in, degrees out; longitudes are reduced modulo 360.
/// *Nulls*: not a number if any argument is not a finite number.
/// *Guarantee*: accurate to a few 1e-16 of the result near 0, to 1e-14 degrees up to 180 degrees; swapping the two
/// positions changes no bit.
/// *Source*: haversine of the separation and of its supplement, joined by atan2 (Sinnott 1984, Sky & Telescope 68, 159,
/// and the same identity at the antipode).
///
/// ```
/// use sidereus_sky::separation_deg;
/// assert_eq!(separation_deg(10.0, 20.0, 10.0, 20.0), 0.0);
/// assert_eq!(separation_deg(0.0, 0.0, 180.0, 0.0), 180.0);
/// assert!((separation_deg(0.0, 89.0, 180.0, 89.0) - 2.0).abs() < 1e-14);
/// assert!(separation_deg(f64::NAN, 0.0, 0.0, 0.0).is_nan());
/// ```
pub fn separation_deg(lon1_deg: f64, lat1_deg: f64, lon2_deg: f64, lat2_deg: f64) -> f64 {
    let mut delta_lon = (reduce_lon_deg(lon1_deg) - reduce_lon_deg(lon2_deg)).abs();
    if delta_lon > 180.0 {
        delta_lon = 360.0 - delta_lon;
    }
    let cosines = sin_cos_lat(lat1_deg).1 * sin_cos_lat(lat2_deg).1;
    let (sin_half_lon, cos_half_lon) = half_turn_sin_cos(delta_lon);
    let sin_half_delta = radians((lat1_deg - lat2_deg) * 0.5).sin();
    let sin_half_sum = radians((lat1_deg + lat2_deg) * 0.5).sin();
    // sin² and cos² of half the separation; the second vanishes exactly at antipodes.
    let near = sin_half_delta * sin_half_delta + cosines * sin_half_lon * sin_half_lon;
    let far = sin_half_sum * sin_half_sum + cosines * cos_half_lon * cos_half_lon;
    degrees(2.0 * near.sqrt().atan2(far.sqrt()))
}

/// Sine and cosine of half of an angle of 0..=180 degrees, each with full relative accuracy.
fn half_turn_sin_cos(angle_deg: f64) -> (f64, f64) {
    if angle_deg <= 90.0 {
        radians(angle_deg * 0.5).sin_cos()
    } else {
        let (cos, sin) = radians((180.0 - angle_deg) * 0.5).sin_cos();
        (sin, cos)
    }
}

/// The unit vectors to the east and to the north at a point; at a pole, those of its longitude.
pub(crate) fn east_north(point: &SkyPoint) -> (Vector, Vector) {
    let (sin_lat, cos_lat) = sin_cos_lat(point.lat_deg);
    let (sin_lon, cos_lon) = radians(point.lon_deg).sin_cos();
    let east = [-sin_lon, cos_lon, 0.0];
    let north = [-sin_lat * cos_lon, -sin_lat * sin_lon, cos_lat];
    debug_assert!((norm(&north) - 1.0).abs() < 1e-12);
    (east, north)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_what_is_no_position() {
        assert_eq!(SkyPoint::from_degrees(0.0, 90.5), Err(SkyError::Latitude(90.5)));
        assert_eq!(SkyPoint::from_degrees(f64::INFINITY, 0.0), Err(SkyError::Longitude(f64::INFINITY)));
        assert!(SkyPoint::from_degrees(0.0, f64::NAN).is_err());
        assert!(SkyPoint::from_xyz([0.0; 3]).is_err());
        assert!(SkyPoint::from_xyz([f64::NAN, 0.0, 1.0]).is_err());
    }

    #[test]
    fn separations_near_zero_are_relative() {
        let step = 1e-12;
        assert!((separation_deg(0.0, 0.0, 0.0, step) / step - 1.0).abs() < 1e-14);
        assert!((separation_deg(360.0, 0.0, step, 0.0) / step - 1.0).abs() < 1e-14);
        let colatitude = 2.0_f64.powi(-30);
        let near_pole = separation_deg(10.0, 90.0 - colatitude, 190.0, 90.0 - colatitude);
        assert!((near_pole / (2.0 * colatitude) - 1.0).abs() < 1e-14);
    }

    #[test]
    fn separations_near_antipodes_keep_their_deficit() {
        for deficit in [1e-3, 1e-6, 1e-9] {
            let separation = separation_deg(30.0, 40.0, 210.0, -40.0 + deficit);
            assert!((180.0 - separation - deficit).abs() < 6e-14, "{deficit}: {separation}");
        }
    }

    #[test]
    fn poles_have_no_longitude() {
        assert_eq!(separation_deg(12.0, 90.0, 200.0, 90.0), 0.0);
        assert_eq!(separation_deg(12.0, 90.0, 200.0, -90.0), 180.0);
    }
}
