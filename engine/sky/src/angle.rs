//! Which unit is this number in?
//!
//! The only unit conversions of the workspace. A bare `f64` that stands for an angle says its unit in its name
//! (`ra_deg`); everything else wraps it here. Knows nothing of points, regions or catalogs.

use std::f64::consts::{FRAC_PI_2, PI};

/// An angle in degrees.
///
/// ```
/// use sidereus_sky::{Degrees, Radians};
/// assert_eq!(Radians::from(Degrees(180.0)).0, std::f64::consts::PI);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Default)]
pub struct Degrees(pub f64);

/// An angle in radians.
///
/// ```
/// use sidereus_sky::{Degrees, Radians};
/// assert_eq!(Degrees::from(Radians(std::f64::consts::PI)).0, 180.0);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Default)]
pub struct Radians(pub f64);

/// An angle in seconds of arc.
///
/// ```
/// use sidereus_sky::{Arcsec, Degrees};
/// assert_eq!(Degrees::from(Arcsec(1800.0)), Degrees(0.5));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Default)]
pub struct Arcsec(pub f64);

#[expect(clippy::disallowed_methods, reason = "this file is where the conversions live")]
impl From<Degrees> for Radians {
    fn from(angle: Degrees) -> Self {
        Self(angle.0.to_radians())
    }
}

#[expect(clippy::disallowed_methods, reason = "this file is where the conversions live")]
impl From<Radians> for Degrees {
    fn from(angle: Radians) -> Self {
        Self(angle.0.to_degrees())
    }
}

impl From<Arcsec> for Degrees {
    fn from(angle: Arcsec) -> Self {
        Self(angle.0 / 3600.0)
    }
}

impl From<Degrees> for Arcsec {
    fn from(angle: Degrees) -> Self {
        Self(angle.0 * 3600.0)
    }
}

impl From<Arcsec> for Radians {
    fn from(angle: Arcsec) -> Self {
        Degrees::from(angle).into()
    }
}

impl From<Radians> for Arcsec {
    fn from(angle: Radians) -> Self {
        Degrees::from(angle).into()
    }
}

/// Converts degrees to radians.
pub(crate) fn radians(angle_deg: f64) -> f64 {
    Radians::from(Degrees(angle_deg)).0
}

/// Converts radians to degrees.
pub(crate) fn degrees(angle_rad: f64) -> f64 {
    Degrees::from(Radians(angle_rad)).0
}

/// Sine and cosine of a latitude in degrees.
///
/// *Guarantee*: the cosine has full relative accuracy near the poles and is exactly 0 there, because it is taken as
/// the sine of the exactly subtracted colatitude.
pub(crate) fn sin_cos_lat(lat_deg: f64) -> (f64, f64) {
    let abs_deg = lat_deg.abs();
    if abs_deg <= 45.0 {
        return radians(lat_deg).sin_cos();
    }
    let (cos, sin) = radians(90.0 - abs_deg).sin_cos();
    (sin.copysign(lat_deg), cos)
}

/// Reduces a longitude in degrees to `[0, 360)`. Not a number stays not a number.
pub(crate) fn reduce_lon_deg(lon_deg: f64) -> f64 {
    if (0.0..360.0).contains(&lon_deg) {
        return lon_deg + 0.0; // turns -0.0 into 0.0
    }
    let reduced = lon_deg.rem_euclid(360.0);
    // A tiny negative longitude rounds up to 360 itself.
    if reduced >= 360.0 { 0.0 } else { reduced }
}

/// The full sphere in square degrees.
pub(crate) const SPHERE_SQ_DEG: f64 = 4.0 * PI * DEG_PER_RAD * DEG_PER_RAD;

/// Degrees in one radian.
pub(crate) const DEG_PER_RAD: f64 = 180.0 / PI;

/// Converts a solid angle in steradians to square degrees.
pub(crate) fn sq_degrees(steradians: f64) -> f64 {
    steradians * DEG_PER_RAD * DEG_PER_RAD
}

/// Arc sine that forgives an argument beyond ±1 by rounding.
pub(crate) fn asin_clamped(sine: f64) -> f64 {
    if sine >= 1.0 {
        FRAC_PI_2
    } else if sine <= -1.0 {
        -FRAC_PI_2
    } else {
        sine.asin()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn longitudes_reduce_to_one_turn() {
        for (given, expected) in [(0.0, 0.0), (360.0, 0.0), (-90.0, 270.0), (725.0, 5.0), (-1e-20, 0.0)] {
            assert_eq!(reduce_lon_deg(given), expected);
        }
        assert!(reduce_lon_deg(f64::NAN).is_nan());
    }

    #[test]
    fn pole_has_no_width() {
        assert_eq!(sin_cos_lat(90.0), (1.0, 0.0));
        assert_eq!(sin_cos_lat(-90.0), (-1.0, 0.0));
        assert_eq!(sin_cos_lat(0.0), (0.0, 1.0));
    }
}
