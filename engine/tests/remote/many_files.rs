//! A sky of 4,000 files, all but one of them tiny.

use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, Float32Array, Float64Array, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema};
use sidereus_engine::{CollectionOptions, WriteOptions, write_catalog, write_collection};
use sidereus_sky::{Cell, Order, center};

/// Partitions.
pub(crate) const FILES: u64 = 4_000;
/// Rows of a tiny one.
const ROWS: u64 = 10;
/// The partition that is not tiny.
const CROWDED: u64 = 1_234;
/// Its rows: several row groups of pages that are not all in the end of the file.
const CROWD: u64 = 300_000;
/// The order of all partitions.
const ORDER: u8 = 5;

/// Writes the collection `sky` with the primary `stars`, one margin and, if wanted, an index of ids.
pub(crate) fn write(target: &Path, indexed: bool) {
    let options = WriteOptions { rows_per_partition: 10, max_order: ORDER, ..WriteOptions::new("stars") };
    let indexes = if indexed { vec!["id".to_owned()] } else { Vec::new() };
    let collection = CollectionOptions { margins: vec![0.5], indexes, codec: options.codec };
    let rows = rows(FILES, |npix| if npix == CROWDED { CROWD } else { ROWS });
    write_collection(target, "stars", &collection, |place| write_catalog(&[rows], &options, place))
        .expect("it is written");
}

/// Writes the catalog `stars` of a few files that are larger than what is read with a footer.
pub(crate) fn write_few(target: &Path) {
    let options = WriteOptions { rows_per_partition: 10, max_order: ORDER, ..WriteOptions::new("stars") };
    write_catalog(&[rows(4, |_| 30_000)], &options, target).expect("it is written");
}

fn rows(files: u64, rows_of: impl Fn(u64) -> u64) -> RecordBatch {
    let order = Order::new(ORDER).expect("an order");
    let mut positions = Vec::new();
    for npix in 0..files {
        let keys = Cell::new(order, npix).expect("a cell").range29();
        let count = rows_of(npix);
        let step = (keys.end - keys.start) / count;
        positions.extend((0..count).map(|row| place(keys.start + row * step + step / 2)));
    }
    let count = positions.len();
    let number = |row: usize, factor: u64| (row as u64).wrapping_mul(factor) % 1_000_003;
    let floats = |factor: u64| -> ArrayRef {
        Arc::new(Float32Array::from_iter_values((0..count).map(|row| number(row, factor) as f32 / 1e5)))
    };
    let names = StringArray::from_iter_values((0..count).map(|row| format!("star {}", number(row, 7_919))));
    let columns: Vec<(&str, DataType, ArrayRef)> = vec![
        ("id", DataType::Int64, Arc::new(Int64Array::from_iter_values(0..count as i64))),
        ("ra", DataType::Float64, Arc::new(Float64Array::from_iter_values(positions.iter().map(|place| place.0)))),
        ("dec", DataType::Float64, Arc::new(Float64Array::from_iter_values(positions.iter().map(|place| place.1)))),
        ("g", DataType::Float32, floats(104_729)),
        ("bp", DataType::Float32, floats(1_299_709)),
        ("rp", DataType::Float32, floats(15_485_863)),
        ("name", DataType::Utf8, Arc::new(names)),
    ];
    let fields: Vec<Field> = columns.iter().map(|(name, kind, _)| Field::new(*name, kind.clone(), false)).collect();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns.into_iter().map(|column| column.2).collect())
        .expect("columns of one length")
}

fn place(key: u64) -> (f64, f64) {
    let order = Order::new(29).expect("an order");
    degrees(Cell::new(order, key).expect("a cell"))
}

fn degrees(cell: Cell) -> (f64, f64) {
    let point = center(cell);
    (point.lon_deg(), point.lat_deg())
}

/// The middle of a tiny partition.
pub(crate) fn in_a_tiny_file() -> (f64, f64) {
    middle(77)
}

/// The middle of the crowded partition.
pub(crate) fn in_the_crowd() -> (f64, f64) {
    middle(CROWDED)
}

/// The middle of a partition.
pub(crate) fn middle(npix: u64) -> (f64, f64) {
    degrees(Cell::new(Order::new(ORDER).expect("an order"), npix).expect("a cell"))
}
