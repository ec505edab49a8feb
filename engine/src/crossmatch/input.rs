//! Where do the rows of a batch lie, and how far does each reach?

use std::sync::Arc;

use arrow::array::{Array, AsArray, Float64Array, RecordBatch};
use arrow::datatypes::{DataType, Float64Type};
use datafusion::common::{Result, internal_datafusion_err};
use datafusion::physical_expr::PhysicalExpr;

use crate::functions::{GeometryArray, GeometryKind, is_position, reduced_longitude};

/// A position in expressions over one side.
#[derive(Debug, Clone)]
pub(super) enum PositionExpr {
    /// Longitude and latitude in degrees.
    Numbers(Arc<dyn PhysicalExpr>, Arc<dyn PhysicalExpr>),
    /// A point.
    Point(Arc<dyn PhysicalExpr>),
}

impl PositionExpr {
    /// Longitude within [0, 360) and latitude of every row; `None` where it has no position.
    pub(super) fn evaluate(&self, batch: &RecordBatch) -> Result<Vec<Option<(f64, f64)>>> {
        let rows = 0..batch.num_rows();
        match self {
            Self::Numbers(lon, lat) => {
                let (lon, lat) = (doubles(lon, batch)?, doubles(lat, batch)?);
                let position = |row| {
                    let valid = lon.is_valid(row) && lat.is_valid(row) && is_position(lon.value(row), lat.value(row));
                    valid.then(|| (reduced_longitude(lon.value(row)), lat.value(row)))
                };
                Ok(rows.map(position).collect())
            }
            Self::Point(point) => {
                let points = point.evaluate(batch)?.into_array(batch.num_rows())?;
                let points = GeometryArray::try_new(GeometryKind::Point, points)?;
                Ok(rows.map(|row| points.position(row)).collect())
            }
        }
    }

    /// The expressions it is made of.
    pub(super) fn exprs(&self) -> Vec<&Arc<dyn PhysicalExpr>> {
        match self {
            Self::Numbers(lon, lat) => vec![lon, lat],
            Self::Point(point) => vec![point],
        }
    }
}

/// The values of an expression of type double.
pub(super) fn doubles(expr: &Arc<dyn PhysicalExpr>, batch: &RecordBatch) -> Result<Float64Array> {
    let values = expr.evaluate(batch)?.into_array(batch.num_rows())?;
    if values.data_type() == &DataType::Null {
        return Ok(Float64Array::new_null(values.len()));
    }
    let doubles = values.as_primitive_opt::<Float64Type>();
    doubles.cloned().ok_or_else(|| internal_datafusion_err!("{expr} is {}, not a double", values.data_type()))
}
