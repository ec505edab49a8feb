//! Which columns does the catalog get, and how is each made of those that are read?
//!
//! Sources must have the same columns; where their types differ, the wider one is taken. Rules rename, drop, convert
//! and describe. Position columns in radians become degrees.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Float64Array, RecordBatch};
use arrow::compute::{CastOptions, cast_with_options, filter_record_batch};
use arrow::datatypes::{DataType, Field, Float64Type, Schema, SchemaRef};
use arrow::util::display::array_value_to_string;

use super::failure::bad_input;
use crate::catalog::PositionColumns;
use crate::error::EngineError;
use crate::tables::{Places, Reject, TableBatch};

/// What is to be done with a column.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ColumnRule {
    /// Its name in the source.
    pub name: String,
    /// Its name in the catalog, if another.
    pub rename: Option<String>,
    /// Leave it out.
    pub drop: bool,
    /// Its type, if another than the source's.
    pub kind: Option<DataType>,
    /// Metadata that replace the source's: `unit`, `ucd`, `description`, ..
    pub metadata: BTreeMap<String, String>,
}

/// How the columns of the catalog come about.
#[derive(Debug)]
pub(super) struct ColumnPlan {
    /// The columns of the catalog, without the key.
    pub(super) schema: SchemaRef,
    /// Names of the position columns, as the catalog has them; empty for a table without.
    pub(super) positions: PositionColumns,
    /// Where each column comes from.
    origins: Vec<Origin>,
    /// What people should know.
    pub(super) notes: Vec<String>,
}

#[derive(Debug)]
struct Origin {
    name: String,
    is_in_radians: bool,
}

/// What is asked of the columns.
#[derive(Debug)]
pub(super) struct Wanted<'a> {
    /// Rules by column.
    pub(super) rules: &'a [ColumnRule],
    /// Columns to keep; all without it.
    pub(super) columns: Option<&'a [String]>,
    /// Position columns, by either name; found from UCDs and names without them.
    pub(super) ra: Option<&'a str>,
    /// The other.
    pub(super) dec: Option<&'a str>,
    /// Whether there must be positions.
    pub(super) has_positions: bool,
}

impl ColumnPlan {
    /// Chooses the columns.
    ///
    /// *Errors*: sources differ; a name that is none, with the nearest one; no position columns, or not of numbers.
    pub(super) fn new(sources: &[(String, SchemaRef)], wanted: &Wanted<'_>) -> Result<Self, EngineError> {
        let all = common_schema(sources)?;
        let named = wanted.rules.iter().map(|rule| &rule.name).chain(wanted.columns.unwrap_or_default());
        for name in named {
            column(&all, name, "column")?;
        }
        let rule = |name: &str| wanted.rules.iter().find(|rule| rule.name == name);
        let final_name =
            |name: &str| rule(name).and_then(|rule| rule.rename.clone()).unwrap_or_else(|| name.to_owned());
        let source_name = |name: &str| {
            let renamed = wanted.rules.iter().find(|rule| rule.rename.as_deref() == Some(name));
            renamed.map_or_else(|| name.to_owned(), |rule| rule.name.clone())
        };
        let (ra, dec) = if wanted.has_positions {
            (position(&all, wanted.ra.map(source_name), &RA)?, position(&all, wanted.dec.map(source_name), &DEC)?)
        } else {
            (String::new(), String::new())
        };
        let (mut fields, mut origins, mut notes) = (Vec::new(), Vec::new(), Vec::new());
        for field in all.fields() {
            let name = field.name();
            let is_position = wanted.has_positions && (*name == ra || *name == dec);
            let is_dropped = rule(name).is_some_and(|rule| rule.drop)
                || wanted.columns.is_some_and(|kept| !kept.contains(name) && !kept.contains(&final_name(name)));
            if is_dropped && !is_position {
                continue;
            }
            let mut metadata = field.metadata().clone();
            metadata.extend(rule(name).into_iter().flat_map(|rule| rule.metadata.clone()));
            let is_in_radians = is_position && metadata.get("unit").is_some_and(|unit| unit == "rad");
            if is_in_radians {
                metadata.insert("unit".to_owned(), "deg".to_owned());
                notes.push(format!("{name} was converted from radians to degrees"));
            }
            let told = rule(name).and_then(|rule| rule.kind.clone());
            let kind = told
                .clone()
                .unwrap_or_else(|| if is_in_radians { DataType::Float64 } else { field.data_type().clone() });
            if is_position && !kind.is_numeric() {
                return Err(not_degrees(name, &all));
            }
            let nullable = field.is_nullable() || told.is_some() || is_in_radians;
            fields.push(Field::new(final_name(name), kind, nullable).with_metadata(metadata));
            origins.push(Origin { name: name.clone(), is_in_radians });
        }
        let positions = PositionColumns { ra: final_name(&ra), dec: final_name(&dec) };
        check_distinct(&fields)?;
        let schema = Arc::new(Schema::new_with_metadata(fields, all.metadata().clone()));
        Ok(Self { schema, positions, origins, notes })
    }

    /// Columns of the catalog out of those read; rows with a cell that cannot be converted join the rejects.
    pub(super) fn apply(&self, batch: TableBatch) -> Result<TableBatch, EngineError> {
        let TableBatch { rows, places, mut rejects, widen } = batch;
        let mut lost: BTreeMap<usize, (usize, &str)> = BTreeMap::new();
        let mut arrays: Vec<ArrayRef> = Vec::with_capacity(self.origins.len());
        for (number, (field, origin)) in self.schema.fields().iter().zip(&self.origins).enumerate() {
            let column = rows.column_by_name(&origin.name);
            let column = column.ok_or_else(|| bad_input(format!("a source has no column {:?}", origin.name)))?;
            let options = CastOptions { safe: true, ..CastOptions::default() };
            let array = if column.data_type() == field.data_type() {
                Arc::clone(column)
            } else {
                cast_with_options(column, field.data_type(), &options)
                    .map_err(|error| bad_input(format!("column {:?} cannot be converted: {error}", origin.name)))?
            };
            if array.logical_null_count() > column.logical_null_count() {
                let (before, after) = (column.logical_nulls(), array.logical_nulls());
                let is_null = |nulls: &Option<arrow::buffer::NullBuffer>, row| {
                    nulls.as_ref().is_some_and(|nulls| nulls.is_null(row))
                };
                for row in (0..rows.num_rows()).filter(|row| is_null(&after, *row) && !is_null(&before, *row)) {
                    lost.entry(row).or_insert((number, &origin.name));
                }
            }
            arrays.push(if origin.is_in_radians { in_degrees(&array) } else { array });
        }
        let kept: Vec<bool> = (0..rows.num_rows()).map(|row| !lost.contains_key(&row)).collect();
        for (row, (number, name)) in &lost {
            let text = rows.column_by_name(name).and_then(|column| array_value_to_string(column, *row).ok());
            rejects.push(Reject {
                place: places.of(*row),
                column: (*name).to_owned(),
                reason: format!("expected {}", self.schema.field(*number).data_type()),
                text: text.unwrap_or_default(),
            });
        }
        let no_fit = |error: arrow::error::ArrowError| bad_input(format!("the columns do not fit together: {error}"));
        let options = arrow::array::RecordBatchOptions::new().with_row_count(Some(rows.num_rows()));
        if lost.is_empty() {
            let rows = RecordBatch::try_new_with_options(Arc::clone(&self.schema), arrays, &options).map_err(no_fit)?;
            return Ok(TableBatch { rows, places, rejects, widen });
        }
        let nullable: Vec<Field> =
            self.schema.fields().iter().map(|field| field.as_ref().clone().with_nullable(true)).collect();
        let all = RecordBatch::try_new(Arc::new(Schema::new(nullable)), arrays).map_err(no_fit)?;
        let left = filter_record_batch(&all, &kept.clone().into()).map_err(no_fit)?;
        let rows = RecordBatch::try_new(Arc::clone(&self.schema), left.columns().to_vec()).map_err(no_fit)?;
        let places = Places::Each((0..kept.len()).filter(|row| kept[*row]).map(|row| places.of(row)).collect());
        Ok(TableBatch { rows, places, rejects, widen })
    }
}

fn in_degrees(radians: &ArrayRef) -> ArrayRef {
    let degrees: Float64Array =
        radians.as_primitive::<Float64Type>().unary(|angle| angle * (180.0 / std::f64::consts::PI));
    Arc::new(degrees)
}

fn check_distinct(fields: &[Field]) -> Result<(), EngineError> {
    let mut names = std::collections::HashSet::new();
    match fields.iter().find(|field| !names.insert(field.name())) {
        Some(twice) => Err(bad_input(format!("two columns would have the name {:?}", twice.name()))),
        None => Ok(()),
    }
}

/// The first source's columns, of the types that take all sources' values.
fn common_schema(sources: &[(String, SchemaRef)]) -> Result<SchemaRef, EngineError> {
    let Some(((first_name, first), others)) = sources.split_first() else {
        return Err(bad_input("there is no source to import"));
    };
    let mut fields: Vec<Field> = first.fields().iter().map(|field| field.as_ref().clone()).collect();
    for (name, schema) in others {
        let unknown = schema.fields().iter().find(|field| first.field_with_name(field.name()).is_err());
        if let Some(field) = unknown {
            return Err(bad_input(format!("{name} has a column {:?} that {first_name} has not", field.name())));
        }
        for field in &mut fields {
            let other = schema.field_with_name(field.name());
            let other = other
                .map_err(|_| bad_input(format!("{name} has no column {:?}, as {first_name} has", field.name())))?;
            let kind = wider(field.data_type(), other.data_type()).ok_or_else(|| {
                let (left, right) = (field.data_type(), other.data_type());
                bad_input(format!(
                    "column {:?} is {left} in {first_name} and {right} in {name}; say which with a schema",
                    field.name()
                ))
            })?;
            let nullable = field.is_nullable() || other.is_nullable() || kind != *field.data_type();
            *field = field.clone().with_data_type(kind).with_nullable(nullable);
        }
    }
    // What no cell told the type of is text without a value.
    let known = fields.into_iter().map(|field| match field.data_type() {
        DataType::Null => field.with_data_type(DataType::Utf8).with_nullable(true),
        _ => field,
    });
    Ok(Arc::new(Schema::new_with_metadata(known.collect::<Vec<_>>(), first.metadata().clone())))
}

fn wider(left: &DataType, right: &DataType) -> Option<DataType> {
    if left == right {
        return Some(left.clone());
    }
    match (left, right) {
        (DataType::Null, other) | (other, DataType::Null) => Some(other.clone()),
        (
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View,
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View,
        ) => Some(DataType::Utf8),
        (DataType::UInt64, other) | (other, DataType::UInt64) if other.is_unsigned_integer() => Some(DataType::UInt64),
        (DataType::UInt64, _) | (_, DataType::UInt64) => None,
        _ if left.is_integer() && right.is_integer() => Some(DataType::Int64),
        _ if left.is_numeric() && right.is_numeric() => Some(DataType::Float64),
        _ => None,
    }
}

struct Coordinate {
    ucd: &'static str,
    names: &'static [&'static str],
    option: &'static str,
}

const RA: Coordinate = Coordinate {
    ucd: "pos.eq.ra",
    names: &["ra", "raj2000", "ra_icrs", "radeg", "ra_deg", "_raj2000"],
    option: "--ra",
};
const DEC: Coordinate = Coordinate {
    ucd: "pos.eq.dec",
    names: &["dec", "dej2000", "de_icrs", "dedeg", "dec_deg", "_dej2000"],
    option: "--dec",
};

/// The column that was named; without a name that of the main position, or of a usual name.
fn position(schema: &Schema, named: Option<String>, coordinate: &Coordinate) -> Result<String, EngineError> {
    if let Some(name) = named {
        return column(schema, &name, "position column");
    }
    let fields = schema.fields();
    let ucd = |field: &Field| field.metadata().get("ucd").map(|ucd| ucd.to_ascii_lowercase()).unwrap_or_default();
    let main = format!("{};meta.main", coordinate.ucd);
    let usual =
        coordinate.names.iter().find_map(|name| fields.iter().find(|field| field.name().eq_ignore_ascii_case(name)));
    let found = fields.iter().find(|field| ucd(field) == main).or(usual);
    found.map(|field| field.name().clone()).ok_or_else(|| {
        let names: Vec<&str> = fields.iter().map(|field| field.name().as_str()).take(40).collect();
        bad_input(format!(
            "no column is known to hold {}; name it with {}: {}",
            coordinate.ucd,
            coordinate.option,
            names.join(", ")
        ))
    })
}

/// A column's name, if there is one.
fn column(schema: &Schema, name: &str, what: &str) -> Result<String, EngineError> {
    if schema.field_with_name(name).is_ok() {
        return Ok(name.to_owned());
    }
    let likeness = |field: &&Arc<Field>| strsim::jaro_winkler(&field.name().to_lowercase(), &name.to_lowercase());
    let nearest = schema.fields().iter().max_by(|left, right| likeness(left).total_cmp(&likeness(right)));
    let hint = nearest.map(|field| format!("; did you mean {:?}?", field.name())).unwrap_or_default();
    Err(bad_input(format!("there is no {what} {name:?}{hint}")))
}

fn not_degrees(name: &str, schema: &Schema) -> EngineError {
    let kind = schema.field_with_name(name).map(|field| field.data_type().to_string()).unwrap_or_default();
    let numbers: Vec<&str> = schema
        .fields()
        .iter()
        .filter(|field| field.data_type().is_floating())
        .map(|field| field.name().as_str())
        .take(20)
        .collect();
    bad_input(format!(
        "position column {name:?} is {kind}, expected numbers of degrees; did you mean one of {}?",
        numbers.join(", ")
    ))
}
