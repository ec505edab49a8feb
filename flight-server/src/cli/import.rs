//! `sidereus import`: a Parquet file becomes a catalog that prunes well.

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::Args;
use sidereus_engine::{
    Codec, CollectionOptions, PositionColumns, WriteOptions, WrittenCatalog, import_parquet, write_collection,
};

use super::CommandError;
use crate::logging;

/// Options of the command.
#[derive(Debug, Args)]
pub(super) struct Options {
    /// Parquet file with ICRS positions in degrees.
    source: PathBuf,
    /// Folder of the catalog, which must not exist yet.
    #[arg(long, short, value_name = "DIR")]
    output: PathBuf,
    /// Name of the catalog, and thus of the table [default: the output folder's].
    #[arg(long)]
    name: Option<String>,
    /// Column of right ascensions.
    #[arg(long, default_value = "ra")]
    ra: String,
    /// Column of declinations.
    #[arg(long, default_value = "dec")]
    dec: String,
    /// One or two sentences for people.
    #[arg(long)]
    description: Option<String>,
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
    let name = match options.name {
        Some(name) => name,
        None => name_of(&options.output)?,
    };
    let write = WriteOptions {
        positions: PositionColumns { ra: options.ra, dec: options.dec },
        rows_per_partition: options.rows_per_partition,
        codec: options.codec,
        description: options.description,
        ..WriteOptions::new(name)
    };
    let (source, output) = (options.source, options.output);
    let members = CollectionOptions { margins: options.margin, indexes: options.index, codec: write.codec };
    let written = tokio::task::spawn_blocking(move || {
        if members.margins.is_empty() && members.indexes.is_empty() {
            return import_parquet(&source, &write, &output);
        }
        write_collection(&output, &write.name, &members, |primary| import_parquet(&source, &write, primary))
    });
    let written = written.await;
    let written = written.map_err(|error| std::io::Error::other(error.to_string()))??;
    Ok(std::io::stdout().write_all(summary(&written).as_bytes())?)
}

fn name_of(output: &Path) -> Result<String, CommandError> {
    let name = output.file_name().and_then(|name| name.to_str()).filter(|name| !name.is_empty());
    name.map(str::to_owned).ok_or_else(|| CommandError::Usage("name the catalog with --name".to_owned()))
}

fn summary(written: &WrittenCatalog) -> String {
    let WrittenCatalog { root, rows, partitions, bytes, rekeyed } = written;
    let mut text = format!("{}: {rows} rows in {partitions} partitions, {bytes} bytes\n", root.display());
    if *rekeyed > 0 {
        text.push_str(&format!(
            "{rekeyed} rows came with a key of another place than their position's; it was replaced\n"
        ));
    }
    text
}
