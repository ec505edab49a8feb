//! Is there a point that is in both of these regions?
//!
//! A search by cells for the pairs that have no formula: cells outside of either region are dropped, a cell inside of
//! both or a cell centre in both is an answer, the others are split. The regions are known by their relation to a cell
//! and by their test of a point only.

use crate::cell_relation::{Patch, Relation};
use crate::coverage::start_cells;
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

/// Searches a common point.
pub(crate) fn search(a: &Region, b: &Region) -> Search {
    let (cap_a, cap_b) = (a.bounding_cap(), b.bounding_cap());
    let smaller = if cap_a.radius_deg() <= cap_b.radius_deg() { cap_a } else { cap_b };
    let mut open = start_cells(&smaller);
    loop {
        let mut undecided = Vec::new();
        for cell in open {
            match compare(a, b, cell) {
                Some(true) => return Search::Found,
                Some(false) => {}
                None => undecided.push(cell),
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
            return Search::Touching;
        }
    }
}

/// Whether a cell holds a common point; `None` where it must be split.
fn compare(a: &Region, b: &Region, cell: Cell) -> Option<bool> {
    let patch = Patch::exact(cell);
    let relation = a.relation(&patch);
    if relation == Relation::Outside {
        return Some(false);
    }
    match (relation, b.relation(&patch)) {
        (_, Relation::Outside) => Some(false),
        (Relation::Inside, Relation::Inside) => Some(true),
        _ => {
            let center = SkyPoint::from_unit(&patch.center);
            (a.contains(&center) && b.contains(&center)).then_some(true)
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

    fn read(text: &str) -> Region {
        Region::from_stcs(text).unwrap()
    }
}
