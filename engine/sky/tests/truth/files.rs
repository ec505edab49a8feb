//! Where are the tables, and what is in them?

use std::collections::HashMap;
use std::io::Read;
use std::path::PathBuf;

/// A row by column name.
pub(crate) type Row = HashMap<String, String>;

/// The path of a shared file; `None`, with a line on the console, where it is absent.
pub(crate) fn shared(path: &str) -> Option<PathBuf> {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
    let places = [format!("{root}/../shared/{path}"), format!("{root}/../../shared/{path}")];
    let found = places.iter().map(PathBuf::from).find(|place| place.exists());
    if found.is_none() {
        println!("skipped: shared/{path} is absent");
    }
    found
}

/// The rows of a CSV table, compressed or not.
pub(crate) fn rows(name: &str) -> Option<Vec<Row>> {
    let path = shared(&format!("truth/dev/{name}"))?;
    let bytes = std::fs::read(path).unwrap();
    let mut text = String::new();
    if name.ends_with(".gz") {
        flate2::read::GzDecoder::new(bytes.as_slice()).read_to_string(&mut text).unwrap();
    } else {
        text = String::from_utf8(bytes).unwrap();
    }
    let rows: Vec<Row> = csv::Reader::from_reader(text.as_bytes()).deserialize().map(Result::unwrap).collect();
    assert!(!rows.is_empty(), "{name} has no rows");
    Some(rows)
}

/// A number of a row.
pub(crate) fn number(row: &Row, column: &str) -> f64 {
    row[column].parse().unwrap()
}

/// A whole number of a row.
pub(crate) fn integer(row: &Row, column: &str) -> u64 {
    row[column].parse().unwrap()
}
