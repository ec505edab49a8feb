//! What does the catalog's own description say? Its table, its columns, how many rows, which cells.

use std::collections::BTreeMap;
use std::path::Path;

use sidereus_sky::{Cell, Order};

use crate::error::BenchError;

/// A HATS catalog as its properties describe it.
#[derive(Debug)]
pub(crate) struct Catalog {
    /// Name of the table in queries, delimited.
    pub(crate) table: String,
    /// Position and key columns, delimited.
    pub(crate) ra: String,
    /// See `ra`.
    pub(crate) dec: String,
    /// See `ra`.
    pub(crate) key: String,
    /// Rows.
    pub(crate) rows: u64,
    /// Cells of the partitions, which hold about equally many rows.
    pub(crate) cells: Vec<Cell>,
    /// Folder, for the report.
    pub(crate) folder: String,
}

impl Catalog {
    /// Reads `hats.properties` and `partition_info.csv`.
    pub(crate) fn read(folder: &Path) -> Result<Self, BenchError> {
        let text = read(&folder.join("hats.properties"))?;
        let properties: BTreeMap<&str, &str> = text.lines().filter_map(|line| line.split_once('=')).collect();
        let value = |key: &str| {
            let value = properties.get(key).copied();
            value.ok_or_else(|| BenchError::Argument(format!("{}: hats.properties has no {key}", folder.display())))
        };
        let rows = value("hats_nrows")?;
        Ok(Self {
            table: delimited(value("obs_collection")?),
            ra: delimited(value("hats_col_ra")?),
            dec: delimited(value("hats_col_dec")?),
            key: delimited(value("hats_col_healpix")?),
            rows: rows
                .parse()
                .map_err(|_| BenchError::Argument(format!("hats_nrows is {rows:?}, expected a number")))?,
            cells: cells(&read(&folder.join("partition_info.csv"))?)?,
            folder: folder.display().to_string(),
        })
    }
}

/// A name as SQL writes it when it is to be taken as it is.
pub(crate) fn delimited(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn read(path: &Path) -> Result<String, BenchError> {
    std::fs::read_to_string(path).map_err(|source| BenchError::File { path: path.to_owned(), source })
}

fn cells(partition_info: &str) -> Result<Vec<Cell>, BenchError> {
    let cell = |line: &str| {
        let (order, npix) = line.split_once(',')?;
        Cell::new(Order::new(order.trim().parse().ok()?).ok()?, npix.trim().parse().ok()?).ok()
    };
    let lines = partition_info.lines().skip(1);
    let cells: Option<Vec<Cell>> = lines.map(cell).collect();
    let cells = cells.filter(|cells| !cells.is_empty());
    cells.ok_or_else(|| BenchError::Argument("partition_info.csv lists no cells as Norder,Npix".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_read_and_anything_else_is_refused() {
        let read = cells("Norder,Npix\n0,11\n2,5\n").unwrap();
        assert_eq!(read.iter().map(|cell| (cell.order().get(), cell.npix())).collect::<Vec<_>>(), [(0, 11), (2, 5)]);
        assert!(cells("Norder,Npix\n").is_err() && cells("Norder,Npix\n0,12\n").is_err() && cells("x\n1\n").is_err());
    }

    #[test]
    fn names_are_delimited() {
        assert_eq!(delimited(r#"a"b"#), r#""a""b""#);
    }
}
