//! How does a stream of batches become a stream of messages?
//!
//! ```text
//! batches -> wire types -> rows of one message -> [schema] [dictionary]* [rows] [dictionary]* [rows] ...
//! ```
//!
//! Messages hold about [`TARGET_BYTES`]; none exceeds [`MAX_BYTES`], which the drivers' own limit (16 MiB) demands: a
//! single row beyond it is an error that says so. A batch is encoded when the transport asks for the next message, so
//! a slow reader stops the query, and dropping the stream drops the query. What is told beside rows is in the `app_metadata` of
//! messages without rows; what is told at the end (rows were cut off) in the last of them, and in the trailers.
//!
//! This file knows no query, only batches and errors.

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, SchemaRef};
use arrow::error::ArrowError;
use arrow::ipc::CompressionType;
use arrow::ipc::writer::{DictionaryTracker, IpcDataGenerator, IpcWriteContext, IpcWriteOptions};
use arrow_flight::FlightData;
use bytes::Bytes;
use futures::stream::{BoxStream, Fuse};
use futures::{Stream, StreamExt};
use tonic::metadata::MetadataMap;
use tonic::{Code, Status};

use super::wire::{sliced_bytes, to_wire};

/// Bytes that a message should hold: bigger ones cost more than they save.
const TARGET_BYTES: usize = 1 << 20;
/// Bytes that a message may hold: drivers refuse 16 MiB.
const MAX_BYTES: usize = 15 << 20;

/// What is told after the last row.
#[derive(Debug, Clone, Default)]
pub(super) struct Ending {
    /// JSON for the `app_metadata` of a last message without rows.
    pub(super) app_metadata: Option<String>,
    /// Trailers of the call.
    pub(super) trailers: Vec<(&'static str, String)>,
}

/// What follows in a stream.
#[derive(Debug)]
pub(super) enum Piece {
    /// Rows.
    Rows(RecordBatch),
    /// JSON for the `app_metadata` of a message without rows.
    Told(String),
}

/// Asked for the ending once the last batch is out.
pub(super) type EndingFn = Box<dyn FnOnce() -> Ending + Send>;

/// A stream of encoded messages.
pub(super) struct Messages {
    follows: Fuse<BoxStream<'static, Result<Piece, Status>>>,
    /// Batches of the wire schema that wait to be encoded, each of one message's size.
    pieces: VecDeque<RecordBatch>,
    queue: VecDeque<Result<FlightData, Status>>,
    encoded: Encoded,
    ending: Option<EndingFn>,
}

impl std::fmt::Debug for Messages {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Messages").field("schema", &self.encoded.schema).finish_non_exhaustive()
    }
}

impl Messages {
    /// Encodes batches that travel under `schema`, a wire schema; it goes out first, even if no batch follows.
    ///
    /// *Errors*: where this compression is not compiled in.
    pub(super) fn try_new(
        schema: SchemaRef,
        follows: BoxStream<'static, Result<Piece, Status>>,
        compression: Option<CompressionType>,
        ending: EndingFn,
    ) -> Result<Self, Status> {
        let (encoded, first) = Encoded::start(schema, compression)?;
        let (pieces, queue) = (VecDeque::new(), VecDeque::from([Ok(first)]));
        Ok(Self { follows: follows.fuse(), pieces, queue, encoded, ending: Some(ending) })
    }

    /// Queues the messages of one batch, or the error that ends the stream.
    fn encode(&mut self, batch: &RecordBatch) {
        match self.encoded.encoder.messages(batch) {
            Ok(messages) => self.queue.extend(messages.into_iter().map(Ok)),
            Err(status) => self.fail(status),
        }
    }

    fn fail(&mut self, status: Status) {
        self.follows = futures::stream::empty().boxed().fuse();
        self.pieces.clear();
        self.ending = None;
        self.queue.push_back(Err(status));
    }

    /// Cuts a batch into pieces of one message's size.
    fn accept(&mut self, batch: &RecordBatch) {
        match self.encoded.pieces(batch) {
            Ok(pieces) => self.pieces.extend(pieces),
            Err(status) => self.fail(status),
        }
    }

    /// Queues a message without rows.
    fn tell(&mut self, app_metadata: String) {
        match self.encoded.told(app_metadata) {
            Ok(messages) => self.queue.extend(messages.into_iter().map(Ok)),
            Err(status) => self.fail(status),
        }
    }

    fn finish(&mut self) {
        let Some(ending) = self.ending.take() else { return };
        let ending = ending();
        if let Some(app_metadata) = ending.app_metadata {
            self.tell(app_metadata);
        }
        if !ending.trailers.is_empty() {
            // A status of code OK at the end of a stream is how this transport takes trailers.
            self.queue.push_back(Err(Status::with_metadata(Code::Ok, "", trailers(&ending.trailers))));
        }
    }
}

impl Stream for Messages {
    type Item = Result<FlightData, Status>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            if let Some(message) = self.queue.pop_front() {
                return Poll::Ready(Some(message));
            }
            if let Some(piece) = self.pieces.pop_front() {
                self.encode(&piece);
                continue;
            }
            match ready!(self.follows.poll_next_unpin(cx)) {
                Some(Ok(Piece::Rows(batch))) => self.accept(&batch),
                Some(Ok(Piece::Told(app_metadata))) => self.tell(app_metadata),
                Some(Err(status)) => self.fail(status),
                None if self.ending.is_some() => self.finish(),
                None => return Poll::Ready(None),
            }
        }
    }
}

/// Batches as messages of one stream.
pub(super) struct Encoded {
    schema: SchemaRef,
    encoder: Encoder,
}

impl Encoded {
    /// A stream of a wire schema, and its first message.
    ///
    /// *Errors*: where this compression is not compiled in.
    pub(super) fn start(schema: SchemaRef, compression: Option<CompressionType>) -> Result<(Self, FlightData), Status> {
        let options = IpcWriteOptions::default().try_with_compression(compression).map_err(defect)?;
        let (encoder, first) = Encoder::start(&schema, options);
        Ok((Self { schema, encoder }, first))
    }

    /// The messages of a batch.
    ///
    /// *Errors*: a row that no message holds.
    pub(super) fn rows(&mut self, batch: &RecordBatch) -> Result<Vec<FlightData>, Status> {
        let mut messages = Vec::new();
        for piece in self.pieces(batch)? {
            messages.extend(self.encoder.messages(&piece)?);
        }
        Ok(messages)
    }

    /// A message without rows.
    pub(super) fn told(&mut self, app_metadata: String) -> Result<Vec<FlightData>, Status> {
        let mut messages = self.encoder.messages(&RecordBatch::new_empty(SchemaRef::clone(&self.schema)))?;
        if let Some(last) = messages.last_mut() {
            last.app_metadata = Bytes::from(app_metadata);
        }
        Ok(messages)
    }

    /// A batch as batches of one message's size.
    fn pieces(&self, batch: &RecordBatch) -> Result<VecDeque<RecordBatch>, Status> {
        let mut pieces = VecDeque::new();
        let wire = to_wire(batch, &self.schema).map_err(defect)?;
        wire.iter().for_each(|batch| split(batch, &mut pieces));
        Ok(pieces)
    }
}

/// Writes IPC messages and remembers which dictionaries the reader has.
struct Encoder {
    generator: IpcDataGenerator,
    tracker: DictionaryTracker,
    options: IpcWriteOptions,
    context: IpcWriteContext,
}

impl Encoder {
    /// The encoder and its first message, the schema.
    fn start(schema: &SchemaRef, options: IpcWriteOptions) -> (Self, FlightData) {
        let generator = IpcDataGenerator::default();
        let mut tracker = DictionaryTracker::new(false);
        let first = generator.schema_to_bytes_with_dictionary_tracker(schema, &mut tracker, &options);
        (Self { generator, tracker, options, context: IpcWriteContext::default() }, first.into())
    }

    /// Messages of one batch: new dictionaries, then rows.
    fn messages(&mut self, batch: &RecordBatch) -> Result<Vec<FlightData>, Status> {
        let batch = small_dictionaries(batch).map_err(defect)?;
        let (dictionaries, rows) =
            self.generator.encode(&batch, &mut self.tracker, &self.options, &mut self.context).map_err(defect)?;
        let messages: Vec<FlightData> = dictionaries.into_iter().chain([rows]).map(FlightData::from).collect();
        match messages.iter().map(|message| message.data_header.len() + message.data_body.len()).max() {
            Some(bytes) if bytes > MAX_BYTES => Err(too_large(bytes)),
            _ => Ok(messages),
        }
    }
}

/// Cuts a batch into pieces that fit a message each; a row is never cut.
fn split(batch: &RecordBatch, pieces: &mut VecDeque<RecordBatch>) {
    let bytes: usize = batch.columns().iter().map(|column| sliced_bytes(column.as_ref())).sum();
    let rows = batch.num_rows();
    if rows <= 1 || bytes <= TARGET_BYTES {
        if rows > 0 {
            pieces.push_back(batch.clone());
        }
        return;
    }
    let step = rows.div_ceil(bytes.div_ceil(TARGET_BYTES)).min(rows.div_ceil(2));
    let mut start = 0;
    while start < rows {
        let piece = batch.slice(start, step.min(rows - start));
        let piece_bytes: usize = piece.columns().iter().map(|column| sliced_bytes(column.as_ref())).sum();
        // Rows differ in size: a piece may still be too large.
        if piece_bytes > 2 * TARGET_BYTES {
            split(&piece, pieces);
        } else {
            pieces.push_back(piece);
        }
        start += step;
    }
}

/// Replaces dictionaries that are larger than a message by those of the batch's own values.
fn small_dictionaries(batch: &RecordBatch) -> Result<RecordBatch, ArrowError> {
    let is_large = |column: &ArrayRef| {
        matches!(column.data_type(), DataType::Dictionary(..)) && values_bytes(column) > TARGET_BYTES
    };
    if !batch.columns().iter().any(is_large) {
        return Ok(batch.clone());
    }
    let columns = batch.columns().iter().map(|column| match column.data_type() {
        DataType::Dictionary(_, values) if is_large(column) => cast(&cast(column, values)?, column.data_type()),
        _ => Ok(ArrayRef::clone(column)),
    });
    RecordBatch::try_new(batch.schema(), columns.collect::<Result<_, _>>()?)
}

fn values_bytes(column: &ArrayRef) -> usize {
    column.as_any_dictionary_opt().map_or(0, |dictionary| sliced_bytes(dictionary.values().as_ref()))
}

fn trailers(pairs: &[(&'static str, String)]) -> MetadataMap {
    let mut map = MetadataMap::new();
    for (name, value) in pairs {
        if let Ok(value) = value.parse() {
            map.insert(*name, value);
        }
    }
    map
}

fn too_large(bytes: usize) -> Status {
    let (mebibytes, limit) = (bytes.div_ceil(1 << 20), MAX_BYTES >> 20);
    Status::resource_exhausted(format!(
        "one row of the answer takes {mebibytes} MiB, and a message holds at most {limit} MiB: select fewer or shorter columns"
    ))
}

#[expect(clippy::needless_pass_by_value, reason = "map_err hands over the error")]
fn defect(error: ArrowError) -> Status {
    tracing::error!(%error, "a batch could not be encoded");
    Status::internal("the answer could not be encoded; the server's log says why")
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{DictionaryArray, Float64Array, Int64Array, StringArray};
    use arrow::datatypes::{Float64Type, Int32Type, Schema};
    use arrow_flight::decode::FlightRecordBatchStream;
    use futures::TryStreamExt;

    use super::*;
    use crate::flight_sql::wire::wire_schema;

    #[tokio::test]
    async fn batches_come_back_in_messages_of_good_size() {
        let batch = numbers(1_000_000);
        let messages = encode(&batch.schema(), vec![batch.clone()], Ending::default()).await.expect("messages");
        assert!(messages.len() > 8, "{} messages", messages.len());
        assert!(messages.iter().all(|message| message.data_body.len() <= 2 * TARGET_BYTES + 1024));
        let back = decode(messages).await;
        assert_eq!(arrow::compute::concat_batches(&batch.schema(), &back).expect("rows"), batch);
    }

    #[tokio::test]
    async fn a_small_slice_of_a_large_batch_is_one_message() {
        let slice = numbers(1_000_000).slice(17, 100);
        let messages = encode(&slice.schema(), vec![slice.clone()], Ending::default()).await.expect("messages");
        assert_eq!(messages.len(), 2);
        assert!(messages[1].data_body.len() < 2048);
        assert_eq!(decode(messages).await, vec![slice]);
    }

    #[tokio::test]
    async fn an_empty_answer_gives_its_schema() {
        let schema = numbers(0).schema();
        let messages = encode(&schema, vec![numbers(0)], Ending::default()).await.expect("messages");
        assert_eq!(messages.len(), 1);
        assert!(!messages[0].data_header.is_empty());
    }

    #[tokio::test]
    async fn rows_of_very_different_size_are_split_by_size() {
        let mut texts = vec!["x".to_owned(); 9000];
        texts.extend((0..20).map(|_| "y".repeat(1 << 20)));
        let batch = strings(&texts);
        let messages = encode(&batch.schema(), vec![batch.clone()], Ending::default()).await.expect("messages");
        assert!(messages.iter().all(|message| message.data_body.len() < MAX_BYTES));
        let rows: usize = decode(messages).await.iter().map(RecordBatch::num_rows).sum();
        assert_eq!(rows, texts.len());
    }

    #[tokio::test]
    async fn a_row_that_fits_no_message_is_an_error() {
        let batch = strings(&["a".into(), "x".repeat(MAX_BYTES + 1)]);
        let error = encode(&batch.schema(), vec![batch], Ending::default()).await.expect_err("too large");
        assert_eq!(error.code(), Code::ResourceExhausted);
        assert!(error.message().contains("16 MiB"), "{}", error.message());
    }

    #[tokio::test]
    async fn dictionaries_travel_once_and_large_ones_shrink() {
        let small: ArrayRef = Arc::new(vec!["g", "r", "g"].into_iter().collect::<DictionaryArray<Int32Type>>());
        let batch = RecordBatch::try_from_iter([("band", small)]).expect("a batch");
        let batches = vec![batch.clone(), batch.clone()];
        let messages = encode(&batch.schema(), batches.clone(), Ending::default()).await.expect("messages");
        assert_eq!(messages.len(), 4, "schema, dictionary, rows, rows");
        assert_eq!(decode(messages).await, batches);

        let values: Vec<String> = (0..200_000).map(|n| format!("designation {n}")).collect();
        let large = DictionaryArray::<Int32Type>::try_new(vec![7, 7].into(), Arc::new(StringArray::from(values)));
        let large: ArrayRef = Arc::new(large.expect("a dictionary"));
        let batch = RecordBatch::try_from_iter([("name", large)]).expect("a batch");
        let messages = encode(&batch.schema(), vec![batch], Ending::default()).await.expect("messages");
        assert!(messages.iter().all(|message| message.data_body.len() < 1024));
        let back = decode(messages).await;
        let text = cast(back[0].column(0), &DataType::Utf8).expect("text");
        assert_eq!(text.as_string::<i32>(), &StringArray::from(vec!["designation 7"; 2]));
    }

    #[tokio::test]
    async fn the_ending_follows_the_last_row() {
        let ending = Ending { app_metadata: Some("{\"overflow\":true}".into()), trailers: Vec::new() };
        let batch = numbers(3);
        let messages = encode(&batch.schema(), vec![batch], ending).await.expect("messages");
        assert_eq!(messages.last().expect("a message").app_metadata, Bytes::from_static(b"{\"overflow\":true}"));
        let rows: usize = decode(messages).await.iter().map(RecordBatch::num_rows).sum();
        assert_eq!(rows, 3);

        let ending = Ending { app_metadata: None, trailers: vec![("x-overflow", "true".into())] };
        let end = encode(&numbers(1).schema(), vec![numbers(1)], ending).await.expect_err("trailers");
        assert_eq!((end.code(), end.metadata().len()), (Code::Ok, 1));
    }

    #[tokio::test]
    async fn an_error_in_mid_stream_ends_it() {
        let rows = |count| Ok(Piece::Rows(numbers(count)));
        let batches = futures::stream::iter([rows(1), Err(Status::deadline_exceeded("late")), rows(1)]);
        let ending: EndingFn = Box::new(Ending::default);
        let messages = Messages::try_new(numbers(0).schema(), batches.boxed(), None, ending).expect("messages");
        let collected: Vec<_> = messages.collect().await;
        assert_eq!(collected.len(), 3);
        assert_eq!(collected[2].as_ref().expect_err("an error").code(), Code::DeadlineExceeded);
    }

    #[tokio::test]
    async fn light_curves_and_compression_survive() {
        let curves = arrow::array::LargeListArray::from_iter_primitive::<Float64Type, _, _>(
            (0..100).map(|n| Some((0..n * 50).map(|value| Some(f64::from(value))).collect::<Vec<_>>())),
        );
        let batch = RecordBatch::try_from_iter([("flux", Arc::new(curves) as ArrayRef)]).expect("a batch");
        for compression in [None, Some(CompressionType::LZ4_FRAME), Some(CompressionType::ZSTD)] {
            let stream = futures::stream::iter([Ok(Piece::Rows(batch.clone()))]).boxed();
            let messages = Messages::try_new(batch.schema(), stream, compression, Box::new(Ending::default));
            let messages: Vec<_> = messages.expect("messages").try_collect().await.expect("messages");
            let back = arrow::compute::concat_batches(&batch.schema(), &decode(messages).await).expect("rows");
            assert_eq!(back, batch);
        }
    }

    async fn encode(schema: &SchemaRef, batches: Vec<RecordBatch>, ending: Ending) -> Result<Vec<FlightData>, Status> {
        let batches = futures::stream::iter(batches.into_iter().map(|batch| Ok(Piece::Rows(batch)))).boxed();
        Messages::try_new(wire_schema(schema), batches, None, Box::new(|| ending))?.try_collect().await
    }

    async fn decode(messages: Vec<FlightData>) -> Vec<RecordBatch> {
        let stream = futures::stream::iter(messages.into_iter().map(Ok));
        FlightRecordBatchStream::new_from_flight_data(stream).try_collect().await.expect("batches")
    }

    fn numbers(rows: i32) -> RecordBatch {
        let ids: ArrayRef = Arc::new(Int64Array::from_iter_values((0..rows).map(i64::from)));
        let values: ArrayRef = Arc::new(Float64Array::from_iter_values((0..rows).map(f64::from)));
        let batch = RecordBatch::try_from_iter([("id", ids), ("value", values)]).expect("a batch");
        let schema = Schema::new(batch.schema().fields().clone());
        batch.with_schema(Arc::new(schema)).expect("the same schema")
    }

    fn strings(texts: &[String]) -> RecordBatch {
        let texts: ArrayRef = Arc::new(StringArray::from_iter_values(texts));
        RecordBatch::try_from_iter([("text", texts)]).expect("a batch")
    }
}
