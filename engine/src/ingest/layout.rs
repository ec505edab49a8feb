//! Where the files of a HATS catalog lie below its root.

use sidereus_sky::Cell;

/// Both names of the properties file; readers look for the first, older ones for the second.
pub(super) const PROPERTIES: [&str; 2] = ["hats.properties", "properties"];
/// List of partitions.
pub(super) const PARTITION_INFO: &str = "partition_info.csv";
/// Folder of all Parquet files.
pub(super) const DATASET: &str = "dataset";
/// Row counts over the sky, under both names.
pub(super) const SKYMAPS: [&str; 2] = ["skymap.fits", "point_map.fits"];

/// Path of a partition's file below `dataset/`.
pub(super) fn leaf_path(cell: Cell) -> String {
    let npix = cell.npix();
    format!("Norder={}/Dir={}/Npix={npix}.parquet", cell.order().get(), npix / 10_000 * 10_000)
}

/// `partition_info.csv`: the cells in spatial order.
pub(super) fn partition_info(cells: &[Cell]) -> String {
    let mut text = String::from("Norder,Npix\n");
    for cell in cells {
        text.push_str(&format!("{},{}\n", cell.order().get(), cell.npix()));
    }
    text
}
