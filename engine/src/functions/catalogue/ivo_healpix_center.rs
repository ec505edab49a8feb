//! `ivo_healpix_center(order, npix)`: where is a HEALPix cell?

use arrow::array::ArrayRef;
use datafusion::common::Result;
use datafusion::logical_expr::{Documentation, ReturnFieldArgs};
use sidereus_sky::{Cell, center};

use super::super::arguments::Arguments;
use super::super::documentation::cell_page;
use super::super::form::{Argument, Form};
use super::super::geometry_type::{GeometryKind, fixed_size_array};
use super::super::row_function::RowFunction;
use super::super::spatial::Returned;
use super::orders::Orders;

/// Finds the centre of a cell in the NESTED scheme.
///
/// *Nulls*: strict; null where the order of a row has no such cell. *Errors*: such a cell as constants.
/// *Source*: IVOA catalogue of ADQL user-defined functions 1.2, section 2.1.
#[derive(Debug)]
pub(crate) struct HealpixCenter;

impl RowFunction for HealpixCenter {
    fn name(&self) -> &'static str {
        "ivo_healpix_center"
    }

    fn forms(&self) -> &'static [Form] {
        &[Form::Exact(&[Argument::Integer, Argument::Integer])]
    }

    fn returned(&self, _call: &ReturnFieldArgs<'_>) -> Result<Returned> {
        Ok(Returned::Geometry(GeometryKind::Point))
    }

    fn invoke(&self, arguments: &Arguments) -> Result<ArrayRef> {
        let (orders, cells) = (Orders::take(arguments, 0)?, arguments.integer(1)?);
        let mut points = Vec::with_capacity(arguments.rows());
        for row in 0..arguments.rows() {
            let cell = match (orders.get(row), cells.get(row)) {
                // A negative number is beyond the last cell of every order.
                (Some(order), Some(npix)) => {
                    arguments.settle(Cell::new(order, u64::try_from(npix).unwrap_or(u64::MAX)))?
                }
                _ => None,
            };
            points.push(cell.map(center).map(|point| [point.lon_deg(), point.lat_deg()]));
        }
        fixed_size_array(&points)
    }

    fn documentation(&self) -> Documentation {
        cell_page("The centre of a HEALPix cell of the NESTED scheme.", "IVO_HEALPIX_CENTER(order, npix)")
            .with_argument("order", "0 to 29")
            .with_argument("npix", "the number of the cell; a row with a number that the order does not have is null")
            .with_sql_example("SELECT IVO_HEALPIX_CENTER(0, 6)")
            .build()
    }
}
