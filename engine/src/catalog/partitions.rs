//! Which files hold the rows of a HATS catalog?
//!
//! The cells come from `partition_info.csv`, else from the paths in `dataset/_metadata`, else from a listing. The files
//! follow from the cells by name, so a store that cannot list needs no listing; only leaves that are folders need one
//! (or `_metadata`). Where listing is cheap it is used to check: a leaf that the CSV does not know would be rows that
//! no query sees. A file that is missing stays in the plan, so that reading it is an error.

use std::collections::BTreeMap;
use std::sync::Arc;

use object_store::ObjectMeta;
use object_store::path::Path;
use sidereus_sky::Cell;

use super::cells::{self, LeafForm};
use super::place::{Listing, Place};
use super::{DataFile, Partition, safe_path};
use crate::error::EngineError;
use crate::integrity::not_published;

/// The folder of the leaves.
const DATASET: &str = "dataset";
/// Bytes that a `partition_info.csv` may have: far beyond a catalog of a million partitions.
const CSV_LIMIT: u64 = 256 << 20;

/// Partitions in spatial order, and what was learned on the way.
#[derive(Debug, Default)]
pub(super) struct Layout {
    /// Partitions in spatial order.
    pub(super) partitions: Vec<Partition>,
    /// Rows, where `_metadata` was read.
    pub(super) rows: Option<u64>,
}

impl Layout {
    /// Notes what each file was when its catalog was published, where it has a manifest.
    ///
    /// *Errors*: a file that was not there.
    pub(super) fn seal(&mut self, place: &Place) -> Result<(), EngineError> {
        let Some(manifest) = place.manifest() else { return Ok(()) };
        for file in self.partitions.iter_mut().flat_map(|partition| &mut partition.files) {
            let entry = place.relative(&file.path).and_then(|relative| manifest.leaf(&relative));
            let entry = entry.ok_or_else(|| place.broken(not_published(file.path.as_ref(), "it was not there")))?;
            file.seal = Some(Arc::new(entry.seal));
        }
        Ok(())
    }
}

type Leaves = BTreeMap<Cell, Vec<DataFile>>;

/// Finds the partitions of a catalog.
///
/// *Errors*: no source of cells, a damaged one, or sources that contradict each other.
pub(super) async fn find(place: &Place, form: &LeafForm) -> Result<Layout, EngineError> {
    let csv = place.read("partition_info.csv", CSV_LIMIT).await?;
    if let Some(csv) = csv {
        let cells = cells::from_csv(&csv).map_err(|why| place.broken(format!("partition_info.csv {why}")))?;
        let cells = ordered(place, cells)?;
        let leaves = leaves_of_known_cells(place, form, &cells).await?;
        return Ok(Layout { partitions: partitions(cells, leaves, place, form), rows: None });
    }
    let (leaves, rows) = match leaves_in_metadata(place, form).await? {
        Some((leaves, rows)) => (leaves, Some(rows)),
        None => (listed_leaves(place, form).await?, None),
    };
    if leaves.is_empty() {
        return Err(place.broken("no partition_info.csv, no dataset/_metadata and no leaf file in dataset/"));
    }
    let cells = ordered(place, leaves.keys().copied().collect())?;
    Ok(Layout { partitions: partitions(cells, leaves, place, form), rows })
}

fn ordered(place: &Place, cells: Vec<Cell>) -> Result<Vec<Cell>, EngineError> {
    cells::in_spatial_order(cells).map_err(|why| place.broken(why))
}

/// Joins cells with their files; a cell without any keeps the path where a file was expected.
fn partitions(cells: Vec<Cell>, mut leaves: Leaves, place: &Place, form: &LeafForm) -> Vec<Partition> {
    let path = |cell| place.path(&format!("{DATASET}/{}", form.path(cell)));
    let expected = |cell| vec![DataFile { path: path(cell), size: None, seal: None }];
    let with_files =
        |cell| Partition { cell: Some(cell), files: leaves.remove(&cell).unwrap_or_else(|| expected(cell)) };
    cells.into_iter().map(with_files).collect()
}

/// The files of cells that the CSV names, as far as they need or allow looking up.
async fn leaves_of_known_cells(place: &Place, form: &LeafForm, cells: &[Cell]) -> Result<Leaves, EngineError> {
    let leaves = match (place.listing(), form) {
        (Listing::Cheap, _) | (Listing::Costly, LeafForm::Folder) => listed_leaves(place, form).await?,
        (Listing::Costly | Listing::Doubtful, LeafForm::File(_)) => return Ok(Leaves::new()),
        (Listing::Doubtful, LeafForm::Folder) => match leaves_in_metadata(place, form).await? {
            Some((leaves, _)) => leaves,
            None => listed_leaves(place, form).await?,
        },
    };
    if let (Some(first), false) = (cells.first(), cells.iter().any(|cell| leaves.contains_key(cell))) {
        let expected = form.path(*first);
        return Err(place.broken(format!("none of its leaf files is there, expected {DATASET}/{expected} and so on")));
    }
    let known: std::collections::BTreeSet<_> = cells.iter().collect();
    if let Some(cell) = leaves.keys().find(|cell| !known.contains(cell)) {
        let cell = cells::name(*cell);
        return Err(
            place.broken(format!("{DATASET}/ has leaf files of {cell}, which partition_info.csv does not list"))
        );
    }
    Ok(leaves)
}

/// The leaves that `_metadata` names, with the number of rows; `None` when there is no such file.
async fn leaves_in_metadata(place: &Place, form: &LeafForm) -> Result<Option<(Leaves, u64)>, EngineError> {
    let Some(footer) = place.footer("dataset/_metadata").await? else { return Ok(None) };
    let mut leaves = Leaves::new();
    for group in footer.metadata.row_groups() {
        let Some(relative) = group.columns().first().and_then(|column| column.file_path()) else {
            return Err(place.broken("dataset/_metadata names no files, expected a file_path in every column chunk"));
        };
        let path = place.named_path(DATASET, relative)?;
        let cell = safe_path::decode(relative).and_then(|relative| form.cell_of(&relative)).ok_or_else(|| {
            place.broken(format!("dataset/_metadata names the file {relative:?}, expected one like {}", example(form)))
        })?;
        let files = leaves.entry(cell).or_default();
        if !files.iter().any(|file: &DataFile| file.path == path) {
            files.push(DataFile { path, size: None, seal: None });
        }
    }
    let rows = u64::try_from(footer.metadata.file_metadata().num_rows()).unwrap_or_default();
    Ok(Some((leaves, rows)))
}

/// The leaves that a listing of the dataset finds.
async fn listed_leaves(place: &Place, form: &LeafForm) -> Result<Leaves, EngineError> {
    let prefix = place.path(DATASET);
    let mut leaves = Leaves::new();
    for file in place.files_below(DATASET).await? {
        let Some(relative) = relative_name(&file, &prefix) else { continue };
        if relative.split('/').any(|part| part.starts_with(['_', '.'])) {
            continue;
        }
        match form.cell_of(&relative) {
            Some(cell) => {
                let (path, size) = (file.location, Some(file.size));
                leaves.entry(cell).or_default().push(DataFile { path, size, seal: None });
            }
            None if relative.starts_with("Norder=") && relative.ends_with(".parquet") => {
                let expected = example(form);
                return Err(
                    place.broken(format!("{DATASET}/{relative} is not a leaf file, expected one like {expected}"))
                );
            }
            None => {}
        }
    }
    Ok(leaves)
}

fn relative_name(file: &ObjectMeta, prefix: &Path) -> Option<String> {
    let parts: Vec<_> = file.location.prefix_match(prefix)?.map(|part| part.as_ref().to_owned()).collect();
    safe_path::decode(&parts.join("/"))
}

fn example(form: &LeafForm) -> String {
    match form {
        LeafForm::File(suffix) => format!("Norder=0/Dir=0/Npix=4{suffix}"),
        LeafForm::Folder => "Norder=0/Dir=0/Npix=4/part.parquet".to_owned(),
    }
}
