//! `q3c_ang2ipix(ra, dec)`: in which cell of Q3C is a position?

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array};
use datafusion::common::Result;
use datafusion::logical_expr::{Documentation, ReturnFieldArgs};
use sidereus_sky::{Degrees, Radians, SkyPoint};

use super::super::arguments::Arguments;
use super::super::documentation::cell_page;
use super::super::form::{Argument, Form};
use super::super::geometry_type::{is_position, reduced_longitude};
use super::super::row_function::RowFunction;
use super::super::spatial::Returned;

/// Cells along the edge of a face.
const SIDE: i64 = 1 << 30;

/// Numbers a position on the faces of a cube.
///
/// *Units*: degrees. *Nulls*: strict; null where a row is no position. *Errors*: no position, as constants.
/// *Guarantee*: the numbers of Q3C 2.0, but for what another sine makes of the last bit. *Source*: Koposov &
/// Bartunov 2006, ASP Conf. Ser. 351, 735: the sphere seen from its centre on a cube, faces 0 (north), 1 to 4 (along the
/// equator from longitude 0) and 5 (south), 2^30 cells on an edge, the bits of both coordinates interleaved.
#[derive(Debug)]
pub(crate) struct Ang2Ipix;

impl RowFunction for Ang2Ipix {
    fn name(&self) -> &'static str {
        "q3c_ang2ipix"
    }

    fn forms(&self) -> &'static [Form] {
        &[Form::Exact(&[Argument::Number, Argument::Number])]
    }

    fn returned(&self, _call: &ReturnFieldArgs<'_>) -> Result<Returned> {
        Ok(Returned::Integer)
    }

    fn invoke(&self, arguments: &Arguments) -> Result<ArrayRef> {
        let (ra, dec) = (arguments.number(0)?, arguments.number(1)?);
        let mut cells = Int64Array::builder(arguments.rows());
        for row in 0..arguments.rows() {
            let cell = match (ra.get(row), dec.get(row)) {
                (Some(ra), Some(dec)) if is_position(ra, dec) => Some(cell(reduced_longitude(ra), dec)),
                (Some(ra), Some(dec)) => arguments.settle(SkyPoint::from_degrees(ra, dec))?.map(|_| 0),
                _ => None,
            };
            cells.append_option(cell);
        }
        Ok(Arc::new(cells.finish()))
    }

    fn documentation(&self) -> Documentation {
        cell_page("The number of the cell of Q3C that a position is in.", "Q3C_ANG2IPIX(ra, dec)")
            .with_alternative_syntax("GAVO_IPIX(ra, dec)")
            .with_argument("ra, dec", "degrees; a row that is no position is null")
            .with_sql_example("SELECT Q3C_ANG2IPIX(10.5, 20.25)")
            .build()
    }
}

/// The cell of a position in degrees, longitude in [0, 360).
fn cell(ra_deg: f64, dec_deg: f64) -> i64 {
    let (face, x, y) = on_cube(ra_deg, dec_deg);
    #[expect(clippy::cast_possible_truncation, reason = "both are within -1 and 1 but for rounding")]
    let step = |coordinate: f64| (((coordinate + 1.0) / 2.0 * SIDE as f64) as i64).clamp(0, SIDE - 1);
    face * SIDE * SIDE + (spread(step(x)) | (spread(step(y)) << 1))
}

/// The face of the cube, and the place on it from -1 to 1.
fn on_cube(ra_deg: f64, dec_deg: f64) -> (i64, f64, f64) {
    let radians = |angle: f64| Radians::from(Degrees(angle)).0;
    let quarter = (((ra_deg + 45.0) / 90.0) % 4.0).floor();
    let (from_middle, dec) = (radians(ra_deg - 90.0 * quarter), radians(dec_deg));
    let y = dec.tan() / from_middle.cos();
    if y.abs() <= 1.0 {
        #[expect(clippy::cast_possible_truncation, reason = "a quarter is 0 to 3")]
        return (1 + quarter as i64, from_middle.tan(), y);
    }
    let (sin, cos) = radians(ra_deg).sin_cos();
    let axial = 1.0 / dec.tan();
    if y > 0.0 { (0, sin * axial, -cos * axial) } else { (5, -sin * axial, -cos * axial) }
}

/// The lower 31 bits, each moved to an even place.
fn spread(number: i64) -> i64 {
    let mut bits = number & 0x7fff_ffff;
    bits = (bits | (bits << 16)) & 0x0000_ffff_0000_ffff;
    bits = (bits | (bits << 8)) & 0x00ff_00ff_00ff_00ff;
    bits = (bits | (bits << 4)) & 0x0f0f_0f0f_0f0f_0f0f;
    bits = (bits | (bits << 2)) & 0x3333_3333_3333_3333;
    (bits | (bits << 1)) & 0x5555_5555_5555_5555
}

#[cfg(test)]
mod tests {
    use super::cell;

    /// What Q3C 2.0.0 on PostgreSQL 15 says.
    #[test]
    fn cells_are_those_of_q3c() {
        for (ra, dec, expected) in [
            (0.0, 0.0, 2_017_612_633_061_982_208),
            (45.0, 0.0, 2_882_303_761_517_117_440),
            (10.5, 20.25, 2_067_526_434_847_460_892),
            (359.9, -89.0, 6_437_286_529_204_397_048),
            (123.456, 78.9, 872_343_146_692_875_066),
            (350.0, 5.0, 1_823_029_242_261_105_201),
            (0.0, 90.0, 480_383_960_252_852_906),
            (0.0, -90.0, 6_629_298_651_489_370_112),
        ] {
            assert_eq!(cell(ra, dec), expected, "{ra} {dec}");
        }
    }
}
