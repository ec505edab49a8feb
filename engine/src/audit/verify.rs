//! What is wrong with a catalog?

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use rayon::prelude::*;

use super::leaf::{self, Expected, LeafReport};
use super::skymap;
use crate::catalog::{CatalogMetadata, CatalogRegistry};
use crate::error::{EngineError, ErrorKind};
use crate::ingest::{check_manifest, collection_members};
use crate::integrity::MANIFEST;

/// What was found in a folder.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// What is wrong, a sentence each, with the file.
    pub problems: Vec<String>,
    /// What was looked at, a line each.
    pub checked: Vec<String>,
}

/// Checks a catalog, or a collection with all its members, in a local folder.
///
/// *Cost*: reads and decodes every byte, and once more for the digests of a manifest; all threads.
///
/// *Errors*: a folder that is not there. Whatever is wrong with the catalog is in the verdict.
pub async fn verify_catalog(folder: &Path) -> Result<Verdict, EngineError> {
    let mut verdict = Verdict::default();
    for member in members(folder) {
        let path = if member.is_empty() { folder.to_owned() } else { folder.join(&member) };
        if path.is_dir() {
            verify_member(&path, &member, &mut verdict).await?;
        } else if member.is_empty() {
            let message = format!("{} is no folder", path.display());
            return Err(EngineError::request(ErrorKind::NotFound, message));
        } else {
            verdict.problems.push(format!("{member}: this member of the collection is missing"));
        }
    }
    Ok(verdict)
}

/// The folders of a collection that are catalogs, itself first as far as it has a manifest; or the catalog alone.
fn members(folder: &Path) -> Vec<String> {
    let Some(parts) = collection_members(folder) else { return vec![String::new()] };
    let own = folder.join(MANIFEST).exists().then(String::new);
    own.into_iter().chain(parts).collect()
}

async fn verify_member(path: &Path, member: &str, verdict: &mut Verdict) -> Result<(), EngineError> {
    let shown = if member.is_empty() { String::new() } else { format!("{member}: ") };
    let mut note = |problem: String| verdict.problems.push(format!("{shown}{problem}"));
    if path.join(MANIFEST).exists() {
        match check_manifest(path) {
            Ok(checked) => {
                checked.problems.into_iter().for_each(&mut note);
                verdict.checked.push(format!("{shown}{} files of the manifest", checked.files));
            }
            Err(error) => note(error.to_string()),
        }
    }
    if path.join("collection.properties").exists() {
        return Ok(());
    }
    let mut note = |problem: String| verdict.problems.push(format!("{shown}{problem}"));
    for required in ["hats.properties", "dataset/_common_metadata"] {
        if !path.join(required).exists() {
            note(format!("{required} is missing"));
        }
    }
    let kind = kind(path);
    if kind == "index" {
        return Ok(());
    }
    if !path.join("partition_info.csv").exists() {
        note("partition_info.csv is missing".to_owned());
    }
    match open(path, kind == "margin").await? {
        Err(problems) => problems.into_iter().for_each(&mut note),
        Ok(catalog) => {
            let report = rows(path, &catalog, kind == "margin");
            report.problems.into_iter().for_each(&mut note);
            verdict.checked.push(format!("{shown}{} rows in {} partitions", report.rows, catalog.partitions.len()));
        }
    }
    Ok(())
}

fn kind(path: &Path) -> String {
    let names = ["hats.properties", "properties"];
    let text = names.iter().find_map(|name| fs::read_to_string(path.join(name)).ok()).unwrap_or_default();
    let kind = text.lines().find_map(|line| line.strip_prefix("dataproduct_type="));
    kind.unwrap_or_default().trim().to_owned()
}

/// Opens a catalog; a margin is opened as what its rows are.
async fn open(path: &Path, is_margin: bool) -> Result<Result<Arc<CatalogMetadata>, Vec<String>>, EngineError> {
    let registry = match is_margin {
        false => CatalogRegistry::open(&[path.display().to_string()]).await?,
        true => CatalogRegistry::open_margin(&path.display().to_string()).await?,
    };
    let problems: Vec<String> = registry.problems().iter().map(ToString::to_string).collect();
    Ok(match (registry.tables(), problems.is_empty()) {
        ([catalog], true) => Ok(Arc::clone(catalog)),
        (_, false) => Err(problems),
        (tables, true) => Err(vec![format!("expected one catalog, found {} tables", tables.len())]),
    })
}

/// Reads all rows of a catalog and compares them with what is said of them.
fn rows(path: &Path, catalog: &CatalogMetadata, is_margin: bool) -> LeafReport {
    let files: Vec<_> = catalog
        .partitions
        .iter()
        .flat_map(|partition| partition.files.iter().map(move |file| (partition.cell, file.path.as_ref().to_owned())))
        .collect();
    let reports: Vec<(String, LeafReport)> = files
        .into_par_iter()
        .map(|(cell, relative)| {
            let (positions, index) = (catalog.positions.as_ref(), catalog.index.as_ref());
            let expected = Expected { cell, is_margin, schema: &catalog.schema, positions, index };
            let report = leaf::check(&path.join(&relative), expected);
            (relative, report)
        })
        .collect();
    let mut all = LeafReport::default();
    for (relative, report) in reports {
        all.problems.extend(report.problems.into_iter().map(|problem| format!("{relative}: {problem}")));
        all.rows += report.rows;
        all.row_groups += report.row_groups;
        for (cell, rows) in report.counts {
            *all.counts.entry(cell).or_default() += rows;
        }
    }
    if let Some(declared) = catalog.rows.filter(|declared| *declared != all.rows) {
        all.problems.push(format!("hats_nrows is {declared}, but there are {} rows", all.rows));
    }
    let map_problems = maps(path, &all.counts, catalog.positions.is_some() || catalog.index.is_some());
    all.problems.extend(map_problems);
    all
}

fn maps(path: &Path, counts: &BTreeMap<u64, u64>, are_counted: bool) -> Vec<String> {
    let names = ["skymap.fits", "point_map.fits"].into_iter().filter(|_| are_counted);
    let maps = names.filter_map(|name| Some((name, fs::read(path.join(name)).ok()?)));
    maps.filter_map(|(name, content)| Some(format!("{name} {}", skymap::check(&content, counts).err()?))).collect()
}
