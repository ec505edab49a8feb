//! The tables that random queries ask of: those of the language's own tests.

use sidereus_adql::{Name, TableInfo, TableLookup, TableNames};

/// Schema, table, and columns with their units.
type Table = (&'static str, &'static str, &'static [(&'static str, &'static str)]);

const TABLES: &[Table] = &[
    ("public", "stars", &[("id", ""), ("ra", "deg"), ("dec", "deg"), ("mag", "mag"), ("parallax", "mas")]),
    ("public", "RAVE", &[("RAJ2000", ""), ("DEJ2000", ""), ("HRV", "km s-1"), ("id", "")]),
    ("gaia", "source", &[("source_id", ""), ("ra", "deg"), ("dec", "deg"), ("phot_g_mean_mag", "mag"), ("size", "")]),
    ("public", "odd", &[("copy", ""), ("flux", "Jy"), ("Flux", "furlongs"), ("a b", ""), ("pos", "")]),
    ("tap_upload", "mine", &[("oid", ""), ("ra", "deg"), ("dec", "deg"), ("r", "")]),
    ("mydb", "targets", &[("name", ""), ("ra", "deg"), ("dec", "deg")]),
];

/// A small, fixed sky, in which one column may be given any unit.
pub(crate) struct Tables<'a> {
    /// The unit that the table states for `id`.
    pub(crate) unit: Option<&'a str>,
}

impl TableNames for Tables<'_> {
    fn table(&self, path: &[Name]) -> TableLookup {
        let fits = |(schema, table, _): &&Table| match path {
            [name] => *schema == "public" && name.matches(table),
            [first, name] => first.matches(schema) && name.matches(table),
            _ => false,
        };
        match TABLES.iter().find(fits) {
            Some((schema, table, columns)) => TableLookup::Found(TableInfo {
                path: vec![(*schema).into(), (*table).into()],
                columns: columns.iter().map(|(name, _)| (*name).into()).collect(),
            }),
            None => TableLookup::NotFound { suggestions: vec!["stars".into()] },
        }
    }

    fn unit(&self, table: &[String], column: &str) -> Option<String> {
        if column == "id" && self.unit.is_some() {
            return self.unit.map(str::to_owned);
        }
        let (.., columns) = TABLES.iter().find(|(_, name, _)| table.last().is_some_and(|last| last == name))?;
        let known = columns.iter().find(|(name, unit)| *name == column && !unit.is_empty());
        known.map(|(_, unit)| (*unit).to_owned())
    }
}
