//! One query for many rows of parameters: it gives the answer for each, one after the other, by one join with them or by a run for each.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Float64Array, Int64Array, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int64Type};
use futures::TryStreamExt;
use sidereus_engine::{
    Execution, Label, PreparedQuery, Principal, QueryRequest, QueryService, Rules, ScalarValue, WriteOptions,
    import_parquet,
};

use crate::conditions::{Row, rows, write};
use crate::draw::Draw;
use crate::sky::{BLURRED_DEG, separation};
use crate::support::service;

const ROWS: usize = 8_000;
const OFF: [&str; 3] = ["", "parameter_joins", "all"];

/// What is asked for once.
#[derive(Debug, Clone, Copy)]
struct Asked {
    at: Option<(f64, f64)>,
    radius: f64,
    id: i64,
    mag: f64,
}

/// A query, the columns of its parameters, and whether a row of the table is an answer; `None` where rounding decides.
struct Case {
    text: &'static str,
    columns: fn(&[Asked]) -> Vec<ArrayRef>,
    fits: fn(&Asked, &Row) -> Option<bool>,
}

const CASES: [Case; 5] = [
    Case {
        text: "SELECT ? AS target, id FROM everywhere WHERE 1 = CONTAINS(POINT(ra, dec), CIRCLE(?, ?, ?))",
        columns: |asked| [vec![targets(asked)], cones(asked)].concat(),
        fits: near,
    },
    Case {
        text: "SELECT ? AS target, id FROM everywhere WHERE q3c_radial_query(ra, dec, ?, ?, ?) AND mag < ?",
        columns: |asked| [vec![targets(asked)], cones(asked), vec![mags(asked)]].concat(),
        fits: |asked, row| near(asked, row).map(|near| near && bright(asked, row)),
    },
    Case {
        text: "SELECT id, ? AS target FROM everywhere WHERE id = ?",
        columns: |asked| vec![targets(asked), Arc::new(Int64Array::from_iter_values(asked.iter().map(|one| one.id)))],
        fits: |asked, row| Some(asked.id == row.id),
    },
    Case {
        text: "SELECT t.id, ? AS target FROM everywhere AS t JOIN everywhere AS u ON t.id = u.id WHERE u.id = ? AND t.mag < ?",
        columns: |asked| {
            vec![targets(asked), Arc::new(Int64Array::from_iter_values(asked.iter().map(|one| one.id))), mags(asked)]
        },
        fits: |asked, row| Some(asked.id == row.id && bright(asked, row)),
    },
    // Compares all pairs, so it is run for each.
    Case {
        text: "SELECT ? AS target, id FROM everywhere WHERE mag < ? AND id % 7 = 1",
        columns: |asked| vec![targets(asked), mags(asked)],
        fits: |asked, row| Some(bright(asked, row) && row.id % 7 == 1),
    },
];

pub(crate) async fn check(mut draw: Draw, queries: usize) {
    let folder = tempfile::tempdir().expect("a folder");
    let rows = rows(&mut draw, ROWS, false);
    let (source, catalog) = (folder.path().join("source.parquet"), folder.path().join("everywhere"));
    write(&rows, &source);
    let options = WriteOptions { rows_per_partition: 1_000, ..WriteOptions::new("everywhere") };
    import_parquet(&source, &options, &catalog).expect("it is imported");
    let service = service(&[catalog]).await;
    for number in 0..queries {
        let asked: Vec<Asked> = (0..[2, 9, 60][draw.below(3)]).map(|_| one(&mut draw, &rows)).collect();
        for case in &CASES {
            check_case(&service, case, (&asked, &rows), OFF[number % OFF.len()]).await;
        }
    }
    check_forms(&service).await;
}

/// A cone and an id, sometimes of a row of the table, sometimes of none.
fn one(draw: &mut Draw, rows: &[Row]) -> Asked {
    let row = rows[draw.below(rows.len())];
    let at = if draw.chance(0.5) { row.at } else { Some(draw.position()) };
    let id = if draw.chance(0.8) { row.id } else { -1 };
    Asked { at: at.filter(|_| !draw.chance(0.05)), radius: draw.radius().min(20.0), id, mag: 25.0 * draw.unit() }
}

fn targets(asked: &[Asked]) -> ArrayRef {
    Arc::new(Int64Array::from_iter_values((0..).take(asked.len())))
}

fn cones(asked: &[Asked]) -> Vec<ArrayRef> {
    let coordinate = |of: fn((f64, f64)) -> f64| -> ArrayRef {
        Arc::new(asked.iter().map(|one| one.at.map(of)).collect::<Float64Array>())
    };
    let radii = Float64Array::from_iter_values(asked.iter().map(|one| one.radius));
    vec![coordinate(|at| at.0), coordinate(|at| at.1), Arc::new(radii)]
}

fn mags(asked: &[Asked]) -> ArrayRef {
    Arc::new(Float64Array::from_iter_values(asked.iter().map(|one| one.mag)))
}

fn near(asked: &Asked, row: &Row) -> Option<bool> {
    let (Some(center), Some(at)) = (asked.at, row.at) else { return Some(false) };
    let distance = separation(center, at);
    ((distance - asked.radius).abs() > BLURRED_DEG).then_some(distance < asked.radius)
}

fn bright(asked: &Asked, row: &Row) -> bool {
    row.mag.is_some_and(|mag| f64::from(mag) < asked.mag)
}

async fn check_case(service: &QueryService, case: &Case, (asked, rows): (&[Asked], &[Row]), off: &str) {
    let columns = (case.columns)(asked);
    let batch = RecordBatch::try_from_iter_with_nullable(
        columns.into_iter().enumerate().map(|(n, c)| (n.to_string(), c, true)),
    )
    .expect("a batch");
    let found = answers(service, case.text, &batch, off).await;
    let context = || format!("{} without {off:?} of {asked:?}", case.text);
    assert!(found.is_sorted_by_key(|(target, _)| *target), "{}", context());
    let mut found = found;
    found.sort_unstable();
    for (target, one) in asked.iter().enumerate() {
        let of_target = |from: &[(i64, i64)]| -> Vec<i64> {
            from.iter().filter(|(of, _)| *of == target as i64).map(|(_, id)| *id).collect()
        };
        let clear = |id: &i64| (case.fits)(one, &rows[*id as usize]).is_some();
        let mut found = of_target(&found);
        found.retain(clear);
        let expected: Vec<i64> =
            rows.iter().filter(|row| (case.fits)(one, row) == Some(true)).map(|row| row.id).collect();
        assert_eq!(found, expected, "target {target}: {}", context());
    }
}

/// Pairs of target and id, in the order in which they came.
async fn answers(service: &QueryService, text: &str, rows: &RecordBatch, off: &str) -> Vec<(i64, i64)> {
    let query = prepared(service, text, off).await;
    let anonymous = Principal::anonymous();
    let batches: Vec<RecordBatch> = match service.joined(&anonymous, &query, rows).await.expect("it is planned") {
        Some(joined) => run(service, &joined, &[]).await,
        None => {
            let mut batches = Vec::new();
            for row in 0..rows.num_rows() {
                let value = |column: &ArrayRef| ScalarValue::try_from_array(column, row).expect("a value");
                let values: Vec<ScalarValue> = rows.columns().iter().map(value).collect();
                batches.extend(run(service, &query, &values).await);
            }
            batches
        }
    };
    let pairs = batches.iter().flat_map(|batch| {
        let column = |name: &str| {
            let column = cast(batch.column_by_name(name).expect("it is there"), &DataType::Int64).expect("an integer");
            column.as_primitive::<Int64Type>().values().to_vec()
        };
        column("target").into_iter().zip(column("id"))
    });
    pairs.collect()
}

async fn prepared(service: &QueryService, text: &str, off: &str) -> PreparedQuery {
    let rules = Rules::all().without(off).expect("rules");
    let request = QueryRequest { rules: Some(rules), ..QueryRequest::new(text, Label::Sql) };
    service.prepare(&Principal::anonymous(), &request).await.unwrap_or_else(|error| panic!("{text}: {error}"))
}

async fn run(service: &QueryService, query: &PreparedQuery, values: &[ScalarValue]) -> Vec<RecordBatch> {
    let execution = Execution { parameters: values.to_vec(), ..Execution::default() };
    let result = service.execute(&Principal::anonymous(), query, execution).await;
    result.expect("it runs").stream.try_collect().await.expect("it ends")
}

/// What is about one run is not joined: counts, orders, limits, sub-queries, and what would compare all pairs.
async fn check_forms(service: &QueryService) {
    let cone = "1 = CONTAINS(POINT(ra, dec), CIRCLE(?, ?, ?))";
    let number = |value: f64| -> ArrayRef { Arc::new(Float64Array::from(vec![value, value])) };
    let forms = [
        (format!("SELECT id FROM everywhere WHERE {cone}"), true),
        (
            format!(
                "SELECT id, mag + 1 AS m FROM (SELECT id, ra, dec, mag FROM everywhere WHERE mag > 3) AS t WHERE {cone}"
            ),
            true,
        ),
        (format!("SELECT COUNT(*) AS n FROM everywhere WHERE {cone}"), false),
        (format!("SELECT DISTINCT id FROM everywhere WHERE {cone}"), false),
        (format!("SELECT id FROM everywhere WHERE {cone} ORDER BY id"), false),
        (format!("SELECT id FROM everywhere WHERE {cone} LIMIT 3"), false),
        (format!("SELECT id FROM everywhere WHERE {cone} AND mag > (SELECT AVG(mag) FROM everywhere)"), false),
        (format!("SELECT id FROM everywhere WHERE {cone} UNION ALL SELECT id FROM everywhere WHERE mag < 0"), false),
        (format!("SELECT id, ROW_NUMBER() OVER (ORDER BY id) AS n FROM everywhere WHERE {cone}"), false),
        (format!("SELECT t.id FROM (SELECT id FROM everywhere WHERE {cone}) AS t"), false),
        ("SELECT id FROM everywhere WHERE ra > ? AND dec > ? AND mag > ?".to_owned(), false),
    ];
    for (text, is_joined) in forms {
        let query = prepared(service, &text, "").await;
        let columns = ["0", "1", "2"].map(|name| (name, number(1.0)));
        let batch = RecordBatch::try_from_iter(columns).expect("a batch");
        let joined = service.joined(&Principal::anonymous(), &query, &batch).await.expect("it is planned");
        assert_eq!(joined.is_some(), is_joined, "{text}");
        let off = prepared(service, &text, "parameter_joins").await;
        assert!(
            service.joined(&Principal::anonymous(), &off, &batch).await.expect("it is planned").is_none(),
            "{text}"
        );
    }
}
