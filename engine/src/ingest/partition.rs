//! Where is the sky cut, so that every partition holds about equally many rows?
//!
//! ```text
//!  12 base cells -> a cell above the threshold is split in four -> ... -> max_order
//! ```
//! Cells without rows have no partition. Orders may be mixed; cells never overlap.

use std::ops::Range;

use sidereus_sky::{Cell, Order};

use super::sort::RowAddress;

/// One partition: a cell and where its rows lie in the sorted order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PartitionRows {
    /// The cell that holds all rows.
    pub(super) cell: Cell,
    /// Their places among the sorted rows.
    pub(super) rows: Range<usize>,
}

/// Cuts sorted rows into cells of at most `threshold` rows, where `max_order` permits.
///
/// *Guarantee*: the ranges are in order, do not overlap and cover all rows.
pub(super) fn cut(rows: &[RowAddress], threshold: usize, max_order: Order) -> Vec<PartitionRows> {
    let mut partitions = Vec::new();
    let mut start = 0;
    for npix in 0..12 {
        let cell = Cell::new(Order::MIN, npix).expect("there are 12 base cells");
        let end = start + rows_within(cell, &rows[start..]);
        split(cell, start..end, &Cut { rows, threshold, max_order }, &mut partitions);
        start = end;
    }
    partitions
}

struct Cut<'a> {
    rows: &'a [RowAddress],
    threshold: usize,
    max_order: Order,
}

fn split(cell: Cell, range: Range<usize>, cut: &Cut<'_>, partitions: &mut Vec<PartitionRows>) {
    if range.is_empty() {
        return;
    }
    let Some(children) = cell.children().filter(|_| range.len() > cut.threshold && cell.order() < cut.max_order) else {
        partitions.push(PartitionRows { cell, rows: range });
        return;
    };
    let mut start = range.start;
    for child in children {
        let end = start + rows_within(child, &cut.rows[start..range.end]);
        split(child, start..end, cut, partitions);
        start = end;
    }
}

/// How many of the sorted rows, the first of which is not before the cell, lie in it.
fn rows_within(cell: Cell, rows: &[RowAddress]) -> usize {
    let end = cell.range29().end;
    rows.partition_point(|row| row.key < end)
}
