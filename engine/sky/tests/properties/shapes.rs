//! Shapes against brute force, and the fast forms against the shapes.

use crate::oracle;
use crate::regions::{Random, cases, lonlat, position, probes, region, shape, size};
use proptest::prelude::{any, prop_assert, prop_assert_eq, proptest};
use sidereus_sky::{Region, SkyPoint, separation_deg};

proptest! {
    #![proptest_config(cases(3000))]

    #[test]
    fn shapes_agree_with_brute_force(shape in shape(), seed in any::<u64>()) {
        for (lon, lat) in probes(&shape, seed) {
            let point = SkyPoint::from_degrees(lon, lat).unwrap();
            if let Some(expected) = oracle::contains(&shape, &point) {
                prop_assert_eq!(shape.contains(&point), expected, "{} {}", lon, lat);
            }
        }
    }

    #[test]
    fn prepared_regions_give_the_same_answers(region in region(), seed in any::<u64>(), turns in -2_i32..3) {
        let probes = probes(&region, seed);
        let prepared = region.prepare();
        let lons: Vec<f64> = probes.iter().map(|(lon, _)| *lon).collect();
        let lats: Vec<f64> = probes.iter().map(|(_, lat)| *lat).collect();
        let mut selected = Vec::new();
        prepared.select(&lons, &lats, &mut selected);
        prop_assert_eq!(selected.len(), probes.len());
        for ((lon, lat), selected) in probes.into_iter().zip(selected) {
            let expected = region.contains(&SkyPoint::from_degrees(lon, lat).unwrap());
            prop_assert_eq!(prepared.contains_lonlat(lon, lat), expected, "{} {}", lon, lat);
            prop_assert_eq!(selected, expected, "{} {}", lon, lat);
            let turned = lon + 360.0 * f64::from(turns);
            let expected = region.contains(&SkyPoint::from_degrees(turned, lat).unwrap());
            prop_assert_eq!(prepared.contains_lonlat(turned, lat), expected, "{} {}", turned, lat);
        }
    }

    #[test]
    fn circles_are_distances(center in position(), radius in size(180.0), seed in any::<u64>()) {
        let circle = Region::Circle(sidereus_sky::Circle::from_degrees(center.0, center.1, radius).unwrap());
        let prepared = circle.prepare();
        for (lon, lat) in probes(&circle, seed) {
            let near = separation_deg(lon, lat, center.0, center.1) <= radius;
            prop_assert_eq!(prepared.contains_lonlat(lon, lat), near);
            prop_assert_eq!(separation_deg(center.0, center.1, lon, lat) <= radius, near);
        }
    }

    #[test]
    fn bounding_caps_hold_their_regions(region in region(), seed in any::<u64>()) {
        let cap = region.bounding_cap();
        for (lon, lat) in probes(&region, seed) {
            let point = SkyPoint::from_degrees(lon, lat).unwrap();
            let distance = separation_deg(lon, lat, cap.center().lon_deg(), cap.center().lat_deg());
            prop_assert!(!region.contains(&point) || distance <= cap.radius_deg() + 2e-12, "{} {} {:?}", lon, lat, cap);
        }
    }

    #[test]
    fn separations_agree_with_vectors(a in position(), b in position(), tiny in size(180.0), azimuth in 0.0..360.0_f64) {
        let (a, b) = (SkyPoint::from_degrees(a.0, a.1).unwrap(), SkyPoint::from_degrees(b.0, b.1).unwrap());
        let near = crate::regions::offset_from(&a, azimuth, tiny);
        let far = SkyPoint::from_xyz(near.xyz().map(|component| -component)).unwrap();
        for other in [b, near, far] {
            let own = separation_deg(a.lon_deg(), a.lat_deg(), other.lon_deg(), other.lat_deg());
            let angle = oracle::angle(&a.xyz(), &other.xyz()) * 57.29577951308232;
            prop_assert!((own - angle).abs() < 2e-13, "{} {}", own, angle);
            prop_assert_eq!(own, separation_deg(other.lon_deg(), other.lat_deg(), a.lon_deg(), a.lat_deg()));
        }
    }

    #[test]
    fn areas_agree_with_counting(shape in shape(), seed in 1..u64::MAX) {
        let Ok(area) = shape.area_sq_deg() else { return Ok(()) };
        let cap = shape.bounding_cap();
        let share = area / cap.area_sq_deg();
        // Only where counting can tell.
        if share < 0.05 || cap.radius_deg() < 1e-3 {
            return Ok(());
        }
        let mut random = Random(seed);
        let count = 2000;
        let hits = (0..count).filter(|_| {
            let height = random.unit() * (cap.radius_deg() / 2.0 / 57.29577951308232).sin().powi(2);
            let distance = 2.0 * height.sqrt().asin() * 57.29577951308232;
            shape.contains(&crate::regions::offset_from(&cap.center(), random.unit() * 360.0, distance))
        }).count();
        let counted = f64::from(u32::try_from(hits).unwrap()) / f64::from(count);
        let deviation = (share * (1.0 - share) / f64::from(count)).sqrt();
        prop_assert!((counted - share).abs() < 6.0 * deviation + 1e-3, "{} {}", counted, share);
    }

    #[test]
    fn centres_of_shapes_are_near(shape in shape()) {
        // The cells of a MOC may be anywhere.
        if let (false, Ok(center)) = (matches!(shape, Region::Moc(_)), shape.centroid()) {
            let cap = shape.bounding_cap();
            let (lon, lat) = lonlat(&center);
            let distance = separation_deg(lon, lat, cap.center().lon_deg(), cap.center().lat_deg());
            prop_assert!(distance <= cap.radius_deg() + 1e-9);
        }
    }
}
