//! `ivo_geom_transform(from, to, geometry)`: a geometry of one celestial frame in another.

use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Builder, ListBuilder};
use arrow::datatypes::{DataType, Field};
use datafusion::common::{Result, ScalarValue, plan_datafusion_err};
use datafusion::logical_expr::{Documentation, ReturnFieldArgs};
use sidereus_sky::{Frame, Region, SkyPoint, rotate};

use super::super::arguments::Arguments;
use super::super::documentation::position_page;
use super::super::form::{Argument, Form};
use super::super::geometry_type::{GeometryKind, fixed_size_array};
use super::super::row_function::RowFunction;
use super::super::spatial::Returned;

/// Turns a geometry into another frame: a circle by its centre, a polygon by its vertices.
///
/// *Nulls*: strict; null where a row is no geometry. *Errors*: a frame that is not a literal, or not known; a region given
/// by text. *Source*: IVOA catalogue of ADQL user-defined functions 1.2, section 2.3, which asks for rotations alone: FK4
/// is taken without the elliptic terms of aberration.
#[derive(Debug)]
pub(crate) struct GeomTransform;

impl RowFunction for GeomTransform {
    fn name(&self) -> &'static str {
        "ivo_geom_transform"
    }

    fn forms(&self) -> &'static [Form] {
        &[Form::Exact(&[Argument::Text, Argument::Text, Argument::Geometry])]
    }

    fn returned(&self, call: &ReturnFieldArgs<'_>) -> Result<Returned> {
        for argument in call.scalar_arguments.iter().take(2) {
            frame(*argument)?;
        }
        let geometry = call.arg_fields.get(2);
        if geometry.is_some_and(|field| field.data_type().is_null()) {
            return Ok(Returned::Geometry(GeometryKind::Point));
        }
        match geometry.and_then(|field| GeometryKind::of(field)) {
            Some(kind @ (GeometryKind::Point | GeometryKind::Circle | GeometryKind::Polygon)) => {
                Ok(Returned::Geometry(kind))
            }
            _ => Err(plan_datafusion_err!("ivo_geom_transform takes a point, a circle or a polygon")),
        }
    }

    fn invoke(&self, arguments: &Arguments) -> Result<ArrayRef> {
        let frame = |index: usize| {
            let text = ScalarValue::Utf8(arguments.text(index)?.get(0).map(str::to_owned));
            frame(Some(&text))
        };
        let (Some(from), Some(to)) = (frame(0)?, frame(1)?) else {
            return Err(plan_datafusion_err!("a frame is null"));
        };
        let geometries = arguments.geometry(2)?;
        let turned = |point: SkyPoint| {
            let point = rotate(from, to, point);
            [point.lon_deg(), point.lat_deg()]
        };
        let region = |row: usize| geometries.region(row);
        match geometries.kind() {
            GeometryKind::Point => {
                let points: Result<Vec<_>> = (0..arguments.rows())
                    .map(|row| {
                        Ok(if let Some(Region::Point(point)) = region(row)? { Some(turned(point)) } else { None })
                    })
                    .collect();
                fixed_size_array(&points?)
            }
            GeometryKind::Circle => {
                let circle = |row| match region(row)? {
                    Some(Region::Circle(circle)) => {
                        let [lon, lat] = turned(circle.center());
                        Ok(Some([lon, lat, circle.radius_deg()]))
                    }
                    _ => Ok(None),
                };
                fixed_size_array(&(0..arguments.rows()).map(circle).collect::<Result<Vec<_>>>()?)
            }
            _ => {
                let item = Arc::new(Field::new("item", DataType::Float64, true));
                let mut polygons = ListBuilder::new(Float64Builder::new()).with_field(item);
                for row in 0..arguments.rows() {
                    let polygon = region(row)?;
                    if let Some(Region::Polygon(polygon)) = &polygon {
                        polygon.vertices().iter().for_each(|vertex| polygons.values().append_slice(&turned(*vertex)));
                    }
                    polygons.append(polygon.is_some());
                }
                Ok(Arc::new(polygons.finish()))
            }
        }
    }

    fn documentation(&self) -> Documentation {
        let frames: Vec<&str> = Frame::ALL.iter().map(|frame| frame.name()).collect();
        position_page(
            "A point, circle or polygon of one celestial frame in another, by a rotation: FK4 (B1950) is taken without the \
             elliptic terms of aberration, at most 0.34 arcsec.",
            "IVO_GEOM_TRANSFORM(from, to, geometry)",
        )
        .with_argument("from, to", format!("strings, written out: {}", frames.join(", ")))
        .with_argument("geometry", "a circle is turned by its centre, a polygon by its vertices")
        .with_sql_example("SELECT IVO_GEOM_TRANSFORM('ICRS', 'GALACTIC', POINT(120, -23))")
        .build()
    }
}

/// The frame that a literal names; `None` for a null.
fn frame(literal: Option<&ScalarValue>) -> Result<Option<Frame>> {
    let text = literal.and_then(ScalarValue::try_as_str);
    let Some(text) = text else {
        return Err(plan_datafusion_err!("the frames of ivo_geom_transform must be strings, written out"));
    };
    text.map(|name| Frame::from_name(name).map_err(|error| plan_datafusion_err!("{error}"))).transpose()
}
