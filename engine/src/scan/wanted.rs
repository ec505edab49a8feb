//! Which ids does a join ask for, as a scan learns only when it already runs?
//!
//! ```text
//! ids, sorted    which pages can hold one, by the least and the greatest of each page
//! marks          which rows can have one: two bits a word for each id, some 16 bits an id
//! ```
//! Rows that merely look like it are handed out as well: the join looks at every row that comes.
//!
//! *Guarantee*: every row with one of the ids passes.

use std::fmt::{Display, Formatter};
use std::hash::{Hash, Hasher};
use std::sync::{Arc, OnceLock};

use arrow::array::{Array, AsArray, BooleanArray, RecordBatch};
use arrow::buffer::BooleanBuffer;
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int64Type, Schema};
use datafusion::error::Result;
use datafusion::logical_expr::ColumnarValue;
use datafusion::physical_expr::PhysicalExpr;

use super::id_lookup::IdLookup;
use crate::catalog::CatalogMetadata;

/// Bits of the marks for each id, at least.
const BITS: usize = 16;
/// One in how many values ids between them are few.
const FEW: usize = 8;
/// An odd number without pattern: products with it spread over all bits.
const SPREAD: u64 = 0x9E37_79B9_7F4A_7C15;

/// A place where the ids of a join are told, once.
#[derive(Debug, Default)]
pub(crate) struct WantedIds {
    told: OnceLock<IdSet>,
    lookup: OnceLock<Option<Arc<IdLookup>>>,
}

/// Some ids.
#[derive(Debug)]
struct IdSet {
    /// Ascending, each once.
    ids: Vec<i64>,
    /// A power of two of words.
    marks: Vec<u64>,
}

impl WantedIds {
    /// Bytes of memory that so many ids take.
    pub(crate) fn memory(ids: usize) -> usize {
        ids * size_of::<i64>() + IdSet::words(ids) * size_of::<u64>()
    }

    /// Tells the ids, in any order; only the first word counts.
    pub(crate) fn tell(&self, ids: Vec<i64>) {
        // Whoever came first said the same: one join reads one scan.
        let _ = self.told.set(IdSet::new(ids));
    }

    /// Whether the ids are known by now.
    pub(super) fn is_told(&self) -> bool {
        self.told.get().is_some()
    }

    /// Whether a page whose numbers lie between two can hold one of the ids; `low` and `high` are integers or infinite.
    pub(super) fn may_lie_within(&self, low: f64, high: f64) -> bool {
        self.told.get().is_none_or(|set| set.touches(low, high))
    }

    /// A look-up of the ids in an index of the catalog, the same for all who ask; `None` where there is none that serves.
    pub(super) fn lookup(&self, catalog: &CatalogMetadata, column: &str) -> Option<Arc<IdLookup>> {
        let told = self.told.get()?;
        self.lookup.get_or_init(|| IdLookup::new(catalog, column, &told.ids)).clone()
    }
}

impl IdSet {
    fn new(mut ids: Vec<i64>) -> Self {
        // Runs in order, of which there are many in tables that are sorted by place, are merged.
        ids.sort();
        ids.dedup();
        let marks = Self::marks(&ids);
        Self { ids, marks }
    }

    fn words(ids: usize) -> usize {
        (ids * BITS / 64).next_power_of_two()
    }

    fn marks(ids: &[i64]) -> Vec<u64> {
        let mut marks = vec![0; Self::words(ids.len())];
        for id in ids {
            let (word, bits) = place(*id, marks.len());
            marks[word] |= bits;
        }
        marks
    }

    /// Which of some values are ids, or look like it.
    ///
    /// Values near each other are few of all that can be: marks of the ids between them are smaller, and at hand.
    fn select(&self, values: &[i64]) -> BooleanBuffer {
        let bounds = |(low, high): (i64, i64), value: &i64| (low.min(*value), high.max(*value));
        let (low, high) = values.iter().fold((i64::MAX, i64::MIN), bounds);
        let from = self.ids.partition_point(|id| *id < low);
        let between = self.ids[from..].partition_point(|id| *id <= high);
        if between == 0 {
            return BooleanBuffer::new_unset(values.len());
        }
        let own;
        let marks = if between * FEW < values.len() {
            own = Self::marks(&self.ids[from..from + between]);
            &own
        } else {
            &self.marks
        };
        let has = |id: &i64| {
            let (word, bits) = place(*id, marks.len());
            marks.get(word).is_some_and(|marks| marks & bits == bits)
        };
        let of_rows =
            |rows: &[i64]| rows.iter().enumerate().fold(0_u64, |bits, (row, id)| bits | u64::from(has(id)) << row);
        let bits: Vec<u64> = values.chunks(64).map(of_rows).collect();
        BooleanBuffer::new(bits.into(), 0, values.len())
    }

    fn touches(&self, low: f64, high: f64) -> bool {
        // Out of range, the cast gives the least and the greatest integer.
        let (low, high) = (low as i64, high as i64);
        let next = self.ids.partition_point(|id| *id < low);
        low <= high && self.ids.get(next).is_some_and(|id| *id <= high)
    }
}

/// The word of an id, of a power of two of words, and its bits there.
#[inline]
fn place(id: i64, words: usize) -> (usize, u64) {
    let mixed = id.cast_unsigned().wrapping_mul(SPREAD);
    let mixed = (mixed ^ (mixed >> 32)).wrapping_mul(SPREAD);
    let word = (mixed >> 12) as usize & words.wrapping_sub(1);
    (word, (1 << (mixed >> 58)) | (1 << ((mixed >> 52) & 63)))
}

/// Whether a row has an id that a join asks for, or looks like it; true for all rows as long as the ids are not known.
///
/// *Nulls*: false; a join on equality finds no partner for them.
#[derive(Debug, Clone)]
pub(super) struct IsWanted {
    pub(super) name: String,
    /// Place of the ids, whole numbers that fit in 64 bits with a sign.
    pub(super) column: usize,
    pub(super) ids: Arc<WantedIds>,
}

impl PartialEq for IsWanted {
    fn eq(&self, other: &Self) -> bool {
        self.column == other.column && Arc::ptr_eq(&self.ids, &other.ids)
    }
}

impl Eq for IsWanted {}

impl Hash for IsWanted {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.column.hash(state);
        Arc::as_ptr(&self.ids).hash(state);
    }
}

impl Display for IsWanted {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} is asked for", self.name)
    }
}

impl PhysicalExpr for IsWanted {
    fn data_type(&self, _: &Schema) -> Result<DataType> {
        Ok(DataType::Boolean)
    }

    fn nullable(&self, _: &Schema) -> Result<bool> {
        Ok(false)
    }

    fn evaluate(&self, batch: &RecordBatch) -> Result<ColumnarValue> {
        let Some(set) = self.ids.told.get() else { return Ok(ColumnarValue::Scalar(true.into())) };
        let ids = cast(batch.column(self.column), &DataType::Int64)?;
        let ids = ids.as_primitive::<Int64Type>();
        let marks = set.select(ids.values());
        let marks = match ids.nulls() {
            Some(present) => &marks & present.inner(),
            None => marks,
        };
        Ok(ColumnarValue::Array(Arc::new(BooleanArray::new(marks, None))))
    }

    fn children(&self) -> Vec<&Arc<dyn PhysicalExpr>> {
        Vec::new()
    }

    fn with_new_children(self: Arc<Self>, _: Vec<Arc<dyn PhysicalExpr>>) -> Result<Arc<dyn PhysicalExpr>> {
        Ok(self)
    }

    fn fmt_sql(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        write!(f, "{self}")
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::{ArrayRef, Int16Array, Int64Array};

    use super::*;

    fn kept(ids: &Arc<WantedIds>, column: ArrayRef) -> Vec<bool> {
        let batch = RecordBatch::try_from_iter([("id", column)]).unwrap();
        let test = IsWanted { name: "id".to_owned(), column: 0, ids: Arc::clone(ids) };
        let marks = test.evaluate(&batch).unwrap().into_array(batch.num_rows()).unwrap();
        marks.as_boolean().iter().map(Option::unwrap).collect()
    }

    #[test]
    fn rows_with_the_ids_pass_and_few_others() {
        let ids = Arc::new(WantedIds::default());
        let all: ArrayRef = Arc::new(Int64Array::from_iter_values((0..100_000).map(|id| id * 7_919 - 5_000_000)));
        assert!(kept(&ids, Arc::clone(&all)).into_iter().all(|kept| kept), "nothing is known yet");
        ids.tell((0..1000).rev().flat_map(|id| [id * 100 * 7_919 - 5_000_000, 42]).collect());
        let kept = kept(&ids, all);
        assert!(kept.iter().step_by(100).all(|kept| *kept));
        let others = kept.iter().filter(|kept| **kept).count() - 1000;
        assert!(others < 5_000, "{others} of 99,000 look like one of 1,001 ids");
    }

    #[test]
    fn narrow_numbers_and_nulls_are_judged_by_value() {
        let ids = Arc::new(WantedIds::default());
        ids.tell(vec![-3, 700]);
        let column: ArrayRef = Arc::new(Int16Array::from(vec![Some(-3), None, Some(700)]));
        assert_eq!(kept(&ids, column), [true, false, true]);
        ids.tell(vec![1]);
        assert!(!ids.may_lie_within(1.0, 1.0), "the first word counts");
    }

    #[test]
    fn pages_are_read_where_an_id_lies_between_their_extremes() {
        let ids = WantedIds::default();
        assert!(ids.may_lie_within(5.0, 4.0));
        ids.tell(vec![i64::MAX, 10, -7, i64::MIN]);
        let within = |low: f64, high: f64| ids.may_lie_within(low, high);
        assert!(within(-7.0, 9.0) && within(10.0, 10.0) && within(f64::NEG_INFINITY, f64::INFINITY));
        assert!(within(9e18, f64::INFINITY) && within(f64::NEG_INFINITY, -9e18));
        assert!(!within(-6.0, 9.0) && !within(11.0, 9e18) && !within(f64::INFINITY, f64::NEG_INFINITY));
        let none = WantedIds::default();
        none.tell(Vec::new());
        assert!(!none.may_lie_within(f64::NEG_INFINITY, f64::INFINITY));
    }
}
