//! Where is the sky cut, so that every partition holds about equally many rows?
//!
//! ```text
//!  12 base cells -> a cell above the threshold is split in four -> ... -> max_order
//! ```
//! Cells without rows have no partition. Orders may be mixed; cells never overlap. Only the number of rows before a
//! key is asked, so sorted rows and a density map serve alike.

use std::ops::Range;

use sidereus_sky::{Cell, Order};

/// One partition: a cell and where its rows lie among all rows in order of the key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartitionRows {
    /// The cell that holds all rows.
    pub cell: Cell,
    /// Their places in the sorted order.
    pub rows: Range<usize>,
}

/// Cuts the sky into cells of at most `threshold` rows, where `max_order` permits; `rows_before` tells how many rows
/// have a smaller order-29 key, for keys where cells down to `max_order` begin or end.
///
/// *Guarantee*: the ranges are in order, do not overlap and cover all rows.
pub fn partition_sky(rows_before: impl Fn(u64) -> usize, threshold: usize, max_order: Order) -> Vec<PartitionRows> {
    let cut = Cut { rows_before: &rows_before, threshold, max_order };
    let mut partitions = Vec::new();
    for npix in 0..Order::MIN.cell_count() {
        let cell = Cell::new(Order::MIN, npix).expect("the number is below the number of base cells");
        cut.split(cell, &mut partitions);
    }
    partitions
}

struct Cut<'a> {
    rows_before: &'a dyn Fn(u64) -> usize,
    threshold: usize,
    max_order: Order,
}

impl Cut<'_> {
    fn split(&self, cell: Cell, partitions: &mut Vec<PartitionRows>) {
        let range = cell.range29();
        let rows = (self.rows_before)(range.start)..(self.rows_before)(range.end);
        if rows.is_empty() {
            return;
        }
        let may_split = rows.len() > self.threshold && cell.order() < self.max_order;
        match cell.children().filter(|_| may_split) {
            Some(children) => children.into_iter().for_each(|child| self.split(child, partitions)),
            None => partitions.push(PartitionRows { cell, rows }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(keys: &[u64], threshold: usize, max_order: u8) -> Vec<(u8, u64, Range<usize>)> {
        let partitions =
            partition_sky(|key| keys.partition_point(|row| *row < key), threshold, Order::new(max_order).unwrap());
        partitions.into_iter().map(|part| (part.cell.order().get(), part.cell.npix(), part.rows)).collect()
    }

    #[test]
    fn dense_cells_are_split_and_empty_ones_left_out() {
        let keys = [0, 1 << 56, 2 << 56, 11 << 58];
        assert_eq!(cut(&keys, 4, 12), [(0, 0, 0..3), (0, 11, 3..4)]);
        assert_eq!(cut(&keys, 2, 12), [(1, 0, 0..1), (1, 1, 1..2), (1, 2, 2..3), (0, 11, 3..4)]);
    }

    #[test]
    fn equal_keys_end_at_the_deepest_order() {
        assert_eq!(cut(&[5, 5, 5], 1, 3), [(3, 0, 0..3)]);
        assert_eq!(cut(&[], 1, 3), []);
    }
}
