//! Which folder and file of a root becomes which table.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up ends here")]

mod catalog_support;

use std::fs;

use catalog_support::{
    assert_problem, names, open, problems, properties, rows, write, write_catalog, write_collection, write_parquet,
};
use sidereus_engine::{CatalogKind, CatalogOverrides, CatalogRegistry, PositionColumns, TableName, TableOverride};

#[tokio::test]
async fn catalogs_lie_directly_in_a_root_or_one_level_down() {
    let root = tempfile::tempdir().unwrap();
    let at = |path: &str| root.path().join(path);
    write_collection(&at("gaia_collection"), "gaia_dr3");
    write_catalog(&at("other"), "named_otherwise");
    write_parquet(&at("stars.parquet"), &rows(3));
    write_parquet(&at("parts/a.parquet"), &rows(3));
    write_parquet(&at("parts/deeper/b.parquet"), &rows(2));
    write_parquet(&at("years/year=2020/a.parquet"), &rows(4));
    write_catalog(&at("survey/source"), "survey_source");
    write_collection(&at("survey/objects_collection"), "objects");
    write_parquet(&at("survey/spectra/a.parquet"), &rows(1));
    write(&at("README.md"), "not a table");
    write(&at(".hidden/hats.properties"), "not looked at");

    let registry = open(root.path()).await;
    assert!(registry.problems().is_empty(), "{:?}", problems(&registry));
    let expected = [
        "public.gaia_dr3",
        "public.other",
        "public.parts",
        "public.stars",
        "public.years",
        "survey.objects",
        "survey.source",
        "survey.spectra",
    ];
    assert_eq!(names(&registry), expected);
    let parts = registry.table(&TableName { schema: "public".into(), table: "parts".into() }).unwrap();
    assert_eq!((parts.kind, parts.rows, parts.partitions[0].files.len()), (CatalogKind::Plain, Some(5), 2));
}

#[tokio::test]
async fn a_root_may_be_one_catalog_collection_file_or_url() {
    let root = tempfile::tempdir().unwrap();
    let at = |path: &str| root.path().join(path);
    write_catalog(&at("stars"), "stars");
    write_collection(&at("collection"), "primary");
    write_parquet(&at("plain.parquet"), &rows(1));
    write_parquet(&at("hive/band=g/x.parquet"), &rows(1));
    for (path, name) in [
        ("stars", "stars"),
        ("stars/", "stars"),
        ("collection", "primary"),
        ("plain.parquet", "plain"),
        ("hive", "hive"),
    ] {
        assert_eq!(names(&open(&at(path)).await), [format!("public.{name}")], "{path}");
    }
    let url = format!("file://{}", at("stars").display());
    assert_eq!(names(&CatalogRegistry::open(&[url]).await.unwrap()), ["public.stars"]);
}

#[tokio::test]
async fn a_root_that_does_not_exist_is_an_error() {
    for (root, expected) in [
        ("/nonexistent/catalogs", "cannot open"),
        ("gopher://host/x", "unknown scheme"),
        ("https://host/x?token=secret", "query"),
        ("file:///nonexistent", "cannot open"),
    ] {
        let error = CatalogRegistry::open(&[root.to_owned()]).await.unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
        assert!(!error.contains("secret"), "{error}");
    }
}

#[tokio::test]
async fn a_name_is_served_once_and_the_second_is_reported() {
    let root = tempfile::tempdir().unwrap();
    write_catalog(&root.path().join("stars"), "stars");
    write_parquet(&root.path().join("stars.parquet"), &rows(1));
    let registry = open(root.path()).await;
    assert_eq!(names(&registry), ["public.stars"]);
    assert_problem(&registry, "its name public.stars is taken by");
}

#[tokio::test]
async fn names_that_differ_in_case_are_two_tables() {
    let root = tempfile::tempdir().unwrap();
    write_parquet(&root.path().join("Stars.parquet"), &rows(1));
    write_parquet(&root.path().join("stars.parquet"), &rows(1));
    assert_eq!(names(&open(root.path()).await), ["public.Stars", "public.stars"]);
}

#[tokio::test]
async fn reserved_schemas_and_mixed_folders_are_problems() {
    let root = tempfile::tempdir().unwrap();
    write_catalog(&root.path().join("TAP_SCHEMA/tables"), "tables");
    assert_problem(&open(root.path()).await, "reserved");

    let root = tempfile::tempdir().unwrap();
    write_parquet(&root.path().join("mixed/a.parquet"), &rows(1));
    write_catalog(&root.path().join("mixed/stars"), "stars");
    assert_problem(&open(root.path()).await, "Parquet files of its own and a catalog");
}

#[tokio::test]
async fn folders_and_files_without_rows_to_read_are_problems() {
    let root = tempfile::tempdir().unwrap();
    assert_problem(&open(root.path()).await, "empty");
    for (file, content, expected) in [
        ("empty.parquet", "", "0 bytes"),
        ("text.parquet", "id,ra,dec\n1,2,3\n", "no Parquet file"),
        ("tables/x.csv", "id\n", "neither a catalog nor Parquet files"),
        ("bare/partition_info.csv", "Norder,Npix\n", "without its hats.properties"),
    ] {
        let root = tempfile::tempdir().unwrap();
        write(&root.path().join(file), content);
        let registry = open(root.path()).await;
        assert!(registry.tables().is_empty());
        assert_problem(&registry, expected);
    }
    let root = tempfile::tempdir().unwrap();
    fs::create_dir(root.path().join("nothing")).unwrap();
    assert_problem(&open(root.path()).await, "neither a catalog nor Parquet files");
}

#[tokio::test]
async fn a_broken_catalog_does_not_hide_the_others() {
    let root = tempfile::tempdir().unwrap();
    write_catalog(&root.path().join("good"), "good");
    write(&root.path().join("bad/hats.properties"), "obs_collection=bad\n");
    let registry = open(root.path()).await;
    assert_eq!(names(&registry), ["public.good"]);
    assert_problem(&registry, "bad: hats.properties has no dataproduct_type");
}

#[tokio::test]
async fn a_missing_leaf_stays_in_the_plan_and_an_unlisted_one_is_a_problem() {
    let root = tempfile::tempdir().unwrap();
    let stars = root.path().join("stars");
    write_catalog(&stars, "stars");
    write(&stars.join("partition_info.csv"), "Norder,Npix\n0,4\n0,5\n");
    let registry = open(root.path()).await;
    let files: Vec<_> = registry.tables()[0].partitions.iter().flat_map(|partition| &partition.files).collect();
    assert_eq!(files.len(), 2);
    assert_eq!((files[1].path.as_ref(), files[1].size), ("dataset/Norder=0/Dir=0/Npix=5.parquet", None));

    write(&stars.join("partition_info.csv"), "Norder,Npix\n0,4\n");
    write_parquet(&stars.join("dataset/Norder=0/Dir=0/Npix=6.parquet"), &rows(1));
    assert_problem(&open(root.path()).await, "Norder=0 Npix=6, which partition_info.csv does not list");
}

#[tokio::test]
async fn metadata_that_contradicts_itself_is_a_problem() {
    let wrong = |properties: String, csv: &'static str| async move {
        let root = tempfile::tempdir().unwrap();
        write_catalog(&root.path().join("stars"), "stars");
        write(&root.path().join("stars/hats.properties"), &properties);
        write(&root.path().join("stars/partition_info.csv"), csv);
        problems(&open(root.path()).await).join("\n")
    };
    let good = "Norder,Npix\n0,4\n";
    let edit = |from: &str, to: &str| properties("stars").replace(from, to);
    for (properties, csv, expected) in [
        (edit("hats_col_ra=ra", "hats_col_ra=lon"), good, "the position column \"lon\" is not among"),
        (edit("hats_col_dec=dec\n", ""), good, "only one of hats_col_ra and hats_col_dec"),
        (edit("=_healpix_29", "=healpix"), good, "hats_col_healpix names the column \"healpix\""),
        (edit("hats_nrows=5", "hats_nrows=five"), good, "hats_nrows is \"five\""),
        (edit("=object", "=planet"), good, "dataproduct_type is \"planet\""),
        (edit("obs_collection=stars\n", ""), good, "no obs_collection"),
        (properties("stars"), "Norder,Npix\n0,12\n", "there is no cell 12 of order 0"),
        (properties("stars"), "Norder,Npix\n0,4\n1,16\n", "overlaps"),
        (properties("stars"), "order,pixel\n0,4\n", "no column Norder"),
    ] {
        let found = wrong(properties, csv).await;
        assert!(found.contains(expected) && found.contains("stars"), "expected {expected:?}, found {found:?}");
    }
}

#[tokio::test]
async fn columns_of_metadata_files_must_agree() {
    let root = tempfile::tempdir().unwrap();
    let stars = root.path().join("stars");
    write_catalog(&stars, "stars");
    write_parquet(&stars.join("dataset/_metadata"), &rows(0).project(&[0, 1, 2]).unwrap());
    assert_problem(&open(root.path()).await, "disagree: column \"_healpix_29\" is missing");
}

#[tokio::test]
async fn an_operator_may_rename_describe_and_place_tables() {
    let root = tempfile::tempdir().unwrap();
    write_parquet(&root.path().join("plain.parquet"), &rows(1));
    write_catalog(&root.path().join("stars"), "stars");
    let name = |schema: &str, table: &str| TableName { schema: schema.into(), table: table.into() };
    let positions = |ra: &str, dec: &str| Some(PositionColumns { ra: ra.into(), dec: dec.into() });
    let mut overrides = CatalogOverrides::new();
    let renamed = TableOverride {
        name: Some(name("lab", "mine")),
        positions: positions("dec", "ra"),
        description: Some("my table".into()),
        ..TableOverride::default()
    };
    overrides.insert(name("public", "plain"), renamed);
    overrides.insert(name("public", "absent"), TableOverride::default());
    let roots = [root.path().display().to_string()];
    let registry = CatalogRegistry::open_with(&roots, &overrides).await.unwrap();
    assert_eq!(names(&registry), ["lab.mine", "public.stars"]);
    assert_eq!(registry.tables()[0].positions, positions("dec", "ra"));
    assert_eq!(registry.tables()[0].description.as_deref(), Some("my table"));
    assert_problem(&registry, "public.absent: configured, but there is no such table");

    for (table, columns, expected) in [("plain", ("lon", "lat"), "\"lon\""), ("stars", ("dec", "ra"), "HATS")] {
        let setting = TableOverride { positions: positions(columns.0, columns.1), ..TableOverride::default() };
        let overrides = CatalogOverrides::from([(name("public", table), setting)]);
        assert_problem(&CatalogRegistry::open_with(&roots, &overrides).await.unwrap(), expected);
    }
}

#[tokio::test]
async fn equal_metadata_has_an_equal_snapshot() {
    let root = tempfile::tempdir().unwrap();
    write_catalog(&root.path().join("stars"), "stars");
    let first = open(root.path()).await.tables()[0].snapshot.clone();
    assert_eq!(open(root.path()).await.tables()[0].snapshot, first);
    write_parquet(&root.path().join("stars/dataset/Norder=0/Dir=0/Npix=4.parquet"), &rows(500));
    assert_ne!(open(root.path()).await.tables()[0].snapshot, first);
}
