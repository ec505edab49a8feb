//! `sky_moc(text)` and `sky_moc(order, geometry)`: a set of HEALPix cells (`MOC`).

use arrow::array::ArrayRef;
use datafusion::common::{Result, exec_err};
use datafusion::logical_expr::Documentation;
use sidereus_sky::{Moc, Order, Region};

use super::arguments::{Arguments, Integers};
use super::documentation::page;
use super::form::{Argument, Form};
use super::geometry_type::{GeometryKind, invalid};
use super::moc_array::MocBuilder;
use super::spatial::{Returned, SpatialFunction};

/// Most cells that a geometry is covered with.
const MOST_CELLS: usize = 100_000;

/// Most cells that the geometries of one batch are covered with: what about a second is enough for.
const MOST_CELLS_OF_BATCH: usize = 1 << 20;

/// Reads a MOC, or covers a geometry with cells of an order and coarser ones.
///
/// *Nulls*: null where a text of a row is no MOC, or a row is no geometry. *Errors*: the same as constants; an order outside
/// 0 to 29; more than 100,000 cells, or 2^20 in the rows of a batch. *Source*: IVOA MOC 2.0.
#[derive(Debug)]
pub(crate) struct SkyMocFunction;

impl SpatialFunction for SkyMocFunction {
    fn name(&self) -> &'static str {
        "sky_moc"
    }

    fn forms(&self) -> &'static [Form] {
        &[Form::Exact(&[Argument::Text]), Form::Exact(&[Argument::Integer, Argument::Geometry])]
    }

    fn returned(&self) -> Returned {
        Returned::Geometry(GeometryKind::Moc)
    }

    fn invoke(&self, arguments: &Arguments) -> Result<ArrayRef> {
        let mut mocs = MocBuilder::default();
        if arguments.len() == 1 {
            let texts = arguments.text(0)?;
            for row in 0..arguments.rows() {
                let moc = texts.get(row).map(|text| arguments.settle(Moc::from_ascii(text))).transpose()?.flatten();
                mocs.append(moc.as_ref())?;
            }
            return mocs.finish();
        }
        let (orders, geometries) = (arguments.integer(0)?, arguments.geometry(1)?);
        if let Integers::Constant(Some(order)) = orders {
            Order::try_from(order).map_err(|error| invalid(&error))?;
        }
        let mut cells = 0;
        for row in 0..arguments.rows() {
            let order = orders.get(row).and_then(|order| Order::try_from(order).ok());
            let moc = match (order, geometries.region(row)?) {
                (Some(order), Some(region)) => Some(covering(&region, order)?),
                _ => None,
            };
            cells += moc.as_ref().map_or(0, |moc| moc.cells().count());
            if cells > MOST_CELLS_OF_BATCH {
                return exec_err!(
                    "the MOCs of {} rows have more than {MOST_CELLS_OF_BATCH} cells: use a lower order",
                    row + 1
                );
            }
            mocs.append(moc.as_ref())?;
        }
        mocs.finish()
    }

    fn documentation(&self) -> Documentation {
        page("A set of HEALPix cells: a MOC. It can stand wherever a geometry can.", "MOC(text)")
            .with_alternative_syntax("MOC(order, geometry)")
            .with_argument("text", "orders and their cells (NESTED, ICRS), such as `4/13 17-18 8/3002`")
            .with_argument("order", "0 to 29, the finest order of the cells")
            .with_argument("geometry", "what the cells cover; at most 100000 cells")
            .with_sql_example("SELECT CONTAINS(POINT(0, 0), MOC('0/4 1/0')), ROUND(AREA(MOC(6, CIRCLE(10, 20, 1))), 3)")
            .build()
    }
}

fn covering(region: &Region, order: Order) -> Result<Moc> {
    match Moc::of_region(region, order, MOST_CELLS) {
        Some(moc) => Ok(moc),
        None => exec_err!("a MOC of order {} takes more than {MOST_CELLS} cells here: use a lower order", order.get()),
    }
}
