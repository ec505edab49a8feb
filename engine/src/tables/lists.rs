//! How does one cell of text become a list of values?

use std::sync::Arc;

use arrow::array::{ArrayRef, FixedSizeListArray, ListArray};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::datatypes::{Field, FieldRef};
use arrow::error::ArrowError;

use super::cells::Cells;
use super::text::{Made, TextColumn};
use crate::error::{EngineError, ErrorKind};

/// How items stand in their cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Items {
    /// With spaces between them.
    Words,
    /// One letter each.
    Letters,
    /// So many letters each.
    Pieces(usize),
}

impl Items {
    fn of(self, cell: &[u8]) -> Vec<&[u8]> {
        match self {
            Self::Words => {
                cell.split(|byte| byte.is_ascii_whitespace() || *byte == b',').filter(|word| !word.is_empty()).collect()
            }
            Self::Letters => cell.chunks(1).filter(|letter| !letter[0].is_ascii_whitespace()).collect(),
            Self::Pieces(width) => cell.chunks(width.max(1)).map(<[u8]>::trim_ascii_end).collect(),
        }
    }
}

impl TextColumn {
    /// A list for each cell; null for an empty one. A cell with another number of items than all should have is bad.
    pub(super) fn lists(
        &self,
        (item, count): (&FieldRef, Option<i32>),
        cells: &Cells,
        number: usize,
    ) -> Result<Made, EngineError> {
        let (mut flat, mut lengths, mut valid, mut bad) = (Cells::new(1), Vec::new(), Vec::new(), Vec::new());
        let mut owners = Vec::new();
        for (row, cell) in cells.column(number).enumerate() {
            let is_null = self.is_null(cell) || cell.trimmed().is_empty();
            let mut items = if is_null { Vec::new() } else { self.items.of(cell.bytes) };
            valid.push(!is_null);
            if let Some(count) = count.map(|count| usize::try_from(count).unwrap_or_default()) {
                if !is_null && items.len() != count {
                    bad.push((row, format!("expected {count} values")));
                }
                items.resize(count, b"");
            }
            lengths.push(items.len());
            for item in items {
                flat.push(item);
                owners.push(row);
            }
        }
        let mut one = self.clone();
        one.nulls.push("?".to_owned());
        let made = one.array(&Field::new("", item.data_type().clone(), true), &flat, 0)?;
        bad.extend(made.bad.into_iter().map(|(item, reason)| (owners[item], reason)));
        let array = wrap((item, count), made.array, (lengths, valid));
        let array = array
            .map_err(|error| EngineError::request(ErrorKind::Internal, format!("a list cannot be made: {error}")))?;
        Ok(Made { array, bad })
    }
}

fn wrap(
    (item, count): (&FieldRef, Option<i32>),
    items: ArrayRef,
    (lengths, valid): (Vec<usize>, Vec<bool>),
) -> Result<ArrayRef, ArrowError> {
    let rows = valid.len();
    let nulls = valid.contains(&false).then(|| NullBuffer::from(valid));
    Ok(match count {
        Some(count) => Arc::new(FixedSizeListArray::try_new_with_length(Arc::clone(item), count, items, nulls, rows)?),
        None => Arc::new(ListArray::try_new(Arc::clone(item), OffsetBuffer::from_lengths(lengths), items, nulls)?),
    })
}
