//! Which files make a catalog, and what must be in them?
//!
//! ```text
//! sidereus-manifest 1
//! file SHA256 SIZE PATH
//! leaf SHA256 SIZE TAIL-START TAIL-SHA256 PAGES-OFFSET PAGES-LENGTH PAGES-SHA256 PATH
//! end SHA256
//! ```
//! Text in UTF-8, a line a file in order of path, paths relative to the folder of the manifest with `/` between names. The
//! last line is the digest of all bytes before it: it protects the manifest and names the snapshot.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::digest::Digest;

/// The first line.
const HEADER: &str = "sidereus-manifest 1";

/// What was published in a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Manifest {
    id: Digest,
    entries: BTreeMap<String, Entry>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Entry {
    File(FileEntry),
    Leaf(LeafEntry),
}

/// A file as it was published.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FileEntry {
    /// Bytes.
    pub(crate) size: u64,
    /// Digest of all of them.
    pub(crate) digest: Digest,
}

/// A Parquet file of rows as it was published.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LeafEntry {
    /// The whole file.
    pub(crate) whole: FileEntry,
    /// What a reader of parts of it checks.
    pub(crate) seal: LeafSeal,
}

/// What is known of a Parquet file whose parts are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct LeafSeal {
    /// Bytes of the file.
    pub size: u64,
    /// Where page index and footer begin.
    pub tail_start: u64,
    /// Digest of everything from there.
    pub tail: Digest,
    /// Where the sums of its pages begin in the file of sums.
    pub pages_start: u64,
    /// Bytes of these sums: four a page.
    pub pages_length: u64,
    /// Digest of these bytes.
    pub pages: Digest,
}

impl Manifest {
    /// Reads a manifest.
    ///
    /// *Errors*: a text for people that begins with what is wrong: it is cut, changed, or of another version.
    pub(crate) fn parse(content: &[u8]) -> Result<Self, String> {
        let text = std::str::from_utf8(content).map_err(|error| format!("is not UTF-8: {error}"))?;
        if !text.starts_with(HEADER) || !text[HEADER.len()..].starts_with('\n') {
            let first: String = text.lines().next().unwrap_or_default().chars().take(60).collect();
            return Err(format!("begins with {first:?}, expected {HEADER:?}"));
        }
        let body = text.strip_suffix('\n').ok_or("is cut: its last line does not end")?;
        let start = body.rfind('\n').map_or(0, |end| end + 1);
        let end = body[start..].strip_prefix("end ").ok_or("is cut: its last line does not begin with \"end\"")?;
        let id = Digest::of(&content[..start]);
        if end.parse() != Ok(id) {
            return Err("was changed: its last line is not the digest of the others".to_owned());
        }
        let mut entries = BTreeMap::new();
        for (number, line) in text[..start].lines().enumerate().skip(1) {
            let (path, entry) = parse_line(line)
                .ok_or_else(|| format!("line {} is neither a file nor a leaf: {line:?}", number + 1))?;
            if entries.insert(path.to_owned(), entry).is_some() {
                return Err(format!("line {} repeats {path}", number + 1));
            }
        }
        Ok(Self { id, entries })
    }

    /// The digest that names the snapshot.
    pub(crate) fn id(&self) -> Digest {
        self.id
    }

    /// The whole of a file.
    pub(crate) fn file(&self, path: &str) -> Option<FileEntry> {
        self.entries.get(path).map(|entry| match entry {
            Entry::File(file) => *file,
            Entry::Leaf(leaf) => leaf.whole,
        })
    }

    /// A file whose parts can be checked.
    pub(crate) fn leaf(&self, path: &str) -> Option<LeafEntry> {
        match self.entries.get(path)? {
            Entry::File(_) => None,
            Entry::Leaf(leaf) => Some(*leaf),
        }
    }

    /// Paths of all files, in order.
    pub(crate) fn paths(&self) -> impl Iterator<Item = &str> {
        self.entries.keys().map(String::as_str)
    }

    /// Whether the content of a small file is what was published.
    ///
    /// *Errors*: a text for people that names the file.
    pub(crate) fn check(&self, path: &str, content: &[u8]) -> Result<(), String> {
        let Some(expected) = self.file(path) else {
            return Err(not_published(path, "it was not there"));
        };
        if content.len() as u64 != expected.size {
            return Err(not_published(path, &format!("it has {} bytes, expected {}", content.len(), expected.size)));
        }
        match Digest::of(content) == expected.digest {
            true => Ok(()),
            false => Err(not_published(path, "its content differs")),
        }
    }

    /// The text of a manifest of some files.
    pub(crate) fn text(files: &BTreeMap<String, FileEntry>, leaves: &BTreeMap<String, LeafEntry>) -> String {
        let files = files.iter().map(|(path, file)| (path, Entry::File(*file)));
        let entries: BTreeMap<_, _> =
            files.chain(leaves.iter().map(|(path, leaf)| (path, Entry::Leaf(*leaf)))).collect();
        let mut text = format!("{HEADER}\n");
        for (path, entry) in entries {
            // Writing to a String cannot fail.
            let _ = match entry {
                Entry::File(FileEntry { size, digest }) => writeln!(text, "file {digest} {size} {path}"),
                Entry::Leaf(LeafEntry { whole, seal }) => {
                    let LeafSeal { tail_start, tail, pages_start, pages_length, pages, .. } = seal;
                    let FileEntry { size, digest } = whole;
                    writeln!(
                        text,
                        "leaf {digest} {size} {tail_start} {tail} {pages_start} {pages_length} {pages} {path}"
                    )
                }
            };
        }
        let id = Digest::of(text.as_bytes());
        text.push_str(&format!("end {id}\n"));
        text
    }
}

/// What is said of a file that is another one.
pub(crate) fn not_published(path: &str, why: &str) -> String {
    format!("file {path} is not the one that the catalog was published with: {why}")
}

fn parse_line(line: &str) -> Option<(&str, Entry)> {
    if let Some(rest) = line.strip_prefix("file ") {
        let mut words = rest.splitn(3, ' ');
        let (digest, size) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
        return Some((words.next()?, Entry::File(FileEntry { size, digest })));
    }
    let mut words = line.strip_prefix("leaf ")?.splitn(8, ' ');
    let mut next = || words.next();
    let (digest, size) = (next()?.parse().ok()?, next()?.parse().ok()?);
    let seal = LeafSeal {
        size,
        tail_start: next()?.parse().ok()?,
        tail: next()?.parse().ok()?,
        pages_start: next()?.parse().ok()?,
        pages_length: next()?.parse().ok()?,
        pages: next()?.parse().ok()?,
    };
    Some((next()?, Entry::Leaf(LeafEntry { whole: FileEntry { size, digest }, seal })))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> String {
        let file = FileEntry { size: 3, digest: Digest::of(b"abc") };
        let seal = LeafSeal {
            size: 9,
            tail_start: 4,
            tail: Digest::of(b"t"),
            pages_start: 8,
            pages_length: 12,
            pages: Digest::of(b"p"),
        };
        let leaf = LeafEntry { whole: FileEntry { size: 9, digest: Digest::of(b"l") }, seal };
        Manifest::text(&[("a b.txt".to_owned(), file)].into(), &[("d/x.parquet".to_owned(), leaf)].into())
    }

    #[test]
    fn what_is_written_reads_back() {
        let text = sample();
        let manifest = Manifest::parse(text.as_bytes()).unwrap();
        assert_eq!(manifest.paths().collect::<Vec<_>>(), ["a b.txt", "d/x.parquet"]);
        assert!(text.ends_with(&format!("\nend {}\n", manifest.id())));
        assert_eq!(manifest.check("a b.txt", b"abc"), Ok(()));
        assert!(manifest.check("a b.txt", b"xyz").unwrap_err().contains("content differs"));
        assert!(manifest.check("a b.txt", b"abcd").unwrap_err().contains("4 bytes, expected 3"));
        assert!(manifest.check("c", b"").unwrap_err().contains("not there"));
        let leaf = manifest.leaf("d/x.parquet").unwrap();
        assert_eq!((leaf.seal.tail_start, leaf.seal.pages_length, manifest.leaf("a b.txt")), (4, 12, None));
    }

    #[test]
    fn any_change_of_a_byte_and_any_cut_is_noticed() {
        let text = sample();
        let known = Manifest::parse(text.as_bytes()).unwrap();
        for at in 0..text.len() {
            assert!(Manifest::parse(&text.as_bytes()[..at]).is_err(), "cut at {at}");
            for bit in 0..8 {
                let mut changed = text.clone().into_bytes();
                changed[at] ^= 1 << bit;
                assert_ne!(Manifest::parse(&changed).as_ref(), Ok(&known), "bit {bit} of byte {at}");
            }
        }
    }
}
