//! What a table looks like to somebody who asks before querying.

use arrow::datatypes::{Field, SchemaRef};

use super::{About, TableName};

/// A table as metadata services show it (TAP_SCHEMA, VOSI tables, Flight SQL GetTables).
#[derive(Debug, Clone)]
pub struct TableDescription {
    /// Name in queries.
    pub name: TableName,
    /// `table` or `view`.
    pub table_type: &'static str,
    /// One or two sentences.
    pub description: Option<String>,
    /// Frame and epoch of its positions, and whom to cite.
    pub about: About,
    /// Rows, where known without reading data.
    pub rows: Option<u64>,
    /// Bytes of its files, where known without asking for each.
    pub bytes: Option<u64>,
    /// Arrow schema with field metadata `unit`, `ucd`, `utype`, `xtype`, `description`.
    pub schema: SchemaRef,
    /// Columns, in order.
    pub columns: Vec<ColumnDescription>,
}

/// A column as metadata services show it.
#[derive(Debug, Clone)]
pub struct ColumnDescription {
    /// Exact name.
    pub name: String,
    /// Arrow field.
    pub field: Field,
    /// VOTable `datatype` (`double`, `long`, `char`, ...), VOTable 1.5 section 2.1.
    pub datatype: &'static str,
    /// VOTable `arraysize`: `None` for scalars, `*` for strings, `2` for points.
    pub arraysize: Option<String>,
    /// VOTable `xtype`.
    pub xtype: Option<String>,
    /// Unit (VOUnits).
    pub unit: Option<String>,
    /// UCD1+.
    pub ucd: Option<String>,
    /// Data model role.
    pub utype: Option<String>,
    /// One sentence.
    pub description: Option<String>,
    /// Whether predicates on it prune: position and spatial index columns.
    pub indexed: bool,
    /// Whether it is among the catalog's default columns.
    pub principal: bool,
}
