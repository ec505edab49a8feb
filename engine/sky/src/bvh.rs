//! Which of many regions can hold this point?
//!
//! A tree of boxes in space around the bounding caps of the members: a query visits only the members whose box holds
//! its unit vector. The members themselves are tested by whoever asks.

use crate::angle::radians;
use crate::circle::Circle;
use crate::vector::{Vector, angle_between};

/// A leaf holds at most this many members.
const LEAF: usize = 4;

/// Slack of the boxes, for rounding.
const SLACK: f64 = 1e-12;

#[derive(Debug, Clone, Copy)]
struct Bounds {
    low: Vector,
    high: Vector,
}

#[derive(Debug, Clone)]
struct Node {
    bounds: Bounds,
    /// Members of a leaf: a range of `order`. Empty for an inner node, whose first child follows it at once.
    members: std::ops::Range<usize>,
    /// The node to go to where this one is missed or done.
    next: usize,
}

/// Bounding boxes in a tree, in depth-first order.
#[derive(Debug, Clone)]
pub(crate) struct BoundsTree {
    nodes: Vec<Node>,
    order: Vec<usize>,
}

impl BoundsTree {
    /// Builds the tree of the bounding caps of the members.
    pub(crate) fn new(caps: &[Circle]) -> Self {
        let bounds: Vec<Bounds> = caps.iter().map(bounds_of).collect();
        let mut tree = Self { nodes: Vec::new(), order: (0..caps.len()).collect() };
        if !caps.is_empty() {
            let mut order = std::mem::take(&mut tree.order);
            tree.build(&bounds, &mut order, 0);
            tree.order = order;
        }
        tree
    }

    /// Tells whether any member whose box holds the vector passes a test.
    pub(crate) fn any(&self, xyz: &Vector, mut test: impl FnMut(usize) -> bool) -> bool {
        let mut at = 0;
        while let Some(node) = self.nodes.get(at) {
            if !holds(&node.bounds, xyz) {
                at = node.next;
                continue;
            }
            if self.order[node.members.clone()].iter().any(|member| test(*member)) {
                return true;
            }
            at += 1;
        }
        false
    }

    /// Adds the node of some members and all below it; the depth is logarithmic, since halves are equal.
    fn build(&mut self, bounds: &[Bounds], order: &mut [usize], offset: usize) {
        let own = order.iter().map(|member| bounds[*member]).reduce(join);
        let Some(own) = own else { return };
        let at = self.nodes.len();
        let is_leaf = order.len() <= LEAF;
        let members = if is_leaf { offset..offset + order.len() } else { 0..0 };
        self.nodes.push(Node { bounds: own, members, next: 0 });
        if !is_leaf {
            let axis = widest(&own);
            let middle = order.len() / 2;
            let position = |member: &usize| bounds[*member].low[axis] + bounds[*member].high[axis];
            order.select_nth_unstable_by(middle, |a, b| position(a).total_cmp(&position(b)));
            let (left, right) = order.split_at_mut(middle);
            self.build(bounds, left, offset);
            self.build(bounds, right, offset + middle);
        }
        self.nodes[at].next = self.nodes.len();
    }
}

/// The box around a cap: along each axis the cap reaches its radius beyond the angle of its centre to that axis.
fn bounds_of(cap: &Circle) -> Bounds {
    let radius = radians(cap.radius_deg());
    let center = cap.center().xyz();
    let extreme = |axis: usize, sign: f64| {
        let mut pole = [0.0; 3];
        pole[axis] = sign;
        sign * (angle_between(&center, &pole) - radius).max(0.0).cos()
    };
    Bounds {
        low: [0, 1, 2].map(|axis| extreme(axis, -1.0) - SLACK),
        high: [0, 1, 2].map(|axis| extreme(axis, 1.0) + SLACK),
    }
}

fn join(a: Bounds, b: Bounds) -> Bounds {
    let pick = |choose: fn(f64, f64) -> f64, a: &Vector, b: &Vector| [0, 1, 2].map(|axis| choose(a[axis], b[axis]));
    Bounds { low: pick(f64::min, &a.low, &b.low), high: pick(f64::max, &a.high, &b.high) }
}

fn widest(bounds: &Bounds) -> usize {
    let width = |axis: &usize| bounds.high[*axis] - bounds.low[*axis];
    (0..3).max_by(|a, b| width(a).total_cmp(&width(b))).unwrap_or(0)
}

fn holds(bounds: &Bounds, xyz: &Vector) -> bool {
    (0..3).all(|axis| bounds.low[axis] <= xyz[axis] && xyz[axis] <= bounds.high[axis])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::point::{SkyPoint, unit_vector};

    #[test]
    fn every_member_that_holds_the_point_is_visited() {
        let caps: Vec<Circle> = (0..500)
            .map(|k| {
                let (lon, lat) = (f64::from(k) * 7.3, f64::from(k % 180) - 89.5);
                let radius = [1e-9, 0.1, 2.0, 30.0, 179.0][k as usize % 5];
                Circle::from_degrees(lon, lat, radius).unwrap()
            })
            .collect();
        let tree = BoundsTree::new(&caps);
        for step in 0..2_000 {
            let (lon, lat) = (f64::from(step) * 1.7, f64::from(step % 181) - 90.0);
            let point = SkyPoint::from_degrees(lon, lat).unwrap();
            let mut visited = Vec::new();
            tree.any(&unit_vector(point.lon_deg(), point.lat_deg()), |member| {
                visited.push(member);
                false
            });
            let missed = caps.iter().enumerate().find(|(k, cap)| cap.contains(&point) && !visited.contains(k));
            assert_eq!(missed, None);
        }
        assert!(!BoundsTree::new(&[]).any(&[1.0, 0.0, 0.0], |_| true));
    }
}
