//! Does a check of a catalog find what is wrong, and nothing else?

use std::fs;
use std::path::Path;

use sidereus_engine::{
    MANIFEST, PAGES, catalog_stats, compare_with_manifest, seal_catalog, seal_collection, verify_catalog,
};

use crate::sample::{answer, files, rows, write_stars, write_stars_collection};
use crate::support::{service, shared};

async fn problems(folder: &Path) -> Vec<String> {
    verify_catalog(folder).await.unwrap().problems
}

#[tokio::test(flavor = "multi_thread")]
async fn sound_collections_pass_and_every_changed_file_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("stars_collection");
    write_stars_collection(&root, &rows(6_000, 0));
    assert_eq!(problems(&root).await, [""; 0]);
    for path in files(&root) {
        let content = fs::read(&path).unwrap();
        let mut changed = content.clone();
        let middle = changed.len() / 2;
        changed[middle] ^= 1;
        fs::write(&path, changed).unwrap();
        let name = path.file_name().unwrap().to_str().unwrap();
        let found = problems(&root).await;
        assert!(found.iter().any(|problem| problem.contains(name)), "{}: {found:?}", path.display());
        fs::write(&path, content).unwrap();
    }
    assert_eq!(problems(&root).await, [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_manifest_the_rows_themselves_are_judged() {
    let folder = tempfile::tempdir().unwrap();
    let (root, other) = (folder.path().join("stars"), folder.path().join("other"));
    write_stars(&root, &rows(6_000, 0));
    write_stars(&other, &rows(6_000, 90_000));
    fs::remove_file(root.join(MANIFEST)).unwrap();
    let properties = fs::read_to_string(root.join("hats.properties")).unwrap();
    let properties = properties.replace("sidereus_manifest=sidereus.manifest\n", "");
    let declare = |text: &str| fs::write(root.join("hats.properties"), text).unwrap();
    declare(&properties);
    assert_eq!(problems(&root).await, [""; 0]);

    declare(&properties.replace("hats_nrows=6000", "hats_nrows=6001"));
    assert!(problems(&root).await.concat().contains("hats_nrows is 6001, but there are 6000 rows"));
    declare(&properties);

    let leaves: Vec<_> =
        files(&root).into_iter().filter(|path| path.extension().is_some_and(|e| e == "parquet")).collect();
    let content = fs::read(&leaves[0]).unwrap();
    fs::copy(&leaves[1], &leaves[0]).unwrap();
    let found = problems(&root).await.concat();
    assert!(found.contains("rows lie outside of the partition's cell"), "{found}");
    assert!(found.contains("skymap.fits says"), "{found}");
    fs::write(&leaves[0], content).unwrap();

    fs::copy(other.join("skymap.fits"), root.join("point_map.fits")).unwrap();
    assert!(problems(&root).await.concat().contains("point_map.fits says"));
}

#[tokio::test(flavor = "multi_thread")]
async fn catalogs_of_others_are_sound_and_can_be_sealed() {
    let Some(data) = shared("data/hats_real") else { return };
    for collection in ["gaia_dr3_g10_collection", "hipparcos2_collection"] {
        assert_eq!(problems(&data.join(collection)).await, [""; 0], "{collection}");
    }
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("hipparcos2");
    copy(&data.join("hipparcos2_collection/hipparcos2"), &root);
    let query = "SELECT COUNT(*), MIN(ra), MAX(dec) FROM hipparcos2";
    let expected = answer(&service(std::slice::from_ref(&root)).await, query).await.unwrap();
    let snapshot = seal_catalog(&root).unwrap();
    assert!(fs::metadata(root.join(PAGES)).unwrap().len() > 0);
    let sealed = service(std::slice::from_ref(&root)).await;
    assert_eq!(sealed.registry().tables()[0].snapshot, snapshot.to_string());
    assert_eq!(answer(&sealed, query).await.unwrap(), expected);
    assert_eq!(problems(&root).await, [""; 0]);
    let leaf = files(&root).into_iter().find(|path| path.extension().is_some_and(|e| e == "parquet")).unwrap();
    let mut content = fs::read(&leaf).unwrap();
    content[100] ^= 1;
    fs::write(&leaf, content).unwrap();
    let query = "SELECT * FROM hipparcos2";
    let error = answer(&service(std::slice::from_ref(&root)).await, query).await.unwrap_err().to_string();
    assert!(error.contains("is not the one that the catalog was published with"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collection_is_sealed_as_a_whole_and_compared_with_manifests_that_lie_elsewhere() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("stars_collection");
    write_stars_collection(&root, &rows(3_000, 0));
    let primary = root.join("stars");
    let kept = folder.path().join("kept");
    fs::copy(primary.join(MANIFEST), &kept).unwrap();
    let published = compare_with_manifest(&primary, &kept).unwrap();
    for path in files(&root).into_iter().filter(|path| path.ends_with(MANIFEST) || path.ends_with(PAGES)) {
        fs::remove_file(path).unwrap();
    }
    assert_eq!(compare_with_manifest(&primary, &kept).unwrap(), published, "a copy without manifests is the same");
    // The properties of its index promise a manifest, which it has again once all is sealed.
    assert_eq!(seal_collection(&root).unwrap(), published);
    assert_eq!(problems(&root).await, [""; 0]);
    let sealed = service(std::slice::from_ref(&root)).await;
    assert_eq!(sealed.registry().tables()[0].snapshot, published.to_string());
    for path in files(&primary).into_iter().filter(|path| !path.ends_with(MANIFEST)) {
        let content = fs::read(&path).unwrap();
        let mut changed = content.clone();
        changed[content.len() / 3] ^= 4;
        fs::write(&path, changed).unwrap();
        let error = compare_with_manifest(&primary, &kept).unwrap_err().to_string();
        assert!(error.contains(path.file_name().unwrap().to_str().unwrap()), "{error}");
        fs::write(&path, content).unwrap();
    }
    let mut damaged = fs::read(&kept).unwrap();
    damaged[70] ^= 1;
    fs::write(&kept, damaged).unwrap();
    assert!(compare_with_manifest(&primary, &kept).unwrap_err().to_string().contains("was changed"));
    let properties = fs::read_to_string(root.join("collection.properties")).unwrap();
    let outside = properties.replace("hats_primary_table_url=stars", "hats_primary_table_url=../kept");
    assert_ne!(outside, properties);
    fs::write(root.join("collection.properties"), outside).unwrap();
    assert!(seal_collection(&root).unwrap_err().to_string().contains("lies outside"));
}

fn copy(from: &Path, to: &Path) {
    for path in files(from) {
        let target = to.join(path.strip_prefix(from).unwrap());
        fs::create_dir_all(target.parent().unwrap()).unwrap();
        fs::copy(path, target).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn figures_are_those_that_queries_give() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("stars_collection");
    write_stars_collection(&root, &rows(6_000, 0));
    let stats = catalog_stats(&root).await.unwrap();
    assert_eq!((stats.name.as_str(), stats.rows), ("public.stars", 6_000));
    let service = service(std::slice::from_ref(&root)).await;
    let query = "SELECT MIN(mag), MAX(mag), COUNT(*) - COUNT(mag), MIN(class), MAX(id) FROM stars";
    let column = |name: &str| stats.columns.iter().find(|column| column.name == name).unwrap();
    let (mag, class, id) = (column("mag"), column("class"), column("id"));
    let text = |value: &Option<String>| value.clone().unwrap();
    let found = [text(&mag.min), text(&mag.max), mag.nulls.to_string(), text(&class.min), text(&id.max)].join(" ");
    assert_eq!(answer(&service, query).await.unwrap(), [found]);
    let coverage = stats.coverage.unwrap();
    assert!(coverage.sky_fraction() > 0.0 && coverage.sky_fraction() < 0.01);
}
