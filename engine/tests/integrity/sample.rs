//! A small catalog of many partitions, questions about it, and what of an answer counts.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{ArrayRef, Float32Array, Float64Array, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema};
use arrow::util::display::array_value_to_string;
use sidereus_engine::{
    Codec, CollectionOptions, EngineError, QueryService, Rules, WriteOptions, write_catalog, write_collection,
};

use crate::support::ask;

/// Questions whose answers must not change, each with its name.
pub(crate) const QUESTIONS: [(&str, &str); 7] = [
    ("count", "SELECT COUNT(*) FROM stars"),
    ("extremes", "SELECT MIN(mag), MAX(mag), MIN(id), MAX(class) FROM stars"),
    ("density", "SELECT IVO_HEALPIX_INDEX(2, ra, dec) AS cell, COUNT(*) FROM stars GROUP BY 1 ORDER BY 1"),
    ("look-up", "SELECT id, ra, dec, mag, class FROM stars WHERE id = 4321"),
    ("cone", "SELECT id, mag FROM stars WHERE DISTANCE(ra, dec, 266.5, -28.5) < 0.2 ORDER BY id"),
    (
        "crossmatch",
        "SELECT COUNT(*), SUM(a.id - b.id), MAX(b.class) FROM stars AS a \
         JOIN stars AS b ON DISTANCE(a.ra, a.dec, b.ra, b.dec) < 0.002 WHERE a.id < 3000",
    ),
    ("one", "SELECT TOP 1 id, ra, dec, mag, class FROM stars"),
];

/// Numbers that look random, the same at every run.
pub(crate) struct Draw(pub(crate) u64);

impl Draw {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.next() % end.max(1)
    }

    fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// Rows all over the sky, most of them within a degree; `first` numbers them.
pub(crate) fn rows(count: i64, first: i64) -> RecordBatch {
    let mut draw = Draw(first as u64 + 1);
    let places: Vec<(f64, f64)> = (0..count)
        .map(|row| match row % 4 {
            0 => (draw.unit() * 360.0, (2.0 * draw.unit() - 1.0).asin() * 57.295),
            _ => (266.0 + draw.unit(), -29.0 + draw.unit()),
        })
        .collect();
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("id", Arc::new(Int64Array::from_iter_values(first..first + count))),
        ("ra", Arc::new(Float64Array::from_iter_values(places.iter().map(|(ra, _)| *ra)))),
        ("dec", Arc::new(Float64Array::from_iter_values(places.iter().map(|(_, dec)| *dec)))),
        (
            "mag",
            Arc::new((0..count).map(|row| (row % 9 != 0).then(|| draw.unit() as f32 * 20.0)).collect::<Float32Array>()),
        ),
        ("class", Arc::new(StringArray::from_iter_values((0..count).map(|row| format!("class {}", row % 5))))),
    ];
    let field = |(name, array): &(&str, ArrayRef)| Field::new(*name, array.data_type().clone(), *name == "mag");
    let fields: Vec<Field> = columns.iter().map(field).collect();
    assert_eq!(fields[3].data_type(), &DataType::Float32);
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns.into_iter().map(|(_, array)| array).collect()).unwrap()
}

/// Writes `stars`, with pages that are not compressed, so that a flipped bit stays a value.
pub(crate) fn write_stars(root: &Path, rows: &RecordBatch) {
    write_stars_in(root, rows, 3_000);
}

/// Writes `stars` in partitions of at most so many rows.
pub(crate) fn write_stars_in(root: &Path, rows: &RecordBatch, rows_per_partition: usize) {
    let options = WriteOptions { codec: Codec::None, rows_per_partition, ..WriteOptions::new("stars") };
    write_catalog(std::slice::from_ref(rows), &options, root).unwrap();
}

/// Writes `stars` as a collection in a folder of that name, with a margin of an arcminute and an index of `id`.
pub(crate) fn write_stars_collection(root: &Path, rows: &RecordBatch) {
    write_stars_collection_in(root, rows, 3_000);
}

/// Writes that collection in partitions of at most so many rows.
pub(crate) fn write_stars_collection_in(root: &Path, rows: &RecordBatch, rows_per_partition: usize) {
    let options =
        CollectionOptions { margins: vec![60.0], indexes: vec!["id".to_owned()], ..CollectionOptions::default() };
    write_collection(root, "stars", &options, |primary| {
        let options = WriteOptions { codec: Codec::None, rows_per_partition, ..WriteOptions::new("stars") };
        write_catalog(std::slice::from_ref(rows), &options, primary)
    })
    .unwrap();
}

/// The rows of an answer as texts.
pub(crate) async fn answer(service: &QueryService, query: &str) -> Result<Vec<String>, EngineError> {
    let batches = ask(service, query, Rules::all()).await?;
    let line = |batch: &RecordBatch, row| {
        let cells = batch.columns().iter().map(|column| array_value_to_string(column, row).unwrap());
        cells.collect::<Vec<_>>().join(" ")
    };
    Ok(batches.iter().flat_map(|batch| (0..batch.num_rows()).map(move |row| line(batch, row))).collect())
}

/// What each question must be answered with; the last one with any of the rows.
pub(crate) struct Truth {
    answers: Vec<Vec<String>>,
    rows: BTreeSet<String>,
}

impl Truth {
    pub(crate) async fn of(service: &QueryService) -> Self {
        let mut answers = Vec::new();
        for (_, query) in QUESTIONS {
            answers.push(answer(service, query).await.unwrap());
        }
        let rows = answer(service, "SELECT id, ra, dec, mag, class FROM stars").await.unwrap();
        Self { answers, rows: rows.into_iter().collect() }
    }

    /// Whether an answer to a question is right.
    pub(crate) fn allows(&self, question: usize, answer: &[String]) -> bool {
        match QUESTIONS[question].0 {
            "one" => answer.len() == 1 && self.rows.contains(&answer[0]),
            _ => self.answers[question] == answer,
        }
    }
}

/// All files below a folder.
pub(crate) fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found.sort();
    found
}
