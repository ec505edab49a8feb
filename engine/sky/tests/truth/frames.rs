//! All columns of the table of frames, both ways.

use crate::files::{Row, number, rows};
use sidereus_sky::{Degrees, Frame, SkyPoint, transform};

const COLUMNS: [(Frame, &str, &str, f64); 5] = [
    (Frame::Galactic, "l_gal", "b_gal", 1e-9),
    (Frame::EclipticJ2000, "lon_ecl_j2000", "lat_ecl_j2000", 1e-9),
    (Frame::Supergalactic, "sgl", "sgb", 1e-9),
    (Frame::Fk5J2000, "ra_fk5_j2000", "dec_fk5_j2000", 1e-9),
    (Frame::Fk4B1950, "ra_fk4_b1950", "dec_fk4_b1950", 1e-6),
];

#[test]
fn every_frame_agrees() {
    let Some(rows) = rows("frames.csv") else { return };
    for (frame, lon, lat, tolerance_deg) in COLUMNS {
        let mut worst = 0.0_f64;
        for row in &rows {
            let icrs = point(row, "ra_icrs", "dec_icrs");
            let expected = point(row, lon, lat);
            worst = worst.max(separation(&transform(Frame::Icrs, frame, icrs), &expected));
            worst = worst.max(separation(&transform(frame, Frame::Icrs, expected), &icrs));
        }
        println!("{frame}: {} rows, worst {worst:.1e} deg", rows.len());
        assert!(worst < tolerance_deg, "{frame}: {worst}");
    }
}

fn point(row: &Row, lon: &str, lat: &str) -> SkyPoint {
    SkyPoint::from_degrees(number(row, lon), number(row, lat)).unwrap()
}

fn separation(a: &SkyPoint, b: &SkyPoint) -> f64 {
    Degrees::from(a.separation(b)).0
}
