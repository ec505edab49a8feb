//! Which region does this text mean?
//!
//! Recursive descent over words, bounded in depth; every loop takes at least one word, so that reading is linear.

use super::frame;
use super::words::{Word, Words};
use crate::box_::SkyBox;
use crate::circle::Circle;
use crate::ellipse::Ellipse;
use crate::error::SkyError;
use crate::frames::Frame;
use crate::moc::Moc;
use crate::point::SkyPoint;
use crate::polygon::Polygon;
use crate::region::Region;

/// Set operations may be nested this deep.
const MAX_DEPTH: usize = 64;

/// The names that a region can start with, for messages.
const EXPECTED: &str = "Position, Circle, Ellipse, Box, Polygon, Union, Intersection, Not, Difference or numbers";

/// Reads a whole text as one region.
pub(crate) fn read(text: &str) -> Result<Region, SkyError> {
    let mut words = Words::new(text);
    let first = words.peek();
    let region = match words.numbers() {
        numbers if numbers.is_empty() => region(&mut words, Frame::Icrs, 0)?,
        numbers => plain_numbers(&numbers, first)?,
    };
    let rest = words.peek();
    if rest.text.is_empty() { Ok(region) } else { Err(rest.unexpected("the end of the region")) }
}

/// The numbers of a DALI point, circle or polygon tell their kind by their count.
fn plain_numbers(numbers: &[f64], first: Word<'_>) -> Result<Region, SkyError> {
    match *numbers {
        [lon, lat] => Ok(Region::Point(SkyPoint::from_degrees(lon, lat)?)),
        [lon, lat, radius] => Ok(Region::Circle(Circle::from_degrees(lon, lat, radius)?)),
        _ if numbers.len() >= 6 && numbers.len().is_multiple_of(2) => Ok(Region::Polygon(polygon(numbers)?)),
        _ => Err(first.error(format!(
            "{} numbers are no region, expected 2 (point), 3 (circle) or an even count from 6 on (polygon)",
            numbers.len()
        ))),
    }
}

fn polygon(numbers: &[f64]) -> Result<Polygon, SkyError> {
    let vertices: Vec<(f64, f64)> = numbers.chunks_exact(2).map(|pair| (pair[0], pair[1])).collect();
    Polygon::from_degrees(&vertices)
}

fn region(words: &mut Words<'_>, inherited: Frame, depth: usize) -> Result<Region, SkyError> {
    let name = words.take();
    if depth > MAX_DEPTH {
        return Err(name.error(format!("the region is nested deeper than {MAX_DEPTH} levels")));
    }
    let folded = name.text.to_ascii_uppercase();
    match folded.as_str() {
        "ALLSKY" => return Ok(Region::AllSky),
        "EMPTY" => return Ok(Region::Empty),
        "MOC" => return moc(words, name),
        "UNION" | "INTERSECTION" | "NOT" | "DIFFERENCE" => {
            let frame = frame::read(words, inherited)?;
            return combination(words, &folded, Level { frame, depth: depth + 1 });
        }
        "POSITION" | "POINT" | "CIRCLE" | "ELLIPSE" | "BOX" | "POLYGON" => {}
        _ => return Err(name.unexpected(EXPECTED)),
    }
    let frame = frame::read(words, inherited)?;
    let shape = shape(words, &folded).and_then(|shape| frame::to_icrs(shape, frame));
    let shape = shape.map_err(|error| at(name, error))?;
    unit(words)?;
    Ok(shape)
}

/// What the members of a set operation inherit.
#[derive(Clone, Copy)]
struct Level {
    frame: Frame,
    depth: usize,
}

fn combination(words: &mut Words<'_>, name: &str, level: Level) -> Result<Region, SkyError> {
    words.expect("(")?;
    let first = words.peek();
    let mut members = Vec::new();
    while !words.accept(")") {
        members.push(region(words, level.frame, level.depth)?);
    }
    let count = members.len();
    match (name, members.pop()) {
        ("NOT", Some(member)) if count == 1 => Ok(Region::Not(Box::new(member))),
        ("DIFFERENCE", Some(taken)) if count == 2 => {
            members.push(Region::Not(Box::new(taken)));
            Ok(Region::Intersection(members))
        }
        ("NOT" | "DIFFERENCE", _) => {
            let expected = if name == "NOT" { "1 region" } else { "2 regions" };
            Err(first.error(format!("{count} regions in brackets, expected {expected}")))
        }
        (_, last) => {
            members.extend(last);
            Ok(if name == "UNION" { Region::Union(members) } else { Region::Intersection(members) })
        }
    }
}

/// The numbers of a shape, in its own frame.
fn shape(words: &mut Words<'_>, name: &str) -> Result<Region, SkyError> {
    if name == "POLYGON" {
        let first = words.peek();
        let numbers = words.numbers();
        if numbers.len() % 2 == 1 {
            return Err(first.error(format!("a polygon of {} numbers lacks a latitude", numbers.len())));
        }
        return Ok(Region::Polygon(polygon(&numbers)?));
    }
    let lon = words.expect_number("longitude")?;
    let lat = words.expect_number("latitude")?;
    match name {
        "CIRCLE" => Ok(Region::Circle(Circle::from_degrees(lon, lat, words.expect_number("radius")?)?)),
        "BOX" => {
            let (width, height) = (words.expect_number("width")?, words.expect_number("height")?);
            Ok(Region::Box(SkyBox::from_degrees(lon, lat, width, height)?))
        }
        "ELLIPSE" => {
            let (major, minor) = (words.expect_number("semi-major axis")?, words.expect_number("semi-minor axis")?);
            let angle = words.expect_number("position angle")?;
            Ok(Region::Ellipse(Ellipse::from_degrees(lon, lat, major, minor, angle)?))
        }
        _ => Ok(Region::Point(SkyPoint::from_degrees(lon, lat)?)),
    }
}

/// An optional unit after the numbers; others than degrees are refused.
fn unit(words: &mut Words<'_>) -> Result<(), SkyError> {
    if words.accept("unit") && !words.accept("deg") {
        return Err(words.peek().unexpected("the unit deg"));
    }
    Ok(())
}

fn moc(words: &mut Words<'_>, name: Word<'_>) -> Result<Region, SkyError> {
    words.expect("(")?;
    let moc = Moc::from_ascii(words.until_bracket()).map_err(|error| at(name, error))?;
    words.expect(")")?;
    Ok(Region::Moc(moc))
}

/// Gives an error the place of a word, unless it has one.
fn at(word: Word<'_>, error: SkyError) -> SkyError {
    match error {
        SkyError::Parse { .. } => error,
        other => word.error(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stc_s_as_services_write_it() {
        for text in [
            "Circle ICRS 10 20 0.5",
            "CIRCLE ICRS GEOCENTER 10 20 0.5",
            "Circle ICRS TOPOCENTER SPHERICAL2 10.0 20.0 5e-1",
            "circle 10 20 .5",
            "Circle UNKNOWNFrame 10 20 0.5 unit deg",
            "Union ICRS (Circle 10 20 0.5)",
            "10 20 0.5",
            "10,20,0.5",
        ] {
            let Region::Circle(circle) = first(read(text).unwrap()) else { panic!("{text}") };
            assert_eq!((circle.center().lon_deg(), circle.radius_deg()), (10.0, 0.5), "{text}");
        }
        assert!(matches!(read("Position ICRS 1 2").unwrap(), Region::Point(_)));
        assert!(matches!(read("1 2").unwrap(), Region::Point(_)));
        assert!(matches!(read("0 0 1 0 1 1").unwrap(), Region::Polygon(_)));
        assert!(matches!(read("Polygon ICRS 0 0 1 0 1 1 0 0").unwrap(), Region::Polygon(_)));
        assert!(matches!(read("Difference ICRS (Circle 1 2 3 Circle 1 2 2)").unwrap(), Region::Intersection(_)));
    }

    #[test]
    fn other_frames_are_turned_into_icrs() {
        let Region::Circle(circle) = read("Circle GALACTIC 0 0 1").unwrap() else { panic!() };
        assert!((circle.center().lon_deg() - 266.405).abs() < 1e-3);
        let inherited = read("Intersection GALACTIC (Circle 0 0 1 Circle 0 0.5 1)").unwrap();
        assert!(inherited.contains(&circle.center()));
        let Region::Ellipse(ellipse) = read("Ellipse GALACTIC 0 0 2 1 0").unwrap() else { panic!() };
        // Seen from the Galactic centre, the Galactic pole is to the north-west.
        assert!((ellipse.position_angle_deg() + 58.6).abs() < 0.1);
        let boxed = read("Box GALACTIC 0 0 4 2").unwrap();
        let corner = crate::transform(Frame::Galactic, Frame::Icrs, SkyPoint::from_degrees(1.99, 0.99).unwrap());
        assert!(boxed.contains(&corner));
        assert!(read("Position FK4 B1950 10 20").is_ok());
        assert!(read("Position FK5 J2000.0 10 20").is_ok());
        for text in ["Circle FK4 10 20 1", "Position FK5 J1975 10 20", "Position GALACTIC J2000 1 2"] {
            assert!(read(text).is_err(), "{text}");
        }
    }

    #[test]
    fn errors_point_at_their_place() {
        let message = |text: &str| read(text).unwrap_err().to_string();
        assert_eq!(
            message("Circle ICRS 10 20"),
            "at character 17 of the region: expected the radius in degrees, found the end"
        );
        assert_eq!(
            message("Circle ICRS 10 95 1"),
            "at character 0 of the region: latitude 95 is outside -90 to 90 degrees"
        );
        assert!(message("Cirle 1 2 3").contains("found 'Cirle'"));
        assert!(message("Circle 1 2 3 4").contains("expected the end of the region, found '4'"));
        assert!(message("1 2 3 4").contains("4 numbers are no region"));
    }

    #[test]
    fn hostile_text_is_refused() {
        let deep = "Not (".repeat(10_000);
        assert!(read(&deep).unwrap_err().to_string().contains("nested deeper"));
        for text in [
            "",
            "(",
            ")",
            "Union",
            "Union (",
            "Not ()",
            "Moc (",
            "Moc (3/x)",
            "Circle NaN 1 1",
            "Circle inf 1 1",
            "Position CARTESIAN2 1 2",
            "Circle 1 2 3 unit rad",
            "Polygon 1 2 3",
            "é",
            "Union (é)",
            "1 2 é",
        ] {
            assert!(read(text).is_err(), "{text}");
        }
    }

    #[test]
    fn large_unions_are_read_in_linear_time() {
        let members: String = (0..20_000).map(|k| format!(" Circle {} {} 0.01", k % 360, k % 90)).collect();
        let Region::Union(members) = read(&format!("Union ICRS ({members})")).unwrap() else { panic!() };
        assert_eq!(members.len(), 20_000);
    }

    fn first(region: Region) -> Region {
        match region {
            Region::Union(mut members) => members.remove(0),
            region => region,
        }
    }
}
