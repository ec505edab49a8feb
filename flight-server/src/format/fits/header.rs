//! The headers of a FITS file with one table: cards of 80 characters (FITS 4.0, sections 4.1, 4.4 and 7.3).

use arrow::datatypes::Field;
use sidereus_engine::{Provenance, votable_type};

use super::super::{Ending, FormatError, Head};
use super::BLOCK;
use super::columns::Layout;
use super::output::{Descriptor, row_bytes};

/// Most columns of a table.
const MAX_COLUMNS: usize = 999;

/// Characters of a text in one card, quotes left out.
const CARD_TEXT: usize = 68;

/// Appends the empty primary header and that of the table.
pub(super) fn write(
    head: &Head,
    layout: &[Layout],
    (rows, ending): (u64, Ending),
    out: &mut Vec<u8>,
) -> Result<(), FormatError> {
    if layout.len() > MAX_COLUMNS {
        let message = format!("FITS takes {MAX_COLUMNS} columns, and there are {}", layout.len());
        return Err(FormatError::Value { column: head.schema.field(MAX_COLUMNS).name().clone(), message });
    }
    let mut primary = Cards::default();
    primary.plain("SIMPLE", "T");
    primary.plain("BITPIX", 8);
    primary.plain("NAXIS", 0);
    primary.plain("EXTEND", "T");
    primary.write(out);

    let descriptor = Descriptor::of(layout);
    let mut cards = Cards::default();
    cards.text("XTENSION", "BINTABLE");
    cards.plain("BITPIX", 8);
    cards.plain("NAXIS", 2);
    cards.plain("NAXIS1", row_bytes(layout, descriptor));
    cards.plain("NAXIS2", rows);
    cards.plain("PCOUNT", heap_bytes(layout));
    cards.plain("GCOUNT", 1);
    cards.plain("TFIELDS", layout.len());
    for (index, (field, layout)) in head.schema.fields().iter().zip(layout).enumerate() {
        column(&mut cards, index + 1, field, &form(*layout, descriptor));
        integer(&mut cards, index + 1, *layout);
    }
    cards.text("EXTNAME", "results");
    cards.plain("OVERFLOW", if ending == Ending::Overflow { "T" } else { "F" });
    let said = head.query.iter().map(|query| format!("query: {query}"));
    let provenance = Provenance::KEYS
        .iter()
        .filter(|key| **key != Provenance::REFERENCES)
        .filter_map(|key| Some(format!("{key}: {}", head.schema.metadata().get(*key)?)));
    let infos = head.infos.iter().map(|info| format!("{}: {}", info.name, info.value));
    for line in said.chain(provenance).chain(infos) {
        cards.history(&line);
    }
    cards.write(out);
    Ok(())
}

/// Bytes of the values of variable length.
pub(super) fn heap_bytes(layout: &[Layout]) -> u64 {
    let bytes = |layout: &Layout| if let Layout::Variable { total, .. } = layout { *total } else { 0 };
    layout.iter().map(bytes).sum()
}

/// What an integer column means.
fn integer(cards: &mut Cards, number: usize, layout: Layout) {
    let key = |name: &str| format!("{name}{number}");
    if let Layout::Integer { kept, turned, null, .. } = layout {
        if turned {
            let zero = match kept {
                1 => "-128",
                2 => "32768",
                4 => "2147483648",
                _ => "9223372036854775808",
            };
            cards.plain(&key("TSCAL"), 1);
            cards.plain(&key("TZERO"), zero);
        }
        if let Some(null) = null {
            cards.plain(&key("TNULL"), null);
        }
    }
}

fn column(cards: &mut Cards, number: usize, field: &Field, form: &str) {
    let key = |name: &str| format!("{name}{number}");
    cards.text(&key("TTYPE"), field.name());
    cards.text(&key("TFORM"), form);
    let metadata = |key: &str| field.metadata().get(key).cloned();
    for (name, value) in [
        ("TUNIT", metadata("unit")),
        ("TUCD", metadata("ucd")),
        ("TUTYP", metadata("utype")),
        ("TXTYP", votable_type(field).xtype),
        ("TCOMM", metadata("description")),
    ] {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            cards.text(&key(name), &value);
        }
    }
}

fn form(layout: Layout, descriptor: Descriptor) -> String {
    match layout {
        Layout::Boolean => "L".to_owned(),
        Layout::Integer { width, .. } => match width {
            1 => "B",
            2 => "I",
            4 => "J",
            _ => "K",
        }
        .to_owned(),
        Layout::Float(4) => "E".to_owned(),
        Layout::Float(_) => "D".to_owned(),
        Layout::Text(width) => format!("{}A", width.max(1)),
        Layout::Variable { code, longest, .. } => {
            let pointer = if descriptor == Descriptor::Short { 'P' } else { 'Q' };
            format!("1{pointer}{code}({longest})")
        }
    }
}

#[derive(Default)]
struct Cards {
    bytes: Vec<u8>,
}

impl Cards {
    /// A number or a logical value.
    fn plain(&mut self, key: &str, value: impl std::fmt::Display) {
        self.push(&format!("{key:<8}= {value:>20}"));
    }

    /// A text; a long one goes on in CONTINUE cards (section 4.2.1.2). Headers are ASCII: what is not becomes `?`.
    fn text(&mut self, key: &str, value: &str) {
        let text: Vec<char> = value.chars().map(|c| if c == ' ' || c.is_ascii_graphic() { c } else { '?' }).collect();
        let mut parts: Vec<String> = vec![String::new()];
        for c in text {
            let quoted = if c == '\'' { "''".to_owned() } else { c.to_string() };
            // A place stays free for the sign that the text goes on.
            if let Some(part) = parts.last_mut().filter(|part| part.len() + quoted.len() < CARD_TEXT) {
                part.push_str(&quoted);
            } else {
                parts.push(quoted);
            }
        }
        let last = parts.len() - 1;
        for (index, part) in parts.iter().enumerate() {
            let goes_on = if index < last { "&" } else { "" };
            let value = format!("'{:<8}'", format!("{part}{goes_on}"));
            if index == 0 {
                self.push(&format!("{key:<8}= {value}"));
            } else {
                self.push(&format!("CONTINUE  {value}"));
            }
        }
    }

    fn history(&mut self, line: &str) {
        let text: Vec<char> = line.chars().map(|c| if c == ' ' || c.is_ascii_graphic() { c } else { '?' }).collect();
        for part in text.chunks(72) {
            self.push(&format!("HISTORY {}", part.iter().collect::<String>()));
        }
    }

    fn push(&mut self, card: &str) {
        self.bytes.extend_from_slice(card.as_bytes());
        self.bytes.resize(self.bytes.len().next_multiple_of(80), b' ');
    }

    fn write(mut self, out: &mut Vec<u8>) {
        self.push("END");
        self.bytes.resize(self.bytes.len().next_multiple_of(BLOCK), b' ');
        out.append(&mut self.bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_texts_go_on_in_further_cards() {
        let mut cards = Cards::default();
        cards.text("TCOMM1", &format!("{}'s end", "x".repeat(70)));
        let text = String::from_utf8(cards.bytes).unwrap();
        assert_eq!(text.len(), 160);
        assert!(text.starts_with(&format!("TCOMM1  = '{}&'", "x".repeat(67))), "{text}");
        assert_eq!(text[80..].trim_end(), "CONTINUE  'xxx''s end'");
    }
}
