//! What did the scan skip, and what did it read? The figures behind `EXPLAIN ANALYZE`.

use datafusion::physical_plan::metrics::{BaselineMetrics, Count, ExecutionPlanMetricsSet, MetricBuilder};

use super::fetch::FetchCounters;

/// Counters of one output partition of a scan.
#[derive(Debug, Clone)]
pub(crate) struct ScanMetrics {
    /// Output rows and time.
    pub(crate) baseline: BaselineMetrics,
    /// Row groups of the files that were opened.
    pub(crate) row_groups: Count,
    /// Those of them that were skipped.
    pub(crate) row_groups_pruned: Count,
    /// Pages of the key column in row groups that were not skipped.
    pub(crate) pages: Count,
    /// Those of them that were skipped.
    pub(crate) pages_pruned: Count,
    /// Rows of pages that hold no number within the bounds.
    pub(crate) rows_out_of_bounds: Count,
    /// Rows that their key alone ruled out.
    pub(crate) rows_ruled_out: Count,
    /// Rows whose filter columns were decoded.
    pub(crate) rows_decoded: Count,
    /// Rows that passed every filter.
    pub(crate) rows_matched: Count,
    /// HEALPix partitions (or plain files) read to their end.
    pub(crate) partitions_done: Count,
    /// HEALPix partitions that a join had no use for.
    pub(crate) partitions_skipped: Count,
    /// Rows of an index of ids that were looked at.
    pub(crate) index_rows: Count,
    /// Requests and bytes, footers included.
    pub(crate) fetched: FetchCounters,
}

impl ScanMetrics {
    pub(crate) fn new(set: &ExecutionPlanMetricsSet, partition: usize) -> Self {
        let counter = |name: &'static str| MetricBuilder::new(set).counter(name, partition);
        Self {
            baseline: BaselineMetrics::new(set, partition),
            row_groups: counter("row_groups"),
            row_groups_pruned: counter("row_groups_pruned"),
            pages: counter("pages"),
            pages_pruned: counter("pages_pruned"),
            rows_out_of_bounds: counter("rows_out_of_bounds"),
            rows_ruled_out: counter("rows_ruled_out"),
            rows_decoded: counter("rows_decoded"),
            rows_matched: counter("rows_matched"),
            partitions_done: counter("partitions_done"),
            partitions_skipped: counter("partitions_skipped"),
            index_rows: counter("index_rows"),
            fetched: fetch_counters(set, partition),
        }
    }
}

/// Counters of what is asked of stores alone.
pub(crate) fn fetch_counters(set: &ExecutionPlanMetricsSet, partition: usize) -> FetchCounters {
    let counter = |name: &'static str| MetricBuilder::new(set).counter(name, partition);
    FetchCounters { requests: counter("requests"), bytes: counter("bytes_read"), kept: counter("bytes_kept") }
}

/// Counts partitions once for the whole scan.
pub(crate) fn count_partitions(set: &ExecutionPlanMetricsSet, total: usize, planned: usize) {
    MetricBuilder::new(set).global_counter("partitions").add(total);
    MetricBuilder::new(set).global_counter("partitions_pruned").add(total - planned);
}
