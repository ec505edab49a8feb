//! `ivo_epoch_prop(ra, dec, parallax, pmra, pmdec, rv, ref_epoch, out_epoch)`: all of a star's astrometry at another epoch.

use std::sync::Arc;

use arrow::array::{ArrayRef, FixedSizeListBuilder, Float64Builder};
use arrow::datatypes::{DataType, Field};
use datafusion::common::Result;
use datafusion::logical_expr::{Documentation, ReturnFieldArgs};

use super::super::arguments::Arguments;
use super::super::documentation::position_page;
use super::super::form::Form;
use super::super::row_function::RowFunction;
use super::super::spatial::Returned;
use super::astrometry::{LEAST_PARALLAX_MAS, STAR, Stars};

/// Moves a star along a straight line in space and gives its six parameters.
///
/// *Units*, *nulls*, *errors*: as those of `ivo_epoch_prop_pos`; without a distance, parallax and radial velocity are
/// null. *Shape*: six numbers a row. *Source*: the function of this name of GAVO DaCHS.
#[derive(Debug)]
pub(crate) struct EpochProp;

impl RowFunction for EpochProp {
    fn name(&self) -> &'static str {
        "ivo_epoch_prop"
    }

    fn forms(&self) -> &'static [Form] {
        &[Form::Exact(&STAR)]
    }

    fn returned(&self, _call: &ReturnFieldArgs<'_>) -> Result<Returned> {
        Ok(Returned::Astrometry)
    }

    fn takes_nulls(&self) -> bool {
        true
    }

    fn invoke(&self, arguments: &Arguments) -> Result<ArrayRef> {
        let stars = Stars::take(arguments)?;
        let item = Arc::new(Field::new("item", DataType::Float64, true));
        let mut rows = FixedSizeListBuilder::new(Float64Builder::new(), 6).with_field(item);
        for row in 0..arguments.rows() {
            let star = stars.moved(row)?;
            let distance = stars.parallax(row).filter(|parallax| parallax.abs() > LEAST_PARALLAX_MAS);
            let known = |value: f64| distance.map(|_| value);
            let values = star.map_or([None; 6], |star| {
                let (ra, dec) = (Some(star.ra_deg), Some(star.dec_deg));
                // A negative parallax tells of no distance, yet is what was measured.
                let parallax =
                    if distance.is_some_and(|parallax| parallax < 0.0) { distance } else { known(star.parallax_mas) };
                [ra, dec, parallax, Some(star.pmra_masyr), Some(star.pmdec_masyr), known(star.rv_kms)]
            });
            values.into_iter().for_each(|value| rows.values().append_option(value));
            rows.append(star.is_some());
        }
        Ok(Arc::new(rows.finish()))
    }

    fn documentation(&self) -> Documentation {
        position_page(
            "Position, parallax, proper motion and radial velocity of a star at another epoch: six numbers.",
            "IVO_EPOCH_PROP(ra, dec, parallax, pmra, pmdec, radial_velocity, ref_epoch, out_epoch)",
        )
        .with_argument("ra, dec", "degrees at `ref_epoch`; a row without them is null, a literal NULL is an error")
        .with_argument(
            "parallax",
            "milliarcseconds; where it is null or tiny, it and the radial velocity come out null",
        )
        .with_argument("pmra, pmdec", "mas/yr, `pmra` with the cosine of the declination; null is taken as 0")
        .with_argument("radial_velocity", "km/s; null is taken as 0")
        .with_argument("ref_epoch, out_epoch", "Julian years")
        .with_sql_example("SELECT IVO_EPOCH_PROP(10.0, 20.0, 100.0, 1000.0, -500.0, 30.0, 2000.0, 2100.0)")
        .build()
    }
}
