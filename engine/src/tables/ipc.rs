//! The rows of an Arrow IPC stream or file.

use std::io::{BufRead, BufReader};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use arrow::ipc::reader::{FileReader, StreamReader};

use super::input::Unpacked;
use super::{Chunk, TableBatch, TableReader, bad_table};
use crate::error::EngineError;

struct ArrowTable<I> {
    name: String,
    schema: SchemaRef,
    batches: I,
    row: u64,
}

/// Opens either form: files begin with `ARROW1`.
pub(super) fn open_arrow(mut unpacked: Unpacked) -> Result<Box<dyn TableReader>, EngineError> {
    let name = unpacked.name.clone();
    let bad = |error: ArrowError| bad_table(&name, format!("it cannot be read as Arrow: {error}"));
    if unpacked.peek()?.starts_with(b"ARROW1") {
        let batches = FileReader::try_new(BufReader::new(unpacked.into_file()?), None).map_err(bad)?;
        let schema = batches.schema();
        return Ok(Box::new(ArrowTable { name, schema, batches, row: 1 }));
    }
    let bytes: Box<dyn BufRead + Send> = unpacked.bytes;
    let batches = StreamReader::try_new(bytes, None).map_err(bad)?;
    let schema = batches.schema();
    Ok(Box::new(ArrowTable { name, schema, batches, row: 1 }))
}

impl<I: Iterator<Item = Result<RecordBatch, ArrowError>> + Send> TableReader for ArrowTable<I> {
    fn schema(&self) -> SchemaRef {
        SchemaRef::clone(&self.schema)
    }

    fn next_chunk(&mut self) -> Result<Option<Chunk>, EngineError> {
        let batch = self.batches.next().transpose();
        let batch = batch.map_err(|error| bad_table(&self.name, format!("row {} or behind: {error}", self.row)))?;
        Ok(batch.map(|rows| {
            let first = self.row;
            self.row += rows.num_rows() as u64;
            Chunk::new(move || Ok(TableBatch::of_rows(rows, first)))
        }))
    }
}
