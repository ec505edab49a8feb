//! Which rows lie so near to another partition that a search there must see them?
//!
//! ```text
//!  +-----------+-----------+      m: cells, at least as wide as the threshold, that touch the border of B from outside.
//!  |  A      m | B         |      Rows of A in them are written once more, into the margin of B.
//!  |         m |           |
//!  +-----------+-----------+
//! ```
//! *Guarantee*: for every position of a partition's cell, all rows within the threshold lie in the partition or its margin;
//! so do those around cells where the catalog has no rows at all. The margin holds more than that, as HATS allows.
//!
//! *Source*: HATS margin caches, in the form of the reference implementation: dataproduct type `margin`.

use std::collections::BTreeMap;
use std::f64::consts::PI;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use arrow::array::AsArray;
use arrow::datatypes::Int64Type;
use rayon::prelude::*;
use sidereus_sky::{Cell, Order, neighbours};

use super::failure::{bad_input, failed};
use super::finished::FinishedCatalog;
use super::footers::{EncodedGroups, Footers};
use super::layout::{DATASET, PARTITION_INFO, PROPERTIES, leaf_path, partition_info};
use super::leaf::LeafFile;
use super::manifest::seal_catalog;
use super::options::Codec;
use super::properties::{provenance, push_line};
use super::settings::writer_properties;
use super::staging::Staging;
use crate::error::EngineError;

/// How much smaller the least width of a cell may be than the root of its area.
const WIDTH_RATIO: f64 = 1.6;
/// Rows of one partition, by the tile of the sky whose margin they belong to.
type RowsByTile = BTreeMap<usize, Vec<Range<usize>>>;

/// Where the rows of one margin come from: partitions in order, and rows of each.
type Sources = Vec<(usize, Vec<Range<usize>>)>;

/// The name of the margin of a catalog.
pub(super) fn margin_name(primary: &str, arcsec: f64) -> String {
    format!("{primary}_{arcsec}arcs")
}

/// Writes the margin of a finished catalog into a folder that must not exist; returns its rows.
///
/// *Units*: the threshold is in arcseconds.
///
/// *Cost*: reads the keys of all rows, and the rows at borders once more for each neighbour; all threads.
///
/// *Errors*: a threshold that is not above 0 and below ten degrees; files that cannot be read or written.
pub(super) fn write_margin(
    primary: &FinishedCatalog,
    arcsec: f64,
    codec: Codec,
    target: &Path,
) -> Result<u64, EngineError> {
    let order = margin_order(arcsec)?;
    let sky = Tiles::around(&primary.cells);
    let borders: Vec<RowsByTile> = (0..primary.cells.len())
        .into_par_iter()
        .map(|partition| border_rows(primary, partition, (&sky, order)))
        .collect::<Result<_, _>>()?;
    let mut margins: BTreeMap<usize, Sources> = BTreeMap::new();
    for (partition, rows) in borders.into_iter().enumerate() {
        for (tile, ranges) in rows {
            margins.entry(tile).or_default().push((partition, ranges));
        }
    }
    let staging = Staging::create(target)?;
    let settings = writer_properties(&primary.schema, codec);
    let settings = settings.map_err(failed(target, "choose how its columns are written"))?;
    let footers = Footers::new(&primary.schema, &settings).map_err(failed(target, "describe its Parquet files"))?;
    let write = |(tile, sources): (&usize, &Sources)| {
        let path = leaf_path(sky.0[*tile]);
        let file = staging.path(&format!("{DATASET}/{path}"))?;
        let doing = format!("write {path}");
        let mut leaf = LeafFile::create(&file, &primary.schema, &settings).map_err(failed(target, &doing))?;
        let columns: Vec<usize> = (0..primary.schema.fields().len()).collect();
        for (partition, ranges) in sources {
            for batch in primary.rows(*partition, &columns, Some(ranges))? {
                let batch = primary.decoded(batch)?.with_schema(Arc::clone(&primary.schema));
                leaf.write(&primary.decoded(batch)?).map_err(failed(target, &doing))?;
            }
        }
        let written = leaf.finish().map_err(failed(target, &doing))?;
        footers.encode(&path, written.row_groups()).map_err(failed(target, &doing))
    };
    let leaves: Vec<EncodedGroups> = margins.par_iter().map(write).collect::<Result<_, EngineError>>()?;
    let all = footers.all(&leaves).map_err(failed(target, "describe its Parquet files"))?;
    staging.write(&format!("{DATASET}/_common_metadata"), &footers.common)?;
    staging.write(&format!("{DATASET}/_metadata"), &all)?;
    let cells: Vec<Cell> = margins.keys().map(|tile| sky.0[*tile]).collect();
    staging.write(PARTITION_INFO, partition_info(&cells).as_bytes())?;
    let rows: u64 = leaves.iter().map(|groups| groups.rows).sum();
    let text = properties(primary, arcsec, rows)?;
    PROPERTIES.iter().try_for_each(|name| staging.write(name, text.as_bytes()))?;
    seal_catalog(staging.folder())?;
    staging.publish()?;
    Ok(rows)
}

fn properties(primary: &FinishedCatalog, arcsec: f64, rows: u64) -> Result<String, EngineError> {
    let name = primary.property("obs_collection")?;
    let mut text = String::from("#HATS catalog\n");
    push_line(&mut text, "obs_collection", &margin_name(name, arcsec));
    push_line(&mut text, "dataproduct_type", "margin");
    push_line(&mut text, "hats_nrows", &rows.to_string());
    for key in ["hats_col_ra", "hats_col_dec", "hats_col_healpix", "hats_col_healpix_order", "hats_npix_suffix"] {
        push_line(&mut text, key, primary.property(key)?);
    }
    let folder = primary.folder.file_name().map(|name| name.to_string_lossy().into_owned());
    push_line(&mut text, "hats_primary_table_url", &folder.unwrap_or_default());
    push_line(&mut text, "hats_margin_threshold", &format!("{arcsec:?}"));
    provenance(&mut text);
    Ok(text)
}

/// The largest order whose cells are at least as wide as a threshold.
///
/// *Errors*: a threshold that is not above 0 and below ten degrees.
pub(super) fn margin_order(arcsec: f64) -> Result<Order, EngineError> {
    let width = |order: u8| (PI / 3.0).sqrt() / f64::from(1_u32 << order) / WIDTH_RATIO / PI * 180.0 * 3600.0;
    let order = (0..=29_u8).rev().find(|order| width(*order) >= arcsec).filter(|_| arcsec > 0.0 && arcsec < 36_000.0);
    order
        .and_then(|order| Order::new(order).ok())
        .ok_or_else(|| bad_input(format!("a margin of {arcsec} arcseconds, expected more than 0 and less than 36000")))
}

/// The whole sky, in order: the partitions, and the largest cells between them.
struct Tiles(Vec<Cell>);

impl Tiles {
    fn around(partitions: &[Cell]) -> Self {
        let mut tiles = Vec::new();
        let mut open: Vec<Cell> = (0..12).rev().filter_map(|npix| Cell::new(Order::MIN, npix).ok()).collect();
        while let Some(cell) = open.pop() {
            let range = cell.range29();
            let first = partitions.partition_point(|partition| partition.range29().end <= range.start);
            let inside = partitions.get(first).filter(|partition| partition.range29().start < range.end);
            match (inside, cell.children()) {
                (Some(partition), Some(children)) if *partition != cell => open.extend(children.into_iter().rev()),
                _ => tiles.push(cell),
            }
        }
        Self(tiles)
    }

    /// Numbers of the tiles that share keys with a cell.
    fn touching(&self, cell: Cell) -> Range<usize> {
        let range = cell.range29();
        let first = self.0.partition_point(|tile| tile.range29().end <= range.start);
        first..self.0.partition_point(|tile| tile.range29().start < range.end)
    }
}

/// Rows of a partition that lie at the borders of other tiles.
fn border_rows(
    primary: &FinishedCatalog,
    partition: usize,
    (sky, order): (&Tiles, Order),
) -> Result<RowsByTile, EngineError> {
    let cell = primary.cells[partition];
    let mut found = RowsByTile::new();
    let mut row = 0;
    let mut last: Option<(u64, Vec<usize>)> = None;
    for batch in primary.rows(partition, &[0], None)? {
        let batch = primary.decoded(batch)?;
        for key in batch.column(0).as_primitive::<Int64Type>().values() {
            let npix = key.cast_unsigned() >> order.key_shift();
            if last.as_ref().is_none_or(|(known, _)| *known != npix) {
                last = Some((npix, near(cell, (order, npix), sky)));
            }
            for tile in last.iter().flat_map(|(_, tiles)| tiles) {
                let ranges = found.entry(*tile).or_default();
                match ranges.last_mut().filter(|range| range.end == row) {
                    Some(range) => range.end += 1,
                    None => ranges.push(row..row + 1),
                }
            }
            row += 1;
        }
    }
    Ok(found)
}

/// Tiles other than a partition's own that a cell, or one beside it, touches.
fn near(partition: Cell, (order, npix): (Order, u64), sky: &Tiles) -> Vec<usize> {
    let Ok(cell) = Cell::new(order, npix) else { return Vec::new() };
    if is_inside(partition, cell) {
        return Vec::new();
    }
    let mut tiles: Vec<usize> =
        neighbours(cell).into_iter().chain([cell]).flat_map(|beside| sky.touching(beside)).collect();
    tiles.sort_unstable();
    tiles.dedup();
    tiles.retain(|tile| sky.0[*tile] != partition);
    tiles
}

/// Whether a cell and all around it lie in a larger one: neither of its coordinates there is the first or the last.
fn is_inside(larger: Cell, cell: Cell) -> bool {
    const EVEN: u64 = 0x5555_5555_5555_5555;
    let Some(finer) = cell.order().get().checked_sub(larger.order().get()).filter(|finer| *finer > 0) else {
        return false;
    };
    let mask = (1_u64 << (2 * finer)) - 1;
    let place = cell.npix() & mask;
    [EVEN & mask, !EVEN & mask].into_iter().all(|axis| place & axis != 0 && place & axis != axis)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cell(order: u8, npix: u64) -> Cell {
        Cell::new(Order::new(order).unwrap(), npix).unwrap()
    }

    #[test]
    fn cells_are_as_wide_as_the_reference_has_them() {
        // hats.pixel_math.margin2order: 60 arcsec -> 11, 5 -> 14, 2000 -> 6.
        for (arcsec, order) in [(60.0, 11), (5.0, 14), (2000.0, 6)] {
            assert_eq!(margin_order(arcsec).unwrap().get(), order);
        }
        for refused in [0.0, -1.0, f64::NAN, f64::INFINITY, 36_000.0] {
            assert!(margin_order(refused).is_err(), "{refused}");
        }
    }

    #[test]
    fn tiles_cover_the_sky_once() {
        let partitions = [cell(0, 1), cell(2, 35), cell(1, 11)];
        let tiles = Tiles::around(&partitions).0;
        let mut end = 0;
        for tile in &tiles {
            assert_eq!(tile.range29().start, end);
            end = tile.range29().end;
        }
        assert_eq!(end, 12 << 58);
        assert!(partitions.iter().all(|partition| tiles.contains(partition)));
        assert_eq!(tiles.len(), 11 + 3 + 4);
    }

    #[test]
    fn inner_cells_are_those_whose_neighbours_lie_inside() {
        let larger = cell(1, 17);
        for npix in 17 << 6..18 << 6 {
            let inner = cell(4, npix);
            let all_inside = neighbours(inner).into_iter().all(|beside| beside.npix() >> 6 == 17);
            assert_eq!(is_inside(larger, inner), all_inside, "{npix}");
        }
        assert!(!is_inside(larger, larger) && !is_inside(larger, cell(0, 4)));
    }
}
