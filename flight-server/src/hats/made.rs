//! How does a file come to be that holds some columns and rows of a partition?
//!
//! Columns alone are copied. Rows are the answer of an ordinary query over the cell of the partition: it waits for its turn, has
//! its limits and leaves its line in the audit. Where a query cannot tell the rows (margins, which are no tables; catalogs without a
//! spatial index; nested columns) all rows of the columns are given, and the client, which filters what it reads, does it alone.

use std::fmt::Write;
use std::sync::Arc;

use sidereus_engine::{Label, QueryRequest};

use super::copy::{self, Source};
use super::selection::Parameters;
use super::tree::{Files, Rows};
use super::{Desk, HatsError};
use crate::format::{self, Encoding};
use crate::queries::Caller;
use crate::storage::{Account, Written, blocking};

impl Desk {
    /// The file of the selected columns and rows; the one that was made before, if it is there.
    ///
    /// *Errors*: parameters that select nothing, a query that fails, an account or disk that is full.
    pub(super) async fn made(
        &self,
        caller: &Caller,
        catalog: &Files,
        rows: Rows,
        parameters: &Parameters,
    ) -> Result<Arc<Written>, HatsError> {
        let metadata = &catalog.metadata;
        let mut key = format!("{:?} {} {}", caller.principal.name(), metadata.location.display, metadata.snapshot);
        for file in &rows.files {
            // Writing to a text cannot fail.
            let _ = write!(key, " {} {}", file.name(), file.version());
        }
        let _ = write!(key, " {}", parameters.key());
        self.answers.get(key, Box::pin(self.make(caller, catalog, rows, parameters))).await
    }

    async fn make(
        &self,
        caller: &Caller,
        catalog: &Files,
        rows: Rows,
        parameters: &Parameters,
    ) -> Result<Written, HatsError> {
        let mut sources = Vec::with_capacity(rows.files.len());
        for file in rows.files {
            sources.push(Source::open(file).await?);
        }
        let Some(first) = sources.first() else { return Err(HatsError::absent("this partition has no files")) };
        let schema = first.schema()?;
        let selection = parameters.select(&schema)?;
        let index = catalog.metadata.index.as_ref().filter(|_| catalog.is_table && rows.is_whole);
        let keys = index.and_then(|index| rows.partition.keys(index.order));
        if let Some(text) = selection.query(&catalog.metadata, keys, &schema) {
            return self.query(caller, catalog, text).await;
        }
        copy::copy(&sources, &selection.columns, self.storage.write(account(caller))?).await
    }

    async fn query(&self, caller: &Caller, catalog: &Files, text: String) -> Result<Written, HatsError> {
        let limits = self.services.limits(None);
        let request = QueryRequest { limits, ..QueryRequest::new(text.clone(), Label::Sql) };
        let result = self.services.queries.run(caller, &request).await?;
        let known = self.services.query.registry();
        if known.table(&catalog.metadata.name).is_none_or(|now| now.snapshot != catalog.metadata.snapshot) {
            return Err(HatsError::Replaced);
        }
        let parquet = format::find("parquet").ok_or_else(|| HatsError::broken("no format is named parquet"))?;
        let mut encoding = Encoding::try_new(result, parquet, Some(text))?;
        let mut writer = self.storage.write(account(caller))?;
        while let Some(bytes) = encoding.next().await? {
            writer = blocking(move || writer.write(&bytes).map(|()| writer)).await?;
        }
        if encoding.is_overflow() {
            let rows = encoding.rows();
            let message =
                format!("more than {rows} rows of this partition pass the filters: filter more, or not at all");
            return Err(HatsError::TooMuch(message));
        }
        Ok(blocking(move || writer.finish()).await?)
    }
}

fn account(caller: &Caller) -> Account {
    Account::named(caller.principal.name(), &caller.address())
}
