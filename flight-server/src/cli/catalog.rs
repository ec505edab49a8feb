//! `sidereus catalog`: is a catalog on disk sound, and what is in it?

use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;

use arrow::array::{ArrayRef, StringArray, UInt64Array};
use clap::{Args, Subcommand};
use sidereus_engine::{
    CatalogStats, CollectionOptions, ColumnStats, catalog_stats, collect_catalog, compare_with_manifest, seal_catalog,
    seal_collection, verify_catalog,
};

use super::CommandError;
use super::small_table::small_table;
use crate::format::{EncodeError, FormatError};
use crate::logging;

/// Options of the command.
#[derive(Debug, Args)]
pub(super) struct Options {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Check every file and row of a catalog or collection; exit code 1 and a list if anything is wrong.
    Verify {
        /// Folder of the catalog or collection.
        folder: PathBuf,
    },
    /// Check a catalog or collection and write manifests into its folders, so that later changes are noticed.
    Scrub {
        /// Folder of the catalog or collection.
        folder: PathBuf,
        /// A manifest that was kept elsewhere: compare the files with it, and write nothing.
        #[arg(long, value_name = "FILE")]
        manifest: Option<PathBuf>,
    },
    /// Make a collection of a catalog: its files are linked into it, margins and indexes are written.
    Collect {
        /// Folder of the catalog.
        folder: PathBuf,
        /// Folder of the collection, which must not exist yet.
        #[arg(long, short, value_name = "DIR")]
        output: PathBuf,
        /// Width of a margin for crossmatches, in arcseconds; may be repeated.
        #[arg(long, value_name = "ARCSEC")]
        margin: Vec<f64>,
        /// Column of ids to index; may be repeated.
        #[arg(long, value_name = "COLUMN")]
        index: Vec<String>,
    },
    /// Show rows, bytes, columns and coverage.
    Stats {
        /// Folder of the catalog or collection.
        folder: PathBuf,
        /// File to write the coverage to, as a MOC in ASCII.
        #[arg(long, value_name = "FILE")]
        moc: Option<PathBuf>,
    },
}

/// Runs the command.
pub(super) async fn run(options: Options) -> Result<(), CommandError> {
    logging::start_quiet()?;
    let mut out = std::io::stdout();
    match options.action {
        Action::Verify { folder } => verify(&folder).await,
        Action::Scrub { folder, manifest } => {
            verify(&folder).await?;
            let shown = folder.display().to_string();
            let snapshot = tokio::task::spawn_blocking(move || match manifest {
                Some(manifest) => compare_with_manifest(&folder, &manifest),
                None if folder.join("collection.properties").exists() => seal_collection(&folder),
                None => seal_catalog(&folder),
            });
            let snapshot = snapshot.await;
            let snapshot = snapshot.map_err(|error| std::io::Error::other(error.to_string()))??;
            Ok(writeln!(out, "{shown}: snapshot {snapshot}")?)
        }
        Action::Collect { folder, output, margin, index } => {
            let options = CollectionOptions { margins: margin, indexes: index, ..CollectionOptions::default() };
            let written = tokio::task::spawn_blocking(move || collect_catalog(&folder, &options, &output)).await;
            let written = written.map_err(|error| std::io::Error::other(error.to_string()))??;
            Ok(writeln!(out, "{}: {} rows, {} bytes", written.root.display(), written.rows, written.bytes)?)
        }
        Action::Stats { folder, moc } => {
            let stats = catalog_stats(&folder).await?;
            out.write_all(summary(&stats).as_bytes())?;
            out.write_all(&columns(&stats.columns).map_err(EncodeError::from)?)?;
            match (moc, &stats.coverage) {
                (None, _) => Ok(()),
                (Some(path), Some(coverage)) => {
                    Ok(std::fs::write(&path, coverage.to_ascii() + "\n").map_err(CommandError::at(&path))?)
                }
                (Some(_), None) => Err(CommandError::Usage("the catalog has no positions to cover".to_owned())),
            }
        }
    }
}

async fn verify(folder: &std::path::Path) -> Result<(), CommandError> {
    let verdict = verify_catalog(folder).await?;
    let mut out = std::io::stdout();
    for line in verdict.checked {
        writeln!(out, "checked: {line}")?;
    }
    for problem in &verdict.problems {
        writeln!(out, "problem: {problem}")?;
    }
    match verdict.problems.len() {
        0 => Ok(writeln!(out, "sound: {}", folder.display())?),
        problems => Err(CommandError::Unsound { folder: folder.display().to_string(), problems }),
    }
}

fn summary(stats: &CatalogStats) -> String {
    let CatalogStats { name, rows, bytes, partitions, snapshot, coverage, .. } = stats;
    let mut text = format!("{name}: {rows} rows in {partitions} partitions, {bytes} bytes\n");
    if let Some(coverage) = coverage {
        let (fraction, area) = (coverage.sky_fraction(), coverage.area_sq_deg());
        text.push_str(&format!("coverage: {fraction:.6} of the sky, {area:.3} square degrees (cells of order 10)\n"));
    }
    if let Some(snapshot) = snapshot {
        text.push_str(&format!("snapshot: {snapshot}\n"));
    }
    text
}

fn columns(stats: &[ColumnStats]) -> Result<Vec<u8>, FormatError> {
    let texts =
        |of: fn(&ColumnStats) -> Option<&str>| Arc::new(stats.iter().map(of).collect::<StringArray>()) as ArrayRef;
    let counts =
        |of: fn(&ColumnStats) -> u64| Arc::new(UInt64Array::from_iter_values(stats.iter().map(of))) as ArrayRef;
    small_table([
        ("column", texts(|column| Some(&column.name))),
        ("type", texts(|column| Some(&column.kind))),
        ("unit", texts(|column| Some(&column.unit))),
        ("nulls", counts(|column| column.nulls)),
        ("nans", counts(|column| column.nans)),
        ("min", texts(|column| column.min.as_deref())),
        ("max", texts(|column| column.max.as_deref())),
    ])
}
