//! Does the map of a catalog count the rows that are there?
//!
//! *Source*: FITS 4.0 section 7.3 (binary tables); HEALPix maps in NESTED order, with one count a cell (`IMPLICIT`) or pairs of
//! cell and count (`EXPLICIT`).

use std::collections::BTreeMap;

use super::leaf::COUNTED_ORDER;

/// Bytes of a FITS block, and of a card in a header.
const BLOCK: usize = 2880;
const CARD: usize = 80;

/// Compares a map with rows by cell of [`COUNTED_ORDER`].
///
/// *Errors*: what is wrong, for people.
pub(super) fn check(content: &[u8], counts: &BTreeMap<u64, u64>) -> Result<(), String> {
    let (order, map) = read(content)?;
    if order > COUNTED_ORDER {
        // Finer than rows are counted: coarsened to the counts.
        return compare(&coarsened(&map, order - COUNTED_ORDER), counts);
    }
    compare(&map, &coarsened(counts, COUNTED_ORDER - order))
}

fn coarsened(counts: &BTreeMap<u64, u64>, levels: u8) -> BTreeMap<u64, u64> {
    let mut coarse = BTreeMap::new();
    for (cell, rows) in counts {
        *coarse.entry(cell >> (2 * levels)).or_default() += rows;
    }
    coarse
}

fn compare(map: &BTreeMap<u64, u64>, counts: &BTreeMap<u64, u64>) -> Result<(), String> {
    let cells: std::collections::BTreeSet<_> = map.keys().chain(counts.keys()).collect();
    let of = |counts: &BTreeMap<u64, u64>, cell: &u64| counts.get(cell).copied().unwrap_or(0);
    let mut wrong = cells.into_iter().filter(|cell| of(map, cell) != of(counts, cell));
    match wrong.next() {
        None => Ok(()),
        Some(first) => {
            let (says, are) = (of(map, first), of(counts, first));
            let others = wrong.count();
            Err(format!("says {says} rows in cell {first}, where there are {are}, and {others} more cells differ"))
        }
    }
}

/// The order of a map and its counts above zero.
fn read(content: &[u8]) -> Result<(u8, BTreeMap<u64, u64>), String> {
    let (_, table) = header(content, 0)?;
    let (cards, data) = header(content, table)?;
    let text = |key: &str| cards.get(key).map(|value| value.trim_matches(['\'', ' ']).trim().to_owned());
    let number = |key: &str| -> Result<usize, String> {
        let value = text(key).ok_or_else(|| format!("its header has no {key}"))?;
        value.parse().map_err(|_| format!("{key} is {value:?}, expected a number"))
    };
    let nside = number("NSIDE")?;
    if !nside.is_power_of_two() || nside > 1 << 20 {
        return Err(format!("NSIDE is {nside}, expected a power of two"));
    }
    if text("ORDERING").is_some_and(|ordering| !ordering.starts_with("NEST")) {
        return Err("its cells are not in NESTED order".to_owned());
    }
    let bytes = number("NAXIS1")?.checked_mul(number("NAXIS2")?).and_then(|length| data.checked_add(length));
    let bytes = bytes.and_then(|end| content.get(data..end)).ok_or("it is cut")?;
    let wide = text("TFORM1").is_some_and(|form| form.ends_with('J'));
    let values: Vec<i64> = match wide {
        true => bytes.chunks_exact(4).filter_map(|b| Some(i64::from(i32::from_be_bytes(b.try_into().ok()?)))).collect(),
        false => bytes.chunks_exact(8).filter_map(|b| Some(i64::from_be_bytes(b.try_into().ok()?))).collect(),
    };
    let explicit = text("INDXSCHM").is_some_and(|scheme| scheme == "EXPLICIT");
    let pairs: Vec<(i64, i64)> = match explicit {
        true => values.chunks_exact(2).map(|pair| (pair[0], pair[1])).collect(),
        false => (0..).zip(values).collect(),
    };
    let counts = pairs.into_iter().filter(|(_, rows)| *rows > 0);
    Ok((nside.ilog2() as u8, counts.map(|(cell, rows)| (cell.cast_unsigned(), rows.cast_unsigned())).collect()))
}

/// The cards of a header, and where what follows begins.
fn header(content: &[u8], start: usize) -> Result<(BTreeMap<String, String>, usize), String> {
    let mut cards = BTreeMap::new();
    let mut at = start;
    while let Some(card) = content.get(at..at + CARD) {
        let card = String::from_utf8_lossy(card);
        at += CARD;
        if card.starts_with("END ") {
            return Ok((cards, at.div_ceil(BLOCK) * BLOCK));
        }
        if let Some((key, value)) = card.split_once('=') {
            let value = value.split(" /").next().unwrap_or_default();
            cards.insert(key.trim().to_owned(), value.trim().to_owned());
        }
    }
    Err("it is no FITS table".to_owned())
}
