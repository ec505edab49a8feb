//! The functions that astronomers know from other archives.
//!
//! The catalogue of user-defined functions of the IVOA (note 1.2), what GAVO DaCHS has beyond it, and names of Gaia's
//! archive and of Q3C with the same meaning; cells of HEALPix and H3. A name is an alias only where arguments, units and result are the same.

use super::{Feature, Form, FunctionClass, FunctionEntry, Kind};
use Kind::{Any, Array, Boolean, Geometry, Integer, Number, Point, Polygon, Text, Timestamp};

const N: Kind = Number;
const TIME: &[Form] = &[Form::of(&[Timestamp]), Form::of(&[Text])];
const TWO_TEXTS: &[Form] = &[Form::of(&[Text, Text])];
const TWO_NUMBERS: &[Form] = &[Form::of(&[N, N])];
const ANGLE: &[Form] = &[Form::of(&[Text])];
const SPECTRAL: &[Form] = &[Form::of(&[N, Text, Text])];
const TRANSFORM: &[Form] = &[Form::of(&[Text, Text, Geometry])];
// ra, dec, pmra, pmdec, years
const PROPER_MOTION: &[Form] = &[Form::of(&[N; 5])];
// ra, dec, parallax, pmra, pmdec, radial velocity, both epochs
const STAR: &[Form] = &[Form::of(&[N; 8])];
const H3_CELL: &[Form] = &[Form::of(&[Integer])];
// order and number, or number and resolution
const CELL: &[Form] = &[Form::of(&[Integer, Integer])];
// order or resolution, and position
const CELL_OF: &[Form] = &[Form::of(&[Integer, N, N]), Form::of(&[Integer, Point])];
// value, lower, upper, bins
const BINS: &[Form] = &[Form::of(&[N, N, N, Integer])];

const fn scalar(name: &'static str, lowered: &'static str, forms: &'static [Form], returns: Kind) -> FunctionEntry {
    FunctionEntry::new(name, lowered, forms, returns).feature(Feature::Extension)
}

const fn aggregate(name: &'static str, lowered: &'static str, forms: &'static [Form], returns: Kind) -> FunctionEntry {
    scalar(name, lowered, forms, returns).class(FunctionClass::Aggregate).without_window()
}

pub(super) const FUNCTIONS: &[FunctionEntry] = &[
    // The catalogue of the IVOA.
    scalar("IVO_DMS_TO_DEGREES", "ivo_dms_to_degrees", ANGLE, Number),
    scalar("IVO_EPOCH_PROP_POS", "ivo_epoch_prop_pos", STAR, Point),
    scalar("IVO_GEOM_TRANSFORM", "ivo_geom_transform", TRANSFORM, Geometry),
    scalar("IVO_HASHLIST_HAS", "ivo_hashlist_has", TWO_TEXTS, Integer),
    scalar("IVO_HASWORD", "ivo_hasword", TWO_TEXTS, Integer),
    scalar("IVO_HEALPIX_CENTER", "ivo_healpix_center", CELL, Point),
    scalar("IVO_HEALPIX_INDEX", "ivo_healpix_index", CELL_OF, Integer),
    aggregate("IVO_HISTOGRAM", "ivo_histogram", BINS, Array),
    scalar("IVO_HMS_TO_DEGREES", "ivo_hms_to_degrees", ANGLE, Number),
    scalar("IVO_INTERVAL_OVERLAPS", "ivo_interval_overlaps", &[Form::of(&[N, N, N, N])], Integer),
    scalar("IVO_NOCASEMATCH", "ivo_nocasematch", TWO_TEXTS, Integer),
    scalar("IVO_NORMAL_RANDOM", "ivo_normal_random", TWO_NUMBERS, Number),
    scalar("IVO_SIMBADPOINT", "ivo_simbadpoint", &[Form::of(&[Text])], Point).unavailable(),
    aggregate("IVO_STRING_AGG", "ivo_string_agg", TWO_TEXTS, Text),
    scalar("IVO_TO_JD", "ivo_to_jd", TIME, Number),
    scalar("IVO_TO_MJD", "ivo_to_mjd", TIME, Number),
    // No longer in the catalogue, and still in use.
    scalar("IVO_APPLY_PM", "ivo_apply_pm", PROPER_MOTION, Point),
    scalar("IVO_EPOCH_PROP", "ivo_epoch_prop", STAR, Array),
    // The interval is a column of pairs, two numbers, or ARRAY[low, high].
    scalar("IVO_INTERVAL_HAS", "ivo_interval_has", &[Form::of(&[N, Array]), Form::of(&[N, N, N])], Integer),
    scalar("IVO_SPECCONV", "ivo_specconv", SPECTRAL, Number),
    // GAVO's own names.
    scalar("GAVO_APPLY_PM", "ivo_apply_pm", PROPER_MOTION, Point),
    aggregate("GAVO_HISTOGRAM", "ivo_histogram", BINS, Array),
    scalar("GAVO_IPIX", "q3c_ang2ipix", TWO_NUMBERS, Integer),
    scalar("GAVO_MATCH", "gavo_match", TWO_TEXTS, Integer),
    scalar("GAVO_NORMAL_RANDOM", "ivo_normal_random", TWO_NUMBERS, Number),
    scalar("GAVO_SPECCONV", "ivo_specconv", SPECTRAL, Number),
    scalar("GAVO_TO_JD", "ivo_to_jd", TIME, Number),
    scalar("GAVO_TO_MJD", "ivo_to_mjd", TIME, Number),
    scalar("GAVO_TRANSFORM", "ivo_geom_transform", TRANSFORM, Geometry),
    // Gaia's archive.
    scalar("EPOCH_PROP", "ivo_epoch_prop", STAR, Array),
    scalar("EPOCH_PROP_POS", "ivo_epoch_prop_pos", STAR, Point),
    scalar("GAIA_HEALPIX_INDEX", "gaia_healpix_index", CELL, Integer),
    scalar("IF_THEN_ELSE", "if_then_else", &[Form::of(&[Boolean, Any, Any])], Any),
    // H3.
    scalar("H3_BOUNDARY", "h3_boundary", H3_CELL, Polygon),
    scalar("H3_CENTER", "h3_center", H3_CELL, Point),
    scalar("H3_INDEX", "h3_index", CELL_OF, Integer),
    scalar("H3_PARENT", "h3_parent", CELL, Integer),
    scalar("H3_RESOLUTION", "h3_resolution", H3_CELL, Integer),
    // HEALPix, both schemes.
    scalar("HEALPIX_CENTER", "ivo_healpix_center", CELL, Point),
    scalar("HEALPIX_NEST", "ivo_healpix_index", CELL_OF, Integer),
    scalar("HEALPIX_NEST_TO_RING", "healpix_nest_to_ring", CELL, Integer),
    scalar("HEALPIX_RING", "healpix_ring", CELL_OF, Integer),
    scalar("HEALPIX_RING_TO_NEST", "healpix_ring_to_nest", CELL, Integer),
    // Q3C, but for its predicates.
    scalar("Q3C_ANG2IPIX", "q3c_ang2ipix", TWO_NUMBERS, Integer),
    // ra1, dec1, pmra1, pmdec1, cosine flag, epoch1, ra2, dec2, epoch2
    scalar("Q3C_DIST_PM", "q3c_dist_pm", &[Form::of(&[N; 9])], Number),
    // the same, then the largest difference of epochs and the radius
    scalar("Q3C_JOIN_PM", "q3c_dist_pm", &[Form::of(&[N; 11])], Boolean),
    scalar("Q3C_SINDIST", "sky_distance", &[Form::of(&[N; 4])], Number),
    scalar("Q3C_SINDIST_PM", "q3c_dist_pm", &[Form::of(&[N; 9])], Number),
    scalar("Q3C_VERSION", "q3c_version", &[Form::of(&[])], Text),
];
