//! Queries that grow at random and are mostly right.

use crate::random::Random;

/// A query that is mostly right.
pub(crate) fn query(random: &mut Random, depth: usize) -> String {
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
