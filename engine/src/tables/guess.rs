//! Of which type is a column of text?
//!
//! The narrowest that takes all cells of a sample: nothing seen < truth value, integer < float < text. A number never
//! becomes text later on: what is no number is then reported.

use arrow::datatypes::DataType;

use super::cells::Cell;
use super::text::{boolean, float, integer};

/// What the cells of a column were so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Guess {
    /// All null.
    #[default]
    Nothing,
    /// `true` and `false`.
    Boolean,
    /// Integers of 64 bits.
    Integer,
    /// Numbers.
    Float,
    /// Anything.
    Text,
}

impl Guess {
    /// Type of one cell that is not null.
    pub(super) fn of(cell: Cell<'_>) -> Self {
        let text = cell.trimmed();
        if integer(text).is_some() {
            Self::Integer
        } else if text.len() > 1 && boolean(text).is_some() {
            Self::Boolean
        } else if float(text).is_some() && !is_integer_text(text) {
            Self::Float
        } else {
            Self::Text
        }
    }

    /// The type that takes both.
    pub(super) fn or(self, other: Self) -> Self {
        match (self, other) {
            (left, right) if left == right => left,
            (Self::Nothing, other) | (other, Self::Nothing) => other,
            (Self::Integer, Self::Float) | (Self::Float, Self::Integer) => Self::Float,
            _ => Self::Text,
        }
    }

    /// What a column must be read as when a cell turns up that its guess did not foresee; `None` where the cell is at
    /// fault.
    pub(super) fn widened_by(self, cell: Cell<'_>) -> Option<DataType> {
        match (self, Self::of(cell)) {
            (Self::Nothing, found) => Some(found.kind()),
            (Self::Integer, Self::Float) => Some(DataType::Float64),
            (Self::Boolean, _) => Some(DataType::Utf8),
            _ => None,
        }
    }

    /// The guess that a widened type stands for.
    pub(super) fn of_kind(kind: &DataType) -> Self {
        match kind {
            DataType::Boolean => Self::Boolean,
            DataType::Int64 => Self::Integer,
            DataType::Float64 => Self::Float,
            DataType::Null => Self::Nothing,
            _ => Self::Text,
        }
    }

    /// The Arrow type.
    pub(super) fn kind(self) -> DataType {
        match self {
            Self::Boolean => DataType::Boolean,
            Self::Integer => DataType::Int64,
            Self::Float => DataType::Float64,
            Self::Nothing => DataType::Null,
            Self::Text => DataType::Utf8,
        }
    }
}

/// Whether a text is digits alone: as a float it would lose some.
fn is_integer_text(text: &[u8]) -> bool {
    let digits = text.strip_prefix(b"-").or_else(|| text.strip_prefix(b"+")).unwrap_or(text);
    !digits.is_empty() && digits.iter().all(u8::is_ascii_digit)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guess(texts: &[&str]) -> Guess {
        let cell = |text: &&str| Guess::of(Cell { bytes: text.as_bytes().to_vec().leak(), quoted: false });
        texts.iter().map(cell).fold(Guess::Nothing, Guess::or)
    }

    #[test]
    fn narrowest_type_is_taken() {
        assert_eq!(guess(&[]), Guess::Nothing);
        assert_eq!(guess(&["1", " -2 "]), Guess::Integer);
        assert_eq!(guess(&["1", "2.5", "NaN", "1e5"]), Guess::Float);
        assert_eq!(guess(&["true", "False"]), Guess::Boolean);
        assert_eq!(guess(&["true", "1"]), Guess::Text);
        assert_eq!(guess(&["18446744073709551615"]), Guess::Text);
        assert_eq!(guess(&["1", "NGC 1"]), Guess::Text);
    }
}
