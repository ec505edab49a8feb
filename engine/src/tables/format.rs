//! Of which format is a file?
//!
//! What begins in an unmistakable way is what it begins as; plain text is told by its name's ending.

use std::fmt;
use std::str::FromStr;

/// Formats of table files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TableFormat {
    /// Comma-separated values, or with another separator, which is found from the first line.
    Csv,
    /// Tab-separated values.
    Tsv,
    /// Enhanced CSV, with a YAML header (astropy's Astropy Proposal for Enhancement 6).
    Ecsv,
    /// FITS binary table (FITS standard 4.0, section 7.3).
    Fits,
    /// VOTable 1.1 to 1.5.
    Votable,
    /// Fixed-width lines described by a CDS ReadMe.
    Cds,
    /// Apache Parquet.
    Parquet,
    /// Apache Arrow IPC, stream or file.
    Arrow,
}

const NAMES: [(&str, TableFormat); 8] = [
    ("csv", TableFormat::Csv),
    ("tsv", TableFormat::Tsv),
    ("ecsv", TableFormat::Ecsv),
    ("fits", TableFormat::Fits),
    ("votable", TableFormat::Votable),
    ("cds", TableFormat::Cds),
    ("parquet", TableFormat::Parquet),
    ("arrow", TableFormat::Arrow),
];

impl fmt::Display for TableFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = NAMES.iter().find(|(_, format)| format == self).map_or("", |(name, _)| name);
        f.write_str(name)
    }
}

impl FromStr for TableFormat {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let found = NAMES.iter().find(|(known, _)| *known == name).map(|(_, format)| *format);
        found.ok_or_else(|| {
            let known: Vec<&str> = NAMES.iter().map(|(name, _)| *name).collect();
            format!("unknown format {name:?}, expected one of {}", known.join(", "))
        })
    }
}

impl TableFormat {
    /// The format of unpacked content that begins in an unmistakable way.
    pub(super) fn of_first_bytes(first: &[u8]) -> Option<Self> {
        const MARKS: [(&[u8], TableFormat); 5] = [
            (b"SIMPLE  =", TableFormat::Fits),
            (b"PAR1", TableFormat::Parquet),
            (b"ARROW1", TableFormat::Arrow),
            (b"\xff\xff\xff\xff", TableFormat::Arrow),
            (b"# %ECSV", TableFormat::Ecsv),
        ];
        if let Some((_, format)) = MARKS.iter().find(|(mark, _)| first.starts_with(mark)) {
            return Some(*format);
        }
        let text = first.strip_prefix(b"\xef\xbb\xbf").unwrap_or(first).trim_ascii_start();
        text.starts_with(b"<").then_some(Self::Votable)
    }

    /// The format that the ending of a file's name, or of the path of a URL, tells.
    #[must_use]
    pub fn of_name(name: &str) -> Option<Self> {
        let name = name.split(['?', '#']).next().unwrap_or(name).to_ascii_lowercase();
        let name = [".gz", ".zst", ".zstd"].iter().find_map(|ending| name.strip_suffix(ending)).unwrap_or(&name);
        match name.rsplit_once('.').map(|(_, ending)| ending)? {
            "csv" | "txt" => Some(Self::Csv),
            "tsv" | "tab" => Some(Self::Tsv),
            "ecsv" => Some(Self::Ecsv),
            "fits" | "fit" => Some(Self::Fits),
            "vot" | "votable" | "xml" => Some(Self::Votable),
            "dat" => Some(Self::Cds),
            "parquet" | "parq" | "pq" => Some(Self::Parquet),
            "arrow" | "arrows" | "feather" | "ipc" => Some(Self::Arrow),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_goes_before_name() {
        let detect =
            |name: &str, first: &[u8]| TableFormat::of_first_bytes(first).or_else(|| TableFormat::of_name(name));
        assert_eq!(detect("a.csv", b"# %ECSV 1.0\n"), Some(TableFormat::Ecsv));
        assert_eq!(detect("a.dat", b"SIMPLE  =   T"), Some(TableFormat::Fits));
        assert_eq!(detect("https://x/a.CSV.gz?key=1", b"ra,dec"), Some(TableFormat::Csv));
        assert_eq!(detect("a.xml", b"\n<?xml version"), Some(TableFormat::Votable));
        assert_eq!(detect("a", b"ra,dec"), None);
        assert_eq!("fits".parse(), Ok(TableFormat::Fits));
        assert!("hdf5".parse::<TableFormat>().is_err());
    }
}
