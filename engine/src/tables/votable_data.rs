//! How do the rows of a VOTable come out of their XML?
//!
//! Pieces of some megabytes: here only the borders of cells are found, values are made by the chunk.

use std::sync::Arc;

use arrow::array::{BooleanArray, RecordBatch};
use arrow::compute::nullif;
use quick_xml::events::{BytesRef, Event};

use super::base64_stream::Base64Stream;
use super::cells::Cells;
use super::votable::{VotableColumns, Xml, next_event};
use super::{Chunk, Places, TableBatch, bad_table};
use crate::error::EngineError;

/// Bytes in which a cell is told that is no longer itself.
const SPAN: usize = 8;
/// The longest row that is read.
const LONGEST: usize = 32 << 20;

/// The text that `&name;` stands for; `None` where XML does not define it.
pub(super) fn resolved(reference: &BytesRef<'_>) -> Option<String> {
    if let Some(letter) = reference.resolve_char_ref().ok()? {
        return Some(letter.to_string());
    }
    let name = reference.decode().ok()?;
    quick_xml::escape::resolve_xml_entity(&name).map(str::to_owned)
}

/// Rows of TABLEDATA.
#[derive(Debug)]
pub(super) struct TextRows {
    /// Bytes of a piece.
    piece: usize,
    row: u64,
    /// Elements that are open within the rows.
    depth: usize,
    at_end: bool,
}

impl TextRows {
    /// At the first row.
    pub(super) fn new(piece: usize) -> Self {
        Self { piece, row: 0, depth: 0, at_end: false }
    }

    /// Reads on to the end of a row where the piece is large enough.
    pub(super) fn next_chunk(
        &mut self,
        xml: &mut Xml,
        columns: &Arc<VotableColumns>,
    ) -> Result<Option<Chunk>, EngineError> {
        let width = columns.binary.len();
        let mut cells = Cells::new(width);
        let (mut buffer, mut text, mut in_cell, mut before) = (Vec::new(), Vec::new(), false, 0);
        let first = self.row + 1;
        let fixed: usize =
            columns.binary.iter().filter_map(|(_, field)| field.fixed_count()).map(|count| count.min(1024)).sum();
        let mut in_row = false;
        // A piece ends only where a row does.
        while in_row || !self.at_end && cells.size() + cells.rows() * fixed < self.piece {
            if cells.size() + text.len() > LONGEST {
                let message = format!("row {} is longer than {} MB", self.row + 1, LONGEST >> 20);
                return Err(bad_table(&columns.name, message));
            }
            let event = next_event(xml, &mut self.depth, &mut buffer);
            match event.map_err(|why| bad_table(&columns.name, why))? {
                Event::Start(element) => match element.local_name().as_ref() {
                    b"TR" => {
                        before = cells.len();
                        in_row = true;
                    }
                    b"TD" => {
                        in_cell = true;
                        text.clear();
                    }
                    _ => {}
                },
                Event::End(element) => match element.local_name().as_ref() {
                    b"TD" => {
                        in_cell = false;
                        cells.push(&text);
                    }
                    b"TR" => {
                        self.row += 1;
                        in_row = false;
                        if cells.len() > before + width {
                            let message =
                                format!("row {} has {} cells, expected {width}", self.row, cells.len() - before);
                            return Err(bad_table(&columns.name, message));
                        }
                        cells.end_row(before);
                    }
                    b"TABLEDATA" => self.at_end = true,
                    _ => {}
                },
                Event::Text(part) if in_cell => text.extend_from_slice(&part),
                Event::CData(part) if in_cell => text.extend_from_slice(&part),
                Event::GeneralRef(reference) if in_cell => {
                    let letters = resolved(&reference);
                    let letters = letters.ok_or_else(|| {
                        bad_table(&columns.name, format!("row {first} or behind has an entity that is not defined"))
                    })?;
                    text.extend_from_slice(letters.as_bytes());
                }
                Event::Eof => return Err(bad_table(&columns.name, format!("it ends behind row {}", self.row))),
                _ => {}
            }
        }
        if cells.rows() == 0 {
            return Ok(None);
        }
        let columns = Arc::clone(columns);
        Ok(Some(Chunk::new(move || columns.text.decode(&cells, Places::From(first), Vec::new()))))
    }
}

/// Rows of BINARY and BINARY2.
#[derive(Debug, Default)]
pub(super) struct BinaryRows {
    piece: usize,
    stream: Base64Stream,
    has_masks: bool,
    rest: Vec<u8>,
    row: u64,
}

impl BinaryRows {
    /// At the beginning of the stream; rows of BINARY2 begin with a mask of nulls.
    pub(super) fn new(piece: usize, has_masks: bool) -> Self {
        Self { piece, has_masks, ..Self::default() }
    }

    /// Decodes base64 until the piece is large enough and holds a row.
    pub(super) fn next_chunk(
        &mut self,
        xml: &mut Xml,
        columns: &Arc<VotableColumns>,
    ) -> Result<Option<Chunk>, EngineError> {
        let bad = |message: String| bad_table(&columns.name, message);
        let (mut wanted, mut more) = (self.piece, true);
        loop {
            while more && self.rest.len() < wanted {
                xml.get_mut().begin();
                more = self.stream.read(xml.get_mut(), &mut self.rest).map_err(bad)?;
            }
            let mask = if self.has_masks { columns.binary.len().div_ceil(8) } else { 0 };
            let (spans, used) = find_cells(&self.rest, columns, (mask, self.piece));
            if !spans.is_empty() {
                let rest = self.rest.split_off(used);
                let mut cells = Cells::of_bytes(std::mem::replace(&mut self.rest, rest), columns.binary.len() + 1);
                spans.iter().for_each(|(start, end)| cells.push_span(*start, *end));
                let first = self.row + 1;
                self.row += cells.rows() as u64;
                let columns = Arc::clone(columns);
                return Ok(Some(Chunk::new(move || decode(&columns, &cells, first))));
            }
            match (more, self.rest.is_empty()) {
                (false, true) => return Ok(None),
                (false, false) => return Err(bad(format!("it ends within row {}", self.row + 1))),
                (true, _) if self.rest.len() > LONGEST => {
                    return Err(bad(format!("row {} is longer than {} MB", self.row + 1, LONGEST >> 20)));
                }
                (true, _) => wanted = self.rest.len() * 2,
            }
        }
    }
}

/// Where the masks and cells of the whole rows are, and how many bytes these take.
fn find_cells(bytes: &[u8], columns: &VotableColumns, (mask, piece): (usize, usize)) -> (Vec<(usize, usize)>, usize) {
    let mut spans = Vec::new();
    let mut used = 0;
    while used < bytes.len() && spans.len() * SPAN < piece {
        let begun = spans.len();
        let Some(end) = find_row(bytes, (columns, mask, used), &mut spans) else {
            spans.truncate(begun);
            break;
        };
        // Rows without a byte would never end.
        if end == used {
            spans.truncate(begun);
            break;
        }
        used = end;
    }
    (spans, used)
}

fn find_row(
    bytes: &[u8],
    (columns, mask, mut at): (&VotableColumns, usize, usize),
    spans: &mut Vec<(usize, usize)>,
) -> Option<usize> {
    let mut take = |at: &mut usize, length: usize| {
        let end = at.checked_add(length).filter(|end| *end <= bytes.len())?;
        spans.push((*at, end));
        *at = end;
        Some(())
    };
    take(&mut at, mask)?;
    for (column, field) in &columns.binary {
        let count = match field.fixed_count() {
            Some(count) => count,
            None => {
                let count: [u8; 4] = *bytes.get(at..)?.first_chunk()?;
                at += 4;
                usize::try_from(u32::from_be_bytes(count)).ok()?.checked_mul(field.parts())?
            }
        };
        take(&mut at, column.element.bytes(count)?)?;
    }
    Some(at)
}

fn decode(columns: &VotableColumns, cells: &Cells, first: u64) -> Result<TableBatch, EngineError> {
    let bad = |error: arrow::error::ArrowError| bad_table(&columns.name, error);
    let mut arrays = Vec::with_capacity(columns.binary.len());
    for (number, (column, _)) in columns.binary.iter().enumerate() {
        let array = column.array(cells.column(number + 1).map(|cell| cell.bytes)).map_err(bad)?;
        let nulls: BooleanArray = cells.column(0).map(|mask| Some(is_masked(mask.bytes, number))).collect();
        arrays.push(if nulls.true_count() > 0 { nullif(&array, &nulls).map_err(bad)? } else { array });
    }
    let rows = RecordBatch::try_new(Arc::clone(&columns.text.schema), arrays).map_err(bad)?;
    Ok(TableBatch::of_rows(rows, first))
}

fn is_masked(mask: &[u8], column: usize) -> bool {
    mask.get(column / 8).is_some_and(|byte| byte & (0x80 >> (column % 8)) != 0)
}
