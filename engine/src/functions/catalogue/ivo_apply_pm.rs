//! `ivo_apply_pm(ra, dec, pmra, pmdec, years)`: a position moved by a proper motion alone.

use arrow::array::ArrayRef;
use datafusion::common::Result;
use datafusion::logical_expr::{Documentation, Expr, ReturnFieldArgs, lit};
use sidereus_sky::{Astrometry, propagate};

use super::super::arguments::Arguments;
use super::super::documentation::position_page;
use super::super::form::{Argument, Form};
use super::super::geometry_type::{GeometryKind, fixed_size_array};
use super::super::motion::{MAS_PER_DEG, Moved, path, years};
use super::super::row_function::RowFunction;
use super::super::spatial::{Position, Returned};

/// Moves a position in the plane that touches the sphere there.
///
/// *Units*: degrees, and degrees a year (with the cosine of the declination). *Nulls*: strict; null where a row is no
/// position. *Errors*: no position, as constants. *Source*: the function of this name of GAVO DaCHS.
#[derive(Debug)]
pub(crate) struct ApplyPm;

impl RowFunction for ApplyPm {
    fn name(&self) -> &'static str {
        "ivo_apply_pm"
    }

    fn forms(&self) -> &'static [Form] {
        &[Form::Exact(&[Argument::Number; 5])]
    }

    fn returned(&self, _call: &ReturnFieldArgs<'_>) -> Result<Returned> {
        Ok(Returned::Geometry(GeometryKind::Point))
    }

    fn invoke(&self, arguments: &Arguments) -> Result<ArrayRef> {
        let (ra, dec) = (arguments.number(0)?, arguments.number(1)?);
        let (pmra, pmdec, years) = (arguments.number(2)?, arguments.number(3)?, arguments.number(4)?);
        let mut points = Vec::with_capacity(arguments.rows());
        for row in 0..arguments.rows() {
            let values = [ra, dec, pmra, pmdec, years].map(|numbers| numbers.get(row));
            let [Some(ra_deg), Some(dec_deg), Some(pmra), Some(pmdec), Some(years)] = values else {
                points.push(None);
                continue;
            };
            let star = Astrometry {
                ra_deg,
                dec_deg,
                parallax_mas: 0.0,
                pmra_masyr: pmra * MAS_PER_DEG,
                pmdec_masyr: pmdec * MAS_PER_DEG,
                rv_kms: 0.0,
            };
            let moved = arguments.settle(propagate(&star, years))?;
            points.push(moved.map(|star| [star.ra_deg, star.dec_deg]));
        }
        fixed_size_array(&points)
    }

    fn moved<'a>(&self, args: &'a [Expr]) -> Option<Moved<'a>> {
        let [lon, lat, pmra, pmdec, time] = args else { return None };
        Some(Moved { from: Position { lon, lat }, by: path(pmra, pmdec, 1.0, years(&lit(0.0), time)) })
    }

    fn documentation(&self) -> Documentation {
        position_page(
            "A position moved by a proper motion, without distance and radial velocity; IVO_EPOCH_PROP_POS knows these.",
            "IVO_APPLY_PM(ra, dec, pmra, pmdec, years)",
        )
        .with_argument("ra, dec", "degrees")
        .with_argument("pmra, pmdec", "degrees a year, `pmra` with the cosine of the declination")
        .with_argument("years", "the time from the one epoch to the other")
        .with_sql_example("SELECT IVO_APPLY_PM(10.0, 0.0, 0.001, 0.0, 1000)")
        .build()
    }
}
