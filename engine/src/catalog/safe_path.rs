//! Does a path that a file's content names stay below its catalog?
//!
//! Paths come from properties files and from Parquet footers, that is, from whoever wrote the catalog. Each is
//! percent-decoded once, split, and walked; one that is absolute, carries a scheme or climbs above the start is refused.
//! Symbolic links are the business of the local store, see `confined.rs`.

use object_store::path::{Path, PathPart};

/// Joins a relative path, as read from a file, to the place it is relative to.
///
/// *Errors*: a text for people when the path would leave `base`.
pub(super) fn join(base: &Path, relative: &str) -> Result<Path, String> {
    let refuse = |why: &str| Err(format!("the path {relative:?} {why}; it must stay below its catalog"));
    let Some(decoded) = decode(relative) else { return refuse("does not decode to UTF-8") };
    if decoded.contains("://") {
        return refuse("is a URL");
    }
    if decoded.starts_with('/') {
        return refuse("is absolute");
    }
    if decoded.contains(['\\', '\0']) {
        return refuse("has a backslash or a zero byte");
    }
    let mut parts: Vec<&str> = Vec::new();
    for part in decoded.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                if parts.pop().is_none() {
                    return refuse("leads upwards");
                }
            }
            name => parts.push(name),
        }
    }
    Ok(base.parts().chain(parts.into_iter().map(PathPart::from)).collect())
}

/// Undoes percent-encoding; `None` when the result is not UTF-8. A lone `%` stays.
pub(super) fn decode(text: &str) -> Option<String> {
    if !text.contains('%') {
        return Some(text.to_owned());
    }
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut index = 0;
    while index < bytes.len() {
        let escaped = (bytes[index] == b'%').then(|| hex_pair(bytes.get(index + 1..index + 3)?)).flatten();
        decoded.push(escaped.unwrap_or(bytes[index]));
        index += if escaped.is_some() { 3 } else { 1 };
    }
    String::from_utf8(decoded).ok()
}

fn hex_pair(pair: &[u8]) -> Option<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let value = digit(pair[0])? * 16 + digit(pair[1])?;
    u8::try_from(value).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn joins_paths_that_stay_below() {
        let base = Path::from("cat/dataset");
        for (relative, expected) in [
            ("Norder=1/Dir=0/Npix=44.parquet", "cat/dataset/Norder=1/Dir=0/Npix=44.parquet"),
            ("Norder%3D1/Dir%3D0/Npix%3D44.parquet", "cat/dataset/Norder=1/Dir=0/Npix=44.parquet"),
            ("./a//b/../c", "cat/dataset/a/c"),
            ("", "cat/dataset"),
            ("100%", "cat/dataset/100%25"),
        ] {
            assert_eq!(join(&base, relative).unwrap().as_ref(), expected, "{relative}");
        }
    }

    #[test]
    fn refuses_paths_that_leave() {
        let base = Path::from("cat/dataset");
        for relative in [
            "../secret",
            "a/../../secret",
            "..%2F..%2Fsecret",
            "%2e%2e/secret",
            "%2E%2E%2Fsecret",
            "/etc/hostname",
            "%2Fetc/hostname",
            "file:///etc/hostname",
            "file%3A///etc/hostname",
            "s3://bucket/x",
            "..\\secret",
            "a\0b",
            "%ff%fe",
        ] {
            assert!(join(&base, relative).is_err(), "{relative:?} was accepted");
        }
    }

    #[test]
    fn decodes_only_once() {
        let path = join(&Path::from("cat"), "%252e%252e/x").unwrap();
        assert_eq!(path.as_ref(), "cat/%252e%252e/x");
    }
}
