//! Which queries show what the service is for? (DALI 1.1, section 2.3)
//!
//! XHTML with RDFa that TOPCAT and pyvo read. The queries are made of the tables that are really there, for whoever asks, so
//! each of them runs; they are ADQL 2.0 to the letter, which every client's parser knows.

use axum::Extension;
use axum::extract::State;
use axum::http::HeaderValue;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use sidereus_engine::{ColumnDescription, Principal, TableDescription, adql_identifier, adql_table};

use crate::format::xml::escaped;
use crate::services::Services;

/// Tables that have examples of their own.
const TABLES: usize = 20;
/// The schema that queries need not name; its name is a reserved word of ADQL.
const PUBLIC: &str = "public";
/// Columns of an example.
const COLUMNS: usize = 4;

const START: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
    <!DOCTYPE html>\n\
    <html xmlns=\"http://www.w3.org/1999/xhtml\" lang=\"en\">\n\
    <head><title>Examples of queries</title></head>\n\
    <body vocab=\"http://www.ivoa.net/rdf/examples#\">\n<h1>Examples of queries</h1>\n";

/// One example.
struct Example {
    id: String,
    name: String,
    description: String,
    query: String,
    tables: Vec<String>,
}

/// Answers `/examples`.
pub(super) async fn show(State(services): State<Services>, Extension(principal): Extension<Principal>) -> Response {
    let text = document(&services.query.tables(&principal));
    let kind = HeaderValue::from_static("application/xhtml+xml");
    ([(CONTENT_TYPE, kind)], text).into_response()
}

fn document(tables: &[TableDescription]) -> String {
    let mut text = START.to_owned();
    for example in examples(tables) {
        let Example { id, name, description, query, tables } = example;
        text.push_str(&format!(
            "<div id=\"{id}\" resource=\"#{id}\" typeof=\"example\">\n<h2 property=\"name\">{}</h2>\n<p>{}</p>\n\
             <pre property=\"query\">{}</pre>\n",
            escaped(&name),
            escaped(&description),
            query.split('\n').map(escaped).collect::<Vec<_>>().join("\n")
        ));
        for table in tables {
            text.push_str(&format!("<p>Table: <code property=\"table\">{}</code></p>\n", escaped(&table)));
        }
        text.push_str("</div>\n");
    }
    text.push_str("</body>\n</html>\n");
    text
}

fn examples(tables: &[TableDescription]) -> Vec<Example> {
    let placed: Vec<Placed<'_>> = tables.iter().filter_map(Placed::of).take(TABLES).collect();
    let mut examples = Vec::new();
    for table in &placed {
        examples.push(table.cone());
        examples.extend(table.brightest());
        examples.push(table.map());
    }
    if let [first, second, ..] = placed.as_slice() {
        examples.push(first.partners(second));
    }
    examples.push(Example {
        id: "columns-by-ucd".to_owned(),
        name: "Columns by what they hold".to_owned(),
        description: "Every column with a magnitude, by its UCD.".to_owned(),
        query: "SELECT table_name, column_name, unit, description\nFROM TAP_SCHEMA.columns\nWHERE ucd LIKE 'phot.mag%'"
            .to_owned(),
        tables: vec!["TAP_SCHEMA.columns".to_owned()],
    });
    examples
}

/// A table with positions.
struct Placed<'a> {
    table: &'a TableDescription,
    ra: String,
    dec: String,
    name: String,
    id: String,
}

impl<'a> Placed<'a> {
    fn of(table: &'a TableDescription) -> Option<Self> {
        let column = |ucd: &str| {
            let found = table.columns.iter().find(|column| has_ucd(column, ucd));
            found.map(|column| adql_identifier(&column.name).into_owned())
        };
        let id: String =
            table.name.to_string().chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
        Some(Self {
            table,
            ra: column("pos.eq.ra;meta.main")?,
            dec: column("pos.eq.dec;meta.main")?,
            name: if table.name.schema == PUBLIC {
                adql_identifier(&table.name.table).into_owned()
            } else {
                adql_table(&table.name)
            },
            id: id.to_ascii_lowercase(),
        })
    }

    /// Identifier and position, and what else comes first.
    fn columns(&self) -> String {
        let columns = &self.table.columns;
        let main = columns.iter().find(|column| has_ucd(column, "meta.id;meta.main"));
        let mut names: Vec<String> =
            main.map(|column| adql_identifier(&column.name).into_owned()).into_iter().collect();
        names.extend([self.ra.clone(), self.dec.clone()]);
        for column in columns.iter().filter(|column| !column.name.starts_with('_')) {
            let name = adql_identifier(&column.name).into_owned();
            if names.len() < COLUMNS && !names.contains(&name) {
                names.push(name);
            }
        }
        names.join(", ")
    }

    fn example(&self, kind: &str, name: String, description: &str, query: String) -> Example {
        let (id, tables) = (format!("{kind}-{}", self.id), vec![adql_table(&self.table.name)]);
        Example { id, name, description: description.to_owned(), query, tables }
    }

    fn cone(&self) -> Example {
        let Self { name, ra, dec, .. } = self;
        let query = format!(
            "SELECT {}\nFROM {name}\nWHERE 1 = CONTAINS(POINT('ICRS', {ra}, {dec}), CIRCLE('ICRS', 56.75, 24.12, 2))",
            self.columns()
        );
        let description = "Everything within two degrees of the Pleiades.";
        self.example("cone", format!("A cone in {name}"), description, query)
    }

    fn brightest(&self) -> Option<Example> {
        let magnitude =
            self.table.columns.iter().find(|column| {
                column.ucd.as_deref().is_some_and(|ucd| ucd.to_ascii_lowercase().starts_with("phot.mag"))
            })?;
        let (name, magnitude) = (&self.name, adql_identifier(&magnitude.name).into_owned());
        let (ra, dec) = (&self.ra, &self.dec);
        let query = format!(
            "SELECT TOP 10 {ra}, {dec}, {magnitude}\nFROM {name}\nWHERE {magnitude} IS NOT NULL\nORDER BY {magnitude}"
        );
        Some(self.example(
            "brightest",
            format!("The brightest of {name}"),
            "Ten rows with the least magnitudes.",
            query,
        ))
    }

    fn map(&self) -> Example {
        let Self { name, ra, dec, .. } = self;
        let query = format!(
            "SELECT cell, COUNT(*) AS n\nFROM (SELECT IVO_HEALPIX_INDEX(4, {ra}, {dec}) AS cell FROM {name}) AS cells\nGROUP BY cell"
        );
        let description = "Rows in each HEALPix cell of order 4 (3.7 degrees across).";
        self.example("map", format!("A density map of {name}"), description, query)
    }

    fn partners(&self, other: &Self) -> Example {
        let (ra, dec, ra_2, dec_2) = (&self.ra, &self.dec, &other.ra, &other.dec);
        let separation = format!("DISTANCE(POINT('ICRS', a.{ra}, a.{dec}), POINT('ICRS', b.{ra_2}, b.{dec_2}))");
        let query = format!(
            "SELECT TOP 100 a.{ra}, a.{dec}, b.{ra_2} AS ra_2, b.{dec_2} AS dec_2, {separation} AS separation\n\
             FROM {} AS a\nJOIN {} AS b ON {separation} < 2 / 3600.0",
            self.name, other.name
        );
        let mut example = self.example(
            "partners",
            format!("Partners of {} in {}", self.name, other.name),
            "Pairs within two arcseconds of each other, with their separation in degrees.",
            query,
        );
        example.tables.push(adql_table(&other.table.name));
        example
    }
}

fn has_ucd(column: &ColumnDescription, ucd: &str) -> bool {
    column.ucd.as_deref().is_some_and(|own| own.eq_ignore_ascii_case(ucd))
}
