//! Do two regions meet, and does one hold the other?
//!
//! Circles, polygons and boxes are compared exactly, MOCs by their ranges; set operations are taken apart by the laws
//! of sets. What remains (ellipses, a MOC against a shape, common parts) is searched cell by cell in `common`.

use crate::angle::radians;
use crate::circle::Circle;
use crate::common::{Search, search};
use crate::edge::Edge;
use crate::error::SkyError;
use crate::point::separation_deg;
use crate::polygon::Polygon;
use crate::region::Region;
use crate::vector::{Vector, add, angle_between, negate, normalize};
use std::borrow::Cow;
use std::f64::consts::PI;

/// Roundings of distances, in radians.
const ROUNDING: f64 = 2e-15;

/// The same in degrees.
const ROUNDING_DEG: f64 = 1e-13;

impl Region {
    /// Tells whether a region is wholly inside this one; common borders are inside.
    ///
    /// *Guarantee*: exact for points, circles, boxes, polygons and MOCs among themselves; else to a milliarcsecond.
    /// *Errors*: borders that run along each other so that a search cannot decide.
    /// *Source*: ADQL 2.1 section 4.2.11 (CONTAINS).
    ///
    /// ```
    /// use sidereus_sky::{Circle, Region};
    /// let large = Region::Circle(Circle::from_degrees(10.0, 20.0, 2.0)?);
    /// let small = Region::Circle(Circle::from_degrees(11.0, 20.0, 1.0)?);
    /// assert!(large.contains_region(&small)? && !small.contains_region(&large)?);
    /// # Ok::<(), sidereus_sky::SkyError>(())
    /// ```
    pub fn contains_region(&self, inner: &Self) -> Result<bool, SkyError> {
        if let Some(point) = inner.as_point() {
            return Ok(self.contains(&point));
        }
        match (self, inner) {
            (_, Self::Empty) | (Self::AllSky, _) => Ok(true),
            (outer, inner) if outer == inner => Ok(true),
            (outer, Self::Union(members)) => all(members, |member| outer.contains_region(member)),
            (Self::Intersection(members), inner) => all(members, |member| member.contains_region(inner)),
            (Self::Not(taken), inner) => Ok(!taken.intersects(inner)?),
            (Self::Union(members), inner) if holds_in_one(members, inner) => Ok(true),
            (Self::Moc(outer), Self::Moc(inner)) => Ok(inner.difference(outer).is_empty()),
            (outer, inner) => match (Exact::of(outer), Exact::of(inner)) {
                (Some(outer), Some(inner)) => Ok(outer.holds(&inner)),
                _ => searched_containment(&near_members(outer, inner), inner),
            },
        }
    }

    /// Tells whether two regions have a point in common; touching borders have.
    ///
    /// *Guarantee*: symmetric; exact for points, circles, boxes, polygons and MOCs among themselves, else regions that
    /// come within a milliarcsecond of each other count as touching.
    /// *Errors*: borders that run along each other so that a search cannot decide.
    /// *Source*: ADQL 2.1 section 4.2.15 (INTERSECTS).
    ///
    /// ```
    /// use sidereus_sky::{Circle, Polygon, Region};
    /// let circle = Region::Circle(Circle::from_degrees(0.0, 0.0, 1.0)?);
    /// let polygon = Region::Polygon(Polygon::from_degrees(&[(0.9, 0.0), (5.0, -1.0), (5.0, 1.0)])?);
    /// assert!(circle.intersects(&polygon)?);
    /// # Ok::<(), sidereus_sky::SkyError>(())
    /// ```
    pub fn intersects(&self, other: &Self) -> Result<bool, SkyError> {
        if let Some(point) = other.as_point() {
            return Ok(self.contains(&point));
        }
        if let Some(point) = self.as_point() {
            return Ok(other.contains(&point));
        }
        match (self, other) {
            (Self::Empty, _) | (_, Self::Empty) => Ok(false),
            (Self::Union(members), region) | (region, Self::Union(members)) => {
                any(members, |member| member.intersects(region))
            }
            (Self::Not(taken), region) | (region, Self::Not(taken)) => Ok(!taken.contains_region(region)?),
            (Self::Moc(a), Self::Moc(b)) => Ok(!a.intersection(b).is_empty()),
            (Self::Moc(moc), Self::AllSky) | (Self::AllSky, Self::Moc(moc)) => Ok(!moc.is_empty()),
            (a, b) => match (Exact::of(a), Exact::of(b)) {
                (Some(a), Some(b)) => Ok(a.meets(&b)),
                _ => searched_intersection(a, b),
            },
        }
    }
}

fn all(members: &[Region], test: impl Fn(&Region) -> Result<bool, SkyError>) -> Result<bool, SkyError> {
    Ok(!any(members, |member| Ok(!test(member)?))?)
}

/// Tells whether any member passes; an undecided member only matters if no other one passes.
fn any(members: &[Region], test: impl Fn(&Region) -> Result<bool, SkyError>) -> Result<bool, SkyError> {
    let mut undecided = None;
    for member in members {
        match test(member) {
            Ok(true) => return Ok(true),
            Ok(false) => {}
            Err(error) => undecided = Some(error),
        }
    }
    undecided.map_or(Ok(false), Err)
}

fn holds_in_one(members: &[Region], inner: &Region) -> bool {
    members.iter().any(|member| member.contains_region(inner) == Ok(true))
}

/// A union without the members that are too far away to matter.
fn near_members<'a>(outer: &'a Region, inner: &Region) -> Cow<'a, Region> {
    let Region::Union(members) = outer else { return Cow::Borrowed(outer) };
    let cap = inner.bounding_cap();
    let is_near = |member: &&Region| {
        let other = member.bounding_cap();
        separation(&cap, &other) <= cap.radius_deg() + other.radius_deg() + 1e-9
    };
    Cow::Owned(Region::Union(members.iter().filter(is_near).cloned().collect()))
}

fn searched_intersection(a: &Region, b: &Region) -> Result<bool, SkyError> {
    match search(a, b) {
        Search::Found | Search::Touching => Ok(true),
        Search::Nothing => Ok(false),
        Search::Exhausted => Err(SkyError::Undecided("have a point in common")),
    }
}

/// What is inside of one and outside of the other would be a witness.
fn searched_containment(outer: &Region, inner: &Region) -> Result<bool, SkyError> {
    let outside = Region::Not(Box::new(outer.clone()));
    match search(inner, &outside) {
        Search::Found => Ok(false),
        Search::Nothing | Search::Touching => Ok(true),
        Search::Exhausted => Err(SkyError::Undecided("contain each other")),
    }
}

/// A region whose relations to others of this kind are exact.
enum Exact<'a> {
    Circle(Circle),
    Polygon(Cow<'a, Polygon>),
}

impl<'a> Exact<'a> {
    fn of(region: &'a Region) -> Option<Self> {
        match region {
            Region::Circle(circle) => Some(Self::Circle(*circle)),
            Region::AllSky => Some(Self::Circle(crate::region::all_sky_cap())),
            Region::Polygon(polygon) => Some(Self::Polygon(Cow::Borrowed(polygon))),
            Region::Box(sky_box) if sky_box.width_deg() == 180.0 && sky_box.height_deg() == 180.0 => {
                Some(Self::Circle(Circle::clamped(sky_box.center(), 90.0)))
            }
            Region::Box(sky_box) => sky_box.to_polygon().map(|polygon| Self::Polygon(Cow::Owned(polygon))),
            _ => None,
        }
    }

    fn meets(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Circle(a), Self::Circle(b)) => separation(a, b) <= a.radius_deg() + b.radius_deg() + ROUNDING_DEG,
            (Self::Circle(circle), Self::Polygon(polygon)) | (Self::Polygon(polygon), Self::Circle(circle)) => {
                polygon_distance(polygon, circle.center().vector()) <= radians(circle.radius_deg()) + ROUNDING
            }
            (Self::Polygon(a), Self::Polygon(b)) => polygons_meet(a, b),
        }
    }

    fn holds(&self, inner: &Self) -> bool {
        match (self, inner) {
            (Self::Circle(outer), _) if outer.radius_deg() >= 180.0 => true,
            (Self::Circle(outer), Self::Circle(inner)) => {
                separation(outer, inner) + inner.radius_deg() <= outer.radius_deg() + ROUNDING_DEG
            }
            (Self::Circle(outer), Self::Polygon(inner)) => {
                // The rest of the sphere is the open circle around the antipode.
                let antipode = negate(outer.center().vector());
                polygon_distance(inner, &antipode) >= PI - radians(outer.radius_deg()) - ROUNDING
            }
            (Self::Polygon(outer), Self::Circle(inner)) => {
                let center = inner.center();
                outer.contains(&center)
                    && outer.edge_distance(center.vector()) >= radians(inner.radius_deg()) - ROUNDING
            }
            (Self::Polygon(outer), Self::Polygon(inner)) => polygon_holds(outer, inner),
        }
    }
}

fn separation(a: &Circle, b: &Circle) -> f64 {
    let (a, b) = (a.center(), b.center());
    separation_deg(a.lon_deg(), a.lat_deg(), b.lon_deg(), b.lat_deg())
}

/// Distance in radians from a unit vector to the nearest point of a polygon: 0 inside.
fn polygon_distance(polygon: &Polygon, xyz: &Vector) -> f64 {
    if polygon.contains_xyz(xyz) { 0.0 } else { polygon.edge_distance(xyz) }
}

fn polygons_meet(a: &Polygon, b: &Polygon) -> bool {
    let edges_meet = || a.edges().iter().any(|edge| b.edges().iter().any(|other| edge.meets(other)));
    a.contains_xyz(&b.edges()[0].start) || b.contains_xyz(&a.edges()[0].start) || edges_meet()
}

/// Both interiors are smaller than half of the sphere, so a polygon whose border is inside of another is inside of it.
fn polygon_holds(outer: &Polygon, inner: &Polygon) -> bool {
    inner.vertices().iter().all(|vertex| outer.contains(vertex))
        && inner.edges().iter().all(|edge| edge_is_inside(outer, edge))
}

/// Tells whether an edge with its ends in a polygon stays in it: it crosses no edge, and between the places where it
/// touches the border it is inside.
fn edge_is_inside(outer: &Polygon, edge: &Edge) -> bool {
    if outer.edges().iter().any(|border| border.crosses(edge)) {
        return false;
    }
    let mut stops: Vec<Vector> =
        outer.edges().iter().map(|border| border.start).filter(|vertex| edge.touches(vertex)).collect();
    stops.extend([edge.start, edge.end]);
    stops.sort_by(|a, b| angle_between(&edge.start, a).total_cmp(&angle_between(&edge.start, b)));
    stops.windows(2).all(|pair| {
        let middle = normalize(&add(&pair[0], &pair[1])).unwrap_or(pair[0]);
        outer.contains_xyz(&middle)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn circles() {
        assert!(meets("Circle 0 0 1", "Circle 3 0 2"));
        assert!(!meets("Circle 0 0 1", "Circle 3 0 1.999"));
        assert!(holds("Circle 0 0 3", "Circle 2 0 1"));
        assert!(!holds("Circle 0 0 3", "Circle 2 0 1.001"));
        assert!(holds("Circle 0 0 180", "Circle 2 0 150"));
        assert!(holds("AllSky", "Circle 2 0 150") && !holds("Circle 2 0 150", "AllSky"));
    }

    #[test]
    fn circles_and_polygons() {
        let square = "Polygon 350 -10 10 -10 10 10 350 10";
        assert!(meets(square, "Circle 12 0 2.1") && !meets(square, "Circle 12 0 1.9"));
        assert!(meets(square, "Circle 0 0 0.1") && meets(square, "Circle 0 0 50"));
        assert!(holds(square, "Circle 0 0 9.9") && !holds(square, "Circle 0 0 10.1"));
        assert!(holds("Circle 0 0 14.2", square) && !holds("Circle 0 0 14", square));
        assert!(holds("Circle 90 0 120", square) && !holds("Circle 180 0 150", square));
        assert!(holds("Circle 180 89 175", "Polygon 0 0 1 0 1 1") && !holds("Circle 180 0 179", square));
    }

    #[test]
    fn polygons() {
        let square = "Polygon 350 -10 10 -10 10 10 350 10";
        assert!(holds(square, square) && meets(square, square));
        assert!(holds(square, "Polygon 355 -5 5 -5 0 5") && !holds("Polygon 355 -5 5 -5 0 5", square));
        assert!(meets(square, "Polygon 355 -5 5 -5 0 5") && meets("Polygon 355 -5 5 -5 0 5", square));
        assert!(meets(square, "Polygon 10 0 20 5 20 -5"), "a vertex on an edge");
        assert!(!meets(square, "Polygon 10.001 0 20 5 20 -5"));
        assert!(
            meets("Polygon 0 -1 1 0 0 1 359 0", "Polygon 0 -5 0.1 0 0 5 359.9 0"),
            "a cross without inner vertices"
        );
        let notched = "Polygon 350 -10 10 -10 10 10 0 -5 350 10";
        assert!(!holds(notched, "Polygon 352 5 8 5 9 -9 351 -9"), "an edge that leaves through a notch");
        assert!(holds(notched, "Polygon 352 -9 8 -9 0 -6"));
        assert!(holds(square, "Polygon 350 -10 10 -10 0 0"), "a common edge");
    }

    #[test]
    fn boxes() {
        assert!(meets("Box 0 0 2 2", "Box 2 0 2 2"), "touching arm ends");
        assert!(!meets("Box 0 0 2 2", "Box 2.01 0 2 2"));
        assert!(!holds("Box 0 0 4 4", "Box 5 0 0 0") && holds("Box 0 0 4 4", "Ellipse 1 0 0 0 0"), "without extent");
        assert!(holds("Box 0 0 180 180", "Circle 0 0 90") && holds("Box 0 0 4 4", "Box 0 0 2 4"));
    }

    #[test]
    fn set_operations() {
        let ring = "Intersection (Circle 0 0 2 Not (Circle 0 0 1))";
        assert!(meets(ring, "Circle 1.5 0 0.1") && !meets(ring, "Circle 0 0 0.9"));
        assert!(meets(ring, "Circle 0 0 1.1"));
        assert!(holds(ring, "Circle 1.5 0 0.4") && !holds(ring, "Circle 1.5 0 0.6"));
        assert!(holds("Not (Circle 0 0 1)", "Circle 5 0 3.9") && !holds("Not (Circle 0 0 1)", "Circle 5 0 4.1"));
        assert!(meets("Not (Circle 0 0 1)", "Circle 0 0 1.1") && !meets("Not (Circle 0 0 1)", "Circle 0 0 1"));
        assert!(holds("Union (Circle 0 0 1 Circle 9 0 1)", "Union (Circle 0 0 0.5 Circle 9 0 0.5)"));
        assert!(!meets("Empty", "AllSky") && holds("Empty", "Empty") && holds("Circle 1 1 1", "Empty"));
        assert!(!holds("Empty", "Circle 1 1 1"));
    }

    #[test]
    fn mocs() {
        assert!(meets("Moc (1/0-3)", "Moc (0/0)") && !meets("Moc (1/0-3)", "Moc (0/1)"));
        assert!(holds("Moc (0/0)", "Moc (1/0 2)") && !holds("Moc (1/0 2)", "Moc (0/0)"));
        assert!(meets("Moc (0/4)", "Circle 0 0 0.001") && !meets("Moc (0/4)", "Circle 180 0 1"));
        assert!(meets("Moc (0/4)", "AllSky") && holds("AllSky", "Moc (0/4)"));
    }

    fn holds(outer: &str, inner: &str) -> bool {
        read(outer).contains_region(&read(inner)).unwrap()
    }

    fn meets(a: &str, b: &str) -> bool {
        let (a, b) = (read(a), read(b));
        let answer = a.intersects(&b).unwrap();
        assert_eq!(b.intersects(&a).unwrap(), answer, "symmetry");
        answer
    }

    fn read(text: &str) -> Region {
        Region::from_stcs(text).unwrap()
    }
}
