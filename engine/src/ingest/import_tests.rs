//! Is what an interrupted import of a collection finished taken over, and nothing else?

use std::os::unix::fs::MetadataExt;

use super::super::layout::{DATASET, leaf_path};
use super::super::manifest::{check_manifest, footer, is_leaf};
use super::*;

const MEMBERS_OF_SKY: [&str; 3] = ["sky", "sky_7200arcs", "sky_id"];

fn source(folder: &Path) -> Vec<String> {
    let mut text = "id,ra,dec\n".to_owned();
    for row in 0..3_000_u64 {
        let mixed = row.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        text.push_str(&format!("{row},{},{}\n", (mixed >> 40) as f64 / 46_604.0, (mixed & 0xfff) as f64 / 50.0));
    }
    fs::write(folder.join("sky.csv"), text + "3000,1,2,a cell too many\n").unwrap();
    vec![folder.join("sky.csv").display().to_string()]
}

fn collection() -> ImportOptions {
    let collection =
        CollectionOptions { margins: vec![7200.0], indexes: vec!["id".to_owned()], ..CollectionOptions::default() };
    let write = WriteOptions { rows_per_partition: 200, ..WriteOptions::new("sky") };
    ImportOptions { collection: Some(collection), ..ImportOptions::new(write) }
}

fn import(sources: &[String], options: &ImportOptions, target: &Path) -> Result<ImportedCatalog, EngineError> {
    import_tables(sources, options, target, &ImportProgress::default())
}

/// All files below a folder, and which file of the disk each is; texts without the time of writing.
fn files(folder: &Path) -> BTreeMap<PathBuf, (Vec<u8>, u64)> {
    let (mut found, mut folders) = (BTreeMap::new(), vec![folder.to_owned()]);
    while let Some(open) = folders.pop() {
        for entry in fs::read_dir(open).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let content = fs::read(&path).unwrap();
            let content = match str::from_utf8(&content) {
                _ if path.ends_with(crate::integrity::MANIFEST) => Vec::new(),
                Ok(text) => {
                    let timeless = text.lines().filter(|line| {
                        !line.contains("hats_creation_date") && !line.contains("sidereus_primary_snapshot")
                    });
                    timeless.collect::<Vec<_>>().join("\n").into_bytes()
                }
                Err(_) => content,
            };
            found.insert(path.strip_prefix(folder).unwrap().to_owned(), (content, fs::metadata(&path).unwrap().ino()));
        }
    }
    found
}

fn link(from: &Path, to: &Path) {
    for path in files(from).into_keys() {
        let place = to.join(&path);
        fs::create_dir_all(place.parent().unwrap()).unwrap();
        fs::hard_link(from.join(path), place).unwrap();
    }
}

/// The scratch folder of an import that was killed when so many members were whole, and the next was not.
fn interrupt(whole: &Path, target: &Path, command: &str, finished: usize) {
    let scratch = target.with_file_name(".again.import");
    let (mut journal, _) = Journal::open(&scratch, command).unwrap();
    journal.add_catalog((1, 0)).unwrap();
    let members = journal.path(MEMBERS);
    fs::create_dir(&members).unwrap();
    for member in &MEMBERS_OF_SKY[..finished] {
        link(&whole.join(member), &members.join(member));
    }
    if let Some(half) = MEMBERS_OF_SKY.get(finished) {
        fs::create_dir(members.join(format!(".{half}.partial-1-0"))).unwrap();
        fs::write(members.join(format!(".{half}.partial-1-0/hats.properties")), "half").unwrap();
    }
    fs::write(journal.path("run-0.rows"), "rows").unwrap();
}

#[test]
fn members_that_are_whole_are_taken_over_and_halves_are_made_again() {
    let folder = tempfile::tempdir().unwrap();
    let (sources, options) = (source(folder.path()), collection());
    let (whole, target) = (folder.path().join("whole"), folder.path().join("again"));
    let expected = import(&sources, &options, &whole).unwrap();
    assert_eq!((expected.rejects, expected.notes.len()), (1, 0));
    let expected_files = files(&whole);
    let command = command(&expand(&sources).unwrap(), &options);
    for finished in 0..=MEMBERS_OF_SKY.len() {
        interrupt(&whole, &target, &command, finished);
        let imported = import(&sources, &options, &target).unwrap();
        let notes: Vec<String> = MEMBERS_OF_SKY[..finished].iter().map(|member| taken_over(member)).collect();
        assert_eq!(imported.notes, notes);
        let partitions = if finished > 0 { expected.catalog.partitions } else { 0 };
        assert_eq!((imported.resumed, imported.rejects), ((0, partitions), 1));
        assert_eq!(imported.catalog, WrittenCatalog { root: target.clone(), ..expected.catalog.clone() });
        let found = files(&target);
        assert!(found.keys().eq(expected_files.keys()));
        for (path, (content, file)) in &found {
            let (expected, linked) = &expected_files[path];
            assert!(content == expected, "{}", path.display());
            let is_taken = MEMBERS_OF_SKY[..finished].iter().any(|member| path.starts_with(member));
            assert_eq!(file == linked, is_taken, "{}", path.display());
        }
        for sealed in MEMBERS_OF_SKY.iter().map(|member| target.join(member)).chain([target.clone()]) {
            assert_eq!(check_manifest(&sealed).unwrap().problems, Vec::<String>::new());
        }
        assert!(!folder.path().join(".again.import").exists());
        fs::remove_dir_all(&target).unwrap();
    }
}

#[test]
fn a_catalog_that_was_all_but_published_is_described_anew() {
    let folder = tempfile::tempdir().unwrap();
    let (sources, options) = (source(folder.path()), ImportOptions { collection: None, ..collection() });
    let target = folder.path().join("again");
    let expected = import(&sources, &options, &target).unwrap();
    let (expected_files, written) = (files(&target), FinishedCatalog::open(&target).unwrap());
    let command = command(&expand(&sources).unwrap(), &options);
    let (mut journal, _) = Journal::open(&folder.path().join(".again.import"), &command).unwrap();
    for cell in &written.cells {
        let leaf = fs::File::open(target.join(DATASET).join(leaf_path(*cell))).unwrap();
        let rows = footer(&leaf).unwrap().file_metadata().num_rows().cast_unsigned();
        journal.add_partition((cell.order().get(), cell.npix(), rows)).unwrap();
    }
    fs::rename(&target, journal.path("catalog")).unwrap();
    drop(journal);
    let imported = import(&sources, &options, &target).unwrap();
    assert_eq!((imported.resumed, imported.catalog), ((0, expected.catalog.partitions), expected.catalog));
    for (path, (content, file)) in files(&target) {
        let (expected, earlier) = &expected_files[&path];
        assert!(&content == expected, "{}", path.display());
        assert!(&file == earlier || !is_leaf(&path.to_string_lossy()), "{}", path.display());
    }
}

#[test]
fn a_collection_of_other_options_or_sources_begins_anew() {
    let folder = tempfile::tempdir().unwrap();
    let (sources, options) = (source(folder.path()), collection());
    let (whole, target) = (folder.path().join("whole"), folder.path().join("again"));
    import(&sources, &options, &whole).unwrap();
    let command = command(&expand(&sources).unwrap(), &options);
    let of = |collection| ImportOptions { collection, ..options.clone() };
    let wider = CollectionOptions { margins: vec![7201.0], ..CollectionOptions::default() };
    let version = command.replace(env!("CARGO_PKG_VERSION"), "0.0.0");
    assert!(version != command, "{command}");
    for (before, options, members) in [
        (&command, of(Some(wider)), 2),
        (&command, of(None), 0),
        (&version, options.clone(), 3),
        // The source changes from here on.
        (&command, options.clone(), 3),
    ] {
        if before == &command && members == 3 {
            fs::write(&sources[0], "id,ra,dec\n1,2,3\n").unwrap();
        }
        interrupt(&whole, &target, before, 3);
        let imported = import(&sources, &options, &target).unwrap();
        assert_eq!((imported.notes.len(), imported.resumed), (0, (0, 0)));
        let found = files(&target);
        let taken: Vec<u64> = files(&whole).into_values().map(|(_, file)| file).collect();
        assert!(found.values().all(|(_, file)| !taken.contains(file)));
        let folders = fs::read_dir(&target).unwrap().filter(|entry| entry.as_ref().unwrap().path().is_dir());
        assert_eq!(folders.count(), members.max(1));
        assert!(!folder.path().join(".again.import").exists());
        fs::remove_dir_all(&target).unwrap();
    }
}

#[test]
fn a_collection_that_cannot_be_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (sources, target) = (source(folder.path()), folder.path().join("again"));
    let refused = |margins: &[f64], indexes: &[&str]| {
        let indexes = indexes.iter().map(|column| (*column).to_owned()).collect();
        let wanted = CollectionOptions { margins: margins.to_vec(), indexes, ..CollectionOptions::default() };
        let options = ImportOptions { collection: Some(wanted), ..collection() };
        let error = import(&sources, &options, &target).unwrap_err().to_string();
        assert!(!target.exists() && !folder.path().join(".again.import").exists());
        error
    };
    assert_eq!(refused(&[], &["nothing"]), "there is no column \"nothing\" to index");
    assert_eq!(refused(&[2.0], &["ra"]), "column \"ra\" is Float64, expected integers or text to index");
    assert!(refused(&[-1.0], &[]).starts_with("a margin of -1 arcseconds"));
    assert_eq!(refused(&[2.0, 3.0, 2.0], &[]), "sky_2arcs would be in the collection twice");
    assert_eq!(refused(&[2.0], &["2arcs"]), "sky_2arcs would be in the collection twice");
    assert!(refused(&[], &["a/b"]).contains("cannot be part of a collection"));
    let plain = ImportOptions { plain: true, ..collection() };
    assert!(import(&sources, &plain, &target).unwrap_err().to_string().contains("neither margins nor indexes"));
    // Nor does one touch what another is making.
    let (journal, _) = Journal::open(&folder.path().join(".again.import"), "another").unwrap();
    let error = import(&sources, &collection(), &target).unwrap_err().to_string();
    assert!(error.starts_with("another import writes to "), "{error}");
    assert!(journal.path("journal").exists() && !target.exists());
}
