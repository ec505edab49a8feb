//! Which cells does this text name?
//!
//! The ASCII form of a MOC (`4/13 17-18 8/3002`) and its JSON form (`{"4":[13,17,18],"8":[3002]}`). Both name an order
//! and then its cells; the ASCII form also knows ranges. Set operations are not known here.

use crate::error::SkyError;
use crate::healpix::{Cell, CellRange, Order};
use crate::moc::Moc;
use std::collections::BTreeMap;
use std::fmt::Write;

/// Reads the ASCII form.
///
/// *Source*: IVOA MOC 2.0 section 4.3.2.
pub(super) fn read_ascii(text: &str) -> Result<Moc, SkyError> {
    let mut order: Option<Order> = None;
    let mut finest = Order::MIN;
    let mut ranges = Vec::new();
    for word in text.split(|c: char| c.is_ascii_whitespace() || c == ',').filter(|word| !word.is_empty()) {
        let cells = match word.split_once('/') {
            Some((number, cells)) => {
                let next = Order::try_from(number.parse::<i64>().map_err(|_| unexpected(word))?)?;
                finest = finest.max(next);
                order = Some(next);
                cells
            }
            None => word,
        };
        if cells.is_empty() {
            continue;
        }
        ranges.push(range(order.ok_or_else(|| unexpected(word))?, cells)?);
    }
    Moc::from_ranges(ranges, finest)
}

/// One cell, or a range with both ends.
fn range(order: Order, cells: &str) -> Result<CellRange, SkyError> {
    let (first, last) = cells.split_once('-').unwrap_or((cells, cells));
    let cell = |number: &str| Cell::new(order, number.parse::<u64>().map_err(|_| unexpected(cells))?);
    let (first, last) = (cell(first)?.range29(), cell(last)?.range29());
    Ok(CellRange { start: first.start, end: last.end })
}

fn unexpected(word: &str) -> SkyError {
    let shown: String = word.chars().take(40).collect();
    SkyError::Moc(format!("'{shown}' is unexpected, expected order/cell, cell or cell-cell"))
}

/// Writes the ASCII form.
pub(super) fn write_ascii(moc: &Moc) -> String {
    let mut by_order: BTreeMap<Order, Vec<(u64, u64)>> = BTreeMap::new();
    for cell in moc.cells() {
        let cells = by_order.entry(cell.order()).or_default();
        match cells.last_mut() {
            Some(last) if last.1 + 1 == cell.npix() => last.1 = cell.npix(),
            _ => cells.push((cell.npix(), cell.npix())),
        }
    }
    by_order.entry(moc.max_order()).or_default();
    let mut text = String::new();
    for (order, cells) in by_order {
        let separator = if text.is_empty() { "" } else { " " };
        let _ = write!(text, "{separator}{}/", order.get());
        for (index, (first, last)) in cells.iter().enumerate() {
            let separator = if index == 0 { "" } else { " " };
            let _ = if first == last {
                write!(text, "{separator}{first}")
            } else {
                write!(text, "{separator}{first}-{last}")
            };
        }
    }
    text
}

/// Reads the JSON form: one object of arrays of integers, nothing else.
pub(super) fn read_json(text: &str) -> Result<Moc, SkyError> {
    let mut reader = Json { rest: text.trim_start_matches('\u{feff}').trim() };
    let mut cells = Vec::new();
    let mut finest = Order::MIN;
    reader.expect('{')?;
    while !reader.accept('}') {
        reader.expect('"')?;
        let order = Order::try_from(i64::try_from(reader.number()?).unwrap_or(i64::MAX))?;
        reader.expect('"')?;
        reader.expect(':')?;
        reader.expect('[')?;
        finest = finest.max(order);
        while !reader.accept(']') {
            cells.push(Cell::new(order, reader.number()?)?);
            reader.comma_before(']')?;
        }
        reader.comma_before('}')?;
    }
    if !reader.rest.is_empty() {
        return Err(reader.unexpected("the end"));
    }
    Ok(Moc::from_cells(cells, finest))
}

/// What is left of a JSON text.
struct Json<'a> {
    rest: &'a str,
}

impl Json<'_> {
    fn accept(&mut self, wanted: char) -> bool {
        match self.rest.strip_prefix(wanted) {
            Some(rest) => {
                self.rest = rest.trim_start();
                true
            }
            None => false,
        }
    }

    fn expect(&mut self, wanted: char) -> Result<(), SkyError> {
        if self.accept(wanted) { Ok(()) } else { Err(self.unexpected(&format!("'{wanted}'"))) }
    }

    fn comma_before(&mut self, end: char) -> Result<(), SkyError> {
        if self.accept(',') {
            if self.rest.starts_with(end) { Err(self.unexpected("another element")) } else { Ok(()) }
        } else if self.rest.starts_with(end) {
            Ok(())
        } else {
            Err(self.unexpected(&format!("',' or '{end}'")))
        }
    }

    fn number(&mut self) -> Result<u64, SkyError> {
        let digits = self.rest.len() - self.rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let (number, rest) = self.rest.split_at(digits);
        let number = number.parse().map_err(|_| self.unexpected("a number"))?;
        self.rest = rest.trim_start();
        Ok(number)
    }

    fn unexpected(&self, wanted: &str) -> SkyError {
        let found: String = self.rest.chars().take(20).collect();
        SkyError::Moc(format!("expected {wanted} in its JSON before '{found}'"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ascii_and_json_name_the_same_cells() {
        let ascii = read_ascii("4/13 17-18 8/3002 10/").unwrap();
        let json = read_json(r#"{ "4": [13, 17, 18], "8": [3002], "10": [] }"#).unwrap();
        assert_eq!(ascii, json);
        assert_eq!(write_ascii(&ascii), "4/13 17-18 8/3002 10/");
        assert_eq!(read_ascii(&write_ascii(&ascii)).unwrap(), ascii);
    }

    #[test]
    fn commas_and_repeated_orders() {
        assert_eq!(read_ascii("3/1,2,3-4\n3/9").unwrap(), read_ascii("3/1-4 9").unwrap());
    }

    #[test]
    fn bad_text_is_refused() {
        for text in ["1", "3/x", "30/1", "0/12", "3/5-2", "3/-1", "/1", "3/1--2", "3/18446744073709551616", "-1/3"] {
            assert!(read_ascii(text).is_err(), "{text}");
        }
        for text in ["", "[]", "{", r#"{"3":[1,]}"#, r#"{"3":[1}"#, r#"{"3":[1]} x"#, r#"{"x":[1]}"#, r#"{"3":[-1]}"#] {
            assert!(read_json(text).is_err(), "{text}");
        }
        assert!(read_json("{}").unwrap().is_empty());
    }
}
