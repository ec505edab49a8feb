//! Which symbols are units?
//!
//! *Source*: VOUnits 1.1, section 2.4 (tables of base units, known units, and prefixes); IAU 2012 B2 and 2015 B3 for the
//! astronomical ones, CODATA 2022 for the measured ones. Beyond it `uas`, which catalogs write. A symbol in quotes, such
//! as `'electron'`, is a unit of its own.

use std::sync::LazyLock;

use super::scale::Scale;

/// Base units with their powers.
pub(super) type Bases = &'static [(&'static str, i32)];

/// A unit with its prefix.
#[derive(Debug, Clone, Copy)]
pub(super) struct Symbol {
    scale: Scale,
    pub(super) bases: Bases,
}

impl Symbol {
    /// How large it is in its base units.
    pub(super) fn scale(self) -> Scale {
        self.scale
    }
}

/// Which prefixes a symbol takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Prefixes {
    None,
    Si,
    /// Those of SI, and those of powers of 1024.
    Binary,
}

struct Known {
    name: &'static str,
    prefixes: Prefixes,
    scale: Scale,
    bases: Bases,
}

const fn known(name: &'static str, scale: Scale, bases: Bases) -> Known {
    Known { name, prefixes: Prefixes::Si, scale, bases }
}

/// A symbol that takes no prefix.
const fn bare(name: &'static str, scale: Scale, bases: Bases) -> Known {
    Known { name, prefixes: Prefixes::None, scale, bases }
}

const fn binary(name: &'static str, numerator: u128) -> Known {
    Known { name, prefixes: Prefixes::Binary, scale: decimal(numerator, 0), bases: &[("bit", 1)] }
}

/// `digits * 10**ten`.
const fn decimal(digits: u128, ten: i32) -> Scale {
    Scale { numerator: digits, denominator: 1, ten, pi: 0 }
}

/// `pi / denominator`.
const fn part_of_pi(denominator: u128) -> Scale {
    Scale { numerator: 1, denominator, ten: 0, pi: 1 }
}

const ONE: Scale = Scale::ONE;
const ANGLE: Bases = &[("rad", 1)];
const LENGTH: Bases = &[("m", 1)];
const MASS: Bases = &[("kg", 1)];
const TIME: Bases = &[("s", 1)];
const ENERGY: Bases = &[("kg", 1), ("m", 2), ("s", -2)];
const POWER: Bases = &[("kg", 1), ("m", 2), ("s", -3)];
const PRESSURE: Bases = &[("kg", 1), ("m", -1), ("s", -2)];
const FIELD: Bases = &[("kg", 1), ("s", -2), ("A", -1)];

static KNOWN: &[Known] = &[
    known("m", ONE, LENGTH),
    known("g", decimal(1, -3), MASS),
    known("s", ONE, TIME),
    known("A", ONE, &[("A", 1)]),
    known("K", ONE, &[("K", 1)]),
    known("mol", ONE, &[("mol", 1)]),
    known("cd", ONE, &[("cd", 1)]),
    known("rad", ONE, ANGLE),
    known("sr", ONE, &[("rad", 2)]),
    known("Hz", ONE, &[("s", -1)]),
    known("N", ONE, &[("kg", 1), ("m", 1), ("s", -2)]),
    known("Pa", ONE, PRESSURE),
    known("J", ONE, ENERGY),
    known("W", ONE, POWER),
    known("C", ONE, &[("A", 1), ("s", 1)]),
    known("V", ONE, &[("kg", 1), ("m", 2), ("s", -3), ("A", -1)]),
    known("S", ONE, &[("kg", -1), ("m", -2), ("s", 3), ("A", 2)]),
    known("F", ONE, &[("kg", -1), ("m", -2), ("s", 4), ("A", 2)]),
    known("Wb", ONE, &[("kg", 1), ("m", 2), ("s", -2), ("A", -1)]),
    known("T", ONE, FIELD),
    known("H", ONE, &[("kg", 1), ("m", 2), ("s", -2), ("A", -2)]),
    known("lm", ONE, &[("cd", 1), ("rad", 2)]),
    known("lx", ONE, &[("cd", 1), ("rad", 2), ("m", -2)]),
    known("Ohm", ONE, &[("kg", 1), ("m", 2), ("s", -3), ("A", -2)]),
    // Angles.
    known("deg", part_of_pi(180), ANGLE),
    known("arcmin", part_of_pi(10_800), ANGLE),
    known("arcsec", part_of_pi(648_000), ANGLE),
    bare("mas", part_of_pi(648_000_000), ANGLE),
    bare("uas", part_of_pi(648_000_000_000), ANGLE),
    // Times.
    known("min", decimal(60, 0), TIME),
    known("h", decimal(3_600, 0), TIME),
    known("d", decimal(86_400, 0), TIME),
    known("a", decimal(31_557_600, 0), TIME),
    known("yr", decimal(31_557_600, 0), TIME),
    // Astronomy.
    bare("AU", decimal(149_597_870_700, 0), LENGTH),
    bare("au", decimal(149_597_870_700, 0), LENGTH),
    known("pc", Scale { numerator: 149_597_870_700 * 648_000, denominator: 1, ten: 0, pi: -1 }, LENGTH),
    known("lyr", decimal(9_460_730_472_580_800, 0), LENGTH),
    known("solMass", decimal(1_988_409_870_698_051, 15), MASS),
    known("solLum", decimal(3_828, 23), POWER),
    known("solRad", decimal(6_957, 5), LENGTH),
    known("Jy", decimal(1, -26), &[("kg", 1), ("s", -2)]),
    known("mag", ONE, &[("mag", 1)]),
    known(
        "R",
        Scale { numerator: 10_000_000_000, denominator: 4, ten: 0, pi: -1 },
        &[("ph", 1), ("m", -2), ("s", -1), ("rad", -2)],
    ),
    bare("Sun", ONE, &[("Sun", 1)]),
    // Physics.
    known("eV", decimal(1_602_176_634, -28), ENERGY),
    known("Ry", decimal(21_798_723_611_030, -31), ENERGY),
    known("u", decimal(166_053_906_892, -38), MASS),
    known("erg", decimal(1, -7), ENERGY),
    known("G", decimal(1, -4), FIELD),
    known("barn", decimal(1, -28), &[("m", 2)]),
    known("D", Scale { numerator: 1, denominator: 299_792_458, ten: -21, pi: 0 }, &[("A", 1), ("m", 1), ("s", 1)]),
    bare("Angstrom", decimal(1, -10), LENGTH),
    bare("angstrom", decimal(1, -10), LENGTH),
    bare("micron", decimal(1, -6), LENGTH),
    // Counted things.
    known("ct", ONE, &[("ct", 1)]),
    known("count", ONE, &[("ct", 1)]),
    known("ph", ONE, &[("ph", 1)]),
    known("photon", ONE, &[("ph", 1)]),
    known("pix", ONE, &[("pix", 1)]),
    known("pixel", ONE, &[("pix", 1)]),
    known("voxel", ONE, &[("voxel", 1)]),
    known("adu", ONE, &[("adu", 1)]),
    known("beam", ONE, &[("beam", 1)]),
    known("bin", ONE, &[("bin", 1)]),
    known("chan", ONE, &[("chan", 1)]),
    binary("bit", 1),
    binary("byte", 8),
    binary("B", 8),
    bare("dB", ONE, &[("dB", 1)]),
    bare("dex", ONE, &[("dex", 1)]),
    bare("%", decimal(1, -2), &[]),
];

/// Prefixes of SI, the longer one before those that it begins with.
const SI: [(&str, i32); 20] = [
    ("da", 1),
    ("d", -1),
    ("c", -2),
    ("m", -3),
    ("u", -6),
    ("n", -9),
    ("p", -12),
    ("f", -15),
    ("a", -18),
    ("z", -21),
    ("y", -24),
    ("h", 2),
    ("k", 3),
    ("M", 6),
    ("G", 9),
    ("T", 12),
    ("P", 15),
    ("E", 18),
    ("Z", 21),
    ("Y", 24),
];

/// Prefixes of powers of 1024.
const BINARY: [&str; 8] = ["Ki", "Mi", "Gi", "Ti", "Pi", "Ei", "Zi", "Yi"];

/// Units that people convert to by hand: their base units and sizes.
pub(super) static COMMON: LazyLock<Vec<(Bases, f64)>> = LazyLock::new(|| {
    let names = [
        "rad", "deg", "arcmin", "arcsec", "mas", "uas", "s", "min", "h", "d", "yr", "m", "km", "AU", "pc", "kpc",
        "Mpc", "lyr", "Jy", "mJy", "uJy", "nJy", "erg", "J", "Hz", "kHz", "MHz", "GHz", "mag", "mmag",
    ];
    names.into_iter().filter_map(symbol).map(|common| (common.bases, common.scale.value())).collect()
});

/// The unit of a symbol, prefix included; `None` for one that is not in the table.
pub(super) fn symbol(written: &str) -> Option<Symbol> {
    if let Some(found) = KNOWN.iter().find(|known| known.name == written) {
        return Some(Symbol { scale: found.scale, bases: found.bases });
    }
    let prefixed = |prefix: &str, wanted: &dyn Fn(Prefixes) -> bool| {
        let rest = written.strip_prefix(prefix)?;
        KNOWN.iter().find(|known| known.name == rest && wanted(known.prefixes))
    };
    let si = SI.iter().find_map(|(prefix, ten)| {
        let found = prefixed(prefix, &|prefixes| prefixes != Prefixes::None)?;
        Some(Symbol { scale: found.scale.times(decimal(1, *ten))?, bases: found.bases })
    });
    si.or_else(|| {
        BINARY.iter().zip(1_i32..).find_map(|(prefix, power)| {
            let found = prefixed(prefix, &|prefixes| prefixes == Prefixes::Binary)?;
            Some(Symbol { scale: found.scale.times(decimal(1024, 0).power(power)?)?, bases: found.bases })
        })
    })
}

/// A symbol that is spelt nearly so, or that the word means.
pub(super) fn meant(written: &str) -> Option<&'static str> {
    let lower = written.to_ascii_lowercase();
    let word = lower.strip_suffix('s').filter(|word| word.len() > 2).unwrap_or(&lower);
    let meant = match word {
        "degree" => "deg",
        "radian" => "rad",
        "arcsecond" | "asec" => "arcsec",
        "arcminute" | "amin" => "arcmin",
        "milliarcsec" | "milliarcsecond" => "mas",
        "second" | "sec" => "s",
        "minute" => "min",
        "hour" | "hr" => "h",
        "day" => "d",
        "year" => "yr",
        "meter" | "metre" => "m",
        "parsec" => "pc",
        "jansky" => "Jy",
        "magnitude" => "mag",
        "kelvin" => "K",
        "kilometer" | "kilometre" => "km",
        _ => {
            let same = KNOWN.iter().find(|known| known.name.eq_ignore_ascii_case(written));
            let named = KNOWN.iter().map(|known| known.name).filter(|name| name.len() > 2);
            return same.map(|known| known.name).or_else(|| crate::names::closest(written, named));
        }
    };
    Some(meant)
}
