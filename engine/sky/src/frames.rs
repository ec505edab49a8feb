//! Where is a position of one celestial frame in another?
//!
//! Rotations between ICRS and the other frames; FK4 adds the elliptic terms of aberration. Proper motions and epochs
//! other than the frame's own are not known here (see `epoch`).
//!
//! ```text
//!   FK4 B1950 -- FK5 J2000 -- ICRS -- ecliptic J2000
//!                   |
//!                Galactic -- supergalactic
//! ```

use crate::angle::{Arcsec, Radians, radians};
use crate::error::SkyError;
use crate::point::SkyPoint;
use crate::vector::{Matrix, Vector, add, apply, dot, multiply, normalize, scale, sub, transpose};
use std::fmt;
use std::sync::LazyLock;

/// A celestial reference frame.
///
/// ```
/// use sidereus_sky::Frame;
/// assert_eq!(Frame::from_name("galactic")?, Frame::Galactic);
/// assert!(Frame::from_name("B1875").is_err());
/// # Ok::<(), sidereus_sky::SkyError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Frame {
    /// International Celestial Reference System.
    Icrs,
    /// Galactic coordinates (IAU 1958, by the J2000 pole of Reid & Brunthaler 2004).
    Galactic,
    /// Mean ecliptic and equinox of J2000, barycentric (IAU 2006).
    EclipticJ2000,
    /// Mean equator and equinox of J2000 (FK5).
    Fk5J2000,
    /// Mean equator and equinox of B1950 (FK4), with the elliptic terms of aberration, at epoch B1950.
    Fk4B1950,
    /// Supergalactic coordinates (de Vaucouleurs).
    Supergalactic,
}

impl Frame {
    /// All frames.
    pub const ALL: [Self; 6] =
        [Self::Icrs, Self::Galactic, Self::EclipticJ2000, Self::Fk5J2000, Self::Fk4B1950, Self::Supergalactic];

    /// Finds a frame by its name in any case.
    ///
    /// *Errors*: a name that is not known.
    /// *Source*: IVOA vocabulary refframe; STC-S; common abbreviations.
    pub fn from_name(name: &str) -> Result<Self, SkyError> {
        let folded: String =
            name.trim().chars().filter(|c| !matches!(c, ' ' | '_' | '-')).map(|c| c.to_ascii_uppercase()).collect();
        Ok(match folded.as_str() {
            "ICRS" | "ICRF" => Self::Icrs,
            "GALACTIC" | "GALACTICII" | "GAL" => Self::Galactic,
            "ECLIPTIC" | "ECLIPTICJ2000" | "ECL" | "BARYCENTRICMEANECLIPTIC" => Self::EclipticJ2000,
            "FK5" | "FK5J2000" | "J2000" | "EQFK5" => Self::Fk5J2000,
            "FK4" | "FK4B1950" | "B1950" | "EQFK4" => Self::Fk4B1950,
            "SUPERGALACTIC" | "SUPERGAL" => Self::Supergalactic,
            _ => return Err(SkyError::UnknownFrame(name.trim().chars().take(40).collect())),
        })
    }

    /// The name that [`Frame::from_name`] reads back.
    pub fn name(self) -> &'static str {
        match self {
            Self::Icrs => "ICRS",
            Self::Galactic => "GALACTIC",
            Self::EclipticJ2000 => "ECLIPTIC",
            Self::Fk5J2000 => "FK5",
            Self::Fk4B1950 => "FK4",
            Self::Supergalactic => "SUPERGALACTIC",
        }
    }

    /// The rotation from ICRS; for FK4, to the frame without elliptic terms.
    fn rotation(self) -> &'static Matrix {
        match self {
            Self::Icrs => &IDENTITY,
            Self::Galactic => &ROTATIONS.galactic,
            Self::EclipticJ2000 => &ROTATIONS.ecliptic,
            Self::Fk5J2000 => &ROTATIONS.fk5,
            Self::Fk4B1950 => &ROTATIONS.fk4,
            Self::Supergalactic => &ROTATIONS.supergalactic,
        }
    }
}

impl fmt::Display for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Transforms a position from one frame to another.
///
/// *Guarantee*: the very point if the frames are the same.
///
/// ```
/// use sidereus_sky::{Frame, SkyPoint, transform};
/// let pole = transform(Frame::Galactic, Frame::Icrs, SkyPoint::from_degrees(0.0, 90.0)?);
/// assert!((pole.lon_deg() - 192.859).abs() < 1e-3 && (pole.lat_deg() - 27.128).abs() < 1e-3);
/// # Ok::<(), sidereus_sky::SkyError>(())
/// ```
pub fn transform(from: Frame, to: Frame, point: SkyPoint) -> SkyPoint {
    if from == to {
        return point;
    }
    let given = if from == Frame::Fk4B1950 { without_e_terms(&point.xyz()) } else { point.xyz() };
    let icrs = apply(&transpose(from.rotation()), &given);
    let rotated = apply(to.rotation(), &icrs);
    let result = if to == Frame::Fk4B1950 { with_e_terms(&rotated) } else { rotated };
    SkyPoint::from_unit(&result)
}

/// Turns a position from one frame to another by a rotation alone.
///
/// FK4 is taken without the elliptic terms of aberration, up to 0.34 arcsec; else the same as [`transform`].
///
/// ```
/// use sidereus_sky::{Frame, SkyPoint, rotate};
/// let pole = rotate(Frame::Fk4B1950, Frame::Galactic, SkyPoint::from_degrees(192.25, 27.4)?);
/// assert!(90.0 - pole.lat_deg() < 1e-5);
/// # Ok::<(), sidereus_sky::SkyError>(())
/// ```
pub fn rotate(from: Frame, to: Frame, point: SkyPoint) -> SkyPoint {
    if from == to {
        return point;
    }
    let icrs = apply(&transpose(from.rotation()), &point.xyz());
    SkyPoint::from_unit(&apply(to.rotation(), &icrs))
}

const IDENTITY: Matrix = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]];

struct Rotations {
    galactic: Matrix,
    ecliptic: Matrix,
    fk5: Matrix,
    fk4: Matrix,
    supergalactic: Matrix,
}

static ROTATIONS: LazyLock<Rotations> = LazyLock::new(|| {
    let fk5 = icrs_to_fk5();
    let galactic = multiply(&fk5_to_galactic(), &fk5);
    let supergalactic = multiply(&galactic_to_supergalactic(), &galactic);
    let fk4 = multiply(&transpose(&FK4_TO_FK5), &fk5);
    Rotations { galactic, ecliptic: icrs_to_ecliptic(), fk5, fk4, supergalactic }
});

fn about_x(angle: Radians) -> Matrix {
    let (sin, cos) = angle.0.sin_cos();
    [[1.0, 0.0, 0.0], [0.0, cos, sin], [0.0, -sin, cos]]
}

fn about_y(angle: Radians) -> Matrix {
    let (sin, cos) = angle.0.sin_cos();
    [[cos, 0.0, -sin], [0.0, 1.0, 0.0], [sin, 0.0, cos]]
}

fn about_z(angle: Radians) -> Matrix {
    let (sin, cos) = angle.0.sin_cos();
    [[cos, sin, 0.0], [-sin, cos, 0.0], [0.0, 0.0, 1.0]]
}

fn product(matrices: [Matrix; 3]) -> Matrix {
    multiply(&multiply(&matrices[0], &matrices[1]), &matrices[2])
}

fn of_degrees(angle_deg: f64) -> Radians {
    Radians(radians(angle_deg))
}

/// The orientation of FK5 against ICRS.
///
/// *Source*: USNO Circular 179 section 3.5 (Mignard & Froeschlé 2000).
fn icrs_to_fk5() -> Matrix {
    let mas = |angle: f64| Radians::from(Arcsec(angle / 1000.0));
    product([about_x(mas(19.9)), about_y(mas(9.1)), about_z(mas(-22.9))])
}

/// *Source*: Reid & Brunthaler 2004, ApJ 616, 872, appendix: pole and node of the IAU 1958 system at J2000.
fn fk5_to_galactic() -> Matrix {
    let (pole_ra, pole_dec, node) = (192.8594812065348, 27.12825118085622, 122.9319185680026);
    product([about_z(of_degrees(180.0 - node)), about_y(of_degrees(90.0 - pole_dec)), about_z(of_degrees(pole_ra))])
}

/// *Source*: Lahav et al. 2000, MNRAS 312, 166: supergalactic pole at l = 47.37, b = 6.32 degrees.
fn galactic_to_supergalactic() -> Matrix {
    product([about_z(of_degrees(90.0)), about_y(of_degrees(90.0 - 6.32)), about_z(of_degrees(47.37))])
}

/// Frame bias and obliquity at J2000 in the angles of Fukushima and Williams.
///
/// *Source*: Capitaine & Wallace 2006, A&A 450, 855; Hilton et al. 2006, Celest. Mech. 94, 351.
fn icrs_to_ecliptic() -> Matrix {
    let (gamma, phi, psi) = (Arcsec(-0.052928), Arcsec(84381.412819), Arcsec(-0.041775));
    product([about_z((Arcsec(-psi.0)).into()), about_x(phi.into()), about_z(gamma.into())])
}

/// B1950 to J2000 for objects without proper motion, at epoch B1950.
///
/// *Source*: Murray 1989, A&A 218, 325, equation 28.
const FK4_TO_FK5: Matrix = [
    [0.9999256794956877, -0.0111814832204662, -0.0048590038153592],
    [0.0111814832391717, 0.9999374848933135, -0.0000271625947142],
    [0.0048590037723143, -0.0000271702937440, 0.9999881946023742],
];

/// The elliptic terms of aberration at B1950: eccentricity, perigee and obliquity of the epoch, and the constant of
/// aberration of the FK4.
///
/// *Source*: Explanatory Supplement to the Astronomical Almanac (1992) section 3.53.
static E_TERMS: LazyLock<Vector> = LazyLock::new(|| {
    let constant = radians(0.0056932) * 0.01673011;
    let (sin_perigee, cos_perigee) = Radians::from(Arcsec(1_015_489.951)).0.sin_cos();
    let century = -0.500_002_095_544_8;
    let obliquity = 84_381.448 + century * (-46.8150 + century * (-0.00059 + century * 0.001813));
    let (sin_obliquity, cos_obliquity) = Radians::from(Arcsec(obliquity)).0.sin_cos();
    scale(&[sin_perigee, -cos_perigee * cos_obliquity, -cos_perigee * sin_obliquity], constant)
});

/// Takes the elliptic terms out of an FK4 position.
fn without_e_terms(xyz: &Vector) -> Vector {
    let along = dot(&E_TERMS, xyz);
    let result = add(&sub(xyz, &E_TERMS), &scale(xyz, along));
    normalize(&result).unwrap_or(*xyz)
}

/// Puts the elliptic terms in: the inverse, by iteration, since they depend on the result.
fn with_e_terms(xyz: &Vector) -> Vector {
    let mut result = *xyz;
    for _ in 0..10 {
        let shifted = add(&E_TERMS, xyz);
        result = scale(&shifted, 1.0 / (1.0 + dot(&E_TERMS, &result)));
    }
    normalize(&result).unwrap_or(*xyz)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_back() {
        for frame in Frame::ALL {
            assert_eq!(Frame::from_name(frame.name()), Ok(frame));
            assert_eq!(Frame::from_name(&frame.name().to_lowercase()), Ok(frame));
        }
        assert_eq!(Frame::from_name("FK5 J2000"), Ok(Frame::Fk5J2000));
    }

    #[test]
    fn there_and_back() {
        for frame in Frame::ALL {
            for (lon, lat) in [(0.0, 90.0), (12.0, -89.9), (266.4, -28.9), (123.456, 78.9)] {
                let point = SkyPoint::from_degrees(lon, lat).unwrap();
                let back = transform(frame, Frame::Icrs, transform(Frame::Icrs, frame, point));
                // The published matrix to FK4 is orthogonal to a few 1e-9 only.
                let tolerance = if frame == Frame::Fk4B1950 { 1e-8 } else { 1e-15 };
                assert!(back.separation(&point).0 < tolerance, "{frame} {lon} {lat}");
            }
        }
    }
}
