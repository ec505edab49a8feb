//! How do the tables that describe tables come to be?
//!
//! `tap_schema` and `information_schema` are made from descriptions, never from files. Each is filled when it is first
//! read, once for every set of tables that principals can see, and kept.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use arrow::array::{ArrayRef, Int32Array, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::catalog::{MemTable, TableProvider};
use datafusion::error::Result;

use super::{CatalogRegistry, TableDescription, TableName, describe, information_schema, tap_schema};
use crate::principal::Principal;

/// Sets of tables that are kept; beyond, all are made anew.
const KEPT: usize = 64;

/// A cell of a describing table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value {
    /// A text.
    Text(Option<String>),
    /// A whole number, or a flag as 0 or 1.
    Integer(Option<i32>),
    /// A whole number that can be large.
    Long(Option<i64>),
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(Some(text.to_owned()))
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(Some(text))
    }
}

impl From<Option<String>> for Value {
    fn from(text: Option<String>) -> Self {
        Self::Text(text)
    }
}

impl From<Option<i32>> for Value {
    fn from(number: Option<i32>) -> Self {
        Self::Integer(number)
    }
}

impl From<Option<u64>> for Value {
    fn from(number: Option<u64>) -> Self {
        Self::Long(number.map(|number| i64::try_from(number).unwrap_or(i64::MAX)))
    }
}

impl From<usize> for Value {
    fn from(number: usize) -> Self {
        Self::Integer(Some(i32::try_from(number).unwrap_or(i32::MAX)))
    }
}

impl From<bool> for Value {
    fn from(flag: bool) -> Self {
        Self::Integer(Some(i32::from(flag)))
    }
}

/// Rows of one describing table.
pub(super) type Rows = Vec<Vec<Value>>;

/// What a column of a describing table holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Integer,
    Long,
}

/// A column of a describing table.
#[derive(Debug)]
pub(super) struct SystemColumn {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    pub(super) nullable: bool,
    pub(super) description: &'static str,
}

/// A text column; `required` texts are never null.
pub(super) const fn text(name: &'static str, required: bool, description: &'static str) -> SystemColumn {
    SystemColumn { name, kind: Kind::Text, nullable: !required, description }
}

/// A column of whole numbers.
pub(super) const fn integer(name: &'static str, required: bool, description: &'static str) -> SystemColumn {
    SystemColumn { name, kind: Kind::Integer, nullable: !required, description }
}

/// A column of whole numbers of 64 bits.
pub(super) const fn long(name: &'static str, required: bool, description: &'static str) -> SystemColumn {
    SystemColumn { name, kind: Kind::Long, nullable: !required, description }
}

/// A table that describes tables.
#[derive(Debug)]
pub(super) struct SystemTable {
    pub(super) schema: &'static str,
    pub(super) name: &'static str,
    pub(super) description: &'static str,
    pub(super) columns: &'static [SystemColumn],
    /// Makes the rows from what the principal can see.
    pub(super) rows: fn(&[TableDescription]) -> Rows,
}

impl SystemTable {
    /// The name in queries.
    pub(super) fn table_name(&self) -> TableName {
        TableName { schema: self.schema.to_owned(), table: self.name.to_owned() }
    }

    /// Names of the columns.
    pub(super) fn column_names(&self) -> Arc<[Arc<str>]> {
        self.columns.iter().map(|column| column.name.into()).collect()
    }

    /// The columns, with their descriptions.
    pub(super) fn arrow_schema(&self) -> SchemaRef {
        let field = |column: &SystemColumn| {
            let data_type = match column.kind {
                Kind::Text => DataType::Utf8,
                Kind::Integer => DataType::Int32,
                Kind::Long => DataType::Int64,
            };
            let notes = [("description".to_owned(), column.description.to_owned())].into();
            Field::new(column.name, data_type, column.nullable).with_metadata(notes)
        };
        Arc::new(Schema::new(self.columns.iter().map(field).collect::<Vec<_>>()))
    }

    fn batch(&self, descriptions: &[TableDescription]) -> Result<RecordBatch> {
        let rows = (self.rows)(descriptions);
        let column = |(index, column): (usize, &SystemColumn)| -> ArrayRef {
            let cells = rows.iter().map(|row| row.get(index));
            let number = |cell: Option<&Value>| if let Some(Value::Integer(number)) = cell { *number } else { None };
            let long = |cell: Option<&Value>| if let Some(Value::Long(number)) = cell { *number } else { None };
            match column.kind {
                Kind::Long => Arc::new(cells.map(long).collect::<Int64Array>()),
                Kind::Integer => Arc::new(cells.map(number).collect::<Int32Array>()),
                Kind::Text => Arc::new(cells.map(as_text).collect::<StringArray>()),
            }
        };
        let columns = self.columns.iter().enumerate().map(column).collect();
        Ok(RecordBatch::try_new(self.arrow_schema(), columns)?)
    }
}

fn as_text(cell: Option<&Value>) -> Option<&str> {
    if let Some(Value::Text(text)) = cell { text.as_deref() } else { None }
}

/// All describing tables.
pub(super) fn tables() -> impl Iterator<Item = &'static SystemTable> {
    tap_schema::TABLES.iter().chain(information_schema::TABLES)
}

/// The describing table of exactly this name.
pub(super) fn find(name: &TableName) -> Option<&'static SystemTable> {
    tables().find(|table| table.schema == name.schema && table.name == name.table)
}

/// The describing tables for one set of visible tables.
#[derive(Debug)]
pub(super) struct Descriptions {
    tables: Vec<TableDescription>,
    filled: HashMap<Key, OnceLock<Arc<MemTable>>>,
}

impl Descriptions {
    fn new(registry: &CatalogRegistry, principal: &Principal) -> Self {
        let filled = tables().map(|table| (key(table), OnceLock::new())).collect();
        Self { tables: describe::all(registry, principal), filled }
    }

    /// The described tables.
    pub(super) fn tables(&self) -> &[TableDescription] {
        &self.tables
    }

    /// A describing table, filled.
    pub(super) fn provider(&self, table: &SystemTable) -> Result<Option<Arc<dyn TableProvider>>> {
        let Some(slot) = self.filled.get(&key(table)) else { return Ok(None) };
        if let Some(filled) = slot.get() {
            return Ok(Some(Arc::clone(filled) as _));
        }
        let batch = table.batch(&self.tables)?;
        let filled = Arc::new(MemTable::try_new(batch.schema(), vec![vec![batch]])?);
        Ok(Some(Arc::clone(slot.get_or_init(|| filled)) as _))
    }
}

type Key = (&'static str, &'static str);

fn key(table: &SystemTable) -> Key {
    (table.schema, table.name)
}

/// Describing tables that were made already, by the groups that matter.
#[derive(Debug, Default)]
pub(super) struct DescriptionCache(Mutex<HashMap<Vec<String>, Arc<Descriptions>>>);

impl DescriptionCache {
    /// The describing tables of a principal.
    pub(super) fn get(&self, registry: &CatalogRegistry, principal: &Principal) -> Arc<Descriptions> {
        let mut groups: Vec<String> = registry.groups().filter(|group| principal.is_member(group)).cloned().collect();
        groups.sort_unstable();
        groups.dedup();
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(descriptions) = kept.get(&groups) {
            return Arc::clone(descriptions);
        }
        if kept.len() >= KEPT {
            kept.clear();
        }
        let descriptions = Arc::new(Descriptions::new(registry, principal));
        kept.insert(groups, Arc::clone(&descriptions));
        descriptions
    }
}
