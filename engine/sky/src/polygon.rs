//! Which positions are in a polygon of great-circle edges?
//!
//! Edges are the shorter arcs between consecutive vertices, the last joins the first. The interior is the side with
//! less than half of the sphere, whichever way the vertices turn. A point is inside if the way from it to a reference
//! point of known side crosses an odd or even number of edges. Cells are not known here.
//!
//! ```text
//!          reference (outside)
//!             \
//!     .--------x------.      one crossing: inside
//!      \        \    /
//!       \        p  /
//!        '---------'
//! ```

use crate::angle::sq_degrees;
pub(crate) use crate::edge::EDGE_TOLERANCE;
use crate::edge::Edge;
use crate::error::SkyError;
use crate::point::SkyPoint;
use crate::vector::{Vector, add, any_perpendicular, cross, dot, negate, normalize, scale, stable_cross, sub};
use std::f64::consts::PI;

/// Below this excess in steradians beside half of the sphere no side is the smaller one.
const HALF_SPHERE_TOLERANCE: f64 = 1e-9;
/// Pairs of edges that are looked at for crossings: a third of a second, or 4,000 edges all at one latitude.
const MOST_PAIRS: usize = 8_000_000;

/// A simple polygon on the sphere, edges included.
///
/// ```
/// use sidereus_sky::{Polygon, SkyPoint};
/// let cap = Polygon::from_degrees(&[(0.0, 80.0), (120.0, 80.0), (240.0, 80.0)])?;
/// assert!(cap.contains(&SkyPoint::from_degrees(77.0, 89.0)?));
/// # Ok::<(), sidereus_sky::SkyError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Polygon {
    vertices: Vec<SkyPoint>,
    edges: Vec<Edge>,
    references: [Reference; 2],
    area_sr: f64,
    /// 1 where the interior is to the left of the edges, -1 where it is to the right.
    orientation: f64,
}

/// A point of known side, from which crossings are counted.
#[derive(Debug, Clone)]
struct Reference {
    xyz: Vector,
    inside: bool,
    /// For each edge, whether the reference is above its plane.
    above: Vec<bool>,
}

impl PartialEq for Polygon {
    fn eq(&self, other: &Self) -> bool {
        self.vertices == other.vertices
    }
}

impl Polygon {
    /// Makes a polygon of its vertices, longitude and latitude, in order and either winding.
    ///
    /// *Units*: degrees.
    /// *Errors*: bad coordinates; fewer than three distinct vertices (consecutive equal ones count once, and the first
    /// may be repeated at the end); consecutive vertices that are antipodes; edges that cross; no area; two halves.
    /// *Source*: ADQL 2.1 section 4.2.16 (POLYGON), DALI 1.1 section 3.3.7.
    pub fn from_degrees(vertices_deg: &[(f64, f64)]) -> Result<Self, SkyError> {
        let vertices = vertices_deg.iter().map(|(lon, lat)| SkyPoint::from_degrees(*lon, *lat));
        Self::new(vertices.collect::<Result<_, _>>()?)
    }

    /// Makes a polygon of points.
    ///
    /// *Errors*: as for [`Polygon::from_degrees`].
    pub fn new(mut vertices: Vec<SkyPoint>) -> Result<Self, SkyError> {
        vertices.dedup_by(|a, b| a.vector() == b.vector());
        while vertices.len() > 1 && vertices[0].vector() == vertices[vertices.len() - 1].vector() {
            vertices.pop();
        }
        if vertices.len() < 3 {
            return Err(SkyError::TooFewVertices(vertices.len()));
        }
        let edges = edges_of(&vertices)?;
        refuse_crossings(&edges)?;
        let left_sr = area_to_the_left(&edges);
        let area_sr = left_sr.min(4.0 * PI - left_sr);
        if (area_sr - 2.0 * PI).abs() < HALF_SPHERE_TOLERANCE {
            return Err(SkyError::DegeneratePolygon("its edges halve the sphere"));
        }
        if area_sr <= f64::MIN_POSITIVE || is_flat(&edges) {
            return Err(SkyError::DegeneratePolygon("its vertices are on one great circle"));
        }
        let orientation = if left_sr < 2.0 * PI { 1.0 } else { -1.0 };
        let references = references_of(&edges, orientation);
        Ok(Self { vertices, edges, references, area_sr, orientation })
    }

    /// The vertices, each distinct from the next, the first not repeated.
    pub fn vertices(&self) -> &[SkyPoint] {
        &self.vertices
    }

    pub(crate) fn edges(&self) -> &[Edge] {
        &self.edges
    }

    /// Tells whether a point is inside or on an edge.
    pub fn contains(&self, point: &SkyPoint) -> bool {
        self.contains_xyz(point.vector())
    }

    pub(crate) fn contains_xyz(&self, xyz: &Vector) -> bool {
        // A reference well away from the antipode of the point, so that one arc joins the two.
        let [first, second] = &self.references;
        let reference = if dot(&first.xyz, xyz) > -0.5 { first } else { second };
        match crossings(&self.edges, reference, xyz) {
            Crossings::OnEdge => true,
            Crossings::Odd(odd) => odd != reference.inside,
        }
    }

    /// Distance in radians from a unit vector to the nearest point of the edges.
    pub(crate) fn edge_distance(&self, xyz: &Vector) -> f64 {
        // The nearest vertex by its chord, the nearest edge beside the point by its sine: no angles in the loop.
        let (mut chord, mut sine) = (4.0_f64, 2.0_f64);
        for edge in &self.edges {
            let difference = sub(&edge.start, xyz);
            chord = chord.min(dot(&difference, &difference));
            let height = edge.height(xyz).abs();
            if height < sine && edge.faces(xyz, 0.0) {
                sine = height;
            }
        }
        if chord > 1.0 || sine > 0.7 && sine <= 1.0 {
            return self.edges.iter().map(|edge| edge.distance(xyz)).fold(f64::INFINITY, f64::min);
        }
        let to_vertex = 2.0 * (0.5 * chord.sqrt()).asin();
        if sine <= 1.0 { to_vertex.min(sine.asin()) } else { to_vertex }
    }

    /// The area in square degrees.
    ///
    /// *Source*: Girard's theorem; Eriksson 1990 for each triangle.
    pub fn area_sq_deg(&self) -> f64 {
        sq_degrees(self.area_sr)
    }

    /// The integral of the position over the polygon: half the sum of the edges' lengths times their inward normals.
    pub(crate) fn moment(&self) -> Vector {
        let sum = self.edges.iter().fold([0.0; 3], |sum, edge| add(&sum, &scale(&edge.normal, edge.length())));
        scale(&sum, 0.5 * self.orientation)
    }

    /// Some point near the middle: the direction of the area's centre, or of the vertices' sum for slivers.
    pub(crate) fn middle(&self) -> SkyPoint {
        let vertices = self.vertices.iter().fold([0.0; 3], |sum, vertex| add(&sum, vertex.vector()));
        let moment = normalize(&self.moment()).filter(|_| self.area_sr > 1e-12);
        let middle = moment.or_else(|| normalize(&vertices)).unwrap_or_else(|| *self.vertices[0].vector());
        SkyPoint::from_unit(&middle)
    }
}

enum Crossings {
    OnEdge,
    Odd(bool),
}

/// Counts the edges crossed on the way from a reference to a point. A vertex on the way belongs to one side, the same
/// for both of its edges, so that it is never counted twice.
fn crossings(edges: &[Edge], reference: &Reference, xyz: &Vector) -> Crossings {
    let way = cross(&reference.xyz, xyz);
    let mut odd = false;
    let mut start_left = dot(&way, &edges[0].start) >= 0.0;
    for (edge, above) in edges.iter().zip(&reference.above) {
        let end_left = dot(&way, &edge.end) >= 0.0;
        let height = edge.height(xyz);
        if height.abs() <= EDGE_TOLERANCE && edge.touches(xyz) {
            return Crossings::OnEdge;
        }
        // From left to right of the way, the way itself goes from the right of the edge to its left.
        let crossed = match (start_left, end_left) {
            (true, false) => !above && height > 0.0,
            (false, true) => *above && height <= 0.0,
            _ => false,
        };
        odd ^= crossed;
        start_left = end_left;
    }
    Crossings::Odd(odd)
}

fn edges_of(vertices: &[SkyPoint]) -> Result<Vec<Edge>, SkyError> {
    let next = |index: usize| (index + 1) % vertices.len();
    (0..vertices.len())
        .map(|index| {
            let (start, end) = (vertices[index].vector(), vertices[next(index)].vector());
            Edge::new(start, end).ok_or_else(|| SkyError::AntipodalEdge(index + 1, next(index) + 1))
        })
        .collect()
}

/// Refuses two edges that cross, with their numbers from 1. Edges are swept from south to north.
///
/// *Cost*: the pairs of edges that share a latitude; beyond [`MOST_PAIRS`] the polygon is refused too.
fn refuse_crossings(edges: &[Edge]) -> Result<(), SkyError> {
    let mut spans: Vec<(f64, f64, usize)> = edges.iter().enumerate().map(|(index, edge)| span(edge, index)).collect();
    spans.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut open: Vec<(f64, f64, usize)> = Vec::new();
    let mut pairs = 0;
    for current in spans {
        open.retain(|other| other.1 >= current.0);
        pairs += open.len();
        if pairs > MOST_PAIRS {
            return Err(SkyError::DegeneratePolygon("too many of its edges share a latitude"));
        }
        let hit = open.iter().find(|other| edges[other.2].crosses(&edges[current.2]));
        if let Some(other) = hit {
            let (first, second) = (other.2.min(current.2), other.2.max(current.2));
            return Err(SkyError::CrossingEdges(first + 1, second + 1));
        }
        open.push(current);
    }
    Ok(())
}

/// The z range of an edge, which may bulge beyond its ends towards a pole.
fn span(edge: &Edge, index: usize) -> (f64, f64, usize) {
    let pole = [0.0, 0.0, 1.0];
    let north = edge.distance(&pole).cos();
    let south = -edge.distance(&negate(&pole)).cos();
    (south - 1e-12, north + 1e-12, index)
}

/// Area on the left of a closed chain of edges: signed triangles from the first vertex, modulo the sphere.
fn area_to_the_left(edges: &[Edge]) -> f64 {
    let apex = &edges[0].start;
    let sum: f64 = edges.iter().map(|edge| 2.0 * half_triangle(apex, &edge.start, &edge.end)).sum();
    let area = sum.rem_euclid(4.0 * PI);
    // A negative sum of roundings alone is no whole sphere.
    if area > 4.0 * PI - 1e-15 { 0.0 } else { area }
}

/// Half the signed area of a spherical triangle.
fn half_triangle(a: &Vector, b: &Vector, c: &Vector) -> f64 {
    let volume = 0.5 * dot(a, &stable_cross(b, c));
    volume.atan2(1.0 + dot(a, b) + dot(b, c) + dot(c, a))
}

/// Tells whether all vertices are on one great circle, up to rounding.
fn is_flat(edges: &[Edge]) -> bool {
    let Some(longest) = edges.iter().max_by(|a, b| a.length().total_cmp(&b.length())) else { return true };
    edges.iter().all(|edge| longest.height(&edge.start).abs() <= EDGE_TOLERANCE)
}

/// Two points, some 90 degrees apart, far from all edges where possible, with their sides.
fn references_of(edges: &[Edge], orientation: f64) -> [Reference; 2] {
    let sum = edges.iter().fold([0.0; 3], |sum, edge| add(&sum, &edge.start));
    let away = normalize(&negate(&sum)).unwrap_or([0.0, 0.0, 1.0]);
    let first = clearest(edges, &around(&away, 0.2));
    let side = any_perpendicular(&first);
    let second = clearest(edges, &[side, cross(&first, &side), negate(&side), negate(&cross(&first, &side))]);
    [first, second].map(|xyz| reference(edges, orientation, &xyz))
}

/// A direction and four more around it.
fn around(axis: &Vector, tilt: f64) -> [Vector; 5] {
    let side = any_perpendicular(axis);
    let other = cross(axis, &side);
    let tilted = |towards: &Vector, tilt: f64| normalize(&add(axis, &scale(towards, tilt))).unwrap_or(*axis);
    [*axis, tilted(&side, tilt), tilted(&side, -tilt), tilted(&other, tilt), tilted(&other, -tilt)]
}

/// The candidate that is farthest from the plane of its nearest edge.
fn clearest(edges: &[Edge], candidates: &[Vector]) -> Vector {
    let clearance = |xyz: &Vector| edges.iter().map(|edge| edge.height(xyz).abs()).fold(f64::INFINITY, f64::min);
    let best = candidates.iter().max_by(|a, b| clearance(a).total_cmp(&clearance(b)));
    best.copied().unwrap_or([0.0, 0.0, 1.0])
}

/// Finds the side of a point by walking to it from the middle of an edge, whose two sides are known.
fn reference(edges: &[Edge], orientation: f64, xyz: &Vector) -> Reference {
    let above: Vec<bool> = edges.iter().map(|edge| edge.height(xyz) >= 0.0).collect();
    let mut reference = Reference { xyz: *xyz, inside: false, above };
    let steepest = (0..edges.len()).max_by(|a, b| {
        let slope = |index: &usize| edges[*index].height(xyz).abs() * edges[*index].length().min(1.0);
        slope(a).total_cmp(&slope(b))
    });
    let Some(from) = steepest else { return reference };
    let middle = edges[from].middle();
    let starts_inside = reference.above[from] == (orientation > 0.0);
    reference.inside = starts_inside != crosses_others(edges, &reference, &middle, from);
    reference
}

/// Tells whether the way to the middle of one edge crosses an odd number of the other edges.
fn crosses_others(edges: &[Edge], reference: &Reference, middle: &Vector, skipped: usize) -> bool {
    let way = cross(&reference.xyz, middle);
    let left = |xyz: &Vector| dot(&way, xyz) >= 0.0;
    let crossed = edges.iter().zip(&reference.above).enumerate().filter(|(index, (edge, above))| {
        let height = edge.height(middle);
        *index != skipped
            && match (left(&edge.start), left(&edge.end)) {
                (true, false) => !**above && height > 0.0,
                (false, true) => **above && height <= 0.0,
                _ => false,
            }
    });
    crossed.count() % 2 == 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edges_that_all_share_a_latitude_are_bounded() {
        let star = |rays: u32| {
            let vertex =
                |i: u32| (f64::from(i) * 180.0 / f64::from(rays), if i.is_multiple_of(2) { 80.0 } else { 10.0 });
            (0..2 * rays).map(vertex).collect::<Vec<_>>()
        };
        let started = std::time::Instant::now();
        assert!(Polygon::from_degrees(&star(1_500)).is_ok());
        let refused = Polygon::from_degrees(&star(20_000));
        assert_eq!(refused, Err(SkyError::DegeneratePolygon("too many of its edges share a latitude")));
        assert!(started.elapsed().as_secs() < 10, "took {:?}", started.elapsed());
        let round = |i: u32| (f64::from(i) * 360.0 / 50_000.0, 45.0 + (f64::from(i) * 1e-3).sin());
        let _ = Polygon::from_degrees(&(0..50_000).map(round).collect::<Vec<_>>());
        assert!(started.elapsed().as_secs() < 20, "took {:?}", started.elapsed());
    }

    #[test]
    fn either_winding_has_the_smaller_side_inside() {
        let vertices = [(350.0, -10.0), (10.0, -10.0), (10.0, 10.0), (350.0, 10.0)];
        let mut reversed = vertices;
        reversed.reverse();
        for polygon in [Polygon::from_degrees(&vertices).unwrap(), Polygon::from_degrees(&reversed).unwrap()] {
            assert!(polygon.contains(&point(0.0, 0.0)));
            assert!(polygon.contains(&point(359.9, 10.05)));
            assert!(!polygon.contains(&point(180.0, 0.0)));
            assert!(!polygon.contains(&point(0.0, 90.0)));
            assert!(!polygon.contains(&point(11.0, 0.0)));
        }
    }

    #[test]
    fn vertices_and_edges_are_inside() {
        let polygon = Polygon::from_degrees(&[(0.0, 0.0), (10.0, 0.0), (10.0, 10.0), (0.0, 10.0)]).unwrap();
        polygon.vertices().iter().for_each(|vertex| assert!(polygon.contains(vertex)));
        assert!(polygon.contains(&point(5.0, 0.0)));
        assert!(polygon.contains(&point(0.0, 5.0)));
        assert!(polygon.contains(&point(10.0, 5.0)));
        assert!(!polygon.contains(&point(5.0, -1e-12)));
    }

    #[test]
    fn octant_area() {
        let octant = Polygon::from_degrees(&[(0.0, 0.0), (90.0, 0.0), (0.0, 90.0)]).unwrap();
        assert!((octant.area_sr - PI / 2.0).abs() < 1e-15);
        let small = Polygon::from_degrees(&[(0.0, 0.0), (1e-4, 0.0), (1e-4, 1e-4), (0.0, 1e-4)]).unwrap();
        assert!((small.area_sq_deg() / 1e-8 - 1.0).abs() < 1e-9);
    }

    #[test]
    fn concave_star_around_the_pole() {
        let star: Vec<(f64, f64)> =
            (0..10).map(|k| (36.0 * f64::from(k), if k % 2 == 0 { 60.0 } else { 80.0 })).collect();
        let polygon = Polygon::from_degrees(&star).unwrap();
        assert!(polygon.contains(&point(0.0, 62.0)));
        assert!(!polygon.contains(&point(36.0, 62.0)));
        assert!(polygon.contains(&point(36.0, 81.0)));
    }

    #[test]
    fn more_than_a_hemisphere_wide_band_is_still_the_smaller_side() {
        // A thin band that runs around 300 degrees of the equator.
        let mut band: Vec<(f64, f64)> = (0..=10).map(|k| (30.0 * f64::from(k), -5.0)).collect();
        band.extend((0..=10).rev().map(|k| (30.0 * f64::from(k), 5.0)));
        let polygon = Polygon::from_degrees(&band).unwrap();
        assert!(polygon.contains(&point(150.0, 0.0)));
        assert!(!polygon.contains(&point(330.0, 0.0)));
        assert!(!polygon.contains(&point(0.0, 90.0)));
        assert!(!polygon.contains(&point(0.0, -90.0)));
    }

    #[test]
    fn bad_polygons_are_refused() {
        let refused = |vertices: &[(f64, f64)]| Polygon::from_degrees(vertices).unwrap_err();
        assert_eq!(refused(&[(0.0, 0.0), (1.0, 0.0)]), SkyError::TooFewVertices(2));
        assert_eq!(refused(&[(0.0, 0.0), (1.0, 0.0), (1.0, 0.0), (0.0, 0.0)]), SkyError::TooFewVertices(2));
        assert_eq!(refused(&[(0.0, 0.0), (180.0, 0.0), (90.0, 50.0)]), SkyError::AntipodalEdge(1, 2));
        assert_eq!(refused(&[(0.0, 0.0), (1.0, 1.0), (1.0, 0.0), (0.0, 1.0)]), SkyError::CrossingEdges(1, 3));
        assert!(matches!(refused(&[(0.0, 0.0), (1.0, 0.0), (2.0, 0.0)]), SkyError::DegeneratePolygon(_)));
        assert!(matches!(refused(&[(0.0, 0.0), (120.0, 0.0), (240.0, 0.0)]), SkyError::DegeneratePolygon(_)));
    }

    fn point(lon: f64, lat: f64) -> SkyPoint {
        SkyPoint::from_degrees(lon, lat).unwrap()
    }
}
