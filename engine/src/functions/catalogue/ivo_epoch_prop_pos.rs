//! `ivo_epoch_prop_pos(ra, dec, parallax, pmra, pmdec, rv, ref_epoch, out_epoch)`: where is a star at another epoch?

use arrow::array::ArrayRef;
use datafusion::common::Result;
use datafusion::logical_expr::{Documentation, Expr, ReturnFieldArgs};

use super::super::arguments::Arguments;
use super::super::documentation::position_page;
use super::super::form::Form;
use super::super::geometry_type::{GeometryKind, fixed_size_array};
use super::super::motion::{Moved, path_in_space, years};
use super::super::row_function::RowFunction;
use super::super::spatial::{Position, Returned};
use super::astrometry::{STAR, Stars};

/// Moves a star along a straight line in space.
///
/// *Units*: degrees, mas, mas/yr (with the cosine of the declination), km/s, Julian years. *Nulls*: parallax, motions
/// and radial velocity may be null; null where the position or an epoch of a row is. *Errors*: such a null as a constant.
/// *Source*: IVOA catalogue of ADQL user-defined functions 1.2, section 2.2; the motion after ESA SP-1200 section 1.5.5.
#[derive(Debug)]
pub(crate) struct EpochPropPos;

impl RowFunction for EpochPropPos {
    fn name(&self) -> &'static str {
        "ivo_epoch_prop_pos"
    }

    fn forms(&self) -> &'static [Form] {
        &[Form::Exact(&STAR)]
    }

    fn returned(&self, _call: &ReturnFieldArgs<'_>) -> Result<Returned> {
        Ok(Returned::Geometry(GeometryKind::Point))
    }

    fn takes_nulls(&self) -> bool {
        true
    }

    fn invoke(&self, arguments: &Arguments) -> Result<ArrayRef> {
        let stars = Stars::take(arguments)?;
        let mut points = Vec::with_capacity(arguments.rows());
        for row in 0..arguments.rows() {
            points.push(stars.moved(row)?.map(|star| [star.ra_deg, star.dec_deg]));
        }
        fixed_size_array(&points)
    }

    fn moved<'a>(&self, args: &'a [Expr]) -> Option<Moved<'a>> {
        let [lon, lat, parallax, pmra, pmdec, velocity, from, to] = args else { return None };
        let by = path_in_space([pmra, pmdec, parallax, velocity], &years(from, to));
        Some(Moved { from: Position { lon, lat }, by })
    }

    fn documentation(&self) -> Documentation {
        position_page(
            "The position of a star at another epoch, by uniform motion in space.",
            "IVO_EPOCH_PROP_POS(ra, dec, parallax, pmra, pmdec, radial_velocity, ref_epoch, out_epoch)",
        )
        .with_argument("ra, dec", "degrees at `ref_epoch`; a row without them is null, a literal NULL is an error")
        .with_argument("parallax", "milliarcseconds; null, or not above 0.0001, is taken as 0.0001")
        .with_argument("pmra, pmdec", "mas/yr, `pmra` with the cosine of the declination; null is taken as 0")
        .with_argument("radial_velocity", "km/s; null is taken as 0")
        .with_argument("ref_epoch, out_epoch", "Julian years, such as 2016.0")
        .with_sql_example(
            "SELECT IVO_EPOCH_PROP_POS(7.606083572, 11.79044105, 125, 300, -428.8, 52.51, 2016.0, 1992.25)",
        )
        .build()
    }
}
