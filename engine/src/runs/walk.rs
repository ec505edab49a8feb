//! How does one stream of sorted rows become groups?
//!
//! ```text
//!  rows     7 7 7 | 8 8 | 9 9 9 9 ...
//!  groups   0 0 0 | 1 1 | 2 2 2 2 ...     numbered by where the value changes; aggregates are DataFusion's own
//! ```
//! All groups but the last, which may go on, leave when there are enough of them.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, RecordBatch, UInt64Array};
use arrow::compute::kernels::cmp::lt;
use arrow::compute::{concat, partition, take};
use datafusion::common::exec_datafusion_err;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::SendableRecordBatchStream;
use datafusion::execution::memory_pool::MemoryReservation;
use datafusion::logical_expr::{ColumnarValue, EmitTo, GroupsAccumulator};
use futures::TryStreamExt;

use super::by_run::states;
use super::exec::{Boundary, Grouping};
use super::key_runs::runs_of_keys;

/// Groups that are given at once.
const GROUPS: usize = 8192;

/// The walk of one stream.
pub(super) struct RunWalk {
    grouping: Arc<Grouping>,
    rows: SendableRecordBatchStream,
    accumulators: Vec<Box<dyn GroupsAccumulator>>,
    /// Values of the groups that the accumulators hold.
    values: Vec<ArrayRef>,
    /// How many these are.
    held: usize,
    /// The first group of the stream, once it has ended.
    first: Option<Boundary>,
    indices: Vec<usize>,
    reservation: MemoryReservation,
}

impl RunWalk {
    pub(super) fn try_new(
        grouping: Arc<Grouping>,
        rows: SendableRecordBatchStream,
        reservation: MemoryReservation,
    ) -> Result<Self> {
        let accumulators = grouping.aggregates.iter().map(|one| one.function.create_groups_accumulator());
        let accumulators = accumulators.collect::<Result<_>>()?;
        let (values, indices) = (Vec::new(), Vec::new());
        Ok(Self { grouping, rows, accumulators, values, held: 0, first: None, indices, reservation })
    }

    /// The next groups that are complete; `None` when only the first and the last one of the stream are left.
    pub(super) async fn next(&mut self) -> Result<Option<RecordBatch>> {
        while let Some(batch) = self.rows.try_next().await? {
            tokio::task::consume_budget().await;
            if batch.num_rows() > 0 {
                self.add(&batch)?;
            }
            if self.held > GROUPS {
                return self.complete();
            }
        }
        self.complete()
    }

    fn add(&mut self, batch: &RecordBatch) -> Result<()> {
        let rows = batch.num_rows();
        let (runs, starts) = match runs_of_keys(&self.grouping.group, batch) {
            Some(found) => found,
            None => runs_of_values(&self.grouping.group.evaluate(batch)?.into_array(rows)?)?,
        };
        let (goes_on, seen) = self.with_last(starts)?;
        let first = self.held - usize::from(goes_on);
        self.indices.clear();
        if !seen.is_empty() {
            self.held += seen.len();
            self.values.push(seen);
        }
        self.update(batch, &runs, first)?;
        let bytes = self.accumulators.iter().map(|accumulator| accumulator.size()).sum::<usize>();
        self.reservation.try_resize(bytes + self.held * size_of::<u64>())
    }

    /// Whether the first of the values is that of the last group, and the values without it.
    fn with_last(&self, starts: ArrayRef) -> Result<(bool, ArrayRef)> {
        let Some(before) = self.values.last() else {
            self.check(&starts)?;
            return Ok((false, starts));
        };
        let seam = concat(&[&*before.slice(before.len() - 1, 1), &*starts])?;
        let goes_on = partition(&[seam.slice(0, 2)])?.len() == 1;
        let from = usize::from(goes_on);
        self.check(&seam.slice(from, seam.len() - from))?;
        Ok((goes_on, starts.slice(from, starts.len() - from)))
    }

    fn check(&self, values: &ArrayRef) -> Result<()> {
        if self.grouping.partial { Ok(()) } else { ascend(values) }
    }

    fn update(&mut self, batch: &RecordBatch, runs: &[Range<usize>], first: usize) -> Result<()> {
        for (aggregate, accumulator) in self.grouping.aggregates.iter().zip(&mut self.accumulators) {
            let args =
                aggregate.function.expressions().iter().map(|expr| expr.evaluate(batch)).collect::<Result<Vec<_>>>()?;
            if let Some(states) = states(aggregate, &args, runs) {
                let groups: Vec<usize> = (first..first + runs.len()).collect();
                accumulator.merge_batch(&states, &groups, self.held)?;
                continue;
            }
            if self.indices.is_empty() {
                for (number, run) in runs.iter().enumerate() {
                    self.indices.resize(run.end, first + number);
                }
            }
            let array = |value: ColumnarValue| value.into_array(batch.num_rows());
            let args = args.into_iter().map(array).collect::<Result<Vec<_>>>()?;
            let filter = aggregate.filter.as_ref().map(|filter| filter.evaluate(batch).and_then(array)).transpose()?;
            let filter = filter.as_ref().map(|filter| {
                let marks = filter.as_any().downcast_ref::<arrow::array::BooleanArray>();
                marks.ok_or_else(|| exec_datafusion_err!("the filter of an aggregate is no condition"))
            });
            accumulator.update_batch(&args, &self.indices, filter.transpose()?, self.held)?;
        }
        Ok(())
    }

    /// The groups before the last one; the first of the stream is put aside.
    fn complete(&mut self) -> Result<Option<RecordBatch>> {
        if self.first.is_none() && self.held > 1 {
            self.first = Some(self.put_aside()?);
        }
        if self.held < 2 || self.first.is_none() {
            return Ok(None);
        }
        let given = self.held - 1;
        let values = self.take_values(given)?;
        let mut columns = vec![values];
        for accumulator in &mut self.accumulators {
            match self.grouping.partial {
                true => columns.extend(accumulator.state(EmitTo::First(given))?),
                false => columns.push(accumulator.evaluate(EmitTo::First(given))?),
            }
        }
        Ok(Some(RecordBatch::try_new(Arc::clone(&self.grouping.schema), columns)?))
    }

    /// The first group that is held, as it stands.
    fn put_aside(&mut self) -> Result<Boundary> {
        let value = self.take_values(1)?;
        let states = self.accumulators.iter_mut().map(|accumulator| accumulator.state(EmitTo::First(1)));
        Ok(Boundary { value, states: states.collect::<Result<_>>()? })
    }

    fn take_values(&mut self, count: usize) -> Result<ArrayRef> {
        let values: Vec<&dyn Array> = self.values.iter().map(|values| &**values).collect();
        let values = concat(&values)?;
        self.values = vec![values.slice(count, values.len() - count)];
        self.held -= count;
        Ok(values.slice(0, count))
    }

    /// The first and the last group of the stream, one if they are the same, none if there were no rows.
    pub(super) fn end(mut self) -> Result<(Vec<Boundary>, Arc<Grouping>)> {
        let last = if self.held > 0 { Some(self.put_aside()?) } else { None };
        Ok((self.first.take().into_iter().chain(last).collect(), self.grouping))
    }
}

/// The runs of equal values that follow each other, and the value of each.
fn runs_of_values(values: &ArrayRef) -> Result<(Vec<Range<usize>>, ArrayRef)> {
    let runs = partition(std::slice::from_ref(values))?.ranges();
    let starts = UInt64Array::from_iter_values(runs.iter().map(|run| run.start as u64));
    Ok((runs, take(values, &starts, None)?))
}

/// The group of each value where equal ones follow each other, and one value a group.
pub(super) fn one_each(values: &ArrayRef) -> Result<(Vec<usize>, ArrayRef)> {
    let (runs, firsts) = runs_of_values(values)?;
    let groups = runs.iter().enumerate().flat_map(|(group, run)| std::iter::repeat_n(group, run.len())).collect();
    Ok((groups, firsts))
}

/// Makes sure that each value is less than the next.
pub(super) fn ascend(values: &ArrayRef) -> Result<()> {
    if values.is_empty() {
        return Ok(());
    }
    let pairs = values.len() - 1;
    let rising = lt(&values.slice(0, pairs), &values.slice(1, pairs))?;
    if values.null_count() == 0 && rising.true_count() == pairs {
        return Ok(());
    }
    Err(DataFusionError::External(
        "the catalog is not sorted by its key, as its properties say; write it anew with sidereus import, or ask with \
         the rule run_grouping off"
            .into(),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::Int64Array;

    fn values(values: &[Option<i64>]) -> ArrayRef {
        Arc::new(Int64Array::from(values.to_vec()))
    }

    #[test]
    fn only_values_that_ascend_are_in_order() {
        assert!(ascend(&values(&[])).is_ok() && ascend(&values(&[Some(7)])).is_ok());
        assert!(ascend(&values(&[Some(-1), Some(3), Some(4)])).is_ok());
        for wrong in [&[Some(3), Some(3)][..], &[Some(4), Some(3)], &[None, Some(3)], &[Some(3), None]] {
            assert!(ascend(&values(wrong)).unwrap_err().to_string().contains("not sorted"), "{wrong:?}");
        }
    }

    #[test]
    fn equal_neighbours_are_one_group() {
        let (groups, firsts) = one_each(&values(&[Some(2), Some(2), Some(5), Some(2)])).unwrap();
        assert_eq!(groups, [0, 0, 1, 2]);
        assert_eq!(firsts.as_ref(), values(&[Some(2), Some(5), Some(2)]).as_ref());
    }
}
