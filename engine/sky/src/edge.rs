//! How far is a point from a great-circle arc, and do two arcs meet?
//!
//! An edge is the shorter arc between two points of the sphere. Polygons are made of edges; what is inside of them is
//! not known here.

use crate::vector::{Vector, angle_between, cross, dot, norm, normalize, stable_cross};

/// Heights above the plane of an edge, as sines, that count as on the edge: a few roundings of a unit vector.
pub(crate) const EDGE_TOLERANCE: f64 = 1e-15;

/// The shorter great-circle arc between two unit vectors that are neither equal nor opposite.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Edge {
    pub(crate) start: Vector,
    pub(crate) end: Vector,
    /// Unit vector to the left of the way from start to end.
    pub(crate) normal: Vector,
    /// Inward normals of the end planes: the arc's lune is where both are positive.
    after_start: Vector,
    before_end: Vector,
}

impl Edge {
    /// Makes an edge; `None` where the ends are equal or opposite.
    pub(crate) fn new(start: &Vector, end: &Vector) -> Option<Self> {
        let product = stable_cross(start, end);
        // The sum of opposite points is zero up to rounding and points nowhere.
        if norm(&crate::vector::add(start, end)) < 1e-12 {
            return None;
        }
        let normal = normalize(&product)?;
        let after_start = cross(&normal, start);
        let before_end = cross(end, &normal);
        Some(Self { start: *start, end: *end, normal, after_start, before_end })
    }

    /// Length in radians.
    pub(crate) fn length(&self) -> f64 {
        angle_between(&self.start, &self.end)
    }

    /// The point half way.
    pub(crate) fn middle(&self) -> Vector {
        normalize(&crate::vector::add(&self.start, &self.end)).unwrap_or(self.start)
    }

    /// Height of a unit vector above the plane of the edge: positive on the left.
    pub(crate) fn height(&self, xyz: &Vector) -> f64 {
        dot(&self.normal, xyz)
    }

    /// Tells whether the foot of a point on the great circle is on the arc.
    pub(crate) fn faces(&self, xyz: &Vector, tolerance: f64) -> bool {
        dot(&self.after_start, xyz) >= -tolerance && dot(&self.before_end, xyz) >= -tolerance
    }

    /// Tells whether a unit vector is on the arc, up to rounding.
    pub(crate) fn touches(&self, xyz: &Vector) -> bool {
        self.height(xyz).abs() <= EDGE_TOLERANCE && self.faces(xyz, EDGE_TOLERANCE)
    }

    /// Distance in radians from a unit vector to the nearest point of the arc.
    pub(crate) fn distance(&self, xyz: &Vector) -> f64 {
        if self.faces(xyz, 0.0) {
            return self.height(xyz).abs().atan2(norm(&cross(&self.normal, xyz)));
        }
        angle_between(&self.start, xyz).min(angle_between(&self.end, xyz))
    }

    /// The distance in radians from a unit vector to the farthest point of the arc.
    pub(crate) fn farthest(&self, xyz: &Vector) -> f64 {
        std::f64::consts::PI - self.distance(&crate::vector::negate(xyz))
    }

    /// Tells whether two edges cross in a point that is inside of both, away from their ends by more than rounding.
    pub(crate) fn crosses(&self, other: &Self) -> bool {
        let (start, end) = (self.height(&other.start), self.height(&other.end));
        if !opposite(start, end) {
            return false;
        }
        let (own_start, own_end) = (other.height(&self.start), other.height(&self.end));
        // On the same side of the sphere the two changes of side have opposite senses.
        opposite(own_start, own_end) && (start > 0.0) == (own_start < 0.0)
    }

    /// Tells whether two edges have a point in common, ends included.
    pub(crate) fn meets(&self, other: &Self) -> bool {
        self.crosses(other)
            || self.touches(&other.start)
            || self.touches(&other.end)
            || other.touches(&self.start)
            || other.touches(&self.end)
    }
}

fn opposite(a: f64, b: f64) -> bool {
    (a > EDGE_TOLERANCE && b < -EDGE_TOLERANCE) || (a < -EDGE_TOLERANCE && b > EDGE_TOLERANCE)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::angle::{degrees, radians};
    use crate::point::unit_vector;

    #[test]
    fn distance_is_to_the_arc_not_to_the_circle() {
        let edge = edge(0.0, 0.0, 10.0, 0.0);
        assert!((degrees(edge.distance(&unit_vector(5.0, 3.0))) - 3.0).abs() < 1e-13);
        assert!((degrees(edge.distance(&unit_vector(14.0, 0.0))) - 4.0).abs() < 1e-13);
        assert!((degrees(edge.distance(&unit_vector(185.0, 0.0))) - 175.0).abs() < 1e-13);
        assert!((degrees(edge.farthest(&unit_vector(185.0, 0.0))) - 180.0).abs() < 1e-6);
    }

    #[test]
    fn crossing_needs_the_arcs_not_the_circles() {
        let equator = edge(0.0, 0.0, 10.0, 0.0);
        assert!(equator.crosses(&edge(5.0, -1.0, 5.0, 1.0)));
        assert!(equator.crosses(&edge(5.0, 1.0, 5.0, -1.0)));
        assert!(!equator.crosses(&edge(15.0, -1.0, 15.0, 1.0)));
        assert!(!equator.crosses(&edge(185.0, -1.0, 185.0, 1.0)));
        assert!(!equator.crosses(&edge(185.0, 1.0, 185.0, -1.0)));
    }

    #[test]
    fn touching_is_meeting_but_not_crossing() {
        let equator = edge(0.0, 0.0, 10.0, 0.0);
        let upright = edge(5.0, 0.0, 5.0, 1.0);
        assert!(!equator.crosses(&upright));
        assert!(equator.meets(&upright));
    }

    #[test]
    fn equal_and_opposite_ends_make_no_edge() {
        let point = unit_vector(30.0, 40.0);
        assert_eq!(Edge::new(&point, &point), None);
        assert_eq!(Edge::new(&point, &unit_vector(210.0, -40.0)), None);
        assert!((edge(0.0, 0.0, 0.0, 1e-9).length() - radians(1e-9)).abs() < 1e-17);
    }

    fn edge(lon1: f64, lat1: f64, lon2: f64, lat2: f64) -> Edge {
        Edge::new(&unit_vector(lon1, lat1), &unit_vector(lon2, lat2)).unwrap()
    }
}
