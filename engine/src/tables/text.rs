//! How does text become values?
//!
//! A column is made of its cells at one go. Empty cells and the texts that mean null are null; a cell that cannot be
//! read takes its row out, with a reason. Spaces around numbers do not matter.

use std::collections::BTreeMap;
use std::str::FromStr;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, ArrowPrimitiveType, BooleanArray, BooleanBuilder, NullArray, PrimitiveArray, PrimitiveBuilder,
    RecordBatch, StringArray, StringBuilder,
};
use arrow::compute::{CastOptions, cast_with_options, filter_record_batch};
use arrow::datatypes::{
    DataType, Field, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, SchemaRef, UInt8Type,
    UInt16Type, UInt32Type, UInt64Type,
};
use arrow::error::ArrowError;
use lexical_core::FromLexical;

use super::cells::{Cell, Cells, consecutive, shown};
use super::guess::Guess;
use super::lists::Items;
use super::{Places, Reject, TableBatch};
use crate::error::{EngineError, ErrorKind};

/// What a column's cells are read as.
#[derive(Debug, Clone)]
pub(super) struct TextColumn {
    /// Texts that are null here, beside the empty one.
    pub(super) nulls: Vec<String>,
    /// Whether an empty cell in quotes is null too, not an empty text.
    pub(super) quoted_is_null: bool,
    /// What the type was guessed from; `None` where it was declared.
    pub(super) guess: Option<Guess>,
    /// How the items of a list stand in their cell.
    pub(super) items: Items,
}

/// Columns of a text file.
#[derive(Debug)]
pub(super) struct TextTable {
    /// Names and types.
    pub(super) schema: SchemaRef,
    /// How each is read.
    pub(super) columns: Vec<TextColumn>,
    /// Whether one row that cannot be read ends it all.
    pub(super) is_strict: bool,
}

impl TextTable {
    /// Makes a batch of cells; rows with an unreadable cell join the rejects.
    pub(super) fn decode(
        &self,
        cells: &Cells,
        places: Places,
        mut rejects: Vec<Reject>,
    ) -> Result<TableBatch, EngineError> {
        let mut widen = BTreeMap::new();
        let mut bad: BTreeMap<usize, (usize, String)> = BTreeMap::new();
        let mut arrays = Vec::with_capacity(self.columns.len());
        for (number, (field, column)) in self.schema.fields().iter().zip(&self.columns).enumerate() {
            let made = column.array(field, cells, number)?;
            for (row, reason) in made.bad {
                let cell = cells.at(row, number);
                match column.guess.and_then(|guess| guess.widened_by(cell)) {
                    Some(kind) => {
                        let guess = Guess::of_kind(&kind);
                        let wider = widen.get(field.name()).map_or(guess, |before| Guess::of_kind(before).or(guess));
                        widen.insert(field.name().clone(), wider.kind());
                    }
                    None => {
                        bad.entry(row).or_insert((number, reason));
                    }
                }
            }
            arrays.push(made.array);
            if self.is_strict && !bad.is_empty() {
                break;
            }
        }
        if self.is_strict
            && let Some((row, (number, reason))) = bad.first_key_value()
        {
            rejects.push(self.reject(cells, &places, (*row, *number, reason)));
        }
        if self.is_strict && !rejects.is_empty() {
            let rows = RecordBatch::new_empty(Arc::clone(&self.schema));
            return Ok(TableBatch { rows, places, rejects, widen: BTreeMap::new() });
        }
        let rows = RecordBatch::try_new(Arc::clone(&self.schema), arrays).map_err(|error| defect(&error))?;
        if bad.is_empty() {
            return Ok(TableBatch { rows, places, rejects, widen });
        }
        for (row, (number, reason)) in &bad {
            rejects.push(self.reject(cells, &places, (*row, *number, reason)));
        }
        rejects.sort_by_key(|reject| reject.place);
        let kept: BooleanArray = (0..rows.num_rows()).map(|row| Some(!bad.contains_key(&row))).collect();
        let left = (0..rows.num_rows()).filter(|row| !bad.contains_key(row)).map(|row| places.of(row)).collect();
        let rows = filter_record_batch(&rows, &kept).map_err(|error| defect(&error))?;
        Ok(TableBatch { rows, places: consecutive(left), rejects, widen })
    }

    fn reject(&self, cells: &Cells, places: &Places, (row, number, reason): (usize, usize, &str)) -> Reject {
        let text = shown(cells.at(row, number).bytes);
        let column = self.schema.field(number).name().clone();
        Reject { place: places.of(row), column, reason: reason.to_owned(), text }
    }
}

fn defect(error: &ArrowError) -> EngineError {
    EngineError::request(ErrorKind::Internal, format!("columns of text do not fit together: {error}"))
}

pub(super) struct Made {
    pub(super) array: ArrayRef,
    pub(super) bad: Vec<(usize, String)>,
}

impl TextColumn {
    /// A column whose type was declared.
    pub(super) fn declared() -> Self {
        Self { nulls: Vec::new(), quoted_is_null: false, guess: None, items: Items::Words }
    }

    /// Whether a cell says nothing about the column's type.
    pub(super) fn stands_for_null(&self, cell: Cell<'_>) -> bool {
        cell.trimmed().is_empty() || self.is_null(cell) || means_null(cell.trimmed())
    }

    pub(super) fn is_null(&self, cell: Cell<'_>) -> bool {
        if cell.bytes.is_empty() {
            return !cell.quoted || self.quoted_is_null;
        }
        !self.nulls.is_empty() && !cell.quoted && self.nulls.iter().any(|null| null.as_bytes() == cell.trimmed())
    }

    pub(super) fn array(&self, field: &Field, cells: &Cells, number: usize) -> Result<Made, EngineError> {
        let rows = cells.rows();
        Ok(match field.data_type() {
            DataType::Int8 => self.integers::<Int8Type>(cells, number),
            DataType::Int16 => self.integers::<Int16Type>(cells, number),
            DataType::Int32 => self.integers::<Int32Type>(cells, number),
            DataType::Int64 => self.numbers::<Int64Type>(cells, number, integer, "expected an integer of 64 bits"),
            DataType::UInt8 => self.integers::<UInt8Type>(cells, number),
            DataType::UInt16 => self.integers::<UInt16Type>(cells, number),
            DataType::UInt32 => self.integers::<UInt32Type>(cells, number),
            DataType::UInt64 => {
                self.numbers::<UInt64Type>(cells, number, natural, "expected an integer from 0 to 2^64")
            }
            DataType::Float32 => self.numbers::<Float32Type>(cells, number, float32, "expected a number"),
            DataType::Float64 => self.numbers::<Float64Type>(cells, number, float, "expected a number"),
            DataType::Boolean => self.booleans(cells, number),
            DataType::Utf8 => self.texts(cells, number),
            DataType::Null => Made { array: Arc::new(NullArray::new(rows)), ..self.texts(cells, number) },
            DataType::FixedSizeList(item, count) => self.lists((item, Some(*count)), cells, number)?,
            DataType::List(item) => self.lists((item, None), cells, number)?,
            other => {
                let texts = self.texts(cells, number);
                let options = CastOptions { safe: true, ..CastOptions::default() };
                let array = cast_with_options(&texts.array, other, &options).map_err(|error| {
                    EngineError::request(ErrorKind::BadQuery, format!("column {}: {error}", field.name()))
                })?;
                let lost = (0..rows).filter(|row| array.is_null(*row) && texts.array.is_valid(*row));
                let bad = lost.map(|row| (row, format!("expected {other}"))).chain(texts.bad).collect();
                Made { array, bad }
            }
        })
    }

    fn integers<T: ArrowPrimitiveType>(&self, cells: &Cells, number: usize) -> Made
    where
        T::Native: TryFrom<i64>,
    {
        let parse = |text: &[u8]| integer(text).and_then(|value| T::Native::try_from(value).ok());
        self.numbers::<T>(cells, number, parse, &format!("expected an integer of type {}", T::DATA_TYPE))
    }

    fn numbers<T: ArrowPrimitiveType>(
        &self,
        cells: &Cells,
        number: usize,
        parse: impl Fn(&[u8]) -> Option<T::Native>,
        expected: &str,
    ) -> Made {
        let mut bad = Vec::new();
        let mut builder: PrimitiveBuilder<T> = PrimitiveBuilder::with_capacity(cells.rows());
        for (row, cell) in cells.column(number).enumerate() {
            match parse(cell.trimmed()) {
                Some(value) if self.nulls.is_empty() || !self.is_null(cell) => builder.append_value(value),
                Some(_) => builder.append_null(),
                None => {
                    builder.append_null();
                    if !self.stands_for_null(cell) {
                        bad.push((row, expected.to_owned()));
                    }
                }
            }
        }
        let array: PrimitiveArray<T> = builder.finish();
        Made { array: Arc::new(array), bad }
    }

    fn booleans(&self, cells: &Cells, number: usize) -> Made {
        let mut bad = Vec::new();
        let mut builder = BooleanBuilder::with_capacity(cells.rows());
        for (row, cell) in cells.column(number).enumerate() {
            let value = boolean(cell.trimmed()).filter(|_| !self.is_null(cell));
            builder.append_option(value);
            if value.is_none() && !self.stands_for_null(cell) {
                bad.push((row, "expected true or false".to_owned()));
            }
        }
        Made { array: Arc::new(builder.finish()), bad }
    }

    fn texts(&self, cells: &Cells, number: usize) -> Made {
        let mut bad = Vec::new();
        let is_unseen = self.guess == Some(Guess::Nothing);
        let mut builder = StringBuilder::with_capacity(cells.rows(), cells.rows() * 8);
        for (row, cell) in cells.column(number).enumerate() {
            if self.is_null(cell) {
                builder.append_null();
                continue;
            }
            match std::str::from_utf8(cell.bytes) {
                Ok(text) if cell.quoted && text.contains("\"\"") => builder.append_value(text.replace("\"\"", "\"")),
                Ok(text) => builder.append_value(text),
                Err(_) => {
                    builder.append_null();
                    bad.push((row, "expected UTF-8".to_owned()));
                }
            }
            if is_unseen && !self.stands_for_null(cell) {
                bad.push((row, "expected nothing".to_owned()));
            }
        }
        let array: StringArray = builder.finish();
        Made { array: Arc::new(array), bad }
    }
}

/// Words that stand for a missing number or truth value in files of archives.
fn means_null(text: &[u8]) -> bool {
    matches!(text, b"null" | b"NULL" | b"\\N" | b"N/A" | b"NA" | b"--" | b"None")
}

/// An integer of 64 bits.
pub(super) fn integer(text: &[u8]) -> Option<i64> {
    let (negative, digits) = match text {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] => (false, digits),
        digits => (false, digits),
    };
    let mut value = 0_i64;
    if digits.is_empty() || digits.len() > 19 {
        return None;
    }
    for byte in digits {
        let digit = i64::from(byte.wrapping_sub(b'0'));
        if digit > 9 {
            return None;
        }
        let digit = if negative { -digit } else { digit };
        value = value.checked_mul(10)?.checked_add(digit)?;
    }
    Some(value)
}

fn natural(text: &[u8]) -> Option<u64> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// A number; a Fortran exponent `D` will do.
pub(super) fn float(text: &[u8]) -> Option<f64> {
    number(text)
}

fn float32(text: &[u8]) -> Option<f32> {
    number(text)
}

fn number<N: FromLexical + FromStr>(text: &[u8]) -> Option<N> {
    let first = text.first()?;
    if first.is_ascii_digit() || (*first == b'-' && text.get(1).is_some_and(u8::is_ascii_digit)) {
        let number = lexical_core::parse(text).ok();
        if number.is_some() {
            return number;
        }
    }
    let text = std::str::from_utf8(text).ok()?;
    text.parse().ok().or_else(|| fortran(text)?.parse().ok())
}

fn fortran(text: &str) -> Option<String> {
    (text.len() < 64 && text.contains(['d', 'D']) && text.starts_with(|first: char| "+-.0123456789".contains(first)))
        .then(|| text.replace(['d', 'D'], "e"))
}

/// A truth value.
pub(super) fn boolean(text: &[u8]) -> Option<bool> {
    let is = |words: [&[u8]; 3]| words.iter().any(|word| text.eq_ignore_ascii_case(word));
    if is([b"true", b"t", b"1"]) {
        Some(true)
    } else if is([b"false", b"f", b"0"]) {
        Some(false)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn numbers_are_read_as_they_are_written() {
        assert_eq!(integer(b"-9223372036854775808"), Some(i64::MIN));
        assert_eq!(integer(b"9223372036854775808"), None);
        assert_eq!((integer(b""), integer(b"-"), integer(b"1x"), integer(b"+7")), (None, None, None, Some(7)));
        assert_eq!(float(b"1.5D-3"), Some(0.0015));
        assert_eq!(float(b"0x10"), None);
        assert!(float(b"nan").is_some_and(f64::is_nan));
        assert_eq!(float(b"Dec"), None);
    }

    proptest! {
        #[test]
        fn numbers_are_those_that_the_standard_library_reads(
            text in prop_oneof!["-?[0-9]{1,25}(\\.[0-9]{0,25})?([eE][-+]?[0-9]{1,3})?", "[-+0-9.eEinfaty_ ]{1,9}"],
        ) {
            let expected: Option<f64> = text.parse().ok();
            prop_assert_eq!(float(text.as_bytes()).map(f64::to_bits), expected.map(f64::to_bits), "{}", text);
            let expected: Option<f32> = text.parse().ok();
            prop_assert_eq!(float32(text.as_bytes()).map(f32::to_bits), expected.map(f32::to_bits), "{}", text);
        }
    }
}
