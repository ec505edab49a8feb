//! How does an answer lie in files until somebody reads it, piece by piece?
//!
//! ```text
//!  batches --Pieces::add--> messages of Arrow --> a file of the spool --Pieces::finish--> Piece --messages--> a reader
//! ```
//! Each piece is a stream of its own: schema, dictionaries, rows. The first holds one batch, so that it is soon there, and each
//! later one twice as much as the one before, in bytes or in time: an answer of whatever size has few pieces.

use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use arrow::ipc::CompressionType;
use arrow_flight::FlightData;
use bytes::{Bytes, BytesMut};
use futures::StreamExt;
use prost::Message;
use tokio::io::AsyncReadExt;
use tonic::Status;

use super::encode::{Encoded, Ending};
use super::ingest::full;
use super::statements::RowStream;
use super::status::defect;
use crate::storage::{Account, ObjectWriter, Storage, Written, blocking};

/// Bytes of the second piece.
const FIRST_BYTES: u64 = 4 << 20;
/// Time that the second piece may take.
const FIRST_TIME: Duration = Duration::from_millis(500);
/// Bytes of a length before a message.
const LENGTH: usize = 4;

/// A part of an answer, on disk until the last reader has it.
#[derive(Debug)]
pub(super) struct Piece {
    file: Written,
    /// Rows in it.
    pub(super) rows: u64,
}

impl Piece {
    /// Bytes of its file.
    pub(super) fn bytes(&self) -> u64 {
        self.file.bytes
    }

    /// Its messages, read as they are asked for.
    ///
    /// *Errors*: the disk.
    pub(super) async fn messages(self: Arc<Self>) -> Result<RowStream, Status> {
        let file = tokio::fs::File::open(self.file.path()).await.map_err(defect)?;
        let reader = tokio::io::BufReader::with_capacity(1 << 20, file);
        let messages = futures::stream::try_unfold((reader, self), async |(mut reader, piece)| {
            let mut length = [0; LENGTH];
            match reader.read_exact(&mut length).await {
                Ok(_) => {}
                Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => return Ok(None),
                Err(error) => return Err(defect(error)),
            }
            let mut message = BytesMut::zeroed(u32::from_le_bytes(length) as usize);
            reader.read_exact(&mut message).await.map_err(defect)?;
            let message = FlightData::decode(message.freeze()).map_err(defect)?;
            Ok(Some((message, (reader, piece))))
        });
        Ok(messages.boxed())
    }
}

/// Writes an answer as pieces.
pub(super) struct Pieces {
    storage: Arc<Storage>,
    account: Account,
    schema: SchemaRef,
    compression: Option<CompressionType>,
    open: Option<Open>,
    written: u32,
}

/// A piece that is being written.
struct Open {
    encoded: Encoded,
    writer: ObjectWriter,
    rows: u64,
    bytes: u64,
    began: Instant,
}

impl Pieces {
    /// Pieces of an answer of a wire schema, on an account.
    pub(super) fn new(
        storage: Arc<Storage>,
        account: Account,
        (schema, compression): (SchemaRef, Option<CompressionType>),
    ) -> Self {
        Self { storage, account, schema, compression, open: None, written: 0 }
    }

    /// Writes rows; gives a piece where one has become whole.
    ///
    /// *Errors*: limits of the account, the disk, a row that no message holds.
    pub(super) async fn add(&mut self, batch: &RecordBatch) -> Result<Option<Piece>, Status> {
        let mut open = self.opened().await?;
        let messages = open.encoded.rows(batch)?;
        open.rows += batch.num_rows() as u64;
        open = open.write(messages).await?;
        let doubled = self.written.checked_sub(1);
        let is_whole = doubled.is_none_or(|times| {
            let factor = 1_u32.checked_shl(times.min(20)).unwrap_or(1);
            open.bytes >= FIRST_BYTES * u64::from(factor) || open.began.elapsed() >= FIRST_TIME * factor
        });
        if is_whole {
            return self.close(open).await.map(Some);
        }
        self.open = Some(open);
        Ok(None)
    }

    /// The last piece, with what is told after the last row; none where there is nothing more.
    ///
    /// *Errors*: as [`Self::add`].
    pub(super) async fn finish(&mut self, ending: Ending) -> Result<Option<Piece>, Status> {
        if self.open.is_none() && self.written > 0 && ending.app_metadata.is_none() {
            return Ok(None);
        }
        let mut open = self.opened().await?;
        if let Some(told) = ending.app_metadata {
            let messages = open.encoded.told(told)?;
            open = open.write(messages).await?;
        }
        self.close(open).await.map(Some)
    }

    async fn opened(&mut self) -> Result<Open, Status> {
        if let Some(open) = self.open.take() {
            return Ok(open);
        }
        let writer = self.storage.write(self.account.clone()).map_err(full)?;
        let (encoded, first) = Encoded::start(SchemaRef::clone(&self.schema), self.compression)?;
        let open = Open { encoded, writer, rows: 0, bytes: 0, began: Instant::now() };
        open.write(vec![first]).await
    }

    async fn close(&mut self, open: Open) -> Result<Piece, Status> {
        self.written += 1;
        let (writer, rows) = (open.writer, open.rows);
        let file = blocking(move || writer.finish()).await.map_err(full)?;
        Ok(Piece { file, rows })
    }
}

impl Open {
    async fn write(mut self, messages: Vec<FlightData>) -> Result<Self, Status> {
        let mut writer = self.writer;
        self.bytes += messages.iter().map(|message| message.encoded_len() as u64).sum::<u64>();
        self.writer = blocking(move || {
            for message in messages {
                let bytes = Bytes::from(message.encode_to_vec());
                writer.write(&u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_le_bytes())?;
                writer.write(&bytes)?;
            }
            Ok(writer)
        })
        .await
        .map_err(full)?;
        Ok(self)
    }
}
