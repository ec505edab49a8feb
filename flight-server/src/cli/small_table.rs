//! A table that fits on a screen, as lines for people.

use arrow::array::ArrayRef;
use arrow::record_batch::RecordBatch;

use crate::format::{self, Ending, FormatError, Head};

/// Columns of equal length under their names, aligned.
pub(super) fn small_table<const N: usize>(columns: [(&str, ArrayRef); N]) -> Result<Vec<u8>, FormatError> {
    let batch = RecordBatch::try_from_iter_with_nullable(columns.map(|(name, array)| (name, array, true)))?;
    let mut out = Vec::new();
    let mut encoder = format::terminal().encoder(&Head::new(batch.schema(), None))?;
    encoder.begin(&mut out)?;
    encoder.batch(&batch, &mut out)?;
    encoder.finish(Ending::Complete, &mut out)?;
    Ok(out)
}
