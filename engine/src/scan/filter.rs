//! Which rows of a decoded batch pass every filter of the scan?
//!
//! *Nulls*: a row whose position is null or not a number, or for which a comparison is null, does not pass; that is
//! what SQL says of a `WHERE` that is not true.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Float64Array, RecordBatch};
use arrow::buffer::{BooleanBuffer, NullBuffer};
use arrow::compute::{and, cast, filter_record_batch, prep_null_mask_filter};
use arrow::datatypes::{DataType, Float64Type, SchemaRef};
use datafusion::error::{DataFusionError, Result};
use datafusion::physical_expr::{PhysicalExpr, split_conjunction};

use super::cover::SpatialFilter;
use super::intervals::{Intervals, Span};

/// One in how many rows is few.
const FEW: usize = 4;

/// The filters of a scan and the columns that they read.
#[derive(Debug, Clone)]
pub(crate) struct RowFilter {
    /// Columns of the batches that filters are given; the position columns first where there is a region.
    pub(crate) schema: SchemaRef,
    /// The region of the position, tested on columns 0 and 1.
    pub(crate) spatial: Option<Arc<SpatialFilter>>,
    /// Comparisons over `schema`; all must be true.
    pub(crate) comparisons: Vec<Arc<dyn PhysicalExpr>>,
    /// What of the comparisons bounds a column.
    intervals: Intervals,
    /// The others.
    others: Vec<Arc<dyn PhysicalExpr>>,
}

impl RowFilter {
    pub(crate) fn new(
        schema: SchemaRef,
        spatial: Option<Arc<SpatialFilter>>,
        comparisons: &[Arc<dyn PhysicalExpr>],
    ) -> Self {
        // What comes past the optimizer says BETWEEN, which is one condition of two comparisons.
        let comparisons: Vec<_> = comparisons.iter().flat_map(split_conjunction).cloned().collect();
        let (intervals, others) = Intervals::take(&comparisons, &schema);
        Self { schema, spatial, comparisons, intervals, others }
    }

    /// Whether there is nothing to test.
    pub(crate) fn is_empty(&self, test_position: bool) -> bool {
        self.comparisons.is_empty() && !(test_position && self.spatial.is_some())
    }

    /// What the comparisons ask of columns, by name.
    pub(crate) fn spans(&self) -> impl Iterator<Item = (&str, Span)> {
        self.intervals.spans().map(|(column, span)| (self.schema.field(column).name().as_str(), span))
    }

    /// Marks the rows that pass.
    pub(crate) fn select(&self, batch: &RecordBatch, test_position: bool) -> Result<BooleanArray> {
        let inside = match &self.spatial {
            Some(spatial) if test_position => Some(inside(spatial, batch)?),
            _ => None,
        };
        let Some(inside) = inside else { return self.compare(batch) };
        if self.comparisons.is_empty() || inside.true_count() == 0 {
            return Ok(inside);
        }
        if inside.true_count() * 2 > batch.num_rows() {
            return Ok(and(&inside, &self.compare(batch)?)?);
        }
        let passed = self.compare(&filter_record_batch(batch, &inside)?)?;
        Ok(scatter(&inside, &passed))
    }

    /// Marks the rows for which all comparisons are true.
    fn compare(&self, batch: &RecordBatch) -> Result<BooleanArray> {
        if self.intervals.is_empty() {
            let all = BooleanArray::new(BooleanBuffer::new_set(batch.num_rows()), None);
            return compare(&self.others, batch, all);
        }
        compare(&self.others, batch, self.intervals.select(batch))
    }
}

/// Marks those of some rows for which all comparisons are true; once few are left, only these are compared further.
fn compare(comparisons: &[Arc<dyn PhysicalExpr>], batch: &RecordBatch, rows: BooleanArray) -> Result<BooleanArray> {
    let mut all = rows;
    for (number, comparison) in comparisons.iter().enumerate() {
        if all.true_count() * FEW < batch.num_rows() {
            let fewer = filter_record_batch(batch, &all)?;
            let marks = BooleanArray::new(BooleanBuffer::new_set(fewer.num_rows()), None);
            return Ok(scatter(&all, &compare(&comparisons[number..], &fewer, marks)?));
        }
        let value = comparison.evaluate(batch)?.into_array(batch.num_rows())?;
        let Some(value) = value.as_boolean_opt() else {
            return Err(DataFusionError::Internal(format!("the filter {comparison} is not boolean")));
        };
        let value = if value.null_count() > 0 { prep_null_mask_filter(value) } else { value.clone() };
        all = and(&all, &value)?;
    }
    Ok(all)
}

fn inside(spatial: &SpatialFilter, batch: &RecordBatch) -> Result<BooleanArray> {
    let (lon, lat) = (degrees(batch.column(0))?, degrees(batch.column(1))?);
    let mut inside = Vec::with_capacity(batch.num_rows());
    spatial.prepared().select(lon.values(), lat.values(), &mut inside);
    let inside = BooleanBuffer::from(inside);
    let present = NullBuffer::union(lon.nulls(), lat.nulls());
    Ok(match present {
        Some(present) => BooleanArray::new(&inside & present.inner(), None),
        None => BooleanArray::new(inside, None),
    })
}

fn degrees(column: &ArrayRef) -> Result<Float64Array> {
    match column.data_type() {
        DataType::Float64 => Ok(column.as_primitive::<Float64Type>().clone()),
        _ => Ok(cast(column, &DataType::Float64)?.as_primitive::<Float64Type>().clone()),
    }
}

/// Sets, among the rows that `outer` marks, those that `inner` marks in their order.
fn scatter(outer: &BooleanArray, inner: &BooleanArray) -> BooleanArray {
    let mut bits = vec![false; outer.len()];
    for (place, row) in outer.values().set_indices().enumerate() {
        bits[row] = inner.value(place);
    }
    BooleanArray::from(bits)
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::Int64Array;
    use arrow::datatypes::{Field, Schema};
    use datafusion::logical_expr::Operator;
    use datafusion::physical_expr::expressions::{BinaryExpr, Column, lit};

    #[test]
    fn comparing_what_is_left_marks_the_same_rows() {
        let numbers: Vec<Option<i64>> = (0..1000).map(|row| (row % 7 != 0).then_some(row * 37 % 101)).collect();
        let column: ArrayRef = Arc::new(Int64Array::from(numbers.clone()));
        let batch = RecordBatch::try_from_iter([("n", column)]).unwrap();
        let above = |bound: i64| -> Arc<dyn PhysicalExpr> {
            Arc::new(BinaryExpr::new(Arc::new(Column::new("n", 0)), Operator::Gt, lit(bound)))
        };
        for bounds in [vec![], vec![3], vec![90, 3], vec![90, 95], vec![50, 90, 99], vec![200, 1], vec![0, 95, 99, 1]] {
            let comparisons: Vec<_> = bounds.iter().copied().map(above).collect();
            let expected =
                |number: &Option<i64>| bounds.iter().all(|bound| number.is_some_and(|number| number > *bound));
            let expected: Vec<bool> = numbers.iter().map(expected).collect();
            let marks = compare(&comparisons, &batch, BooleanArray::from(vec![true; 1000])).unwrap();
            assert_eq!(marks, BooleanArray::from(expected), "{bounds:?}");
        }
    }

    #[test]
    fn a_range_is_seen_in_one_condition() {
        let schema = Arc::new(Schema::new(vec![Field::new("n", DataType::Float64, true)]));
        let end = |operator, bound: f64| -> Arc<dyn PhysicalExpr> {
            Arc::new(BinaryExpr::new(Arc::new(Column::new("n", 0)), operator, lit(bound)))
        };
        let range = BinaryExpr::new(end(Operator::GtEq, 1.0), Operator::And, end(Operator::LtEq, 2.0));
        let filter = RowFilter::new(schema, None, &[Arc::new(range)]);
        let spans: Vec<_> = filter.spans().collect();
        assert_eq!(spans, [("n", Span { low: 1.0, high: 2.0, nan: false, null: false })]);
    }

    #[test]
    fn inner_marks_land_on_outer_rows() {
        let outer = BooleanArray::from(vec![false, true, true, false, true]);
        let inner = BooleanArray::from(vec![true, false, true]);
        assert_eq!(scatter(&outer, &inner), BooleanArray::from(vec![false, true, false, false, true]));
    }
}
