//! Where is a star at another epoch?
//!
//! Rigorous uniform motion: a straight line in space at constant speed, seen from the barycentre of the solar system
//! without light-time. Plain numbers in and out; missing values are the caller's business, and so are frames.
//!
//! The new position is computed as a difference from the old one, in the tangent plane, so that nothing is lost to
//! the size of a right ascension.

use crate::angle::{degrees, reduce_lon_deg, sin_cos_lat};
use crate::error::SkyError;

/// Kilometres per second in one astronomical unit per Julian year.
const AU_PER_YEAR_KMS: f64 = 4.740470463533349;

/// Milliarcseconds in one radian.
const MAS_PER_RAD: f64 = 180.0 * 3_600_000.0 / std::f64::consts::PI;

/// The six astrometric parameters of a star at one epoch.
///
/// *Units*: as named; `pmra_masyr` is the proper motion in right ascension times the cosine of the declination.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Astrometry {
    /// Right ascension in degrees.
    pub ra_deg: f64,
    /// Declination in degrees.
    pub dec_deg: f64,
    /// Parallax in milliarcseconds.
    pub parallax_mas: f64,
    /// Proper motion in right ascension, with the cosine of the declination, in milliarcseconds per Julian year.
    pub pmra_masyr: f64,
    /// Proper motion in declination in milliarcseconds per Julian year.
    pub pmdec_masyr: f64,
    /// Radial velocity in kilometres per second.
    pub rv_kms: f64,
}

/// Moves a star by a number of Julian years.
///
/// *Guarantee*: positions to a few 1e-7 milliarcseconds, the rounding of a right ascension in degrees.
/// *Errors*: a latitude outside -90..=90, or any number that is not finite. Without parallax, or with one that is not
/// positive, there is no distance: the radial velocity then has no effect and is returned as given.
/// *Source*: ESA SP-1200 volume 1 section 1.5.5 (Lindegren); Butkevich & Lindegren 2014, A&A 570, A62.
///
/// ```
/// use sidereus_sky::{Astrometry, propagate};
/// let star = Astrometry {
///     ra_deg: 10.0,
///     dec_deg: 0.0,
///     parallax_mas: 0.0,
///     pmra_masyr: 3600.0,
///     pmdec_masyr: 0.0,
///     rv_kms: 0.0,
/// };
/// assert!((propagate(&star, 1000.0)?.ra_deg - 11.0).abs() < 2e-4);
/// # Ok::<(), sidereus_sky::SkyError>(())
/// ```
pub fn propagate(star: &Astrometry, years: f64) -> Result<Astrometry, SkyError> {
    check(star, years)?;
    let Motion { ahead, east, north, radial, square } = Motion::of(star, years);
    let (sin_dec, cos_dec) = sin_cos_lat(star.dec_deg);

    // Components of the new direction along the meridian plane of the old one, and the rise above its parallel.
    let inward = ahead * cos_dec - north * sin_dec;
    let upward = ahead * sin_dec + north * cos_dec;
    let axial = inward.hypot(east);
    let bulge = if inward > 0.0 { east * east / (axial + inward) } else { axial - inward };
    let delta_ra = east.atan2(inward);
    let delta_dec = (north - sin_dec * bulge).atan2(ahead + cos_dec * bulge);

    let factor = 1.0 / axial.hypot(upward);
    let (sin_new, cos_new) = upward.atan2(axial).sin_cos();
    let (sin_ra, cos_ra) = delta_ra.sin_cos();
    // The new proper motion vector over the old basis, then along the new one.
    let drift = [star.pmra_masyr * ahead, star.pmdec_masyr * ahead, -square * MAS_PER_RAD * years];
    let basis_east = [cos_ra, sin_ra * sin_dec, -sin_ra * cos_dec];
    let basis_north = [
        -sin_new * sin_ra,
        sin_new * sin_dec * cos_ra + cos_new * cos_dec,
        cos_new * sin_dec - sin_new * cos_dec * cos_ra,
    ];
    let cube = factor * factor * factor;
    let total = square + radial * radial;
    let parallax_mas = star.parallax_mas * factor;
    let new_radial = factor * factor * (radial + total * years);
    let rv_kms =
        if has_distance(star) { new_radial * MAS_PER_RAD / parallax_mas * AU_PER_YEAR_KMS } else { star.rv_kms };
    Ok(Astrometry {
        ra_deg: reduce_lon_deg(star.ra_deg + degrees(delta_ra)),
        dec_deg: whole_turn_less(star.dec_deg + degrees(delta_dec)).clamp(-90.0, 90.0),
        parallax_mas,
        pmra_masyr: cube * crate::vector::dot(&basis_east, &drift),
        pmdec_masyr: cube * crate::vector::dot(&basis_north, &drift),
        rv_kms,
    })
}

/// An angle beyond half a turn the other way round: from a pole through the observer, either way is half a turn.
fn whole_turn_less(angle_deg: f64) -> f64 {
    if angle_deg.abs() > 180.0 { angle_deg - 360.0_f64.copysign(angle_deg) } else { angle_deg }
}

/// Displacements in units of the old distance, and rates in radians per year.
struct Motion {
    ahead: f64,
    east: f64,
    north: f64,
    radial: f64,
    /// Square of the tangential rate.
    square: f64,
}

impl Motion {
    fn of(star: &Astrometry, years: f64) -> Self {
        let east = star.pmra_masyr / MAS_PER_RAD;
        let north = star.pmdec_masyr / MAS_PER_RAD;
        let parallax = if has_distance(star) { star.parallax_mas } else { 0.0 };
        let radial = star.rv_kms * parallax / AU_PER_YEAR_KMS / MAS_PER_RAD;
        Self {
            ahead: 1.0 + radial * years,
            east: east * years,
            north: north * years,
            radial,
            square: east * east + north * north,
        }
    }
}

fn has_distance(star: &Astrometry) -> bool {
    star.parallax_mas > 0.0
}

fn check(star: &Astrometry, years: f64) -> Result<(), SkyError> {
    crate::point::SkyPoint::from_degrees(star.ra_deg, star.dec_deg)?;
    let numbers = [
        ("parallax", star.parallax_mas),
        ("proper motion in right ascension", star.pmra_masyr),
        ("proper motion in declination", star.pmdec_masyr),
        ("radial velocity", star.rv_kms),
        ("number of years", years),
    ];
    match numbers.into_iter().find(|(_, value)| !value.is_finite()) {
        Some((what, value)) => Err(SkyError::Extent { what, value, expected: "the finite numbers" }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_and_back() {
        let there = propagate(&barnard(), 85.0).unwrap();
        let back = propagate(&there, -85.0).unwrap();
        assert!((back.ra_deg - barnard().ra_deg).abs() < 2e-13);
        assert!((back.dec_deg - barnard().dec_deg).abs() < 2e-13);
        assert!((back.pmdec_masyr - barnard().pmdec_masyr).abs() < 1e-8);
        assert!((back.rv_kms - barnard().rv_kms).abs() < 1e-10);
    }

    #[test]
    fn over_the_pole() {
        let star = Astrometry { ra_deg: 20.0, dec_deg: 89.9999, pmra_masyr: 0.0, pmdec_masyr: 1000.0, ..barnard() };
        let moved = propagate(&Astrometry { rv_kms: 0.0, ..star }, 0.72).unwrap();
        assert!((moved.ra_deg - 200.0).abs() < 1e-9, "{moved:?}");
        assert!((moved.dec_deg - 89.9999).abs() < 1e-9, "{moved:?}");
        assert!(moved.pmdec_masyr < -999.9);
    }

    #[test]
    fn through_the_observer() {
        for dec_deg in [90.0, -90.0, 30.0] {
            let star = Astrometry { dec_deg, pmra_masyr: 0.0, pmdec_masyr: 0.0, rv_kms: -1e5, ..barnard() };
            let moved = propagate(&star, 30.0).unwrap();
            assert!((moved.dec_deg + dec_deg).abs() < 1e-9, "{moved:?}");
        }
    }

    #[test]
    fn without_distance_the_radial_velocity_is_kept() {
        let star = Astrometry { parallax_mas: 0.0, ..barnard() };
        let moved = propagate(&star, 50.0).unwrap();
        assert_eq!((moved.rv_kms, moved.parallax_mas), (star.rv_kms, 0.0));
        assert!(propagate(&Astrometry { rv_kms: f64::NAN, ..star }, 1.0).is_err());
    }

    #[test]
    fn no_time_changes_nothing() {
        let same = propagate(&barnard(), 0.0).unwrap();
        assert_eq!((same.ra_deg, same.dec_deg), (barnard().ra_deg, barnard().dec_deg));
        assert!((same.rv_kms / barnard().rv_kms - 1.0).abs() < 1e-15);
    }

    fn barnard() -> Astrometry {
        Astrometry {
            ra_deg: 269.45402262789094,
            dec_deg: 4.668287809128218,
            parallax_mas: 548.31,
            pmra_masyr: -798.58,
            pmdec_masyr: 10328.12,
            rv_kms: -52.85,
        }
    }
}
