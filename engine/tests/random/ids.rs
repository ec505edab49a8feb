//! Joins on ids: of few rows with many, of every kind, where the many are told which ids are asked for.

use std::collections::HashMap;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int64Type};
use sidereus_engine::{CollectionOptions, Label, QueryService, Rules, WriteOptions, collect_catalog, import_parquet};

use crate::conditions::{Row, write};
use crate::draw::Draw;
use crate::sky::offset;
use crate::support::{ask_as, service};

const ROWS: usize = 16_000;
const CENTER: (f64, f64) = (200.0, -41.8);
/// What a query is asked with: nothing off, what is tested here off, everything off.
const OFF: [&str; 3] = ["", "id_joins", "all"];

/// Rows of up to two ids, sorted.
type Answer = Vec<[Option<i64>; 2]>;

pub(crate) async fn check(mut draw: Draw, queries: usize) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name);
    let many = many(&mut draw);
    write(&many, &path("source.parquet"));
    let options = WriteOptions { rows_per_partition: 5_000, ..WriteOptions::new("many") };
    import_parquet(&path("source.parquet"), &options, &path("many")).expect("it is imported");
    let indexes = CollectionOptions { indexes: vec!["id".to_owned()], ..CollectionOptions::default() };
    import_parquet(&path("source.parquet"), &WriteOptions { name: "listed".to_owned(), ..options }, &path("plain"))
        .expect("it is imported");
    collect_catalog(&path("plain"), &indexes, &path("listed")).expect("it is indexed");
    for number in 0..queries {
        let few = few(&mut draw, &many);
        let name = format!("few{number}");
        write(&few, &path(&format!("{name}.parquet")));
        let tables = [path(&format!("{name}.parquet")), path("many"), path("listed")];
        let service = service(&tables).await;
        let table = ["many", "listed"][draw.below(2)];
        check_kinds(&service, (&name, table), (&few, &many)).await;
    }
    check_that_rows_are_left_out(&service(&[path("few0.parquet"), path("many")]).await).await;
}

/// Each id twice: near each other in the south, anywhere in the north.
fn many(draw: &mut Draw) -> Vec<Row> {
    let row = |index: usize| {
        let share = index as f64 / ROWS as f64;
        let at = offset(CENTER, if index.is_multiple_of(3) { 0.0 } else { 180.0 }, 3.0 * share);
        let id = (index / 2) as i64;
        let id = if index.is_multiple_of(3) { id.wrapping_mul(6_364_136_223_846_793_005) >> 20 } else { id - 9_000 };
        Row { id, at: Some(at), mag: (!draw.chance(0.1)).then(|| (20.0 * draw.unit()) as f32) }
    };
    (0..ROWS).map(row).collect()
}

/// Some rows of the many, some twice, and some with other ids; few of all or of one place.
fn few(draw: &mut Draw, many: &[Row]) -> Vec<Row> {
    let count = [1, 7, 200, 3_000][draw.below(4)];
    let from = draw.below(ROWS);
    let near = draw.chance(0.5);
    let pick = |draw: &mut Draw| if near { (from + draw.below(2 * count)) % ROWS } else { draw.below(ROWS) };
    let row = |draw: &mut Draw| {
        let row = many[pick(draw)];
        let id = if draw.chance(0.2) { row.id ^ (1 << draw.below(62)) } else { row.id };
        Row { id, mag: (!draw.chance(0.2)).then_some(5.0), ..row }
    };
    (0..count).map(|_| row(draw)).collect()
}

async fn check_kinds(service: &QueryService, (few, many): (&str, &str), rows: (&[Row], &[Row])) {
    // Ids that are null where the magnitude is.
    let f = format!("(SELECT CASE WHEN mag IS NULL THEN NULL ELSE id END AS id FROM {few}) AS f");
    let asked: Vec<Option<i64>> = rows.0.iter().map(|row| row.mag.map(|_| row.id)).collect();
    let bright = |row: &&Row| row.mag.is_some_and(|mag| mag < 12.0);
    let mut held: HashMap<i64, Vec<i64>> = HashMap::new();
    for row in rows.1.iter().filter(bright) {
        held.entry(row.id).or_default().push(row.id);
    }
    let partners = |id: &Option<i64>| id.and_then(|id| held.get(&id)).cloned().unwrap_or_default();
    let pairs: Answer = asked.iter().flat_map(|id| partners(id).into_iter().map(|other| [*id, Some(other)])).collect();
    let lonely: Answer = asked.iter().filter(|id| partners(id).is_empty()).map(|id| [*id, None]).collect();
    let wanted = |row: &&Row| asked.contains(&Some(row.id));
    let held_by = |asked: bool| -> Answer {
        let rows = rows.1.iter().filter(bright).filter(|row| wanted(row) == asked);
        rows.map(|row| [Some(row.id), None]).collect()
    };
    let some: Answer = asked.iter().filter(|id| !partners(id).is_empty()).map(|id| [*id, None]).collect();
    let m = format!("(SELECT id, mag FROM {many} WHERE mag < 12) AS m");
    let both = "SELECT f.id AS a, m.id AS b FROM";
    let unasked = held_by(false).into_iter().map(|[id, _]| [None, id]);
    // Of no rows at all, none is in them, not even null; a null among them may be anything.
    let many_of =
        |condition: &str| format!("(SELECT CASE WHEN mag > 5 THEN id END AS id FROM {many} WHERE {condition})");
    let known: std::collections::HashSet<i64> =
        rows.1.iter().filter(|row| row.mag.is_some_and(|mag| mag > 5.0)).map(|row| row.id).collect();
    let outside = asked.iter().filter(|id| id.is_some_and(|id| !known.contains(&id))).map(|id| [*id, None]).collect();
    let all = asked.iter().map(|id| [*id, None]).collect();
    let cases: [(String, Answer); 11] = [
        (format!("SELECT id FROM {f} WHERE id NOT IN {}", many_of("mag < 12")), Vec::new()),
        (format!("SELECT id FROM {f} WHERE id NOT IN {}", many_of("mag > 5")), outside),
        (format!("SELECT id FROM {f} WHERE id NOT IN {}", many_of("mag > 500")), all),
        (format!("{both} {f} JOIN {m} ON f.id = m.id"), pairs.clone()),
        (format!("{both} {m} JOIN {f} ON f.id = m.id"), pairs.clone()),
        (format!("{both} {f} LEFT JOIN {m} ON f.id = m.id"), [pairs.clone(), lonely.clone()].concat()),
        (format!("SELECT id FROM {m} WHERE id IN (SELECT id FROM {f})"), held_by(true)),
        (format!("SELECT id FROM {f} WHERE EXISTS (SELECT 1 FROM {m} WHERE m.id = f.id)"), some),
        (format!("SELECT id FROM {f} WHERE NOT EXISTS (SELECT 1 FROM {m} WHERE m.id = f.id)"), lonely.clone()),
        (format!("SELECT id FROM {m} WHERE NOT EXISTS (SELECT 1 FROM {f} WHERE m.id = f.id)"), held_by(false)),
        (format!("{both} {f} FULL JOIN {m} ON f.id = m.id"), [pairs, lonely, unasked.collect()].concat()),
    ];
    for (text, mut expected) in cases {
        expected.sort_unstable();
        for off in OFF {
            let rules = Rules::all().without(off).expect("rules");
            let found = ask_as(service, &text, Label::Sql, rules).await.expect("it runs");
            assert_eq!(answer(&found), expected, "{text} without {off}");
        }
    }
}

fn answer(batches: &[RecordBatch]) -> Answer {
    let rows = batches.iter().flat_map(|batch| {
        let column = |number: usize| {
            let ids = batch.columns().get(number).map(|ids| cast(ids, &DataType::Int64).expect("ids"));
            let ids = ids.map(|ids| ids.as_primitive::<Int64Type>().clone());
            move |row: usize| ids.as_ref().filter(|ids| ids.is_valid(row)).map(|ids| ids.value(row))
        };
        let (first, second) = (column(0), column(1));
        (0..batch.num_rows()).map(move |row| [first(row), second(row)])
    });
    let mut rows: Answer = rows.collect();
    rows.sort_unstable();
    rows
}

/// Else the queries above would have shown nothing of it.
async fn check_that_rows_are_left_out(service: &QueryService) {
    let text = "EXPLAIN ANALYZE SELECT COUNT(m.mag) FROM few0 AS f JOIN many AS m ON f.id = m.id WHERE f.id % 2 = 0";
    let plan = ask_as(service, text, Label::Sql, Rules::all()).await.expect("it runs");
    let lines = plan.iter().flat_map(|batch| batch.column(1).as_string::<i32>().iter().flatten().collect::<Vec<_>>());
    let lines = lines.collect::<Vec<_>>().join("\n");
    let scan = lines
        .lines()
        .find(|line| line.contains("ids of a join=id"))
        .unwrap_or_else(|| panic!("no scan is asked for ids\n{lines}"));
    let handed_out = scan.split("output_rows=").nth(1).expect("a count of rows");
    assert!(lines.contains("TellIdsExec: id") && !handed_out.starts_with("16"), "{lines}");
}
