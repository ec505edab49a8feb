//! How do the columns of a file become the columns of its catalog?
//!
//! A file may hold more columns, in another order, or with a wider string type than the catalog says. A missing
//! column or another kind of type is an error that names the file: rows are never filled in silently. A column of the catalog
//! may be one list of a nested column of the file: of that, nothing else is read.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, make_array};
use arrow::buffer::NullBuffer;
use arrow::datatypes::{DataType, FieldRef, Fields, SchemaRef};
use datafusion::error::{DataFusionError, Result};
use parquet::arrow::ProjectionMask;
use parquet::schema::types::SchemaDescriptor;

use super::cache::Footer;
use crate::catalog::nested_name;
use crate::functions::one_nan;

/// Reads some columns of a catalog from one file.
#[derive(Debug, Clone)]
pub(crate) struct FileColumns {
    mask: ProjectionMask,
    /// Where each wanted column is among the columns that the mask yields.
    places: Vec<Place>,
    schema: SchemaRef,
}

/// Where a column is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    /// Number among the columns.
    root: usize,
    /// Number among the lists of a nested column.
    list: Option<usize>,
    /// Whether it must be cast.
    cast: bool,
}

impl FileColumns {
    /// The columns of `schema` in the file.
    ///
    /// *Errors*: a column is missing from the file, or has a type that does not fit.
    pub(crate) fn try_new(footer: &Footer, schema: SchemaRef, file: &object_store::path::Path) -> Result<Self> {
        let fields = footer.reader.schema().fields();
        let mut places = Vec::with_capacity(schema.fields().len());
        for wanted in schema.fields() {
            let Some((root, list, found)) = find(fields, wanted.name()) else {
                return Err(mismatch(file, &format!("has no column {}, which its catalog declares", wanted.name())));
            };
            let cast = found.data_type() != wanted.data_type();
            if cast && !fits(found.data_type(), wanted.data_type()) {
                let (found, wanted_type) = (found.data_type(), wanted.data_type());
                return Err(mismatch(
                    file,
                    &format!("column {} is {found}, its catalog declares {wanted_type}", wanted.name()),
                ));
            }
            places.push(Place { root, list, cast });
        }
        let mut order: Vec<(usize, Option<usize>)> = places.iter().map(|place| (place.root, place.list)).collect();
        order.sort_unstable();
        order.dedup();
        let leaves = leaves(footer.reader.parquet_schema(), fields, &order);
        let mask = ProjectionMask::leaves(footer.reader.parquet_schema(), leaves);
        for place in &mut places {
            let before = |other: &&(usize, Option<usize>)| other.0 == place.root && other.1 < place.list;
            let lists = order.iter().filter(before).count();
            place.list = place.list.map(|_| lists);
            let mut roots: Vec<usize> = order.iter().map(|(root, _)| *root).filter(|root| *root < place.root).collect();
            roots.dedup();
            place.root = roots.len();
        }
        Ok(Self { mask, places, schema })
    }

    /// What the Parquet reader must yield.
    pub(crate) fn mask(&self) -> &ProjectionMask {
        &self.mask
    }

    /// The wanted columns, from a batch that the reader yielded; every NaN is the same.
    pub(crate) fn arrange(&self, batch: &RecordBatch) -> Result<Vec<ArrayRef>> {
        let column = |(place, field): (&Place, &Arc<arrow::datatypes::Field>)| {
            let column = batch.column(place.root);
            let column = match place.list {
                Some(list) => list_of(column, list)?,
                None => Arc::clone(column),
            };
            let column = if place.cast { arrow::compute::cast(&column, field.data_type())? } else { column };
            Ok(one_nan(column))
        };
        self.places.iter().zip(self.schema.fields()).map(column).collect()
    }
}

/// The column of that name, or the list of a nested column.
fn find<'a>(fields: &'a Fields, name: &str) -> Option<(usize, Option<usize>, &'a FieldRef)> {
    if let Some((root, field)) = fields.iter().enumerate().find(|(_, field)| field.name() == name) {
        return Some((root, None, field));
    }
    fields.iter().enumerate().find_map(|(root, field)| {
        let DataType::Struct(lists) = field.data_type() else { return None };
        let is_named = |list: &FieldRef| nested_name(field.name(), list.name()) == name;
        lists.iter().position(is_named).map(|list| (root, Some(list), &lists[list]))
    })
}

/// The leaves of some columns, and of some lists of nested columns.
fn leaves(schema: &SchemaDescriptor, fields: &Fields, wanted: &[(usize, Option<usize>)]) -> Vec<usize> {
    let is_wanted = |leaf: &usize| {
        let root = schema.get_column_root_idx(*leaf);
        let path = schema.column(*leaf).path().parts().to_vec();
        let list = |list: usize| match fields.get(root).map(|field| field.data_type()) {
            Some(DataType::Struct(lists)) => lists.get(list).is_some_and(|list| path.get(1) == Some(list.name())),
            _ => false,
        };
        wanted.iter().any(|(other, of)| *other == root && of.is_none_or(list))
    };
    (0..schema.num_columns()).filter(is_wanted).collect()
}

/// A list of a nested column; null where that is null.
fn list_of(column: &ArrayRef, list: usize) -> Result<ArrayRef> {
    let column = column.as_struct();
    let list = column.column(list);
    let Some(nulls) = NullBuffer::union(column.nulls(), list.nulls()) else { return Ok(Arc::clone(list)) };
    Ok(make_array(list.to_data().into_builder().nulls(Some(nulls)).build()?))
}

fn mismatch(file: &object_store::path::Path, message: &str) -> DataFusionError {
    DataFusionError::External(format!("file {file} {message}").into())
}

/// Whether every value of `from` can be written as `to` without loss.
fn fits(from: &DataType, to: &DataType) -> bool {
    use DataType::{
        Binary, BinaryView, Dictionary, Float32, Float64, Int8, Int16, Int32, Int64, LargeBinary, LargeList, LargeUtf8,
        List, Struct, UInt8, UInt16, UInt32, UInt64, Utf8, Utf8View,
    };
    let text = |kind: &DataType| matches!(kind, Utf8 | LargeUtf8 | Utf8View);
    let bytes = |kind: &DataType| matches!(kind, Binary | LargeBinary | BinaryView);
    match (from, to) {
        (Dictionary(_, values), other) | (other, Dictionary(_, values)) => **values == *other || fits(values, other),
        (List(from), List(to) | LargeList(to)) | (LargeList(from), LargeList(to)) => {
            from.data_type() == to.data_type() || fits(from.data_type(), to.data_type())
        }
        (Struct(from), Struct(to)) => {
            from.len() == to.len()
                && from.iter().zip(to).all(|(from, to)| {
                    from.name() == to.name()
                        && (from.data_type() == to.data_type() || fits(from.data_type(), to.data_type()))
                })
        }
        (Int8 | UInt8, Int16) | (Int8 | Int16 | UInt8 | UInt16, Int32) => true,
        (Int8 | Int16 | Int32 | UInt8 | UInt16 | UInt32, Int64) => true,
        (UInt8, UInt16) | (UInt8 | UInt16, UInt32) | (UInt8 | UInt16 | UInt32, UInt64) => true,
        (Float32, Float64) => true,
        (from, to) => (text(from) && text(to)) || (bytes(from) && bytes(to)),
    }
}
