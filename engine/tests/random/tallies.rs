//! Counts and extremes of whole tables: what footers say is what the rows say.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, AsArray, BooleanArray, Date32Array, Decimal128Array, Float32Array, Float64Array, Int8Array, Int64Array,
    RecordBatch, StringArray, TimestampMicrosecondArray, UInt8Array, UInt16Array, UInt32Array, UInt64Array,
};
use arrow::util::pretty::pretty_format_batches;
use parquet::arrow::ArrowWriter;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use sidereus_engine::{Label, QueryService, Rules, WriteOptions, import_parquet};

use crate::draw::Draw;
use crate::support::{ask_as, service};

const COLUMNS: [&str; 14] =
    ["id", "tiny", "byte", "word", "large", "huge", "mag", "flux", "flag", "name", "day", "moment", "price", "zero"];

/// A value, or null; a column without nulls, of nulls alone, or of both.
fn some<T>(draw: &mut Draw, count: usize, value: impl Fn(&mut Draw) -> T) -> Vec<Option<T>> {
    let gaps = draw.pick(&[0.0, 0.0, 0.2, 1.0]);
    (0..count).map(|_| if draw.chance(gaps) { None } else { Some(value(draw)) }).collect()
}

fn whole(draw: &mut Draw) -> i128 {
    let size = draw.pick(&[3, 8, 16, 31, 63, 64]);
    let value = (draw.unit() * 2_f64.powi(size)) as i128;
    if draw.chance(0.5) { value } else { -value }
}

fn float(draw: &mut Draw) -> f64 {
    match draw.below(400) {
        0 => f64::NAN,
        1 => f64::INFINITY,
        2 => -0.0,
        3 => 0.0,
        _ => draw.unit() * 200.0 - 100.0,
    }
}

fn rows(draw: &mut Draw) -> RecordBatch {
    let count = draw.pick(&[1, 40, 900, 3000]);
    let quiet = draw.chance(0.5);
    let number = |draw: &mut Draw| if quiet { 1.0 + draw.unit() } else { float(draw) };
    let name = |draw: &mut Draw| {
        let long = if draw.chance(0.1) { "x".repeat(draw.below(200)) } else { String::new() };
        format!("{}{long}{}", draw.pick(&["", "a", "\u{e9}toile", "zeta"]), draw.below(1000))
    };
    let columns: [ArrayRef; 14] = [
        Arc::new(Int64Array::from_iter_values(0..count as i64)),
        Arc::new(Int8Array::from_iter(some(draw, count, |draw| whole(draw) as i8))),
        Arc::new(UInt8Array::from_iter(some(draw, count, |draw| whole(draw) as u8))),
        Arc::new(UInt16Array::from_iter(some(draw, count, |draw| whole(draw) as u16))),
        Arc::new(UInt32Array::from_iter(some(draw, count, |draw| whole(draw) as u32))),
        Arc::new(UInt64Array::from_iter(some(draw, count, |draw| whole(draw) as u64))),
        Arc::new(Float32Array::from_iter(some(draw, count, |draw| number(draw) as f32))),
        Arc::new(Float64Array::from_iter(some(draw, count, number))),
        Arc::new(BooleanArray::from_iter(some(draw, count, |draw| draw.chance(0.9)))),
        Arc::new(StringArray::from_iter(some(draw, count, name))),
        Arc::new(Date32Array::from_iter(some(draw, count, |draw| whole(draw) as i32 % 50_000))),
        Arc::new(TimestampMicrosecondArray::from_iter(some(draw, count, |draw| whole(draw) as i64 % (1 << 50)))),
        Arc::new(
            Decimal128Array::from_iter(some(draw, count, |draw| whole(draw) % (1 << 60)))
                .with_precision_and_scale(20, 3)
                .expect("a decimal"),
        ),
        Arc::new(Float64Array::from_iter(some(draw, count, |draw| draw.pick(&[-0.0, 0.0])))),
    ];
    let columns = COLUMNS.into_iter().zip(columns);
    let place = |values: Vec<f64>| Arc::new(Float64Array::from(values)) as ArrayRef;
    let positions: Vec<(f64, f64)> = (0..count).map(|_| draw.position()).collect();
    let ra = place(positions.iter().map(|at| at.0).collect());
    let dec = place(positions.iter().map(|at| at.1).collect());
    RecordBatch::try_from_iter_with_nullable(
        columns.chain([("ra", ra), ("dec", dec)]).map(|(name, column)| (name, column, true)),
    )
    .expect("columns of one length")
}

/// Writes rows as other programs may: short row groups, no statistics, or texts cut short in them.
fn write(rows: &RecordBatch, path: &Path, draw: &mut Draw) {
    let properties = WriterProperties::builder()
        .set_max_row_group_row_count(Some(draw.pick(&[7, 500, 100_000])))
        .set_statistics_enabled(draw.pick(&[
            EnabledStatistics::Chunk,
            EnabledStatistics::Page,
            EnabledStatistics::None,
        ]))
        .set_statistics_truncate_length(draw.pick(&[None, Some(5), Some(64)]));
    let file = File::create(path).expect("a file");
    let mut writer = ArrowWriter::try_new(file, rows.schema(), Some(properties.build())).expect("a writer");
    writer.write(rows).expect("it is written");
    writer.close().expect("it is written");
}

pub(crate) async fn check(mut draw: Draw, tables: usize) {
    let mut untouched = 0;
    for _ in 0..tables {
        let folder = tempfile::tempdir().expect("a folder");
        let (plain, ours) = (folder.path().join("plain.parquet"), folder.path().join("ours"));
        write(&rows(&mut draw), &plain, &mut draw);
        let options = WriteOptions { rows_per_partition: 500, ..WriteOptions::new("ours") };
        import_parquet(&plain, &options, &ours).expect("it is imported");
        let service = service(&[plain, ours]).await;
        for table in ["plain", "ours"] {
            for _ in 0..8 {
                untouched += usize::from(check_query(&service, table, &mut draw).await);
            }
        }
    }
    assert!(untouched > tables, "only {untouched} of {} queries read no row", 16 * tables);
}

/// Compares one query; tells whether footers alone answered it.
async fn check_query(service: &QueryService, table: &str, draw: &mut Draw) -> bool {
    let one = |draw: &mut Draw| {
        let column = draw.pick(&COLUMNS);
        match draw.below(8) {
            0 => "COUNT(*)".to_owned(),
            1 | 2 => format!("COUNT({column})"),
            3 | 4 => format!("MIN({column})"),
            5 | 6 => format!("MAX({column})"),
            _ => {
                draw.pick(&["SUM(id)", "COUNT(DISTINCT tiny)", "MAX(id + 1)", "MIN(id) FILTER (WHERE tiny > 3)"]).into()
            }
        }
    };
    let aggregates: Vec<String> = (0..1 + draw.below(3)).map(|place| format!("{} AS a{place}", one(draw))).collect();
    let condition = draw.pick(&["", "", "", " WHERE tiny > 0", " GROUP BY flag ORDER BY flag"]);
    let text = format!("SELECT {} FROM {table}{condition}", aggregates.join(", "));
    let answer = async |rules: &str| {
        let rules = Rules::all().without(rules).expect("rules");
        let batches = ask_as(service, &text, Label::Sql, rules).await.unwrap_or_else(|error| panic!("{text}: {error}"));
        let types: Vec<_> = batches[0].schema().fields().iter().map(|field| field.data_type().clone()).collect();
        format!("{types:?}\n{}", pretty_format_batches(&batches).expect("a table"))
    };
    let found = answer("").await;
    assert_eq!(found, answer("metadata_answers").await, "{text}");
    assert_eq!(found, answer("all").await, "{text}");
    let plan = ask_as(service, &format!("EXPLAIN ANALYZE {text}"), Label::Sql, Rules::all()).await.expect("it runs");
    let plan = plan[0].column(1).as_string::<i32>().value(0).to_owned();
    let scan = plan.lines().find(|line| line.contains("HatsScanExec")).unwrap_or_default();
    plan.contains("TallyExec") && !scan.contains("output_rows=")
}
