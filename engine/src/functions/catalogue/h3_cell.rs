//! `h3_center(cell)`, `h3_resolution(cell)` and `h3_boundary(cell)`: where and how large is a cell of H3?

use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Builder, Int64Array, ListBuilder};
use arrow::datatypes::{DataType, Field};
use datafusion::common::Result;
use datafusion::logical_expr::{Documentation, ReturnFieldArgs};
use h3o::{CellIndex, LatLng};

use super::super::arguments::{Arguments, Integers};
use super::super::documentation::cell_page;
use super::super::form::{Argument, Form};
use super::super::geometry_type::{GeometryKind, fixed_size_array, reduced_longitude};
use super::super::row_function::RowFunction;
use super::super::spatial::Returned;

/// Describes a cell.
///
/// *Units*: degrees. *Nulls*: strict; null where the number of a row is no cell. *Errors*: such a number as a constant.
/// *Source*: H3, <https://h3geo.org>. A boundary has 5 to 10 vertices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum H3Cell {
    /// The point in the middle.
    Center,
    /// The resolution.
    Resolution,
    /// The polygon around it.
    Boundary,
}

impl RowFunction for H3Cell {
    fn name(&self) -> &'static str {
        match self {
            Self::Center => "h3_center",
            Self::Resolution => "h3_resolution",
            Self::Boundary => "h3_boundary",
        }
    }

    fn forms(&self) -> &'static [Form] {
        &[Form::Exact(&[Argument::Integer])]
    }

    fn returned(&self, _call: &ReturnFieldArgs<'_>) -> Result<Returned> {
        Ok(match self {
            Self::Center => Returned::Geometry(GeometryKind::Point),
            Self::Resolution => Returned::Integer,
            Self::Boundary => Returned::Geometry(GeometryKind::Polygon),
        })
    }

    fn invoke(&self, arguments: &Arguments) -> Result<ArrayRef> {
        let numbers = arguments.integer(0)?;
        let cells: Result<Vec<_>> = (0..arguments.rows()).map(|row| cell(arguments, numbers, row)).collect();
        let cells = cells?;
        match self {
            Self::Center => {
                let points: Vec<_> = cells.iter().map(|cell| cell.map(|cell| place(LatLng::from(cell)))).collect();
                fixed_size_array(&points)
            }
            Self::Resolution => {
                let numbers = cells.iter().map(|cell| cell.map(|cell| i64::from(u8::from(cell.resolution()))));
                Ok(Arc::new(numbers.collect::<Int64Array>()))
            }
            Self::Boundary => {
                let item = Arc::new(Field::new("item", DataType::Float64, true));
                let mut polygons = ListBuilder::new(Float64Builder::new()).with_field(item);
                for cell in cells {
                    if let Some(cell) = cell {
                        cell.boundary().iter().for_each(|vertex| polygons.values().append_slice(&place(*vertex)));
                    }
                    polygons.append(cell.is_some());
                }
                Ok(Arc::new(polygons.finish()))
            }
        }
    }

    fn documentation(&self) -> Documentation {
        let (description, syntax, example) = match self {
            Self::Center => {
                ("The centre of an H3 cell.", "H3_CENTER(cell)", "SELECT H3_CENTER(H3_INDEX(7, 10.5, 20.25))")
            }
            Self::Resolution => (
                "The resolution of an H3 cell.",
                "H3_RESOLUTION(cell)",
                "SELECT H3_RESOLUTION(H3_INDEX(7, 10.5, 20.25))",
            ),
            Self::Boundary => {
                ("The border of an H3 cell.", "H3_BOUNDARY(cell)", "SELECT H3_BOUNDARY(H3_INDEX(0, 10.5, 20.25))")
            }
        };
        cell_page(description, syntax)
            .with_argument("cell", "the number of the cell; a row with another number is null")
            .with_sql_example(example)
            .build()
    }
}

/// The cell of a row; `None` where it is null, or no cell in a column.
///
/// *Errors*: a constant that is no cell.
pub(crate) fn cell(arguments: &Arguments, numbers: Integers<'_>, row: usize) -> Result<Option<CellIndex>> {
    let Some(number) = numbers.get(row) else { return Ok(None) };
    match u64::try_from(number).ok().and_then(|number| CellIndex::try_from(number).ok()) {
        Some(cell) => Ok(Some(cell)),
        None => arguments.refuse(|| format!("{number} is no h3 cell")),
    }
}

fn place(place: LatLng) -> [f64; 2] {
    [reduced_longitude(place.lng()), place.lat().clamp(-90.0, 90.0)]
}
