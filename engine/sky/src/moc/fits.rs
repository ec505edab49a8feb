//! Which cells are in the bytes of a MOC FITS file?
//!
//! Reads the first binary table of the file: one column of ranges (`ORDERING = RANGE`) or of NUNIQ numbers. Written
//! for bytes from anywhere: every length is checked against what is there. Set operations are not known here.

use crate::error::SkyError;
use crate::healpix::{Cell, CellRange, KEYS, Order};
use crate::moc::Moc;

const BLOCK: usize = 2880;
const CARD: usize = 80;

/// Reads a MOC.
///
/// *Source*: IVOA MOC 2.0 section 4.3, FITS 4.0 section 7.3.
pub(super) fn read(bytes: &[u8]) -> Result<Moc, SkyError> {
    let (table, data) = binary_table(bytes)?;
    let dimension = table.text("MOCDIM").unwrap_or_else(|| "SPACE".to_owned());
    if dimension != "SPACE" {
        return refuse(format!("its dimension is {dimension}, expected SPACE"));
    }
    let frame = table.text("COORDSYS").unwrap_or_else(|| "C".to_owned());
    if !["C", "CEL", "ICRS", "EQ"].contains(&frame.as_str()) {
        return refuse(format!("its coordinate system is {frame}, expected C"));
    }
    let column = Column::of(&table)?;
    let ordering = table.text("ORDERING").unwrap_or_default();
    let stated = table.number("MOCORD_S").or_else(|| table.number("MOCORDER"));
    let stated = stated.map(Order::try_from).transpose()?;
    let numbers = column.numbers(data)?;
    match ordering.as_str() {
        "RANGE" => from_ranges(&numbers, &column, stated),
        "NUNIQ" => from_uniq(&numbers, stated),
        other => refuse(format!("its ordering is '{other}', expected RANGE or NUNIQ")),
    }
}

fn refuse<T>(reason: String) -> Result<T, SkyError> {
    Err(SkyError::Moc(reason))
}

/// The cards of one header.
struct Header<'a> {
    cards: Vec<&'a [u8]>,
}

impl Header<'_> {
    /// The value of a keyword as written, without comment and quotes.
    fn text(&self, keyword: &str) -> Option<String> {
        let card = self.cards.iter().find(|card| {
            let name = card.get(..8).unwrap_or_default();
            name.trim_ascii_end() == keyword.as_bytes() && card.get(8..10) == Some(b"= ".as_slice())
        })?;
        let value = String::from_utf8_lossy(card.get(10..)?).into_owned();
        let value = value.trim();
        let value = match value.strip_prefix('\'') {
            Some(quoted) => quoted.split('\'').next().unwrap_or_default(),
            None => value.split('/').next().unwrap_or_default(),
        };
        Some(value.trim().to_owned())
    }

    fn number(&self, keyword: &str) -> Option<i64> {
        self.text(keyword)?.parse().ok()
    }

    /// A number that is a length of something in memory.
    fn length(&self, keyword: &str) -> Option<usize> {
        self.number(keyword).and_then(|number| usize::try_from(number).ok())
    }

    /// Bytes of the data that follow the header.
    fn data_length(&self) -> Option<usize> {
        let axes = self.length("NAXIS")?;
        if axes == 0 {
            return Some(0);
        }
        let bytes_per_value = usize::try_from(self.number("BITPIX")?.unsigned_abs() / 8).ok()?;
        let values = (1..=axes.min(999)).try_fold(1_usize, |product, axis| {
            let length = self.length(&format!("NAXIS{axis}"))?;
            product.checked_mul(length)
        })?;
        let heap = self.length("PCOUNT").unwrap_or(0);
        let groups = self.length("GCOUNT").unwrap_or(1);
        values.checked_add(heap)?.checked_mul(groups)?.checked_mul(bytes_per_value)
    }
}

/// Finds the first binary table and its rows.
fn binary_table(bytes: &[u8]) -> Result<(Header<'_>, &[u8]), SkyError> {
    if !bytes.starts_with(b"SIMPLE  =") {
        return refuse("it does not start as FITS".to_owned());
    }
    let mut rest = bytes;
    while !rest.is_empty() {
        let (header, after) = header(rest)?;
        let Some(length) = header.data_length() else {
            return refuse("a header does not state the size of its data".to_owned());
        };
        if header.text("XTENSION").as_deref() == Some("BINTABLE") {
            let Some(data) = after.get(..length) else {
                return refuse(format!("its table should have {length} bytes, the file ends after {}", after.len()));
            };
            return Ok((header, data));
        }
        let padded = length.div_ceil(BLOCK).saturating_mul(BLOCK);
        rest = after.get(padded..).unwrap_or_default();
    }
    refuse("it has no binary table".to_owned())
}

/// Cuts one header off.
fn header(bytes: &[u8]) -> Result<(Header<'_>, &[u8]), SkyError> {
    let mut cards = Vec::new();
    for card in bytes.chunks_exact(CARD) {
        if card.starts_with(b"END") && card.get(3..).unwrap_or_default().iter().all(|byte| *byte == b' ') {
            let used = ((cards.len() + 1) * CARD).div_ceil(BLOCK) * BLOCK;
            return Ok((Header { cards }, bytes.get(used..).unwrap_or_default()));
        }
        cards.push(card);
    }
    refuse("a header has no end".to_owned())
}

/// The one column of a MOC table: big-endian integers.
struct Column {
    width: usize,
    row_bytes: usize,
    rows: usize,
}

impl Column {
    fn of(table: &Header<'_>) -> Result<Self, SkyError> {
        let form = table.text("TFORM1").unwrap_or_default();
        let repeats: String = form.chars().take_while(char::is_ascii_digit).collect();
        let repeats: usize = if repeats.is_empty() { 1 } else { repeats.parse().unwrap_or(0) };
        let width = match form.trim_start_matches(|c: char| c.is_ascii_digit()) {
            "K" => 8,
            "J" => 4,
            "I" => 2,
            _ => return refuse(format!("its column has the form '{form}', expected integers (I, J or K)")),
        };
        let row_bytes = table.length("NAXIS1").unwrap_or(0);
        if !(repeats == 1 || repeats == 2) || row_bytes != width * repeats || table.number("TFIELDS") != Some(1) {
            return refuse("its table should have one column of one or two integers".to_owned());
        }
        Ok(Self { width, row_bytes, rows: table.length("NAXIS2").unwrap_or(0) })
    }

    /// All integers in order.
    fn numbers(&self, data: &[u8]) -> Result<Vec<u64>, SkyError> {
        let Some(rows) = self.row_bytes.checked_mul(self.rows).and_then(|length| data.get(..length)) else {
            return refuse("its table is shorter than its header says".to_owned());
        };
        let numbers = rows.chunks_exact(self.width);
        Ok(numbers.map(|bytes| bytes.iter().fold(0, |number, byte| (number << 8) | u64::from(*byte))).collect())
    }

    /// The finest order of ranges in integers of this width.
    fn range_order(&self) -> u8 {
        match self.width {
            8 => 29,
            4 => 13,
            _ => 5,
        }
    }
}

fn from_ranges(numbers: &[u64], column: &Column, stated: Option<Order>) -> Result<Moc, SkyError> {
    if numbers.len() % 2 == 1 {
        return refuse("its last range has no end".to_owned());
    }
    let shift = Order::new(column.range_order())?.key_shift();
    let limit = KEYS >> shift;
    let range = |pair: &[u64]| match pair {
        [start, end] if start <= end && *end <= limit => Ok(CellRange { start: start << shift, end: end << shift }),
        other => refuse(format!("{other:?} is no range of cells")),
    };
    let ranges = numbers.chunks_exact(2).map(range).collect::<Result<Vec<_>, _>>()?;
    Moc::from_ranges(ranges, stated.unwrap_or(Order::MAX))
}

fn from_uniq(numbers: &[u64], stated: Option<Order>) -> Result<Moc, SkyError> {
    // A number below 4 is padding.
    let cells = numbers.iter().filter(|uniq| **uniq >= 4).map(|uniq| {
        let order = Order::new(((uniq.ilog2() - 2) / 2) as u8)?;
        Cell::new(order, uniq - (4 << (2 * order.get())))
    });
    let cells = cells.collect::<Result<Vec<_>, _>>()?;
    let finest = cells.iter().map(|cell| cell.order()).max().unwrap_or(Order::MIN);
    Ok(Moc::from_cells(cells, stated.unwrap_or(finest).max(finest)))
}
