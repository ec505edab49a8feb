//! Every catalog of the reference tools' own test data: which ones open, and what is said of the others.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up ends here")]

mod catalog_support;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use catalog_support::{assert_problem, open, problems, shared_data};
use object_store::ObjectStoreExt;
use sidereus_engine::CatalogKind::{Association, Map, Object, Plain, Source};
use sidereus_engine::{CatalogKind, CatalogMetadata};

/// What a folder should turn out to be.
enum Expected {
    /// A table of this name and kind, with so many rows, partitions and files.
    Table(&'static str, CatalogKind, u64, [usize; 2]),
    /// Neither table nor problem: a margin or an index.
    Nothing,
    /// A problem whose text holds this.
    Broken(&'static str),
}
use Expected::{Broken, Nothing, Table};

const FIXTURES: [(&str, Expected); 46] = [
    ("hats/info_only/catalog", Broken("no partition_info.csv, no dataset/_metadata and no leaf file")),
    ("hats/info_only/collection", Broken("this member of a collection has no hats.properties")),
    ("hats/info_only/dataset", Broken("no partition_info.csv, no dataset/_metadata and no leaf file")),
    ("hats/info_only/index_catalog", Nothing),
    ("hats/info_only/margin_cache", Nothing),
    ("hats/small_sky", Table("small_sky", Object, 131, [1, 1])),
    ("hats-import/bad_schemas", Broken("Npix=11.extra_column.parquet")),
    ("hats-import/hipscat/small_sky_object_catalog", Broken("layout from before HATS")),
    ("hats-import/hipscat/small_sky_source_catalog", Broken("layout from before HATS")),
    ("hats-import/mixed_schema/schema.parquet", Table("schema", Plain, 0, [1, 1])),
    ("hats-import/small_sky_nested_catalog", Table("small_sky_nested_catalog", Object, 131, [13, 13])),
    ("hats-import/small_sky_object_catalog", Table("small_sky_object_catalog", Object, 131, [1, 1])),
    (
        "hats-import/small_sky_object_source_association",
        Table("small_sky_object_source_association", Association, 131, [13, 13]),
    ),
    (
        "hats-import/small_sky_source_npix_dir_catalog",
        Table("small_sky_source_npix_dir_catalog", Source, 17161, [14, 14]),
    ),
    ("hats-import/wrong_files_and_rows", Broken("Npix=11.extra_rows.parquet")),
    ("lsdb/raw/small_sky_no_metadata", Broken("none of its leaf files is there")),
    ("lsdb/small_sky", Table("small_sky", Object, 131, [1, 1])),
    ("lsdb/small_sky_healpix13", Table("small_sky_healpix13", Object, 131, [4, 4])),
    ("lsdb/small_sky_healpix13/small_sky_healpix13", Table("small_sky_healpix13", Object, 131, [4, 4])),
    ("lsdb/small_sky_healpix13/small_sky_healpix13_1deg", Nothing),
    ("lsdb/small_sky_healpix13/small_sky_healpix13_2deg", Nothing),
    ("lsdb/small_sky_healpix13/small_sky_healpix13_id", Nothing),
    ("lsdb/small_sky_left_xmatch", Table("small_sky_left_xmatch", Object, 132, [5, 5])),
    ("lsdb/small_sky_npix_alt_suffix", Table("small_sky_npix_alt_suffix", Object, 131, [1, 1])),
    ("lsdb/small_sky_npix_as_dir", Table("small_sky_npix_as_dir", Object, 131, [1, 1])),
    ("lsdb/small_sky_order1_collection", Table("small_sky_order1", Object, 131, [4, 4])),
    ("lsdb/small_sky_order1_collection/small_sky_order1", Table("small_sky_order1", Object, 131, [4, 4])),
    ("lsdb/small_sky_order1_collection/small_sky_order1_id_index", Nothing),
    ("lsdb/small_sky_order1_collection/small_sky_order1_margin_1deg", Nothing),
    ("lsdb/small_sky_order1_collection/small_sky_order1_margin_2deg", Nothing),
    ("lsdb/small_sky_order1_custom_tree", Broken("none of its leaf files is there")),
    ("lsdb/small_sky_order1_default_columns", Table("small_sky_order1_default_columns", Object, 131, [4, 4])),
    ("lsdb/small_sky_order1_nested_sources", Table("small_sky_order1_nested_sources", Object, 131, [4, 4])),
    ("lsdb/small_sky_order1_nested_sources/catalog", Table("catalog", Object, 131, [4, 4])),
    ("lsdb/small_sky_order1_nested_sources/small_sky_order1_nested_sources_margin", Nothing),
    ("lsdb/small_sky_order1_nested_sources/small_sky_order1_object_id_index", Nothing),
    ("lsdb/small_sky_order1_nested_sources/small_sky_order1_source_id_index", Nothing),
    ("lsdb/small_sky_order1_no_pandas_meta", Table("small_sky_order1_no_pandas_meta", Object, 131, [4, 4])),
    ("lsdb/small_sky_order1_source_collection", Table("small_sky_order1_source", Source, 17161, [5, 5])),
    (
        "lsdb/small_sky_order1_source_collection/small_sky_order1_source",
        Table("small_sky_order1_source", Source, 17161, [5, 5]),
    ),
    ("lsdb/small_sky_order1_source_collection/small_sky_order1_source_band_index", Nothing),
    ("lsdb/small_sky_order1_source_collection/small_sky_order1_source_margin", Nothing),
    ("lsdb/small_sky_order1_source_collection/small_sky_order1_source_object_id_index", Nothing),
    ("lsdb/small_sky_source", Table("small_sky_source", Source, 17161, [14, 14])),
    ("lsdb/small_sky_source_margin", Nothing),
    ("lsdb/small_sky_to_o1source", Table("small_sky_to_o1source", Association, 131, [4, 4])),
];

const MORE: [(&str, Expected); 3] = [
    ("lsdb/small_sky_xmatch", Table("small_sky_xmatch", Object, 111, [3, 3])),
    ("lsdb/small_sky_xmatch_margin", Nothing),
    ("lsdb/square_map", Table("square_map", Map, 12, [12, 12])),
];

fn expectations() -> impl Iterator<Item = &'static (&'static str, Expected)> {
    FIXTURES.iter().chain(&MORE)
}

#[tokio::test]
async fn every_fixture_is_a_table_nothing_or_a_clear_problem() {
    let Some(data) = shared_data() else { return };
    for (relative, expected) in expectations() {
        let registry = open(&data.join("hats_fixtures").join(relative)).await;
        match expected {
            Broken(text) => {
                assert!(registry.tables().is_empty(), "{relative} opened");
                assert_problem(&registry, text);
            }
            Nothing => {
                assert!(registry.tables().is_empty() && registry.problems().is_empty(), "{relative}: {registry:?}");
            }
            Table(name, kind, rows, [partitions, files]) => {
                assert!(registry.problems().is_empty(), "{relative}: {:?}", problems(&registry));
                let table = &registry.tables()[0];
                let found_files: usize = table.partitions.iter().map(|partition| partition.files.len()).sum();
                let found = (table.name.to_string(), table.kind, table.rows, table.partitions.len(), found_files);
                assert_eq!(found, (format!("public.{name}"), *kind, Some(*rows), *partitions, *files), "{relative}");
                assert_files_exist(table).await;
            }
        }
    }
}

#[test]
fn no_fixture_is_forgotten() {
    let Some(data) = shared_data() else { return };
    let mut folders = BTreeSet::new();
    collect(&data.join("hats_fixtures"), &mut folders);
    let known: BTreeSet<PathBuf> = expectations().map(|(path, _)| data.join("hats_fixtures").join(path)).collect();
    let forgotten: Vec<_> = folders.difference(&known).collect();
    assert!(forgotten.is_empty(), "{forgotten:?}");
    assert!(folders.len() > 40);
}

/// Folders that hold a properties file or the older catalog information.
fn collect(folder: &Path, found: &mut BTreeSet<PathBuf>) {
    let markers = ["hats.properties", "properties", "collection.properties", "catalog_info.json"];
    if markers.iter().any(|name| folder.join(name).is_file()) {
        found.insert(folder.to_path_buf());
    }
    for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap).filter(|entry| entry.path().is_dir()) {
        collect(&entry.path(), found);
    }
}

async fn assert_files_exist(table: &CatalogMetadata) {
    for file in table.partitions.iter().flat_map(|partition| &partition.files) {
        let meta = table.location.store.head(&file.path).await.unwrap();
        assert_eq!(Some(meta.size), file.size, "{}", file.path);
    }
}

#[tokio::test]
async fn the_real_catalogs_open_with_all_they_declare() {
    let Some(data) = shared_data() else { return };
    let registry = open(&data.join("hats_real")).await;
    assert!(registry.problems().is_empty(), "{:?}", problems(&registry));
    let [gaia, hipparcos] = registry.tables() else { panic!("{:?}", registry.tables()) };

    assert_eq!(gaia.name.to_string(), "public.gaia_dr3_g10");
    assert_eq!((gaia.rows, gaia.partitions.len()), (Some(482_176), 123));
    assert_eq!(gaia.positions.as_ref().map(|columns| (columns.ra.as_str(), columns.dec.as_str())), Some(("ra", "dec")));
    assert_eq!(gaia.index.as_ref().map(|index| (index.column.as_str(), index.order)), Some(("_healpix_29", 29)));
    let ra = gaia.schema.field_with_name("ra").unwrap();
    assert_eq!((ra.metadata()["unit"].as_str(), ra.metadata()["ucd"].as_str()), ("deg", "pos.eq.ra;meta.main"));
    assert!(gaia.schema.metadata().is_empty());
    let starts = gaia.partitions.iter().map(|partition| partition.cell.unwrap().range29().start);
    assert!(starts.is_sorted());

    assert_eq!(hipparcos.name.to_string(), "public.hipparcos2");
    assert_eq!((hipparcos.rows, hipparcos.partitions.len()), (Some(117_955), 18));
    assert_files_exist(gaia).await;
    assert_files_exist(hipparcos).await;
}

#[tokio::test]
async fn plain_tables_of_the_shared_data_have_positions() {
    let Some(data) = shared_data() else { return };
    let files = ["gaia_dr3_g10", "hipparcos2", "tycho2_07"];
    let roots: Vec<String> = files.iter().map(|name| data.join(name).display().to_string() + ".parquet").collect();
    let registry = sidereus_engine::CatalogRegistry::open(&roots).await.unwrap();
    let found: Vec<_> = registry.tables().iter().map(|table| (table.name.table.as_str(), table.rows)).collect();
    assert_eq!(found, [("gaia_dr3_g10", Some(482_176)), ("hipparcos2", Some(117_955)), ("tycho2_07", Some(1_871_011))]);
    for table in registry.tables() {
        let positions = table.positions.as_ref().map(|columns| (columns.ra.as_str(), columns.dec.as_str()));
        assert_eq!(positions, Some(("ra", "dec")), "{}", table.name);
        assert!(table.partitions.len() == 1 && table.partitions[0].cell.is_none());
    }
}

#[tokio::test]
async fn a_special_index_column_and_nested_columns_are_kept() {
    let Some(data) = shared_data() else { return };
    let lsdb = data.join("hats_fixtures/lsdb");
    let registry = open(&lsdb.join("small_sky_healpix13")).await;
    let index = registry.tables()[0].index.clone().unwrap();
    assert_eq!((index.column.as_str(), index.order), ("healpix13", 13));

    let registry = open(&lsdb.join("small_sky_order1_nested_sources")).await;
    let schema = &registry.tables()[0].schema;
    let lists: Vec<_> = schema.fields().iter().filter(|field| field.name().starts_with("sources.")).collect();
    assert!(lists.iter().any(|field| field.name() == "sources.mjd") && lists.len() > 3, "{lists:?}");
    assert!(lists.iter().all(|field| matches!(field.data_type(), arrow::datatypes::DataType::List(_))), "{lists:?}");
}
