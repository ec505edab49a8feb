//! Random texts: whatever they are, an answer or an error, and never a panic.
//!
//! Seeded, so a failure can be repeated. One generator strings words of the language together; the other grows queries
//! that mostly pass, and what they are lowered to must read back.

mod sky;

use std::time::{Duration, Instant};

use sidereus_adql::{Label, ValidateOptions, Version, parse, validate};
use sky::sql_of;

const TIME: Duration = Duration::from_secs(3);

#[test]
fn random_words_never_panic() {
    let mut random = Random(0x5eed_0001);
    let words: Vec<&str> = WORDS.split_whitespace().collect();
    let started = Instant::now();
    while started.elapsed() < TIME {
        let count = 1 + random.below(40);
        let mut text = String::from(["", "SELECT ", "SELECT id FROM stars WHERE ", "WITH a AS ("][random.below(4)]);
        for _ in 0..count {
            text.push_str(words[random.below(words.len())]);
            text.push_str([" ", " ", " ", "", "\n", "\r\n", "\t", "--x\n"][random.below(8)]);
        }
        try_all(text);
    }
}

#[test]
fn random_characters_never_panic() {
    let mut random = Random(0x5eed_0002);
    let characters: Vec<char> =
        "aE1.'\"()[]{}<>=!~*/%+-|&^,;:?$#@\\`_ \n\r\t\u{a0}\u{feff}\u{200b}é\u{1F30C}".chars().collect();
    let started = Instant::now();
    while started.elapsed() < TIME / 3 {
        let text: String = (0..random.below(60)).map(|_| characters[random.below(characters.len())]).collect();
        try_all(format!("SELECT {text} FROM stars"));
        try_all(text);
    }
}

#[test]
fn random_queries_lower_to_sql_that_reads_back() {
    let mut random = Random(0x5eed_0003);
    let started = Instant::now();
    let (mut lowered, mut tried) = (0, 0);
    while started.elapsed() < TIME {
        let text = query(&mut random, 3);
        tried += 1;
        if let Ok(sql) = sql_of(&text, Label::Sql) {
            lowered += 1;
            if let Err(errors) = parse(&sql, Label::Sql) {
                panic!("{text}\n{sql}\n{errors}");
            }
        }
        try_all(text);
    }
    assert!(lowered * 5 > tried, "only {lowered} of {tried} passed: the generator tests nothing");
}

fn try_all(text: String) {
    let shown = text.clone();
    let judged = std::thread::spawn(move || {
        for label in [Label::Adql, Label::Sql] {
            let drawn = sql_of_any(&text, label);
            assert!(!drawn.is_empty());
        }
        for version in [Version::V2_0, Version::V2_1] {
            let _ = validate(&text, &ValidateOptions { version, ..ValidateOptions::default() })
                .map_err(|errors| errors.to_string());
        }
    });
    assert!(judged.join().is_ok(), "panicked on: {shown}");
}

fn sql_of_any(text: &str, label: Label) -> String {
    sky::request_of(text, label).unwrap_or_else(|errors| errors.to_string())
}

const WORDS: &str = r#"SELECT FROM WHERE AND OR NOT ( ( ( ) ) ) , , . * + - / % || = <> < > <= >= != IN BETWEEN LIKE ILIKE IS NULL
EXISTS CASE WHEN THEN ELSE END CAST AS INTEGER POINT JOIN LEFT FULL NATURAL CROSS ON USING GROUP BY HAVING ORDER DESC TOP 5
LIMIT OFFSET UNION ALL INTERSECT EXCEPT DISTINCT WITH LATERAL COUNT SUM ROUND CONTAINS CIRCLE POLYGON REGION DISTANCE
q3c_radial_query q3c_join ARRAY [ ] id ra dec mag stars rave gaia source s "ra" "x y" 'text' 'ICRS' '' 1 2.5 .5 1e-5 12. ?
$2 :: & | ~ << >> ; -- /* */ INTERVAL DATE EXTRACT YEAR POSITION TRIM SUBSTRING FLOOR OVER PARTITION FILTER COPY DROP TABLE
EXPLAIN ANALYZE INSERT INTO VALUES SET TRUE FALSE ANY SOME ESCAPE FETCH FIRST ROWS ONLY FOR UPDATE RECURSIVE TABLESAMPLE"#;

/// A query that is mostly right.
fn query(random: &mut Random, depth: usize) -> String {
    let from = match random.below(if depth > 0 { 7 } else { 3 }) {
        0 | 1 => "stars".to_owned(),
        2 => "stars s, rave r".to_owned(),
        3 => "stars JOIN rave USING (id)".to_owned(),
        4 => format!("({}) AS t", query(random, depth - 1)),
        5 => format!("stars AS s LEFT JOIN ({}) AS t ON s.ra < 3", query(random, depth - 1)),
        _ => "stars NATURAL FULL JOIN rave".to_owned(),
    };
    let items: Vec<String> = (0..1 + random.below(3)).map(|_| item(random, depth)).collect();
    let mut text = format!("SELECT {}{} FROM {from}", ["", "TOP 5 ", "DISTINCT "][random.below(3)], items.join(", "));
    if random.below(3) > 0 {
        text.push_str(&format!(" WHERE {}", condition(random, depth)));
    }
    match random.below(6) {
        0 => text.push_str(" ORDER BY 1"),
        1 => text.push_str(" LIMIT 3 OFFSET 1"),
        2 if depth > 0 => text.push_str(&format!(" UNION {}", query(random, depth - 1))),
        _ => {}
    }
    text
}

fn item(random: &mut Random, depth: usize) -> String {
    match random.below(5) {
        0 => "*".to_owned(),
        1 => format!("{} AS {}", value(random, depth), ["a", "\"b c\"", "ra"][random.below(3)]),
        _ => value(random, depth),
    }
}

fn value(random: &mut Random, depth: usize) -> String {
    match random.below(if depth > 0 { 11 } else { 5 }) {
        0 => "id".to_owned(),
        1 => "ra".to_owned(),
        2 => "dec".to_owned(),
        3 => "-1".to_owned(),
        4 => "2.5".to_owned(),
        5 => format!("({})", value(random, depth - 1)),
        6 => format!(
            "{} {} {}",
            value(random, depth - 1),
            ["+", "-", "*", "/"][random.below(4)],
            value(random, depth - 1)
        ),
        7 => format!("ABS({})", value(random, depth - 1)),
        8 => format!("DISTANCE(ra, dec, {}, 2)", value(random, depth - 1)),
        9 => format!("CASE WHEN {} THEN 1 ELSE {} END", condition(random, depth - 1), value(random, depth - 1)),
        _ => format!("CAST({} AS INTEGER)", value(random, depth - 1)),
    }
}

fn condition(random: &mut Random, depth: usize) -> String {
    match random.below(if depth > 0 { 10 } else { 3 }) {
        0 => "ra < 3".to_owned(),
        1 => "id IN (1, 2)".to_owned(),
        2 => "1 = CONTAINS(POINT(ra, dec), CIRCLE(1, 2, 3))".to_owned(),
        3 => format!("{} AND {}", condition(random, depth - 1), condition(random, depth - 1)),
        4 => format!("({} OR {})", condition(random, depth - 1), condition(random, depth - 1)),
        5 => format!("NOT {}", condition(random, depth - 1)),
        6 => format!("{} BETWEEN {} AND 3", value(random, depth - 1), value(random, depth - 1)),
        7 => "q3c_radial_query(ra, dec, 1, 2, 3) IS NOT NULL".to_owned(),
        8 => format!("EXISTS ({})", query(random, depth - 1)),
        _ => format!("{} = {}", value(random, depth - 1), value(random, depth - 1)),
    }
}

/// A small generator, the same on every machine.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from((self.0 >> 33) % bound as u64).expect("less than a usize")
    }
}
