//! How does a running query become bytes, without filling memory or an I/O thread?
//!
//! [`Encoding`] pulls one batch, cuts it to pieces of about a megabyte, and turns each piece into bytes on a blocking
//! thread. Nothing is done ahead of the reader: a slow client slows the query down, and dropping the encoding cancels it.

use std::collections::VecDeque;

use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use bytes::Bytes;
use futures::StreamExt;
use sidereus_engine::{EngineError, ErrorKind, QueryResult};
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
    Ended,
}

type Work = (Box<dyn Encoder>, Result<Vec<u8>, FormatError>);

/// A query result that is being written in one format.
pub(crate) struct Encoding {
    result: QueryResult,
    /// Away on a blocking thread while `work` runs.
    encoder: Option<Box<dyn Encoder>>,
    /// Survives a dropped [`next`](Self::next), which can thus be called again.
    work: Option<JoinHandle<Work>>,
    pieces: VecDeque<RecordBatch>,
    phase: Phase,
    rows: u64,
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
        let head = Head { schema: SchemaRef::clone(&result.schema), query };
        let encoder = format.encoder(&head)?;
        Ok(Self { result, encoder: Some(encoder), work: None, pieces: VecDeque::new(), phase: Phase::Begin, rows: 0 })
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

    /// Bytes that end the document by telling an error in it; `None` where the format has no way to.
    pub(crate) fn close_with_error(&mut self, message: &str) -> Option<Bytes> {
        self.phase = Phase::Ended;
        let mut out = Vec::new();
        self.encoder.as_mut()?.fail(message, &mut out).then(|| out.into())
    }

    /// Whether rows were left out; known after the end.
    pub(crate) fn is_overflow(&self) -> bool {
        self.result.overflow.is_set()
    }

    /// Rows written so far.
    pub(crate) const fn rows(&self) -> u64 {
        self.rows
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
                    Some(piece) => self.start_work(piece)?,
                    None => return self.finish(),
                },
                Phase::Ended => return Ok(Vec::new()),
            }
        }
        let Some(work) = self.work.as_mut() else { return Ok(Vec::new()) };
        let ended = work.await;
        self.work = None;
        let (encoder, written) = ended.map_err(|error| EncodeError::Stopped(error.to_string()))?;
        self.encoder = Some(encoder);
        Ok(written?)
    }

    fn finish(&mut self) -> Result<Vec<u8>, EncodeError> {
        self.phase = Phase::Ended;
        let ending = if self.is_overflow() { Ending::Overflow } else { Ending::Complete };
        let mut out = Vec::new();
        self.encoder()?.finish(ending, &mut out)?;
        Ok(out)
    }

    fn start_work(&mut self, piece: RecordBatch) -> Result<(), EncodeError> {
        let Some(mut encoder) = self.encoder.take() else { return Err(lost()) };
        self.rows += piece.num_rows() as u64;
        self.work = Some(tokio::task::spawn_blocking(move || {
            let mut out = Vec::with_capacity(PIECE_BYTES);
            let written = encoder.batch(&piece, &mut out).map(|()| out);
            (encoder, written)
        }));
        Ok(())
    }

    async fn next_piece(&mut self) -> Result<Option<RecordBatch>, EncodeError> {
        loop {
            if let Some(piece) = self.pieces.pop_front() {
                return Ok(Some(piece));
            }
            let Some(batch) = self.result.stream.next().await.transpose()? else { return Ok(None) };
            self.pieces = pieces(&batch);
        }
    }

    fn encoder(&mut self) -> Result<&mut Box<dyn Encoder>, EncodeError> {
        self.encoder.as_mut().ok_or_else(lost)
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
