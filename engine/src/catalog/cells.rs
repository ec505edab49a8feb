//! Which HEALPix cells does a catalog have rows in?
//!
//! Reads `partition_info.csv` and the paths of leaf files, and puts cells into spatial order. Cells that repeat or
//! overlap would count rows twice or miss them, so they are refused. Pure: texts in, cells out.
//!
//! ```text
//!  Norder=1/Dir=0/Npix=44.parquet             a leaf that is a file, suffix `.parquet`
//!  Norder=1/Dir=0/Npix=44/part0.parquet       a leaf that is a folder, suffix `/`
//! ```

use sidereus_sky::{Cell, Order};

/// How the leaves of a catalog lie on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum LeafForm {
    /// One file a cell, with what follows the cell's number in its name.
    File(String),
    /// A folder a cell, with parts of any names.
    Folder,
}

impl LeafForm {
    /// The form that `hats_npix_suffix` declares.
    pub(super) fn from_suffix(suffix: Option<&str>) -> Self {
        match suffix {
            Some("/") => Self::Folder,
            Some(suffix) => Self::File(suffix.to_owned()),
            None => Self::File(".parquet".to_owned()),
        }
    }

    /// Where a cell's rows are, below the folder `dataset`; for the folder form, the name that writers use.
    pub(super) fn path(&self, cell: Cell) -> String {
        let (order, npix) = (cell.order().get(), cell.npix());
        let stem = format!("Norder={order}/Dir={}/Npix={npix}", npix / 10_000 * 10_000);
        match self {
            Self::File(suffix) => format!("{stem}{suffix}"),
            Self::Folder => format!("{stem}/Npix={npix}.parquet"),
        }
    }

    /// The cell that a path below `dataset` belongs to; `None` when it is not the path of a leaf.
    pub(super) fn cell_of(&self, path: &str) -> Option<Cell> {
        let parts: Vec<&str> = path.split('/').collect();
        let at = parts.iter().position(|part| part.starts_with("Norder="))?;
        let order = parts[at].strip_prefix("Norder=")?.parse().ok()?;
        let rest = match &parts[at + 1..] {
            [dir, rest @ ..] if dir.starts_with("Dir=") => rest,
            rest => rest,
        };
        let npix = match (self, rest) {
            (Self::File(suffix), [file]) => file.strip_prefix("Npix=")?.strip_suffix(suffix.as_str())?,
            (Self::Folder, [folder, _, ..]) => folder.strip_prefix("Npix=")?,
            _ => return None,
        };
        Cell::new(Order::new(order).ok()?, npix.parse().ok()?).ok()
    }
}

/// Reads the cells of a `partition_info.csv`; other columns than `Norder` and `Npix` are ignored.
///
/// *Errors*: a text for people that names the line.
pub(super) fn from_csv(content: &[u8]) -> Result<Vec<Cell>, String> {
    let content = content.strip_prefix(b"\xef\xbb\xbf").unwrap_or(content);
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).flexible(true).from_reader(content);
    let headers = reader.headers().map_err(|error| error.to_string())?.clone();
    let column = |name: &str| {
        let found = headers.iter().position(|header| header.eq_ignore_ascii_case(name));
        found.ok_or_else(|| format!("has no column {name}, expected the header Norder,Npix"))
    };
    let (order_column, npix_column) = (column("Norder")?, column("Npix")?);
    let mut cells = Vec::new();
    for record in reader.records() {
        let record = record.map_err(|error| error.to_string())?;
        let line = record.position().map_or(0, csv::Position::line);
        let number = |column: usize, name: &str| {
            let text = record.get(column).unwrap_or_default();
            text.parse::<u64>().map_err(|_| format!("line {line}: {name} is {text:?}, expected a whole number"))
        };
        let (order, npix) = (number(order_column, "Norder")?, number(npix_column, "Npix")?);
        let cell = u8::try_from(order).ok().and_then(|order| Cell::new(Order::new(order).ok()?, npix).ok());
        cells.push(cell.ok_or_else(|| format!("line {line}: there is no cell {npix} of order {order}"))?);
    }
    Ok(cells)
}

/// Puts cells into spatial order.
///
/// *Errors*: cells that repeat or overlap.
pub(super) fn in_spatial_order(mut cells: Vec<Cell>) -> Result<Vec<Cell>, String> {
    cells.sort_by_key(|cell| (cell.range29().start, cell.order()));
    for pair in cells.windows(2) {
        if pair[1].range29().start < pair[0].range29().end {
            let verb = if pair[0] == pair[1] { "repeats" } else { "overlaps" };
            return Err(format!("partition {} {verb} partition {}", name(pair[1]), name(pair[0])));
        }
    }
    Ok(cells)
}

/// A cell as its path names it.
pub(super) fn name(cell: Cell) -> String {
    format!("Norder={} Npix={}", cell.order().get(), cell.npix())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cell(order: u8, npix: u64) -> Cell {
        Cell::new(Order::new(order).unwrap(), npix).unwrap()
    }

    #[test]
    fn reads_leaf_paths_of_both_forms() {
        let file = LeafForm::from_suffix(None);
        assert_eq!(file.cell_of("Norder=1/Dir=0/Npix=44.parquet"), Some(cell(1, 44)));
        assert_eq!(file.cell_of("Norder=1/Npix=44.parquet"), Some(cell(1, 44)));
        for path in ["Norder=0/Dir=0/Npix=11.extra.parquet", "Norder=0/Dir=0/Npix=12.parquet", "x.parquet", "Norder=1"]
        {
            assert_eq!(file.cell_of(path), None, "{path}");
        }
        let folder = LeafForm::from_suffix(Some("/"));
        assert_eq!(folder.cell_of("Norder=1/Dir=0/Npix=44/part0.parquet"), Some(cell(1, 44)));
        assert_eq!(folder.cell_of("Norder=1/Dir=0/Npix=44.parquet"), None);
        assert_eq!(LeafForm::from_suffix(Some(".parq")).cell_of("Norder=0/Dir=0/Npix=1.parq"), Some(cell(0, 1)));
    }

    #[test]
    fn writes_the_paths_it_reads() {
        for form in [LeafForm::from_suffix(None), LeafForm::from_suffix(Some("/"))] {
            let path = form.path(cell(8, 123_456));
            assert!(path.starts_with("Norder=8/Dir=120000/Npix=123456"), "{path}");
            assert_eq!(form.cell_of(&path), Some(cell(8, 123_456)));
        }
    }

    #[test]
    fn reads_partition_info_with_any_other_columns() {
        assert_eq!(from_csv(b"Norder,Npix\n1,44\n0,4\n").unwrap(), [cell(1, 44), cell(0, 4)]);
        assert_eq!(from_csv(b"Norder,Dir,Npix,num_rows\n 0 ,0,\"11\",131\n").unwrap(), [cell(0, 11)]);
        assert_eq!(from_csv(b"Norder,Npix\n").unwrap(), []);
    }

    #[test]
    fn names_the_line_of_a_bad_partition() {
        for (text, expected) in [
            (&b"a,b\n1,2\n"[..], "no column Norder"),
            (b"Norder,Npix\n1,44\n1,x\n", "line 3: Npix is \"x\""),
            (b"Norder,Npix\n1,48\n", "line 2: there is no cell 48 of order 1"),
            (b"Norder,Npix\n30,0\n", "no cell 0 of order 30"),
            (b"Norder,Npix\n1\n", "Npix is \"\""),
            (b"Norder,Npix\n1,-4\n", "Npix is \"-4\""),
            (b"", "no column Norder"),
        ] {
            let error = from_csv(text).unwrap_err();
            assert!(error.contains(expected), "{error}");
        }
    }

    #[test]
    fn orders_cells_and_refuses_overlaps() {
        let ordered = in_spatial_order(vec![cell(1, 44), cell(0, 2), cell(2, 3)]).unwrap();
        assert_eq!(ordered, [cell(2, 3), cell(0, 2), cell(1, 44)]);
        assert!(in_spatial_order(vec![cell(1, 44), cell(1, 44)]).unwrap_err().contains("repeats"));
        assert!(in_spatial_order(vec![cell(1, 44), cell(0, 11)]).unwrap_err().contains("overlaps"));
    }
}
