//! The functions that astronomers know from other archives: the IVOA's catalogue, GAVO's, Gaia's, Q3C's;
//! and cells of HEALPix and H3.
//!
//! One file a function; [`all`] is the list. What ADQL itself defines is not here.

mod astrometry;
mod gaia_healpix_index;
mod gavo_match;
mod h3_cell;
mod h3_index;
mod h3_parent;
mod healpix_ring;
mod healpix_scheme;
mod ivo_apply_pm;
mod ivo_epoch_prop;
mod ivo_epoch_prop_pos;
mod ivo_geom_transform;
mod ivo_hashlist_has;
mod ivo_hasword;
mod ivo_healpix_center;
mod ivo_healpix_index;
mod ivo_histogram;
mod ivo_interval_has;
mod ivo_interval_overlaps;
mod ivo_nocasematch;
mod ivo_normal_random;
mod ivo_specconv;
mod ivo_string_agg;
mod julian_date;
mod numbering;
mod orders;
mod q3c_ang2ipix;
mod q3c_dist_pm;
mod sexagesimal;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use datafusion::logical_expr::{AggregateUDF, ScalarUDF};

pub(super) use astrometry::LEAST_PARALLAX_MAS;

use super::row_function::RowUdf;

/// The functions of a row.
pub(super) fn all() -> Vec<Arc<ScalarUDF>> {
    vec![
        RowUdf::shared(gaia_healpix_index::GaiaHealpixIndex),
        RowUdf::shared(gavo_match::GavoMatch),
        RowUdf::shared(h3_cell::H3Cell::Boundary),
        RowUdf::shared(h3_cell::H3Cell::Center),
        RowUdf::shared(h3_cell::H3Cell::Resolution),
        RowUdf::shared(h3_index::H3Index),
        RowUdf::shared(h3_parent::H3Parent),
        RowUdf::shared(healpix_ring::HealpixRing),
        RowUdf::shared(healpix_scheme::HealpixScheme::Nested),
        RowUdf::shared(healpix_scheme::HealpixScheme::Ring),
        RowUdf::shared(ivo_apply_pm::ApplyPm),
        RowUdf::shared(ivo_epoch_prop::EpochProp),
        RowUdf::shared(ivo_epoch_prop_pos::EpochPropPos),
        RowUdf::shared(ivo_geom_transform::GeomTransform),
        RowUdf::shared(ivo_hashlist_has::HashlistHas),
        RowUdf::shared(ivo_hasword::HasWord),
        RowUdf::shared(ivo_healpix_center::HealpixCenter),
        RowUdf::shared(ivo_healpix_index::HealpixIndex),
        RowUdf::shared(ivo_interval_has::IntervalHas),
        RowUdf::shared(ivo_interval_overlaps::IntervalOverlaps),
        RowUdf::shared(ivo_nocasematch::NoCaseMatch),
        RowUdf::shared(ivo_specconv::SpecConv),
        RowUdf::shared(julian_date::JulianDate::Full),
        RowUdf::shared(julian_date::JulianDate::Modified),
        RowUdf::shared(q3c_ang2ipix::Ang2Ipix),
        RowUdf::shared(q3c_dist_pm::DistPm),
        RowUdf::shared(sexagesimal::Sexagesimal::Hours),
        RowUdf::shared(sexagesimal::Sexagesimal::Degrees),
        Arc::new(ScalarUDF::new_from_impl(ivo_normal_random::NormalRandom::new())),
    ]
}

/// The functions of a group.
pub(super) fn aggregates() -> Vec<Arc<AggregateUDF>> {
    vec![
        Arc::new(AggregateUDF::new_from_impl(ivo_histogram::Histogram::new())),
        Arc::new(AggregateUDF::new_from_impl(ivo_string_agg::StringAgg::new())),
    ]
}
