//! Text round trips, and hostile text.

use crate::regions::{cases, region};
use proptest::prelude::{prop, prop_assert_eq, proptest};
use sidereus_sky::{Moc, Region};

proptest! {
    #![proptest_config(cases(1000))]

    #[test]
    fn regions_come_back_bit_for_bit(region in region()) {
        let text = region.to_stcs();
        let back = Region::from_stcs(&text).unwrap();
        prop_assert_eq!(back.to_stcs(), text);
        prop_assert_eq!(back, region);
    }

    #[test]
    fn any_text_is_read_or_refused(text in ".{0,60}") {
        let _ = Region::from_stcs(&text);
        let _ = Moc::from_ascii(&text);
        let _ = Moc::from_json(&text);
    }

    #[test]
    fn any_words_are_read_or_refused(words in prop::collection::vec(prop::sample::select(WORDS.to_vec()), 0..14)) {
        let text = words.join(" ");
        if let Ok(region) = Region::from_stcs(&text) {
            prop_assert_eq!(Region::from_stcs(&region.to_stcs()), Ok(region));
        }
    }
}

const WORDS: [&str; 30] = [
    "Circle",
    "Box",
    "Polygon",
    "Position",
    "Ellipse",
    "Union",
    "Intersection",
    "Not",
    "Difference",
    "Moc",
    "AllSky",
    "ICRS",
    "GALACTIC",
    "FK4",
    "FK5",
    "J2000",
    "GEOCENTER",
    "SPHERICAL2",
    "unit",
    "deg",
    "(",
    ")",
    "1",
    "2",
    "0.5",
    "-45",
    "359.9",
    "1e-9",
    "3/1-2",
    "NaN",
];
