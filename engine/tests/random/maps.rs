//! Maps of the sky: groups by cell, by the way that needs sorted rows and by the one that does not.

use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, RecordBatch};
use arrow::compute::{cast, concat_batches, lexsort_to_indices, take_record_batch};
use arrow::datatypes::DataType;
use sidereus_engine::{Label, QueryService, Rules, WriteOptions, import_parquet};

use crate::conditions::{rows, write};
use crate::draw::Draw;
use crate::support::{ask_as, service};

pub(crate) async fn check(mut draw: Draw, queries: usize) {
    let folder = tempfile::tempdir().expect("a folder");
    let whole = rows(&mut draw, 40_000, false);
    let (source, catalog) = (folder.path().join("source.parquet"), folder.path().join("sorted"));
    write(&whole, &source);
    let options = WriteOptions { rows_per_partition: 3_000, ..WriteOptions::new("sorted") };
    import_parquet(&source, &options, &catalog).expect("it is imported");
    let service = service(&[source, catalog]).await;
    for _ in 0..queries {
        compare(&service, &mut draw).await;
    }
}

async fn compare(service: &QueryService, draw: &mut Draw) {
    let order = draw.below(30);
    let cell = match draw.below(4) {
        0 => format!("_healpix_29 / {}", 1_i64 << (2 * (29 - order))),
        1 => format!("_healpix_29 >> {}", 2 * (29 - order)),
        2 => format!("FLOOR(_healpix_29 / POWER(4, {}))", 29 - order),
        _ => format!("IVO_HEALPIX_INDEX({order}, ra, dec)"),
    };
    let aggregates = [
        "COUNT(*)",
        "COUNT(mag)",
        "AVG(mag)",
        "SUM(id)",
        "MIN(ra)",
        "MAX(mag)",
        "COUNT(*) FILTER (WHERE mag > 3)",
        "STDDEV(dec)",
        "COUNT(DISTINCT mag)",
        "SUM(id % 7)",
    ];
    let chosen: Vec<&str> = (0..=draw.below(3)).map(|_| aggregates[draw.below(aggregates.len())]).collect();
    let listed: Vec<String> = chosen.iter().enumerate().map(|(number, one)| format!("{one} AS a{number}")).collect();
    let condition =
        ["", " WHERE mag < 12", " WHERE id % 3 = 1", " WHERE DISTANCE(ra, dec, 10, 89) < 40", " WHERE 1 = 0"];
    let condition = condition[draw.below(5)];
    let having = if draw.chance(0.2) { " HAVING COUNT(*) > 1" } else { "" };
    let listed = listed.join(", ");
    let text = format!("SELECT {cell} AS cell, {listed} FROM sorted{condition} GROUP BY {cell}{having}");
    let ours = answer(service, &text, Rules::all()).await;
    let plain = answer(service, &text, Rules::none()).await;
    assert_eq!(ours, plain, "{text}");
    if !cell.contains('_') || cell.starts_with("IVO") {
        let unsorted = answer(service, &text.replace("FROM sorted", "FROM source"), Rules::all()).await;
        assert_eq!(ours, unsorted, "{text} on the file");
    }
}

/// Rows in order of their cell, numbers as texts that rounding does not change.
async fn answer(service: &QueryService, text: &str, rules: Rules) -> Vec<String> {
    let batches = ask_as(service, text, Label::Sql, rules).await.unwrap_or_else(|error| panic!("{text}: {error}"));
    let Some(first) = batches.first() else { return Vec::new() };
    let batch = concat_batches(&first.schema(), &batches).expect("one schema");
    let by_cell = arrow::compute::SortColumn { values: Arc::clone(batch.column(0)), options: None };
    let order = lexsort_to_indices(&[by_cell], None).expect("cells have an order");
    let batch: RecordBatch = take_record_batch(&batch, &order).expect("rows");
    let columns: Vec<Vec<String>> = batch.columns().iter().map(texts).collect();
    (0..batch.num_rows())
        .map(|row| columns.iter().map(|column| column[row].clone()).collect::<Vec<_>>().join(" "))
        .collect()
}

fn texts(column: &ArrayRef) -> Vec<String> {
    let numbers = cast(column, &DataType::Float64).expect("numbers");
    let numbers = numbers.as_any().downcast_ref::<Float64Array>().expect("numbers");
    let text = |number: Option<f64>| match number {
        None => "null".to_owned(),
        Some(number) if number.fract() == 0.0 => number.to_string(),
        Some(number) => format!("{number:.6e}"),
    };
    numbers.iter().map(text).collect()
}
