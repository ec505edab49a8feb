//! Tiny catalogs in scratch folders, and the ways tests look at what a registry made of them.

#![allow(dead_code, reason = "each test binary uses a part of it")]
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test that cannot be set up ends here, or says that it is skipped"
)]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{Float64Array, Int64Array, RecordBatch};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use parquet::arrow::ArrowWriter;
use sidereus_engine::CatalogRegistry;

/// The shared data, beside the project or beside the folder of its worktrees.
pub(crate) fn shared_data() -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let found = [root.join("../shared/data"), root.join("../../shared/data")].into_iter().find(|path| path.is_dir());
    if found.is_none() {
        println!("skipped: ../shared/data is absent");
    }
    found
}

/// Opens one root.
pub(crate) async fn open(root: &Path) -> CatalogRegistry {
    CatalogRegistry::open(&[root.display().to_string()]).await.unwrap_or_else(|error| panic!("{error}"))
}

/// Names of all tables.
pub(crate) fn names(registry: &CatalogRegistry) -> Vec<String> {
    registry.tables().iter().map(|table| table.name.to_string()).collect()
}

/// Texts of all problems.
pub(crate) fn problems(registry: &CatalogRegistry) -> Vec<String> {
    registry.problems().iter().map(ToString::to_string).collect()
}

/// The only problem, which must hold a text.
#[track_caller]
pub(crate) fn assert_problem(registry: &CatalogRegistry, expected: &str) {
    let found = problems(registry);
    assert!(found.len() == 1 && found[0].contains(expected), "expected one problem with {expected:?}, found {found:?}");
}

/// Columns of the tiny catalogs.
pub(crate) fn schema() -> SchemaRef {
    Arc::new(Schema::new(vec![
        Field::new("id", DataType::Int64, false),
        Field::new("ra", DataType::Float64, false),
        Field::new("dec", DataType::Float64, false),
        Field::new("_healpix_29", DataType::Int64, false),
    ]))
}

/// Rows near the centre of the base cell 4.
pub(crate) fn rows(count: i64) -> RecordBatch {
    let key = 4_i64 << 58;
    let ids = Int64Array::from_iter_values(0..count);
    let keys = Int64Array::from_iter_values((0..count).map(|row| key + row));
    let zeros = Float64Array::from(vec![0.0; usize::try_from(count).unwrap()]);
    let columns = vec![Arc::new(ids) as _, Arc::new(zeros.clone()) as _, Arc::new(zeros) as _, Arc::new(keys) as _];
    RecordBatch::try_new(schema(), columns).unwrap()
}

/// Writes a Parquet file, with the folders above it.
pub(crate) fn write_parquet(path: &Path, rows: &RecordBatch) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let mut writer = ArrowWriter::try_new(fs::File::create(path).unwrap(), rows.schema(), None).unwrap();
    writer.write(rows).unwrap();
    writer.close().unwrap();
}

/// Writes a text file, with the folders above it.
pub(crate) fn write(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

/// Properties of a tiny catalog.
pub(crate) fn properties(name: &str) -> String {
    format!(
        "#HATS catalog\nobs_collection={name}\ndataproduct_type=object\nhats_nrows=5\nhats_col_ra=ra\nhats_col_dec=dec\n\
         hats_col_healpix=_healpix_29\nhats_col_healpix_order=29\n"
    )
}

/// Writes a whole HATS catalog of five rows in one partition.
pub(crate) fn write_catalog(folder: &Path, name: &str) {
    write(&folder.join("hats.properties"), &properties(name));
    write(&folder.join("partition_info.csv"), "Norder,Npix\n0,4\n");
    write_parquet(&folder.join("dataset/_common_metadata"), &rows(0));
    write_parquet(&folder.join("dataset/Norder=0/Dir=0/Npix=4.parquet"), &rows(5));
}

/// Writes a collection of a catalog.
pub(crate) fn write_collection(folder: &Path, primary: &str) {
    let text = format!("#HATS Collection\nobs_collection=c\nhats_primary_table_url={primary}\n");
    write(&folder.join("collection.properties"), &text);
    write_catalog(&folder.join(primary), primary);
}
