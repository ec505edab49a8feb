//! What does the header of a FITS unit say?
//!
//! *Source*: FITS standard 4.0, sections 4.1, 4.2 and 4.4; long strings (`CONTINUE`) by 4.2.1.2.

use std::collections::HashMap;
use std::io::Read;

use super::{bad_table, unreadable};
use crate::error::EngineError;

/// Bytes of a block; headers and data are padded to whole ones.
pub(super) const BLOCK: usize = 2880;
const CARD: usize = 80;
/// The longest header that is read: 200,000 cards.
const MOST_BLOCKS: usize = 200_000 * CARD / BLOCK;

/// Keywords and their values, texts without quotes.
#[derive(Debug, Default)]
pub(super) struct Header {
    values: HashMap<String, String>,
}

impl Header {
    /// Reads one header with its padding; `None` at the end of the file.
    ///
    /// *Errors*: the file ends within it, or it has no end.
    pub(super) fn read(input: &mut dyn Read, name: &str) -> Result<Option<Self>, EngineError> {
        let mut header = Self::default();
        let mut long: Option<String> = None;
        for number in 0..MOST_BLOCKS {
            let mut block = Vec::with_capacity(BLOCK);
            let read = input.take(BLOCK as u64).read_to_end(&mut block);
            read.map_err(|error| unreadable(name, &error))?;
            if number == 0 && (block.is_empty() || !(block.starts_with(b"XTENSION") || block.starts_with(b"SIMPLE"))) {
                return Ok(None);
            }
            if block.len() < BLOCK {
                return Err(bad_table(name, "it ends within a FITS header"));
            }
            for card in block.chunks_exact(CARD) {
                let card: String = card.iter().map(|byte| char::from(*byte)).collect();
                if card.trim_end() == "END" {
                    return Ok(Some(header));
                }
                header.add(&card, &mut long);
            }
        }
        Err(bad_table(name, "a FITS header has no end"))
    }

    fn add(&mut self, card: &str, long: &mut Option<String>) {
        let (key, rest) = card.split_at_checked(8).unwrap_or((card, ""));
        let key = key.trim_end();
        if key == "CONTINUE"
            && let Some(value) = long.as_ref().and_then(|key| self.values.get_mut(key))
            && value.ends_with('&')
        {
            value.pop();
            value.push_str(&text(rest.trim_start()).unwrap_or_default());
            return;
        }
        if let Some(rest) = rest.strip_prefix("= ") {
            let rest = rest.trim_start();
            let value = text(rest).unwrap_or_else(|| rest.split('/').next().unwrap_or_default().trim().to_owned());
            *long = Some(key.to_owned());
            self.values.insert(key.to_owned(), value);
        }
    }

    /// The value of a keyword as it is written.
    pub(super) fn text(&self, key: &str) -> Option<&str> {
        self.values.get(key).map(String::as_str)
    }

    /// An integer.
    pub(super) fn integer(&self, key: &str) -> Option<i64> {
        self.text(key)?.parse().ok()
    }

    /// A size that must be there.
    ///
    /// *Errors*: it is not, or is no size.
    pub(super) fn size(&self, key: &str, name: &str) -> Result<u64, EngineError> {
        let found = self.text(key).unwrap_or("nothing");
        found.parse().map_err(|_| bad_table(name, format!("the FITS keyword {key} is {found:?}, expected a size")))
    }

    /// A float; exponents may be `D`.
    pub(super) fn float(&self, key: &str) -> Option<f64> {
        self.text(key)?.replace(['D', 'd'], "E").parse().ok()
    }

    /// Bytes of the data that follow, padding included; `None` where sizes are absurd.
    pub(super) fn data_bytes(&self) -> Option<u64> {
        let axes = self.integer("NAXIS")?;
        if axes == 0 {
            return Some(0);
        }
        let size = |key: &str, default| u64::try_from(self.integer(key).unwrap_or(default)).ok();
        let cells =
            (1..=axes.min(999)).try_fold(1_u64, |cells, axis| cells.checked_mul(size(&format!("NAXIS{axis}"), 0)?))?;
        let bytes = size("PCOUNT", 0)?.checked_add(cells)?.checked_mul(size("GCOUNT", 1)?)?;
        let bytes = bytes.checked_mul(self.integer("BITPIX")?.unsigned_abs() / 8)?;
        bytes.checked_next_multiple_of(BLOCK as u64)
    }
}

/// A text in quotes, of which two are one that is meant; spaces at its end are not.
fn text(value: &str) -> Option<String> {
    let mut rest = value.strip_prefix('\'')?;
    let mut text = String::new();
    while let Some((before, after)) = rest.split_once('\'') {
        text.push_str(before);
        rest = after;
        match rest.strip_prefix('\'') {
            Some(after) => {
                text.push('\'');
                rest = after;
            }
            None => return Some(text.trim_end().to_owned()),
        }
    }
    text.push_str(rest);
    Some(text.trim_end().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cards_are_texts_numbers_and_long_texts() {
        let cards = [
            "XTENSION= 'BINTABLE'           / a table",
            "NAXIS1  =                   12 / bytes / row",
            "TZERO1  =              1.5D+03",
            "TTYPE1  = 'O''Brien '",
            "TCOMM1  = 'a long &'",
            "CONTINUE  'story'",
            "END",
        ];
        let mut bytes: Vec<u8> = cards.iter().flat_map(|card| format!("{card:<80}").into_bytes()).collect();
        bytes.resize(BLOCK, b' ');
        let header = Header::read(&mut bytes.as_slice(), "x").unwrap().unwrap();
        assert_eq!((header.text("XTENSION"), header.integer("NAXIS1")), (Some("BINTABLE"), Some(12)));
        assert_eq!((header.text("TTYPE1"), header.float("TZERO1")), (Some("O'Brien"), Some(1500.0)));
        assert_eq!(header.text("TCOMM1"), Some("a long story"));
        assert!(Header::read(&mut &bytes[..200], "x").is_err());
        assert!(Header::read(&mut &b""[..], "x").unwrap().is_none());
    }
}
