//! Which cells of an order does a region touch?
//!
//! A descent as in `coverage`, to an order and not to a budget. A cell is seen as the cap around it, which is larger than
//! the cell: at the last order a doubtful one is asked for its parts, four orders further down.
//!
//! ```text
//!   outside -> dropped      inside -> taken whole      mixed -> split, at the last order taken if a part is not outside
//! ```

use crate::cell_relation::{Patch, Relation};
use crate::coverage::cells_around;
use crate::healpix::{Cell, Order, hash29_valid};
use crate::moc::Moc;
use crate::region::Region;

/// Orders below the last one that doubtful cells are looked at: caps there are a sixteenth as large.
const FURTHER: u8 = 4;

/// The MOC of an order that covers a region; `None` where there are more than `most` cells on the way.
pub(super) fn cover(region: &Region, order: Order, most: usize) -> Option<Moc> {
    match region {
        Region::Empty => return Some(Moc::from_cells([], order)),
        Region::Point(point) => {
            let key = hash29_valid(point.lon_deg(), point.lat_deg());
            return Some(Moc::from_cells(Cell::from_key(key, order), order));
        }
        _ => {}
    }
    let mut full = Vec::new();
    // Cells finer than the order that the region starts at are those of their ancestors.
    let mut mixed: Vec<Cell> =
        cells_around(&region.bounding_cap()).into_iter().map(|cell| ancestor(cell, order)).collect();
    mixed.sort_unstable();
    mixed.dedup();
    loop {
        let (inside, rest) = classified(region, &mixed);
        full.extend(inside);
        mixed = rest;
        if full.len() + mixed.len() > most {
            return None;
        }
        if mixed.first().is_none_or(|cell| cell.order() >= order) {
            break;
        }
        mixed = mixed.iter().filter_map(|cell| cell.children()).flatten().collect();
    }
    mixed.retain(|cell| touches(region, *cell, FURTHER));
    Some(Moc::from_cells(full.into_iter().chain(mixed), order))
}

/// The cells that are inside of a region, and those that are neither inside nor outside.
fn classified(region: &Region, cells: &[Cell]) -> (Vec<Cell>, Vec<Cell>) {
    let (mut inside, mut mixed) = (Vec::new(), Vec::new());
    for cell in cells {
        match region.relation(&Patch::exact(*cell)) {
            Relation::Outside => {}
            Relation::Inside => inside.push(*cell),
            Relation::Mixed => mixed.push(*cell),
        }
    }
    (inside, mixed)
}

/// Whether a cell has a part that is not outside of a region.
fn touches(region: &Region, cell: Cell, further: u8) -> bool {
    match region.relation(&Patch::exact(cell)) {
        Relation::Outside => false,
        Relation::Inside => true,
        Relation::Mixed if further == 0 || region.contains(&crate::healpix::center(cell)) => true,
        Relation::Mixed => {
            cell.children().is_none_or(|children| children.into_iter().any(|child| touches(region, child, further - 1)))
        }
    }
}

fn ancestor(mut cell: Cell, order: Order) -> Cell {
    while cell.order() > order {
        let Some(parent) = cell.parent() else { break };
        cell = parent;
    }
    cell
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::circle::Circle;
    use crate::healpix::hash;
    use crate::point::SkyPoint;
    use crate::polygon::Polygon;

    #[test]
    fn every_position_of_a_region_is_covered_and_few_others() {
        let polygon = Polygon::from_degrees(&[(10.0, 80.0), (40.0, 70.0), (100.0, 85.0)]).unwrap();
        for region in [
            circle(10.0, 20.0, 3.0),
            circle(0.0, 90.0, 1.0),
            circle(200.0, -41.8, 0.02),
            Region::Polygon(polygon),
            Region::Not(Box::new(circle(10.0, 20.0, 100.0))),
        ] {
            for order in [0, 3, 6] {
                let order = Order::new(order).unwrap();
                let moc = cover(&region, order, 100_000).unwrap();
                assert_eq!(moc.max_order(), order);
                assert!(moc.cells().all(|cell| cell.order() <= order));
                // A position of the region is in a cell, and every cell has one, or nearly so, at a finer order.
                let fine = Order::new(order.get() + 5).unwrap();
                for npix in (0..fine.cell_count()).step_by(if order.get() > 3 { 17 } else { 1 }) {
                    let point = crate::healpix::center(Cell::known(fine, npix));
                    assert!(!region.contains(&point) || moc.contains(&point), "{region:?} {order:?} {npix}");
                }
                let near = cover(&region, Order::new(order.get() + 5).unwrap(), 1_000_000).unwrap();
                let spare = moc.cells().filter(|cell| !near.meets_range(cell.range29())).count();
                assert!(spare * 10 <= moc.cells().count() + 9, "{region:?} {order:?}: {spare} spare cells");
            }
        }
    }

    #[test]
    fn a_point_is_one_cell() {
        for order in [0, 7, 29] {
            let order = Order::new(order).unwrap();
            let point = Region::Point(SkyPoint::from_degrees(123.4, -56.7).unwrap());
            let cells: Vec<Cell> = cover(&point, order, 100).unwrap().cells().collect();
            assert_eq!(cells, [Cell::new(order, hash(order, 123.4, -56.7).unwrap()).unwrap()]);
        }
    }

    #[test]
    fn whole_and_empty_regions() {
        assert!(cover(&Region::Empty, Order::MAX, 10).unwrap().is_empty());
        assert_eq!(cover(&Region::AllSky, Order::MAX, 12).unwrap().sky_fraction(), 1.0);
        assert_eq!(cover(&circle(0.0, 0.0, 180.0), Order::MAX, 12).unwrap().sky_fraction(), 1.0);
        assert!(cover(&circle(0.0, 0.0, 1.0), Order::MAX, 100_000).is_none());
    }

    fn circle(lon: f64, lat: f64, radius: f64) -> Region {
        Region::Circle(Circle::from_degrees(lon, lat, radius).unwrap())
    }
}
