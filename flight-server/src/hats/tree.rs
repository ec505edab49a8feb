//! Which catalog does a path begin with, and what lies in its tree?
//!
//! A catalog that is the primary of a collection is a folder in the tree of the collection, beside its margins: so clients find the
//! margins. Leaves that are folders are served as files, since a client can not list them: the properties say so.

use std::sync::Arc;

use sidereus_engine::{CatalogFile, CatalogMetadata, CatalogRegistry, Partition, Principal, adql_table};

use super::HatsError;
use super::path::Leaf;

/// Bytes that a properties file may have.
const PROPERTIES_BYTES: u64 = 1 << 20;
/// The key of what follows the number of a leaf, as HATS and as Python have it.
const SUFFIX: [&str; 2] = ["hats_npix_suffix", "npix_suffix"];
/// What follows it where nothing is said.
const USUAL: &str = ".parquet";

/// A tree of files that a caller may see.
#[derive(Debug)]
pub(super) struct Tree(Arc<CatalogMetadata>);

/// What a path leads to.
pub(super) enum Member<'a> {
    /// The properties of a collection.
    Collection(CatalogFile),
    /// A catalog, and the rest of the path.
    Catalog(Files, &'a [String]),
}

/// The files of one catalog.
#[derive(Debug, Clone)]
pub(super) struct Files {
    /// The catalog.
    pub(super) metadata: Arc<CatalogMetadata>,
    /// Whether queries know it; a margin is none of their tables.
    pub(super) is_table: bool,
}

/// The rows that a leaf names.
#[derive(Debug)]
pub(super) struct Rows {
    /// The partition.
    pub(super) partition: Partition,
    /// Whether they are all of the partition.
    pub(super) is_whole: bool,
    /// Files that they are in.
    pub(super) files: Vec<CatalogFile>,
}

impl Tree {
    /// The tree of a name as queries, cone searches and people write it.
    ///
    /// *Errors*: none of that name that the principal may see.
    pub(super) fn find(registry: &CatalogRegistry, principal: &Principal, name: &str) -> Result<Self, HatsError> {
        let is_named = |catalog: &&Arc<CatalogMetadata>| {
            let (plain, shown) = (catalog.name.to_string(), adql_table(&catalog.name));
            let is_public = catalog.name.schema == "public" && catalog.name.table.eq_ignore_ascii_case(name);
            plain.eq_ignore_ascii_case(name) || shown.eq_ignore_ascii_case(name) || is_public
        };
        let mut visible = registry.visible(principal).filter(|catalog| catalog.is_hats());
        let exact = registry.visible(principal).find(|catalog| catalog.is_hats() && catalog.name.to_string() == name);
        let found = exact.or_else(|| visible.find(is_named)).map(|catalog| Self(Arc::clone(catalog)));
        let shown: String = name.chars().take(200).collect();
        found.ok_or_else(|| HatsError::absent(format!("no catalog {shown}; those there are: /hats/")))
    }

    /// The catalog that the first parts of a path lead to.
    ///
    /// *Errors*: a member that cannot be opened, or that there is not.
    pub(super) async fn member<'a>(&self, parts: &'a [String]) -> Result<Member<'a>, HatsError> {
        let table = Files { metadata: Arc::clone(&self.0), is_table: true };
        let Some(collection) = &self.0.collection else { return Ok(Member::Catalog(table, parts)) };
        if matches!(parts, [file] if file == "collection.properties") {
            let file = collection.properties().await?;
            return file.map(Member::Collection).ok_or_else(|| self.absent(parts));
        }
        if let Some(rest) = below(parts, collection.primary()) {
            return Ok(Member::Catalog(table, rest));
        }
        for folder in collection.margins() {
            let Some(rest) = below(parts, folder) else { continue };
            let margin = collection.margin(folder).await?.ok_or_else(|| self.absent(parts))?;
            return Ok(Member::Catalog(Files { metadata: margin, is_table: false }, rest));
        }
        Err(self.absent(parts))
    }

    /// There is no such file.
    pub(super) fn absent(&self, parts: &[String]) -> HatsError {
        let shown: String = parts.join("/").chars().take(200).collect();
        HatsError::absent(format!("{} has no file {shown}", self.0.name))
    }
}

/// The parts below a folder.
fn below<'a>(parts: &'a [String], folder: &str) -> Option<&'a [String]> {
    let folders: Vec<&str> = folder.split('/').collect();
    let (first, rest) = parts.split_at_checked(folders.len())?;
    (first.iter().map(String::as_str).eq(folders) && !rest.is_empty()).then_some(rest)
}

impl Files {
    /// What follows the number of a leaf, as it is served.
    fn suffix(&self) -> &str {
        let declared = SUFFIX.iter().find_map(|key| self.metadata.properties.get(*key));
        declared.map(String::as_str).filter(|suffix| *suffix != "/").unwrap_or(USUAL)
    }

    /// The rows of a leaf; `None` where there are none.
    ///
    /// *Errors*: those of the store.
    pub(super) async fn leaf(&self, leaf: &Leaf) -> Result<Option<Rows>, HatsError> {
        let Some(partition) = self.metadata.partition(leaf.order, leaf.npix) else { return Ok(None) };
        let is_part = |name: Option<&str>| leaf.part.as_deref() == name;
        let expected = if leaf.part.is_some() { "" } else { self.suffix() };
        if leaf.suffix != expected {
            return Ok(None);
        }
        let wanted = partition.files.iter().filter(|file| leaf.part.is_none() || is_part(file.path.filename()));
        let mut files = Vec::new();
        for file in wanted {
            let Some(file) = self.metadata.leaf_file(file).await? else { return Ok(None) };
            files.push(file);
        }
        let is_whole = files.len() == partition.files.len();
        Ok((!files.is_empty()).then(|| Rows { partition: partition.clone(), is_whole, files }))
    }

    /// A properties file that says how leaves are served; `None` for what is served as it is.
    ///
    /// *Errors*: those of the store.
    pub(super) async fn rewritten(&self, name: &str, file: &CatalogFile) -> Result<Option<String>, HatsError> {
        let is_folder = SUFFIX.iter().any(|key| self.metadata.properties.get(*key).is_some_and(|value| value == "/"));
        if !is_folder || !matches!(name, "hats.properties" | "properties") || file.size() > PROPERTIES_BYTES {
            return Ok(None);
        }
        let bytes = file.read(0..file.size()).await?;
        Ok(Some(with_file_leaves(&String::from_utf8_lossy(&bytes))))
    }
}

fn with_file_leaves(properties: &str) -> String {
    let line = |line: &str| match line.split_once('=') {
        Some((key, _)) if SUFFIX.contains(&key.trim()) => format!("{key}={USUAL}\n"),
        _ => format!("{line}\n"),
    };
    properties.lines().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn properties_say_that_leaves_are_files() {
        let text = "#HATS catalog\nobs_collection=a\nhats_npix_suffix=/\nurl=http://x/y=/\n";
        assert_eq!(
            with_file_leaves(text),
            "#HATS catalog\nobs_collection=a\nhats_npix_suffix=.parquet\nurl=http://x/y=/\n"
        );
    }

    #[test]
    fn members_are_whole_folders() {
        let parts = ["a", "b", "c"].map(str::to_owned);
        assert_eq!(below(&parts, "a"), Some(&parts[1..]));
        assert_eq!(below(&parts, "a/b"), Some(&parts[2..]));
        assert_eq!(below(&parts, "a/b/c"), None);
        assert_eq!(below(&parts, "b"), None);
    }
}
