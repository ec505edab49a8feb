//! A stream of targets up, a stream of their matches down: the crossmatch of DoExchange.
//!
//! ```text
//! messages up -> windows: a few rows, then all that came meanwhile -> request: ADQL over a window -> matches down, {"targets": n}
//! ```
//! Each window is a query of its own over rows in memory: it waits for its turn, keeps the limits and has its line in the
//! audit. The first window is small, so that the first matches are soon there; the next is what has come in meanwhile, so a fast
//! client has few windows and a slow one waits for nothing. What comes in ahead of a window is bounded, then the client waits.

mod request;
mod windows;

use std::sync::Arc;

use arrow::datatypes::{Schema, SchemaRef};
use arrow_flight::FlightData;
use futures::{Stream, StreamExt};
use sidereus_engine::{Label, QueryLimits, QueryRequest, QueryResult, UploadedTable};
use tokio::sync::mpsc;
use tonic::Status;

use super::caller::Caller;
use super::commands::Commands;
use super::cut::Cut;
use super::encode::{Messages, Piece};
use super::statements::RowStream;
use super::status::status;
use super::wire::wire_schema;
use crate::queries::{self, Queries};
use request::{Asked, TARGETS};
use windows::Windows;

/// Pieces that are ready before the client asks for them.
const AHEAD: usize = 4;

impl Commands {
    /// Answers DoExchange.
    ///
    /// *Errors*: a command that is none; targets without positions; those of the first window's query. Later ones come in the
    /// stream.
    pub(super) async fn exchange(
        &self,
        caller: &Caller,
        data: impl Stream<Item = Result<FlightData, Status>> + Send + Unpin + 'static,
    ) -> Result<RowStream, Status> {
        let (descriptor, data) = super::commands::with_descriptor(data).await?;
        let asked = Asked::parse(&descriptor.cmd)?;
        let (columns, windows) = Windows::open(data).await?;
        let tables = self.query.tables(&caller.principal);
        let none = held(&columns, &[])?;
        let text = asked.query(none.schema(), &tables)?;
        let limits = self.statements.limits_of(caller.options.timeout);
        let cut = Cut::new(caller.options.max_rows, self.statements.most_rows());
        let mut matching = Matching {
            queries: self.statements.queries().clone(),
            caller: caller.asking(),
            columns,
            text,
            limits,
            cut,
        };
        // No rows yet: what is wrong with the request is told before the client has sent much, and the columns are known.
        let empty = matching.run(none, Some(0)).await?;
        let schema = wire_schema(&empty.schema);
        let cut = matching.cut.clone();
        let (sender, receiver) = mpsc::channel(AHEAD);
        let expected = Arc::clone(&schema);
        let task = tokio_util::task::AbortOnDropHandle::new(tokio::spawn(async move {
            let sent = matching.send(windows, &expected, &sender).await;
            if let Err(status) = sent {
                // Nobody may be waiting.
                drop(sender.send(Err(status)).await);
            }
        }));
        let pieces = futures::stream::unfold((receiver, task), |(mut receiver, task)| async move {
            let piece = receiver.recv().await?;
            Some((piece, (receiver, task)))
        });
        let ending = Box::new(move || cut.ending());
        Ok(Messages::try_new(schema, pieces.boxed(), caller.options.compression, ending)?.boxed())
    }
}

/// Targets as a table.
fn held(columns: &Schema, batches: &[arrow::array::RecordBatch]) -> Result<UploadedTable, Status> {
    UploadedTable::held(TARGETS, columns, batches).map_err(|error| status(&error))
}

/// Runs the windows of one exchange, one after the other.
struct Matching {
    queries: Queries,
    caller: queries::Caller,
    columns: SchemaRef,
    text: String,
    limits: QueryLimits,
    cut: Cut,
}

impl Matching {
    async fn run(&mut self, targets: UploadedTable, max_rows: Option<u64>) -> Result<QueryResult, Status> {
        let limits = QueryLimits { max_rows, ..self.limits };
        let request = QueryRequest {
            limits,
            uploads: vec![Arc::new(targets)],
            ..QueryRequest::new(self.text.clone(), Label::Adql)
        };
        self.queries.run(&self.caller, &request).await.map_err(|error| status(&error))
    }

    /// Sends the matches of all windows; ends early where nobody reads them, or where they were cut.
    async fn send(
        &mut self,
        mut windows: Windows,
        schema: &SchemaRef,
        sender: &mpsc::Sender<Result<Piece, Status>>,
    ) -> Result<(), Status> {
        let (mut rows, mut targets) = (0, 0);
        while let Some(window) = windows.next().await? {
            targets += window.iter().map(|batch| batch.num_rows() as u64).sum::<u64>();
            let mut result = self.run(held(&self.columns, &window)?, self.cut.left(rows)).await?;
            drop(window);
            if wire_schema(&result.schema).fields() != schema.fields() {
                return Err(Status::failed_precondition(
                    "the catalog was replaced by one of other columns: begin again",
                ));
            }
            while let Some(batch) = result.stream.next().await {
                let batch = batch.map_err(|error| status(&error))?;
                if batch.num_rows() > 0 && self.cut.is_full(rows) {
                    return self.cut.reached();
                }
                rows += batch.num_rows() as u64;
                if sender.send(Ok(Piece::Rows(batch))).await.is_err() {
                    return Ok(());
                }
            }
            if result.overflow.is_set() {
                return self.cut.reached();
            }
            let told = serde_json::json!({ "targets": targets }).to_string();
            if sender.send(Ok(Piece::Told(told))).await.is_err() {
                return Ok(());
            }
        }
        Ok(())
    }
}
