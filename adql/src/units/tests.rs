//! Factors against astropy, and back and forth; what is read and written.

use super::*;

fn unit(text: &str) -> Unit {
    parse_strictly(text).unwrap_or_else(|(message, _)| panic!("{text}: {message}"))
}

/// The number to multiply by.
fn number(one: &str, other: &str) -> f64 {
    match unit(one).factor_to(&unit(other)).unwrap_or_else(|| panic!("{one} to {other}")) {
        Factor::One => 1.0,
        Factor::Times(factor) => factor,
        Factor::Over(divisor) => 1.0 / divisor,
    }
}

/// The factors of `astropy_factors.csv`, made by the script of that name.
fn pairs() -> Vec<(&'static str, &'static str, f64)> {
    let lines = include_str!("astropy_factors.csv").lines().skip(1);
    let pairs: Vec<_> = lines
        .map(|line| {
            let [one, other, factor] = line.split(',').collect::<Vec<_>>()[..] else { panic!("{line}") };
            (one, other, factor.parse().unwrap())
        })
        .collect();
    assert!(pairs.len() >= 200);
    pairs
}

#[test]
fn factors_are_those_of_astropy() {
    for (one, other, expected) in pairs() {
        let factor = number(one, other);
        assert!((factor / expected - 1.0).abs() < 1e-13, "{one} to {other}: {factor}, astropy says {expected}");
    }
}

#[test]
fn there_and_back_is_where_it_was() {
    for (one, other, _) in pairs() {
        let (there, back) = (number(one, other), number(other, one));
        assert!((there * back - 1.0).abs() <= 4.0 * f64::EPSILON, "{one} to {other}: {there} times {back}");
        assert_eq!(unit(one).factor_to(&unit(one)), Some(Factor::One), "{one}");
    }
}

#[test]
fn whole_factors_are_exact() {
    for (one, other, expected) in [
        ("deg", "arcsec", Factor::Times(3600.0)),
        ("mas", "deg", Factor::Over(3_600_000.0)),
        ("yr", "d", Factor::Times(365.25)),
        ("deg", "rad", Factor::Times(std::f64::consts::PI / 180.0)),
        ("mJy", "Jy", Factor::Over(1000.0)),
        ("km.s**-1", "m/s", Factor::Times(1000.0)),
        ("Jy", "W.m**-2.Hz**-1", Factor::Times(1e-26)),
        ("mas/yr", "mas.yr**-1", Factor::One),
        ("%", "%", Factor::One),
        ("1/yr", "a**-1", Factor::One),
    ] {
        let found = unit(one).factor_to(&unit(other));
        match (found, expected) {
            (Some(Factor::Over(divisor)), Factor::Times(factor)) => assert!((divisor * factor - 1.0).abs() < 1e-15),
            (found, expected) => assert_eq!(found, Some(expected), "{one} to {other}"),
        }
    }
}

#[test]
fn what_measures_different_things_has_no_factor() {
    for (one, other) in [("deg", "Jy"), ("mag", "Jy"), ("km/s", "km"), ("'electron'", "ct"), ("sr", "rad")] {
        assert_eq!(unit(one).factor_to(&unit(other)), None, "{one} to {other}");
    }
    assert_eq!(unit("'electron'.s**-1").factor_to(&unit("'electron'/s")), Some(Factor::One));
}

#[test]
fn units_are_written_so_that_they_read_back() {
    for text in ["mas.yr**-1", "10**3mas", "m**(1/2)", "%", "'electron'.s**-1", "km.s**-1.Mpc**-1"] {
        assert_eq!(unit(text).to_string(), text);
    }
    assert_eq!(unit("erg/(s.cm**2.Hz)").to_string(), "erg.s**-1.cm**-2.Hz**-1");
    assert_eq!(unit("sqrt(m.s)").to_string(), "m**(1/2).s**(1/2)");
    assert_eq!(unit("0.001m").to_string(), "10**-3m");
}

#[test]
fn what_is_no_unit_is_told() {
    let message = |text: &str| match parse_strictly(text) {
        Ok(unit) => panic!("{text} is {unit}"),
        Err((message, None)) => message,
        Err((message, Some(hint))) => format!("{message}; {hint}"),
    };
    for (text, expected) in [
        ("arcsecond", "unknown unit arcsecond; did you mean arcsec?"),
        ("Deg", "unknown unit Deg; did you mean deg?"),
        ("km s-1", "unexpected   in the unit 'km s-1'; units are multiplied by a dot: km.s**-1"),
        ("m/s/kg", "unexpected / in the unit 'm/s/kg'; what is divided by goes into parentheses: a/(b.c)"),
        ("m2", "unexpected 2 in the unit 'm2'; powers are written so: m**2, s**-1"),
        ("3m", "the scale of a unit must be a power of ten; write it so: 10**3"),
        ("(m", "a parenthesis in the unit is never closed"),
        ("m**", "expected a power such as 2, -1 or (1/2)"),
        ("m.", "expected the symbol of a unit, found the end of the text"),
        ("m**200", "a power or a scale in the unit is too large"),
    ] {
        assert_eq!(message(text), expected, "{text}");
    }
    message(&"(".repeat(150));
    message(&"m.".repeat(200));
}

#[test]
fn catalogs_are_read_loosely() {
    for (loose, strict) in [
        ("km s-1", "km.s**-1"),
        ("mas/yr", "mas.yr**-1"),
        ("m^2", "m**2"),
        ("erg / s / cm2", "erg/(s.cm**2)"),
        (" deg ", "deg"),
        ("10**-3 Jy", "10**-3Jy"),
    ] {
        let read = parse_loosely(loose).unwrap_or_else(|| panic!("{loose}"));
        assert_eq!(read.factor_to(&unit(strict)), Some(Factor::One), "{loose}");
    }
    for text in ["", "unknown", "---", "h:m:s", "a 3 b"] {
        assert_eq!(parse_loosely(text), None, "{text}");
    }
}

#[test]
fn numbers_at_the_ends_of_their_range_are_too_large() {
    for text in ["10**-2147483648m", "10**2147483647 m", "m**-2147483648", "m**(1/-2147483648)", "m**(-2147483648/3)"] {
        assert!(parse_strictly(text).is_err() && parse_loosely(text).is_none(), "{text}");
    }
    let long = format!("'{}'", "a".repeat(400));
    assert!(parse_strictly(&long).is_err() && parse_loosely(&long).is_none());
}
