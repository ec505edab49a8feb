//! Which columns refer to which? (TAP_SCHEMA.keys and key_columns)
//!
//! Asked of TAP_SCHEMA itself, so that `/tables` and TAP_SCHEMA cannot disagree.

use arrow::array::AsArray;
use arrow::compute::cast;
use arrow::datatypes::DataType;
use futures::TryStreamExt;
use sidereus_engine::{Label, Principal, QueryRequest};

use crate::format::{EncodeError, FormatError};
use crate::services::Services;

const QUERY: &str = "SELECT k.key_id, k.from_table, k.target_table, c.from_column, c.target_column \
    FROM tap_schema.keys AS k JOIN tap_schema.key_columns AS c ON k.key_id = c.key_id \
    ORDER BY k.key_id, c.from_column";

/// One foreign key; names as TAP_SCHEMA writes them.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ForeignKey {
    id: String,
    /// Table that refers.
    pub(super) from: String,
    /// Table that is referred to.
    pub(super) target: String,
    /// Pairs of columns: referring, referred to.
    pub(super) columns: Vec<(String, String)>,
}

/// The keys between tables that the principal sees.
pub(super) async fn foreign_keys(services: &Services, principal: &Principal) -> Result<Vec<ForeignKey>, EncodeError> {
    let request = QueryRequest { limits: services.limits(None), ..QueryRequest::new(QUERY, Label::Adql) };
    let result = services.query.run(principal, &request).await?;
    let batches: Vec<_> = result.stream.try_collect().await?;
    let mut keys: Vec<ForeignKey> = Vec::new();
    for batch in batches {
        let columns: Vec<_> = batch
            .columns()
            .iter()
            .map(|column| cast(column, &DataType::Utf8).map_err(FormatError::from))
            .collect::<Result<_, _>>()?;
        for row in 0..batch.num_rows() {
            let value = |index: usize| columns[index].as_string::<i32>().value(row).to_owned();
            let pair = (value(3), value(4));
            match keys.last_mut().filter(|key| key.id == value(0)) {
                Some(key) => key.columns.push(pair),
                None => keys.push(ForeignKey { id: value(0), from: value(1), target: value(2), columns: vec![pair] }),
            }
        }
    }
    Ok(keys)
}
