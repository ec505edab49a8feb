//! What does this language have beyond the standard, and what of it is switched on?
//!
//! One table of names and descriptions. The judgement by the standard ([`strict`](crate::strict)) finds every use of an
//! extension; here is only what they are called. A service may switch any of them off ([`Language`]), or hold a query to
//! the letter of a version of the standard. Must not know syntax trees.

use crate::request::Label;
use crate::validate::Version;

macro_rules! extensions {
    ($($variant:ident, $name:literal, $description:literal;)+) => {
        /// One thing that this language has and the standard has not.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Extension {
            $(#[doc = $description] $variant,)+
        }

        /// Every extension, in the order of the documentation.
        const ALL: &[Extension] = &[$(Extension::$variant),+];

        impl Extension {
            /// Its stable name in configuration and messages: lower case, with hyphens.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }

            /// One line for people.
            pub const fn description(self) -> &'static str {
                match self { $(Self::$variant => $description,)+ }
            }
        }
    };
}

extensions! {
    Case, "case", "`CASE WHEN .. THEN .. ELSE .. END`";
    Limit, "limit", "`LIMIT n` in place of `TOP n`";
    Modulo, "modulo", "`%`, the remainder";
    BitOperators, "bit-operators", "`&`, `|`, `#`, `~`, `<<` and `>>` of whole numbers";
    RegexOperators, "regex-operators", "`~`, `~*`, `!~` and `!~*`: matching regular expressions";
    HexLiterals, "hex-literals", "`0x1F`, a whole number in hexadecimal";
    Casts, "casts", "`value::type`, and conversions to types that the standard does not name";
    Booleans, "booleans", "`TRUE`, `FALSE`, `IS TRUE`, `IS FALSE`, `IS UNKNOWN`";
    DistinctFrom, "distinct-from", "`IS [NOT] DISTINCT FROM`: comparison in which NULL equals NULL";
    LikeEscape, "like-escape", "`LIKE .. ESCAPE`";
    CrossJoin, "cross-join", "`CROSS JOIN`";
    Lateral, "lateral", "`LATERAL (SELECT ..)`: a sub-query that sees the tables before it";
    Xmatch, "xmatch", "`XMATCH(left, right, radius)` in `FROM`: a crossmatch as a table";
    ColumnAliases, "column-aliases", "names of columns after the name of a table: `AS t (a, b)`";
    NestedWith, "nested-with", "`WITH` in a sub-query";
    NullsOrder, "nulls-order", "`NULLS FIRST` and `NULLS LAST` in `ORDER BY`";
    Tablesample, "tablesample", "`TABLESAMPLE (p)`: a random part of a table";
    Snapshots, "snapshots", "`table@1f3a9c`: a version of a table, by the first digits of its digest";
    Qualify, "qualify", "`QUALIFY`: a condition on window functions";
    WindowFunctions, "window-functions", "functions `OVER (PARTITION BY .. ORDER BY ..)`";
    AggregateClauses, "aggregate-clauses", "`FILTER`, `WITHIN GROUP` and `ORDER BY` in a call of an aggregate";
    Arrays, "arrays", "`ARRAY[..]`, subscripts, arithmetic with arrays, and functions of arrays";
    Dates, "dates", "`DATE '..'`, `INTERVAL '..'`, `AT TIME ZONE`, `EXTRACT`, and functions of dates and times";
    Explain, "explain", "`EXPLAIN [ANALYZE]`";
    Parameters, "parameters", "`?` and `$1`, values that are bound later";
    BlockComments, "block-comments", "`/* .. */`";
    MathFunctions, "math-functions", "further mathematical functions: `CBRT`, `SINH`, `SIGN` and others";
    StringFunctions, "string-functions", "further functions of strings: `SUBSTRING`, `TRIM`, `REGEXP_LIKE` and others";
    ChoiceFunctions, "choice-functions", "functions that choose among values: `GREATEST`, `LEAST`, `NULLIF`, `NVL`, `IF_THEN_ELSE`";
    Statistics, "statistics", "further aggregates: `STDDEV`, `MEDIAN`, `CORR`, `APPROX_DISTINCT` and others";
    Moc, "moc", "sets of HEALPix cells: `MOC` and its functions";
    Ellipse, "ellipse", "`ELLIPSE`";
    Ivoa, "udf-ivoa", "the IVOA's catalogue of user-defined functions: `IVO_..`";
    Gavo, "udf-gavo", "GAVO's functions: `GAVO_..`";
    Gaia, "udf-gaia", "functions of Gaia's archive: `EPOCH_PROP`, `GAIA_HEALPIX_INDEX`";
    Healpix, "udf-healpix", "`HEALPIX_..`: cells of HEALPix in both schemes";
    H3, "udf-h3", "`H3_..`: cells of H3";
    Q3c, "udf-q3c", "Q3C's functions: `Q3C_..`";
}

/// A name that is no extension's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownExtension(pub String);

impl std::fmt::Display for UnknownExtension {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names: Vec<&str> = ALL.iter().map(|extension| extension.name()).collect();
        write!(f, "unknown extension {:?}: expected some of {}", self.0, names.join(", "))
    }
}

impl std::error::Error for UnknownExtension {}

impl Extension {
    /// Every extension, in the order of the documentation.
    pub const fn all() -> &'static [Self] {
        ALL
    }

    /// The extension of that name.
    ///
    /// *Errors*: a name that is no extension's.
    ///
    /// ```
    /// use sidereus_adql::Extension;
    /// assert_eq!(Extension::from_name("case"), Ok(Extension::Case));
    /// assert!(Extension::from_name("cases").is_err());
    /// ```
    pub fn from_name(name: &str) -> Result<Self, UnknownExtension> {
        let found = ALL.iter().find(|extension| extension.name() == name.trim());
        found.copied().ok_or_else(|| UnknownExtension(name.trim().to_owned()))
    }
}

/// A set of extensions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Extensions(u64);

impl Extensions {
    /// None of them.
    pub const NONE: Self = Self(0);

    /// Whether it is in the set.
    pub const fn contains(self, extension: Extension) -> bool {
        self.0 & (1 << extension as u64) != 0
    }

    /// Whether nothing is in the set.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }
}

impl FromIterator<Extension> for Extensions {
    fn from_iter<T: IntoIterator<Item = Extension>>(extensions: T) -> Self {
        Self(extensions.into_iter().fold(0, |set, extension| set | 1 << extension as u64))
    }
}

/// Which language a text is read in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Language {
    /// The label it came under.
    pub label: Label,
    /// The version of the standard that it is held to, if it is: then nothing passes but that version and the functions
    /// of this service, which count as user-defined ones.
    pub standard: Option<Version>,
    /// The extensions that are switched off.
    pub off: Extensions,
}

impl From<Label> for Language {
    /// The language of that label with every extension.
    fn from(label: Label) -> Self {
        Self { label, standard: None, off: Extensions::NONE }
    }
}

const _: () = assert!(ALL.len() <= 64, "a set of extensions is a word of 64 bits");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_short() {
        for (index, extension) in ALL.iter().enumerate() {
            assert_eq!(*extension as usize, index);
            assert_eq!(Extension::from_name(extension.name()), Ok(*extension));
            assert!(extension.name().len() <= 20, "{}", extension.name());
            assert!(extension.name().bytes().all(|byte| byte.is_ascii_lowercase() || b"-3".contains(&byte)));
        }
    }

    #[test]
    fn a_set_holds_what_it_was_given() {
        let set: Extensions = [Extension::Case, Extension::Q3c].into_iter().collect();
        let held: Vec<_> = ALL.iter().filter(|extension| set.contains(**extension)).collect();
        assert_eq!(held, [&Extension::Case, &Extension::Q3c]);
        assert!(Extensions::NONE.is_empty() && !set.is_empty());
    }
}
