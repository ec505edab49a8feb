//! Which part of the sky do bounds on the coordinates leave?
//!
//! ```text
//! ra BETWEEN 10 AND 11 AND dec BETWEEN -5 AND -4
//!    |                        |
//!    two half-spheres         two caps around the poles     -> their common part -> HEALPix ranges
//! ```
//! The comparisons are still evaluated row by row: the region only says what to pass over.
//!
//! *Guarantee*: holds every position for which the comparisons are true, at whatever turn of the circle its right ascension is
//! written. Both coordinates must be bounded on both sides: a row of which one is missing then fails, too, and has no key to
//! be found by.

use std::ops::RangeInclusive;

use sidereus_sky::{Circle, Region};

use super::intervals::Span;
use crate::catalog::PositionColumns;

/// Degrees by which a shape is larger than the bounds, for rounding.
const MARGIN_DEG: f64 = 1e-9;

/// Right ascensions that are not further than one turn from where they belong.
const RIGHT_ASCENSIONS: RangeInclusive<f64> = -360.0..=720.0;
const DECLINATIONS: RangeInclusive<f64> = -90.0..=90.0;

/// The region that the bounds of some columns leave, by name.
pub(super) fn region<'a>(positions: &PositionColumns, spans: impl Iterator<Item = (&'a str, Span)>) -> Option<Region> {
    let (mut ra, mut dec) = (None, None);
    for (column, span) in spans {
        match column {
            _ if column == positions.ra => ra = both_ends(span, &RIGHT_ASCENSIONS),
            _ if column == positions.dec => dec = both_ends(span, &DECLINATIONS),
            _ => {}
        }
    }
    let ((west, east), (south, north)) = (ra?, dec?);
    let mut parts = vec![cap(0.0, 90.0, 90.0 - south)?, cap(0.0, -90.0, north + 90.0)?];
    if east - west < 180.0 {
        parts.extend([cap(west + 90.0, 0.0, 90.0)?, cap(east - 90.0, 0.0, 90.0)?]);
    }
    Some(Region::Intersection(parts))
}

/// The ends of a span that has two, within some numbers, and holds nothing but numbers.
fn both_ends(span: Span, within: &RangeInclusive<f64>) -> Option<(f64, f64)> {
    let Span { low, high, nan, null } = span;
    let ends = [low, high].iter().all(|end| within.contains(end));
    (ends && low <= high && !nan && !null).then_some((low, high))
}

/// A cap and a little more.
fn cap(lon_deg: f64, lat_deg: f64, radius_deg: f64) -> Option<Region> {
    let radius = (radius_deg + MARGIN_DEG).min(180.0);
    Some(Region::Circle(Circle::from_degrees(lon_deg.rem_euclid(360.0), lat_deg, radius).ok()?))
}

#[cfg(test)]
mod tests {
    use sidereus_sky::SkyPoint;

    use super::*;

    fn bounded(ra: (f64, f64), dec: (f64, f64)) -> Option<Region> {
        let positions = PositionColumns { ra: "ra".to_owned(), dec: "dec".to_owned() };
        let span = |(low, high)| Span { low, high, nan: false, null: false };
        region(&positions, [("ra", span(ra)), ("mag", span((0.0, 1.0))), ("dec", span(dec))].into_iter())
    }

    #[test]
    fn every_position_within_the_bounds_is_in_the_region_and_few_others() {
        let steps = |low: f64, high: f64| (0..=20).map(move |step| low + (high - low) * f64::from(step) / 20.0);
        let boxes = [
            ((10.0, 11.0), (-5.0, -4.0)),
            ((350.0, 370.0), (80.0, 90.0)),
            ((-10.0, 10.0), (-90.0, -60.0)),
            ((0.0, 179.9), (-1.0, 1.0)),
            ((5.0, 5.0), (5.0, 5.0)),
        ];
        for (ra, dec) in boxes {
            let found = bounded(ra, dec).unwrap();
            let holds =
                |lon: f64, lat: f64| found.contains(&SkyPoint::from_degrees(lon.rem_euclid(360.0), lat).unwrap());
            for lon in steps(ra.0, ra.1) {
                assert!(steps(dec.0, dec.1).all(|lat| holds(lon, lat)), "{ra:?} {dec:?} at {lon}");
            }
            let (middle, height) = ((ra.0 + ra.1) / 2.0, (dec.0 + dec.1) / 2.0);
            let outside = [(ra.0 - 0.01, height), (ra.1 + 0.01, height), (middle + 180.0, 0.0)];
            assert!(outside.iter().all(|(lon, lat)| !holds(*lon, *lat)), "{ra:?} {dec:?}");
            assert!(dec.0 < -89.0 || !holds(middle, dec.0 - 0.01));
            assert!(dec.1 > 89.0 || !holds(middle, dec.1 + 0.01));
        }
        let wide = bounded((0.0, 360.0), (10.0, 20.0)).unwrap();
        assert!(wide.contains(&SkyPoint::from_degrees(200.0, 15.0).unwrap()));
        assert!(!wide.contains(&SkyPoint::from_degrees(200.0, 21.0).unwrap()));
    }

    #[test]
    fn half_a_bound_is_none() {
        let (open, closed) = ((f64::NEG_INFINITY, 10.0), (0.0, 10.0));
        assert!(bounded(open, closed).is_none() && bounded(closed, open).is_none());
        assert!(bounded(closed, (80.0, 95.0)).is_none(), "a latitude beyond the pole has no key");
        assert!(bounded((11.0, 10.0), closed).is_none());
        let positions = PositionColumns { ra: "ra".to_owned(), dec: "dec".to_owned() };
        let nan = Span { low: 0.0, high: 10.0, nan: true, null: false };
        assert!(region(&positions, [("ra", nan), ("dec", nan)].into_iter()).is_none());
    }
}
