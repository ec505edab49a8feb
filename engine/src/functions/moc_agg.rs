//! `moc_agg(moc)`: the cells that are in any MOC of a group (`MOC_AGG`).
//!
//! `MOC_AGG(order, geometry)` is lowered to `moc_agg(sky_moc(order, geometry))`.

use std::hash::{Hash, Hasher};
use std::mem::size_of;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{DataType, Field, FieldRef, UInt64Type};
use datafusion::common::{Result, ScalarValue, exec_datafusion_err, plan_err, resources_datafusion_err};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::utils::format_state_name;
use datafusion::logical_expr::{Accumulator, AggregateUDFImpl, Documentation, Signature, Volatility};
use sidereus_sky::{CellRange, Moc};

use super::documentation::page;
use super::geometry_type::{GeometryKind, invalid};
use super::moc_array::MocBuilder;

/// Most ranges of the MOC of a group: 16 MiB.
const MOST_RANGES: usize = 1 << 20;

/// Ranges that wait to be merged, beside those that are.
const WAITING: usize = 1 << 14;

/// Unites the MOCs of a group.
///
/// *Nulls*: not counted; null where there is no MOC. *Errors*: more than 2^20 ranges of cells in one group. *Cost*: each range
/// is sorted in a few times; at most twice the ranges of the result, and 16,384, are held. *Source*: the aggregate of
/// this name of CDS's ADQL library.
#[derive(Debug)]
pub(crate) struct MocAggregate {
    signature: Signature,
    documentation: Documentation,
}

impl MocAggregate {
    /// The function.
    pub(crate) fn new() -> Self {
        let documentation = page("The cells that the positions, geometries or MOCs of a group cover: an aggregate.", "MOC_AGG(moc)")
            .with_alternative_syntax("MOC_AGG(order, geometry)")
            .with_argument("moc", "a MOC")
            .with_argument("order", "0 to 29, the finest order of the cells")
            .with_argument("geometry", "a position or any geometry; at most 100000 cells each")
            .with_sql_example(
                "SELECT AREA(MOC_AGG(4, POINT(t.lon, 0))) / AREA(MOC('4/0'))\nFROM (SELECT 1 AS lon UNION ALL SELECT 1.1 UNION ALL SELECT 30) AS t",
            )
            .build();
        Self { signature: Signature::user_defined(Volatility::Immutable), documentation }
    }
}

impl PartialEq for MocAggregate {
    fn eq(&self, _other: &Self) -> bool {
        true
    }
}

impl Eq for MocAggregate {}

impl Hash for MocAggregate {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name().hash(state);
    }
}

impl AggregateUDFImpl for MocAggregate {
    fn name(&self) -> &str {
        "moc_agg"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, arg_types: &[DataType]) -> Result<Vec<DataType>> {
        let moc = GeometryKind::Moc.data_type();
        match arg_types {
            [found] if found.is_null() || GeometryKind::of_shape(found) == Some(GeometryKind::Moc) => Ok(vec![moc]),
            [found] => plan_err!("MOC_AGG takes MOCs, not values of type {found}: write MOC_AGG(order, geometry)"),
            _ => plan_err!("moc_agg takes one MOC a row"),
        }
    }

    fn return_type(&self, _arg_types: &[DataType]) -> Result<DataType> {
        Ok(GeometryKind::Moc.data_type())
    }

    fn return_field(&self, _arg_fields: &[FieldRef]) -> Result<FieldRef> {
        Ok(Arc::new(GeometryKind::Moc.field(self.name())))
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        let name = format_state_name(args.name, "moc");
        Ok(vec![Arc::new(Field::new(name, GeometryKind::Moc.data_type(), true))])
    }

    fn accumulator(&self, _args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        Ok(Box::new(Union::default()))
    }

    fn documentation(&self) -> Option<&Documentation> {
        Some(&self.documentation)
    }
}

/// The ranges of a group: those that are merged, and behind them those that wait.
#[derive(Debug, Default)]
struct Union {
    ranges: Vec<CellRange>,
    merged: usize,
    any: bool,
}

impl Union {
    fn add(&mut self, mocs: &ArrayRef) -> Result<()> {
        let mocs = mocs.as_list_opt::<i32>().ok_or_else(|| exec_datafusion_err!("moc_agg found no MOCs"))?;
        let bounds = mocs.values().as_struct();
        let (starts, ends) =
            (bounds.column(0).as_primitive::<UInt64Type>(), bounds.column(1).as_primitive::<UInt64Type>());
        for row in (0..mocs.len()).filter(|row| mocs.is_valid(*row)) {
            self.any = true;
            let place = |at: i32| usize::try_from(at).unwrap_or(0);
            let range = place(mocs.value_offsets()[row])..place(mocs.value_offsets()[row + 1]);
            let ranges = range.map(|at| CellRange { start: starts.value(at), end: ends.value(at) });
            self.ranges.extend(ranges);
            if self.ranges.len() > 2 * self.merged + WAITING {
                self.merge()?;
            }
        }
        Ok(())
    }

    fn merge(&mut self) -> Result<Moc> {
        let moc = Moc::from_exact_ranges(std::mem::take(&mut self.ranges)).map_err(|error| invalid(&error))?;
        if moc.ranges().len() > MOST_RANGES {
            return Err(resources_datafusion_err!(
                "MOC_AGG would make a MOC of more than {MOST_RANGES} ranges of cells: use a lower order"
            ));
        }
        self.ranges = moc.ranges().to_vec();
        self.merged = self.ranges.len();
        Ok(moc)
    }
}

impl Accumulator for Union {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.add(&values[0])
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        let moc = self.any.then(|| self.merge()).transpose()?;
        let mut mocs = MocBuilder::default();
        mocs.append(moc.as_ref())?;
        ScalarValue::try_from_array(&mocs.finish()?, 0)
    }

    fn size(&self) -> usize {
        size_of::<Self>() + self.ranges.capacity() * size_of::<CellRange>()
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        Ok(vec![self.evaluate()?])
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        self.add(&states[0])
    }
}
