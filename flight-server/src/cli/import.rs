//! `sidereus import`: table files become a catalog that prunes well.

mod columns;
mod progress;

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use sidereus_engine::{
    Codec, CollectionOptions, ImportOptions, ImportProgress, ImportedCatalog, ReadOptions, TableFormat, WriteOptions,
    WrittenCatalog, import_tables,
};

use super::CommandError;
use crate::logging;

/// Bytes of rows that are held at most where nothing is said.
const MOST_MEMORY: usize = 4 << 30;

/// Options of the command.
#[derive(Debug, Args)]
pub(super) struct Options {
    /// Table files with ICRS positions, patterns of such in quotes, or URLs; .gz and .zst too.
    #[arg(required = true, value_name = "FILE|PATTERN|URL")]
    sources: Vec<String>,
    /// Folder of the catalog, which must not exist yet.
    #[arg(long = "to", short = 'o', visible_alias = "output", value_name = "DIR")]
    target: PathBuf,
    /// Name of the catalog, and thus of the table [default: the target folder's].
    #[arg(long)]
    name: Option<String>,
    /// Column of right ascensions [default: the one whose UCD or name says so].
    #[arg(long, value_name = "COLUMN")]
    ra: Option<String>,
    /// Column of declinations.
    #[arg(long, value_name = "COLUMN")]
    dec: Option<String>,
    /// One or two sentences for people.
    #[arg(long)]
    description: Option<String>,
    /// Format of the files: csv, tsv, ecsv, fits, votable, cds, parquet or arrow [default: found].
    #[arg(long)]
    format: Option<TableFormat>,
    /// The CDS ReadMe that describes fixed-width lines [default: the one beside the file].
    #[arg(long, value_name = "FILE")]
    readme: Option<PathBuf>,
    /// Name or number of the FITS extension or VOTable table [default: the first].
    #[arg(long, value_name = "NAME|N")]
    table: Option<String>,
    /// Another text that means null, in text formats; may be repeated.
    #[arg(long, value_name = "TEXT")]
    null: Vec<String>,
    /// TOML file of columns: types, names, units, UCDs, descriptions, what to leave out.
    #[arg(long, value_name = "FILE")]
    schema: Option<PathBuf>,
    /// Columns to keep, with commas between them.
    #[arg(long, value_name = "COLUMNS", value_delimiter = ',')]
    columns: Option<Vec<String>>,
    /// Columns that are read when a user names none, with commas between them.
    #[arg(long, value_name = "COLUMNS", value_delimiter = ',')]
    default_columns: Vec<String>,
    /// Write one Parquet file, for tables without positions.
    #[arg(long)]
    plain: bool,
    /// Rows that are held in memory, in bytes or with K, M, G; more go to scratch files beside the target
    /// [default: 4G, at most a quarter of the machine's].
    #[arg(long, value_name = "SIZE", value_parser = size)]
    memory: Option<usize>,
    /// File of the rows that cannot be taken [default: DIR.rejects.csv].
    #[arg(long, value_name = "FILE")]
    rejects: Option<PathBuf>,
    /// Most rows that may be rejected [default: 1 in 100].
    #[arg(long, value_name = "N")]
    max_rejects: Option<u64>,
    /// Compression: lz4, zstd or none.
    #[arg(long, default_value = "lz4")]
    codec: Codec,
    /// A partition with more rows is split.
    #[arg(long, value_name = "N", default_value_t = 1_000_000)]
    rows_per_partition: usize,
    /// Width of a margin for crossmatches, in arcseconds; may be repeated. Makes a collection.
    #[arg(long, value_name = "ARCSEC")]
    margin: Vec<f64>,
    /// Column of ids to index; may be repeated. Makes a collection.
    #[arg(long, value_name = "COLUMN")]
    index: Vec<String>,
}

/// Runs the command.
pub(super) async fn run(options: Options) -> Result<(), CommandError> {
    logging::start_quiet()?;
    let sources = options.sources.clone();
    let target = options.target.clone();
    let import = import_options(options)?;
    let figures = Arc::new(ImportProgress::default());
    let shown = progress::show(Arc::clone(&figures));
    let imported = tokio::task::spawn_blocking(move || import_tables(&sources, &import, &target, &figures)).await;
    drop(shown);
    let imported = imported.map_err(|error| std::io::Error::other(error.to_string()))??;
    Ok(std::io::stdout().write_all(summary(&imported).as_bytes())?)
}

fn import_options(options: Options) -> Result<ImportOptions, CommandError> {
    let name = match options.name {
        Some(name) => name,
        None => name_of(&options.target)?,
    };
    let rules = options.schema.as_deref().map(columns::read).transpose()?.unwrap_or_default();
    let write = WriteOptions {
        rows_per_partition: options.rows_per_partition,
        codec: options.codec,
        description: options.description,
        default_columns: options.default_columns,
        ..WriteOptions::new(name)
    };
    let types = rules.iter().filter_map(|rule| Some((rule.name.clone(), rule.kind.clone()?))).collect();
    let read = ReadOptions {
        format: options.format,
        types,
        nulls: options.null,
        table: options.table,
        readme: options.readme,
        ..ReadOptions::default()
    };
    let collection = CollectionOptions { margins: options.margin, indexes: options.index, codec: options.codec };
    let is_collection = !collection.margins.is_empty() || !collection.indexes.is_empty();
    Ok(ImportOptions {
        read,
        collection: is_collection.then_some(collection),
        ra: options.ra,
        dec: options.dec,
        rules,
        columns: options.columns,
        plain: options.plain,
        memory: options.memory.unwrap_or_else(usual_memory),
        rejects: options.rejects,
        max_rejects: options.max_rejects,
        ..ImportOptions::new(write)
    })
}

fn size(text: &str) -> Result<usize, String> {
    let units = [("K", 10), ("M", 20), ("G", 30)];
    let (digits, shift) =
        units.iter().find_map(|(unit, shift)| Some((text.strip_suffix(unit)?, *shift))).unwrap_or((text, 0));
    let size = digits.parse::<usize>().ok().and_then(|number| number.checked_mul(1 << shift));
    size.ok_or_else(|| format!("{text:?} is no size, expected bytes or a number with K, M or G"))
}

/// Rows that are held where nothing is said: a quarter of what this machine, or its container, has.
fn usual_memory() -> usize {
    let of_machine = fs::read_to_string("/proc/meminfo").ok().and_then(|text| {
        let line = text.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
        line.split_whitespace().next()?.parse::<usize>().ok()?.checked_mul(1 << 10)
    });
    let of_container =
        fs::read_to_string("/sys/fs/cgroup/memory.max").ok().and_then(|text| text.trim().parse::<usize>().ok());
    // Where the system does not tell, it is what small machines have to spare.
    let least = of_machine.into_iter().chain(of_container).min().unwrap_or(MOST_MEMORY);
    (least / 4).min(MOST_MEMORY)
}

fn name_of(target: &Path) -> Result<String, CommandError> {
    let name = target.file_name().and_then(|name| name.to_str()).filter(|name| !name.is_empty());
    name.map(str::to_owned).ok_or_else(|| CommandError::Usage("name the catalog with --name".to_owned()))
}

fn summary(imported: &ImportedCatalog) -> String {
    let WrittenCatalog { root, rows, partitions, bytes, rekeyed } = &imported.catalog;
    let mut text = format!("{}: {rows} rows in {partitions} partitions, {bytes} bytes\n", root.display());
    if let Some(file) = &imported.reject_file {
        text.push_str(&format!("{} rows were rejected: see {}\n", imported.rejects, file.display()));
    }
    if *rekeyed > 0 {
        text.push_str(&format!(
            "{rekeyed} rows came with a key of another place than their position's; it was replaced\n"
        ));
    }
    if let (runs, parts) = imported.resumed
        && runs + parts > 0
    {
        text.push_str(&format!("{runs} runs and {parts} partitions were taken over from an interrupted import\n"));
    }
    for note in &imported.notes {
        text.push_str(&format!("{note}\n"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usual_memory_is_the_same_each_time() {
        let usual = usual_memory();
        assert!((1 << 24..=MOST_MEMORY).contains(&usual), "{usual}");
        assert_eq!(usual_memory(), usual, "an import that is taken up again must be the same command");
    }

    #[test]
    fn sizes_have_units() {
        assert_eq!((size("17"), size("2K"), size("1G")), (Ok(17), Ok(2048), Ok(1 << 30)));
        assert!(size("1T").is_err() && size("99999999999G").is_err() && size("").is_err());
    }
}
