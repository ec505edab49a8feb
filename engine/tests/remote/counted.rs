//! Does a scan of a remote catalog read what it says it reads? The server is the judge.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::AsArray;
use sidereus_engine::{CatalogRegistry, EngineOptions, QueryService, Rules};

use crate::server::Server;
use crate::support::{self, ask, digest, ids, service, shared};

/// The sum of a counter over all lines of a plan with metrics.
fn counter(plan: &str, name: &str) -> u64 {
    let needle = format!("{name}=");
    let amounts =
        plan.match_indices(&needle).filter(|(at, _)| !plan[..*at].ends_with(|c: char| c.is_alphanumeric() || c == '_'));
    amounts
        .map(|(at, _)| {
            let text: String = plan[at + needle.len()..].chars().take_while(|c| !matches!(c, ',' | ']')).collect();
            let (number, unit) = text.trim().split_once(' ').unwrap_or_else(|| (text.trim(), ""));
            let factor = match unit {
                "" => 1.0,
                "K" => 1e3,
                "M" => 1e6,
                "G" => 1e9,
                other => panic!("unknown unit {other} in {text}"),
            };
            (number.parse::<f64>().expect("a number") * factor).round() as u64
        })
        .sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn explain_analyze_counts_what_the_server_saw() {
    let Some(folder) = shared("data/hats_real/gaia_dr3_g10_collection") else { return };
    let server = Server::start(folder.parent().expect("a folder")).await;
    let root = format!("{}/gaia_dr3_g10_collection", server.url());
    let registry = CatalogRegistry::open(&[root]).await.expect("it opens");
    assert!(registry.problems().is_empty(), "{:?}", registry.problems());
    let opening = server.take();
    assert!(opening.len() <= 7, "{opening:#?}");
    let service = QueryService::try_new(Arc::new(registry), EngineOptions::default()).expect("it starts");
    let local = support::service(&[folder]).await;
    for (lon, lat, radius) in [(83.6, -5.4, 0.3), (10.0, 89.9, 1.0), (266.4, -29.0, 0.02), (0.0, 0.0, 12.0)] {
        let query = format!(
            "SELECT source_id, phot_g_mean_mag FROM gaia_dr3_g10 WHERE DISTANCE(ra, dec, {lon}, {lat}) < {radius}"
        );
        server.take();
        let plan = ask(&service, &format!("EXPLAIN ANALYZE {query}"), Rules::all()).await.expect("it runs");
        let seen = server.take();
        let (requests, bytes) = (seen.len() as u64, seen.iter().map(|request| request.bytes).sum::<u64>());
        let plan = plan[0].column(1).as_string::<i32>().value(0).to_owned();
        let told = (counter(&plan, "requests"), counter(&plan, "bytes_read"));
        assert!(bytes > 0, "nothing was read:\n{plan}");
        assert!(close(told.0, requests) && close(told.1, bytes), "told {told:?}, saw {:?}:\n{plan}", (requests, bytes));
        let remote = ids(&ask(&service, &query, Rules::all()).await.expect("it runs"));
        let beside = ids(&ask(&local, &query, Rules::none()).await.expect("it runs"));
        assert_eq!(digest(&remote), digest(&beside));
        assert!(!remote.is_empty() || radius < 0.1);
    }
}

/// Within 5 %.
fn close(told: u64, saw: u64) -> bool {
    told.abs_diff(saw) as f64 <= 0.05 * saw as f64
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_partition_is_an_error_not_an_empty_answer() {
    let Some(source) = shared("data/hats_real/hipparcos2_collection") else { return };
    let folder = tempfile::tempdir().expect("a folder");
    copy(&source, &folder.path().join("hip"));
    let service = service(&[folder.path().join("hip")]).await;
    let query = "SELECT hip FROM hipparcos2 WHERE plx > 0";
    assert!(ask(&service, query, Rules::all()).await.is_ok());
    let victim = first_leaf(&folder.path().join("hip/hipparcos2/dataset"));
    std::fs::remove_file(&victim).expect("it is removed");
    let fresh = support::service(&[folder.path().join("hip")]).await;
    match ask(&fresh, query, Rules::all()).await {
        Err(error) => assert!(error.to_string().contains("Npix"), "{error}"),
        Ok(_) => panic!("the rows of {} were left out silently", victim.display()),
    }
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a folder");
    for entry in std::fs::read_dir(from).expect("a folder") {
        let entry = entry.expect("an entry");
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            let content = std::fs::read(entry.path()).expect("a file");
            std::fs::write(target, content).expect("it is written");
        }
    }
}

fn first_leaf(folder: &Path) -> PathBuf {
    let mut entries: Vec<PathBuf> =
        std::fs::read_dir(folder).expect("a folder").map(|e| e.expect("an entry").path()).collect();
    entries.sort();
    let next = entries.iter().find(|path| path.is_dir()).cloned();
    next.map_or_else(
        || entries.into_iter().find(|path| path.extension().is_some_and(|e| e == "parquet")).expect("a leaf"),
        |next| first_leaf(&next),
    )
}
