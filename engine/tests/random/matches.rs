//! Joins whose radius depends on both sides, sources that move, rings, and every kind of XMATCH.

use std::collections::{BTreeMap, BTreeSet};

use sidereus_engine::{EngineOptions, Label, QueryService, Rules, WriteOptions, import_parquet};

use crate::conditions::{Row, rows, write};
use crate::draw::Draw;
use crate::pairs::{Pair, PairSet, pairs};
use crate::sky::{BLURRED_DEG, moved_in_space, offset, separation};
use crate::support::{ask_as, service, service_with};

/// Milliarcseconds in a degree and in a radian; km/s in an astronomical unit a year.
const MAS_PER_DEG: f64 = 3.6e6;
const MAS_PER_RAD: f64 = 206_264_806.247_096_36;
const AU_PER_YEAR_KMS: f64 = 4.740_470_446;

/// Whether two rows are a pair.
type Says = Box<dyn Fn(&Row, &Row) -> Result<bool, ()> + Send + Sync>;

/// A condition on a row of each side: its text, and what it says. `Err` says that rounding decides.
struct Condition {
    text: String,
    says: Says,
}

pub(crate) async fn check(mut draw: Draw, queries: usize, by_partition: bool) {
    let folder = tempfile::tempdir().expect("a folder");
    let mut left = rows(&mut draw, 120, !by_partition);
    let mut right = rows(&mut draw, 250, false);
    for row in right.iter_mut().step_by(2) {
        if let Some(near) = left[draw.below(left.len())].at {
            row.at = Some(offset(near, 360.0 * draw.unit(), draw.radius().min(170.0)));
        }
    }
    // Several rows at one place, on each side and on both.
    for index in 0..10 {
        left[index].at = left[index + 20].at;
        right[index].at = right[index + 30].at;
        right[index + 60].at = left[index + 40].at.or(right[index + 60].at);
    }
    let imported = |rows: &[Row], name: &str, rows_per_partition: usize| {
        let (source, catalog) = (folder.path().join("source.parquet"), folder.path().join(name));
        write(rows, &source);
        let options = WriteOptions { rows_per_partition, ..WriteOptions::new(name) };
        import_parquet(&source, &options, &catalog).expect("it is imported");
        catalog
    };
    let b = imported(&right, "b", 90);
    let service = if by_partition {
        let options = EngineOptions { crossmatch_rows: 0, ..EngineOptions::default() };
        service_with(&[imported(&left, "a", 9), b], options).await
    } else {
        let a = folder.path().join("a.parquet");
        write(&left, &a);
        service(&[a, b]).await
    };
    for _ in 0..queries {
        let sides = (left.as_slice(), right.as_slice());
        if draw.chance(0.5) {
            let condition = condition(&mut draw);
            check_condition(&service, sides, &condition, &mut draw).await;
        } else {
            check_xmatch(&service, sides, &mut draw).await;
        }
    }
}

/// Whether two rows are nearer than a bound, which may be null.
fn within(a: &Row, b: &Row, bound: Option<f64>) -> Result<bool, ()> {
    let (Some(bound), Some(from), Some(to)) = (bound, a.at, b.at) else { return Ok(false) };
    judged(separation(from, to), bound)
}

fn judged(separation: f64, bound: f64) -> Result<bool, ()> {
    // NaN is above every number.
    if bound.is_nan() || bound >= 180.001 {
        return Ok(true);
    }
    // Single precision on the way.
    let blur = BLURRED_DEG + 1e-6 + 3e-6 * bound.abs();
    if (separation - bound).abs() < blur { Err(()) } else { Ok(separation < bound) }
}

fn condition(draw: &mut Draw) -> Condition {
    let scale = draw.radius() / 25.0;
    let distance = "DISTANCE(a.ra, a.dec, b.ra, b.dec)";
    let bounded = |text: String, bound: fn(f64, f64) -> f64| Condition {
        text: format!("{distance} <= {scale:?} * {text}"),
        says: Box::new(move |a, b| {
            let mags = a.mag.zip(b.mag).map(|(a, b)| (f64::from(a), f64::from(b)));
            within(a, b, mags.map(|(a, b)| bound(a, b) * scale))
        }),
    };
    match draw.below(10) {
        0 => bounded("SQRT(POWER(a.mag, 2) + b.mag * b.mag)".into(), f64::hypot),
        1 => bounded("(a.mag + b.mag - 3)".into(), |a, b| a + b - 3.0),
        2 => bounded("a.mag * b.mag / 10".into(), |a, b| a * b / 10.0),
        3 => bounded("ABS(a.mag - b.mag)".into(), |a, b| (a - b).abs()),
        4 => bounded("(a.mag / (b.mag + 1))".into(), |a, b| a / (b + 1.0)),
        5 => Condition {
            text: format!("{distance} < GREATEST(a.mag, b.mag) * {scale:?}"),
            says: Box::new(move |a, b| {
                let above = |mag: f32| if mag.is_nan() { f64::INFINITY } else { f64::from(mag) };
                let greatest = a.mag.into_iter().chain(b.mag).map(above).reduce(f64::max);
                within(a, b, greatest.map(|mag| mag * scale))
            }),
        },
        6 => Condition {
            text: format!(
                "1 = INTERSECTS(CIRCLE(a.ra, a.dec, a.mag * {scale:?}), CIRCLE(b.ra, b.dec, b.mag * {scale:?}))"
            ),
            says: Box::new(move |a, b| {
                let radius = |row: &Row| row.mag.map(|mag| f64::from(mag) * scale).filter(|radius| *radius <= 180.0);
                within(a, b, radius(a).zip(radius(b)).map(|(a, b)| a + b))
            }),
        },
        7 => {
            let (inner, outer) = (scale * 10.0, scale * 25.0);
            let text = if draw.chance(0.5) {
                format!("{distance} BETWEEN {inner:?} AND {outer:?}")
            } else {
                format!("{distance} > {inner:?} AND {outer:?} > {distance}")
            };
            let says = move |a: &Row, b: &Row| Ok(within(a, b, Some(outer))? && !within(a, b, Some(inner))?);
            Condition { text, says: Box::new(says) }
        }
        8 => moving(draw),
        _ => moving_in_space(draw),
    }
}

/// Proper motions of a row of the left side, over the years to the epoch of one of the right.
fn motion(row: &Row, unit: f64) -> Option<(f64, f64)> {
    row.mag.map(|mag| ((f64::from(mag) - 10.0) * unit, (f64::from(mag) - 5.0) * unit))
}

fn moving(draw: &mut Draw) -> Condition {
    let (unit, radius, cosine) = (2e5 * draw.unit() * draw.unit(), draw.radius(), draw.below(2));
    let from = draw.pick(&["2000", "2000 + 0 * a.mag"]);
    let motions = format!("(a.mag - 10) * {unit:?}, (a.mag - 5) * {unit:?}");
    let text =
        format!("q3c_join_pm(a.ra, a.dec, {motions}, {cosine}, {from}, b.ra, b.dec, 2000 + b.mag, 50, {radius:?})");
    let says = move |a: &Row, b: &Row| {
        let (Some(start), Some(to)) = (a.at, b.at) else { return Ok(false) };
        let Some(((pmra, pmdec), years)) = motion(a, unit).zip(b.mag) else {
            return judged(separation(start, to), radius);
        };
        if pmra.is_nan() || years.is_nan() {
            return Ok(false);
        }
        let divisor = if cosine == 1 { start.1.to_radians().cos() } else { 1.0 };
        let turned = pmra / divisor * f64::from(years) / MAS_PER_DEG;
        // Around the pole, too often for what is left of the digits.
        if turned.abs() > 1e3 {
            return Err(());
        }
        let moved = (start.0 + turned, start.1 + pmdec * f64::from(years) / MAS_PER_DEG);
        judged(separation(moved, to), radius)
    };
    Condition { text, says: Box::new(says) }
}

fn moving_in_space(draw: &mut Draw) -> Condition {
    let (unit, radius, velocity) =
        (2e5 * draw.unit() * draw.unit(), draw.radius(), draw.pick(&[0.0, -50.0, -1e5, 8e4]));
    let point = format!(
        "IVO_EPOCH_PROP_POS(a.ra, a.dec, 500, (a.mag - 10) * {unit:?}, (a.mag - 5) * {unit:?}, {velocity:?}, 2000, 2000 + b.mag)"
    );
    let text = if draw.chance(0.5) {
        format!("DISTANCE({point}, POINT(b.ra, b.dec)) <= {radius:?}")
    } else {
        format!("1 = CONTAINS({point}, CIRCLE(b.ra, b.dec, {radius:?}))")
    };
    let says = move |a: &Row, b: &Row| {
        let (Some(start), Some(to), Some(years)) = (a.at, b.at, b.mag) else { return Ok(false) };
        let (pmra, pmdec) = motion(a, unit).unwrap_or_default();
        if pmra.is_nan() || years.is_nan() {
            return Ok(false);
        }
        let away = velocity * 500.0 / AU_PER_YEAR_KMS / MAS_PER_RAD;
        // Beside the observer every rounding counts.
        if (1.0 + away * f64::from(years)).abs() < 0.02 {
            return Err(());
        }
        let moved = moved_in_space(start, (pmra / MAS_PER_DEG, pmdec / MAS_PER_DEG), away, f64::from(years));
        judged(separation(moved, to), radius)
    };
    Condition { text, says: Box::new(says) }
}

fn judge((left, right): (&[Row], &[Row]), says: &dyn Fn(&Row, &Row) -> Result<bool, ()>) -> (PairSet, PairSet) {
    let (mut near, mut blurred) = (PairSet::new(), PairSet::new());
    for a in left {
        for b in right {
            match says(a, b) {
                Ok(true) => near.insert((a.id, b.id)),
                Ok(false) => false,
                Err(()) => blurred.insert((a.id, b.id)),
            };
        }
    }
    (near, blurred)
}

async fn ask(service: &QueryService, text: &str, draw: &mut Draw) -> Vec<Pair> {
    let off = draw.pick(&["", "", "", "crossmatch", "all"]);
    let rules = Rules::all().without(off).expect("rules");
    let batches = ask_as(service, text, Label::Sql, rules).await.unwrap_or_else(|error| panic!("{text}: {error}"));
    pairs(&batches)
}

async fn check_condition(
    service: &QueryService,
    sides: (&[Row], &[Row]),
    Condition { text: condition, says }: &Condition,
    draw: &mut Draw,
) {
    let (near, blurred) = judge(sides, says.as_ref());
    let join = draw.pick(&["a JOIN b ON", "b JOIN a ON", "a LEFT JOIN b ON", "a FULL JOIN b ON", "a, b WHERE"]);
    let text = format!("SELECT a.id, b.id FROM {join} {condition}");
    let found: PairSet = ask(service, &text, draw).await.into_iter().filter_map(|(a, b)| a.zip(b)).collect();
    same(&text, &found, (&near, &blurred));
    // A row of the left side that somebody is near, and one that nobody is; alone, or beside another condition.
    let unsure: BTreeSet<i64> = blurred.iter().map(|pair| pair.0).collect();
    let partnered: BTreeSet<i64> = near.iter().map(|pair| pair.0).collect();
    let negated = draw.chance(0.5);
    let (not, or) = (if negated { "NOT " } else { "" }, draw.pick(&["", " OR a.id % 7 = 0"]));
    let text = format!("SELECT a.id, a.id FROM a WHERE {not}EXISTS (SELECT 1 FROM b WHERE {condition}){or}");
    let found = ask(service, &text, draw).await;
    let ids: BTreeSet<i64> = found.iter().filter_map(|pair| pair.0).collect();
    assert_eq!(ids.len(), found.len(), "{text}: a row came twice");
    for row in sides.0.iter().filter(|row| !unsure.contains(&row.id)) {
        let wanted = (partnered.contains(&row.id) != negated) || (!or.is_empty() && row.id % 7 == 0);
        assert_eq!(ids.contains(&row.id), wanted, "{text}: {row:?}");
    }
}

fn same(text: &str, found: &PairSet, (near, blurred): (&PairSet, &PairSet)) {
    let missing: Vec<_> = near.difference(found).collect();
    let wrong: Vec<_> = found.iter().filter(|pair| !near.contains(pair) && !blurred.contains(pair)).collect();
    assert!(missing.is_empty() && wrong.is_empty(), "{text}: missing {missing:?}, wrong {wrong:?}");
}

async fn check_xmatch(service: &QueryService, sides: (&[Row], &[Row]), draw: &mut Draw) {
    let radius = draw.radius();
    let how = draw.pick(&["all", "left", "right", "full", "best1", "best2", "each", "mutual", "semi", "anti"]);
    let counts = matches!(how, "best1" | "best2" | "each") && draw.chance(0.5);
    let count = if counts { 1 + draw.below(3) } else { 1 };
    let count_text = if counts { format!("{count}, ") } else { String::new() };
    let alone = matches!(how, "semi" | "anti");
    let columns = if alone { "id, id AS again" } else { "id_1, id_2" };
    let text = format!("SELECT {columns} FROM XMATCH(a, b, {radius:?}, {count_text}'{how}')");
    let found = ask(service, &text, draw).await;
    let (near, blurred) = judge(sides, &|a, b| within(a, b, Some(radius)));
    let sets = (&near, &blurred);
    let paired: PairSet = found.iter().filter_map(|(a, b)| a.zip(*b)).collect();
    let ids = |rows: &[Row]| rows.iter().map(|row| row.id).collect::<BTreeSet<i64>>();
    let matched = |pairs: &PairSet, left: bool| {
        pairs.iter().map(|pair| if left { pair.0 } else { pair.1 }).collect::<BTreeSet<i64>>()
    };
    if alone {
        let found: BTreeSet<i64> = paired.iter().map(|pair| pair.0).collect();
        let unsure = matched(&blurred, true);
        let wanted = matched(&near, true);
        for id in ids(sides.0).difference(&unsure) {
            assert_eq!(found.contains(id), wanted.contains(id) == (how == "semi"), "{text}: {id}");
        }
        return;
    }
    let lone_left: BTreeSet<i64> = found.iter().filter(|pair| pair.1.is_none()).filter_map(|pair| pair.0).collect();
    let lone_right: BTreeSet<i64> = found.iter().filter(|pair| pair.0.is_none()).filter_map(|pair| pair.1).collect();
    assert_eq!(found.len(), paired.len() + lone_left.len() + lone_right.len(), "{text}: a row came twice");
    let without = |keeps: bool, rows: &[Row], left: bool| {
        ids(rows).difference(&matched(&paired, left)).copied().filter(|_| keeps).collect::<BTreeSet<i64>>()
    };
    assert_eq!(lone_left, without(matches!(how, "left" | "full" | "each"), sides.0, true), "{text}");
    assert_eq!(lone_right, without(matches!(how, "right" | "full"), sides.1, false), "{text}");
    match how {
        "best1" | "each" => check_best(&text, sides, (&paired, false), (sets, count)),
        "best2" => check_best(&text, sides, (&paired, true), (sets, count)),
        "mutual" => check_mutual(&text, sides, &paired, sets),
        _ => same(&text, &paired, sets),
    }
}

fn position(rows: &[Row], id: i64) -> (f64, f64) {
    rows.iter().find(|row| row.id == id).and_then(|row| row.at).expect("a position")
}

/// Each row of one side has the nearest of the other.
fn check_best(
    text: &str,
    (left, right): (&[Row], &[Row]),
    (found, swapped): (&PairSet, bool),
    ((near, blurred), count): ((&PairSet, &PairSet), usize),
) {
    let turned = |pair: &(i64, i64)| if swapped { (pair.1, pair.0) } else { *pair };
    let (own, others) = if swapped { (right, left) } else { (left, right) };
    let unsure: BTreeSet<i64> = blurred.iter().map(|pair| turned(pair).0).collect();
    let mut separations: BTreeMap<i64, (Vec<f64>, Vec<f64>)> = BTreeMap::new();
    for (pairs, of_found) in [(near, false), (found, true)] {
        for (own_id, other) in pairs.iter().map(turned) {
            let separation = separation(position(own, own_id), position(others, other));
            let entry = separations.entry(own_id).or_default();
            if of_found { entry.1.push(separation) } else { entry.0.push(separation) }
        }
    }
    for (id, (mut wanted, mut chosen)) in separations.into_iter().filter(|(id, _)| !unsure.contains(id)) {
        wanted.sort_by(f64::total_cmp);
        chosen.sort_by(f64::total_cmp);
        wanted.truncate(count);
        assert_eq!(chosen.len(), wanted.len(), "{text}: row {id}");
        assert!(wanted.iter().zip(&chosen).all(|(a, b)| (a - b).abs() < BLURRED_DEG), "{text}: row {id}");
    }
}

/// Each row of a pair is the nearest of the other, and every such pair is there, where nothing else is as near.
fn check_mutual(text: &str, (left, right): (&[Row], &[Row]), found: &PairSet, (near, blurred): (&PairSet, &PairSet)) {
    let mut nearest: [BTreeMap<i64, Vec<f64>>; 2] = Default::default();
    let mut separations = BTreeMap::new();
    for (a, b) in near.union(blurred) {
        let separation = separation(position(left, *a), position(right, *b));
        separations.insert((*a, *b), separation);
        nearest[0].entry(*a).or_default().push(separation);
        nearest[1].entry(*b).or_default().push(separation);
    }
    // How many others are not farther, give or take.
    let others = |pair: &(i64, i64), margin: f64| {
        let farthest = separations[pair] + margin;
        let count = |separations: &Vec<f64>| separations.iter().filter(|separation| **separation < farthest).count();
        count(&nearest[0][&pair.0]) + count(&nearest[1][&pair.1])
    };
    let unsure = |(a, b): &(i64, i64)| blurred.iter().any(|pair| pair.0 == *a || pair.1 == *b);
    for pair in found.iter().filter(|pair| !unsure(pair)) {
        assert!(near.contains(pair) && others(pair, -BLURRED_DEG) == 0, "{text}: {pair:?}");
    }
    for pair in near.iter().filter(|pair| !unsure(pair) && others(pair, BLURRED_DEG) == 2) {
        assert!(found.contains(pair), "{text}: {pair:?} is not there");
    }
    let of_left: BTreeSet<i64> = found.iter().map(|pair| pair.0).collect();
    assert_eq!(of_left.len(), found.len(), "{text}: a row of the left side came twice");
}
