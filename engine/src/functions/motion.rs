//! How far does a source move?
//!
//! Bounds, in degrees, that the optimizer writes as expressions over the very columns of a call.
//!
//! *Guarantee*: never less than the true angle, nor null where the function is not; NaN and infinite where nothing is
//! known. This module must not know any single SQL function.

use datafusion::arrow::datatypes::DataType;
use datafusion::functions::math::expr_fn::abs;
use datafusion::logical_expr::{Case, Expr, cast, lit};

use super::constant::constant_number;
use super::spatial::Position;

/// Milliarcseconds in a degree, and in a radian.
pub(super) const MAS_PER_DEG: f64 = 3_600_000.0;
const MAS_PER_RAD: f64 = 206_264_806.247_096_36;
/// Kilometres a second in one astronomical unit a Julian year; a little less than it is.
const AU_PER_YEAR_KMS: f64 = 4.74;

/// A position that a call moves: its value is a position no farther from it than this, or null.
#[derive(Debug, Clone)]
pub(crate) struct Moved<'a> {
    pub(crate) from: Position<'a>,
    /// Degrees, `Float64`.
    pub(crate) by: Expr,
}

/// A number, or another in place of a null.
fn known(number: &Expr, other: f64) -> Expr {
    if let Some(constant) = constant_number(number) {
        return lit(constant);
    }
    let number = cast(number.clone(), DataType::Float64);
    let found = (Box::new(number.clone().is_not_null()), Box::new(number));
    Expr::Case(Case::new(None, vec![found], Some(Box::new(lit(other)))))
}

/// The magnitude of a number; of a null, which does not move the source, 0.
fn size(number: &Expr) -> Expr {
    if let Some(constant) = constant_number(number) {
        return lit(constant.abs());
    }
    abs(known(number, 0.0))
}

/// The time between two epochs; one that is null is put into our days, for it stops the source.
pub(super) fn years(from: &Expr, to: &Expr) -> Expr {
    match (constant_number(from), constant_number(to)) {
        (Some(from), Some(to)) => lit((to - from).abs()),
        _ => abs(known(to, 2000.0) - known(from, 2000.0)),
    }
}

/// The path along the parallel and then the meridian; the motions over `unit` are degrees a year.
pub(super) fn path(pmra: &Expr, pmdec: &Expr, unit: f64, years: Expr) -> Expr {
    (size(pmra) + size(pmdec)) / lit(unit) * years
}

/// The same of a source that comes nearer meanwhile: motions and parallax in milliarcseconds, velocity in km/s.
///
/// With the approach `a` in parts of the distance, the angle is at most `path / (1 - a)`, which is at most
/// `path * (1 + 2 a)` up to a half, and beyond that everything: the fourth power is 180 degrees there, and nothing for stars.
pub(super) fn path_in_space([pmra, pmdec, parallax, velocity]: [&Expr; 4], years: &Expr) -> Expr {
    let parallax = size(parallax) + lit(super::catalogue::LEAST_PARALLAX_MAS);
    let approach = parallax * size(velocity) / lit(AU_PER_YEAR_KMS * MAS_PER_RAD) * years.clone();
    let square = approach.clone() * approach.clone();
    let path = path(pmra, pmdec, MAS_PER_DEG, years.clone());
    path * (lit(1.0) + lit(2.0) * approach) + lit(16.0 * 180.0) * (square.clone() * square)
}
