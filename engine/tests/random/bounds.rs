//! Bounds on right ascension and declination: which rows lie between them, whatever is passed over for it.

use sidereus_engine::{Label, QueryService, Rules, WriteOptions, import_parquet};

use crate::conditions::{Row, rows, write};
use crate::draw::Draw;
use crate::support::{ask_as, ids, service};

const ROWS: usize = 20_000;
const OFF: [&str; 3] = ["", "coordinate_bounds", "all"];

pub(crate) async fn check(mut draw: Draw, queries: usize) {
    let folder = tempfile::tempdir().expect("a folder");
    let rows = rows(&mut draw, ROWS, false);
    let (source, catalog) = (folder.path().join("source.parquet"), folder.path().join("everywhere"));
    write(&rows, &source);
    let options = WriteOptions { rows_per_partition: 1_000, ..WriteOptions::new("everywhere") };
    import_parquet(&source, &options, &catalog).expect("it is imported");
    let service = service(&[catalog]).await;
    for number in 0..queries {
        check_box(&service, &rows, OFF[number % OFF.len()], &mut draw).await;
    }
}

/// Ends of a range, sometimes of a row's own, sometimes beyond what coordinates there are.
fn range(draw: &mut Draw, own: f64, most: f64) -> (f64, f64) {
    let width = most * draw.unit().powi(3);
    match draw.below(6) {
        0 => (own, own),
        1 => (own, own + width),
        2 => (own - width, own),
        3 => (-most, own),
        _ => (own - width * draw.unit(), own + width),
    }
}

async fn check_box(service: &QueryService, rows: &[Row], off: &str, draw: &mut Draw) {
    let at = rows[draw.below(rows.len())].at.expect("all have positions");
    let (ra, dec) = (range(draw, at.0, 360.0), range(draw, at.1, 90.0));
    let conditions = match draw.below(3) {
        0 => format!("ra BETWEEN {:?} AND {:?} AND dec BETWEEN {:?} AND {:?}", ra.0, ra.1, dec.0, dec.1),
        1 => format!("dec <= {:?} AND {:?} <= ra AND ra <= {:?} AND dec >= {:?}", dec.1, ra.0, ra.1, dec.0),
        _ => format!("NOT (ra < {:?} OR ra > {:?}) AND dec BETWEEN {:?} AND {:?}", ra.0, ra.1, dec.0, dec.1),
    };
    let within = |value: f64, (low, high): (f64, f64)| low <= value && value <= high;
    let fits = |row: &&Row| row.at.is_some_and(|at| within(at.0, ra) && within(at.1, dec));
    let expected: Vec<i64> = rows.iter().filter(fits).map(|row| row.id).collect();
    let text = format!("SELECT id FROM everywhere WHERE {conditions}");
    let rules = Rules::all().without(off).expect("rules");
    let found = ask_as(service, &text, Label::Sql, rules).await.unwrap_or_else(|error| panic!("{text}: {error}"));
    let mut found = ids(&found);
    found.sort_unstable();
    assert_eq!(found, expected, "{text} without {off:?}");
}
