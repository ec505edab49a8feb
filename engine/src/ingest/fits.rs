//! A HEALPix map of row counts as a FITS file.
//!
//! An empty primary unit and one binary table. All cells are written in order where more than half of them hold rows
//! (implicit numbering), else pairs of cell and rows (explicit numbering).
//!
//! *Source*: FITS standard 4.0 sections 3, 4 and 7.3; the HEALPix keywords as readers of HATS expect them.

use super::skymap::Skymap;

const BLOCK: usize = 2880;
const CARD: usize = 80;

/// The bytes of the file.
pub(super) fn healpix_map(map: &Skymap) -> Vec<u8> {
    let filled: Vec<(i64, i64)> =
        (0..).zip(&map.rows).filter(|(_, rows)| **rows > 0).map(|(cell, rows)| (cell, *rows)).collect();
    let is_explicit = filled.len() * 2 < map.rows.len();
    let (columns, table_rows, data): (&[&str], usize, Vec<u8>) = if is_explicit {
        let data = filled.iter().flat_map(|(cell, rows)| [cell.to_be_bytes(), rows.to_be_bytes()]).flatten().collect();
        (&["PIXEL", "VALUE"], filled.len(), data)
    } else {
        (&["VALUE"], map.rows.len(), map.rows.iter().flat_map(|rows| rows.to_be_bytes()).collect())
    };
    let mut file =
        header(&[logical("SIMPLE", true), integer("BITPIX", 8), integer("NAXIS", 0), logical("EXTEND", true)]);
    let mut cards = table_cards(columns, table_rows);
    cards.extend(healpix_cards(map, is_explicit, filled.len()));
    file.extend(header(&cards));
    file.extend(data);
    pad(&mut file, 0);
    file
}

fn table_cards(columns: &[&str], rows: usize) -> Vec<String> {
    let mut cards = vec![
        text("XTENSION", "BINTABLE"),
        integer("BITPIX", 8),
        integer("NAXIS", 2),
        integer("NAXIS1", 8 * columns.len()),
        integer("NAXIS2", rows),
        integer("PCOUNT", 0),
        integer("GCOUNT", 1),
        integer("TFIELDS", columns.len()),
    ];
    for (number, name) in (1..).zip(columns) {
        cards.push(text(&format!("TTYPE{number}"), name));
        cards.push(text(&format!("TFORM{number}"), "K"));
    }
    cards
}

fn healpix_cards(map: &Skymap, is_explicit: bool, filled: usize) -> Vec<String> {
    let mut cards = vec![
        text("PIXTYPE", "HEALPIX"),
        text("ORDERING", "NESTED"),
        text("COORDSYS", "C"),
        integer("ORDER", usize::from(map.order)),
        integer("NSIDE", 1 << map.order),
        integer("FIRSTPIX", 0),
        integer("LASTPIX", map.rows.len() - 1),
        text("INDXSCHM", if is_explicit { "EXPLICIT" } else { "IMPLICIT" }),
        text("OBJECT", if is_explicit { "PARTIAL" } else { "FULLSKY" }),
    ];
    if is_explicit {
        cards.push(integer("OBS_NPIX", filled));
    }
    cards
}

fn header(cards: &[String]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(BLOCK);
    for card in cards {
        bytes.extend(card.as_bytes());
    }
    bytes.extend(format!("{:<CARD$}", "END").as_bytes());
    pad(&mut bytes, b' ');
    bytes
}

fn pad(bytes: &mut Vec<u8>, filler: u8) {
    bytes.resize(bytes.len().next_multiple_of(BLOCK), filler);
}

fn logical(key: &str, value: bool) -> String {
    card(key, if value { "T" } else { "F" })
}

fn integer(key: &str, value: usize) -> String {
    card(key, &value.to_string())
}

fn text(key: &str, value: &str) -> String {
    format!("{:<CARD$}", format!("{key:<8}= '{value:<8}'"))
}

fn card(key: &str, value: &str) -> String {
    format!("{:<CARD$}", format!("{key:<8}= {value:>20}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_is_blocks_of_cards_and_big_endian_rows() {
        let file = healpix_map(&Skymap { order: 0, rows: (1..=12).collect() });
        assert_eq!(file.len(), 3 * BLOCK);
        let cards: Vec<&str> = file[..2 * BLOCK].chunks(CARD).map(|card| std::str::from_utf8(card).unwrap()).collect();
        assert!(cards[0].starts_with("SIMPLE  =                    T"));
        assert!(cards.iter().any(|card| card.trim_end() == "INDXSCHM= 'IMPLICIT'"));
        assert_eq!(file[2 * BLOCK + 88..2 * BLOCK + 96], 12_i64.to_be_bytes());
    }

    #[test]
    fn sparse_map_lists_its_cells() {
        let mut rows = vec![0; 12];
        rows[7] = 3;
        let file = healpix_map(&Skymap { order: 0, rows });
        let cards = std::str::from_utf8(&file[..2 * BLOCK]).unwrap();
        assert!(cards.contains("INDXSCHM= 'EXPLICIT'"));
        assert!(cards.contains("OBS_NPIX=                    1"));
        assert_eq!(file[2 * BLOCK..2 * BLOCK + 8], 7_i64.to_be_bytes());
        assert_eq!(file[2 * BLOCK + 8..2 * BLOCK + 16], 3_i64.to_be_bytes());
    }
}
