//! What a system must be able to do to be measured.

use arrow::array::RecordBatch;

use crate::error::BenchError;

/// A system under test. All calls block until the whole answer is there.
pub(crate) trait Target {
    /// A statement that was prepared.
    type Prepared;

    /// Runs a query given as text.
    fn query(&mut self, sql: &str) -> Result<Answer, BenchError>;

    /// Prepares a query with `?` parameters.
    fn prepare(&mut self, sql: &str) -> Result<Self::Prepared, BenchError>;

    /// Runs a prepared query with numbers for its parameters.
    fn execute(&mut self, prepared: &mut Self::Prepared, parameters: &[f64]) -> Result<Answer, BenchError>;
}

/// A whole answer.
#[derive(Debug)]
pub(crate) struct Answer {
    /// Its batches.
    pub(crate) batches: Vec<RecordBatch>,
}

impl Answer {
    /// Rows.
    pub(crate) fn rows(&self) -> u64 {
        self.batches.iter().map(|batch| batch.num_rows() as u64).sum()
    }

    /// Bytes of the values as Arrow holds them.
    pub(crate) fn bytes(&self) -> u64 {
        let columns = self.batches.iter().flat_map(RecordBatch::columns);
        columns.map(|column| column.to_data().get_slice_memory_size().unwrap_or_default() as u64).sum()
    }
}
