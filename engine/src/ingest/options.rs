//! What can be chosen about a catalog that is to be written.

use std::collections::BTreeMap;
use std::str::FromStr;

use crate::catalog::{CatalogKind, PositionColumns};

/// Compression of data pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Codec {
    /// LZ4 blocks (`LZ4_RAW`): the quickest to search; a seventh larger than `Zstd`.
    #[default]
    Lz4,
    /// Zstandard, level 1: higher levels gain next to nothing on measured numbers.
    Zstd,
    /// No compression: twice as quick again, half as large again.
    None,
}

impl FromStr for Codec {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        match name {
            "lz4" => Ok(Self::Lz4),
            "zstd" => Ok(Self::Zstd),
            "none" => Ok(Self::None),
            _ => Err(format!("unknown codec {name:?}, expected lz4, zstd or none")),
        }
    }
}

/// How a catalog is to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WriteOptions {
    /// Name of the catalog (`obs_collection`), which becomes the table's name.
    pub name: String,
    /// Columns of ICRS position, in degrees.
    pub positions: PositionColumns,
    /// What a row is: [`CatalogKind::Object`] or [`CatalogKind::Source`].
    pub kind: CatalogKind,
    /// A cell with more rows than this is split, down to `max_order`.
    pub rows_per_partition: usize,
    /// Deepest order of a partition, at most 18.
    pub max_order: u8,
    /// Compression of data pages.
    pub codec: Codec,
    /// One or two sentences (`obs_description`).
    pub description: Option<String>,
    /// Columns that are read when a user names none; empty for all.
    pub default_columns: Vec<String>,
    /// Further properties such as `obs_regime` or `bib_reference`, written as they are.
    pub properties: BTreeMap<String, String>,
}

impl WriteOptions {
    /// An object catalog with positions in `ra` and `dec` and the usual thresholds.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            positions: PositionColumns { ra: "ra".to_owned(), dec: "dec".to_owned() },
            kind: CatalogKind::Object,
            rows_per_partition: 1_000_000,
            max_order: 12,
            codec: Codec::default(),
            description: None,
            default_columns: Vec::new(),
            properties: BTreeMap::new(),
        }
    }
}
