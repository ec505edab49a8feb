//! Can every extension be switched off, by its name, at its place, and without the others?

#![allow(clippy::unwrap_used, reason = "a test ends where its setting is broken")]

mod sky;

use sidereus_adql::{Extension, Extensions, Label, Language, QueryErrors, Request, Version, parse};

/// For each extension a query that uses it and no other, and the column where the use begins.
const USES: &[(Extension, usize, &str)] = &[
    (Extension::Case, 8, "SELECT CASE WHEN mag < 5 THEN 1 ELSE 2 END AS c FROM stars"),
    (Extension::Limit, 28, "SELECT id FROM stars LIMIT 5"),
    (Extension::Modulo, 11, "SELECT id % 2 AS r FROM stars"),
    (Extension::BitOperators, 11, "SELECT id & 2 AS r FROM stars"),
    (Extension::BitOperators, 9, "SELECT ~id AS r FROM stars"),
    (Extension::HexLiterals, 33, "SELECT id FROM stars WHERE id = 0x1F"),
    (Extension::Tablesample, 16, "SELECT id FROM stars TABLESAMPLE (1.5)"),
    (Extension::Snapshots, 21, "SELECT id FROM stars@1f3a9c"),
    (Extension::RegexOperators, 28, "SELECT flux FROM odd WHERE \"copy\" ~ 'x'"),
    (Extension::RegexOperators, 35, "SELECT flux FROM odd WHERE \"copy\" !~ 'x'"),
    (Extension::Casts, 10, "SELECT id::integer AS i FROM stars"),
    (Extension::Casts, 13, "SELECT CAST(id AS TEXT) AS i FROM stars"),
    (Extension::Booleans, 29, "SELECT id FROM stars WHERE (mag > 1) IS TRUE"),
    (Extension::DistinctFrom, 28, "SELECT id FROM stars WHERE ra IS DISTINCT FROM dec"),
    (Extension::LikeEscape, 28, "SELECT flux FROM odd WHERE \"copy\" LIKE 'a!%' ESCAPE '!'"),
    (Extension::CrossJoin, 34, "SELECT mag FROM stars CROSS JOIN rave"),
    (Extension::Lateral, 39, "SELECT s.id FROM stars AS s, LATERAL (SELECT HRV FROM rave) AS r"),
    (Extension::Xmatch, 22, "SELECT HRV, mag FROM XMATCH(stars, rave, 0.1)"),
    (Extension::ColumnAliases, 43, "SELECT t.b FROM (SELECT id FROM stars) AS t (b)"),
    (Extension::NestedWith, 17, "SELECT id FROM (WITH c AS (SELECT id FROM stars) SELECT id FROM c) AS q"),
    (Extension::NullsOrder, 31, "SELECT id FROM stars ORDER BY mag NULLS LAST"),
    (Extension::WindowFunctions, 8, "SELECT SUM(id) OVER (PARTITION BY mag) AS s FROM stars"),
    (Extension::WindowFunctions, 8, "SELECT RANK() OVER (ORDER BY mag) AS s FROM stars"),
    (Extension::Qualify, 35, "SELECT id, mag FROM stars QUALIFY RANK() OVER (ORDER BY mag) = 1"),
    (Extension::AggregateClauses, 8, "SELECT COUNT(*) FILTER (WHERE mag < 5) AS n FROM stars"),
    (Extension::Arrays, 33, "SELECT ivo_interval_has(1, ARRAY[1, 2]) AS n FROM stars"),
    (Extension::Dates, 13, "SELECT DATE '2020-01-01' AS d FROM stars"),
    (Extension::Dates, 8, "SELECT NOW() AS d FROM stars"),
    (Extension::Explain, 1, "EXPLAIN SELECT id FROM stars"),
    (Extension::Parameters, 34, "SELECT id FROM stars WHERE mag < ?"),
    (Extension::BlockComments, 11, "SELECT id /* note */ FROM stars"),
    (Extension::MathFunctions, 8, "SELECT CBRT(mag) AS m FROM stars"),
    (Extension::StringFunctions, 18, "SELECT SUBSTRING(\"copy\" FROM 2) AS s FROM odd"),
    (Extension::StringFunctions, 8, "SELECT REVERSE(\"copy\") AS s FROM odd"),
    (Extension::ChoiceFunctions, 8, "SELECT GREATEST(ra, dec) AS m FROM stars"),
    (Extension::Statistics, 8, "SELECT MEDIAN(mag) AS m FROM stars"),
    (Extension::Moc, 46, "SELECT id FROM stars WHERE 1 = CONTAINS(pos, MOC('1/2'))"),
    (Extension::Ellipse, 46, "SELECT id FROM stars WHERE 1 = CONTAINS(pos, ELLIPSE(1, 2, 3, 2, 4))"),
    (Extension::Ivoa, 8, "SELECT ivo_healpix_index(3, ra, dec) AS p FROM stars"),
    (Extension::Gavo, 8, "SELECT gavo_ipix(ra, dec) AS p FROM stars"),
    (Extension::Gaia, 8, "SELECT gaia_healpix_index(3, id) AS p FROM stars"),
    (Extension::Healpix, 8, "SELECT healpix_ring(3, ra, dec) AS p FROM stars"),
    (Extension::H3, 8, "SELECT h3_resolution(id) AS p FROM stars"),
    (Extension::Q3c, 28, "SELECT id FROM stars WHERE q3c_radial_query(ra, dec, 10, 20, 1)"),
];

fn read(text: &str, off: impl IntoIterator<Item = Extension>) -> Result<Request, QueryErrors> {
    parse(text, Language { off: off.into_iter().collect::<Extensions>(), ..Label::Adql.into() })
}

#[test]
fn every_extension_is_switched_off_at_its_place() {
    let mut wrong = Vec::new();
    for (extension, column, text) in USES {
        let errors = read(text, [*extension]).expect_err(text);
        let error = &errors.errors()[0];
        assert_eq!(error.message, format!("the extension `{}` is switched off here", extension.name()), "{text}");
        if (error.line, error.column) != (1, *column) {
            wrong.push((text, error.column));
        }
        assert!(error.hint.is_some(), "{text}");
    }
    assert_eq!(wrong, []);
}

/// What a query with that extension uses too.
fn one_of(extension: Extension) -> Extension {
    if extension == Extension::Qualify { Extension::WindowFunctions } else { Extension::Ivoa }
}

#[test]
fn the_other_extensions_stay_on() {
    for (extension, _, text) in USES {
        let with = |one, other: Extension| *extension == one && other == one_of(one);
        let spared = |other: &Extension| {
            // The interval of IVO_INTERVAL_HAS is an array; QUALIFY is about windows.
            other != extension && !with(Extension::Arrays, *other) && !with(Extension::Qualify, *other)
        };
        let others = Extension::all().iter().copied().filter(spared);
        read(text, others).unwrap_or_else(|errors| panic!("{text}\n{errors}"));
    }
}

#[test]
fn every_extension_has_a_query() {
    for extension in Extension::all() {
        assert!(USES.iter().any(|(used, ..)| used == extension), "no query here uses {}", extension.name());
    }
}

#[test]
fn the_documentation_lists_every_extension() {
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/adql.md")).unwrap();
    for extension in Extension::all() {
        let row = format!("| `{}` | {} |", extension.name(), extension.description().replace('|', "\\|"));
        assert!(page.contains(&row), "docs/adql.md lacks {row}");
    }
}

#[test]
fn the_language_of_2_0_is_the_standard_and_our_functions() {
    let strict = Language { standard: Some(Version::V2_0), ..Label::Adql.into() };
    for text in [
        "SELECT TOP 5 ra FROM stars WHERE 1 = CONTAINS(POINT('ICRS', ra, dec), CIRCLE('ICRS', 1, 2, 3))",
        "SELECT ivo_healpix_index(3, ra, dec) AS p, MEDIAN(mag) AS m FROM stars GROUP BY ra, dec",
        "SELECT id FROM stars WHERE q3c_radial_query(ra, dec, 10, 20, 1)",
        "SELECT gavo_to_mjd('2020-01-01') AS t FROM stars WHERE ivo_hasword('a b', 'a') = 1",
    ] {
        parse(text, strict).unwrap_or_else(|errors| panic!("{text}\n{errors}"));
    }
    for text in [
        "SELECT CASE WHEN mag < 5 THEN 1 END AS c FROM stars",
        "SELECT LOWER(name) AS n FROM stars",
        "SELECT COALESCE(ra, dec) AS n FROM stars",
        "SELECT CAST(ra AS INTEGER) AS n FROM stars",
        "SELECT id FROM stars OFFSET 5",
        "WITH a AS (SELECT id FROM stars) SELECT id FROM a",
        "SELECT id FROM stars UNION SELECT id FROM stars",
        "SELECT id FROM stars WHERE name ILIKE 'a'",
        "SELECT id FROM stars ORDER BY ra + 1",
        "SELECT id FROM stars WHERE DISTANCE(ra, dec, 1, 2) < 3",
        "SELECT id FROM stars WHERE 1 = CONTAINS(POINT(ra, dec), CIRCLE('ICRS', 1, 2, 3))",
        "SELECT id FROM stars LIMIT 5",
        "SELECT RANK() OVER (ORDER BY mag) AS r FROM stars",
        "EXPLAIN SELECT id FROM stars",
        "SELECT \"size\", size FROM gaia.source",
    ] {
        assert!(parse(text, strict).is_err(), "{text}");
    }
}
