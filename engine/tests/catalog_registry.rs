//! Every catalog of the shared data: which are tables, under which names, and what is said of the broken ones.

use std::path::{Path, PathBuf};

use sidereus_engine::{CatalogKind, CatalogRegistry};

/// The shared data, beside the project or beside the folder of its worktrees.
fn shared_data() -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let found = [root.join("../shared/data"), root.join("../../shared/data")].into_iter().find(|path| path.is_dir());
    if found.is_none() {
        println!("skipped: ../shared/data is absent");
    }
    found
}

async fn open(root: &Path) -> CatalogRegistry {
    CatalogRegistry::open(&[root.to_string_lossy().into_owned()]).await.unwrap()
}

#[tokio::test]
async fn opens_the_real_catalogs() {
    let Some(data) = shared_data() else { return };
    let registry = open(&data.join("hats_real")).await;
    assert!(registry.problems().is_empty(), "{:?}", registry.problems());
    let names: Vec<_> = registry.tables().iter().map(|table| table.name.to_string()).collect();
    assert_eq!(names, ["public.gaia_dr3_g10", "public.hipparcos2"]);

    let gaia = &registry.tables()[0];
    assert_eq!(gaia.kind, CatalogKind::Object);
    assert_eq!((gaia.rows, gaia.partitions.len()), (Some(482_176), 123));
    assert_eq!(gaia.positions.as_ref().map(|columns| columns.ra.as_str()), Some("ra"));
    assert_eq!(gaia.index.as_ref().map(|index| (index.column.as_str(), index.order)), Some(("_healpix_29", 29)));
    assert!(gaia.partitions.iter().all(|partition| partition.files.len() == 1 && partition.files[0].size.is_some()));
    assert_eq!(gaia.schema.field_with_name("ra").unwrap().metadata()["unit"], "deg");

    let hipparcos = &registry.tables()[1];
    assert_eq!((hipparcos.rows, hipparcos.partitions.len()), (Some(117_955), 18));
    for table in registry.tables() {
        for file in table.partitions.iter().flat_map(|partition| &partition.files) {
            object_store::ObjectStoreExt::head(table.location.store.as_ref(), &file.path).await.unwrap();
        }
    }
}
