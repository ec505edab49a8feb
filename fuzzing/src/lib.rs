//! Random texts for every reader of text: whatever they are, an answer or an error, quickly, and never a panic.
//!
//! A [`Target`] is one reader and what must hold of it: no text makes it panic, and what it accepts and writes out again
//! reads back. [`Campaign`] makes texts from seeds, by changes of characters and of words, and times each; the same
//! bodies run under cargo-fuzz (folder `fuzz`), which finds its texts by coverage but needs a nightly toolchain.
//!
//! ```text
//! cargo run --release -p sidereus-fuzzing -- adql --executions 10000000 --seed 1
//! ```

mod adql;
mod campaign;
mod mutation;
mod queries;
mod random;
mod sky;
mod tables;
mod units;

pub use campaign::{Campaign, Failure, Memory, Summary};
pub use random::Random;

/// What became of a text that was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It was accepted, and what was made of it read back.
    Accepted,
    /// It was an error.
    Refused,
}

/// A reader of text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// Queries, under both labels, and the judgement by the standard in both versions.
    Adql,
    /// Regions in STC-S.
    Stcs,
    /// MOCs in both forms of text.
    Moc,
    /// Units, as a query and as a table states them.
    Units,
}

impl Target {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Adql, Self::Stcs, Self::Moc, Self::Units];

    /// The target of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|target| target.name() == name)
    }

    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Adql => "adql",
            Self::Stcs => "stcs",
            Self::Moc => "moc",
            Self::Units => "units",
        }
    }

    /// Reads a text.
    ///
    /// *Panics*: if what was accepted does not read back; whatever else panics is a defect of the reader.
    pub fn read(self, text: &str) -> Verdict {
        match self {
            Self::Adql => adql::read(text),
            Self::Stcs => sky::read_region(text),
            Self::Moc => sky::read_moc(text),
            Self::Units => units::read(text),
        }
    }

    /// Texts to begin with.
    pub fn seeds(self) -> Vec<String> {
        match self {
            Self::Adql => adql::seeds(),
            Self::Stcs => sky::REGIONS.map(str::to_owned).to_vec(),
            Self::Moc => sky::MOCS.map(str::to_owned).to_vec(),
            Self::Units => units::SEEDS.map(str::to_owned).to_vec(),
        }
    }

    /// Words to put in.
    fn words(self) -> Vec<&'static str> {
        match self {
            Self::Adql => adql::WORDS.split_whitespace().collect(),
            Self::Stcs => sky::REGION_WORDS.split_whitespace().collect(),
            Self::Moc => sky::MOC_WORDS.split_whitespace().collect(),
            Self::Units => units::WORDS.split_whitespace().collect(),
        }
    }
}
