//! How are MOCs written to Arrow, and what are they in text?
//!
//! A MOC is a list of ranges, see [`super::geometry_type`]. A short query can ask for a large MOC in every row; the ranges
//! of one array are bounded. This module must not know any SQL function.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, ListArray, StructArray, UInt64Array};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::datatypes::{DataType, UInt64Type};
use datafusion::common::{DataFusionError, Result, exec_err};
use sidereus_sky::{CellRange, Moc};

use super::geometry_type::GeometryKind;

/// Most ranges of one array: 64 MiB.
const MOST_RANGES: usize = 4 << 20;

/// Collects a MOC a row.
#[derive(Debug, Default)]
pub(crate) struct MocBuilder {
    starts: Vec<u64>,
    ends: Vec<u64>,
    lengths: Vec<usize>,
    valid: Vec<bool>,
}

impl MocBuilder {
    /// Adds a row.
    ///
    /// *Errors*: more ranges than an array may have.
    pub(crate) fn append(&mut self, moc: Option<&Moc>) -> Result<()> {
        let ranges = moc.map_or(&[] as &[CellRange], Moc::ranges);
        if self.starts.len() + ranges.len() > MOST_RANGES {
            return exec_err!(
                "the MOCs of {} rows have more than {MOST_RANGES} ranges of cells",
                self.lengths.len() + 1
            );
        }
        self.starts.extend(ranges.iter().map(|range| range.start));
        self.ends.extend(ranges.iter().map(|range| range.end));
        self.lengths.push(ranges.len());
        self.valid.push(moc.is_some());
        Ok(())
    }

    /// The array of all rows.
    pub(crate) fn finish(self) -> Result<ArrayRef> {
        let DataType::List(item) = GeometryKind::Moc.data_type() else { return Err(no_list()) };
        let DataType::Struct(fields) = item.data_type() else { return Err(no_list()) };
        let columns: Vec<ArrayRef> =
            vec![Arc::new(UInt64Array::from(self.starts)), Arc::new(UInt64Array::from(self.ends))];
        let ranges = StructArray::try_new(fields.clone(), columns, None)?;
        let offsets = OffsetBuffer::from_lengths(self.lengths);
        let nulls = NullBuffer::from(self.valid);
        Ok(Arc::new(ListArray::try_new(item, offsets, Arc::new(ranges), Some(nulls))?))
    }
}

fn no_list() -> DataFusionError {
    DataFusionError::Internal("a MOC is no list of ranges".to_owned())
}

/// The ranges of one row of a list of MOCs.
///
/// *Errors*: numbers that are no ranges.
pub(crate) fn moc_of(ranges: &dyn Array) -> Result<Moc, sidereus_sky::SkyError> {
    let ranges = ranges.as_struct();
    let (starts, ends) = (ranges.column(0).as_primitive::<UInt64Type>(), ranges.column(1).as_primitive::<UInt64Type>());
    let ranges = starts.values().iter().zip(ends.values()).map(|(start, end)| CellRange { start: *start, end: *end });
    Moc::from_exact_ranges(ranges.collect())
}

/// Writes a row of an array of MOCs in their text form, such as `4/13 17-18 8/3002`.
///
/// `None` where the array holds no MOCs, or the row none. *Source*: IVOA MOC 2.0 section 4.3.2.
///
/// ```
/// # use std::sync::Arc;
/// # use arrow::array::{Array, ArrayRef, ListArray, StructArray, UInt64Array};
/// # use arrow::buffer::OffsetBuffer;
/// # use arrow::datatypes::{DataType, Field};
/// let bound = |name| Arc::new(Field::new(name, DataType::UInt64, false));
/// let range: ArrayRef = Arc::new(StructArray::from(vec![
///     (bound("start"), Arc::new(UInt64Array::from(vec![0])) as ArrayRef),
///     (bound("end"), Arc::new(UInt64Array::from(vec![1 << 58])) as ArrayRef),
/// ]));
/// let item = Arc::new(Field::new("item", range.data_type().clone(), true));
/// let mocs = ListArray::new(item, OffsetBuffer::from_lengths([1]), range, None);
/// assert_eq!(sidereus_engine::moc_text(&mocs, 0).as_deref(), Some("0/0"));
/// ```
#[must_use]
pub fn moc_text(array: &dyn Array, row: usize) -> Option<String> {
    if GeometryKind::of_shape(array.data_type()) != Some(GeometryKind::Moc) || array.is_null(row) {
        return None;
    }
    moc_of(array.as_list::<i32>().value(row).as_ref()).ok().map(|moc| moc.to_ascii())
}
