//! Which modules does each top-level module of a package use?
//!
//! Reads the text of the source files: every path that starts at `crate` or `super`, in `use` lines and in the code.
//! A name that a parent module passes on (`pub use metadata::CatalogMetadata`) counts as a use of the child it comes
//! from. Unit tests (`#[cfg(test)] mod tests {..}`, files `tests.rs` and `*_tests.rs`) may use what they like.
//! Knows nothing of the rules.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::{fs, io};

use crate::rules::Edge;

type ModulePath = Vec<String>;

/// The source files of a package: module path and text without comments and literals.
#[derive(Debug, Default)]
pub(crate) struct Tree {
    files: BTreeMap<ModulePath, String>,
}

impl Tree {
    /// Reads all files below a `src` folder.
    pub(crate) fn read(folder: &Path) -> io::Result<Self> {
        let mut tree = Self::default();
        tree.read_folder(folder, &[])?;
        Ok(tree)
    }

    fn read_folder(&mut self, folder: &Path, module: &[String]) -> io::Result<()> {
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            let child = [module, std::slice::from_ref(&name)].concat();
            if path.is_dir() {
                self.read_folder(&path, &child)?;
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let at = if matches!(name.as_str(), "mod" | "lib" | "main") { module.to_vec() } else { child };
                self.insert(at, &fs::read_to_string(&path)?);
            }
        }
        Ok(())
    }

    fn insert(&mut self, module: ModulePath, text: &str) {
        let is_test = module.last().is_some_and(|name| name == "tests" || name.ends_with("_tests"));
        if !is_test {
            let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
            self.files.insert(module, without_comments_and_literals(code));
        }
    }

    /// Names of the modules directly below the root.
    pub(crate) fn top_modules(&self) -> BTreeSet<String> {
        self.files.keys().filter_map(|module| module.first().cloned()).collect()
    }

    /// What each top-level module uses of the others; the root itself (`lib.rs`, `main.rs`) may use all.
    pub(crate) fn edges(&self) -> BTreeSet<Edge> {
        let mut edges = BTreeSet::new();
        for (module, text) in self.files.iter().filter(|(module, _)| !module.is_empty()) {
            for path in paths(text) {
                let target = absolute(module, &path).and_then(|path| self.owner(&path));
                if let Some(target) = target.filter(|target| target[0] != module[0]) {
                    edges.insert(Edge::new(&module[0], &target.join("::")));
                }
            }
        }
        edges
    }

    /// The module, at most two levels deep, that a path from the root leads to.
    fn owner(&self, path: &[String]) -> Option<ModulePath> {
        let first = path.first()?;
        if !self.is_module(&path[..1]) {
            let from = self.passed_on(&[], first)?;
            return (from != path).then(|| self.owner(&from)).flatten();
        }
        let Some(second) = path.get(1) else { return Some(vec![first.clone()]) };
        if self.is_module(&path[..2]) {
            return Some(path[..2].to_vec());
        }
        let from = self.passed_on(&path[..1], second);
        Some(
            from.filter(|from| self.is_module(&from[..2]))
                .map_or_else(|| vec![first.clone()], |from| from[..2].to_vec()),
        )
    }

    fn is_module(&self, path: &[String]) -> bool {
        self.files.keys().any(|module| module.starts_with(path))
    }

    /// Where a module has a name from that it passes on: `use child::Name` in its own file.
    fn passed_on(&self, module: &[String], name: &str) -> Option<ModulePath> {
        let text = self.files.get(module)?;
        text.split("use ").skip(1).flat_map(tree_paths).find_map(|path| {
            let is_child = path.len() > 1 && self.is_module(&[module, &path[..1]].concat());
            (is_child && path.last().is_some_and(|last| last == name)).then(|| [module, &path[..]].concat())
        })
    }
}

/// The files below a folder and their code, without unit tests, comments and literals.
pub(crate) fn code_of(folder: &Path) -> io::Result<Vec<(PathBuf, String)>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        if path.is_dir() {
            files.extend(code_of(&path)?);
        } else if path.extension().is_some_and(|ext| ext == "rs") && name != "tests" && !name.ends_with("_tests") {
            let text = fs::read_to_string(&path)?;
            let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
            files.push((path, without_comments_and_literals(code)));
        }
    }
    Ok(files)
}

/// A path as written in `module`, from the root.
fn absolute(module: &[String], path: &[String]) -> Option<ModulePath> {
    if path[0] == "crate" {
        return Some(path[1..].to_vec());
    }
    let up = path.iter().take_while(|segment| *segment == "super").count();
    let base = module.get(..module.len().checked_sub(up)?)?;
    Some([base, &path[up..]].concat())
}

/// Every path in the text that starts at `crate` or `super`, groups spelled out.
fn paths(text: &str) -> Vec<ModulePath> {
    let starts = text.match_indices("crate::").chain(text.match_indices("super::"));
    let fresh = starts.filter(|(at, _)| !text[..*at].ends_with(|c: char| c == ':' || c == '_' || c.is_alphanumeric()));
    fresh.flat_map(|(at, _)| tree_paths(&text[at..])).collect()
}

/// The paths of a `use` tree at the start of the text: `a::{b, c::d}` gives `a::b` and `a::c::d`.
fn tree_paths(text: &str) -> Vec<ModulePath> {
    let mut found = Vec::new();
    read_tree(text, &[], &mut found);
    found
}

/// Reads one tree and returns the text behind it.
fn read_tree<'a>(text: &'a str, prefix: &[String], found: &mut Vec<ModulePath>) -> &'a str {
    let text = text.trim_start();
    let end = text.find(|c: char| c != '_' && !c.is_alphanumeric()).unwrap_or(text.len());
    let (name, rest) = text.split_at(end);
    let here = if name.is_empty() { prefix.to_vec() } else { [prefix, &[name.to_owned()]].concat() };
    if let Some(rest) = rest.strip_prefix("::") {
        return read_tree(rest, &here, found);
    }
    let Some(mut rest) = rest.strip_prefix('{').filter(|_| name.is_empty()) else {
        found.push(if name == "self" { prefix.to_vec() } else { here });
        return rest;
    };
    loop {
        rest = read_tree(rest, &here, found);
        let stop = rest.find([',', '}']).unwrap_or(rest.len());
        let closed = !rest[stop..].starts_with(',');
        rest = rest.get(stop + 1..).unwrap_or_default();
        if closed || rest.trim_start().starts_with('}') {
            return rest;
        }
    }
}

/// The code with `//` comments and the content of string literals taken out.
fn without_comments_and_literals(code: &str) -> String {
    let mut kept = String::new();
    for line in code.lines() {
        let mut in_string = false;
        let mut previous = ' ';
        for (at, c) in line.char_indices() {
            if !in_string && line[at..].starts_with("//") {
                break;
            }
            if c == '"' && previous != '\\' && previous != '\'' {
                in_string = !in_string;
            } else if !in_string {
                kept.push(c);
            }
            previous = c;
        }
        kept.push('\n');
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edges(files: &[(&str, &str)]) -> Vec<String> {
        let mut tree = Tree::default();
        for (module, text) in files {
            tree.insert(module.split("::").filter(|name| !name.is_empty()).map(str::to_owned).collect(), text);
        }
        tree.edges().iter().map(|edge| format!("{} -> {}", edge.from, edge.to)).collect()
    }

    const ROOT: (&str, &str) = ("", "mod catalog;\npub use catalog::{Metadata, Registry};\npub use scan::Cover;");
    const CATALOG: (&str, &str) =
        ("catalog", "mod metadata;\npub use metadata::{Metadata, Other as Another};\npub struct Registry;");
    const METADATA: (&str, &str) = ("catalog::metadata", "pub struct Metadata;");

    #[test]
    fn every_way_to_name_a_module_is_seen() {
        for text in [
            "use crate::catalog::metadata::Metadata;",
            "use crate::catalog::Metadata;",
            "use crate::{Metadata, error::Error};",
            "use crate::{\n    catalog::{metadata::{self, Metadata}},\n};",
            "use super::catalog::Metadata;",
            "fn f(m: &crate::catalog::Metadata) {}",
        ] {
            assert_eq!(edges(&[ROOT, CATALOG, METADATA, ("scan", text)]), ["scan -> catalog::metadata"], "{text}");
        }
    }

    #[test]
    fn a_child_reaches_other_modules_through_two_supers() {
        let cover = ("scan::cover", "use super::super::catalog::Registry;\nuse super::exec::X;");
        assert_eq!(edges(&[ROOT, CATALOG, METADATA, cover]), ["scan -> catalog"]);
    }

    #[test]
    fn comments_literals_and_tests_do_not_count() {
        let scan = (
            "scan",
            "//! [`crate::catalog`]\nconst T: &str = \"crate::catalog\"; // crate::catalog::x\n#[cfg(test)]\nmod tests {\n    use crate::catalog::Registry;\n}",
        );
        assert_eq!(edges(&[ROOT, CATALOG, METADATA, scan, ("scan::cover_tests", "use crate::catalog;")]), [""; 0]);
    }
}
