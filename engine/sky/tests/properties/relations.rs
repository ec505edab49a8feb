//! Relations of two regions against the positions that are in both.

use crate::oracle;
use crate::regions::{cases, lonlat, offset_from, probes, shape};
use proptest::prelude::{any, prop_assert, prop_assert_eq, prop_oneof, proptest};
use proptest::strategy::Strategy;
use proptest::test_runner::TestCaseError;
use sidereus_sky::{Circle, Ellipse, Region, SkyBox, SkyPoint};

/// A shape and another one of some similar size and place.
fn neighbours() -> impl Strategy<Value = (Region, Region)> {
    (shape(), 0.0..1.6_f64, 0.0..360.0_f64, 0.02..2.0_f64, 0_u8..3).prop_map(|(first, away, azimuth, factor, kind)| {
        let cap = first.bounding_cap();
        let radius = cap.radius_deg().max(1e-6);
        let (lon, lat) = lonlat(&offset_from(&cap.center(), azimuth, (away * radius).min(170.0)));
        let size = (factor * radius).min(80.0);
        let second = match kind {
            0 => Region::Circle(Circle::from_degrees(lon, lat, size).unwrap()),
            1 => Region::Box(SkyBox::from_degrees(lon, lat, size, size * 1.5).unwrap()),
            _ => Region::Ellipse(Ellipse::from_degrees(lon, lat, size, size * 0.4, azimuth).unwrap()),
        };
        (first, second)
    })
}

proptest! {
    #![proptest_config(cases(800))]

    #[test]
    fn agree_with_positions(
        (first, second) in prop_oneof![neighbours(), (shape(), shape())],
        seed in any::<u64>(),
    ) {
        check(&first, &second, seed)?;
        check(&second, &first, seed)?;
        prop_assert_eq!(first.intersects(&second), second.intersects(&first));
    }
}

fn check(outer: &Region, inner: &Region, seed: u64) -> Result<(), TestCaseError> {
    let (holds, meets) = (outer.contains_region(inner), outer.intersects(inner));
    let positions = probes(inner, seed).into_iter().map(|(lon, lat)| SkyPoint::from_degrees(lon, lat).unwrap());
    for point in positions.filter(|point| inner.contains(point)) {
        prop_assert!(!outer.contains(&point) || meets != Ok(false), "apart, but both have {:?}", point);
        let surely_outside = oracle::contains(outer, &point) == Some(false) && is_far(outer, &point);
        prop_assert!(!surely_outside || holds != Ok(true), "held, but {:?} is outside", point);
    }
    let is_inside = holds == Ok(true) && meets == Ok(false);
    prop_assert!(!is_inside || *inner == Region::Empty, "held, but apart");
    Ok(())
}

/// Searches decide to a milliarcsecond; smaller regions than that are near to all around them.
fn is_far(region: &Region, point: &SkyPoint) -> bool {
    let beside = |turn: i32| offset_from(point, 45.0 * f64::from(turn), 1e-6);
    let size = region.bounding_cap().radius_deg();
    // A needle is as near to its neighbours as a dot.
    let is_wide = size > 1e-5 && region.area_sq_deg().is_ok_and(|area| area > 1e-5 * size);
    is_wide && (0..8).all(|turn| !region.contains(&beside(turn)))
}
