//! `moc_union(a, b)` and `moc_intersection(a, b)`: the cells of either MOC, or of both.

use arrow::array::ArrayRef;
use datafusion::common::{Result, exec_datafusion_err};
use datafusion::logical_expr::Documentation;
use sidereus_sky::{Moc, Region};

use super::arguments::Arguments;
use super::documentation::page;
use super::form::{Argument, Form};
use super::geometry_type::GeometryKind;
use super::moc_array::MocBuilder;
use super::spatial::{Returned, SpatialFunction};

/// Joins two sets of cells.
///
/// *Nulls*: strict; null where a row is no MOC. *Errors*: a geometry of another kind. *Source*: IVOA MOC 2.0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MocSetFunction {
    /// The cells of either.
    Union,
    /// The cells of both.
    Intersection,
}

impl SpatialFunction for MocSetFunction {
    fn name(&self) -> &'static str {
        if *self == Self::Union { "moc_union" } else { "moc_intersection" }
    }

    fn forms(&self) -> &'static [Form] {
        &[Form::Exact(&[Argument::Geometry, Argument::Geometry])]
    }

    fn returned(&self) -> Returned {
        Returned::Geometry(GeometryKind::Moc)
    }

    fn invoke(&self, arguments: &Arguments) -> Result<ArrayRef> {
        let (first, second) = (arguments.geometry(0)?, arguments.geometry(1)?);
        let mut mocs = MocBuilder::default();
        for row in 0..arguments.rows() {
            let joined = match (first.region(row)?, second.region(row)?) {
                (Some(first), Some(second)) => {
                    let (first, second) = (self.moc(&first)?, self.moc(&second)?);
                    Some(if *self == Self::Union { first.union(second) } else { first.intersection(second) })
                }
                _ => None,
            };
            mocs.append(joined.as_ref())?;
        }
        mocs.finish()
    }

    fn documentation(&self) -> Documentation {
        let (description, syntax, example) = match self {
            Self::Union => (
                "The cells that are in one of two MOCs or in both.",
                "MOC_UNION(a, b)",
                "SELECT MOC_UNION(MOC('1/0-2'), MOC('1/3')) IS NULL, AREA(MOC_UNION(MOC('1/0-2'), MOC('1/3'))) = AREA(MOC('0/0'))",
            ),
            Self::Intersection => (
                "The cells that are in both of two MOCs.",
                "MOC_INTERSECTION(a, b)",
                "SELECT AREA(MOC_INTERSECTION(MOC('1/0-2'), MOC('0/0'))) = AREA(MOC('1/0-2'))",
            ),
        };
        page(description, syntax)
            .with_argument("a, b", "MOCs; MOC(order, geometry) makes one of another geometry")
            .with_sql_example(example)
            .build()
    }
}

impl MocSetFunction {
    fn moc(self, region: &Region) -> Result<&Moc> {
        match region {
            Region::Moc(moc) => Ok(moc),
            _ => Err(exec_datafusion_err!("{} takes MOCs: write MOC(order, geometry)", self.name())),
        }
    }
}
