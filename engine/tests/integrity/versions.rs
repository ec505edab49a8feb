//! Does a catalog change from one version to the next as a whole, while queries run?
//!
//! `SIDEREUS_SWITCHES=1000` makes a campaign of it.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use sidereus_engine::{CatalogRegistry, EngineOptions, QueryService};

use crate::sample::{answer, rows, write_stars};

const QUERY: &str = "SELECT COUNT(*), MIN(id), MAX(id), SUM(mag) FROM stars";

async fn open(root: &Path) -> Arc<CatalogRegistry> {
    Arc::new(CatalogRegistry::open(&[root.display().to_string()]).await.unwrap())
}

fn point(root: &Path, version: &Path) {
    symlink(version, root.join(".next")).unwrap();
    fs::rename(root.join(".next"), root.join("stars")).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_answer_mixes_two_versions() {
    let switches = std::env::var("SIDEREUS_SWITCHES").ok().and_then(|text| text.parse().ok()).unwrap_or(30);
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("root");
    fs::create_dir(&root).unwrap();
    let versions: Vec<PathBuf> = ["v1", "v2"].iter().map(|name| folder.path().join(name)).collect();
    for (first, version) in [0, 1_000_000].into_iter().zip(&versions) {
        write_stars(version, &rows(12_000, first));
    }
    point(&root, &versions[0]);
    let service = QueryService::try_new(open(&root).await, EngineOptions::default()).unwrap();
    let mut expected = Vec::new();
    for version in versions.iter().rev() {
        point(&root, version);
        service.replace_registry(open(&root).await);
        expected.push(answer(&service, QUERY).await.unwrap());
    }
    assert_ne!(expected[0], expected[1]);
    let (stop, asked) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let ask = || {
        let (service, stop, asked) = (service.clone(), Arc::clone(&stop), Arc::clone(&asked));
        let expected = expected.clone();
        async move {
            let mut seen = [0, 0];
            while !stop.load(Ordering::SeqCst) {
                let found = answer(&service, QUERY).await.unwrap();
                let version = expected.iter().position(|expected| *expected == found);
                seen[version.unwrap_or_else(|| panic!("{found:?} is of no version"))] += 1;
                asked.fetch_add(1, Ordering::SeqCst);
            }
            seen
        }
    };
    let switch = async {
        for number in 0..switches {
            let before = asked.load(Ordering::SeqCst);
            point(&root, &versions[number % 2]);
            service.replace_registry(open(&root).await);
            while asked.load(Ordering::SeqCst) == before {
                tokio::task::yield_now().await;
            }
        }
        stop.store(true, Ordering::SeqCst);
    };
    let (one, two, ()) = tokio::join!(ask(), ask(), switch);
    assert!(one[0] + two[0] > 0 && one[1] + two[1] > 0, "{one:?} {two:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn files_that_vanish_under_a_snapshot_are_an_error_that_names_them() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("stars");
    write_stars(&root, &rows(6_000, 0));
    let service = QueryService::try_new(open(&root).await, EngineOptions::default()).unwrap();
    answer(&service, QUERY).await.unwrap();
    fs::remove_dir_all(&root).unwrap();
    let error = answer(&service, QUERY).await.unwrap_err().to_string();
    assert!(error.contains("Norder=") && error.contains("cannot be read"), "{error}");
    write_stars(&root, &rows(6_000, 500));
    let error = answer(&service, QUERY).await.unwrap_err().to_string();
    assert!(error.contains("is not the one that the catalog was published with"), "{error}");
    service.replace_registry(open(&root).await);
    answer(&service, QUERY).await.unwrap();
}
