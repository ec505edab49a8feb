//! The file of `--schema`: what is to be done with single columns.
//!
//! ```toml
//! [columns.RArad]
//! rename = "ra"
//! unit = "deg"
//! [columns.notes]
//! drop = true
//! ```

use std::collections::BTreeMap;
use std::path::Path;

use arrow::datatypes::{DataType, TimeUnit};
use serde::Deserialize;
use sidereus_engine::ColumnRule;

use crate::cli::CommandError;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct SchemaFile {
    #[serde(default)]
    columns: BTreeMap<String, Column>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Column {
    rename: Option<String>,
    #[serde(default)]
    drop: bool,
    #[serde(rename = "type")]
    kind: Option<String>,
    unit: Option<String>,
    ucd: Option<String>,
    utype: Option<String>,
    xtype: Option<String>,
    description: Option<String>,
}

/// Reads the file.
pub(super) fn read(path: &Path) -> Result<Vec<ColumnRule>, CommandError> {
    let text = std::fs::read_to_string(path).map_err(CommandError::at(path))?;
    parse(&text).map_err(|message| CommandError::Usage(format!("{}: {message}", path.display())))
}

fn parse(text: &str) -> Result<Vec<ColumnRule>, String> {
    let file: SchemaFile = toml::from_str(text).map_err(|error| error.to_string())?;
    file.columns.into_iter().map(|(name, column)| column.rule(name)).collect()
}

impl Column {
    fn rule(self, name: String) -> Result<ColumnRule, String> {
        let kind = self.kind.map(|kind| data_type(&kind).ok_or_else(|| unknown(&name, &kind))).transpose()?;
        let marks = [
            ("unit", self.unit),
            ("ucd", self.ucd),
            ("utype", self.utype),
            ("xtype", self.xtype),
            ("description", self.description),
        ];
        let metadata = marks.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?))).collect();
        Ok(ColumnRule { name, rename: self.rename, drop: self.drop, kind, metadata })
    }
}

const TYPES: [(&str, DataType); 14] = [
    ("bool", DataType::Boolean),
    ("int8", DataType::Int8),
    ("int16", DataType::Int16),
    ("int32", DataType::Int32),
    ("int64", DataType::Int64),
    ("uint8", DataType::UInt8),
    ("uint16", DataType::UInt16),
    ("uint32", DataType::UInt32),
    ("uint64", DataType::UInt64),
    ("float32", DataType::Float32),
    ("float64", DataType::Float64),
    ("text", DataType::Utf8),
    ("date", DataType::Date32),
    ("timestamp", DataType::Timestamp(TimeUnit::Microsecond, None)),
];

fn data_type(name: &str) -> Option<DataType> {
    TYPES.iter().find(|(known, _)| *known == name).map(|(_, kind)| kind.clone())
}

fn unknown(column: &str, kind: &str) -> String {
    let known: Vec<&str> = TYPES.iter().map(|(name, _)| *name).collect();
    format!("column {column:?} has the unknown type {kind:?}, expected one of {}", known.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_described_in_toml() {
        let rules = parse("[columns.a]\nrename='b'\ntype='int16'\nunit='deg'\n[columns.c]\ndrop=true").unwrap();
        assert_eq!((rules[0].rename.as_deref(), rules[0].kind.clone()), (Some("b"), Some(DataType::Int16)));
        assert_eq!(rules[0].metadata["unit"], "deg");
        assert!(rules[1].drop);
        assert!(parse("[columns.a]\ntype='int'").unwrap_err().contains("expected one of bool"));
        assert!(parse("[columns.a]\nunits='deg'").is_err());
    }
}
