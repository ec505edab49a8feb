//! What can be set: limits of one query, resources of the process, and the rules that may be switched off.
//!
//! Switching a rule off changes the time of a query, never its answer.

use std::time::Duration;

/// The fast paths and pruners, each of which may be switched off without changing an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rules {
    /// Skip partitions whose HEALPix cell misses the region.
    pub partition_pruning: bool,
    /// Skip row groups by the key's statistics.
    pub row_group_pruning: bool,
    /// Skip pages by the page index.
    pub page_pruning: bool,
    /// Decode positions first, and the other columns only for rows that are kept.
    pub late_materialization: bool,
    /// Evaluate recognised predicates inside the scan at all; off leaves every filter to DataFusion.
    pub predicate_pushdown: bool,
    /// Hand a query that is one scan straight to the scan, without the optimizer.
    pub scan_template: bool,
}

impl Rules {
    /// Everything on.
    #[must_use]
    pub const fn all() -> Self {
        Self {
            partition_pruning: true,
            row_group_pruning: true,
            page_pruning: true,
            late_materialization: true,
            predicate_pushdown: true,
            scan_template: true,
        }
    }

    /// Everything off.
    #[must_use]
    pub const fn none() -> Self {
        Self {
            partition_pruning: false,
            row_group_pruning: false,
            page_pruning: false,
            late_materialization: false,
            predicate_pushdown: false,
            scan_template: false,
        }
    }
}

impl Default for Rules {
    fn default() -> Self {
        Self::all()
    }
}

/// Limits of one query.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct QueryLimits {
    /// Rows after which the answer is cut and the cut is told (TAP `MAXREC`); `None` is unlimited.
    pub max_rows: Option<u64>,
    /// Time after which the query ends with an error of kind `Timeout`.
    pub timeout: Option<Duration>,
}

/// Resources of the engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EngineOptions {
    /// Bytes that sorts, joins and groupings may hold before they spill or fail.
    pub memory_limit: usize,
    /// Bytes of footers and page indexes that are kept.
    pub metadata_cache: usize,
    /// Threads that run queries.
    pub threads: usize,
    /// Rules of every query that does not name its own.
    pub rules: Rules,
}

impl Default for EngineOptions {
    fn default() -> Self {
        let threads = std::thread::available_parallelism().map_or(2, usize::from);
        Self { memory_limit: 4 << 30, metadata_cache: 512 << 20, threads, rules: Rules::all() }
    }
}
