//! What happens when bytes of a published catalog change? An error or the right answer, whatever changes.
//!
//! `SIDEREUS_MUTATIONS=10000` makes a campaign of it, `SIDEREUS_MUTATIONS_SEED` another one.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sidereus_engine::{CatalogRegistry, EngineOptions, QueryService};

use crate::sample::{Draw, QUESTIONS, Truth, answer, files, rows, write_stars_collection, write_stars_collection_in};
use crate::support::service;

/// A change of one file, which is undone when it is dropped.
struct Change {
    saved: Vec<(PathBuf, Vec<u8>)>,
    what: String,
}

impl Drop for Change {
    fn drop(&mut self) {
        for (path, content) in &self.saved {
            fs::write(path, content).unwrap();
        }
    }
}

fn change(draw: &mut Draw, all: &[PathBuf]) -> Change {
    let path = &all[draw.below(all.len() as u64) as usize];
    let content = fs::read(path).unwrap();
    let mut changed = content.clone();
    let at = draw.below(content.len() as u64) as usize;
    let mut saved = vec![(path.clone(), content.clone())];
    let what = match draw.below(8) {
        0..=2 => {
            changed[at] ^= 1 << draw.below(8);
            format!("bit flipped in byte {at}")
        }
        3 => {
            changed[at..content.len().min(at + 16)].fill_with(|| draw.next() as u8);
            format!("garbage from byte {at}")
        }
        4 => {
            changed.truncate(at);
            format!("cut to {at} bytes")
        }
        5 => {
            changed.clear();
            "emptied".to_owned()
        }
        6 => {
            let length = 1 + draw.below(content.len() as u64 / 2) as usize;
            let other = draw.below((content.len() - length) as u64) as usize;
            let at = at.min(content.len() - length);
            changed[at..at + length].copy_from_slice(&content[other..other + length]);
            format!("{length} bytes of {other} put at {at}")
        }
        _ => {
            let same_kind: Vec<_> = all.iter().filter(|other| other.extension() == path.extension()).collect();
            let other = same_kind[draw.below(same_kind.len() as u64) as usize];
            changed = fs::read(other).unwrap();
            saved.push((other.clone(), changed.clone()));
            fs::write(other, &content).unwrap();
            format!("swapped with {}", other.display())
        }
    };
    fs::write(path, changed).unwrap();
    Change { saved, what: format!("{}: {what}", path.display()) }
}

/// Asks everything; returns how many questions were refused.
async fn ask_all(service: &QueryService, truth: &Truth, what: &str) -> usize {
    let mut refused = 0;
    for (number, (name, query)) in QUESTIONS.iter().enumerate() {
        match answer(service, query).await {
            Ok(found) => assert!(truth.allows(number, &found), "{what}: {name} is answered with {found:?}"),
            Err(_) => refused += 1,
        }
    }
    refused
}

/// A service that remembers nothing of what it has read.
fn forgetful() -> QueryService {
    let options = EngineOptions { threads: 2, metadata_cache: 0, ..EngineOptions::default() };
    QueryService::try_new(Arc::default(), options).unwrap()
}

/// Opens a root and asks everything, unless the catalog is refused as a whole.
async fn ask_anew(cold: &QueryService, root: &Path, truth: &Truth, what: &str) -> usize {
    let Ok(registry) = CatalogRegistry::open(&[root.display().to_string()]).await else { return QUESTIONS.len() };
    if registry.tables().is_empty() {
        return QUESTIONS.len();
    }
    cold.replace_registry(registry.into());
    ask_all(cold, truth, what).await
}

#[tokio::test(flavor = "multi_thread")]
async fn changed_bytes_are_an_error_or_do_not_matter() {
    let rounds = std::env::var("SIDEREUS_MUTATIONS").ok().and_then(|text| text.parse().ok()).unwrap_or(40);
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("stars");
    write_stars_collection_in(&root, &rows(5_000, 0), 1_000);
    let warm = service(std::slice::from_ref(&root)).await;
    let truth = Truth::of(&warm).await;
    let (cold, all) = (forgetful(), files(&root));
    let seed = std::env::var("SIDEREUS_MUTATIONS_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(7);
    let mut draw = Draw(seed);
    let (mut refused, mut refused_warm) = (0, 0);
    for _ in 0..rounds {
        let change = change(&mut draw, &all);
        refused += ask_anew(&cold, &root, &truth, &change.what).await;
        refused_warm += ask_all(&warm, &truth, &format!("warm, {}", change.what)).await;
    }
    assert!(
        refused > rounds && refused_warm > 0,
        "{refused} and {refused_warm} of {} refused",
        rounds * QUESTIONS.len()
    );
    assert_eq!(ask_all(&warm, &truth, "restored").await, 0);
    assert_eq!(ask_anew(&cold, &root, &truth, "restored").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_gone_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("stars");
    write_stars_collection(&root, &rows(6_000, 0));
    let truth = Truth::of(&service(std::slice::from_ref(&root)).await).await;
    let (cold, mut refused) = (forgetful(), 0);
    for path in files(&root) {
        let content = fs::read(&path).unwrap();
        fs::remove_file(&path).unwrap();
        refused += ask_anew(&cold, &root, &truth, &format!("{} is gone", path.display())).await;
        fs::write(&path, content).unwrap();
    }
    assert!(refused > QUESTIONS.len() * 4, "{refused} refused");
}
