//! How many targets are matched at once?
//!
//! A few at first, then what came in while those were matched. A catalog is read once for each window, so windows are as large
//! as they may be where the client is fast.

use std::collections::VecDeque;
use std::time::Duration;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use arrow_flight::FlightData;
use arrow_flight::decode::FlightRecordBatchStream;
use arrow_flight::error::FlightError;
use futures::{Stream, StreamExt, TryStreamExt};
use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;
use tonic::Status;

use crate::flight_sql::wire::sliced_bytes;

/// Rows of the first window.
const FIRST_ROWS: usize = 1 << 9;
/// Rows and bytes of a window.
const MOST_ROWS: usize = 1 << 20;
const MOST_BYTES: usize = 128 << 20;
/// Rows of a piece; so many are waiting at most while a window is matched.
const PIECE_ROWS: usize = 1 << 13;
const WAITING: usize = MOST_ROWS / PIECE_ROWS;
/// Bytes of pieces that are taken in at most while a window is matched.
const WAITING_BYTES: usize = 64 << 20;
/// How long a window that is not full waits for more.
const LULL: Duration = Duration::from_millis(20);

type Arrived = Result<(RecordBatch, tokio::sync::OwnedSemaphorePermit), Status>;

/// Targets as they come in.
pub(super) struct Windows {
    arriving: mpsc::Receiver<Arrived>,
    /// Rows that were taken in and are of the next window.
    kept: VecDeque<RecordBatch>,
    most_rows: usize,
    _reader: AbortOnDropHandle<()>,
}

impl Windows {
    /// Reads up to the columns of the targets; a task reads on.
    ///
    /// *Errors*: messages that are no Arrow stream.
    pub(super) async fn open(
        data: impl Stream<Item = Result<FlightData, Status>> + Send + 'static,
    ) -> Result<(SchemaRef, Self), Status> {
        let mut batches = FlightRecordBatchStream::new_from_flight_data(data.map_err(FlightError::from));
        let first = batches.next().await.transpose().map_err(unreadable)?;
        let schema = first.as_ref().map(RecordBatch::schema).or_else(|| batches.schema().cloned());
        let schema =
            schema.ok_or_else(|| Status::invalid_argument("the targets have no schema: send one, then batches"))?;
        let (sender, arriving) = mpsc::channel(WAITING);
        let reader = tokio::spawn(read(futures::stream::iter(first.map(Ok)).chain(batches), sender));
        let kept = VecDeque::new();
        Ok((schema, Self { arriving, kept, most_rows: FIRST_ROWS, _reader: AbortOnDropHandle::new(reader) }))
    }

    /// The next targets; `None` after the last.
    ///
    /// *Errors*: messages that cannot be read.
    pub(super) async fn next(&mut self) -> Result<Option<Vec<RecordBatch>>, Status> {
        let most_rows = std::mem::replace(&mut self.most_rows, MOST_ROWS);
        let (mut window, mut rows, mut bytes) = (Vec::new(), 0, 0);
        while rows < most_rows && bytes < MOST_BYTES {
            let Some(batch) = self.piece(rows > 0).await? else { break };
            let take = batch.num_rows().min(most_rows - rows);
            if take < batch.num_rows() {
                self.kept.push_front(batch.slice(take, batch.num_rows() - take));
            }
            let batch = batch.slice(0, take);
            rows += take;
            bytes += batch.columns().iter().map(|column| sliced_bytes(column.as_ref())).sum::<usize>();
            window.push(batch);
        }
        Ok((rows > 0).then_some(window))
    }

    /// What came next; `None` at the end, or where there are rows already and no more come soon.
    async fn piece(&mut self, is_begun: bool) -> Result<Option<RecordBatch>, Status> {
        if let Some(batch) = self.kept.pop_front() {
            return Ok(Some(batch));
        }
        let arrived = if is_begun {
            // The first window does not wait at all: there is always a next.
            let lull = if self.most_rows == FIRST_ROWS { Duration::ZERO } else { LULL };
            tokio::time::timeout(lull, self.arriving.recv()).await.unwrap_or(None)
        } else {
            self.arriving.recv().await
        };
        Ok(arrived.transpose()?.map(|(batch, _)| batch))
    }
}

/// Cuts what comes in into pieces; waits where too much is waiting.
async fn read(
    mut batches: impl Stream<Item = Result<RecordBatch, FlightError>> + Unpin,
    sender: mpsc::Sender<Arrived>,
) {
    let room = std::sync::Arc::new(tokio::sync::Semaphore::new(WAITING_BYTES));
    while let Some(batch) = batches.next().await {
        let batch = match batch {
            Ok(batch) => batch,
            Err(error) => return drop(sender.send(Err(unreadable(error))).await),
        };
        let mut start = 0;
        while start < batch.num_rows() {
            let piece = batch.slice(start, PIECE_ROWS.min(batch.num_rows() - start));
            start += piece.num_rows();
            let bytes: usize = piece.columns().iter().map(|column| sliced_bytes(column.as_ref())).sum();
            let bytes = u32::try_from(bytes.clamp(1, WAITING_BYTES)).unwrap_or(u32::MAX);
            let Ok(permit) = std::sync::Arc::clone(&room).acquire_many_owned(bytes).await else { return };
            if sender.send(Ok((piece, permit))).await.is_err() {
                return;
            }
        }
    }
}

fn unreadable(error: FlightError) -> Status {
    match error {
        FlightError::Tonic(status) => *status,
        other => Status::invalid_argument(format!("the targets cannot be read: {other}")),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, AsArray, Float64Array};
    use arrow::datatypes::Float64Type;
    use arrow_flight::encode::FlightDataEncoderBuilder;

    use super::*;

    #[tokio::test]
    async fn a_few_rows_first_then_the_rest_and_each_once() {
        let (columns, mut windows) = Windows::open(sent(vec![numbers(0, 5), numbers(5, 100_000)])).await.unwrap();
        assert_eq!(columns.fields().len(), 1);
        let mut sizes = Vec::new();
        let mut all = Vec::new();
        while let Some(window) = windows.next().await.unwrap() {
            sizes.push(window.iter().map(RecordBatch::num_rows).sum::<usize>());
            all.extend(window.iter().flat_map(|batch| batch.column(0).as_primitive::<Float64Type>().values().to_vec()));
        }
        assert!(sizes[0] <= FIRST_ROWS && sizes.len() <= 4, "{sizes:?}");
        assert_eq!(all, (0..100_005).map(f64::from).collect::<Vec<_>>());
    }

    #[tokio::test]
    async fn more_than_a_window_holds_is_several() {
        let batches = (0..3).map(|number| numbers(number * 700_000, 700_000)).collect();
        let (_, mut windows) = Windows::open(sent(batches)).await.unwrap();
        let mut rows = 0;
        while let Some(window) = windows.next().await.unwrap() {
            let size: usize = window.iter().map(RecordBatch::num_rows).sum();
            assert!(size <= MOST_ROWS);
            rows += size;
        }
        assert_eq!(rows, 2_100_000);
    }

    #[tokio::test]
    async fn no_targets_and_no_schema_are_told_apart() {
        let (columns, mut windows) = Windows::open(sent(vec![numbers(0, 0)])).await.unwrap();
        assert_eq!((columns.fields().len(), windows.next().await.unwrap().is_none()), (1, true));
        let nothing = futures::stream::empty::<Result<FlightData, Status>>();
        let error = Windows::open(nothing).await.err().unwrap();
        assert!(error.message().contains("no schema"), "{error}");
    }

    #[tokio::test]
    async fn an_error_of_the_client_ends_the_windows() {
        let broken = futures::stream::iter([Err(Status::cancelled("gone"))]);
        let (_, mut windows) = Windows::open(sent(vec![numbers(0, 10)]).chain(broken)).await.unwrap();
        let mut outcome = windows.next().await;
        while let Ok(Some(_)) = outcome {
            outcome = windows.next().await;
        }
        assert_eq!(outcome.unwrap_err().message(), "gone");
    }

    fn sent(batches: Vec<RecordBatch>) -> impl Stream<Item = Result<FlightData, Status>> + Send + Unpin + 'static {
        let stream = futures::stream::iter(batches.into_iter().map(Ok));
        FlightDataEncoderBuilder::new().build(stream).map_err(|error| Status::internal(error.to_string())).boxed()
    }

    fn numbers(start: i32, rows: i32) -> RecordBatch {
        let values: ArrayRef = Arc::new(Float64Array::from_iter_values((start..start + rows).map(f64::from)));
        RecordBatch::try_from_iter([("ra", values)]).unwrap()
    }
}
