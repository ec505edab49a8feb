//! How do rows that a client sends become a table?
//!
//! ```text
//!  DoPut: messages --frames--> a file of the spool (Arrow IPC) --UploadedTable::store--> Parquet --own--> mydb.name
//!         (charged as they come)                                (charged)                          all at once
//! ```
//! Nothing is seen of it before the last message; a client that goes away leaves nothing behind.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arrow_flight::FlightData;
use arrow_flight::sql::CommandStatementIngest;
use arrow_flight::sql::{TableExistsOption, TableNotExistOption};
use bytes::Bytes;
use futures::{Stream, StreamExt};
use sidereus_engine::{OWN_SCHEMA, TableFormat, TableInput, UploadLimits, UploadOptions, UploadedTable};
use tonic::Status;

use super::caller::Caller;
use super::own::{Folder, Meets, Mode, OwnTables, Part};
use super::session::CATALOG;
use super::status::{defect, status};
use crate::storage::{Account, Charge, Storage, StorageError, Written, blocking};

/// What begins a message of an IPC stream, and with no length behind it ends the stream (Arrow columnar format, "Encapsulated
/// message format").
const CONTINUATION: [u8; 4] = [0xff; 4];
/// What messages of a stream are aligned to.
const ALIGNMENT: usize = 8;

/// Takes tables in; one for the life of the server.
#[derive(Debug)]
pub(super) struct Ingest {
    /// Where files lie.
    pub(super) storage: Arc<Storage>,
    /// Bytes of one table; `None` is unlimited.
    pub(super) most_bytes: Option<u64>,
    /// Whether clients without a name make tables from elsewhere too.
    pub(super) anonymous: bool,
    /// The tables.
    pub(super) tables: Arc<OwnTables>,
}

/// What a client wants to be made of its rows.
#[derive(Debug)]
pub(super) struct Wanted {
    name: String,
    mode: Mode,
}

impl Wanted {
    /// What a command says.
    ///
    /// *Errors*: a place that is none of the client's own, and transactions.
    pub(super) fn of(command: &CommandStatementIngest) -> Result<Self, Status> {
        let elsewhere = |place: &Option<String>, own: &str| {
            place.as_deref().is_some_and(|place| !place.is_empty() && !place.eq_ignore_ascii_case(own))
        };
        if elsewhere(&command.catalog, CATALOG) || elsewhere(&command.schema, OWN_SCHEMA) {
            return Err(Status::permission_denied(format!("tables can be made in {CATALOG}.{OWN_SCHEMA} only")));
        }
        if command.transaction_id.as_ref().is_some_and(|id| !id.is_empty()) {
            return Err(Status::unimplemented(super::commands::NO_TRANSACTIONS));
        }
        let options = command.table_definition_options.unwrap_or_default();
        let mode = Mode {
            makes: options.if_not_exist() != TableNotExistOption::Fail,
            meets: match options.if_exists() {
                TableExistsOption::Append => Meets::Append,
                TableExistsOption::Replace => Meets::Replace,
                TableExistsOption::Unspecified | TableExistsOption::Fail => Meets::Fail,
            },
        };
        Ok(Self { name: command.table.clone(), mode })
    }

    /// A new table at a path of Flight.
    ///
    /// *Errors*: as [`Self::of`].
    pub(super) fn at(path: &[String]) -> Result<Self, Status> {
        let name = match path {
            [name] => name,
            [schema, name] if schema.eq_ignore_ascii_case(OWN_SCHEMA) => name,
            _ => {
                let path = path.join("/");
                return Err(Status::permission_denied(format!(
                    "tables can be made at {OWN_SCHEMA}/NAME only, not at {path}"
                )));
            }
        };
        Ok(Self { name: name.clone(), mode: Mode { makes: true, meets: Meets::Fail } })
    }
}

impl Ingest {
    /// Makes a table of messages, or adds them to one; how many rows they had.
    ///
    /// *Errors*: somebody who may not; a name that is none; rows that cannot be kept; limits; nothing is seen of the rows then.
    pub(super) async fn take(
        &self,
        caller: &Caller,
        wanted: Wanted,
        data: impl Stream<Item = Result<FlightData, Status>> + Send + Unpin + 'static,
    ) -> Result<u64, Status> {
        if caller.principal.name().is_none() && !self.anonymous && !caller.is_local() {
            return Err(Status::permission_denied("tables are made by users with a name: log in"));
        }
        let Wanted { name, mode } = wanted;
        UploadedTable::check_name(&name).map_err(|error| status(&error))?;
        let shared = self.tables.folder(caller.owner, &name, mode)?;
        let account = caller.account();
        let written = self.receive(account.clone(), data).await?;
        let (spool, charge) = (self.storage.spool(), self.storage.ledger().charge(account));
        let (tables, owner) = (Arc::clone(&self.tables), caller.owner);
        let cancelled = CancelOnDrop::default();
        let flag = Arc::clone(&cancelled.0);
        let work = tokio::task::spawn_blocking(move || {
            let folder = match shared {
                Some(folder) => folder,
                None => {
                    let path = tempfile::tempdir_in(spool).map_err(|error| full(StorageError::Io(error)))?;
                    Arc::new(Folder::new(path))
                }
            };
            let (table, charge) = store(written.path(), folder.path.path(), (charge, flag))?;
            let rows = table.1;
            tables.publish(owner, &name, mode, Part::new(table.0, folder, charge))?;
            Ok(rows)
        });
        let rows = work.await.map_err(defect)?;
        drop(cancelled);
        rows
    }

    /// Writes messages as they come.
    async fn receive(
        &self,
        account: Account,
        mut data: impl Stream<Item = Result<FlightData, Status>> + Send + Unpin + 'static,
    ) -> Result<Written, Status> {
        let mut writer = self.storage.write(account).map_err(full)?;
        let mut bytes = 0;
        while let Some(message) = data.next().await {
            let message = message?;
            if message.data_header.is_empty() {
                continue;
            }
            let frame = framed(&message);
            bytes += (frame.len() + message.data_body.len()) as u64;
            if let Some(most) = self.most_bytes.filter(|most| bytes > *most) {
                return Err(Status::resource_exhausted(format!(
                    "the table has more than {most} bytes, which is the limit"
                )));
            }
            let body = message.data_body;
            writer = blocking(move || {
                writer.write(&frame)?;
                writer.write(&body)?;
                Ok(writer)
            })
            .await
            .map_err(full)?;
        }
        if bytes == 0 {
            return Err(Status::invalid_argument("the upload has no schema: expected Arrow record batches"));
        }
        let written = blocking(move || {
            writer.write(&CONTINUATION)?;
            writer.write(&[0; 4])?;
            writer.finish()
        });
        written.await.map_err(full)
    }
}

/// What stands before the body of a message in an IPC stream.
fn framed(message: &FlightData) -> Bytes {
    let header = &message.data_header;
    let padded = (CONTINUATION.len() + 4 + header.len()).next_multiple_of(ALIGNMENT);
    let length = u32::try_from(padded - CONTINUATION.len() - 4).unwrap_or(u32::MAX);
    let mut frame = Vec::with_capacity(padded);
    frame.extend_from_slice(&CONTINUATION);
    frame.extend_from_slice(&length.to_le_bytes());
    frame.extend_from_slice(header);
    frame.resize(padded, 0);
    frame.into()
}

/// Writes the rows of a file as Parquet into a folder; the new file and its rows, and what they are charged.
fn store(
    messages: &Path,
    into: &Path,
    (mut charge, cancelled): (Charge, Arc<AtomicBool>),
) -> Result<((PathBuf, u64), Charge), Status> {
    let options = UploadOptions {
        format: Some(TableFormat::Arrow),
        limits: UploadLimits::default(),
        cancelled,
        ..UploadOptions::default()
    };
    let part = format!("part_{}", uuid::Uuid::new_v4().simple());
    let stored = UploadedTable::store(&part, TableInput::File(messages.to_owned()), into, &options);
    let stored = stored.map_err(|error| status(&error))?;
    let file = into.join(format!("{part}.parquet"));
    if let Err(error) = charge.grow(stored.bytes()) {
        drop(std::fs::remove_file(&file));
        return Err(full(error));
    }
    Ok(((file, stored.rows()), charge))
}

/// The status of what cannot be kept.
#[expect(clippy::needless_pass_by_value, reason = "map_err hands over the error")]
pub(super) fn full(error: StorageError) -> Status {
    Status::new(crate::error::grpc_code(error.kind()), error.to_string())
}

/// Tells a thread that nobody waits for it any more.
#[derive(Debug, Default)]
struct CancelOnDrop(Arc<AtomicBool>);

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
