//! How does a running query become bytes, without filling memory or an I/O thread?
//!
//! [`Encoding`] pulls one batch, cuts it to pieces of about a megabyte, and turns each piece into bytes on a blocking
//! thread. One piece is written ahead of the reader where its rows are there already; beyond that a slow client slows the
//! query down, and dropping the encoding cancels it.

use std::collections::VecDeque;

use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use bytes::Bytes;
use futures::{FutureExt, StreamExt};
use sidereus_engine::{EngineError, ErrorKind, QueryResult, is_disk_full};
use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::task::JoinHandle;

use super::{Encoder, Ending, FormatError, Head, OutputFormat};
use crate::error::{self, RequestId};

/// Rows and bytes of one piece of work.
const PIECE_ROWS: usize = 8192;
const PIECE_BYTES: usize = 1 << 20;

/// Why an encoding ended early.
#[derive(Debug, thiserror::Error)]
pub(crate) enum EncodeError {
    /// The query failed.
    #[error(transparent)]
    Query(#[from] EngineError),
    /// The format cannot express the result.
    #[error(transparent)]
    Format(#[from] FormatError),
    /// The encoder itself failed.
    #[error("the encoder stopped: {0}")]
    Stopped(String),
}

impl EncodeError {
    /// What a caller can do.
    pub(crate) fn kind(&self) -> ErrorKind {
        match self {
            Self::Query(error) => error.kind(),
            Self::Format(FormatError::Value { .. }) => ErrorKind::BadQuery,
            Self::Format(FormatError::Spool(error)) if is_disk_full(error) => ErrorKind::Unavailable,
            Self::Format(_) | Self::Stopped(_) => ErrorKind::Internal,
        }
    }

    /// What the client who made `request` is told; the text of an internal error goes to the log instead.
    pub(crate) fn public_text(&self, request: &RequestId) -> String {
        match self {
            Self::Query(error) => error::public_text(error, request),
            other if other.kind() == ErrorKind::Internal => {
                tracing::error!(request = %request, error = %error::chain(other), "internal error");
                error::internal_text(request)
            }
            other => other.to_string(),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Begin,
    Rows,
    /// The ending is written, and what follows it piece by piece.
    Rest,
    Ended,
}

/// What is done on a blocking thread.
#[derive(Debug)]
enum Task {
    Batch(RecordBatch),
    Finish(Ending),
    Rest,
}

/// What came of it.
struct Done {
    encoder: Box<dyn Encoder>,
    written: Result<Vec<u8>, FormatError>,
    rows: u64,
    /// Whether the encoder has nothing more to give.
    is_last: bool,
}

/// A result that was written whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Written {
    /// Rows of it.
    pub(crate) rows: u64,
    /// Bytes of the document.
    pub(crate) bytes: u64,
    /// Whether rows were left out.
    pub(crate) overflow: bool,
}

/// Why a result is not in a file.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WriteError {
    /// The result ended early.
    #[error(transparent)]
    Encode(#[from] EncodeError),
    /// The file does not take it.
    #[error("cannot write the result: {0}")]
    Io(#[from] std::io::Error),
}

/// A query result that is being written in one format.
pub(crate) struct Encoding {
    result: QueryResult,
    /// Away on a blocking thread while `work` runs.
    encoder: Option<Box<dyn Encoder>>,
    /// Survives a dropped [`next`](Self::next), which can thus be called again.
    work: Option<JoinHandle<Done>>,
    pieces: VecDeque<RecordBatch>,
    /// What the query gave before it was asked for.
    ahead: Option<Option<Result<RecordBatch, EngineError>>>,
    phase: Phase,
    rows: u64,
    has_left: bool,
}

impl std::fmt::Debug for Encoding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Encoding").field("result", &self.result).field("phase", &self.phase).finish_non_exhaustive()
    }
}

impl Encoding {
    /// Starts to write a result; `query` is repeated by formats that repeat it.
    pub(crate) fn try_new(
        result: QueryResult,
        format: &dyn OutputFormat,
        query: Option<String>,
    ) -> Result<Self, EncodeError> {
        let head = Head::new(SchemaRef::clone(&result.schema), query);
        Self::with_head(result, format, &head)
    }

    /// The same with all that the document says about itself; the head's columns are the result's.
    pub(crate) fn with_head(result: QueryResult, format: &dyn OutputFormat, head: &Head) -> Result<Self, EncodeError> {
        Ok(Self {
            result,
            encoder: Some(format.encoder(head)?),
            work: None,
            pieces: VecDeque::new(),
            ahead: None,
            phase: Phase::Begin,
            rows: 0,
            has_left: false,
        })
    }

    /// Writes the whole document, flushed.
    ///
    /// *Errors*: leave a part behind, which is the caller's to remove.
    pub(crate) async fn write_to(mut self, out: &mut (impl AsyncWrite + Unpin)) -> Result<Written, WriteError> {
        let mut bytes = 0;
        while let Some(piece) = self.next().await? {
            out.write_all(&piece).await?;
            bytes += piece.len() as u64;
        }
        out.flush().await?;
        Ok(Written { rows: self.rows, bytes, overflow: self.is_overflow() })
    }

    /// The next bytes, never empty; `None` after the end. Cancel safe.
    ///
    /// *Errors*: end the encoding; [`close_with_error`](Self::close_with_error) may still give the document a proper end.
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>, EncodeError> {
        while self.phase != Phase::Ended {
            let bytes = self.step().await.inspect_err(|_| self.phase = Phase::Ended)?;
            if !bytes.is_empty() {
                return Ok(Some(bytes.into()));
            }
        }
        Ok(None)
    }

    /// Bytes that end the document after an error, told in it where the format has a way to; `None` where there are none.
    pub(crate) fn close_with_error(&mut self, message: &str) -> Option<Bytes> {
        self.phase = Phase::Ended;
        let mut out = Vec::new();
        // An encoder that is away still writes; what it has said cannot be known.
        self.encoder.as_mut()?.fail(message, &mut out);
        (!out.is_empty()).then(|| out.into())
    }

    /// Whether rows were left out; known after the end.
    pub(crate) fn is_overflow(&self) -> bool {
        self.result.overflow.is_set()
    }

    /// Rows written so far.
    pub(crate) const fn rows(&self) -> u64 {
        self.rows
    }

    /// Whether bytes of rows were given out, or all there is.
    pub(crate) const fn has_left(&self) -> bool {
        self.has_left
    }

    async fn step(&mut self) -> Result<Vec<u8>, EncodeError> {
        if self.work.is_none() {
            match self.phase {
                Phase::Begin => {
                    self.phase = Phase::Rows;
                    let mut out = Vec::new();
                    self.encoder()?.begin(&mut out)?;
                    return Ok(out);
                }
                Phase::Rows => match self.next_piece().await? {
                    Some(piece) => self.start(Task::Batch(piece))?,
                    None => {
                        let ending = if self.is_overflow() { Ending::Overflow } else { Ending::Complete };
                        self.phase = Phase::Rest;
                        self.start(Task::Finish(ending))?;
                    }
                },
                Phase::Rest => self.start(Task::Rest)?,
                Phase::Ended => return Ok(Vec::new()),
            }
        }
        let Some(work) = self.work.as_mut() else { return Ok(Vec::new()) };
        let ended = work.await;
        self.work = None;
        let done = ended.map_err(|error| EncodeError::Stopped(error.to_string()))?;
        self.encoder = Some(done.encoder);
        let written = done.written?;
        self.rows += done.rows;
        self.has_left |= !written.is_empty() || self.phase == Phase::Rest;
        if done.is_last {
            self.phase = Phase::Ended;
        } else {
            self.start_ahead()?;
        }
        Ok(written)
    }

    /// Starts the next piece where its rows are there, so that it is written while this one leaves.
    fn start_ahead(&mut self) -> Result<(), EncodeError> {
        if self.phase == Phase::Rows && self.pieces.is_empty() && self.ahead.is_none() {
            self.ahead = self.result.stream.next().now_or_never();
            if matches!(self.ahead, Some(Some(Ok(_)))) {
                self.cut_ahead()?;
            }
        }
        match self.pieces.pop_front() {
            Some(piece) => self.start(Task::Batch(piece)),
            None => Ok(()),
        }
    }

    fn start(&mut self, task: Task) -> Result<(), EncodeError> {
        let Some(encoder) = self.encoder.take() else { return Err(lost()) };
        self.work = Some(tokio::task::spawn_blocking(move || task.run(encoder)));
        Ok(())
    }

    async fn next_piece(&mut self) -> Result<Option<RecordBatch>, EncodeError> {
        loop {
            if let Some(piece) = self.pieces.pop_front() {
                return Ok(Some(piece));
            }
            if self.ahead.is_none() {
                self.ahead = Some(self.result.stream.next().await);
            }
            if !self.cut_ahead()? {
                return Ok(None);
            }
        }
    }

    /// Cuts what came from the query; false where that is the end.
    fn cut_ahead(&mut self) -> Result<bool, EncodeError> {
        let Some(batch) = self.ahead.take().flatten().transpose()? else { return Ok(false) };
        self.pieces = pieces(&batch);
        Ok(true)
    }

    fn encoder(&mut self) -> Result<&mut Box<dyn Encoder>, EncodeError> {
        self.encoder.as_mut().ok_or_else(lost)
    }
}

impl Task {
    fn run(self, mut encoder: Box<dyn Encoder>) -> Done {
        let mut out = Vec::new();
        let (mut rows, mut is_last) = (0, false);
        let written = match self {
            Self::Batch(piece) => {
                rows = piece.num_rows() as u64;
                out.reserve(PIECE_BYTES);
                encoder.batch(&piece, &mut out)
            }
            Self::Finish(ending) => encoder.finish(ending, &mut out),
            Self::Rest => encoder.rest(&mut out).map(|more| is_last = !more),
        };
        Done { encoder, written: written.map(|()| out), rows, is_last }
    }
}

fn lost() -> EncodeError {
    EncodeError::Stopped("it was lost with an earlier piece".to_owned())
}

/// Cuts a batch to pieces of at most [`PIECE_ROWS`] rows and about [`PIECE_BYTES`].
fn pieces(batch: &RecordBatch) -> VecDeque<RecordBatch> {
    let rows = batch.num_rows();
    let bytes: usize =
        batch.columns().iter().map(|column| column.to_data().get_slice_memory_size().unwrap_or(PIECE_BYTES)).sum();
    let per_piece = (PIECE_BYTES.saturating_mul(rows) / bytes.max(1)).clamp(1, PIECE_ROWS);
    (0..rows).step_by(per_piece).map(|start| batch.slice(start, per_piece.min(rows - start))).collect()
}

#[cfg(test)]
mod tests {
    use super::super::kit;
    use super::*;
    use arrow::array::{Int64Array, StringArray};
    use std::sync::Arc;

    #[test]
    fn pieces_hold_every_row_once() {
        let batch =
            RecordBatch::try_from_iter([("x", Arc::new(Int64Array::from_iter_values(0..20_000)) as _)]).unwrap();
        let cut = pieces(&batch);
        assert_eq!(cut.iter().map(RecordBatch::num_rows).collect::<Vec<_>>(), [8192, 8192, 3616]);
        assert_eq!(arrow::compute::concat_batches(&batch.schema(), &cut).unwrap(), batch);
        assert!(pieces(&kit::batch().slice(0, 0)).is_empty());
    }

    #[test]
    fn fat_rows_make_small_pieces() {
        let text = "x".repeat(PIECE_BYTES);
        let batch = RecordBatch::try_from_iter([("s", Arc::new(StringArray::from(vec![text; 3])) as _)]).unwrap();
        assert_eq!(pieces(&batch).len(), 3);
    }
}
