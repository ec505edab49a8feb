//! Do margins hold what they promise, and do indexes find what reading everything finds?

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, BooleanArray, Float64Array, Int64Array, RecordBatch};
use arrow::compute::filter_record_batch;
use arrow::datatypes::{Float64Type, Int64Type};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use sidereus_engine::{CatalogRegistry, Rules};
use sidereus_sky::separation_deg;

use crate::sample::{answer, files, rows, write_stars_collection};
use crate::support::{ask, ids, service, shared};

/// Rows of all leaf files below a folder, by the path of their partition: id, position.
fn leaves(root: &Path) -> BTreeMap<PathBuf, Vec<(i64, f64, f64)>> {
    let parquet = files(&root.join("dataset")).into_iter().filter(|path| path.extension().is_some());
    let read = |path: PathBuf| {
        let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(&path).unwrap()).unwrap().build().unwrap();
        let mut found = Vec::new();
        for batch in reader.map(Result::unwrap) {
            let ids = batch.column_by_name("id").unwrap().as_primitive::<Int64Type>();
            let float = |name| batch.column_by_name(name).unwrap().as_primitive::<Float64Type>();
            let (ra, dec) = (float("ra"), float("dec"));
            found.extend((0..batch.num_rows()).map(|row| (ids.value(row), ra.value(row), dec.value(row))));
        }
        (path.strip_prefix(root).unwrap().to_owned(), found)
    };
    parquet.map(read).collect()
}

#[test]
fn a_margin_holds_every_partner_within_its_width() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("stars_collection");
    // Only those within a degree: around them the sky is empty.
    let all = rows(20_000, 0);
    let dense: BooleanArray = (0..all.num_rows()).map(|row| Some(row % 4 != 0)).collect();
    write_stars_collection(&root, &filter_record_batch(&all, &dense).unwrap());
    let (primary, margin) = (leaves(&root.join("stars")), leaves(&root.join("stars_60arcs")));
    let mut all: Vec<(f64, f64, i64, &PathBuf)> =
        primary.iter().flat_map(|(path, rows)| rows.iter().map(move |(id, ra, dec)| (*dec, *ra, *id, path))).collect();
    all.sort_by(|a, b| a.0.total_cmp(&b.0));
    let width = 60.0 / 3600.0;
    let held: BTreeMap<&PathBuf, BTreeSet<i64>> =
        margin.iter().map(|(path, rows)| (path, rows.iter().map(|row| row.0).collect())).collect();
    let mut across = 0;
    for (place, (dec, ra, _, path)) in all.iter().enumerate() {
        let near = |other: &&(f64, f64, i64, &PathBuf)| (other.0 - dec).abs() <= width && other.3 != *path;
        let after = all[place..].iter().take_while(|other| other.0 - dec <= width);
        let before = all[..place].iter().rev().take_while(|other| dec - other.0 <= width);
        for (other_dec, other_ra, id, _) in before.chain(after).filter(near) {
            if separation_deg(*ra, *dec, *other_ra, *other_dec) <= width {
                across += 1;
                assert!(held.get(*path).is_some_and(|ids| ids.contains(id)), "{id} is not in the margin of {path:?}");
            }
        }
    }
    assert!(across > 50, "{across} pairs across borders");
    for (path, rows) in &margin {
        let own: BTreeSet<i64> = primary.get(path).into_iter().flatten().map(|row| row.0).collect();
        assert!(rows.iter().all(|row| !own.contains(&row.0)), "{path:?} has rows of its own partition");
    }
}

#[test]
fn cells_without_rows_have_a_margin() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("stars_collection");
    // Four base cells meet at (45, 0); the row lies in one of them.
    let floats = |values: [f64; 2]| Arc::new(Float64Array::from(values.to_vec())) as ArrayRef;
    let ids = Arc::new(Int64Array::from(vec![7, 8])) as ArrayRef;
    let columns = [("id", ids), ("ra", floats([45.001, 200.0])), ("dec", floats([0.0, -40.0]))];
    write_stars_collection(&root, &RecordBatch::try_from_iter(columns).unwrap());
    let (primary, margin) = (leaves(&root.join("stars")), leaves(&root.join("stars_60arcs")));
    let at_corner = [0, 4, 5, 8].map(|npix| PathBuf::from(format!("dataset/Norder=0/Dir=0/Npix={npix}.parquet")));
    assert_eq!((primary.len(), margin.len()), (2, 3));
    for path in at_corner.iter().filter(|path| !primary.contains_key(*path)) {
        assert_eq!(margin[path].iter().map(|row| row.0).collect::<Vec<_>>(), [7]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ids_are_found_by_the_index_as_by_reading_everything() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("stars_collection");
    write_stars_collection(&root, &rows(20_000, 0));
    let service = service(std::slice::from_ref(&root)).await;
    let registry = service.registry();
    assert_eq!(registry.tables().len(), 1);
    let indexes = &registry.tables()[0].id_indexes;
    assert_eq!(indexes.iter().map(|index| index.column.as_str()).collect::<Vec<_>>(), ["id"]);
    let plain = Rules::all().without("id_index").unwrap();
    for filter in [
        "id = 777",
        "777 = id",
        "id = 20000",
        "id = -1",
        "id IN (1, 19999, 5, 5, 123456)",
        "id = 3 OR id = 4",
        "id IN (1, 2, 3) AND mag > 5",
        "id = 9 AND id = 10",
        "NOT id IN (1, 2)",
        "id <> 3",
        "id = 7 OR class = 'class 1'",
        "id IN (2, 3) AND DISTANCE(ra, dec, 266.5, -28.5) < 90",
    ] {
        for select in ["SELECT id, ra, dec FROM stars WHERE", "SELECT COUNT(id) FROM stars WHERE"] {
            let query = format!("{select} {filter}");
            let found = ids(&ask(&service, &query, Rules::all()).await.unwrap());
            assert_eq!(found, ids(&ask(&service, &query, plain).await.unwrap()), "{query}");
        }
    }
    let explained =
        answer(&service, "EXPLAIN ANALYZE SELECT id, mag FROM stars WHERE id = 777").await.unwrap().join("");
    assert!(explained.contains("index=id") && explained.contains("index_rows"), "{explained}");
    assert!(explained.contains("partitions_done=1,") || explained.contains("partitions_done=1]"), "{explained}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_index_of_another_snapshot_is_not_used() {
    let folder = tempfile::tempdir().unwrap();
    let (root, other) = (folder.path().join("stars_collection"), folder.path().join("other"));
    write_stars_collection(&root, &rows(6_000, 0));
    write_stars_collection(&other, &rows(6_000, 3_000));
    // An index that is sound by itself, in a collection that lost its manifest.
    fs::remove_dir_all(root.join("stars_id")).unwrap();
    fs::rename(other.join("stars_id"), root.join("stars_id")).unwrap();
    for path in ["sidereus.manifest", "collection.properties"] {
        fs::remove_file(root.join(path)).unwrap();
    }
    let text = "obs_collection=c\nhats_primary_table_url=stars\nall_indexes=id stars_id\n";
    fs::write(root.join("collection.properties"), text).unwrap();
    let registry = CatalogRegistry::open(&[root.display().to_string()]).await.unwrap();
    assert!(registry.problems().is_empty());
    assert!(registry.tables()[0].id_indexes.is_empty());
    let service = service(std::slice::from_ref(&root)).await;
    assert_eq!(answer(&service, "SELECT COUNT(*) FROM stars WHERE id = 5").await.unwrap(), ["1"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn indexes_of_the_reference_implementation_are_read() {
    let Some(data) = shared("data/hats_fixtures/lsdb") else { return };
    for (collection, column) in
        [("small_sky_order1_collection", "id"), ("small_sky_order1_source_collection", "object_id")]
    {
        let service = service(&[data.join(collection)]).await;
        let registry = service.registry();
        let table = &registry.tables()[0];
        assert!(table.id_indexes.iter().any(|index| index.column == column), "{collection}");
        let name = &table.name.table;
        let plain = Rules::all().without("id_index").unwrap();
        for id in [700, 702, 703, 5] {
            let query = format!("SELECT {column} FROM {name} WHERE {column} = {id}");
            let found = ids(&ask(&service, &query, Rules::all()).await.unwrap());
            assert_eq!(found, ids(&ask(&service, &query, plain).await.unwrap()), "{query}");
            assert_eq!(found.is_empty(), id == 5, "{query}");
        }
    }
}
