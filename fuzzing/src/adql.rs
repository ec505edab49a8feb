//! Queries: read, checked, lowered, and read again; and judged by the standard.

use sidereus_adql::{Label, QueryErrors, Request, ValidateOptions, Version, check, lower, parse, validate};

use crate::Verdict;
use crate::queries::query;
use crate::random::Random;
use crate::tables::Tables;

/// Reads a text as a query under both labels, and judges it by both versions of the standard.
pub(crate) fn read(text: &str) -> Verdict {
    let mut verdict = Verdict::Refused;
    for label in [Label::Adql, Label::Sql] {
        match lowered(text, label) {
            Ok(Some(sql)) => {
                verdict = Verdict::Accepted;
                reads_back(&sql);
            }
            Ok(None) => {}
            Err(errors) => assert!(!errors.to_string().is_empty()),
        }
        for version in [Version::V2_0, Version::V2_1] {
            let options = ValidateOptions { label, version, ..ValidateOptions::default() };
            if let Err(errors) = validate(text, &options) {
                assert!(!errors.errors().is_empty());
            }
        }
    }
    verdict
}

/// The plain SQL of a query; `None` for a statement that changes tables.
fn lowered(text: &str, label: Label) -> Result<Option<String>, QueryErrors> {
    let query = match parse(text, label)? {
        Request::Select(query) | Request::Explain { query, .. } => query,
        _ => return Ok(None),
    };
    Ok(Some(lower(check(query, &Tables { unit: None })?)?.sql()))
}

fn reads_back(sql: &str) {
    if let Err(errors) = parse(sql, Label::Sql) {
        panic!("the plain SQL does not read back: {sql}\n{errors}");
    }
}

/// The corpus of the language's tests, chains, and queries that grew at random.
pub(crate) fn seeds() -> Vec<String> {
    let blocks = CORPUS.iter().flat_map(|file| file.trim_end().split("\n---\n"));
    let mut seeds: Vec<String> = blocks.map(|block| block.trim_end().to_owned()).collect();
    seeds.extend(CHAINS.map(str::to_owned));
    let mut random = Random::new(1);
    seeds.extend((0..300).map(|_| query(&mut random, 3)));
    seeds
}

const CORPUS: [&str; 14] = [
    include_str!("../../adql/tests/accept/extensions.adql"),
    include_str!("../../adql/tests/accept/labelled.sql"),
    include_str!("../../adql/tests/accept/standard_from.adql"),
    include_str!("../../adql/tests/accept/standard_functions.adql"),
    include_str!("../../adql/tests/accept/standard_geometry.adql"),
    include_str!("../../adql/tests/accept/standard_select.adql"),
    include_str!("../../adql/tests/accept/standard_sets.adql"),
    include_str!("../../adql/tests/accept/standard_where.adql"),
    include_str!("../../adql/tests/reject/functions.adql"),
    include_str!("../../adql/tests/reject/grammar.adql"),
    include_str!("../../adql/tests/reject/names.adql"),
    include_str!("../../adql/tests/reject/statements.adql"),
    include_str!("../../adql/tests/reject/strict_2_0.adql"),
    include_str!("../../adql/tests/reject/strict_2_1.adql"),
];

const CHAINS: [&str; 5] = [
    "SELECT id FROM stars WHERE id = 1 OR id = 2 OR id = -3 OR id = 4 OR id = 5 OR id = 6 OR id = 7 OR id = 8 OR id = 9",
    "SELECT id FROM stars WHERE mag < 3 AND ra <> 1 AND ra <> 2 AND ra <> -3.5 AND ra > 1 AND ra NOT IN (4, 5)",
    "SELECT id FROM stars WHERE DISTANCE(ra, dec, 1, -2) < 0.5 OR DISTANCE(ra, dec, -3, 2) < 0.5 OR 1 > DISTANCE(1, 2, ra, dec)",
    "SELECT id FROM stars WHERE NOT (1 = CONTAINS(POINT('ICRS', ra, dec), CIRCLE('ICRS', 1, -2, 3)) OR mag = 1 OR 1 = CONTAINS(POINT('ICRS', ra, dec), CIRCLE('ICRS', 1, 2, 4)))",
    "SELECT q3c_radial_query(ra, dec, 1, 2, 3) OR q3c_radial_query(ra, dec, -1, 2, 3/60.) OR q3c_radial_query(ra, dec, 5, 2, 3) AS near FROM stars GROUP BY ra = 1 OR ra = 2 OR ra = 3",
];

pub(crate) const WORDS: &str = r#"SELECT FROM WHERE AND OR NOT ( ) , . * + - / % || = <> < > <= >= != IN BETWEEN LIKE ILIKE IS NULL
EXISTS CASE WHEN THEN ELSE END CAST AS INTEGER POINT JOIN LEFT FULL NATURAL CROSS ON USING GROUP BY HAVING ORDER DESC TOP 5
LIMIT OFFSET UNION ALL INTERSECT EXCEPT DISTINCT WITH LATERAL XMATCH COUNT SUM ROUND CONTAINS CIRCLE POLYGON REGION DISTANCE
q3c_radial_query q3c_join ARRAY [ ] id ra dec mag stars rave gaia source s "ra" "x y" 'text' 'ICRS' '' 1 2.5 .5 1e-5 12. ?
$2 :: & | ~ # << >> ; -- /* */ INTERVAL DATE EXTRACT YEAR POSITION TRIM SUBSTRING FLOOR OVER PARTITION FILTER COPY DROP TABLE
EXPLAIN ANALYZE INSERT INTO VALUES SET TRUE FALSE ANY SOME ESCAPE FETCH FIRST ROWS ONLY FOR UPDATE RECURSIVE TABLESAMPLE
IN_UNIT 'deg' MOC ELLIPSE BOX COORD1 AREA INTERSECTS 0 9223372036854775808 1e999 -0 360 90.1 IS_NOT DISTINCT_FROM public.stars
COALESCE IF_THEN_ELSE IVO_HEALPIX_INDEX AT TIME ZONE COLLATE ARRAY<"#;
