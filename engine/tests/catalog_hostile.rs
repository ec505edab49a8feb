//! Catalogs whose files name paths that lead out of them, and links that do.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up ends here")]

mod catalog_support;

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use catalog_support::{
    assert_problem, names, open, problems, properties, rows, write, write_catalog, write_collection, write_parquet,
};
use object_store::ObjectStoreExt;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::file::metadata::ParquetMetaDataWriter;

const ESCAPES: [&str; 8] = [
    "../outside",
    "a/../../outside",
    "..%2Foutside",
    "%2e%2e/outside",
    "/etc",
    "%2Fetc",
    "file:///etc",
    "https://example.org/catalog",
];

/// Writes a `_metadata` file whose one row group lies in the named file.
fn write_metadata(path: &Path, file_path: &str) {
    let leaf = path.with_file_name("leaf");
    write_parquet(&leaf, &rows(5));
    let reader = ParquetRecordBatchReaderBuilder::try_new(fs::File::open(&leaf).unwrap()).unwrap();
    fs::remove_file(&leaf).unwrap();
    let metadata = reader.metadata().as_ref().clone();
    let groups = metadata.row_groups().iter().map(|group| {
        let named = |column: &parquet::file::metadata::ColumnChunkMetaData| {
            column.clone().into_builder().set_file_path(file_path.to_owned()).build().unwrap()
        };
        let columns = group.columns().iter().map(named).collect();
        group.clone().into_builder().set_column_metadata(columns).build().unwrap()
    });
    let groups = groups.collect();
    let metadata = metadata.into_builder().set_row_groups(groups).build();
    let mut bytes = b"PAR1".to_vec();
    ParquetMetaDataWriter::new(&mut bytes, &metadata).finish().unwrap();
    fs::write(path, bytes).unwrap();
}

#[tokio::test]
async fn a_collection_cannot_name_a_primary_or_margin_outside() {
    let root = tempfile::tempdir().unwrap();
    write_catalog(&root.path().join("outside"), "outside");
    for escape in ESCAPES {
        let inside = root.path().join("served");
        write(&inside.join("c/collection.properties"), &format!("obs_collection=c\nhats_primary_table_url={escape}\n"));
        let registry = open(&inside).await;
        assert!(registry.tables().is_empty(), "{escape}");
        assert_problem(&registry, "must stay below its catalog");

        write_collection(&inside.join("c"), "primary");
        let margins = format!("obs_collection=c\nhats_primary_table_url=primary\nall_margins={escape}\n");
        write(&inside.join("c/collection.properties"), &margins);
        assert_problem(&open(&inside).await, "must stay below its catalog");

        let indexes = format!("obs_collection=c\nhats_primary_table_url=primary\nall_indexes=id {escape}\n");
        write(&inside.join("c/collection.properties"), &indexes);
        assert_problem(&open(&inside).await, "must stay below its catalog");
    }
}

#[tokio::test]
async fn metadata_cannot_name_files_outside() {
    for escape in ESCAPES {
        let root = tempfile::tempdir().unwrap();
        write(&root.path().join("stars/hats.properties"), &properties("stars"));
        write_parquet(&root.path().join("stars/dataset/_common_metadata"), &rows(0));
        write_metadata(
            &root.path().join("stars/dataset/_metadata"),
            &format!("{escape}/Norder=0/Dir=0/Npix=4.parquet"),
        );
        let registry = open(root.path()).await;
        assert!(registry.tables().is_empty(), "{escape}");
        let found = problems(&registry).join("\n");
        assert!(found.contains("must stay below its catalog"), "{escape}: {found}");
    }
}

#[tokio::test]
async fn metadata_paths_inside_are_read_also_when_percent_encoded() {
    for path in
        ["Norder=0/Dir=0/Npix=4.parquet", "Norder%3D0/Dir%3D0/Npix%3D4.parquet", "./x/../Norder=0/Dir=0/Npix=4.parquet"]
    {
        let root = tempfile::tempdir().unwrap();
        let stars = root.path().join("stars");
        write_catalog(&stars, "stars");
        fs::remove_file(stars.join("partition_info.csv")).unwrap();
        write_metadata(&stars.join("dataset/_metadata"), path);
        let registry = open(root.path()).await;
        assert_eq!(problems(&registry), [""; 0], "{path}");
        let file = &registry.tables()[0].partitions[0].files[0];
        assert_eq!(file.path.as_ref(), "dataset/Norder=0/Dir=0/Npix=4.parquet");
    }
}

#[tokio::test]
async fn counts_of_rows_that_disagree_are_a_problem() {
    let root = tempfile::tempdir().unwrap();
    let stars = root.path().join("stars");
    write_catalog(&stars, "stars");
    write(&stars.join("hats.properties"), &properties("stars").replace("hats_nrows=5", "hats_nrows=6"));
    fs::remove_file(stars.join("partition_info.csv")).unwrap();
    write_metadata(&stars.join("dataset/_metadata"), "Norder=0/Dir=0/Npix=4.parquet");
    assert_problem(&open(root.path()).await, "hats_nrows is 6, but dataset/_metadata counts 5 rows");
}

#[tokio::test]
async fn links_that_leave_a_catalog_are_not_followed() {
    let root = tempfile::tempdir().unwrap();
    write_catalog(&root.path().join("secret"), "secret");
    let served = root.path().join("served");
    let leaf = "dataset/Norder=0/Dir=0/Npix=4.parquet";

    write_catalog(&served.join("leaf"), "leaf");
    fs::remove_file(served.join("leaf").join(leaf)).unwrap();
    symlink(root.path().join("secret").join(leaf), served.join("leaf").join(leaf)).unwrap();
    write_catalog(&served.join("folder"), "folder");
    fs::remove_dir_all(served.join("folder/dataset")).unwrap();
    symlink(root.path().join("secret/dataset"), served.join("folder/dataset")).unwrap();
    write_collection(&served.join("collection"), "primary");
    fs::remove_dir_all(served.join("collection/primary")).unwrap();
    symlink(root.path().join("secret"), served.join("collection/primary")).unwrap();

    let registry = open(&served).await;
    let found = problems(&registry);
    assert!(found.len() == 2 && found.iter().all(|problem| problem.contains("leads out of its catalog")), "{found:?}");
    // The linked leaf is found when it is read: a listing does not open files.
    assert_eq!(names(&registry), ["public.leaf"]);
    let table = &registry.tables()[0];
    let error = table.location.store.get(&table.partitions[0].files[0].path).await.unwrap_err();
    assert!(error.to_string().contains("leads out of its catalog"), "{error}");
}

#[tokio::test]
async fn links_that_an_operator_puts_into_a_root_are_followed() {
    let root = tempfile::tempdir().unwrap();
    write_catalog(&root.path().join("disk2/stars_v3"), "stars");
    write_parquet(&root.path().join("disk2/t_v3.parquet"), &rows(2));
    let served = root.path().join("served");
    fs::create_dir(&served).unwrap();
    symlink(root.path().join("disk2/stars_v3"), served.join("stars")).unwrap();
    symlink(root.path().join("disk2/t_v3.parquet"), served.join("t.parquet")).unwrap();
    let registry = open(&served).await;
    assert_eq!(problems(&registry), [""; 0]);
    assert_eq!(names(&registry), ["public.stars", "public.t"]);
}
