//! The rows of a query on their way to the reader, counted, and cut off where the query is stopped.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use arrow::array::Array;
use arrow::record_batch::RecordBatch;
use futures::Stream;
use sidereus_engine::{EngineError, OverflowFlag, ResultStream};
use tokio_util::sync::WaitForCancellationFutureOwned;

use super::audit::Outcome;
use super::entry::Stop;
use super::list::Tracked;

/// Rows of a query on the list. They themselves are kept with the query, so that whoever stops it need not wait for the reader.
pub(super) struct Rows {
    query: Tracked,
    overflow: OverflowFlag,
    stopped: Pin<Box<WaitForCancellationFutureOwned>>,
    ended: bool,
}

impl Rows {
    /// The rows of a query.
    pub(super) fn new(query: Tracked, rows: ResultStream, overflow: OverflowFlag) -> Self {
        query.entry().hold(rows);
        let stopped = Box::pin(query.entry().stop_token().cancelled_owned());
        Self { query, overflow, stopped, ended: false }
    }

    fn end(&mut self, last: Option<EngineError>) -> Poll<Option<Result<RecordBatch, EngineError>>> {
        self.ended = true;
        match &last {
            Some(error) => self.query.failed(error),
            None if self.overflow.is_set() => self.query.ended(Outcome::Overflow),
            None => self.query.ended(Outcome::Complete),
        }
        Poll::Ready(last.map(Err))
    }
}

impl Stream for Rows {
    type Item = Result<RecordBatch, EngineError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.ended {
            return Poll::Ready(None);
        }
        let entry = Arc::clone(self.query.entry());
        entry.asked();
        let stopped = self.stopped.as_mut();
        let is_stopped = Future::poll(stopped, context).is_ready();
        let next = if is_stopped { None } else { entry.with_rows(|rows| rows.as_mut().poll_next(context)) };
        match next {
            None => self.end(Some(entry.stopped().unwrap_or(Stop::Killed).error())),
            Some(Poll::Pending) => Poll::Pending,
            Some(Poll::Ready(None)) => self.end(None),
            Some(Poll::Ready(Some(Err(error)))) => self.end(Some(error)),
            Some(Poll::Ready(Some(Ok(batch)))) => {
                entry.gave(batch.num_rows(), bytes(&batch));
                Poll::Ready(Some(Ok(batch)))
            }
        }
    }
}

/// Bytes of the rows of a batch, not of what else its buffers hold.
fn bytes(batch: &RecordBatch) -> usize {
    let size = |column: &Arc<dyn Array>| column.to_data().get_slice_memory_size().unwrap_or_default();
    batch.columns().iter().map(size).sum()
}
