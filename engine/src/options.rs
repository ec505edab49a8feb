//! What can be set: limits of one query, resources of the process, and the rules that may be switched off.
//!
//! Switching a rule off changes the time of a query, never its answer.

use std::path::PathBuf;
use std::time::Duration;

use sidereus_adql::Extensions;

/// The fast paths and pruners, each of which may be switched off without changing an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rules {
    /// Skip partitions whose HEALPix cell misses the region.
    pub partition_pruning: bool,
    /// Skip row groups by the key's statistics.
    pub row_group_pruning: bool,
    /// Skip pages by the page index.
    pub page_pruning: bool,
    /// Skip pages whose numbers lie outside of what is compared, or of what a sort or a join has found out.
    pub extremes_pruning: bool,
    /// Read what bounds on right ascension and declination leave of the sky, as of a region.
    pub coordinate_bounds: bool,
    /// Read keys before positions where few of them can be in the region.
    pub key_pruning: bool,
    /// Find rows of ids by the indexes of a collection.
    pub id_index: bool,
    /// Tell a scan the ids that a join asks for.
    pub id_joins: bool,
    /// Decode positions first, and the other columns only for rows that are kept.
    pub late_materialization: bool,
    /// Evaluate recognised predicates inside the scan at all; off leaves every filter to DataFusion.
    pub predicate_pushdown: bool,
    /// Hand a query that is one scan straight to the scan, without the optimizer.
    pub scan_template: bool,
    /// Answer a query for many rows of parameters by one join.
    pub parameter_joins: bool,
    /// Join tables on their positions by place; off compares all pairs, but where there is no other plan.
    pub crossmatch: bool,
    /// Answer counts and extremes of whole catalogs by their footers.
    pub metadata_answers: bool,
    /// Group a catalog, which is sorted by its key, by cells without a hash table.
    pub run_grouping: bool,
}

impl Rules {
    /// Everything on.
    #[must_use]
    pub const fn all() -> Self {
        Self {
            partition_pruning: true,
            row_group_pruning: true,
            page_pruning: true,
            extremes_pruning: true,
            coordinate_bounds: true,
            key_pruning: true,
            id_index: true,
            id_joins: true,
            late_materialization: true,
            predicate_pushdown: true,
            scan_template: true,
            parameter_joins: true,
            crossmatch: true,
            metadata_answers: true,
            run_grouping: true,
        }
    }

    /// Everything off.
    #[must_use]
    pub const fn none() -> Self {
        Self {
            partition_pruning: false,
            row_group_pruning: false,
            page_pruning: false,
            extremes_pruning: false,
            coordinate_bounds: false,
            key_pruning: false,
            id_index: false,
            id_joins: false,
            late_materialization: false,
            predicate_pushdown: false,
            scan_template: false,
            parameter_joins: false,
            crossmatch: false,
            metadata_answers: false,
            run_grouping: false,
        }
    }
}

/// Reads and sets one rule.
type Switch = fn(&mut Rules) -> &mut bool;

/// Every rule by its name in options and configuration.
const SWITCHES: [(&str, Switch); 15] = [
    ("partition_pruning", |rules| &mut rules.partition_pruning),
    ("row_group_pruning", |rules| &mut rules.row_group_pruning),
    ("page_pruning", |rules| &mut rules.page_pruning),
    ("extremes_pruning", |rules| &mut rules.extremes_pruning),
    ("coordinate_bounds", |rules| &mut rules.coordinate_bounds),
    ("key_pruning", |rules| &mut rules.key_pruning),
    ("id_index", |rules| &mut rules.id_index),
    ("id_joins", |rules| &mut rules.id_joins),
    ("late_materialization", |rules| &mut rules.late_materialization),
    ("predicate_pushdown", |rules| &mut rules.predicate_pushdown),
    ("scan_template", |rules| &mut rules.scan_template),
    ("parameter_joins", |rules| &mut rules.parameter_joins),
    ("crossmatch", |rules| &mut rules.crossmatch),
    ("metadata_answers", |rules| &mut rules.metadata_answers),
    ("run_grouping", |rules| &mut rules.run_grouping),
];

/// A name that is no rule's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown rule {0:?}: expected all, or some of {names}", names = SWITCHES.map(|(name, _)| name).join(", "))]
pub struct UnknownRule(String);

impl Rules {
    /// The rules with those of a list switched off: names with commas between them, or `all`.
    ///
    /// *Errors*: a name that is no rule's.
    pub fn without(mut self, list: &str) -> Result<Self, UnknownRule> {
        for name in list.split(',').map(str::trim).filter(|name| !name.is_empty()) {
            if name == "all" {
                self = Self::none();
                continue;
            }
            let (_, switch) =
                SWITCHES.iter().find(|(known, _)| *known == name).ok_or_else(|| UnknownRule(name.to_owned()))?;
            *switch(&mut self) = false;
        }
        Ok(self)
    }

    /// Names of the rules that are off, with commas between them: what [`Self::without`] makes these rules of.
    #[must_use]
    pub fn switched_off(mut self) -> String {
        let off: Vec<&str> = SWITCHES.iter().filter(|(_, switch)| !*switch(&mut self)).map(|(name, _)| *name).collect();
        off.join(",")
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

/// A place on the local disk for what was read of remote files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlockCacheOptions {
    /// The folder, of this process alone.
    pub folder: PathBuf,
    /// Bytes that it may hold.
    pub bytes: u64,
}

/// Resources of the engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EngineOptions {
    /// Bytes that sorts, joins and groupings may hold before they spill or fail.
    pub memory_limit: usize,
    /// Bytes of them that one query may hold; 0 is as many as there are.
    pub query_memory: usize,
    /// Bytes of footers and page indexes that are kept.
    pub metadata_cache: usize,
    /// Where blocks of remote files are kept; without it they are read anew.
    pub block_cache: Option<BlockCacheOptions>,
    /// Rows of the smaller of two catalogs from which on a crossmatch goes partition by partition.
    pub crossmatch_rows: usize,
    /// Threads that run queries.
    pub threads: usize,
    /// Rows of catalogs up to which a query waits for no other.
    pub short_rows: usize,
    /// Queries beyond that which work at the same time; 0 is without limit.
    pub long_queries: usize,
    /// Rules of every query that does not name its own.
    pub rules: Rules,
    /// Extensions of the language that queries under the label ADQL cannot use.
    pub extensions_off: Extensions,
}

impl Default for EngineOptions {
    fn default() -> Self {
        let threads = std::thread::available_parallelism().map_or(2, usize::from);
        Self {
            memory_limit: 4 << 30,
            query_memory: 0,
            metadata_cache: 512 << 20,
            block_cache: None,
            crossmatch_rows: 3_000_000,
            threads,
            short_rows: 1_000_000,
            long_queries: 4 * threads,
            rules: Rules::all(),
            extensions_off: Extensions::NONE,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_have_names() {
        assert_eq!(Rules::all().without(""), Ok(Rules::all()));
        assert_eq!(Rules::all().without("all"), Ok(Rules::none()));
        let some = Rules::all().without("page_pruning, scan_template").unwrap();
        assert_eq!(some, Rules { page_pruning: false, scan_template: false, ..Rules::all() });
        assert_eq!(some.switched_off(), "page_pruning,scan_template");
        assert_eq!(Rules::all().without(&Rules::none().switched_off()), Ok(Rules::none()));
        let unknown = Rules::all().without("pages").unwrap_err().to_string();
        assert!(unknown.contains("\"pages\"") && unknown.contains("page_pruning"), "{unknown}");
    }
}
