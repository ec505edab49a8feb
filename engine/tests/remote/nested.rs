//! Light curves: is one list of a nested column read without the others?

#![allow(clippy::print_stdout, reason = "a test of costs tells them")]

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, Float32Builder, Float64Array, Float64Builder, Int64Array, ListBuilder, RecordBatch,
    StringBuilder, StructArray,
};
use arrow::buffer::NullBuffer;
use arrow::datatypes::{DataType, Field, Float32Type, Float64Type, Schema};
use parquet::file::reader::{FileReader, SerializedFileReader};
use sidereus_engine::{CatalogRegistry, EngineOptions, QueryService, Rules, WriteOptions, write_catalog};

use crate::server::Server;
use crate::support::{ask, service, shared};

const STARS: i64 = 10_000;
const VISITS: i64 = 30;

/// Every seventh star has no light curve, every tenth an empty one.
fn visits(star: i64) -> Option<i64> {
    if star % 7 == 3 { None } else { Some(if star % 10 == 4 { 0 } else { VISITS + star % 5 }) }
}

fn magnitude(star: i64, visit: i64) -> f32 {
    ((star * 7_919 + visit * 104_729) % 10_007) as f32 / 500.0
}

fn write(target: &Path) {
    let (mut mjd, mut mag) = (ListBuilder::new(Float64Builder::new()), ListBuilder::new(Float32Builder::new()));
    let mut band = ListBuilder::new(StringBuilder::new());
    for star in 0..STARS {
        for visit in 0..visits(star).unwrap_or_default() {
            // Bits that no codec makes less of: what lies between two lists is more than is read to save a request.
            let bits = u64::try_from(star * 100 + visit).expect("a number").wrapping_mul(0x9e37_79b9_7f4a_7c15);
            mjd.values().append_value(59_000.0 + (bits ^ (bits >> 29)) as f64 / 1e16);
            mag.values().append_value(magnitude(star, visit));
            band.values().append_value(["u", "g", "r", "i"][(visit % 4) as usize]);
        }
        mjd.append(true);
        mag.append(true);
        band.append(true);
    }
    let lists: Vec<(&str, ArrayRef)> =
        vec![("mjd", Arc::new(mjd.finish())), ("mag", Arc::new(mag.finish())), ("band", Arc::new(band.finish()))];
    let fields: Vec<Field> =
        lists.iter().map(|(name, list)| Field::new(*name, list.data_type().clone(), true)).collect();
    let known = NullBuffer::from_iter((0..STARS).map(|star| visits(star).is_some()));
    let curves = StructArray::new(fields.into(), lists.into_iter().map(|(_, list)| list).collect(), Some(known));
    let places = |factor: f64, range: f64, from: f64| {
        Arc::new(Float64Array::from_iter_values((0..STARS).map(|star| from + (star as f64 * factor) % range)))
    };
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("id", Arc::new(Int64Array::from_iter_values(0..STARS))),
        ("ra", places(0.61803, 5.0, 40.0)),
        ("dec", places(0.41421, 4.0, 10.0)),
        ("lc", Arc::new(curves)),
    ];
    let fields: Vec<Field> =
        columns.iter().map(|(name, column)| Field::new(*name, column.data_type().clone(), *name == "lc")).collect();
    let rows =
        RecordBatch::try_new(Arc::new(Schema::new(fields)), columns.into_iter().map(|column| column.1).collect());
    let rows = rows.expect("columns of one length");
    write_catalog(&[rows], &WriteOptions::new("curves"), target).expect("it is written");
}

/// Bytes of some leaves in all files below a folder, as their footers say.
fn chunk_bytes(folder: &Path, leaves: &[&str]) -> u64 {
    let entries = std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    entries
        .map(|path: PathBuf| match path.is_dir() {
            true => chunk_bytes(&path, leaves),
            false if path.extension().is_none_or(|extension| extension != "parquet") => 0,
            false => {
                let reader = SerializedFileReader::new(File::open(path).expect("a leaf")).expect("a leaf");
                let groups = reader.metadata().row_groups().iter();
                let chunks = groups.flat_map(|group| group.columns());
                let some = chunks.filter(|chunk| {
                    let path = chunk.column_path().string();
                    leaves.iter().any(|leaf| path == *leaf || path.starts_with(&format!("{leaf}.")))
                });
                some.map(|chunk| u64::try_from(chunk.compressed_size()).expect("a size")).sum()
            }
        })
        .sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn one_list_is_read_without_the_others() {
    let folder = tempfile::tempdir().expect("a folder");
    write(&folder.path().join("curves"));
    let server = Server::start(folder.path()).await;
    let registry = CatalogRegistry::open(&[format!("{}/curves", server.url())]).await.expect("it opens");
    assert!(registry.problems().is_empty(), "{:?}", registry.problems());
    let remote = QueryService::try_new(Arc::new(registry), EngineOptions::default()).expect("it starts");
    // The footer, which all queries share.
    ask(&remote, "SELECT COUNT(*) AS n FROM curves WHERE id >= 0", Rules::all()).await.expect("it answers");
    let mut bytes = Vec::new();
    for (query, leaves) in [
        ("SELECT id, lc.mag FROM curves", vec!["id", "lc.mag"]),
        ("SELECT c.id, c.lc.mag, \"lc.band\" FROM curves AS c", vec!["id", "lc.mag", "lc.band"]),
        ("SELECT * FROM curves", vec!["_healpix_29", "id", "ra", "dec", "lc"]),
    ] {
        server.take();
        let batches = ask(&remote, query, Rules::all()).await.unwrap_or_else(|error| panic!("{query}: {error}"));
        let read: u64 = server.take().iter().map(|request| request.bytes).sum();
        let expected = chunk_bytes(&folder.path().join("curves/dataset"), &leaves);
        println!("{query}: {read} bytes read, {expected} in the chunks");
        assert_eq!(batches.iter().map(RecordBatch::num_rows).sum::<usize>() as i64, STARS);
        bytes.push((read, expected));
        check(&batches);
    }
    let everything = bytes[2].1;
    assert!(bytes[0].0 < everything / 2, "{bytes:?} {everything}");
    assert!(
        bytes[0].0 <= bytes[0].1 + (1 << 20) && bytes[0].0 < bytes[1].0 && bytes[1].0 < bytes[2].0 + 1,
        "{bytes:?}"
    );
}

fn check(batches: &[RecordBatch]) {
    for batch in batches {
        let ids = batch.column_by_name("id").expect("ids").as_primitive::<arrow::datatypes::Int64Type>();
        let curves = batch.column_by_name("lc.mag").expect("magnitudes").as_list::<i32>();
        for row in 0..batch.num_rows() {
            let star = ids.value(row);
            let found = curves.is_valid(row).then(|| curves.value(row));
            let found = found.map(|values| values.as_primitive::<Float32Type>().values().to_vec());
            let expected = visits(star).map(|count| (0..count).map(|visit| magnitude(star, visit)).collect::<Vec<_>>());
            assert_eq!(found, expected, "star {star}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn items_of_light_curves_are_found_by_id_and_place() {
    let folder = tempfile::tempdir().expect("a folder");
    write(&folder.path().join("curves"));
    let service = service(&[folder.path().join("curves")]).await;
    for rules in [Rules::all(), Rules::none()] {
        let text =
            "SELECT id, lc.mag[2] AS second FROM curves WHERE DISTANCE(ra, dec, 42, 12) < 0.5 AND lc.mag[1] > 10";
        let batches = ask(&service, text, rules).await.unwrap_or_else(|error| panic!("{text}: {error}"));
        let mut rows = 0;
        for batch in &batches {
            let ids = batch.column(0).as_primitive::<arrow::datatypes::Int64Type>();
            let second = arrow::compute::cast(batch.column(1), &DataType::Float64).expect("numbers");
            for row in 0..batch.num_rows() {
                assert!(magnitude(ids.value(row), 0) > 10.0);
                let found = second.as_primitive::<Float64Type>().value(row);
                assert_eq!(found, f64::from(magnitude(ids.value(row), 1)));
                rows += 1;
            }
        }
        assert!(rows > 50, "{rows}");
    }
    let unknown =
        ask(&service, "SELECT lc.flux FROM curves", Rules::all()).await.expect_err("there is none").to_string();
    assert!(unknown.contains("lc"), "{unknown}");
}

/// The nested catalog that the reference implementation wrote.
#[tokio::test(flavor = "multi_thread")]
async fn nested_sources_of_the_reference_implementation_are_columns() {
    let Some(folder) = shared("data/hats_fixtures/lsdb/small_sky_order1_nested_sources") else { return };
    let service = service(&[folder]).await;
    let registry = service.registry();
    let table = registry.tables()[0].name.table.clone();
    let text = format!("SELECT id, sources.mag FROM {table} WHERE sources.mag[1] > 0");
    let batches = ask(&service, &text, Rules::all()).await.unwrap_or_else(|error| panic!("{text}: {error}"));
    let rows: usize = batches.iter().map(RecordBatch::num_rows).sum();
    let sources: usize = batches.iter().map(|batch| batch.column(1).as_list::<i32>().values().len()).sum();
    assert_eq!((rows, sources), (131, 17_161), "as lsdb counts them");
}
