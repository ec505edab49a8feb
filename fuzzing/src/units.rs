//! Units, read strictly where a query asks for one, loosely where a table states one.

use sidereus_adql::{Label, QueryErrors, Request, check, lower, parse};

use crate::Verdict;
use crate::tables::Tables;

/// Reads a text as the unit that a query asks for, and as that of a column.
pub(crate) fn read(text: &str) -> Verdict {
    let mut verdict = Verdict::Refused;
    if let Some(unit) = inferred(&Tables { unit: Some(text) }, "id * 1") {
        verdict = Verdict::Accepted;
        reads_back(&unit);
    }
    let written = text.replace('\'', "''");
    if let Some(unit) = inferred(&Tables { unit: Some(text) }, &format!("IN_UNIT(id, '{written}')")) {
        verdict = Verdict::Accepted;
        reads_back(&unit);
    }
    // To another unit, of another dimension or not.
    let _ = inferred(&Tables { unit: Some("km/s") }, &format!("IN_UNIT(id, '{written}')"));
    verdict
}

/// The unit of an expression over `id`, if the query is right and the unit is known.
fn inferred(tables: &Tables<'_>, expression: &str) -> Option<String> {
    let query = format!("SELECT {expression} AS x FROM stars");
    units(&query, tables).ok()?.into_iter().next().flatten()
}

fn units(query: &str, tables: &Tables<'_>) -> Result<Vec<Option<String>>, QueryErrors> {
    match parse(query, Label::Adql)? {
        Request::Select(query) => Ok(lower(check(query, tables)?)?.units),
        _ => Ok(Vec::new()),
    }
}

/// What is written out is strictly right, and means itself.
fn reads_back(unit: &str) {
    let tables = Tables { unit: Some(unit) };
    let written = unit.replace('\'', "''");
    let query = format!("SELECT IN_UNIT(id, '{written}') AS x FROM stars");
    match units(&query, &tables) {
        Ok(units) => assert_eq!(units[0].as_deref(), Some(unit), "does not come back"),
        Err(errors) => panic!("the unit {unit} does not read back\n{errors}"),
    }
}

pub(crate) const SEEDS: [&str; 28] = [
    "deg",
    "mas.yr**-1",
    "km s-1",
    "km.s**-1",
    "km/s",
    "10**-7.J",
    "erg/(s.cm**2)",
    "W.m**-2.Hz**-1",
    "mag",
    "log(K)",
    "sqrt(Hz)",
    "m**(1/2)",
    "m**0.5",
    "%",
    "1/yr",
    "Jy/beam",
    "10+3J/m/s/kpc2",
    "10-15W/m2",
    "[cm/s2]",
    "'electron'.s**-1",
    "solMass",
    "dB",
    "uas",
    "um",
    "arcsec^2",
    "1.5e3 m",
    "ph/s",
    "",
];

pub(crate) const WORDS: &str = "deg rad mas arcsec arcmin m km s yr a d h min K Jy mag mmag adu photon ph pix W J erg eV keV Hz \
GHz T G N Pa C V A mol cd lm lx sr pc kpc Mpc AU lyr solMass solLum solRad Ry u D barn bit byte Ki Mi da c m n p f y z E P \
** ^ * . / ( ) - + 1 2 -1 10 10**3 1e3 (1/2) 0.5 sqrt log ln exp % ' [ ] 99 -99 2147483648 1e308";
