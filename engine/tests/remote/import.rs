//! Are tables in a bucket imported as those in a folder are?

use std::fs;
use std::path::Path;

use sidereus_engine::{ImportOptions, ImportProgress, ImportedCatalog, WriteOptions, import_tables};

use crate::bucket;
use crate::server::{BUCKET, Server};

fn import(sources: &[&str], target: &Path) -> Result<ImportedCatalog, String> {
    let sources: Vec<String> = sources.iter().map(|source| (*source).to_owned()).collect();
    let options = ImportOptions::new(WriteOptions::new("sky"));
    import_tables(&sources, &options, target, &ImportProgress::default()).map_err(|error| error.to_string())
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_of_a_bucket_are_imported() {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, first) in [("tables/a.csv", 0), ("tables/b.csv", 500), ("tables/deeper/c.csv", 9_000)] {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        let rows: String = (first..first + 500).map(|row| format!("{row},{}.25,{}\n", row % 360, row % 90)).collect();
        fs::write(path, format!("id,ra,dec\n{rows}")).expect("it is written");
    }
    let server = Server::start(folder.path()).await;
    tokio::task::block_in_place(|| bucket::run("import::from_a_bucket", folder.path(), &server));
}

#[test]
#[ignore = "run by another test, which serves a bucket"]
fn from_a_bucket() {
    let Some((_, folder)) = bucket::found() else { return };
    let out = tempfile::tempdir().expect("a folder");
    let url = |name: &str| format!("s3://{BUCKET}/{name}");
    let remote = import(&[&url("tables/*.csv")], &out.path().join("remote")).expect("it is imported");
    let files = ["a", "b"].map(|name| folder.join(format!("tables/{name}.csv")).display().to_string());
    let local = import(&[&files[0], &files[1]], &out.path().join("local")).expect("it is imported");
    assert_eq!((remote.catalog.rows, local.catalog.rows), (1_000, 1_000));
    let dataset = |root: &Path| fs::read(root.join("dataset/_metadata")).expect("a file");
    assert_eq!(dataset(&remote.catalog.root), dataset(&local.catalog.root), "the same files");

    let absent = import(&[&url("tables/x.csv")], &out.path().join("absent")).expect_err("there is none");
    assert!(absent.contains("s3://bucket/tables/x.csv"), "{absent}");
    let none = import(&[&url("tables/*.fits")], &out.path().join("none")).expect_err("there is none");
    assert_eq!(none, "s3://bucket/tables/*.fits: no object has such a name");
    assert_eq!(fs::read_dir(out.path()).expect("a folder").count(), 2);
}
