//! What does ARCHITECTURE.md allow?
//!
//! Reads one Markdown table below a heading: first column a module, second the modules that it may use, third (where
//! there is one) names that it must not use; names stand in backticks. The row `everything` holds for every module.
//! Knows nothing of Rust source.

use std::collections::{BTreeMap, BTreeSet};

const EVERYTHING: &str = "everything";

/// One module uses another: `from` is a top-level module, `to` a module or `module::child`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Edge {
    pub(crate) from: String,
    pub(crate) to: String,
}

impl Edge {
    pub(crate) fn new(from: &str, to: &str) -> Self {
        Self { from: from.to_owned(), to: to.to_owned() }
    }
}

/// The rows of one table.
#[derive(Debug)]
pub(crate) struct Rules {
    allowed: BTreeMap<String, Vec<String>>,
    never: BTreeMap<String, Vec<String>>,
}

impl Rules {
    /// The first table below `heading`.
    pub(crate) fn read(page: &str, heading: &str) -> Result<Self, String> {
        let mut lines = page.lines().skip_while(|line| *line != heading);
        lines.next().ok_or_else(|| format!("no heading {heading:?}"))?;
        let rows: Vec<&str> =
            lines.skip_while(|line| !line.starts_with('|')).take_while(|line| line.starts_with('|')).skip(2).collect();
        if rows.is_empty() {
            return Err(format!("no table below {heading:?}"));
        }
        let mut rules = Self { allowed: BTreeMap::new(), never: BTreeMap::new() };
        for row in rows {
            let cells: Vec<&str> = row.split('|').skip(1).collect();
            let names = names(cells[0]);
            let modules = if names.is_empty() { vec![cells[0].trim().to_owned()] } else { names };
            for module in modules {
                rules.allowed.insert(module.clone(), cells.get(1).map(|cell| self::names(cell)).unwrap_or_default());
                rules.never.insert(module, cells.get(2).map(|cell| self::names(cell)).unwrap_or_default());
            }
        }
        Ok(rules)
    }

    /// Modules that have a row of their own.
    pub(crate) fn modules(&self) -> impl Iterator<Item = &str> {
        self.allowed.keys().map(String::as_str).filter(|name| *name != EVERYTHING)
    }

    /// Whether the module has a row, or is one that everything may use.
    pub(crate) fn has(&self, module: &str) -> bool {
        self.allowed.contains_key(module) || self.for_everything().iter().any(|name| name == module)
    }

    /// Names that the module must not use.
    pub(crate) fn never(&self, module: &str) -> &[String] {
        self.never.get(module).map(Vec::as_slice).unwrap_or_default()
    }

    /// The edges that no row allows, as text.
    pub(crate) fn violations(&self, edges: &BTreeSet<Edge>) -> Vec<String> {
        edges.iter().filter(|edge| !self.allows(edge)).map(|edge| format!("{} -> {}", edge.from, edge.to)).collect()
    }

    fn allows(&self, edge: &Edge) -> bool {
        let own = self.allowed.get(&edge.from).map(Vec::as_slice).unwrap_or_default();
        own.iter().chain(self.for_everything()).any(|rule| {
            edge.to == *rule || edge.to.strip_prefix(rule.as_str()).is_some_and(|rest| rest.starts_with("::"))
        })
    }

    fn for_everything(&self) -> &[String] {
        self.allowed.get(EVERYTHING).map(Vec::as_slice).unwrap_or_default()
    }
}

/// The words in backticks.
fn names(cell: &str) -> Vec<String> {
    cell.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "\
### Inside
| module | may use | never |
|---|---|---|
| everything | `error` | |
| `service` | `scan`, `catalog::metadata` | `axum` |
| `scan` | | |

| `other` | `service` | |
";

    fn violations(from: &str, to: &str) -> Vec<String> {
        Rules::read(PAGE, "### Inside").unwrap().violations(&BTreeSet::from([Edge::new(from, to)]))
    }

    #[test]
    fn allowed_edges_pass() {
        for (from, to) in
            [("service", "scan"), ("service", "scan::cover"), ("service", "catalog::metadata"), ("scan", "error")]
        {
            assert_eq!(violations(from, to), [""; 0]);
        }
    }

    #[test]
    fn wrong_edges_are_named() {
        for (from, to) in
            [("scan", "service"), ("service", "catalog"), ("service", "catalog::registry"), ("scan", "scanner")]
        {
            assert_eq!(violations(from, to), [format!("{from} -> {to}")]);
        }
    }

    #[test]
    fn only_the_first_table_below_the_heading_counts() {
        let rules = Rules::read(PAGE, "### Inside").unwrap();
        assert_eq!(rules.modules().collect::<Vec<_>>(), ["scan", "service"]);
        assert_eq!(rules.never("service"), ["axum"]);
        assert!(!rules.has("other") && rules.has("error"));
        assert!(Rules::read(PAGE, "### Elsewhere").is_err());
    }
}
