//! Is there a point that is in both of these regions?
//!
//! A search by cells for the pairs that have no formula: cells outside of either region are dropped, a cell inside of
//! both or a cell centre in both is an answer, the others are split. The regions are known by their relation to a cell
//! and by their test of a point only.

use crate::cell_relation::{Patch, Relation};
use crate::coverage::cells_around;
use crate::healpix::Cell;
use crate::point::SkyPoint;
use crate::region::Region;

/// More open cells than this on one level mean borders that run along each other. Where two borders only touch, their
/// gap grows with the square of the way, and some ten thousand cells of order 29 are open.
const MAX_OPEN: usize = 40_000;

/// The outcome of a search.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Search {
    /// There is a common point.
    Found,
    /// There is none.
    Nothing,
    /// The regions come as near to each other as a cell of order 29 is wide.
    Touching,
    /// Too many cells are open to go on.
    Exhausted,
}

/// Comparisons of one cell with one shape, or one edge, that a search may cost.
const MAX_WORK: usize = 8_000_000;

/// Searches a common point.
pub(crate) fn search(a: &Region, b: &Region) -> Search {
    let (cap_a, cap_b) = (a.bounding_cap(), b.bounding_cap());
    let smaller = if cap_a.radius_deg() <= cap_b.radius_deg() { cap_a } else { cap_b };
    let mut open = cells_around(&smaller);
    let mut work_left = MAX_WORK / (a.shape_count() + b.shape_count()).max(1);
    loop {
        if open.len() > work_left {
            return Search::Exhausted;
        }
        work_left -= open.len();
        let mut undecided = Vec::new();
        for cell in open {
            match compare(a, b, cell) {
                Verdict::Common => return Search::Found,
                Verdict::Apart => {}
                Verdict::Open => undecided.push(cell),
            }
        }
        if undecided.is_empty() {
            return Search::Nothing;
        }
        if undecided.len() > MAX_OPEN {
            return Search::Exhausted;
        }
        open = undecided.iter().filter_map(|cell| cell.children()).flatten().collect();
        if open.is_empty() {
            return finest(a, b, &undecided);
        }
    }
}

/// What the cells of the finest order mean: a region without area never fills a cell, but where it comes into a cell
/// that the other region fills, the two have a point in common.
fn finest(a: &Region, b: &Region, cells: &[Cell]) -> Search {
    let filled = cells.iter().any(|cell| {
        let patch = Patch::exact(*cell);
        a.relation(&patch) == Relation::Inside || b.relation(&patch) == Relation::Inside
    });
    if filled { Search::Found } else { Search::Touching }
}

enum Verdict {
    Common,
    Apart,
    Open,
}

/// Compares the two regions in a cell.
fn compare(a: &Region, b: &Region, cell: Cell) -> Verdict {
    let patch = Patch::exact(cell);
    let relation = a.relation(&patch);
    if relation == Relation::Outside {
        return Verdict::Apart;
    }
    match (relation, b.relation(&patch)) {
        (_, Relation::Outside) => Verdict::Apart,
        (Relation::Inside, Relation::Inside) => Verdict::Common,
        _ => {
            let center = SkyPoint::from_unit(&patch.center);
            if a.contains(&center) && b.contains(&center) { Verdict::Common } else { Verdict::Open }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ellipses_are_compared_by_search() {
        let ellipse = read("Ellipse ICRS 0 0 10 2 90");
        assert_eq!(search(&ellipse, &read("Circle ICRS 9 0 0.1")), Search::Found);
        assert_eq!(search(&ellipse, &read("Circle ICRS 0 3 0.99")), Search::Nothing);
        assert_eq!(search(&ellipse, &read("Circle ICRS 0 3 1.01")), Search::Found);
        assert_eq!(search(&ellipse, &read("Circle ICRS 11 0 1")), Search::Touching);
    }

    #[test]
    fn containment_by_search() {
        let holds = |outer: &str, inner: &str| read(outer).contains_region(&read(inner)).unwrap();
        assert!(holds("Circle ICRS 0 0 10", "Ellipse ICRS 0 0 10 2 90"));
        assert!(!holds("Circle ICRS 0 0 9.999", "Ellipse ICRS 0 0 10 2 90"));
        assert!(holds("Ellipse ICRS 0 0 10 2 90", "Polygon ICRS -9 0 0 1.9 9 0 0 -1.9"));
        assert!(holds("Moc (0/4)", "Circle ICRS 0 0 20"));
        assert!(!holds("Moc (0/4)", "Circle ICRS 0 0 60"));
        assert!(holds("Circle ICRS 0 0 70", "Moc (0/4)"));
        assert!(holds("Union (Circle ICRS 0 0 5 Circle ICRS 4 0 5)", "Circle ICRS 2 0 4.3"));
        assert!(!holds("Union (Circle ICRS 0 0 5 Circle ICRS 4 0 5)", "Circle ICRS 2 0 4.9"));
    }

    #[test]
    fn borders_along_each_other_end_the_search() {
        let (ellipse, same) = (read("Ellipse ICRS 0 0 10 2 90"), read("Ellipse ICRS 0 0 10 2 270"));
        let outside = Region::Not(Box::new(same));
        assert_eq!(search(&ellipse, &outside), Search::Exhausted);
    }

    #[test]
    fn a_point_among_conditions_is_not_lost() {
        let point = read("Intersection (Position ICRS 1 2 AllSky)");
        assert!(read("Circle ICRS 1 2 1").contains_region(&point).unwrap());
        assert!(!read("Circle ICRS 5 2 1").contains_region(&point).unwrap());
    }

    #[test]
    fn large_unions_end_in_time() {
        let grid = |radius: f64| {
            let members: String = (0..3000).map(|k| format!(" Circle {} {} {radius}", k % 60, k / 60)).collect();
            read(&format!("Union ({members})"))
        };
        let union = grid(0.8);
        assert!(union.contains_region(&read("Polygon 10 10 12 10 11 12")).unwrap());
        assert!(!grid(0.5).contains_region(&read("Polygon 10 10 12 10 11 12")).unwrap(), "gaps between four circles");
        assert!(!union.contains_region(&read("Circle 300 -50 3")).unwrap());
        let all = Region::Intersection(vec![union.clone(), read("Circle 0 0 90")]);
        assert!(all.intersects(&read("Ellipse 30 20 3 1 0")).unwrap());
    }

    fn read(text: &str) -> Region {
        Region::from_stcs(text).unwrap()
    }
}
