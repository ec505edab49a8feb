//! Which file of a catalog does a path name?
//!
//! ```text
//! public.gaia / gaia_60arcsec / dataset / Norder=1 / Dir=0 / Npix=44.parquet
//!   catalog       member                   leaf
//! ```
//! Each part is decoded once; one that then holds a slash, a backslash or a zero byte, or climbs, names nothing. What is left are
//! names to compare with those that are known: no path of a store is made of them.

/// What is asked for below a catalog or a member of its collection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Asked {
    /// A file that HATS may name.
    Known(String),
    /// The rows of a cell.
    Leaf(Leaf),
}

/// The rows of a cell, or those of one file of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Leaf {
    /// Order of the cell.
    pub(super) order: u8,
    /// Its NESTED number.
    pub(super) npix: u64,
    /// What follows the number.
    pub(super) suffix: String,
    /// The file, where a cell is a folder.
    pub(super) part: Option<String>,
}

/// The parts of a path, decoded; `None` for a path that cannot name anything.
pub(super) fn parts(path: &str) -> Option<Vec<String>> {
    path.split('/').filter(|part| !part.is_empty()).map(part).collect()
}

fn part(text: &str) -> Option<String> {
    let decoded = decoded(text)?;
    let is_plain = !decoded.contains(['/', '\\', '\0']) && decoded != "." && decoded != "..";
    is_plain.then_some(decoded)
}

fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let mut digit = || char::from(rest.next()?).to_digit(16);
            let value = digit()? * 16 + digit()?;
            bytes.push(u8::try_from(value).ok()?);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}

/// A part of a path as URLs write it.
pub(super) fn encoded(part: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    part.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

impl Asked {
    /// The file that parts below a catalog's folder name.
    pub(super) fn of(parts: &[String]) -> Option<Self> {
        match parts {
            [file] => Some(Self::Known(file.clone())),
            [dataset, file] if dataset == "dataset" => Some(Self::Known(format!("dataset/{file}"))),
            [dataset, order, dir, file] if dataset == "dataset" => Leaf::of(order, dir, file, None).map(Self::Leaf),
            [dataset, order, dir, folder, file] if dataset == "dataset" => {
                Leaf::of(order, dir, folder, Some(file)).map(Self::Leaf)
            }
            _ => None,
        }
    }
}

impl Leaf {
    fn of(order: &str, dir: &str, file: &str, part: Option<&String>) -> Option<Self> {
        let order = order.strip_prefix("Norder=")?;
        let dir = dir.strip_prefix("Dir=")?;
        let file = file.strip_prefix("Npix=")?;
        let digits = file.bytes().take_while(u8::is_ascii_digit).count();
        let (npix, suffix) = file.split_at(digits);
        let (order, dir, npix) = (number(order)?, number(dir)?, number(npix)?);
        let is_right = dir == npix / 10_000 * 10_000;
        let order = u8::try_from(order).ok().filter(|_| is_right)?;
        Some(Self { order, npix, suffix: suffix.to_owned(), part: part.cloned() })
    }
}

/// A number as HATS writes it: digits alone, the first of several not 0.
fn number(text: &str) -> Option<u64> {
    let number: u64 = text.parse().ok()?;
    (number.to_string() == text).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(path: &str) -> Option<Asked> {
        Asked::of(&parts(path)?)
    }

    #[test]
    fn leaves_are_found_however_they_are_written() {
        let leaf = |suffix: &str, part: Option<&str>| {
            let (suffix, part) = (suffix.to_owned(), part.map(str::to_owned));
            Some(Asked::Leaf(Leaf { order: 6, npix: 12345, suffix, part }))
        };
        for (path, expected) in [
            ("dataset/Norder=6/Dir=10000/Npix=12345.parquet", leaf(".parquet", None)),
            ("/dataset/Norder%3D6/Dir%3d10000/Npix%3D12345.parquet", leaf(".parquet", None)),
            ("dataset/Norder=6/Dir=10000/Npix=12345.snappy.parquet", leaf(".snappy.parquet", None)),
            ("dataset/Norder=6/Dir=10000/Npix=12345/part0.parquet", leaf("", Some("part0.parquet"))),
        ] {
            assert_eq!(asked(path), expected, "{path}");
        }
        assert_eq!(parts(&encoded("public.a b/é")), None);
        assert_eq!(parts(&encoded("public.a bé")), Some(vec!["public.a bé".to_owned()]));
        assert_eq!(asked("partition_info.csv"), Some(Asked::Known("partition_info.csv".to_owned())));
    }

    #[test]
    fn what_climbs_or_is_written_otherwise_names_nothing() {
        for path in [
            "..",
            "../x",
            "%2e%2e/x",
            "dataset/%2E%2e",
            "a%2fb",
            "a%5Cb",
            "hats.properties%00",
            "%ff",
            "%2",
            "dataset/Norder=6/Dir=0/Npix=12345.parquet",
            "dataset/Norder=06/Dir=10000/Npix=12345.parquet",
            "dataset/Norder=6/Dir=10000/Npix=+12345.parquet",
            "dataset/Norder=6/Dir=10000/Npix=.parquet",
            "dataset/Norder=256/Dir=0/Npix=1.parquet",
            "a/b/c/d/e/f",
        ] {
            assert_eq!(asked(path), None, "{path}");
        }
    }
}
