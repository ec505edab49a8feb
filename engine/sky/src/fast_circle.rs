//! How can many positions be tested against one circle quickly?
//!
//! The haversine of each position is computed by polynomials without branches, which the compiler turns into vector
//! instructions. Positions that are not clearly inside or outside go to the exact test, so that every answer is the
//! exact one. Other shapes are not known here.

use crate::angle::radians;
use crate::circle::Circle;

/// Half chords nearer to the rim than this (0.2 micro-arcseconds) are left to the exact test: more than twenty times
/// the error of the polynomials.
const MARGIN: f64 = 1e-12;

/// A circle with what its tests have in common computed once.
#[derive(Debug, Clone)]
pub(crate) struct FastCircle {
    circle: Circle,
    lon_deg: f64,
    lat_deg: f64,
    cos_lat: f64,
    /// Haversines below are inside, above the other are outside.
    inside_below: f64,
    outside_above: f64,
}

impl FastCircle {
    pub(crate) fn new(circle: &Circle) -> Self {
        let half_chord = radians(circle.radius_deg() * 0.5).sin();
        let inner = half_chord - MARGIN;
        let outer = half_chord + MARGIN;
        Self {
            circle: *circle,
            lon_deg: circle.center().lon_deg(),
            lat_deg: circle.center().lat_deg(),
            cos_lat: cos_lat(circle.center().lat_deg()),
            inside_below: if inner > 0.0 { inner * inner } else { 0.0 },
            outside_above: outer * outer,
        }
    }

    /// Tests one position.
    pub(crate) fn contains_lonlat(&self, lon_deg: f64, lat_deg: f64) -> bool {
        self.decide(self.haversine(lon_deg, lat_deg), lon_deg, lat_deg)
    }

    /// Tests positions in blocks that fit in registers and cache, and appends the answers.
    pub(crate) fn select(&self, lon_deg: &[f64], lat_deg: &[f64], out: &mut Vec<bool>) {
        const BLOCK: usize = 64;
        let mut haversines = [0.0_f64; BLOCK];
        for (lons, lats) in lon_deg.chunks(BLOCK).zip(lat_deg.chunks(BLOCK)) {
            for ((haversine, lon), lat) in haversines.iter_mut().zip(lons).zip(lats) {
                *haversine = self.haversine(*lon, *lat);
            }
            let positions = lons.iter().zip(lats);
            out.extend(haversines.iter().zip(positions).map(|(value, (lon, lat))| self.decide(*value, *lon, *lat)));
        }
    }

    fn decide(&self, haversine: f64, lon_deg: f64, lat_deg: f64) -> bool {
        if haversine > self.outside_above {
            return false;
        }
        if haversine < self.inside_below {
            return true;
        }
        lat_deg.abs() <= 90.0 && lon_deg.is_finite() && self.circle.contains_lonlat(lon_deg, lat_deg)
    }

    /// sin² of half the separation, to 1e-13 in its root; not a number for what needs the exact test.
    #[inline(always)]
    fn haversine(&self, lon_deg: f64, lat_deg: f64) -> f64 {
        let turn = (lon_deg - self.lon_deg).abs();
        let delta_lon = if turn > 180.0 { 360.0 - turn } else { turn };
        let sin_lon = sine((0.5 * RAD_PER_DEG) * delta_lon);
        let sin_lat = sine((0.5 * RAD_PER_DEG) * (lat_deg - self.lat_deg));
        let value = sin_lat * sin_lat + self.cos_lat * cos_lat(lat_deg) * (sin_lon * sin_lon);
        // The polynomials hold within one turn and between the poles only.
        if turn <= 360.0 && lat_deg.abs() <= 90.0 { value } else { f64::NAN }
    }
}

const RAD_PER_DEG: f64 = std::f64::consts::PI / 180.0;

#[inline(always)]
fn cos_lat(lat_deg: f64) -> f64 {
    sine(RAD_PER_DEG * (90.0 - lat_deg.abs()))
}

/// Sine between -π/2 and π/2 by its Taylor polynomial of degree 19: the first term left out is below 6e-16.
#[inline(always)]
fn sine(angle: f64) -> f64 {
    let x = angle * angle;
    let tail = x * (C15 + x * (C17 + x * C19));
    angle * (1.0 + x * (C3 + x * (C5 + x * (C7 + x * (C9 + x * (C11 + x * (C13 + tail)))))))
}

const C3: f64 = -1.0 / 6.0;
const C5: f64 = 1.0 / 120.0;
const C7: f64 = -1.0 / 5_040.0;
const C9: f64 = 1.0 / 362_880.0;
const C11: f64 = -1.0 / 39_916_800.0;
const C13: f64 = 1.0 / 6_227_020_800.0;
const C15: f64 = -1.0 / 1_307_674_368_000.0;
const C17: f64 = 1.0 / 355_687_428_096_000.0;
const C19: f64 = -1.0 / 121_645_100_408_832_000.0;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn polynomial_is_the_sine() {
        for step in -1000..=1000 {
            let angle = f64::from(step) / 1000.0 * std::f64::consts::FRAC_PI_2;
            assert!((sine(angle) - angle.sin()).abs() < 2e-15, "{angle}");
        }
    }

    #[test]
    fn answers_are_those_of_the_exact_test() {
        let circle = Circle::from_degrees(359.9, -89.0, 1.5).unwrap();
        let fast = FastCircle::new(&circle);
        for step in 0..20_000 {
            let (lon, lat) = (f64::from(step) * 0.719 - 720.0, -90.0 + f64::from(step % 300) * 0.01);
            assert_eq!(fast.contains_lonlat(lon, lat), circle.contains_lonlat(lon, lat), "{lon} {lat}");
        }
    }

    #[test]
    fn what_is_no_position_is_outside() {
        let fast = FastCircle::new(&Circle::from_degrees(0.0, 0.0, 180.0).unwrap());
        let (lons, lats) = ([0.0, f64::NAN, 0.0, f64::INFINITY, 0.0], [0.0, 0.0, f64::NAN, 0.0, 90.1]);
        let mut out = Vec::new();
        fast.select(&lons, &lats, &mut out);
        assert_eq!(out, [true, false, false, false, false]);
    }
}
