//! What value does an expression have in every row?
//!
//! Literals are read as they are; anything else without columns is folded by DataFusion's own simplifier. This module
//! must not know any SQL function.

use arrow::datatypes::{DataType, Field};
use datafusion::common::ScalarValue;
use datafusion::common::metadata::FieldMetadata;
use datafusion::logical_expr::Expr;
use datafusion::logical_expr::simplify::SimplifyContext;
use datafusion::optimizer::simplify_expressions::ExprSimplifier;
use sidereus_sky::Region;

use super::geometry_type::{GeometryArray, GeometryKind};

/// A constant number: of an integer or floating type, not null.
pub(crate) fn constant_number(expr: &Expr) -> Option<f64> {
    let (value, _) = constant(expr)?;
    let is_number = value.data_type().is_integer() || value.data_type().is_floating();
    match value.cast_to(&DataType::Float64) {
        Ok(ScalarValue::Float64(Some(number))) if is_number => Some(number),
        _ => None,
    }
}

/// A constant geometry.
pub(crate) fn constant_region(expr: &Expr) -> Option<Region> {
    constant_geometry(expr)?.region(0).ok()?
}

/// Longitude and latitude of a constant point.
pub(crate) fn constant_position(expr: &Expr) -> Option<(f64, f64)> {
    constant_geometry(expr)?.position(0)
}

fn constant_geometry(expr: &Expr) -> Option<GeometryArray> {
    let (value, metadata) = constant(expr)?;
    let mut field = Field::new("constant", value.data_type(), true);
    if let Some(metadata) = metadata {
        field = metadata.add_to_field(field);
    }
    GeometryArray::try_new(GeometryKind::of(&field)?, value.to_array().ok()?).ok()
}

fn constant(expr: &Expr) -> Option<(ScalarValue, Option<FieldMetadata>)> {
    if let Expr::Literal(value, metadata) = expr {
        return Some((value.clone(), metadata.clone()));
    }
    if expr.any_column_refs() || expr.is_volatile() {
        return None;
    }
    let simplifier = ExprSimplifier::new(SimplifyContext::builder().build());
    match simplifier.simplify(expr.clone()) {
        Ok(Expr::Literal(value, metadata)) => Some((value, metadata)),
        _ => None,
    }
}
