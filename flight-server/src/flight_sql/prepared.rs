//! Prepared statements: planned once, bound and run many times.
//!
//! The handle is the statement itself, signed; binding gives a new handle, so two threads that bind one statement do not
//! disturb each other. Closing a statement forgets what was bound to it, and streams that are open go on.

use std::time::Duration;

use arrow::array::RecordBatch;
use arrow_flight::decode::FlightRecordBatchStream;
use arrow_flight::error::FlightError;
use arrow_flight::sql::{ActionCreatePreparedStatementResult, DoPutPreparedStatementResult};
use bytes::Bytes;
use futures::{Stream, TryStreamExt};
use tonic::Status;

use super::caller::Caller;
use super::parameters;
use super::statements::{Statements, schema_message};
use super::wire::wire_schema;

/// Time that a handle is good for.
pub(super) const HANDLE_LIFE: Duration = Duration::from_secs(24 * 3600);

impl Statements {
    /// Plans a text and gives its handle, the columns of the answer and the types of the parameters.
    ///
    /// *Errors*: those of planning.
    pub(super) async fn create_prepared(
        &self,
        caller: &Caller,
        text: &str,
    ) -> Result<ActionCreatePreparedStatementResult, Status> {
        let (statement, query) = self.prepare(caller, text).await?;
        Ok(ActionCreatePreparedStatementResult {
            prepared_statement_handle: self.seal(&statement.renewed(HANDLE_LIFE)),
            dataset_schema: schema_message(&wire_schema(query.schema()))?,
            parameter_schema: schema_message(query.parameters())?,
        })
    }

    /// Binds rows of parameters; the answer holds the handle to run.
    ///
    /// *Errors*: values that do not fit the statement.
    pub(super) async fn bind(
        &self,
        caller: &Caller,
        handle: &[u8],
        data: impl Stream<Item = Result<arrow_flight::FlightData, Status>> + Send + 'static,
    ) -> Result<DoPutPreparedStatementResult, Status> {
        let (mut statement, query) = self.open(caller, handle).await?;
        let data = FlightRecordBatchStream::new_from_flight_data(data.map_err(FlightError::from));
        let batches: Vec<RecordBatch> = data.try_collect().await.map_err(unreadable)?;
        statement.parameters = parameters::encode(&batches, &query)?;
        self.bound.keep(&statement.id, &statement.parameters);
        let handle: Bytes = self.seal(&statement.renewed(HANDLE_LIFE));
        Ok(DoPutPreparedStatementResult { prepared_statement_handle: Some(handle) })
    }

    /// Forgets what was bound to a handle; one that is expired or not the caller's has nothing to forget.
    pub(super) fn close(&self, caller: &Caller, handle: &[u8]) {
        if let Ok(statement) = self.unseal(&caller.principal, handle) {
            self.bound.forget(&statement.id);
        }
    }
}

fn unreadable(error: FlightError) -> Status {
    match error {
        FlightError::Tonic(status) => *status,
        other => Status::invalid_argument(format!("the parameters cannot be read: {other}")),
    }
}
