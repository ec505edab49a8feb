//! How does a catalog become a collection, with margins for joins and indexes for ids?
//!
//! ```text
//!  <target>/collection.properties   which folder is what
//!  <target>/<name>/                 the catalog
//!  <target>/<name>_<n>arcs/         a margin of n arcseconds
//!  <target>/<name>_<column>/        an index of ids
//!  <target>/sidereus.manifest       the digests of the properties and of the manifests of all of these
//! ```
//! The catalog itself is written by whom the caller says; the rest is made from its files. All of it appears at once; a
//! member that is at its place while all is hidden is whole.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Component, Path, PathBuf};

use super::failure::{bad_input, failed};
use super::finished::FinishedCatalog;
use super::id_index::write_index;
use super::keys::KEY_COLUMN;
use super::manifest::{files_below, seal_catalog, seal_files, snapshot_of};
use super::margin::{margin_name, margin_order, write_margin};
use super::options::Codec;
use super::properties::{provenance, push_line};
use super::staging::Staging;
use super::writer::WrittenCatalog;
use crate::error::EngineError;
use crate::integrity::{Digest, MANIFEST};

/// The file that says what the folders of a collection are.
const COLLECTION: &str = "collection.properties";

/// What a collection holds beside its catalog.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct CollectionOptions {
    /// Widths of margins, in arcseconds; the first is the default.
    pub margins: Vec<f64>,
    /// Columns of ids to index; the first is the default.
    pub indexes: Vec<String>,
    /// Compression of the margins and indexes.
    pub codec: Codec,
}

impl CollectionOptions {
    /// Whether there can be such a collection of a catalog of this name.
    ///
    /// *Errors*: a name, column or width that cannot be in a collection; two members of one name.
    pub(super) fn check(&self, name: &str) -> Result<(), EngineError> {
        std::iter::once(name).chain(self.indexes.iter().map(String::as_str)).try_for_each(check_word)?;
        self.margins.iter().try_for_each(|arcsec| margin_order(*arcsec).map(drop))?;
        let margins = self.margins.iter().map(|arcsec| margin_name(name, *arcsec));
        let indexes = self.indexes.iter().map(|column| index_name(name, column));
        let mut names = BTreeSet::new();
        let own = [COLLECTION, MANIFEST, name].map(str::to_owned);
        match own.into_iter().chain(margins).chain(indexes).find(|member| !names.insert(member.clone())) {
            Some(member) => Err(bad_input(format!("{member} would be in the collection twice"))),
            None => Ok(()),
        }
    }
}

/// Writes a collection at a path that must not exist yet; `write_primary` writes the catalog `name` at the path it is given.
///
/// *Cost*: that of the catalog; a margin reads all keys again; an index holds all ids in memory.
///
/// *Errors*: those of the catalog; a name, column or width that cannot be in a collection; file errors.
pub fn write_collection(
    target: &Path,
    name: &str,
    options: &CollectionOptions,
    write_primary: impl FnOnce(&Path) -> Result<WrittenCatalog, EngineError>,
) -> Result<WrittenCatalog, EngineError> {
    options.check(name)?;
    let staging = Staging::create(target)?;
    let written = write_primary(&staging.folder().join(name))?;
    let (bytes, _) = complete(staging, name, options)?;
    Ok(WrittenCatalog { root: target.to_owned(), bytes, ..written })
}

/// Makes the members of a collection that are not beside its catalog yet, and publishes it; tells its bytes, and which
/// members were there.
pub(super) fn complete(
    staging: Staging,
    name: &str,
    options: &CollectionOptions,
) -> Result<(u64, Vec<String>), EngineError> {
    let folder = |name: &str| staging.folder().join(name);
    let snapshot = match folder(name).join(MANIFEST).exists() {
        true => snapshot_of(&folder(name))?,
        false => seal_catalog(&folder(name))?,
    };
    let primary = FinishedCatalog::open(&folder(name))?;
    let (mut members, mut found) = (vec![name.to_owned()], Vec::new());
    let mut make = |member: String, write: &dyn Fn(&Path) -> Result<u64, EngineError>| {
        match folder(&member).is_dir() {
            true => found.push(member.clone()),
            false => drop(write(&folder(&member))?),
        }
        members.push(member);
        Ok::<_, EngineError>(())
    };
    for arcsec in &options.margins {
        make(margin_name(name, *arcsec), &|place| write_margin(&primary, *arcsec, options.codec, place))?;
    }
    for column in &options.indexes {
        make(index_name(name, column), &|place| write_index(&primary, (column, snapshot), options.codec, place))?;
    }
    staging.write(COLLECTION, properties(name, options).as_bytes())?;
    seal_members(staging.folder(), &members)?;
    let bytes = staging.size()?;
    staging.publish()?;
    Ok((bytes, found))
}

/// The name of the index of a column.
fn index_name(primary: &str, column: &str) -> String {
    format!("{primary}_{column}")
}

/// Writes the manifest of a collection, of whose members each has one.
fn seal_members(folder: &Path, members: &[String]) -> Result<(), EngineError> {
    let manifests = members.iter().map(|member| format!("{member}/{MANIFEST}"));
    let files: BTreeMap<String, PathBuf> = std::iter::once(COLLECTION.to_owned())
        .chain(manifests)
        .map(|relative| (relative.clone(), folder.join(relative)))
        .collect();
    seal_files(folder, &files)
}

/// The folders of a collection that are catalogs, the primary first; `None` for what is no collection.
pub(crate) fn collection_members(folder: &Path) -> Option<Vec<String>> {
    let text = fs::read_to_string(folder.join(COLLECTION)).ok()?;
    let value = |key: &str| {
        let line = text.lines().find_map(|line| line.split_once('=').filter(|(found, _)| found.trim() == key));
        let words = line.map_or("", |(_, value)| value).split([' ', ',', ';']).filter(|word| !word.is_empty());
        words.map(str::to_owned).collect::<Vec<_>>()
    };
    let indexes = value("all_indexes").into_iter().skip(1).step_by(2);
    let parts = value("hats_primary_table_url").into_iter().chain(value("all_margins")).chain(indexes);
    Some(parts.collect())
}

/// Writes manifests of all members of a collection and of the collection itself; returns the snapshot of its catalog.
///
/// *Errors*: as [`seal_catalog`]; a folder that is no collection, or names members outside of it.
pub fn seal_collection(folder: &Path) -> Result<Digest, EngineError> {
    let none = || bad_input(format!("{}: {COLLECTION} names no catalog", folder.display()));
    let members = collection_members(folder).ok_or_else(none)?;
    let is_within = |member: &String| Path::new(member).components().all(|part| matches!(part, Component::Normal(_)));
    if let Some(outside) = members.iter().find(|member| !is_within(member)) {
        return Err(bad_input(format!("{}: the member {outside} lies outside of the collection", folder.display())));
    }
    let sealed = members.iter().map(|member| seal_catalog(&folder.join(member))).collect::<Result<Vec<_>, _>>()?;
    seal_members(folder, &members)?;
    sealed.into_iter().next().ok_or_else(none)
}

/// Makes a collection of a catalog that is there already; its files are linked, or copied where they cannot be.
///
/// *Errors*: as [`write_collection`]; a catalog whose first column is not the key, or whose partitions are no files of the usual
/// names.
pub fn collect_catalog(
    catalog: &Path,
    options: &CollectionOptions,
    target: &Path,
) -> Result<WrittenCatalog, EngineError> {
    let found = FinishedCatalog::open(catalog)?;
    let name = found.property("obs_collection")?.to_owned();
    if found.property("hats_col_healpix")? != KEY_COLUMN {
        return Err(bad_input(format!("{}: its key is not in {KEY_COLUMN}", catalog.display())));
    }
    write_collection(target, &name, options, |primary| {
        for (relative, path) in files_below(catalog)? {
            let place = primary.join(&relative);
            let linked = fs::create_dir_all(place.parent().unwrap_or(primary))
                .and_then(|()| fs::hard_link(&path, &place).or_else(|_| fs::copy(&path, &place).map(drop)));
            linked.map_err(failed(catalog, &format!("link {relative}")))?;
        }
        found.written()
    })
}

/// Whether a name can be that of a folder, and one word of a list.
fn check_word(word: &str) -> Result<(), EngineError> {
    let fits = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '+');
    match !word.is_empty() && !word.starts_with('.') && word.chars().all(fits) {
        true => Ok(()),
        false => {
            Err(bad_input(format!("{word:?} cannot be part of a collection: expected letters, digits, _, - and .")))
        }
    }
}

fn properties(name: &str, options: &CollectionOptions) -> String {
    let mut text = String::from("#HATS Collection\n");
    push_line(&mut text, "obs_collection", &format!("{name}_collection"));
    push_line(&mut text, "hats_primary_table_url", name);
    let margins: Vec<String> = options.margins.iter().map(|arcsec| margin_name(name, *arcsec)).collect();
    if let Some(first) = margins.first() {
        push_line(&mut text, "all_margins", &margins.join(" "));
        push_line(&mut text, "default_margin", first);
    }
    let indexes: Vec<String> =
        options.indexes.iter().map(|column| format!("{column} {}", index_name(name, column))).collect();
    if let Some(first) = options.indexes.first() {
        push_line(&mut text, "all_indexes", &indexes.join(" "));
        push_line(&mut text, "default_index", first);
    }
    provenance(&mut text);
    text
}
