//! How does a reader know that a catalog's files are those that were published?
//!
//! ```text
//!  sidereus.manifest   every file: size and SHA-256; every leaf: its tail (page index and footer) and its pages' sums
//!    |                 its last line is the SHA-256 of the lines before: the catalog's snapshot
//!    +-- metadata files  whole, when the catalog is opened
//!    +-- tails           when a file's footer is read for the first time
//!    +-- sidereus.pages  CRC-32 of each page, header included, compared when a page is read
//! ```
//! Pure: bytes and footers in, verdicts out. The form of both files is in `docs/hats-extensions.md`.

mod digest;
mod manifest;
mod nan_count;
mod pages;

pub use digest::Digest;
pub(crate) use digest::Hashing;
pub use manifest::LeafSeal;
pub(crate) use manifest::{FileEntry, LeafEntry, Manifest, not_published};
pub(crate) use nan_count::PREFIX as NAN_COUNT;
pub use nan_count::{NanCounts, nan_counts};
pub(crate) use pages::{PageSums, blocks, tail_start};

/// The manifest, in the root of a catalog or collection.
pub const MANIFEST: &str = "sidereus.manifest";
/// Sums of the pages of all leaf files, beside the manifest.
pub const PAGES: &str = "sidereus.pages";
