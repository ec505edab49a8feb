//! What is asked of an exchange, and the query over one window of targets that answers it.
//!
//! ```json
//! {"crossmatch": {"catalog": "gaia_dr3_bright", "radius": 1.0, "k": 1, "columns": ["source_id"], "how": "inner",
//!                 "epoch": 1991.25, "ra": "ra", "dec": "dec"}}
//! ```
//! The query is ADQL: `XMATCH` where the catalog's positions are taken as they are, a lateral join where its stars are moved to
//! the epoch of the targets. Its columns are those of the targets, those asked for, and the separation in arcseconds.

use std::collections::HashSet;

use arrow::datatypes::Schema;
use serde::Deserialize;
use sidereus_engine::{TableDescription, adql_table};
use tonic::Status;

use crate::flight_sql::session::DEFAULT_SCHEMA;

/// The name of the targets in the query.
pub(super) const TARGETS: &str = "targets";
/// What is added to the name of a column that the targets have too.
const SUFFIX: &str = "_match";
/// The column of the separation.
const SEPARATION: &str = "separation";
/// Names of position columns that are looked for, in this order.
const POSITIONS: [(&str, &str); 6] = [
    ("ra", "dec"),
    ("raj2000", "dej2000"),
    ("_raj2000", "_dej2000"),
    ("ra_icrs", "de_icrs"),
    ("ra_deg", "dec_deg"),
    ("s_ra", "s_dec"),
];

/// The command of an exchange.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Command {
    crossmatch: Asked,
}

/// A crossmatch of targets that a client sends.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Asked {
    /// The table to look in.
    catalog: String,
    /// How far, in arcseconds.
    radius: f64,
    /// How many of the nearest; none gives all.
    #[serde(default = "one")]
    k: Option<u32>,
    /// Columns of the catalog; none gives all.
    #[serde(default)]
    columns: Option<Vec<String>>,
    /// Which targets are answered.
    #[serde(default)]
    how: How,
    /// Julian year of the targets' positions, where the catalog's stars are to be moved there.
    #[serde(default)]
    epoch: Option<f64>,
    /// Julian year of the catalog's positions, where the catalog does not say it.
    #[serde(default)]
    catalog_epoch: Option<f64>,
    /// Columns of the targets' positions.
    #[serde(default)]
    ra: Option<String>,
    #[serde(default)]
    dec: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum How {
    /// Targets that have a match.
    #[default]
    Inner,
    /// All of them.
    Left,
    /// Those that have none.
    Anti,
}

#[expect(clippy::unnecessary_wraps, reason = "the default of an optional field")]
fn one() -> Option<u32> {
    Some(1)
}

impl Asked {
    /// Reads the command of a descriptor.
    ///
    /// *Errors*: what is not such a command, or has a value that it cannot have.
    pub(super) fn parse(command: &[u8]) -> Result<Self, Status> {
        let expected =
            "expected a crossmatch as JSON: {\"crossmatch\": {\"catalog\": NAME, \"radius\": ARCSECONDS, ..}}";
        let read: Result<Command, _> = serde_json::from_slice(command);
        let asked = read.map_err(|error| Status::invalid_argument(format!("{expected}; {error}")))?.crossmatch;
        if !(asked.radius > 0.0 && asked.radius <= 180.0 * 3600.0) {
            return Err(wrong("radius", "arcseconds above 0 and up to 648000"));
        }
        if asked.k == Some(0) {
            return Err(wrong("k", "a number from 1, or null for all pairs"));
        }
        for (name, epoch) in [("epoch", asked.epoch), ("catalog_epoch", asked.catalog_epoch)] {
            if epoch.is_some_and(|epoch| !(0.0..=10_000.0).contains(&epoch)) {
                return Err(wrong(name, "a Julian year, such as 1991.25"));
            }
        }
        Ok(asked)
    }

    /// The query over [`TARGETS`] with these columns.
    ///
    /// *Errors*: a catalog or column that is not there.
    pub(super) fn query(&self, targets: &Schema, tables: &[TableDescription]) -> Result<String, Status> {
        let catalog = self.catalog(tables)?;
        let (ra, dec) = self.target_position(targets)?;
        let columns = self.asked_columns(catalog)?;
        let prefix = free_prefix(catalog);
        let (mut taken, mut given, mut selected) = (HashSet::new(), String::new(), Vec::new());
        for (number, field) in targets.fields().iter().enumerate() {
            taken.insert(field.name().to_lowercase());
            given += &format!(", {} AS {prefix}{number}", quoted(field.name()));
            selected.push(format!("{prefix}{number} AS {}", quoted(field.name())));
        }
        let given = format!("(SELECT {} AS ra, {} AS dec{given} FROM TAP_UPLOAD.{TARGETS})", quoted(&ra), quoted(&dec));
        let Pairs { from, columns: matched, separation } = match self.epoch {
            None => self.as_they_are(&given, catalog, &columns),
            Some(epoch) => self.moved(&given, catalog, &columns, epoch)?,
        };
        if self.how != How::Anti {
            let names = columns.iter().map(|name| free_name(name, &mut taken)).collect::<Vec<_>>();
            selected.extend(matched.iter().zip(names).map(|(column, name)| format!("{column} AS {}", quoted(&name))));
            let name = free_name(SEPARATION, &mut taken);
            selected.push(format!("IN_UNIT({separation}, 'arcsec') AS {}", quoted(&name)));
        }
        Ok(format!("SELECT {} FROM {from}", selected.join(", ")))
    }

    /// Pairs with the positions of the catalog.
    fn as_they_are(&self, targets: &str, catalog: &TableDescription, columns: &[String]) -> Pairs {
        let kind = match (self.how, self.k) {
            (How::Inner, None) => "'all'".to_owned(),
            (How::Inner, Some(k)) => format!("{k}, 'best1'"),
            (How::Left, None) => "'left'".to_owned(),
            (How::Left, Some(k)) => format!("{k}, 'each'"),
            (How::Anti, _) => "'anti'".to_owned(),
        };
        let (table, radius) = (adql_table(&catalog.name), self.degrees());
        // What both sides have, in any case, is told apart by a number.
        let is_shared = |name: &str| ["ra", "dec", SEPARATION].contains(&name.to_lowercase().as_str());
        let matched = |name: &String| quoted(&if is_shared(name) { format!("{name}_2") } else { name.clone() });
        Pairs {
            from: format!("XMATCH({targets}, {table}, {radius}, {kind}) AS m"),
            columns: columns.iter().map(matched).collect(),
            separation: SEPARATION.to_owned(),
        }
    }

    /// Pairs with the positions that the catalog's stars have at an epoch.
    fn moved(
        &self,
        targets: &str,
        catalog: &TableDescription,
        columns: &[String],
        epoch: f64,
    ) -> Result<Pairs, Status> {
        let (table, radius) = (adql_table(&catalog.name), self.degrees());
        let distance = format!("DISTANCE({}, POINT(t.ra, t.dec))", moved_point(catalog, self.catalog_epoch, epoch)?);
        let own = |name: &String| format!("c.{}", quoted(name));
        Ok(match (self.how, self.k) {
            (How::Anti, _) => Pairs {
                from: format!(
                    "{targets} AS t WHERE NOT EXISTS (SELECT 1 FROM {table} AS c WHERE {distance} <= {radius})"
                ),
                columns: Vec::new(),
                separation: String::new(),
            },
            (how, None) => Pairs {
                from: format!("{targets} AS t {} {table} AS c ON {distance} <= {radius}", how.join()),
                columns: columns.iter().map(own).collect(),
                separation: distance,
            },
            (how, Some(k)) => {
                let numbered = columns.iter().enumerate();
                let inner: String = numbered.map(|(number, name)| format!("{} AS c_{number}, ", own(name))).collect();
                let nearest = format!(
                    "SELECT {inner}{distance} AS {SEPARATION} FROM {table} AS c WHERE {distance} <= {radius} \
                     ORDER BY {SEPARATION} LIMIT {k}"
                );
                Pairs {
                    from: format!("{targets} AS t {} LATERAL ({nearest}) AS m ON 1 = 1", how.join()),
                    columns: (0..columns.len()).map(|number| format!("m.c_{number}")).collect(),
                    separation: format!("m.{SEPARATION}"),
                }
            }
        })
    }

    /// The radius as queries write it.
    fn degrees(&self) -> String {
        format!("{:?}", self.radius / 3600.0)
    }

    fn catalog<'a>(&self, tables: &'a [TableDescription]) -> Result<&'a TableDescription, Status> {
        let is_meant = |table: &&TableDescription| {
            let name = &table.name;
            let full = name.to_string();
            [&full, &adql_table(name), &format!("{}.{}", name.schema, name.table)]
                .iter()
                .any(|known| known.eq_ignore_ascii_case(&self.catalog))
                || (name.schema == DEFAULT_SCHEMA && name.table.eq_ignore_ascii_case(&self.catalog))
        };
        let found = tables.iter().find(is_meant);
        found.ok_or_else(|| {
            Status::not_found(format!("there is no table {:?}: ListFlights names them all", self.catalog))
        })
    }

    fn asked_columns(&self, catalog: &TableDescription) -> Result<Vec<String>, Status> {
        let names = || catalog.columns.iter().map(|column| &column.name);
        let Some(asked) = &self.columns else { return Ok(names().cloned().collect()) };
        let find = |wanted: &String| {
            let exact = names().find(|name| *name == wanted);
            exact
                .or_else(|| names().find(|name| name.eq_ignore_ascii_case(wanted)))
                .cloned()
                .ok_or_else(|| Status::invalid_argument(format!("{} has no column {wanted:?}", catalog.name)))
        };
        asked.iter().map(find).collect()
    }

    /// Columns of the targets' positions: those named, else the first pair of usual names.
    fn target_position(&self, targets: &Schema) -> Result<(String, String), Status> {
        let find = |wanted: &str| {
            let names = || targets.fields().iter().map(|field| field.name());
            let exact = names().find(|name| *name == wanted);
            exact.or_else(|| names().find(|name| name.eq_ignore_ascii_case(wanted))).cloned()
        };
        match (&self.ra, &self.dec) {
            (None, None) => {
                let usual = POSITIONS.iter().find_map(|(ra, dec)| find(ra).zip(find(dec)));
                usual.ok_or_else(|| {
                    Status::invalid_argument("the targets have no columns ra and dec: name those of their positions")
                })
            }
            (Some(ra), Some(dec)) => {
                let one = |name: &String| {
                    find(name).ok_or_else(|| Status::invalid_argument(format!("the targets have no column {name:?}")))
                };
                Ok((one(ra)?, one(dec)?))
            }
            _ => Err(wrong("ra and dec", "both, or none of them")),
        }
    }
}

/// What a query selects from, and how it says columns of the catalog and the separation in degrees.
struct Pairs {
    from: String,
    columns: Vec<String>,
    separation: String,
}

impl How {
    fn join(self) -> &'static str {
        if self == Self::Left { "LEFT JOIN" } else { "JOIN" }
    }
}

/// The position of a star of a catalog `c` at an epoch, by its proper motion; a star without one stays.
fn moved_point(catalog: &TableDescription, from: Option<f64>, epoch: f64) -> Result<String, Status> {
    let column = |ucd: &str, name: &str| {
        let by_name = catalog.columns.iter().find(|column| column.name.eq_ignore_ascii_case(name));
        let has_ucd = |column: &&sidereus_engine::ColumnDescription| {
            column.ucd.as_deref().is_some_and(|found| found == ucd || found == format!("{ucd};meta.main"))
        };
        let column = by_name.or_else(|| catalog.columns.iter().find(has_ucd));
        let column = column.ok_or_else(|| {
            Status::invalid_argument(format!("{} has no column {name}: it cannot be moved to an epoch", catalog.name))
        })?;
        Ok::<_, Status>(format!("c.{}", quoted(&column.name)))
    };
    let (ra, dec) = (column("pos.eq.ra", "ra")?, column("pos.eq.dec", "dec")?);
    let (pmra, pmdec) = (column("pos.pm;pos.eq.ra", "pmra")?, column("pos.pm;pos.eq.dec", "pmdec")?);
    let told = catalog.about.epoch.as_deref().and_then(|epoch| epoch.trim_start_matches('J').parse::<f64>().ok());
    let from = told.or(from).ok_or_else(|| {
        let message = format!("the epoch of the positions of {} is not known: say it as catalog_epoch", catalog.name);
        Status::failed_precondition(message)
    })?;
    let a_year = |motion: String| format!("COALESCE(IN_UNIT({motion}, 'deg.yr**-1'), 0)");
    Ok(format!("IVO_APPLY_PM({ra}, {dec}, {}, {}, {:?})", a_year(pmra), a_year(pmdec), epoch - from))
}

/// What names of target columns in the query begin with: no column of the catalog does.
fn free_prefix(catalog: &TableDescription) -> String {
    let mut prefix = "t_".to_owned();
    while catalog.columns.iter().any(|column| column.name.to_lowercase().starts_with(&prefix)) {
        prefix.push('_');
    }
    prefix
}

/// A name that no column before has, in any case.
fn free_name(name: &str, taken: &mut HashSet<String>) -> String {
    let mut free = name.to_owned();
    while !taken.insert(free.to_lowercase()) {
        free += SUFFIX;
    }
    free
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn wrong(name: &str, expected: &str) -> Status {
    Status::invalid_argument(format!("{name}: expected {expected}"))
}
