//! Which columns and rows of a file does `?columns=a,b&filters=..` ask for?
//!
//! Columns come in the order in which they are asked for; those that are filtered by follow, since whoever reads the file filters it
//! once more. A nested column comes whole, whichever of its lists is asked for.

use std::ops::Range;

use arrow::datatypes::{DataType, Field, Schema};
use sidereus_engine::{CatalogMetadata, adql_identifier, adql_table};
use url::form_urlencoded;

use super::filters::{FilterError, Filters};

/// Columns that an error names.
const NAMED: usize = 30;

/// Why a query string selects nothing.
#[derive(Debug, PartialEq, thiserror::Error)]
pub(super) enum SelectionError {
    /// A parameter that there is not.
    #[error("unknown parameter {0:?}, expected columns or filters")]
    Parameter(String),
    /// A column that there is not.
    #[error("columns: there is no column {name:?}, expected some of {known}")]
    Column {
        /// As it was asked for.
        name: String,
        /// Some that there are.
        known: String,
    },
    /// A filter that cannot be read.
    #[error(transparent)]
    Filter(#[from] FilterError),
}

/// The parameters of a request.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Parameters {
    columns: Option<String>,
    filters: Option<String>,
}

/// Columns of a file, and conditions on its rows.
#[derive(Debug, PartialEq)]
pub(super) struct Selection {
    /// Places of the columns in the file.
    pub(super) columns: Vec<usize>,
    filters: Filters,
}

impl Parameters {
    /// Those of a query string.
    ///
    /// *Errors*: a parameter that there is not, which might be one that was misspelt.
    pub(super) fn of(query: &str) -> Result<Self, SelectionError> {
        let mut parameters = Self::default();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            let known = match name.as_ref() {
                "columns" => &mut parameters.columns,
                "filters" => &mut parameters.filters,
                other => return Err(SelectionError::Parameter(other.chars().take(40).collect())),
            };
            if !value.is_empty() {
                *known = Some(value.into_owned());
            }
        }
        Ok(parameters)
    }

    /// Whether the whole file is asked for.
    pub(super) const fn is_empty(&self) -> bool {
        self.columns.is_none() && self.filters.is_none()
    }

    /// A text that is another for every other request.
    pub(super) fn key(&self) -> String {
        format!("{:?}", (&self.columns, &self.filters))
    }

    /// What they select of a file of these columns.
    ///
    /// *Errors*: a column that there is not, a filter that cannot be read.
    pub(super) fn select(&self, schema: &Schema) -> Result<Selection, SelectionError> {
        let fields: Vec<Field> = schema.fields().iter().map(|field| field.as_ref().clone()).collect();
        let filters = self.filters.as_deref().map(|text| Filters::parse(text, &fields)).transpose()?;
        let filters = filters.unwrap_or_default();
        let mut columns = Vec::new();
        let mut add = |column: usize| {
            if !columns.contains(&column) {
                columns.push(column);
            }
        };
        match &self.columns {
            None => (0..fields.len()).for_each(&mut add),
            Some(names) => {
                for name in names.split(',').map(str::trim).filter(|name| !name.is_empty()) {
                    add(column(name, &fields).ok_or_else(|| absent(name, &fields))?);
                }
            }
        }
        filters.columns().filter_map(|name| schema.index_of(name).ok()).for_each(&mut add);
        Ok(Selection { columns, filters })
    }
}

/// The place of a column; clients leave out the spaces in its name.
fn column(name: &str, fields: &[Field]) -> Option<usize> {
    let at = |is: &dyn Fn(&Field) -> bool| fields.iter().position(is);
    let nested = |field: &Field| {
        let is_of = name.strip_prefix(field.name().as_str()).is_some_and(|rest| rest.starts_with('.'));
        is_of && field.data_type().is_nested()
    };
    at(&|field| field.name() == name)
        .or_else(|| at(&|field| field.name().contains(' ') && field.name().replace(' ', "") == name))
        .or_else(|| at(&nested))
}

fn absent(name: &str, fields: &[Field]) -> SelectionError {
    let mut known: Vec<&str> = fields.iter().take(NAMED).map(|field| field.name().as_str()).collect();
    if fields.len() > NAMED {
        known.push("...");
    }
    SelectionError::Column { name: name.chars().take(100).collect(), known: known.join(", ") }
}

impl Selection {
    /// The query that gives the rows of one partition of a catalog; `None` where all of its rows are asked for, or where a query
    /// cannot tell them from others or does not give the columns as they are.
    pub(super) fn query(&self, catalog: &CatalogMetadata, keys: Option<Range<u64>>, file: &Schema) -> Option<String> {
        let (index, keys) = catalog.index.as_ref().zip(keys)?;
        let condition = self.filters.condition(Some((&index.column, keys.clone())))?;
        let fields = self.columns.iter().map(|column| file.fields().get(*column));
        let fields: Vec<_> = fields.collect::<Option<_>>()?;
        let is_same = |field: &Field| {
            let known =
                catalog.schema.field_with_name(field.name()).is_ok_and(|known| known.data_type() == field.data_type());
            known && !matches!(field.data_type(), DataType::Struct(_))
        };
        if !fields.iter().all(|field| is_same(field)) {
            return None;
        }
        let columns: Vec<_> = fields.iter().map(|field| adql_identifier(field.name())).collect();
        let (table, key) = (adql_table(&catalog.name), adql_identifier(&index.column));
        let (columns, Range { start, end }) = (columns.join(", "), keys);
        Some(format!("SELECT {columns} FROM {table} WHERE {key} >= {start} AND {key} < {end} AND ({condition})"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn select(query: &str) -> Result<Vec<usize>, String> {
        let list = DataType::new_list(DataType::Float64, true);
        let fields = vec![
            Field::new("ra", DataType::Float64, true),
            Field::new("two words", DataType::Utf8, true),
            Field::new("lc", DataType::Struct(vec![Field::new("mag", list, true)].into()), true),
            Field::new("n", DataType::Int64, true),
        ];
        let selected = Parameters::of(query).and_then(|parameters| parameters.select(&Schema::new(fields)));
        selected.map(|selection| selection.columns).map_err(|error| error.to_string())
    }

    #[test]
    fn columns_come_as_asked_and_with_those_of_filters() {
        assert_eq!(select("columns=n,ra"), Ok(vec![3, 0]));
        assert_eq!(select("columns=ra%2Cra&filters=n%3E%3D1"), Ok(vec![0, 3]));
        assert_eq!(select("filters=n>1"), Ok(vec![0, 1, 2, 3]));
        assert_eq!(select("columns=lc.mag,twowords"), Ok(vec![2, 1]));
    }

    #[test]
    fn what_there_is_not_is_named() {
        let known = "expected some of ra, two words, lc, n";
        assert_eq!(select("columns=x"), Err(format!("columns: there is no column \"x\", {known}")));
        assert_eq!(select("columns=ra.x"), Err(format!("columns: there is no column \"ra.x\", {known}")));
        assert_eq!(select("cols=ra"), Err("unknown parameter \"cols\", expected columns or filters".to_owned()));
        assert!(select("filters=x>1").unwrap_err().contains("character 1"));
    }
}
