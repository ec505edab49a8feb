//! The tables that the tests ask of.

#![allow(dead_code, reason = "each test binary uses a part")]

use sidereus_adql::{
    Label, Name, QueryErrorKind, QueryErrors, Request, SnapshotLookup, TableInfo, TableLookup, TableNames, check,
    lower, parse,
};

/// A small, fixed sky.
pub(crate) struct Sky;

const TABLES: &[(&str, &str, &[&str])] = &[
    ("public", "stars", &["id", "ra", "dec", "mag", "parallax"]),
    ("public", "RAVE", &["RAJ2000", "DEJ2000", "HRV", "id"]),
    ("gaia", "source", &["source_id", "ra", "dec", "phot_g_mean_mag", "size"]),
    ("public", "odd", &["copy", "flux", "Flux", "a b", "pos"]),
    ("tap_upload", "mine", &["oid", "ra", "dec", "r"]),
    ("mydb", "targets", &["name", "ra", "dec"]),
];

/// The snapshots of `stars`; the second has a column that the others do not have.
const SNAPSHOTS: [&str; 3] = ["1f3a9c0011223344", "1f3a9d5566778899", "77aa00bb11cc22dd"];

impl TableNames for Sky {
    fn table(&self, path: &[Name]) -> TableLookup {
        let fits = |(schema, table, _): &&(&str, &str, &[&str])| match path {
            [name] => *schema == "public" && name.matches(table),
            [first, name] => first.matches(schema) && name.matches(table),
            _ => false,
        };
        match TABLES.iter().find(fits) {
            Some((schema, table, columns)) => TableLookup::Found(TableInfo {
                path: vec![(*schema).into(), (*table).into()],
                columns: columns.iter().map(|column| (*column).into()).collect(),
            }),
            None if path.last().is_some_and(|name| name.value.starts_with("star")) => {
                TableLookup::NotFound { suggestions: vec!["stars".into()] }
            }
            None => TableLookup::NotFound { suggestions: Vec::new() },
        }
    }

    fn snapshot(&self, table: &[String], written: &str) -> SnapshotLookup {
        if table != ["public", "stars"] {
            return SnapshotLookup::NotFound { known: Vec::new() };
        }
        let written = written.to_lowercase();
        let fits: Vec<&str> = SNAPSHOTS.into_iter().filter(|known| known.starts_with(&written)).collect();
        let shown = |names: &[&str]| names.iter().map(|name| name[..12].to_owned()).collect();
        match fits[..] {
            [] => SnapshotLookup::NotFound { known: shown(&SNAPSHOTS) },
            [one] => SnapshotLookup::Found(TableInfo {
                path: vec!["public".into(), format!("stars@{one}")],
                columns: ["id", "ra", "dec", if one == SNAPSHOTS[1] { "flux" } else { "mag" }].map(Into::into).into(),
            }),
            _ => SnapshotLookup::Ambiguous(shown(&fits)),
        }
    }

    fn position(&self, table: &[String]) -> Option<(String, String)> {
        (table.last()? == "RAVE").then(|| ("RAJ2000".into(), "DEJ2000".into()))
    }

    fn unit(&self, _: &[String], column: &str) -> Option<String> {
        let known = [
            ("ra", "deg"),
            ("dec", "deg"),
            ("mag", "mag"),
            ("phot_g_mean_mag", "mag"),
            ("parallax", "mas"),
            ("HRV", "km s-1"),
            ("flux", "Jy"),
            ("Flux", "furlongs"),
        ];
        known.iter().find(|(name, _)| *name == column).map(|(_, unit)| (*unit).to_owned())
    }
}

/// The plain SQL of a query.
pub(crate) fn sql_of(text: &str, label: Label) -> Result<String, QueryErrors> {
    match parse(text, label)? {
        Request::Select(query) => Ok(lower(check(query, &Sky)?)?.sql()),
        other => panic!("not a SELECT: {other:?}"),
    }
}

/// The same for any request; those that are no SELECT are refused as a front end would.
pub(crate) fn request_of(text: &str, label: Label) -> Result<String, QueryErrors> {
    match parse(text, label)? {
        Request::Select(query) | Request::Explain { query, .. } => Ok(lower(check(query, &Sky)?)?.sql()),
        Request::CreateTableAs { target, .. }
        | Request::InsertInto { target, .. }
        | Request::DropTable { target, .. } => {
            Err(target.refuse(QueryErrorKind::Forbidden, "tables cannot be changed here"))
        }
    }
}

/// The plain SQL of an ADQL query, or its drawn errors.
pub(crate) fn adql(text: &str) -> String {
    sql_of(text, Label::Adql).unwrap_or_else(|errors| errors.to_string())
}

/// The same under the other label.
pub(crate) fn sql(text: &str) -> String {
    sql_of(text, Label::Sql).unwrap_or_else(|errors| errors.to_string())
}
