//! `sky_distance(a, b)` and `sky_distance(lon1, lat1, lon2, lat2)`: the angle between two positions (ADQL `DISTANCE`).

use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array};
use datafusion::common::Result;
use datafusion::logical_expr::{Documentation, Expr};
use sidereus_sky::{SkyPoint, separation_deg};

use super::arguments::Arguments;
use super::documentation::page;
use super::form::{Argument, Form};
use super::geometry_type::{is_position, reduced_longitude};
use super::positions::Positions;
use super::spatial::{Position, Returned, SeparationEnd, SpatialFunction};

/// Measures along the great circle.
///
/// *Units*: degrees. *Nulls*: null where an end of a row is no position. *Errors*: such an end as constants.
/// *Guarantee*: `sky_distance(p, c) <= r` where and only where `sky_contains(p, sky_circle(c, r)) = 1`.
/// *Source*: ADQL 2.1 section 4.2.
#[derive(Debug)]
pub(crate) struct SkyDistanceFunction;

impl SpatialFunction for SkyDistanceFunction {
    fn name(&self) -> &'static str {
        "sky_distance"
    }

    fn forms(&self) -> &'static [Form] {
        &[
            Form::Exact(&[Argument::Point, Argument::Point]),
            Form::Exact(&[Argument::Number, Argument::Number, Argument::Number, Argument::Number]),
        ]
    }

    fn returned(&self) -> Returned {
        Returned::Number("deg")
    }

    fn invoke(&self, arguments: &Arguments) -> Result<ArrayRef> {
        let (first, next) = Positions::take(arguments, 0)?;
        let (second, _) = Positions::take(arguments, next)?;
        let mut distances = Float64Array::builder(arguments.rows());
        for row in 0..arguments.rows() {
            let (Some(a), Some(b)) = (first.get(row), second.get(row)) else {
                distances.append_null();
                continue;
            };
            for (lon, lat) in [a, b] {
                if arguments.is_constant() && !is_position(lon, lat) {
                    arguments.settle(SkyPoint::from_degrees(lon, lat))?;
                }
            }
            distances.append_option(distance(a, b));
        }
        Ok(Arc::new(distances.finish()))
    }

    fn documentation(&self) -> Documentation {
        page("The angle between two positions, in degrees along the great circle.", "DISTANCE(a, b)")
            .with_alternative_syntax("DISTANCE(lon1, lat1, lon2, lat2)")
            .with_argument("a, b", "points")
            .with_argument("lon1, lat1, lon2, lat2", "coordinates in degrees; a row that is no position is null")
            .with_sql_example("SELECT DISTANCE(0.0, 90.0, 123.0, 0.0)")
            .build()
    }

    fn separation<'a>(&self, args: &'a [Expr]) -> Option<[SeparationEnd<'a>; 2]> {
        match args {
            [first, second] => Some([SeparationEnd::Point(first), SeparationEnd::Point(second)]),
            [lon1, lat1, lon2, lat2] => {
                let first = Position { lon: lon1, lat: lat1 };
                let second = Position { lon: lon2, lat: lat2 };
                Some([SeparationEnd::Position(first), SeparationEnd::Position(second)])
            }
            _ => None,
        }
    }
}

/// Degrees between two positions; `None` where one of them is none.
#[inline]
pub(crate) fn distance(a: (f64, f64), b: (f64, f64)) -> Option<f64> {
    if !is_position(a.0, a.1) || !is_position(b.0, b.1) {
        return None;
    }
    Some(separation_deg(reduced_longitude(a.0), a.1, reduced_longitude(b.0), b.1))
}
