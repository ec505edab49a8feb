//! Which query is a cone search?

use std::collections::HashMap;
use std::sync::Arc;

use arrow::datatypes::{Field, Schema, SchemaRef};
use sidereus_engine::{ColumnDescription, TableDescription, adql_identifier, adql_table};
use url::form_urlencoded;

const MAIN_ID: &str = "meta.id;meta.main";
const MAIN_RA: &str = "pos.eq.ra;meta.main";
const MAIN_DEC: &str = "pos.eq.dec;meta.main";

/// UCDs of the first columns of every answer, of the first generation of UCDs.
const ROLES: [&str; 3] = ["ID_MAIN", "POS_EQ_RA_MAIN", "POS_EQ_DEC_MAIN"];

/// Why a request is no cone search.
#[derive(Debug, PartialEq, thiserror::Error)]
pub(super) enum SearchError {
    /// No such table, or one without positions.
    #[error("no table {0} with positions; those there are: /tap/tables")]
    NoTable(String),
    /// A parameter is missing or does not fit.
    #[error("parameter {name}: {message}")]
    Parameter {
        /// Its name.
        name: &'static str,
        /// What was expected.
        message: String,
    },
}

/// A cone search, ready to be asked.
#[derive(Debug)]
pub(super) struct ConeSearch<'a> {
    table: &'a TableDescription,
    id: Option<&'a ColumnDescription>,
    ra: &'a ColumnDescription,
    dec: &'a ColumnDescription,
    center: (f64, f64),
    radius: f64,
    verbosity: u8,
    /// Rows asked for; 0 is the columns alone.
    pub(super) max_rows: Option<u64>,
}

impl<'a> ConeSearch<'a> {
    /// The search of a query string in a table that is among those.
    pub(super) fn of(tables: &'a [TableDescription], table: &str, query: &str) -> Result<Self, SearchError> {
        let absent = || SearchError::NoTable(table.chars().take(200).collect());
        let named = |known: &&TableDescription| {
            let (plain, shown) = (known.name.to_string(), adql_table(&known.name));
            let is_public = known.name.schema == "public" && known.name.table.eq_ignore_ascii_case(table);
            plain.eq_ignore_ascii_case(table) || shown.eq_ignore_ascii_case(table) || is_public
        };
        let table = tables.iter().find(named).ok_or_else(absent)?;
        let column = |ucd| table.columns.iter().find(|column| has_ucd(column, ucd));
        let (ra, dec) = column(MAIN_RA).zip(column(MAIN_DEC)).ok_or_else(absent)?;
        let id = column(MAIN_ID).or_else(|| {
            let prefixes = ["meta.id", "meta.record"];
            let is_id = |column: &&ColumnDescription| {
                column.ucd.as_deref().is_some_and(|ucd| prefixes.iter().any(|prefix| ucd.starts_with(prefix)))
            };
            table
                .columns
                .iter()
                .find(is_id)
                .or_else(|| table.columns.iter().find(|column| column.name == "_healpix_29"))
        });
        let parameters = Parameters(form_urlencoded::parse(query.as_bytes()).into_owned().collect());
        let radius = parameters.number("SR", 0.0..=180.0)?;
        let max_rows = parameters.whole("MAXREC")?;
        Ok(Self {
            table,
            id,
            ra,
            dec,
            center: (parameters.number("RA", 0.0..=360.0)?, parameters.number("DEC", -90.0..=90.0)?),
            radius,
            verbosity: parameters.verbosity()?,
            max_rows: if radius == 0.0 { Some(0) } else { max_rows },
        })
    }

    /// The query.
    pub(super) fn text(&self) -> String {
        let (ra, dec) = (adql_identifier(&self.ra.name), adql_identifier(&self.dec.name));
        let mut columns = vec![self.id_expression(), ra.to_string(), dec.to_string()];
        columns.extend(self.others().map(|column| adql_identifier(&column.name).into_owned()));
        let ((center_ra, center_dec), radius) = (self.center, self.radius);
        format!(
            "SELECT {} FROM {} WHERE 1 = CONTAINS(POINT({ra}, {dec}), CIRCLE({center_ra}, {center_dec}, {radius}))",
            columns.join(", "),
            adql_table(&self.table.name)
        )
    }

    /// Columns with exactly one of each role that the standard wants, by the names that it has for them (section 2.2): clients
    /// know no others.
    pub(super) fn described(&self, schema: &SchemaRef) -> SchemaRef {
        let field = |(index, field): (usize, &Arc<Field>)| {
            let mut metadata: HashMap<String, String> = field.metadata().clone();
            if let Some(role) = ROLES.get(index) {
                metadata.insert("ucd".to_owned(), (*role).to_owned());
            }
            if let (0, Some(text)) = (index, self.id.and_then(|column| column.description.clone())) {
                metadata.insert("description".to_owned(), text);
            }
            field.as_ref().clone().with_metadata(metadata)
        };
        let fields: Vec<Field> = schema.fields().iter().enumerate().map(field).collect();
        Arc::new(Schema::new_with_metadata(fields, schema.metadata().clone()))
    }

    /// The identifier as text, which the standard wants; of a table without one, its place.
    fn id_expression(&self) -> String {
        match self.id {
            Some(id) => {
                let name = adql_identifier(&id.name);
                format!("CAST({name} AS VARCHAR) AS {name}")
            }
            None => {
                let (ra, dec) = (adql_identifier(&self.ra.name), adql_identifier(&self.dec.name));
                format!("CAST({ra} AS VARCHAR) || ' ' || CAST({dec} AS VARCHAR) AS id")
            }
        }
    }

    /// What comes beside identifier and position: nothing, the principal columns, or all.
    fn others(&self) -> impl Iterator<Item = &ColumnDescription> {
        let is_first = |column: &ColumnDescription| {
            [self.id, Some(self.ra), Some(self.dec)].into_iter().flatten().any(|first| first.name == column.name)
        };
        let is_shown = move |column: &&ColumnDescription| match self.verbosity {
            1 => false,
            2 => column.principal && !column.name.starts_with('_'),
            _ => true,
        };
        self.table.columns.iter().filter(is_shown).filter(move |column| !is_first(column))
    }
}

fn has_ucd(column: &ColumnDescription, ucd: &str) -> bool {
    column.ucd.as_deref().is_some_and(|own| own.eq_ignore_ascii_case(ucd))
}

/// Names and values of a query string.
struct Parameters(Vec<(String, String)>);

impl Parameters {
    fn value(&self, name: &'static str) -> Option<&str> {
        let found = self.0.iter().find(|(known, value)| known.eq_ignore_ascii_case(name) && !value.trim().is_empty());
        found.map(|(_, value)| value.trim())
    }

    fn number(&self, name: &'static str, range: std::ops::RangeInclusive<f64>) -> Result<f64, SearchError> {
        let (low, high) = (range.start(), range.end());
        let wrong = |found: &str| SearchError::Parameter {
            name,
            message: format!("expected decimal degrees from {low} to {high}, found {found}"),
        };
        let text = self.value(name).ok_or_else(|| wrong("none"))?;
        text.parse().ok().filter(|number| range.contains(number)).ok_or_else(|| wrong(&format!("{text:?}")))
    }

    fn whole(&self, name: &'static str) -> Result<Option<u64>, SearchError> {
        let parse = |text: &str| {
            let message = format!("expected a number of rows, found {text:?}");
            text.parse().map_err(|_| SearchError::Parameter { name, message })
        };
        self.value(name).map(parse).transpose()
    }

    fn verbosity(&self) -> Result<u8, SearchError> {
        match self.value("VERB") {
            None => Ok(2),
            Some("1") => Ok(1),
            Some("2") => Ok(2),
            Some("3") => Ok(3),
            Some(text) => {
                Err(SearchError::Parameter { name: "VERB", message: format!("expected 1, 2 or 3, found {text:?}") })
            }
        }
    }
}
