//! How do the columns of a file become the columns of its catalog?
//!
//! A file may hold more columns, in another order, or with a wider string type than the catalog says. A missing
//! column or another kind of type is an error that names the file: rows are never filled in silently.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch};
use arrow::datatypes::{DataType, SchemaRef};
use datafusion::error::{DataFusionError, Result};
use parquet::arrow::ProjectionMask;

use super::cache::Footer;
use crate::functions::one_nan;

/// Reads some columns of a catalog from one file.
#[derive(Debug, Clone)]
pub(crate) struct FileColumns {
    mask: ProjectionMask,
    /// For each wanted column, its place among the columns that the mask yields, and whether it must be cast.
    places: Vec<(usize, bool)>,
    schema: SchemaRef,
}

impl FileColumns {
    /// The columns of `schema` in the file.
    ///
    /// *Errors*: a column is missing from the file, or has a type that does not fit.
    pub(crate) fn try_new(footer: &Footer, schema: SchemaRef, file: &object_store::path::Path) -> Result<Self> {
        let fields = footer.reader.schema().fields();
        let mut roots = Vec::with_capacity(schema.fields().len());
        for wanted in schema.fields() {
            let Some((root, found)) = fields.iter().enumerate().find(|(_, field)| field.name() == wanted.name()) else {
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
            roots.push((root, cast));
        }
        let mut order: Vec<usize> = roots.iter().map(|(root, _)| *root).collect();
        order.sort_unstable();
        order.dedup();
        let place = |root: usize| order.binary_search(&root).unwrap_or_default();
        let places = roots.iter().map(|(root, cast)| (place(*root), *cast)).collect();
        let mask = ProjectionMask::roots(footer.reader.parquet_schema(), order.iter().copied());
        Ok(Self { mask, places, schema })
    }

    /// What the Parquet reader must yield.
    pub(crate) fn mask(&self) -> &ProjectionMask {
        &self.mask
    }

    /// The wanted columns, from a batch that the reader yielded; every NaN is the same.
    pub(crate) fn arrange(&self, batch: &RecordBatch) -> Result<Vec<ArrayRef>> {
        let column = |((place, cast), field): (&(usize, bool), &Arc<arrow::datatypes::Field>)| {
            let column = batch.column(*place);
            let column = if *cast { arrow::compute::cast(column, field.data_type())? } else { Arc::clone(column) };
            Ok(one_nan(column))
        };
        self.places.iter().zip(self.schema.fields()).map(column).collect()
    }
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
