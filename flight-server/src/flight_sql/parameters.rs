//! How do the parameters of a prepared statement travel?
//!
//! Clients bind them as record batches: one column for each `?`, in order, whatever the columns are called; each row is
//! one run of the statement. They are brought to the types that the statement wants when they are bound, so that a
//! wrong one is told then, and travel inside the handle as an IPC stream.

use std::io::Cursor;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, RecordBatch, RecordBatchOptions};
use arrow::compute::{CastOptions, cast_with_options, concat_batches};
use arrow::datatypes::{DataType, Schema};
use arrow::error::ArrowError;
use arrow::ipc::reader::StreamReader;
use arrow::ipc::writer::StreamWriter;
use bytes::Bytes;
use sidereus_engine::{PreparedQuery, ScalarValue};
use tonic::Status;

use super::status::{defect, malformed};

/// Bytes of parameters that a handle may carry.
const MAX_BYTES: usize = 1 << 20;

/// Encodes bound batches for the handle.
///
/// *Errors*: a wrong number of columns, values that do not fit, and more than a handle can carry.
pub(super) fn encode(batches: &[RecordBatch], query: &PreparedQuery) -> Result<Bytes, Status> {
    let Some(first) = batches.first() else { return Ok(Bytes::new()) };
    let first = fitted(first, query.parameters())?;
    let mut writer = StreamWriter::try_new(Vec::new(), &first.schema()).map_err(defect)?;
    writer.write(&first).map_err(defect)?;
    for batch in &batches[1..] {
        writer.write(&fitted(batch, query.parameters())?).map_err(defect)?;
    }
    let bytes = writer.into_inner().map_err(defect)?;
    if bytes.len() > MAX_BYTES {
        let (kibibytes, limit) = (bytes.len() >> 10, MAX_BYTES >> 10);
        return Err(Status::resource_exhausted(format!(
            "{kibibytes} KiB of parameters were bound, and at most {limit} KiB can be: bind fewer rows"
        )));
    }
    Ok(bytes.into())
}

/// The rows of values of a handle; one empty row where nothing was bound.
///
/// *Errors*: where the number of values is not that of the statement's parameters.
pub(super) fn decode(bytes: &Bytes, query: &PreparedQuery) -> Result<Vec<Vec<ScalarValue>>, Status> {
    let wanted = query.parameters().fields().len();
    if bytes.is_empty() {
        return if wanted == 0 { Ok(vec![Vec::new()]) } else { Err(wrong_number(wanted, 0)) };
    }
    let mut rows = Vec::new();
    for batch in StreamReader::try_new(Cursor::new(bytes), None).map_err(malformed)? {
        let batch = batch.map_err(malformed)?;
        for row in 0..batch.num_rows() {
            let values = batch.columns().iter().map(|column| ScalarValue::try_from_array(column, row));
            rows.push(values.collect::<Result<_, _>>().map_err(defect)?);
        }
    }
    Ok(rows)
}

/// The rows of values of a handle as one batch; `None` where there are not several.
pub(super) fn several(bytes: &Bytes) -> Result<Option<RecordBatch>, Status> {
    if bytes.is_empty() {
        return Ok(None);
    }
    let reader = StreamReader::try_new(Cursor::new(bytes), None).map_err(malformed)?;
    let schema = reader.schema();
    let batches = reader.collect::<Result<Vec<_>, _>>().map_err(malformed)?;
    let rows = concat_batches(&schema, &batches).map_err(malformed)?;
    Ok((rows.num_rows() > 1).then_some(rows))
}

/// A batch with the types that the parameters have.
fn fitted(batch: &RecordBatch, parameters: &Schema) -> Result<RecordBatch, Status> {
    let wanted = parameters.fields().len();
    if batch.num_columns() != wanted {
        return Err(wrong_number(wanted, batch.num_columns()));
    }
    let columns = batch.columns().iter().zip(parameters.fields()).enumerate();
    let columns: Vec<ArrayRef> = columns
        .map(|(index, (column, field))| fit(column, field.data_type()).map_err(|error| misfit(index + 1, &error)))
        .collect::<Result<_, _>>()?;
    let fields = columns
        .iter()
        .zip(parameters.fields())
        .map(|(column, field)| field.as_ref().clone().with_data_type(column.data_type().clone()).with_nullable(true));
    let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    RecordBatch::try_new_with_options(schema, columns, &options).map_err(malformed)
}

/// A column as the parameter wants it; a parameter of unknown type takes what comes.
fn fit(column: &ArrayRef, wanted: &DataType) -> Result<ArrayRef, ArrowError> {
    if matches!(wanted, DataType::Null) || column.data_type() == wanted {
        return Ok(Arc::clone(column));
    }
    cast_with_options(column, wanted, &CastOptions { safe: false, ..CastOptions::default() })
}

fn wrong_number(wanted: usize, found: usize) -> Status {
    Status::invalid_argument(format!("the statement has {wanted} parameters, and {found} values were bound"))
}

fn misfit(number: usize, error: &ArrowError) -> Status {
    Status::invalid_argument(format!("parameter {number}: {error}"))
}
