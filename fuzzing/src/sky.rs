//! Regions in STC-S and sets of HEALPix cells, in and out.

use sidereus_sky::{Moc, Region, SkyPoint};

use crate::Verdict;

/// Reads a text as a region; what is read is written and read again, and tested with one position.
pub(crate) fn read_region(text: &str) -> Verdict {
    let Ok(region) = Region::from_stcs(text) else { return Verdict::Refused };
    let written = region.to_stcs();
    assert_eq!(Region::from_stcs(&written).as_ref(), Ok(&region), "written as {written}");
    if let Ok(point) = SkyPoint::from_degrees(10.0, -20.0) {
        let _ = region.contains(&point);
    }
    Verdict::Accepted
}

/// Reads a text as a MOC in either form.
pub(crate) fn read_moc(text: &str) -> Verdict {
    let mut verdict = Verdict::Refused;
    for moc in [Moc::from_ascii(text), Moc::from_json(text)].into_iter().flatten() {
        let written = moc.to_ascii();
        assert_eq!(Moc::from_ascii(&written).as_ref(), Ok(&moc), "written as {written}");
        assert!((0.0..=1.0 + 1e-12).contains(&moc.sky_fraction()), "covers {}", moc.sky_fraction());
        verdict = Verdict::Accepted;
    }
    verdict
}

pub(crate) const REGIONS: [&str; 16] = [
    "Circle ICRS 10 20 0.5",
    "10 20 0.5",
    "1 2 3 4 5 6",
    "Position ICRS 10 -20.5",
    "Box ICRS 1 2 3 4",
    "Polygon FK5 J2000 1 2 3 4 5 -6e-1",
    "Ellipse GALACTIC 1 2 3 2 45",
    "Circle ICRS GEOCENTER SPHERICAL2 10 20 0.5 unit deg",
    "Union ICRS ( Circle 10 20 1 Box 12 20 1 1 )",
    "Intersection ICRS ( Circle 10 20 1 Not ( Circle 10 20 0.5 ) )",
    "Difference ( Circle ICRS 10 20 1 Circle ICRS 10 20 0.5 )",
    "Not ( AllSky )",
    "Union ( Moc 4/13 17-18 Polygon 0 0 1 0 1 1 )",
    "Circle GALACTIC 359.99999999999994 -90 180",
    "Box ICRS 0 90 180 180",
    "Union ( Union ( Union ( Circle 1 2 3 Empty ) AllSky ) Position 1 2 )",
];

pub(crate) const REGION_WORDS: &str = "Circle Box Polygon Position Ellipse Union Intersection Not Difference Moc AllSky \
Empty ICRS GALACTIC FK4 FK5 J2000 B1950 ECLIPTIC GEOCENTER BARYCENTER TOPOCENTER SPHERICAL2 CARTESIAN2 unit deg rad ( ) 1 2 \
0.5 -45 90 360 -0 1e308 1e-308 nan inf 180 179.99999999999997 4/13 17-18 29/3458764513820540927 , ; Error Time";

pub(crate) const MOCS: [&str; 12] = [
    "1/0-3 2/16",
    "4/13 17-18",
    "0/0-11",
    "29/0-3458764513820540927",
    "5/",
    "1/1,3,4 2/4,25,12-14,21 8/",
    "0/4\n3/",
    r#"{"1":[0,1,2],"2":[16]}"#,
    r#"{"0":[0,1,2,3,4,5,6,7,8,9,10,11]}"#,
    r#"{"29":[3458764513820540927]}"#,
    r#"{ "4" : [ 1 , 2 ] , "5" : [ ] }"#,
    "",
];

pub(crate) const MOC_WORDS: &str = "0/ 1/ 4/ 28/ 29/ 30/ 0-11 0 1 11 12 17-18 18-17 , - / : { } [ ] \"1\" \"29\" \"30\" \
3458764513820540927 3458764513820540928 18446744073709551615 18446744073709551616 -1 1.5 null";
