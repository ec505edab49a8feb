//! What does the engine hold now? Figures for whoever watches a server.

/// Bytes and use of a cache; uses only grow.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CacheUse {
    /// Bytes that it holds.
    pub bytes: u64,
    /// Bytes that it may hold.
    pub capacity: u64,
    /// Things that were asked for and there.
    pub hits: u64,
    /// Things that were asked for and not there.
    pub misses: u64,
}

/// What the engine holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Resources {
    /// Bytes that sorts, joins and groupings hold.
    pub memory: u64,
    /// Bytes that they may hold.
    pub memory_limit: u64,
    /// Footers and page indexes.
    pub footers: CacheUse,
    /// Blocks of remote files on the local disk, where they are kept.
    pub blocks: Option<CacheUse>,
}
