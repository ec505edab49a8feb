//! Joins of two tables on their positions, in every spelling and of every kind.

use std::collections::{BTreeMap, BTreeSet};

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::Int64Type;
use sidereus_engine::{EngineOptions, Label, QueryService, Rules, WriteOptions, import_parquet};

use crate::conditions::{Row, rows, write};
use crate::draw::Draw;
use crate::sky::{BLURRED_DEG, offset, separation};
use crate::support::{ask_as, service, service_with};

pub(crate) type Pair = (Option<i64>, Option<i64>);
pub(crate) type PairSet = BTreeSet<(i64, i64)>;

/// Joins of a plain file with a catalog, or of two catalogs, each partition of one by itself.
pub(crate) async fn check(mut draw: Draw, queries: usize, by_partition: bool) {
    let folder = tempfile::tempdir().expect("a folder");
    let left = rows(&mut draw, 150, !by_partition);
    // Half of the right side lies near rows of the left.
    let mut right = rows(&mut draw, 400, false);
    for row in right.iter_mut().step_by(2) {
        if let Some(near) = left[draw.below(left.len())].at {
            row.at = Some(offset(near, 360.0 * draw.unit(), draw.radius().min(170.0)));
        }
    }
    let imported = |rows: &[Row], name: &str, rows_per_partition: usize| {
        let (source, catalog) = (folder.path().join("source.parquet"), folder.path().join(name));
        write(rows, &source);
        let options = WriteOptions { rows_per_partition, ..WriteOptions::new(name) };
        import_parquet(&source, &options, &catalog).expect("it is imported");
        catalog
    };
    let b = imported(&right, "b", 60);
    let service = if by_partition {
        let options = EngineOptions { crossmatch_rows: 0, ..EngineOptions::default() };
        service_with(&[imported(&left, "a", 20), b], options).await
    } else {
        let a = folder.path().join("a.parquet");
        write(&left, &a);
        service(&[a, b]).await
    };
    assert_eq!(plan(&service).await.contains("PairedScansExec"), by_partition);
    for _ in 0..queries {
        let radius = Radius::draw(&mut draw);
        if draw.chance(0.3) {
            check_nearest(&service, (&left, &right), &radius, &mut draw).await;
        } else {
            check_join(&service, (&left, &right), &radius, &mut draw).await;
        }
    }
}

/// The plan of a join of the two tables.
async fn plan(service: &QueryService) -> String {
    let text = "EXPLAIN SELECT a.id, b.id FROM a JOIN b ON DISTANCE(a.ra, a.dec, b.ra, b.dec) < 1";
    let batches = ask_as(service, text, Label::Sql, Rules::all()).await.expect("there is a plan");
    let plans = batches.iter().flat_map(|batch| batch.column(1).as_string::<i32>().iter().flatten());
    plans.collect::<Vec<_>>().join("\n")
}

/// A radius, the same for all or by the magnitude of a row of the left side.
struct Radius {
    degrees: f64,
    by_row: bool,
}

impl Radius {
    fn draw(draw: &mut Draw) -> Self {
        Self { degrees: draw.radius(), by_row: draw.chance(0.3) }
    }

    fn text(&self) -> String {
        if self.by_row { format!("(a.mag - 3) * {:?}", self.degrees / 20.0) } else { format!("{:?}", self.degrees) }
    }

    /// The radius of a row: `None` for NULL, infinite where nothing is farther.
    fn of(&self, row: &Row) -> Option<f64> {
        if !self.by_row {
            return Some(self.degrees);
        }
        let mag = row.mag?;
        if mag.is_nan() { Some(f64::INFINITY) } else { Some(f64::from(mag - 3.0) * (self.degrees / 20.0)) }
    }

    /// Whether two rows are near each other; `Err` where rounding decides.
    fn holds(&self, a: &Row, b: &Row) -> Result<bool, ()> {
        let (Some(radius), Some(from), Some(to)) = (self.of(a), a.at, b.at) else { return Ok(false) };
        let beyond = separation(from, to) - radius;
        // Single precision is widened before or after the arithmetic.
        let blur = BLURRED_DEG + if self.by_row { radius.abs().min(180.0) * 1e-6 + 1e-6 } else { 0.0 };
        if beyond.abs() < blur { Err(()) } else { Ok(beyond <= 0.0 || radius >= 180.0) }
    }
}

/// Near pairs that are certain, and those that rounding decides on.
fn judged(left: &[Row], right: &[Row], radius: &Radius) -> (PairSet, PairSet) {
    let (mut near, mut blurred) = (BTreeSet::new(), BTreeSet::new());
    for a in left {
        for b in right {
            match radius.holds(a, b) {
                Ok(true) => {
                    near.insert((a.id, b.id));
                }
                Ok(false) => {}
                Err(()) => {
                    blurred.insert((a.id, b.id));
                }
            }
        }
    }
    (near, blurred)
}

async fn ask(service: &QueryService, text: &str, draw: &mut Draw) -> Vec<RecordBatch> {
    let off = draw.pick(&["", "", "", "crossmatch", "page_pruning,partition_pruning", "all"]);
    let rules = Rules::all().without(off).expect("rules");
    ask_as(service, text, Label::Sql, rules).await.unwrap_or_else(|error| panic!("{text}: {error}"))
}

pub(crate) fn pairs(batches: &[RecordBatch]) -> Vec<Pair> {
    let column = |batch: &RecordBatch, index: usize| {
        let values = batch.column(index).as_primitive::<Int64Type>();
        (0..values.len()).map(|row| values.is_valid(row).then(|| values.value(row))).collect::<Vec<_>>()
    };
    batches.iter().flat_map(|batch| column(batch, 0).into_iter().zip(column(batch, 1)).collect::<Vec<_>>()).collect()
}

fn spelled(radius: &Radius, draw: &mut Draw) -> String {
    let radius_text = radius.text();
    let distance = "DISTANCE(a.ra, a.dec, b.ra, b.dec)";
    // A circle takes no radius that is negative or beyond 180 degrees: those are no regions, but bounds of a distance.
    match draw.below(if radius.by_row { 3 } else { 7 }) {
        0 => format!("{distance} <= {radius_text}"),
        1 => format!("{radius_text} >= DISTANCE(POINT(b.ra, b.dec), POINT(a.ra, a.dec))"),
        2 => format!("q3c_join(a.ra, a.dec, b.ra, b.dec, {radius_text})"),
        3 => format!("1 = CONTAINS(POINT(b.ra, b.dec), CIRCLE(a.ra, a.dec, {radius_text}))"),
        4 => format!("INTERSECTS(CIRCLE(b.ra, b.dec, {radius_text}), POINT(a.ra, a.dec)) = 1"),
        5 => format!("{distance} BETWEEN 0 AND {radius_text}"),
        _ => format!("{distance} * 60 <= {:?}", radius.degrees * 60.0),
    }
}

async fn check_join(service: &QueryService, (left, right): (&[Row], &[Row]), radius: &Radius, draw: &mut Draw) {
    let condition = spelled(radius, draw);
    let kind = draw.pick(&["JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN", ","]);
    let text = match kind {
        "," => format!("SELECT a.id, b.id FROM a, b WHERE {condition}"),
        kind => format!("SELECT a.id, b.id FROM a {kind} b ON {condition}"),
    };
    let found = pairs(&ask(service, &text, draw).await);
    let (near, blurred) = judged(left, right, radius);
    let paired: BTreeSet<(i64, i64)> = found.iter().filter_map(|(a, b)| a.zip(*b)).collect();
    let missing: Vec<_> = near.difference(&paired).collect();
    let wrong: Vec<_> = paired.iter().filter(|pair| !near.contains(pair) && !blurred.contains(pair)).collect();
    assert!(missing.is_empty() && wrong.is_empty(), "{text}: missing {missing:?}, wrong {wrong:?}");
    let alone = |keeps: bool, rows: &[Row], of: fn(&(i64, i64)) -> i64| -> BTreeSet<i64> {
        let matched: BTreeSet<i64> = paired.iter().map(of).collect();
        rows.iter().map(|row| row.id).filter(|id| keeps && !matched.contains(id)).collect()
    };
    let of_left: BTreeSet<i64> = found.iter().filter(|(_, b)| b.is_none()).filter_map(|(a, _)| *a).collect();
    let of_right: BTreeSet<i64> = found.iter().filter(|(a, _)| a.is_none()).filter_map(|(_, b)| *b).collect();
    assert_eq!(of_left, alone(matches!(kind, "LEFT JOIN" | "FULL JOIN"), left, |pair| pair.0), "{text}");
    assert_eq!(of_right, alone(matches!(kind, "RIGHT JOIN" | "FULL JOIN"), right, |pair| pair.1), "{text}");
    assert_eq!(found.len(), paired.len() + of_left.len() + of_right.len(), "{text}: a row came twice");
}

async fn check_nearest(service: &QueryService, (left, right): (&[Row], &[Row]), radius: &Radius, draw: &mut Draw) {
    let (count, condition) = (1 + draw.below(3), spelled(radius, draw));
    let kind = draw.pick(&["JOIN", "LEFT JOIN"]);
    let text = format!(
        "SELECT a.id, n.id FROM a {kind} LATERAL (SELECT b.id FROM b WHERE {condition} \
         ORDER BY DISTANCE(a.ra, a.dec, b.ra, b.dec) LIMIT {count}) AS n ON true"
    );
    let mut found: BTreeMap<i64, Vec<i64>> = BTreeMap::new();
    for (a, b) in pairs(&ask(service, &text, draw).await) {
        found.entry(a.expect("a row of the left side")).or_default().extend(b);
    }
    let (near, blurred) = judged(left, right, radius);
    for row in left {
        let partners: Vec<(f64, i64)> = right
            .iter()
            .filter(|other| near.contains(&(row.id, other.id)))
            .map(|other| (separation(row.at.expect("a position"), other.at.expect("a position")), other.id))
            .collect();
        let chosen = found.get(&row.id);
        assert_eq!(chosen.is_some(), kind == "LEFT JOIN" || chosen.is_some_and(|chosen| !chosen.is_empty()), "{text}");
        if blurred.iter().any(|(id, _)| *id == row.id) {
            continue;
        }
        let chosen = chosen.map_or(&[] as &[i64], Vec::as_slice);
        assert_eq!(chosen.len(), partners.len().min(count), "{text}: row {}", row.id);
        let mut nearest: Vec<f64> = partners.iter().map(|(separation, _)| *separation).collect();
        nearest.sort_by(f64::total_cmp);
        let mut of_chosen: Vec<f64> =
            chosen.iter().map(|id| partners.iter().find(|(_, partner)| partner == id).expect("a near row").0).collect();
        of_chosen.sort_by(f64::total_cmp);
        for (chosen, nearest) in of_chosen.iter().zip(&nearest) {
            assert!((chosen - nearest).abs() < BLURRED_DEG, "{text}: row {} at {chosen}, not {nearest}", row.id);
        }
    }
}
