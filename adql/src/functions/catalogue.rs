//! The functions that astronomers know from other archives.
//!
//! The catalogue of user-defined functions of the IVOA (note 1.2), what GAVO DaCHS has beyond it, and names of Gaia's
//! archive and of Q3C with the same meaning; cells of HEALPix and H3. A name is an alias only where arguments, units and result are the same.

use super::{Form, FunctionEntry, Kind};
use crate::extensions::Extension;
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

const fn ivoa(name: &'static str, lowered: &'static str, forms: &'static [Form], returns: Kind) -> FunctionEntry {
    FunctionEntry::new(name, lowered, forms, returns).extension(Extension::Ivoa)
}

const fn gavo(name: &'static str, lowered: &'static str, forms: &'static [Form], returns: Kind) -> FunctionEntry {
    FunctionEntry::new(name, lowered, forms, returns).extension(Extension::Gavo)
}

const fn gaia(name: &'static str, lowered: &'static str, forms: &'static [Form], returns: Kind) -> FunctionEntry {
    FunctionEntry::new(name, lowered, forms, returns).extension(Extension::Gaia)
}

const fn h3(name: &'static str, lowered: &'static str, forms: &'static [Form], returns: Kind) -> FunctionEntry {
    FunctionEntry::new(name, lowered, forms, returns).extension(Extension::H3)
}

const fn healpix(name: &'static str, lowered: &'static str, forms: &'static [Form], returns: Kind) -> FunctionEntry {
    FunctionEntry::new(name, lowered, forms, returns).extension(Extension::Healpix)
}

const fn q3c(name: &'static str, lowered: &'static str, forms: &'static [Form], returns: Kind) -> FunctionEntry {
    FunctionEntry::new(name, lowered, forms, returns).extension(Extension::Q3c)
}

pub(super) const FUNCTIONS: &[FunctionEntry] = &[
    // The catalogue of the IVOA.
    ivoa("IVO_DMS_TO_DEGREES", "ivo_dms_to_degrees", ANGLE, Number),
    ivoa("IVO_EPOCH_PROP_POS", "ivo_epoch_prop_pos", STAR, Point),
    ivoa("IVO_GEOM_TRANSFORM", "ivo_geom_transform", TRANSFORM, Geometry),
    ivoa("IVO_HASHLIST_HAS", "ivo_hashlist_has", TWO_TEXTS, Integer),
    ivoa("IVO_HASWORD", "ivo_hasword", TWO_TEXTS, Integer),
    ivoa("IVO_HEALPIX_CENTER", "ivo_healpix_center", CELL, Point),
    ivoa("IVO_HEALPIX_INDEX", "ivo_healpix_index", CELL_OF, Integer),
    ivoa("IVO_HISTOGRAM", "ivo_histogram", BINS, Array).aggregate(),
    ivoa("IVO_HMS_TO_DEGREES", "ivo_hms_to_degrees", ANGLE, Number),
    ivoa("IVO_INTERVAL_OVERLAPS", "ivo_interval_overlaps", &[Form::of(&[N, N, N, N])], Integer),
    ivoa("IVO_NOCASEMATCH", "ivo_nocasematch", TWO_TEXTS, Integer),
    ivoa("IVO_NORMAL_RANDOM", "ivo_normal_random", TWO_NUMBERS, Number),
    ivoa("IVO_SIMBADPOINT", "ivo_simbadpoint", &[Form::of(&[Text])], Point).unavailable(),
    ivoa("IVO_STRING_AGG", "ivo_string_agg", TWO_TEXTS, Text).aggregate(),
    ivoa("IVO_TO_JD", "ivo_to_jd", TIME, Number),
    ivoa("IVO_TO_MJD", "ivo_to_mjd", TIME, Number),
    // No longer in the catalogue, and still in use.
    ivoa("IVO_APPLY_PM", "ivo_apply_pm", PROPER_MOTION, Point),
    ivoa("IVO_EPOCH_PROP", "ivo_epoch_prop", STAR, Array),
    // The interval is a column of pairs, two numbers, or ARRAY[low, high].
    ivoa("IVO_INTERVAL_HAS", "ivo_interval_has", &[Form::of(&[N, Array]), Form::of(&[N, N, N])], Integer),
    ivoa("IVO_SPECCONV", "ivo_specconv", SPECTRAL, Number),
    // GAVO's own names.
    gavo("GAVO_APPLY_PM", "ivo_apply_pm", PROPER_MOTION, Point),
    gavo("GAVO_HISTOGRAM", "ivo_histogram", BINS, Array).aggregate(),
    gavo("GAVO_IPIX", "q3c_ang2ipix", TWO_NUMBERS, Integer),
    gavo("GAVO_MATCH", "gavo_match", TWO_TEXTS, Integer),
    gavo("GAVO_NORMAL_RANDOM", "ivo_normal_random", TWO_NUMBERS, Number),
    gavo("GAVO_SPECCONV", "ivo_specconv", SPECTRAL, Number),
    gavo("GAVO_TO_JD", "ivo_to_jd", TIME, Number),
    gavo("GAVO_TO_MJD", "ivo_to_mjd", TIME, Number),
    gavo("GAVO_TRANSFORM", "ivo_geom_transform", TRANSFORM, Geometry),
    // Gaia's archive.
    gaia("EPOCH_PROP", "ivo_epoch_prop", STAR, Array),
    gaia("EPOCH_PROP_POS", "ivo_epoch_prop_pos", STAR, Point),
    gaia("GAIA_HEALPIX_INDEX", "gaia_healpix_index", CELL, Integer),
    gaia("IF_THEN_ELSE", "if_then_else", &[Form::of(&[Boolean, Any, Any])], Any).extension(Extension::ChoiceFunctions),
    // H3.
    h3("H3_BOUNDARY", "h3_boundary", H3_CELL, Polygon),
    h3("H3_CENTER", "h3_center", H3_CELL, Point),
    h3("H3_INDEX", "h3_index", CELL_OF, Integer),
    h3("H3_PARENT", "h3_parent", CELL, Integer),
    h3("H3_RESOLUTION", "h3_resolution", H3_CELL, Integer),
    // HEALPix, both schemes.
    healpix("HEALPIX_CENTER", "ivo_healpix_center", CELL, Point),
    healpix("HEALPIX_NEST", "ivo_healpix_index", CELL_OF, Integer),
    healpix("HEALPIX_NEST_TO_RING", "healpix_nest_to_ring", CELL, Integer),
    healpix("HEALPIX_RING", "healpix_ring", CELL_OF, Integer),
    healpix("HEALPIX_RING_TO_NEST", "healpix_ring_to_nest", CELL, Integer),
    // Q3C, but for its predicates.
    q3c("Q3C_ANG2IPIX", "q3c_ang2ipix", TWO_NUMBERS, Integer),
    // ra1, dec1, pmra1, pmdec1, cosine flag, epoch1, ra2, dec2, epoch2
    q3c("Q3C_DIST_PM", "q3c_dist_pm", &[Form::of(&[N; 9])], Number),
    // the same, then the largest difference of epochs and the radius
    q3c("Q3C_JOIN_PM", "q3c_dist_pm", &[Form::of(&[N; 11])], Boolean),
    q3c("Q3C_SINDIST", "sky_distance", &[Form::of(&[N; 4])], Number),
    q3c("Q3C_SINDIST_PM", "q3c_dist_pm", &[Form::of(&[N; 9])], Number),
    q3c("Q3C_VERSION", "q3c_version", &[Form::of(&[])], Text),
];
