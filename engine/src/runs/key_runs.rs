//! Where does one cell end and the next begin, among keys that ascend?
//!
//! ```text
//!  keys     70 71 75 | 83 | 91 92 92 97 99 ..      cells of ten: the end of each is found by looking 1, 2, 4, .. keys ahead
//! ```
//! So no cell is computed but one a run, and nothing is compared but what the search looks at.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Int64Array, RecordBatch};
use arrow::datatypes::Int64Type;
use datafusion::common::ScalarValue;
use datafusion::logical_expr::Operator;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::{BinaryExpr, Column, Literal};

/// The runs of rows that a group expression gives one value, and the value of each; `None` for another expression than a
/// column of whole numbers shifted to the right, and where that does not ascend.
pub(super) fn runs_of_keys(
    group: &Arc<dyn PhysicalExpr>,
    batch: &RecordBatch,
) -> Option<(Vec<Range<usize>>, ArrayRef)> {
    let binary = group.downcast_ref::<BinaryExpr>().filter(|binary| *binary.op() == Operator::BitwiseShiftRight)?;
    let column = binary.left().downcast_ref::<Column>()?;
    let ScalarValue::Int64(Some(shift)) = binary.right().downcast_ref::<Literal>()?.value() else { return None };
    let shift = u32::try_from(*shift).ok().filter(|shift| *shift < 64)?;
    let keys = batch.column(column.index()).as_primitive_opt::<Int64Type>().filter(|keys| keys.null_count() == 0)?;
    let keys = keys.values();
    if !ascend(keys) {
        return None;
    }
    let mut runs = Vec::new();
    let mut cells = Vec::new();
    let mut start = 0;
    while let Some(key) = keys.get(start) {
        let cell = key >> shift;
        let end = start + same(&keys[start..], shift);
        runs.push(start..end);
        cells.push(cell);
        start = end;
    }
    Some((runs, Arc::new(Int64Array::from(cells))))
}

/// Whether no key is less than the one before; looks at all of them, many at a time.
fn ascend(keys: &[i64]) -> bool {
    keys.iter().zip(keys.iter().skip(1)).fold(true, |ascend, (key, next)| ascend & (key <= next))
}

/// How many keys lie in the cell of the first; at least one.
fn same(keys: &[i64], shift: u32) -> usize {
    let is_in = |key: &i64| key >> shift == keys[0] >> shift;
    let mut inside = 0;
    let mut ahead = 1;
    while keys.get(inside + ahead).is_some_and(is_in) {
        inside += ahead;
        ahead *= 2;
    }
    let beyond = keys.len().min(inside + ahead);
    inside + 1 + keys[inside + 1..beyond].partition_point(is_in)
}

#[cfg(test)]
mod tests {
    use arrow::datatypes::{DataType, Field, Schema};
    use proptest::prelude::*;

    use super::*;

    fn shifted(by: i64) -> Arc<dyn PhysicalExpr> {
        let by = Arc::new(Literal::new(ScalarValue::Int64(Some(by))));
        Arc::new(BinaryExpr::new(Arc::new(Column::new("key", 0)), Operator::BitwiseShiftRight, by))
    }

    fn batch(keys: Vec<Option<i64>>) -> RecordBatch {
        let schema = Schema::new(vec![Field::new("key", DataType::Int64, true)]);
        RecordBatch::try_new(Arc::new(schema), vec![Arc::new(Int64Array::from(keys))]).unwrap()
    }

    proptest! {
        #[test]
        fn runs_are_those_that_comparing_neighbours_finds(
            mut keys in prop::collection::vec(-5000..5000_i64, 1..3000),
            shift in 0..14_i64,
        ) {
            keys.sort_unstable();
            let batch = batch(keys.iter().copied().map(Some).collect());
            let (runs, cells) = runs_of_keys(&shifted(shift), &batch).unwrap();
            let all: Vec<i64> = keys.iter().map(|key| key.div_euclid(1 << shift)).collect();
            let expected: Vec<&[i64]> = all.chunk_by(|a, b| a == b).collect();
            prop_assert_eq!(runs.iter().map(Range::len).collect::<Vec<_>>(), expected.iter().map(|run| run.len()).collect::<Vec<_>>());
            let firsts: Vec<i64> = expected.iter().map(|run| run[0]).collect();
            prop_assert_eq!(cells.as_primitive::<Int64Type>().values().to_vec(), firsts);
            prop_assert!(runs.windows(2).all(|pair| pair[0].end == pair[1].start) && runs[0].start == 0);
        }
    }

    #[test]
    fn keys_that_descend_or_are_missing_are_left_to_others() {
        let (wrong, missing) = (vec![Some(9), Some(8)], vec![Some(9), None]);
        assert!(runs_of_keys(&shifted(1), &batch(wrong)).is_none());
        assert!(runs_of_keys(&shifted(1), &batch(missing)).is_none());
        assert!(runs_of_keys(&shifted(64), &batch(vec![Some(9)])).is_none());
        let (runs, _) =
            runs_of_keys(&shifted(63), &batch(vec![Some(i64::MIN), Some(-1), Some(0), Some(i64::MAX)])).unwrap();
        assert_eq!(runs, [0..2, 2..4]);
    }
}
