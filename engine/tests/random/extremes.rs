//! Comparisons, and the first of an order, over pages that differ in what they hold: where most are passed over.

use std::cmp::Ordering;

use arrow::array::AsArray;
use sidereus_engine::{Label, QueryService, Rules, WriteOptions, import_parquet};

use crate::conditions::{Row, write};
use crate::draw::Draw;
use crate::sky::offset;
use crate::support::{ask_as, ids, service};

const ROWS: usize = 40_000;
const CENTER: (f64, f64) = (45.0, 41.8);
/// Every how many rows one is of the small table.
const FEW: usize = 4_001;

/// What a query is asked with: nothing off, what is tested here off, everything off.
const OFF: [&str; 3] = ["", "extremes_pruning", "all"];

pub(crate) async fn check(mut draw: Draw, queries: usize) {
    let folder = tempfile::tempdir().expect("a folder");
    let rows = rows(&mut draw);
    let few: Vec<Row> = rows.iter().copied().filter(|row| row.id % (FEW as i64) == 7).collect();
    let (source, catalog, small) =
        (folder.path().join("source.parquet"), folder.path().join("sloping"), folder.path().join("few.parquet"));
    write(&rows, &source);
    write(&few, &small);
    let options = WriteOptions { rows_per_partition: 12_000, ..WriteOptions::new("sloping") };
    import_parquet(&source, &options, &catalog).expect("it is imported");
    let service = service(&[catalog, small]).await;
    for _ in 0..queries {
        check_comparisons(&service, &rows, &mut draw).await;
        check_order(&service, &rows, &mut draw).await;
    }
    check_join(&service, &few).await;
    let orders = ["ORDER BY id LIMIT 5", "ORDER BY mag LIMIT 5", "ORDER BY mag DESC LIMIT 5"];
    for text in ["WHERE mag < 3", "WHERE mag > 50 AND dec > 44"].into_iter().chain(orders) {
        check_that_pages_are_passed_over(&service, text).await;
    }
}

/// Magnitudes and identifiers that rise from south to north; null, NaN and zeros in the south alone.
fn rows(draw: &mut Draw) -> Vec<Row> {
    let mut places: Vec<(f64, f64)> =
        (0..ROWS).map(|_| offset(CENTER, 360.0 * draw.unit(), 3.0 * draw.unit().sqrt())).collect();
    places.sort_by(|a, b| a.1.total_cmp(&b.1));
    let row = |(index, at): (usize, (f64, f64))| {
        let south = index < ROWS / 3;
        let mag = match draw.below(30) {
            0 if south => None,
            1 if south => Some(f32::NAN),
            2 if south => Some(0.0),
            3 if south => Some(-0.0),
            _ => Some((index as f64 / 400.0 - 1.0 + draw.unit()) as f32),
        };
        Row { id: index as i64, at: Some(at), mag }
    };
    places.into_iter().enumerate().map(row).collect()
}

/// Whether a condition is true of a row.
type Truth = Box<dyn Fn(&Row) -> bool + Send + Sync>;

/// A condition.
fn comparison(draw: &mut Draw) -> (String, Truth) {
    let (sign, fits): (&str, fn(Ordering) -> bool) = draw.pick(&[
        (">", Ordering::is_gt),
        (">=", Ordering::is_ge),
        ("<", Ordering::is_lt),
        ("<=", Ordering::is_le),
        ("=", Ordering::is_eq),
    ]);
    match draw.below(3) {
        0 => {
            let bound = draw.below(ROWS) as i64;
            (format!("id {sign} {bound}"), Box::new(move |row| fits(row.id.cmp(&bound))))
        }
        1 => {
            let bound = CENTER.1 + 6.0 * draw.unit() - 3.0;
            let fits = move |row: &Row| row.at.is_some_and(|at| fits(at.1.total_cmp(&bound)));
            (format!("dec {sign} {bound:?}"), Box::new(fits))
        }
        _ => {
            let bound = if draw.chance(0.2) { 0.0 } else { 102.0 * draw.unit() - 1.0 };
            let of_row = move |mag: f32| f64::from(mag).partial_cmp(&bound).unwrap_or(Ordering::Greater);
            (format!("mag {sign} {bound:?}"), Box::new(move |row| row.mag.is_some_and(|mag| fits(of_row(mag)))))
        }
    }
}

async fn asked(service: &QueryService, text: &str, off: &str) -> Vec<i64> {
    let rules = Rules::all().without(off).expect("rules");
    let batches = ask_as(service, text, Label::Sql, rules).await.unwrap_or_else(|error| panic!("{text}: {error}"));
    let column = |batch: &arrow::array::RecordBatch| {
        batch.column(0).as_primitive::<arrow::datatypes::Int64Type>().values().to_vec()
    };
    batches.iter().flat_map(column).collect()
}

async fn check_comparisons(service: &QueryService, rows: &[Row], draw: &mut Draw) {
    let wanted: Vec<_> = (0..1 + draw.below(3)).map(|_| comparison(draw)).collect();
    let conditions: Vec<&str> = wanted.iter().map(|(text, _)| text.as_str()).collect();
    let text = format!("SELECT id FROM sloping WHERE {}", conditions.join(" AND "));
    let expected: Vec<i64> =
        rows.iter().filter(|row| wanted.iter().all(|(_, fits)| fits(row))).map(|row| row.id).collect();
    let mut found = asked(service, &text, draw.pick(&OFF)).await;
    found.sort_unstable();
    assert_eq!(found, expected, "{text}");
}

/// The first rows of an order; null comes after NaN, NaN after all numbers.
async fn check_order(service: &QueryService, rows: &[Row], draw: &mut Draw) {
    let (condition, fits) = comparison(draw);
    let (column, descending, count) = (draw.pick(&["mag", "dec", "id"]), draw.chance(0.5), 1 + draw.below(40));
    let direction = if descending { "DESC" } else { "ASC" };
    let text = format!("SELECT id FROM sloping WHERE {condition} ORDER BY {column} {direction}, id LIMIT {count}");
    // An order tells the zeros apart, and puts NaN last.
    let of = |row: &Row| match column {
        "mag" => (row.mag.is_none(), row.mag.map_or(0.0, f64::from)),
        "dec" => (false, row.at.map_or(0.0, |at| at.1)),
        _ => (false, row.id as f64),
    };
    let mut expected: Vec<&Row> = rows.iter().filter(|row| fits(row)).collect();
    expected.sort_by(|a, b| {
        let ((a_null, a_value), (b_null, b_value)) = (of(a), of(b));
        let order = a_null.cmp(&b_null).then(a_value.total_cmp(&b_value));
        (if descending { order.reverse() } else { order }).then(a.id.cmp(&b.id))
    });
    let expected: Vec<i64> = expected.into_iter().take(count).map(|row| row.id).collect();
    assert_eq!(asked(service, &text, draw.pick(&OFF)).await, expected, "{text}");
}

async fn check_join(service: &QueryService, few: &[Row]) {
    for count in [1, few.len()] {
        let text = format!("SELECT s.id FROM few AS f JOIN sloping AS s ON f.id = s.id WHERE f.id < {}", count * FEW);
        let expected: Vec<i64> = few.iter().take(count).map(|row| row.id).collect();
        for off in OFF {
            let rules = Rules::all().without(off).expect("rules");
            let found = ask_as(service, &text, Label::Sql, rules).await.expect("it runs");
            assert_eq!(ids(&found), expected, "{text} without {off}");
        }
    }
}

/// Else the queries above would have shown nothing of it.
async fn check_that_pages_are_passed_over(service: &QueryService, rest: &str) {
    let text = format!("EXPLAIN ANALYZE SELECT id FROM sloping {rest}");
    let plan = ask_as(service, &text, Label::Sql, Rules::all()).await.expect("it runs");
    let lines = plan.iter().flat_map(|batch| batch.column(1).as_string::<i32>().iter().flatten().collect::<Vec<_>>());
    let lines = lines.collect::<Vec<_>>().join("\n");
    let passed_over = lines.contains("rows_out_of_bounds=") && !lines.contains("rows_out_of_bounds=0");
    assert!(passed_over, "{text}\n{lines}");
}
