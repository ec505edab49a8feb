//! Conditions on one table, in every spelling, under AND, OR and NOT with NULL.

use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, Float32Array, Float64Array, Int64Array, RecordBatch};
use parquet::arrow::ArrowWriter;
use sidereus_engine::{Label, QueryService, Rules, WriteOptions, import_parquet};

use crate::draw::Draw;
use crate::sky::{BLURRED_DEG, depth, offset, separation};
use crate::support::{ask_as, ids, service};

/// One row of the table.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Row {
    pub(crate) id: i64,
    pub(crate) at: Option<(f64, f64)>,
    pub(crate) mag: Option<f32>,
}

/// Whether a condition is true of a row, `None` for NULL.
type Truth = Result<Option<bool>, ()>;

/// A condition: its text, and what it says of a row. `Err` says that rounding decides.
struct Condition {
    text: String,
    says: Box<dyn Fn(&Row) -> Truth + Send + Sync>,
}

pub(crate) fn rows(draw: &mut Draw, count: usize, gaps: bool) -> Vec<Row> {
    let row = |id| {
        let at = Some(draw.position()).filter(|_| !gaps || !draw.chance(0.03));
        let mag = match draw.below(20) {
            0 => None,
            1 => Some(f32::NAN),
            _ => Some((draw.unit() * 100.0) as f32 / 4.0),
        };
        Row { id, at, mag }
    };
    (0..).take(count).map(row).collect()
}

/// Writes rows as Parquet; positions that are not there are NULL, or NaN every other time.
pub(crate) fn write(rows: &[Row], path: &Path) {
    let coordinate = |index: usize, value: Option<f64>| value.or_else(|| (index % 2 == 1).then_some(f64::NAN));
    let ra: Float64Array =
        rows.iter().enumerate().map(|(index, row)| coordinate(index, row.at.map(|at| at.0))).collect();
    let dec: Float64Array =
        rows.iter().enumerate().map(|(index, row)| coordinate(index, row.at.map(|at| at.1))).collect();
    let columns: [(&str, ArrayRef); 4] = [
        ("id", Arc::new(rows.iter().map(|row| Some(row.id)).collect::<Int64Array>())),
        ("ra", Arc::new(ra)),
        ("dec", Arc::new(dec)),
        ("mag", Arc::new(rows.iter().map(|row| row.mag).collect::<Float32Array>())),
    ];
    let batch =
        RecordBatch::try_from_iter_with_nullable(columns.map(|(name, column)| (name, column, true))).expect("a batch");
    let mut writer =
        ArrowWriter::try_new(std::fs::File::create(path).expect("a file"), batch.schema(), None).expect("a writer");
    writer.write(&batch).expect("it is written");
    writer.close().expect("it is closed");
}

pub(crate) async fn check(mut draw: Draw, queries: usize) {
    let folder = tempfile::tempdir().expect("a folder");
    let (gappy, whole) = (rows(&mut draw, 1_500, true), rows(&mut draw, 3_000, false));
    let (plain, source, catalog) =
        (folder.path().join("plain.parquet"), folder.path().join("source.parquet"), folder.path().join("sorted"));
    write(&gappy, &plain);
    write(&whole, &source);
    let options = WriteOptions { rows_per_partition: 300, ..WriteOptions::new("sorted") };
    import_parquet(&source, &options, &catalog).expect("it is imported");
    let service = service(&[plain, catalog]).await;
    for number in 1..=queries {
        let (table, rows) = if draw.chance(0.7) { ("sorted", &whole) } else { ("plain", &gappy) };
        let condition = condition(&mut draw, rows, 3);
        compare(&service, table, rows, &condition, &mut draw).await;
        if number % 5_000 == 0 {
            eprintln!("{number} conditions, no difference");
        }
    }
}

async fn compare(service: &QueryService, table: &str, rows: &[Row], condition: &Condition, draw: &mut Draw) {
    let text = format!("SELECT id FROM {table} WHERE {}", condition.text);
    let off = ["", "", "all", "page_pruning", "scan_template,late_materialization", "predicate_pushdown"];
    let rules = Rules::all().without(draw.pick(&off)).expect("rules");
    let label = if draw.chance(0.5) { Label::Adql } else { Label::Sql };
    let found = match ask_as(service, &text, label, rules).await {
        Ok(batches) => ids(&batches),
        Err(error) => panic!("{text}: {error}"),
    };
    for row in rows {
        let Ok(says) = (condition.says)(row) else { continue };
        let is_found = found.binary_search(&row.id).is_ok();
        assert_eq!(is_found, says == Some(true), "{text}\n{row:?} with {rules:?}");
    }
    assert!(found.windows(2).all(|pair| pair[0] < pair[1]), "{text}: a row came twice");
}

/// A condition of at most `depth` levels.
fn condition(draw: &mut Draw, rows: &[Row], depth: usize) -> Condition {
    if depth == 0 || draw.chance(0.4) {
        return atom(draw, rows);
    }
    let first = condition(draw, rows, depth - 1);
    if draw.chance(0.25) {
        let says = move |row: &Row| (first.says)(row).map(|truth| truth.map(|truth| !truth));
        return Condition { text: format!("NOT ({})", first.text), says: Box::new(says) };
    }
    let second = condition(draw, rows, depth - 1);
    let and = draw.chance(0.5);
    let text = format!("({}) {} ({})", first.text, if and { "AND" } else { "OR" }, second.text);
    let says = move |row: &Row| {
        // The value that decides alone: false for AND, true for OR.
        let decides = Some(!and);
        match ((first.says)(row), (second.says)(row)) {
            (Ok(one), _) | (_, Ok(one)) if one == decides => Ok(decides),
            (Ok(None), Ok(_)) | (Ok(_), Ok(None)) => Ok(None),
            (Ok(_), Ok(_)) => Ok(Some(and)),
            _ => Err(()),
        }
    };
    Condition { text, says: Box::new(says) }
}

fn atom(draw: &mut Draw, rows: &[Row]) -> Condition {
    match draw.below(10) {
        0..=5 => cone(draw, rows),
        6 => polygon(draw),
        7 => magnitude(draw),
        8 => identifiers(draw, rows),
        _ => stripe(draw),
    }
}

fn center(draw: &mut Draw, rows: &[Row]) -> (f64, f64) {
    let at_row = rows[draw.below(rows.len())].at.filter(|_| draw.chance(0.4));
    at_row.unwrap_or_else(|| draw.position())
}

fn cone(draw: &mut Draw, rows: &[Row]) -> Condition {
    let ((lon, lat), radius) = (center(draw, rows), draw.radius());
    let shifted = if draw.chance(0.1) { lon - 360.0 } else { lon };
    let (point, circle) = ("POINT(ra, dec)", format!("CIRCLE({shifted:?}, {lat:?}, {radius:?})"));
    let distance = format!("DISTANCE(ra, dec, {shifted:?}, {lat:?})");
    let (text, inside) = match draw.below(12) {
        0 => (format!("1 = CONTAINS({point}, {circle})"), true),
        1 => (format!("CONTAINS(POINT('ICRS', ra, dec), {circle}) <> 0"), true),
        2 => (format!("{distance} <= {radius:?}"), true),
        3 => (format!("{radius:?} >= DISTANCE({point}, POINT({shifted:?}, {lat:?}))"), true),
        4 => (format!("INTERSECTS({circle}, {point}) = 1"), true),
        5 => (format!("1 = CONTAINS(POINT({shifted:?}, {lat:?}), CIRCLE(ra, dec, {radius:?}))"), true),
        6 => (format!("{distance} BETWEEN 0 AND {radius:?}"), true),
        7 => (format!("{distance} > {radius:?}"), false),
        8 => (format!("0 = CONTAINS({point}, {circle})"), false),
        9 => (format!("{distance} * 3600 <= {:?}", radius * 3600.0), true),
        10 => (format!("NOT 1 = INTERSECTS({point}, {circle})"), false),
        _ => (format!("q3c_radial_query(ra, dec, {shifted:?}, {lat:?}, {radius:?})"), true),
    };
    let says = move |row: &Row| {
        let Some(at) = row.at else { return Ok(None) };
        let beyond = separation(at, (lon, lat)) - radius;
        // Beyond the antipode there is nothing to be outside of.
        if beyond.abs() < BLURRED_DEG && radius < 180.0 {
            Err(())
        } else {
            Ok(Some((beyond <= 0.0 || radius >= 180.0) == inside))
        }
    };
    Condition { text, says: Box::new(says) }
}

/// A convex polygon of less than a hemisphere, in either winding.
fn polygon(draw: &mut Draw) -> Condition {
    let (center, size, count) = (draw.position(), 0.01 + 40.0 * draw.unit(), 3 + draw.below(5));
    let mut corners: Vec<(f64, f64)> =
        (0..count).map(|index| offset(center, 7.0 + 360.0 * index as f64 / count as f64, size)).collect();
    if draw.chance(0.5) {
        corners.reverse();
    }
    let numbers: Vec<String> = corners.iter().map(|(lon, lat)| format!("{lon:?}, {lat:?}")).collect();
    let text = format!("1 = CONTAINS(POINT(ra, dec), POLYGON({}))", numbers.join(", "));
    let says = move |row: &Row| {
        let Some(at) = row.at else { return Ok(None) };
        let depth = depth(&corners, at);
        if depth.abs() < BLURRED_DEG { Err(()) } else { Ok(Some(depth > 0.0)) }
    };
    Condition { text, says: Box::new(says) }
}

/// Comparisons in which NaN equals NaN and lies above every number.
fn magnitude(draw: &mut Draw) -> Condition {
    let bound = (draw.unit() * 100.0).floor() as f32 / 4.0;
    let op = draw.pick(&["<", "<=", ">", ">=", "=", "<>"]);
    if draw.chance(0.15) {
        return Condition { text: "mag IS NULL".to_owned(), says: Box::new(|row| Ok(Some(row.mag.is_none()))) };
    }
    let says = move |row: &Row| {
        let Some(mag) = row.mag else { return Ok(None) };
        let order = mag.partial_cmp(&bound).unwrap_or(std::cmp::Ordering::Greater);
        Ok(Some(match op {
            "<" => order.is_lt(),
            "<=" => order.is_le(),
            ">" => order.is_gt(),
            ">=" => order.is_ge(),
            "=" => order.is_eq(),
            _ => order.is_ne(),
        }))
    };
    Condition { text: format!("mag {op} {bound:?}"), says: Box::new(says) }
}

fn identifiers(draw: &mut Draw, rows: &[Row]) -> Condition {
    let list: Vec<i64> = (0..1 + draw.below(40)).map(|_| draw.below(rows.len()) as i64).collect();
    let items: Vec<String> = list.iter().map(ToString::to_string).collect();
    let (verb, wanted) = draw.pick(&[("IN", true), ("NOT IN", false)]);
    let text = format!("id {verb} ({})", items.join(", "));
    Condition { text, says: Box::new(move |row| Ok(Some(list.contains(&row.id) == wanted))) }
}

/// A range of right ascension and declination, as box searches without geometry are written.
fn stripe(draw: &mut Draw) -> Condition {
    let (low, high) = (360.0 * draw.unit(), 360.0 * draw.unit());
    let south = 180.0 * draw.unit() - 90.0;
    let text = format!("ra BETWEEN {low:?} AND {high:?} AND dec > {south:?}");
    let says = move |row: &Row| {
        // NULL and NaN both stand for no position here; which of the two a row has decides.
        let Some((ra, dec)) = row.at else { return Err(()) };
        Ok(Some(low <= ra && ra <= high && dec > south))
    };
    Condition { text, says: Box::new(says) }
}
