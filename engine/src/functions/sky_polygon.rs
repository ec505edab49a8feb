//! `sky_polygon(lon1, lat1, lon2, lat2, ...)` and `sky_polygon(p1, p2, p3, ...)`: a polygon (ADQL `POLYGON`).

use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Builder, ListBuilder};
use datafusion::common::Result;
use datafusion::logical_expr::Documentation;
use sidereus_sky::Polygon;

use super::arguments::Arguments;
use super::documentation::page;
use super::form::{Argument, Form};
use super::geometry_type::{GeometryKind, reduced_longitude};
use super::positions::Positions;
use super::spatial::{Returned, SpatialFunction};

/// Puts a polygon together; the last vertex is joined to the first.
///
/// *Units*: degrees. *Nulls*: null where a row's vertices enclose nothing definite. *Errors*: such vertices as constants.
/// *Source*: ADQL 2.1 section 4.2.
#[derive(Debug)]
pub(crate) struct SkyPolygonFunction;

impl SpatialFunction for SkyPolygonFunction {
    fn name(&self) -> &'static str {
        "sky_polygon"
    }

    fn forms(&self) -> &'static [Form] {
        &[Form::Repeated(&[Argument::Number, Argument::Number], 3), Form::Repeated(&[Argument::Point], 3)]
    }

    fn returned(&self) -> Returned {
        Returned::Geometry(GeometryKind::Polygon)
    }

    fn invoke(&self, arguments: &Arguments) -> Result<ArrayRef> {
        let mut vertices = Vec::new();
        let mut next = 0;
        while next < arguments.len() {
            let (positions, after) = Positions::take(arguments, next)?;
            vertices.push(positions);
            next = after;
        }
        let mut polygons = ListBuilder::new(Float64Builder::new());
        for row in 0..arguments.rows() {
            let positions: Option<Vec<(f64, f64)>> = vertices.iter().map(|vertex| vertex.get(row)).collect();
            let valid = match &positions {
                Some(positions) => arguments.settle(Polygon::from_degrees(positions))?.is_some(),
                None => false,
            };
            for (lon, lat) in positions.into_iter().flatten().filter(|_| valid) {
                polygons.values().append_slice(&[reduced_longitude(lon), lat]);
            }
            polygons.append(valid);
        }
        Ok(Arc::new(polygons.finish()))
    }

    fn documentation(&self) -> Documentation {
        page("The smaller part of the sky that a closed line of great circles encloses.", "POLYGON(lon1, lat1, ...)")
            .with_alternative_syntax("POLYGON(p1, p2, p3, ...)")
            .with_argument("lon1, lat1, ...", "three or more vertices in degrees, in either winding")
            .with_argument("p1, p2, p3, ...", "three or more vertices as points")
            .with_sql_example("SELECT ROUND(AREA(POLYGON(0.0, 0.0, 90.0, 0.0, 0.0, 90.0)), 6)")
            .build()
    }
}
