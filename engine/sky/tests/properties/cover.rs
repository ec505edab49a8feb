//! Covers never miss and are never wrongly full.

use crate::regions::{Random, cases, circle, lonlat, offset_from, polygon, position, probes, region, shape};
use proptest::prelude::{Just, Strategy, any, prop, prop_assert, prop_oneof, proptest};
use proptest::test_runner::TestCaseError;
use sidereus_sky::{
    Cell, Circle, Coverage, Order, Region, SkyPoint, SmallDiscs, cells_around, coverage, hash29, keys_around,
};

fn budget() -> impl Strategy<Value = usize> {
    prop::sample::select(vec![1, 8, 40, 64, 150])
}

proptest! {
    #![proptest_config(cases(3000))]

    #[test]
    fn of_shapes(shape in shape(), budget in budget(), seed in any::<u64>()) {
        check(&shape, budget, seed)?;
    }

    #[test]
    fn of_circles_and_polygons(shape in prop_oneof![circle(), polygon()], budget in budget(), seed in any::<u64>()) {
        check(&shape, budget, seed)?;
    }
}

proptest! {
    #![proptest_config(cases(500))]

    #[test]
    fn of_combinations(region in region(), budget in budget(), seed in any::<u64>()) {
        check(&region, budget, seed)?;
    }
}

proptest! {
    #![proptest_config(cases(60))]

    #[test]
    fn of_large_unions(members in prop::collection::vec(shape(), 130..200), budget in budget(), seed in any::<u64>()) {
        check(&Region::Union(members), budget, seed)?;
    }
}

proptest! {
    #![proptest_config(cases(3000))]

    #[test]
    fn of_caps_by_neighbouring_cells(
        (lon, lat) in position(), exponent in -6.0..2.2, angle in 0.0..360.0, part in prop_oneof![Just(1.0), 0.0..1.0]
    ) {
        let cap = Circle::from_degrees(lon, lat, 10.0_f64.powf(exponent)).unwrap();
        let (lon, lat) = lonlat(&offset_from(&cap.center(), angle, cap.radius_deg() * part));
        let key = hash29(lon, lat).unwrap();
        let held = cells_around(&cap).iter().any(|cell| cell.range29().start <= key && key < cell.range29().end);
        prop_assert!(held, "{lon} {lat} within {cap:?}");
    }
}

proptest! {
    #![proptest_config(cases(20_000))]

    #[test]
    fn of_small_discs_by_columns_and_rows(
        (lon, lat) in position(), exponent in -7.0..0.69, angle in 0.0..360.0, part in prop_oneof![Just(1.0), 0.9..1.0, 0.0..1.0]
    ) {
        let radius = 10.0_f64.powf(exponent);
        let discs = SmallDiscs::new(radius).unwrap();
        let mut cells = Vec::new();
        discs.cells(lon, lat, &mut cells).unwrap();
        let (lon_near, lat_near) = lonlat(&offset_from(&SkyPoint::from_degrees(lon, lat).unwrap(), angle, radius * part));
        let key = hash29(lon_near, lat_near).unwrap() >> discs.order().key_shift();
        prop_assert!(cells.contains(&key), "{lon_near} {lat_near} within {radius} of {lon} {lat}");
    }
}

proptest! {
    #![proptest_config(cases(3_000))]

    #[test]
    fn of_cells_with_what_is_near(
        (lon, lat) in position(), order in 0_u8..14, exponent in -6.0..1.9, angle in 0.0..360.0, part in 0.0..=1.0
    ) {
        let radius = 10.0_f64.powf(exponent);
        let cell = Cell::from_key(hash29(lon, lat).unwrap(), Order::new(order).unwrap()).unwrap();
        let ranges = keys_around(cell, radius);
        let (lon, lat) = lonlat(&offset_from(&SkyPoint::from_degrees(lon, lat).unwrap(), angle, radius * part));
        let key = hash29(lon, lat).unwrap();
        prop_assert!(ranges.iter().any(|range| range.start <= key && key < range.end), "{lon} {lat} near {cell:?}");
        prop_assert!(ranges.windows(2).all(|pair| pair[0].end < pair[1].start));
    }
}

proptest! {
    #![proptest_config(cases(3))]

    #[test]
    fn of_huge_unions(members in prop::collection::vec(circle(), 4100..4200), seed in any::<u64>()) {
        check(&Region::Union(members), 40_000, seed)?;
    }
}

/// A position may be filed under its own cell, or under that of any place within 1e-9 degrees of it.
fn check(region: &Region, budget: usize, seed: u64) -> Result<(), TestCaseError> {
    let cover = coverage(region, budget);
    prop_assert!(cover.ranges().len() <= budget.max(4));
    prop_assert!(cover.ranges().windows(2).all(|pair| pair[0].end <= pair[1].start));
    let mut random = Random(seed | 1);
    for (lon, lat) in probes(region, seed) {
        let point = SkyPoint::from_degrees(lon, lat).unwrap();
        let inside = region.contains(&point);
        let (near_lon, near_lat) = lonlat(&offset_from(&point, random.unit() * 360.0, 0.9e-9));
        for key in [hash29(lon, lat).unwrap(), hash29(near_lon, near_lat).unwrap()] {
            prop_assert!(!inside || cover.intersects(key, key + 1), "missed {} {} key {}", lon, lat, key);
            prop_assert!(inside || !is_full(&cover, key), "wrongly full {} {} key {}", lon, lat, key);
        }
    }
    Ok(())
}

fn is_full(cover: &Coverage, key: u64) -> bool {
    cover.ranges().iter().any(|range| range.full && range.start <= key && key < range.end)
}
