//! The rows of an Arrow IPC stream or file.
//!
//! A file is a stream between a mark and a footer; it is read as one, from the front. Arrays are validated: offsets, keys,
//! lengths and UTF-8.

use std::panic::{AssertUnwindSafe, catch_unwind};

use arrow::array::RecordBatch;
use arrow::buffer::Buffer;
use arrow::datatypes::SchemaRef;
use arrow::ipc::reader::StreamDecoder;

use super::input::Unpacked;
use super::ipc_messages::Messages;
use super::{Chunk, TableBatch, TableReader, bad_table, unreadable};
use crate::error::EngineError;

/// What begins a file, with its padding.
const FILE_MARK: &[u8] = b"ARROW1\0\0";
/// The most that a file is padded by there.
const MOST_PADDING: usize = 128;
/// The end of a stream.
const END: [u8; 8] = [0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0];

struct ArrowTable {
    name: String,
    messages: Messages,
    decoder: StreamDecoder,
    /// Bytes that the decoder has not taken yet.
    pending: Buffer,
    at_end: bool,
    schema: SchemaRef,
    /// A batch that came along with the schema.
    first: Option<RecordBatch>,
    row: u64,
}

/// Opens either form: files begin with `ARROW1`.
pub(super) fn open_arrow(mut unpacked: Unpacked) -> Result<Box<dyn TableReader>, EngineError> {
    let is_file = unpacked.peek()?.starts_with(b"ARROW1");
    let Unpacked { name, mut bytes, guard, .. } = unpacked;
    if is_file {
        let mut mark = [0; FILE_MARK.len()];
        std::io::Read::read_exact(&mut bytes, &mut mark).map_err(|error| unreadable(&name, &error))?;
        // Writers pad the mark to the alignment of their buffers.
        for _ in mark.len()..MOST_PADDING {
            if bytes.fill_buf().map_err(|error| unreadable(&name, &error))?.first() == Some(&0) {
                bytes.consume(1);
            }
        }
    }
    let messages = Messages::new(bytes, guard, is_file);
    let mut table = ArrowTable {
        name,
        messages,
        decoder: StreamDecoder::new(),
        pending: Buffer::from_vec(Vec::<u8>::new()),
        at_end: false,
        schema: SchemaRef::new(arrow::datatypes::Schema::empty()),
        first: None,
        row: 1,
    };
    while table.decoder.schema().is_none() && !(table.at_end && table.pending.is_empty()) {
        table.first = table.step()?;
    }
    let schema = table.decoder.schema();
    table.schema = schema.ok_or_else(|| bad_table(&table.name, "it cannot be read as Arrow: it has no schema"))?;
    Ok(Box::new(table))
}

impl ArrowTable {
    /// Decodes a message, or what is left of one.
    fn step(&mut self) -> Result<Option<RecordBatch>, EngineError> {
        if self.pending.is_empty() {
            let next = self.messages.next().map_err(|error| unreadable(&self.name, &error))?;
            self.at_end = next.is_none();
            self.pending = next.unwrap_or_else(|| Buffer::from(END));
        }
        let bad = |why: &dyn std::fmt::Display| bad_table(&self.name, format!("row {} or behind: {why}", self.row));
        let (decoder, pending) = (&mut self.decoder, &mut self.pending);
        // The decoder panics at some schemas that are none.
        match catch_unwind(AssertUnwindSafe(|| decoder.decode(pending))) {
            Ok(decoded) => decoded.map_err(|error| bad(&error)),
            Err(_) => Err(bad(&"a message is damaged")),
        }
    }
}

impl TableReader for ArrowTable {
    fn schema(&self) -> SchemaRef {
        SchemaRef::clone(&self.schema)
    }

    fn next_chunk(&mut self) -> Result<Option<Chunk>, EngineError> {
        let mut batch = self.first.take();
        while batch.is_none() {
            if self.at_end && self.pending.is_empty() {
                return Ok(None);
            }
            batch = self.step()?;
        }
        Ok(batch.map(|rows| {
            let first = self.row;
            self.row += rows.num_rows() as u64;
            let bytes = rows.get_array_memory_size();
            Chunk::new(move || Ok(TableBatch::of_rows(rows, first))).holding(bytes)
        }))
    }
}
