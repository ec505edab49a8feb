//! `q3c_dist_pm(ra1, dec1, pmra1, pmdec1, cosdec, epoch1, ra2, dec2, epoch2)`: the distance to a source that moves.

use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array};
use datafusion::common::Result;
use datafusion::logical_expr::{Documentation, Expr, ReturnFieldArgs};
use sidereus_sky::{Degrees, Radians, SkyPoint, separation_deg};

use super::super::arguments::Arguments;
use super::super::documentation::position_page;
use super::super::form::{Argument, Form};
use super::super::geometry_type::is_position;
use super::super::motion::{MAS_PER_DEG, Moved, path, years};
use super::super::row_function::RowFunction;
use super::super::spatial::{Position, Returned};

/// Adds the motion to the coordinates, as Q3C does: near the poles that is no great circle.
///
/// *Units*: degrees, mas/yr, years. *Nulls*: a source without motion, or without an epoch on either side, stays; else
/// strict. Null where a row has no positions. *Errors*: no positions, as constants. *Source*: Q3C 2.0.
#[derive(Debug)]
pub(crate) struct DistPm;

impl RowFunction for DistPm {
    fn name(&self) -> &'static str {
        "q3c_dist_pm"
    }

    fn forms(&self) -> &'static [Form] {
        &[Form::Exact(&[Argument::Number; 9])]
    }

    fn returned(&self, _call: &ReturnFieldArgs<'_>) -> Result<Returned> {
        Ok(Returned::Number("deg"))
    }

    fn takes_nulls(&self) -> bool {
        true
    }

    fn invoke(&self, arguments: &Arguments) -> Result<ArrayRef> {
        let columns = (0..9).map(|index| arguments.number(index)).collect::<Result<Vec<_>>>()?;
        let mut distances = Float64Array::builder(arguments.rows());
        for row in 0..arguments.rows() {
            let known = |index: usize| columns[index].get(row);
            let (Some(ra1), Some(dec1), Some(ra2), Some(dec2)) = (known(0), known(1), known(6), known(7)) else {
                distances.append_null();
                continue;
            };
            for (ra, dec) in [(ra1, dec1), (ra2, dec2)] {
                if arguments.is_constant() && !is_position(ra, dec) {
                    arguments.settle(SkyPoint::from_degrees(ra, dec))?;
                }
            }
            let motion = match [2, 3, 5, 8].map(known) {
                [Some(pmra), Some(pmdec), Some(from), Some(to)] => {
                    let with_cosine = known(4).is_some_and(|flag| flag != 0.0);
                    let divisor = if with_cosine { Radians::from(Degrees(dec1)).0.cos() } else { 1.0 };
                    let years = to - from;
                    (pmra / divisor * years / MAS_PER_DEG, pmdec * years / MAS_PER_DEG)
                }
                _ => (0.0, 0.0),
            };
            if !is_position(ra1, dec1) {
                distances.append_null();
                continue;
            }
            let (ra1, dec1) = over_the_pole(ra1 + motion.0, dec1 + motion.1);
            let valid = is_position(ra1, dec1) && is_position(ra2, dec2);
            distances.append_option(valid.then(|| separation_deg(ra1, dec1, ra2, dec2)));
        }
        Ok(Arc::new(distances.finish()))
    }

    fn measured<'a>(&self, args: &'a [Expr]) -> Option<(Moved<'a>, Position<'a>)> {
        let [ra1, dec1, pmra, pmdec, _, from, to_ra, to_dec, to] = args else { return None };
        // With the cosine of the declination in it or without: along the parallel, that makes the path no longer.
        let by = path(pmra, pmdec, MAS_PER_DEG, years(from, to));
        Some((Moved { from: Position { lon: ra1, lat: dec1 }, by }, Position { lon: to_ra, lat: to_dec }))
    }

    fn documentation(&self) -> Documentation {
        position_page(
            "The distance in degrees to a source that moves, at the epoch of the other; the motion is added to the coordinates.",
            "Q3C_DIST_PM(ra1, dec1, pmra1, pmdec1, cosdec, epoch1, ra2, dec2, epoch2)",
        )
        .with_alternative_syntax(
            "Q3C_JOIN_PM(ra1, dec1, pmra1, pmdec1, cosdec, epoch1, ra2, dec2, epoch2, max_years, radius)",
        )
        .with_argument("ra1, dec1", "degrees at `epoch1`")
        .with_argument("pmra1, pmdec1", "mas/yr; the source stays where one of them is null")
        .with_argument("cosdec", "1 where `pmra1` has the cosine of the declination in it, 0 where not")
        .with_argument("epoch1, epoch2", "years; the source stays where one of them is null")
        .with_argument("ra2, dec2", "degrees at `epoch2`")
        .with_argument("max_years", "what the epochs may be apart; no pair is left out by it")
        .with_sql_example("SELECT Q3C_DIST_PM(10, 60, 1000, -2000, 1, 2000, 10.3, 60.1, 2010)")
        .build()
    }
}

/// The same place with a latitude from -90 to 90.
fn over_the_pole(ra: f64, dec: f64) -> (f64, f64) {
    if dec.abs() <= 90.0 {
        return (ra, dec);
    }
    let turned = (dec + 90.0).rem_euclid(360.0) - 90.0;
    if turned <= 90.0 { (ra, turned) } else { (ra + 180.0, 180.0 - turned) }
}
