//! In which frame are these coordinates, and what is the shape in ICRS?
//!
//! Reads the optional words between a shape's name and its numbers, and turns shapes of other frames into shapes of
//! ICRS. The grammar around is not known here.

use super::words::Words;
use crate::box_::SkyBox;
use crate::circle::Circle;
use crate::ellipse::Ellipse;
use crate::error::SkyError;
use crate::frames::{Frame, transform};
use crate::point::{SkyPoint, east_north};
use crate::polygon::Polygon;
use crate::region::Region;
use crate::vector::dot;

/// Reference positions of STC-S: at the distance of the stars they make no difference to a region.
const REFERENCE_POSITIONS: [&str; 13] = [
    "BARYCENTER",
    "GEOCENTER",
    "HELIOCENTER",
    "TOPOCENTER",
    "GALACTIC_CENTER",
    "EMBARYCENTER",
    "MOON",
    "MERCURY",
    "LSR",
    "LSRK",
    "LSRD",
    "UNKNOWNREFPOS",
    "RELOCATABLE",
];

/// Reads the frame words, if any; `inherited` holds where there are none.
pub(super) fn read(words: &mut Words<'_>, inherited: Frame) -> Result<Frame, SkyError> {
    let mut frame = inherited;
    let word = words.peek();
    if word.text.eq_ignore_ascii_case("UNKNOWNFrame") {
        words.take();
    } else if let Ok(named) = Frame::from_name(word.text) {
        words.take();
        frame = named;
        equinox(words, frame)?;
    } else if word.text.eq_ignore_ascii_case("EQUATORIAL") || word.text.eq_ignore_ascii_case("GEO_C") {
        return Err(word.error(format!("the frame {} is not supported", word.text)));
    }
    let word = words.peek();
    if REFERENCE_POSITIONS.iter().any(|name| word.text.eq_ignore_ascii_case(name)) {
        words.take();
    }
    let word = words.peek();
    if word.text.eq_ignore_ascii_case("SPHERICAL2") {
        words.take();
    } else if ["CARTESIAN2", "CARTESIAN3", "SPHERICAL3", "CARTESIAN1", "UNITSPHERE"]
        .iter()
        .any(|name| word.text.eq_ignore_ascii_case(name))
    {
        return Err(word.unexpected("SPHERICAL2"));
    }
    Ok(frame)
}

/// The equinox after FK4, FK5 and ECLIPTIC: the one that belongs to the frame, or none.
fn equinox(words: &mut Words<'_>, frame: Frame) -> Result<(), SkyError> {
    let word = words.peek();
    let initial = word.text.chars().next().map(|c| c.to_ascii_uppercase());
    let year = match initial {
        Some('J' | 'B') => word.text[1..].parse::<f64>().ok(),
        _ => None,
    };
    let (Some(initial), Some(year)) = (initial, year) else { return Ok(()) };
    let expected = match frame {
        Frame::Fk5J2000 | Frame::EclipticJ2000 => ('J', 2000.0),
        Frame::Fk4B1950 => ('B', 1950.0),
        _ => return Err(word.unexpected("no equinox after this frame")),
    };
    if (initial, year) != expected {
        return Err(word.unexpected(&format!("the equinox {}{}", expected.0, expected.1)));
    }
    words.take();
    Ok(())
}

/// Turns a shape whose coordinates are of a frame into the same part of the sky in ICRS.
///
/// *Errors*: shapes other than points in FK4, whose elliptic terms bend them.
pub(super) fn to_icrs(region: Region, frame: Frame) -> Result<Region, SkyError> {
    let moved = |point: SkyPoint| transform(frame, Frame::Icrs, point);
    match region {
        region if frame == Frame::Icrs => Ok(region),
        Region::Point(point) => Ok(Region::Point(moved(point))),
        _ if frame == Frame::Fk4B1950 => {
            Err(SkyError::Unsupported("shapes in FK4 are not supported, only positions are".to_owned()))
        }
        Region::Circle(circle) => Ok(Region::Circle(Circle::new(moved(circle.center()), circle.radius_deg())?)),
        Region::Polygon(polygon) => Ok(Region::Polygon(moved_polygon(&polygon, frame)?)),
        Region::Box(sky_box) => moved_box(&sky_box, frame),
        Region::Ellipse(ellipse) => Ok(Region::Ellipse(moved_ellipse(&ellipse, frame)?)),
        region => Ok(region),
    }
}

fn moved_polygon(polygon: &Polygon, frame: Frame) -> Result<Polygon, SkyError> {
    Polygon::new(polygon.vertices().iter().map(|vertex| transform(frame, Frame::Icrs, *vertex)).collect())
}

/// A box of another frame is turned against the axes of ICRS: it becomes the polygon of its corners.
fn moved_box(sky_box: &SkyBox, frame: Frame) -> Result<Region, SkyError> {
    match sky_box.to_polygon() {
        Some(polygon) => Ok(Region::Polygon(moved_polygon(&polygon, frame)?)),
        None => Err(SkyError::Unsupported(format!(
            "a box of {} by {} degrees in {frame} is not supported",
            sky_box.width_deg(),
            sky_box.height_deg()
        ))),
    }
}

/// The position angle turns by the angle between the two norths.
fn moved_ellipse(ellipse: &Ellipse, frame: Frame) -> Result<Ellipse, SkyError> {
    let center = transform(frame, Frame::Icrs, ellipse.center());
    let (_, frame_north) = east_north(&ellipse.center());
    let pole_ward = transform(frame, Frame::Icrs, SkyPoint::from_xyz(frame_north)?);
    let (east, north) = east_north(&center);
    let turn = dot(&east, pole_ward.vector()).atan2(dot(&north, pole_ward.vector()));
    let angle = ellipse.position_angle_deg() + crate::angle::degrees(turn);
    Ellipse::new(center, ellipse.semi_major_deg(), ellipse.semi_minor_deg(), angle)
}
