//! Makes a synthetic sky of any number of rows, in bounded memory.
//!
//! ```text
//!  density model -> Poisson counts of order-9 cells -> partitions -> for each, in parallel:
//!     random low bits of the key, sorted -> positions -> other columns -> PartitionWriter
//! ```
//! The same seed gives the same rows on any number of threads.

mod columns;
mod density;
mod rows;
pub(crate) mod second;

use std::path::PathBuf;

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use rayon::prelude::*;
use sidereus_engine::{CatalogWriter, Codec, PartitionRows, WriteOptions, WrittenCatalog, partition_sky};

use crate::error::BenchError;
use columns::Columns;
use density::CellCounts;
use rows::PartitionKeys;
pub(crate) use second::{MakeSecond, make_second};

/// What sky to make.
#[derive(Debug, Clone, Args)]
pub(crate) struct MakeSky {
    /// Rows, exactly; `100_000_000` and `1e8` are understood.
    #[arg(long, value_parser = number)]
    rows: u64,
    /// Columns, the spatial key included; at least 4.
    #[arg(long, default_value_t = 12)]
    columns: usize,
    /// Folder to make; must not exist.
    #[arg(long)]
    out: PathBuf,
    /// Name of the catalog; that of the folder by default.
    #[arg(long)]
    name: Option<String>,
    /// Seed of all random numbers.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Compression: lz4, zstd or none.
    #[arg(long, default_value = "lz4")]
    codec: Codec,
    /// Rows above which a partition is split.
    #[arg(long, default_value = "1000000", value_parser = number)]
    rows_per_partition: u64,
    /// Crowd half of the rows into one percent of the sky.
    #[arg(long)]
    crowded: bool,
}

/// Makes the sky and says how long it took.
pub(crate) fn make(arguments: &MakeSky) -> Result<(), BenchError> {
    let started = std::time::Instant::now();
    let style = ProgressStyle::with_template("{bar:40} {human_pos} of {human_len} rows, {per_sec}, {eta} left")
        .unwrap_or_else(|_| ProgressStyle::default_bar());
    let progress = ProgressBar::new(arguments.rows).with_style(style);
    let written = write(arguments, |rows| progress.inc(rows))?;
    progress.finish_and_clear();
    let seconds = started.elapsed().as_secs_f64();
    eprintln!(
        "{}: {} rows, {} partitions, {:.2} GB ({:.1} bytes a row) in {seconds:.1} s ({:.2} million rows/s)",
        written.root.display(),
        written.rows,
        written.partitions,
        written.bytes as f64 / 1e9,
        written.bytes as f64 / written.rows as f64,
        written.rows as f64 / seconds / 1e6,
    );
    Ok(())
}

fn write(arguments: &MakeSky, progress: impl Fn(u64) + Sync) -> Result<WrittenCatalog, BenchError> {
    if arguments.rows == 0 || arguments.rows_per_partition == 0 {
        return Err(BenchError::Argument("a sky needs at least one row, and a partition too".to_owned()));
    }
    let columns = Columns::first(arguments.columns)?;
    let options = options(arguments)?;
    let catalog = CatalogWriter::create(&arguments.out, columns.schema(), options.clone())?;
    let counts = CellCounts::draw(arguments.rows, arguments.seed, arguments.crowded);
    let partitions = partition_sky(|key| counts.rows_before(key), options.rows_per_partition, CellCounts::order());
    partitions.par_iter().try_for_each(|partition| {
        write_partition(&Source { arguments, counts: &counts, columns: &columns }, partition, &catalog, &progress)
    })?;
    Ok(catalog.finish()?)
}

struct Source<'a> {
    arguments: &'a MakeSky,
    counts: &'a CellCounts,
    columns: &'a Columns,
}

fn write_partition(
    source: &Source<'_>,
    partition: &PartitionRows,
    catalog: &CatalogWriter,
    progress: &(impl Fn(u64) + Sync),
) -> Result<(), BenchError> {
    let mut writer = catalog.partition(partition.cell);
    let mut keys = PartitionKeys::new(partition.cell, source.counts, source.arguments.seed);
    while let Some(rows) = keys.next_rows() {
        writer.write(&source.columns.fill(&rows, keys.random())?)?;
        progress(rows.keys.len() as u64);
    }
    writer.finish()?;
    Ok(())
}

fn options(arguments: &MakeSky) -> Result<WriteOptions, BenchError> {
    let folder = arguments.out.file_name().and_then(|name| name.to_str()).map(str::to_owned);
    let name = arguments.name.clone().or(folder);
    let name = name.ok_or_else(|| BenchError::Argument("the catalog needs a name".to_owned()))?;
    let rows_per_partition = usize::try_from(arguments.rows_per_partition)
        .map_err(|_| BenchError::Argument("rows_per_partition is too large".to_owned()))?;
    let mut options = WriteOptions::new(name);
    options.codec = arguments.codec;
    options.rows_per_partition = rows_per_partition;
    options.max_order = CellCounts::order().get();
    options.description =
        Some("Synthetic stars, dense towards the Galactic plane; positions and values are random".to_owned());
    Ok(options)
}

/// Whole numbers as people write them: `100000`, `100_000`, `1e5`, `2.5e6`.
pub(crate) fn number(text: &str) -> Result<u64, String> {
    let plain = text.replace('_', "");
    if let Ok(number) = plain.parse() {
        return Ok(number);
    }
    match plain.parse::<f64>() {
        Ok(value) if (0.0..=1e15).contains(&value) && value.fract() == 0.0 => Ok(value as u64),
        _ => Err(format!("{text:?} is no whole number")),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A sky for tests; returns its folder.
    pub(crate) fn small_sky(out: &std::path::Path, rows: u64) -> PathBuf {
        let sky = MakeSky {
            rows,
            columns: 12,
            out: out.to_owned(),
            name: Some("sky".to_owned()),
            seed: 1,
            codec: Codec::Lz4,
            rows_per_partition: 1_000_000,
            crowded: false,
        };
        write(&sky, |_| ()).unwrap().root
    }

    #[test]
    fn numbers_are_read_as_people_write_them() {
        assert_eq!(number("100_000"), Ok(100_000));
        assert_eq!(number("2.5e6"), Ok(2_500_000));
        assert!(number("1.5").is_err() && number("-1").is_err() && number("nan").is_err() && number("1e30").is_err());
    }

    #[test]
    fn same_seed_gives_the_same_files_and_the_exact_rows() {
        let folder = std::env::temp_dir().join(format!("sidereus-benches-{}", std::process::id()));
        let sky = |out: &str, seed| MakeSky {
            rows: 50_000,
            columns: 16,
            out: folder.join(out),
            name: Some("sky".to_owned()),
            seed,
            codec: Codec::Lz4,
            rows_per_partition: 10_000,
            crowded: false,
        };
        let written = ["a", "b"].map(|out| write(&sky(out, 7), |_| ()).unwrap());
        let other = write(&sky("c", 8), |_| ()).unwrap();
        let first = std::fs::read(written[0].root.join("dataset/_metadata")).unwrap();
        assert_eq!((written[0].rows, written[0].partitions > 8), (50_000, true));
        assert_eq!(first, std::fs::read(written[1].root.join("dataset/_metadata")).unwrap());
        assert_ne!(first, std::fs::read(other.root.join("dataset/_metadata")).unwrap());
        std::fs::remove_dir_all(folder).unwrap();
    }
}
