//! The geometry of ADQL 2.1 (section 4.2), MOCs, and Q3C's functions of the same meaning.
//!
//! The lowered names carry a prefix, for some of the plain ones mean something else to the planner.

use super::{Feature, Form, FunctionEntry, Kind};
use crate::extensions::Extension;
use Kind::{Array, Boolean, Circle, Geometry, Integer, Moc, Number, Point, Polygon, Region, Text};

const fn geometry(name: &'static str, lowered: &'static str, forms: &'static [Form], returns: Kind) -> FunctionEntry {
    FunctionEntry::new(name, lowered, forms, returns).feature(Feature::Geometry)
}

const fn moc(name: &'static str, lowered: &'static str, forms: &'static [Form]) -> FunctionEntry {
    FunctionEntry::new(name, lowered, forms, Moc).extension(Extension::Moc)
}

const fn q3c(name: &'static str, lowered: &'static str, forms: &'static [Form], returns: Kind) -> FunctionEntry {
    FunctionEntry::new(name, lowered, forms, returns).extension(Extension::Q3c)
}

const N: Kind = Number;

pub(super) const FUNCTIONS: &[FunctionEntry] = &[
    geometry("AREA", "sky_area", &[Form::of(&[Geometry])], Number),
    geometry("BOX", "sky_box", &[Form::of(&[N, N, N, N]), Form::of(&[Point, N, N])], Polygon).with_coordinate_system(),
    geometry("CENTROID", "sky_centroid", &[Form::of(&[Geometry])], Point),
    geometry("CIRCLE", "sky_circle", &[Form::of(&[N, N, N]), Form::of(&[Point, N])], Circle).with_coordinate_system(),
    geometry("CONTAINS", "sky_contains", &[Form::of(&[Geometry, Geometry])], Integer),
    geometry("COORD1", "sky_coord1", &[Form::of(&[Point])], Number),
    geometry("COORD2", "sky_coord2", &[Form::of(&[Point])], Number),
    geometry("COORDSYS", "sky_coordsys", &[Form::of(&[Geometry])], Text),
    geometry("DISTANCE", "sky_distance", &[Form::of(&[Point, Point]), Form::of(&[N, N, N, N])], Number),
    geometry("INTERSECTS", "sky_intersects", &[Form::of(&[Geometry, Geometry])], Integer),
    geometry("POINT", "sky_point", &[Form::of(&[N, N])], Point).with_coordinate_system(),
    geometry("POLYGON", "sky_polygon", &[Form::repeated(&[], &[N, N], 3), Form::repeated(&[], &[Point], 3)], Polygon)
        .with_coordinate_system(),
    geometry("REGION", "sky_region", &[Form::of(&[Text])], Region),
    // The text form, or an order and what to cover.
    moc("MOC", "sky_moc", &[Form::of(&[Text]), Form::of(&[Integer, Geometry])]),
    moc("MOC_AGG", "moc_agg", &[Form::of(&[Integer, Geometry]), Form::of(&[Moc])]).aggregate(),
    moc("MOC_INTERSECTION", "moc_intersection", &[Form::of(&[Moc, Moc])]),
    moc("MOC_UNION", "moc_union", &[Form::of(&[Moc, Moc])]),
    moc("GAVO_MOCINTERSECT", "moc_intersection", &[Form::of(&[Moc, Moc])]).extension(Extension::Gavo),
    moc("GAVO_MOCUNION", "moc_union", &[Form::of(&[Moc, Moc])]).extension(Extension::Gavo),
    FunctionEntry::new("ELLIPSE", "sky_ellipse", &[Form::of(&[N, N, N, N, N])], Region)
        .extension(Extension::Ellipse)
        .with_coordinate_system(),
    // ra, dec, ra0, dec0, radius
    q3c("Q3C_RADIAL_QUERY", "sky_contains", &[Form::of(&[N, N, N, N, N])], Boolean),
    q3c("Q3C_DIST", "sky_distance", &[Form::of(&[N, N, N, N])], Number),
    // ra1, dec1, ra2, dec2, radius
    q3c("Q3C_JOIN", "sky_distance", &[Form::of(&[N, N, N, N, N])], Boolean),
    q3c("Q3C_POLY_QUERY", "sky_contains", &[Form::of(&[N, N, Array])], Boolean),
    // ra, dec, ra0, dec0, semi-major axis, axis ratio, position angle
    q3c("Q3C_ELLIPSE_QUERY", "sky_contains", &[Form::of(&[N, N, N, N, N, N, N])], Boolean),
    // centre, position, semi-major axis, axis ratio, position angle
    q3c("Q3C_ELLIPSE_JOIN", "sky_contains", &[Form::of(&[N, N, N, N, N, N, N])], Boolean),
];
