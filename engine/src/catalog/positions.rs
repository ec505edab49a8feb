//! Which columns hold the position of a row, and which one its HEALPix index?
//!
//! For HATS catalogs the properties say it. A plain table is read in this order: the one pair marked
//! `pos.eq.ra;meta.main` and `pos.eq.dec;meta.main`, then `ra`/`dec`, then `raj2000`/`dej2000` in any case. Columns
//! that are no numbers or not in degrees are never taken: no position is better than a wrong one.

use arrow::datatypes::{Field, Schema};

use super::properties::Properties;
use super::{PositionColumns, SpatialIndex};

/// Names that are read as positions, in order of preference.
const NAMES: [(&str, &str); 2] = [("ra", "dec"), ("raj2000", "dej2000")];
/// Spellings of the unit.
const DEGREES: [&str; 6] = ["deg", "degree", "degrees", "d", "\u{b0}", "degree_angle"];
/// The column name that HATS gives to an order-29 index.
const INDEX_COLUMN: &str = "_healpix_29";

/// The position columns that the schema of a plain table suggests.
pub(super) fn guess(schema: &Schema) -> Option<PositionColumns> {
    by_ucd(schema).or_else(|| NAMES.iter().find_map(|(ra, dec)| by_name(schema, ra, dec)))
}

fn by_ucd(schema: &Schema) -> Option<PositionColumns> {
    let only = |word: &str| {
        let mut marked = schema.fields().iter().filter(|field| is_main(field, word) && is_degrees(field));
        let first = marked.next()?;
        marked.next().is_none().then(|| first.name().clone())
    };
    Some(PositionColumns { ra: only("pos.eq.ra")?, dec: only("pos.eq.dec")? })
}

fn is_main(field: &Field, word: &str) -> bool {
    let Some(ucd) = field.metadata().get("ucd") else { return false };
    let mut words = ucd.split(';').map(str::trim);
    words.next().is_some_and(|first| first.eq_ignore_ascii_case(word))
        && words.any(|other| other.eq_ignore_ascii_case("meta.main"))
}

/// The columns of these names: written just so, else the only ones in any case.
fn by_name(schema: &Schema, ra: &str, dec: &str) -> Option<PositionColumns> {
    let only = |name: &str| {
        let usable = |field: &&Field| is_degrees(field);
        let exact = schema.fields().iter().map(AsRef::as_ref).filter(usable).find(|field| field.name() == name);
        if exact.is_some() {
            return exact.map(|field| field.name().clone());
        }
        let any_case = |field: &&Field| field.name().eq_ignore_ascii_case(name);
        let mut fields = schema.fields().iter().map(AsRef::as_ref).filter(usable).filter(any_case);
        let first = fields.next()?;
        fields.next().is_none().then(|| first.name().clone())
    };
    Some(PositionColumns { ra: only(ra)?, dec: only(dec)? })
}

fn is_degrees(field: &Field) -> bool {
    let unit = field.metadata().get("unit");
    field.data_type().is_numeric() && unit.is_none_or(|unit| DEGREES.iter().any(|word| word.eq_ignore_ascii_case(unit)))
}

/// Checks that named position columns exist and hold numbers.
///
/// *Errors*: a text for people.
pub(super) fn check(schema: &Schema, positions: &PositionColumns) -> Result<(), String> {
    for column in [&positions.ra, &positions.dec] {
        match schema.field_with_name(column) {
            Err(_) => return Err(format!("the position column {column:?} is not among its columns")),
            Ok(field) if !field.data_type().is_numeric() => {
                return Err(format!("the position column {column:?} is {}, expected a number", field.data_type()));
            }
            Ok(_) => {}
        }
    }
    Ok(())
}

/// The position columns that properties declare.
///
/// *Errors*: only one of the two, or a column that is missing or no number.
pub(super) fn declared(properties: &Properties, schema: &Schema) -> Result<Option<PositionColumns>, String> {
    let positions = match (properties.get("hats_col_ra"), properties.get("hats_col_dec")) {
        (Some(ra), Some(dec)) => PositionColumns { ra: ra.to_owned(), dec: dec.to_owned() },
        (None, None) => return Ok(None),
        _ => return Err("only one of hats_col_ra and hats_col_dec is given, expected both".to_owned()),
    };
    check(schema, &positions)?;
    Ok(Some(positions))
}

/// The spatial index column of a HATS catalog.
///
/// An index of an order that nobody declared is not used, except `_healpix_29`, whose name says it.
///
/// *Errors*: a declared column that is missing or no integer, or an order that does not exist.
pub(super) fn index(properties: &Properties, schema: &Schema) -> Result<Option<SpatialIndex>, String> {
    let Some(column) = properties.get("hats_col_healpix") else {
        let present = schema.field_with_name(INDEX_COLUMN).is_ok_and(|field| field.data_type().is_integer());
        return Ok(present.then(|| SpatialIndex { column: INDEX_COLUMN.to_owned(), order: 29 }));
    };
    let field = schema
        .field_with_name(column)
        .map_err(|_| format!("hats_col_healpix names the column {column:?}, which is not among its columns"))?;
    if !field.data_type().is_integer() {
        return Err(format!("the index column {column:?} is {}, expected an integer", field.data_type()));
    }
    let order = match properties.get("hats_col_healpix_order") {
        None if column == INDEX_COLUMN => 29,
        None => return Ok(None),
        Some(text) => text
            .parse()
            .ok()
            .filter(|order| *order <= 29)
            .ok_or_else(|| format!("hats_col_healpix_order is {text:?}, expected a whole number from 0 to 29"))?,
    };
    Ok(Some(SpatialIndex { column: column.to_owned(), order }))
}

#[cfg(test)]
mod tests {
    use arrow::datatypes::DataType;

    use super::*;

    fn schema(columns: &[(&str, DataType, &str, &str)]) -> Schema {
        let field = |(name, kind, ucd, unit): &(&str, DataType, &str, &str)| {
            let notes = [("ucd", *ucd), ("unit", *unit)].into_iter().filter(|(_, value)| !value.is_empty());
            let notes = notes.map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
            Field::new(*name, kind.clone(), true).with_metadata(notes)
        };
        Schema::new(columns.iter().map(field).collect::<Vec<_>>())
    }

    fn guessed(columns: &[(&str, DataType, &str, &str)]) -> Option<(String, String)> {
        guess(&schema(columns)).map(|found| (found.ra, found.dec))
    }

    fn pair(ra: &str, dec: &str) -> Option<(String, String)> {
        Some((ra.to_owned(), dec.to_owned()))
    }

    #[test]
    fn prefers_the_marked_pair_over_names() {
        let found = guessed(&[
            ("ra", DataType::Float64, "", ""),
            ("dec", DataType::Float64, "", ""),
            ("lon", DataType::Float64, "POS.EQ.RA; meta.main", "deg"),
            ("lat", DataType::Float64, "pos.eq.dec;meta.main", "deg"),
        ]);
        assert_eq!(found, pair("lon", "lat"));
    }

    #[test]
    fn takes_names_in_any_case_unless_ambiguous() {
        let float = DataType::Float64;
        assert_eq!(guessed(&[("RA", float.clone(), "", ""), ("Dec", float.clone(), "", "")]), pair("RA", "Dec"));
        assert_eq!(
            guessed(&[("RAJ2000", float.clone(), "", ""), ("DEJ2000", float.clone(), "", "")]),
            pair("RAJ2000", "DEJ2000")
        );
        let twice = [("RA", float.clone(), "", ""), ("Ra", float.clone(), "", ""), ("dec", float.clone(), "", "")];
        assert_eq!(guessed(&twice), None);
        let exact = [("RA", float.clone(), "", ""), ("ra", float.clone(), "", ""), ("dec", float, "", "")];
        assert_eq!(guessed(&exact), pair("ra", "dec"));
    }

    #[test]
    fn takes_neither_texts_nor_other_units() {
        let text = [("ra", DataType::Utf8, "", ""), ("dec", DataType::Float64, "", "")];
        assert_eq!(guessed(&text), None);
        let radians = [("ra", DataType::Float64, "", "rad"), ("dec", DataType::Float64, "", "rad")];
        assert_eq!(guessed(&radians), None);
        assert_eq!(guessed(&[("x", DataType::Float64, "", "")]), None);
    }

    #[test]
    fn uses_an_index_only_of_a_known_order() {
        let schema = schema(&[("healpix13", DataType::Int64, "", ""), ("_healpix_29", DataType::UInt64, "", "")]);
        let found = |text: &str| index(&Properties::parse(text.as_bytes()).unwrap(), &schema);
        let named = |column: &str, order| Ok(Some(SpatialIndex { column: column.to_owned(), order }));
        assert_eq!(found(""), named("_healpix_29", 29));
        assert_eq!(found("hats_col_healpix=healpix13\nhats_col_healpix_order=13"), named("healpix13", 13));
        assert_eq!(found("hats_col_healpix=healpix13"), Ok(None));
        assert_eq!(found("hats_col_healpix=_healpix_29"), named("_healpix_29", 29));
        assert!(found("hats_col_healpix=absent").unwrap_err().contains("absent"));
        assert!(found("hats_col_healpix=healpix13\nhats_col_healpix_order=30").unwrap_err().contains("30"));
    }
}
