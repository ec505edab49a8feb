//! Hostile and huge texts: an answer or a clear error, on a thread with the default stack of an unoptimised build.

#![allow(clippy::unwrap_used, reason = "a test ends where its setting is broken")]

mod sky;

use std::time::{Duration, Instant};

use sidereus_adql::{Label, QueryErrorKind, QueryErrors, parse};
use sky::sql_of;

/// Runs a query on a thread with the standard stack; panics and overflows end the test.
fn run(text: String) -> Result<String, QueryErrors> {
    let started = Instant::now();
    let result = std::thread::spawn(move || sql_of(&text, Label::Adql)).join().unwrap();
    assert!(started.elapsed() < Duration::from_secs(20), "took {:?}", started.elapsed());
    result
}

fn is_limit(result: &Result<String, QueryErrors>) -> bool {
    result.as_ref().is_err_and(|errors| errors.kind() == QueryErrorKind::LimitExceeded)
}

fn chained(count: usize, separator: &str, term: impl Fn(usize) -> String) -> String {
    let terms: Vec<String> = (0..count).map(term).collect();
    terms.join(separator)
}

fn where_(condition: &str) -> String {
    format!("SELECT id FROM stars WHERE {condition}")
}

#[test]
fn thousands_of_equalities_become_one_list() {
    let sql = run(where_(&chained(5_000, " OR ", |i| format!("id = {i}")))).unwrap();
    assert_eq!(sql.matches("IN (").count(), 1);
    assert!(sql.ends_with(", 4998, 4999)") && !sql.contains(" OR "));
}

#[test]
fn hundreds_of_cones_become_one_region() {
    let cone = |i: usize| format!("1 = CONTAINS(POINT('ICRS', ra, dec), CIRCLE('ICRS', {i}.5, -{}, 0.1))", i % 90);
    for count in [2, 300, 3_000] {
        let sql = run(where_(&chained(count, " OR ", cone))).unwrap();
        assert_eq!(sql.matches("Circle ICRS").count(), count);
        assert_eq!(sql.matches("sky_contains").count(), 1);
    }
}

/// The plain SQL of a chain, on a thread with the stack that tests have.
fn folded(texts: &[String], separator: &str, label: Label) -> String {
    let text = where_(&texts.join(separator));
    let thread = std::thread::Builder::new().stack_size(2 << 20);
    thread.spawn(move || sql_of(&text, label)).unwrap().join().unwrap().unwrap()
}

#[test]
fn a_hundred_thousand_cones_become_one_region() {
    const COUNT: usize = 100_000;
    let position = |i: usize| (i % 360, i % 1000, i % 90);
    let contains = |i| {
        let (ra, part, dec) = position(i);
        let sign = if i % 3 == 0 { "-" } else { "" };
        format!("1 = CONTAINS(POINT('ICRS', ra, dec), CIRCLE('ICRS', {ra}.{part:03}, {sign}{dec}, 0.1))")
    };
    let distance = |i| {
        let (ra, part, dec) = position(i);
        format!("DISTANCE(ra, dec, {ra}.{part:03}, -{dec}.5) <= 0.1")
    };
    let q3c = |i| {
        let (ra, part, dec) = position(i);
        format!("q3c_radial_query(ra, dec, {ra}.{part:03}, -{dec}.25, 0.1)")
    };
    let spellings: [(Label, &dyn Fn(usize) -> String); 3] =
        [(Label::Adql, &contains), (Label::Adql, &distance), (Label::Sql, &q3c)];
    for (label, cone) in spellings {
        let texts: Vec<String> = (0..COUNT).map(cone).collect();
        let started = Instant::now();
        let sql = folded(&texts, " OR ", label);
        assert!(started.elapsed() < Duration::from_secs(30), "took {:?}", started.elapsed());
        assert_eq!(sql.matches("Circle ICRS").count(), COUNT);
        assert!(!sql.contains(" OR ") && sql.matches("sky_").count() == 3, "{}", &sql[..300]);
    }
}

#[test]
fn spellings_that_alternate_become_one_region() {
    let texts: Vec<String> = (0..9_000)
        .map(|i| match i % 3 {
            0 => format!("CONTAINS(POINT(ra, dec), CIRCLE({i}, 1, 0.5)) = 1"),
            1 => format!("0.5 >= DISTANCE(ra, dec, {i}, -1)"),
            _ => format!("(q3c_radial_query(ra, dec, {i}, 2, 0.5))"),
        })
        .collect();
    let sql = folded(&texts, " OR ", Label::Sql);
    assert_eq!((sql.matches("Circle ICRS").count(), sql.matches("sky_contains").count()), (9_000, 1));
    let outside: Vec<String> = (0..9_000).map(|i| format!("DISTANCE(ra, dec, {i}, -1) > 0.5")).collect();
    let sql = folded(&outside, " AND ", Label::Adql);
    assert_eq!((sql.matches("Circle ICRS").count(), sql.ends_with(" = 0")), (9_000, true));
    let text = where_(&format!("NOT ({}) AND mag < 3", texts.join(" OR ")));
    let sql = sql_of(&text, Label::Sql).unwrap();
    assert!(sql.contains("NOT (sky_contains(") && sql.ends_with("= 1) AND \"mag\" < 3"));
}

#[test]
fn conditions_that_only_look_alike_are_told_apart() {
    let some = |conditions: &str| run(where_(conditions)).unwrap();
    let sql = some("id = 1 OR id = 2 OR id = 3 + 1 OR id = 4 AND mag = 5 OR id = 6");
    assert!(sql.matches(" OR ").count() == 4 && sql.contains(r#""id" = 4 AND "mag" = 5"#), "{sql}");
    let sql = some("mag > 1 OR mag - 5 > 1 OR mag - 6 > 2 OR mag - -7 > 3 OR mag > -4 OR mag > 5 OR 6 > -mag");
    for condition in [
        r#""mag" > 1 "#,
        r#""mag" - 5 > 1 "#,
        r#""mag" - 6 > 2 "#,
        r#""mag" - -7 > 3 "#,
        r#""mag" > -4 "#,
        r#""mag" > 5 "#,
        r#"6 > -"mag""#,
    ] {
        assert!(sql.contains(condition), "{condition} in {sql}");
    }
    let sql = some("mag BETWEEN 1 AND 2 AND ra BETWEEN 1 AND 2 AND ra BETWEEN 3 AND 4 AND dec = 5 AND dec = -6");
    assert!(sql.contains(r#""ra" BETWEEN 3 AND 4 AND "dec" = 5 AND "dec" = -6"#), "{sql}");
}

#[test]
fn a_hundred_thousand_equalities_become_one_list() {
    let equal: Vec<String> = (0..100_000).map(|i| format!("id = {i}")).collect();
    let sql = folded(&equal, " OR ", Label::Adql);
    assert!(sql.contains("IN (0, 1, 2") && sql.ends_with(", 99998, 99999)") && !sql.contains(" OR "));
    let unequal: Vec<String> = (0..100_000).map(|i| format!("id <> -{i}")).collect();
    let sql = folded(&unequal, " AND ", Label::Adql);
    assert!(sql.contains("NOT IN (-0, -1") && sql.ends_with(", -99999)"));
}

#[test]
fn long_mixed_chains_end_in_time() {
    let million = |condition: &str| chained(1_000_000, " OR ", |_| condition.to_owned());
    assert!(run(where_(&format!("{} OR ra > > 1 OR {}", million("a"), "b"))).is_err());
    let middle = chained(100_000, " OR ", |i| format!("ra > {i}"));
    let errors = run(where_(&format!("{middle} OR ra > OR {middle}"))).unwrap_err();
    assert!(errors.to_string().contains("expected an expression, found OR"), "{errors}");
    let mixed = |i: usize| format!("(DISTANCE(ra, dec, {i}, 2) < 1 AND mag < {i})");
    let errors = run(where_(&chained(3_000, " OR ", mixed))).unwrap_err();
    assert!(errors.to_string().contains("3000 conditions joined by OR; at most 1000 are taken"), "{errors}");
    assert!(is_limit(&run(where_(&chained(100_000, " OR ", mixed)))));
    let names = |i: usize| format!("(a{i} = 1 AND b{i} = 2)");
    assert!(is_limit(&run(where_(&chained(100_000, " OR ", names)))));
    for text in [
        format!("ra BETWEEN {}", chained(100_000, " BETWEEN ", |_| "1 AND 2".into())),
        format!("ra{} > 1", "::or".repeat(100_000)),
        format!("ra{} > 1", "::end".repeat(100_000)),
        format!("CAST(ra AS {}", "ARRAY<".repeat(100_000)),
        format!("id IN ({})", chained(200_000, ",", |_| "f(1)".into())),
        format!("id IN ({})", chained(200_000, ",", |_| "(1)".into())),
        format!("id IN ({})", chained(3_000_000, ",", |_| "1".into())),
        format!("{}ra > 1", "NOT (".repeat(100_000)),
    ] {
        assert!(run(where_(&text)).is_err());
    }
}

#[test]
fn levels_that_hide_their_depth_are_bounded() {
    for text in [
        "SELECT * FROM (SELECT 1 AS end FROM ".repeat(1_000),
        format!("SELECT {} 1", "CASE WHEN end THEN ".repeat(1_000)),
        format!("SELECT {} 1", "CASE WHEN ra::end THEN ".repeat(1_000)),
        format!("SELECT {} 1", "CASE WHEN ra COLLATE end THEN ".repeat(1_000)),
        format!("SELECT {} 1", "(SELECT ra end, ".repeat(1_000)),
    ] {
        assert!(run(text).is_err());
    }
}

#[test]
fn conditions_that_nothing_folds_are_bounded() {
    let range = |i: usize| format!("(ra > {i} AND ra < {i}.5)");
    assert!(is_limit(&run(where_(&chained(5_000, " OR ", range)))));
    assert!(run(where_(&chained(900, " OR ", range))).is_ok());
    assert!(is_limit(&run(where_(&chained(5_000, " AND ", |i| format!("ra > {i}"))))));
}

#[test]
fn long_sums_are_bounded() {
    assert!(is_limit(&run(where_(&format!("{} > 1", chained(10_000, " + ", |i| i.to_string()))))));
    assert!(is_limit(&run(where_(&format!("{} > 1", chained(400_000, "+", |_| "1".into()))))));
    assert!(run(where_(&format!("{} > 1", chained(500, " + ", |i| i.to_string())))).is_ok());
}

#[test]
fn units_of_long_products_take_no_time() {
    let product = format!("ra{}", " * 2".repeat(500));
    let items = vec![product; 100].join(", ");
    assert!(run(format!("SELECT {items} FROM stars")).is_ok());
    assert!(run(where_(&format!("IN_UNIT(ra, '{}') > 1", "(".repeat(100_000)))).is_err());
    assert!(run(where_(&format!("IN_UNIT(ra, 'm{}') > 1", "**99".repeat(100)))).is_err());
    let units = format!("{}ra{}", "IN_UNIT(".repeat(50), ", 'deg')".repeat(50));
    assert!(run(where_(&format!("{units} > 1"))).is_ok());
}

#[test]
fn chains_that_are_copied_are_bounded() {
    assert!(run(where_(&format!("{} > 1", chained(500, " # ", |i| i.to_string())))).is_ok());
    assert!(is_limit(&run(where_(&format!("{} > 1", chained(50_000, " # ", |i| i.to_string()))))));
}

#[test]
fn deep_nesting_is_bounded() {
    let nested = |depth: usize| where_(&format!("{}ra{} > 1", "(".repeat(depth), ")".repeat(depth)));
    assert!(run(nested(40)).is_ok());
    for depth in [1_000, 1_000_000] {
        assert!(is_limit(&run(nested(depth))));
    }
    assert!(run(where_(&format!("{}ra{} > 1", "ABS(".repeat(40), ")".repeat(40)))).is_ok());
    let selects =
        |depth: usize| format!("{}SELECT id FROM stars{}", "SELECT * FROM (".repeat(depth), ") AS t".repeat(depth));
    assert!(run(selects(40)).is_ok());
    assert!(is_limit(&run(selects(1_000))));
    let cases =
        |depth: usize| where_(&format!("{}1{} > 1", "CASE WHEN ra > 1 THEN ".repeat(depth), " END".repeat(depth)));
    assert!(run(cases(20)).is_ok());
    assert!(is_limit(&run(cases(1_000))));
}

#[test]
fn prefixes_suffixes_and_dots_are_bounded() {
    for text in [
        where_(&format!("{} ra > 1", "NOT ".repeat(100_000))),
        where_(&format!("{} ra > 1", "- ".repeat(100_000))),
        where_(&format!("ra{} > 1", "::integer".repeat(100_000))),
        where_(&format!("ra{} > 1", " IS NULL".repeat(100_000))),
        where_(&format!("{}ra > 1", "a.".repeat(100_000))),
        where_(&format!("CAST(ra AS INT{}) > 1", "[]".repeat(100_000))),
        where_(&format!("CAST(ra AS {}INT) > 1", "ARRAY<".repeat(100_000))),
        where_(&format!("{}'1' > 1", "INTERVAL ".repeat(10_000))),
        where_(&chained(100_000, " || ", |_| "ra".into())),
        where_(&chained(100_000, " = ", |_| "ra".into())),
        where_(&chained(15_000, " IS DISTINCT FROM ", |_| "ra".into())),
        chained(5_000, " UNION ALL ", |_| "SELECT id FROM stars".into()),
        format!("SELECT * FROM {}", chained(3_000, " NATURAL JOIN ", |_| "stars".into())),
        format!("SELECT * FROM {}", chained(3_000, ", ", |i| format!("stars t{i}"))),
    ] {
        assert!(run(text).is_err());
    }
}

#[test]
fn no_text_makes_the_parser_try_for_ever() {
    let repeat = |open: &str, count: usize| open.repeat(count);
    for text in [
        format!("SELECT * FROM {}", repeat("((SELECT * FROM ", 30)),
        format!("SELECT * FROM {}stars", repeat("(", 60)),
        format!("SELECT * FROM {}SELECT 1 FROM stars{} a JOIN", repeat("((", 8), repeat(")", 8)),
        where_(&repeat("id IN ((SELECT id FROM stars WHERE ", 30)),
        where_(&repeat("id IN (SELECT id FROM stars WHERE ", 30)),
        where_(&format!("{} x y", repeat("FLOOR(", 60))),
        where_(&format!("{} x y", repeat("POSITION(", 60))),
        where_(&format!("{} x y", repeat("SUBSTRING(", 60))),
        where_(&format!("{} x y", repeat("TRIM(", 60))),
        where_(&format!("{} x y", repeat("CAST(", 60))),
        where_(&format!("{} x y", repeat("NOT (", 60))),
        where_(&format!("{} x y", repeat("EXTRACT(", 60))),
        where_(&format!("{} x y", repeat("OVERLAY(", 60))),
        where_(&format!("{} x y", repeat("CONVERT(", 60))),
        where_(&format!("{} x y", repeat("EXISTS(", 60))),
        where_(&format!("{} x y", repeat("CASE ", 60))),
        where_(&format!("{} x y", repeat("INTERVAL (", 60))),
        where_(&format!("{} x y", repeat("CURRENT_DATE(", 60))),
        where_(&format!("{} x y", repeat("id IN (SELECT(", 30))),
        where_(&format!("{} x y", repeat("id IN (VALUES(", 30))),
        where_(&format!("{} x y", repeat("a.f(", 60))),
        where_(&format!("{} x y", repeat("DATE(", 60))),
        where_(&format!("{} x y", repeat("ARRAY[", 60))),
        where_(&format!("{} x y", repeat("ARRAY(", 60))),
        where_(&format!("{} x y", repeat("COUNT(*) OVER (ORDER BY ", 60))),
        where_(&format!("{} x y", repeat("a[", 60))),
        where_(&format!("{} x y", repeat("stars.a[", 60))),
        where_(&format!("{} x y", repeat("ABS(1).a[", 30))),
        where_(&format!("{} x y", repeat("PERCENTILE_CONT(1) WITHIN GROUP (ORDER BY ", 60))),
        format!("SELECT id FROM stars TABLESAMPLE {} x y", repeat("(", 60)),
        format!("SELECT id FROM {} x y", repeat("stars TABLESAMPLE (1) AS s, (SELECT id FROM ", 60)),
        where_(&format!("{} x y", repeat("(a, ", 60))),
        where_(&format!("{} x y", repeat("ra BETWEEN (", 60))),
        format!("SELECT {} FROM stars", repeat("TOP (", 60)),
    ] {
        let started = Instant::now();
        let shown = text.chars().take(60).collect::<String>();
        assert!(run(text).is_err(), "{shown}");
        assert!(started.elapsed() < Duration::from_secs(3), "{shown} took {:?}", started.elapsed());
    }
}

#[test]
fn long_lists_and_long_texts_pass() {
    let list = where_(&format!("id IN ({})", chained(50_000, ",", |i| (1_000_000_000_000_000_000 + i).to_string())));
    assert!(list.len() > 1_000_000);
    assert!(run(list).is_ok());
    let negative = where_(&format!("id IN ({})", chained(100_000, ", ", |i| format!("-{i}"))));
    assert!(run(negative).is_ok());
    let columns = format!(
        "SELECT {} FROM stars",
        chained(1_500, ", ", |i| format!("ra + {i} AS a_rather_long_name_of_column_{i}"))
    );
    assert!(columns.len() > 60_000);
    assert!(run(columns).is_ok());
    assert!(is_limit(&run(format!("SELECT '{}' FROM stars", "x".repeat(17 << 20)))));
}

#[test]
fn long_unknown_names_are_refused_at_once() {
    let name = "abs".repeat(1_000_000);
    for text in [
        format!("SELECT {name}(id) FROM stars"),
        format!("SELECT {name} FROM stars"),
        format!("SELECT {name}.id FROM stars AS {name}a"),
        format!("SELECT id FROM {name}"),
        format!("{name} id FROM stars"),
    ] {
        let started = Instant::now();
        assert!(run(text).is_err());
        assert!(started.elapsed() < Duration::from_secs(10), "took {:?}", started.elapsed());
    }
}

#[test]
fn numbers_of_rows_are_those_of_a_planner() {
    assert!(run("SELECT TOP 9223372036854775807 id FROM stars".into()).is_ok());
    for rows in ["TOP 9223372036854775808", "TOP (9223372036854775808)"] {
        let errors = run(format!("SELECT {rows} id FROM stars")).unwrap_err();
        assert!(errors.to_string().contains("TOP takes a whole number"), "{errors}");
    }
}

#[test]
fn harmless_neighbours_of_refused_texts_are_answered() {
    let sql = run("SELECT copy FROM odd WHERE copy <> 'COPY (SELECT 1) TO ''/etc/passwd'''".into()).unwrap();
    assert_eq!(sql, r#"SELECT "copy" FROM "public"."odd" WHERE "copy" <> 'COPY (SELECT 1) TO ''/etc/passwd'''"#);
}

#[test]
fn doubling_common_tables_are_bounded() {
    let ctes = |count: usize| {
        let steps =
            chained(count, ", ", |i| format!("c{} AS (SELECT a.id FROM c{i} a JOIN c{i} b ON a.id = b.id)", i + 1));
        format!("WITH c0 AS (SELECT id FROM stars), {steps} SELECT id FROM c{count}")
    };
    assert!(run(ctes(6)).is_ok());
    assert!(is_limit(&run(ctes(16))));
    assert!(is_limit(&run(ctes(80))));
}

#[test]
fn wide_joins_are_bound_in_time() {
    let natural = format!("SELECT * FROM {}", chained(150, " NATURAL JOIN ", |i| format!("stars s{i}")));
    assert!(run(natural).is_ok());
    let crossed = format!("SELECT * FROM {}", chained(200, ", ", |i| format!("stars s{i}")));
    assert!(run(crossed).is_ok());
}

#[test]
fn a_parsed_query_can_be_dropped_anywhere() {
    let text = where_(&format!("{} > 1", chained(590, " + ", |i| i.to_string())));
    std::thread::Builder::new()
        .stack_size(1 << 20)
        .spawn(move || drop(parse(&text, Label::Adql)))
        .unwrap()
        .join()
        .unwrap();
}

#[test]
fn an_axis_that_is_written_twice_does_not_double_without_end() {
    let nested = |depth: usize| {
        (0..depth).fold("1".to_owned(), |axis, _| {
            format!("CASE WHEN q3c_ellipse_query(ra, dec, 1, 2, {axis}, 0.5, 3) THEN 1 ELSE 2 END")
        })
    };
    let query = |depth| format!("SELECT {} AS a FROM stars", nested(depth));
    assert!(sql_of(&query(2), Label::Sql).is_ok());
    let errors = sql_of(&query(30), Label::Sql).unwrap_err().to_string();
    assert!(errors.contains("the semi-major axis is too long an expression"), "{errors}");
}
