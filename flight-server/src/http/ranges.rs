//! Which part of a file does a request ask for? (RFC 9110, section 14)
//!
//! One range of bytes is understood. What is not understood, or asks for several, asks for everything; a range is of the version
//! that the client knows, or it gets everything of the present one.

use axum::http::HeaderMap;
use axum::http::header::{IF_NONE_MATCH, IF_RANGE, RANGE};

/// A part of a file.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// Everything.
    Whole,
    /// From the first byte to the one after the last.
    Of(u64, u64),
    /// Nothing: it begins behind the end.
    Beyond,
}

/// The part that a request asks for of a file of some length and tag.
pub(crate) fn part(asked: &HeaderMap, length: u64, tag: &str) -> Part {
    // A date is no tag, and one second has room for two versions.
    let is_same = asked.get(IF_RANGE).is_none_or(|wanted| wanted.as_bytes() == tag.as_bytes());
    let range = asked.get(RANGE).filter(|_| is_same).and_then(|range| range.to_str().ok());
    range.map_or(Part::Whole, |range| of(range, length))
}

/// Whether a client says that it has the version of a tag.
pub(crate) fn has(asked: &HeaderMap, tag: &str) -> bool {
    let known = asked.get_all(IF_NONE_MATCH).iter().filter_map(|tags| tags.to_str().ok());
    known.flat_map(|tags| tags.split(',')).map(str::trim).any(|known| known == "*" || known == tag)
}

fn of(range: &str, length: u64) -> Part {
    let Some((from, to)) = range.strip_prefix("bytes=").and_then(|range| range.trim().split_once('-')) else {
        return Part::Whole;
    };
    match (from.parse::<u64>().ok(), to.parse::<u64>().ok()) {
        (Some(from), None) if to.is_empty() && from < length => Part::Of(from, length),
        (Some(from), Some(to)) if from <= to && from < length => Part::Of(from, to.saturating_add(1).min(length)),
        (None, Some(last)) if from.is_empty() && last > 0 && length > 0 => {
            Part::Of(length.saturating_sub(last), length)
        }
        (Some(from), None) if to.is_empty() && from >= length => Part::Beyond,
        (Some(from), Some(to)) if from <= to && from >= length => Part::Beyond,
        (None, Some(_)) if from.is_empty() => Part::Beyond,
        _ => Part::Whole,
    }
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderName, HeaderValue};

    use super::*;

    #[test]
    fn ranges_are_those_of_the_standard() {
        for (range, expected) in [
            ("bytes=0-9", Part::Of(0, 10)),
            ("bytes=90-", Part::Of(90, 100)),
            ("bytes=-5", Part::Of(95, 100)),
            ("bytes=-500", Part::Of(0, 100)),
            ("bytes=95-200", Part::Of(95, 100)),
            ("bytes=100-", Part::Beyond),
            ("bytes=100-200", Part::Beyond),
            ("bytes=-0", Part::Beyond),
            ("bytes=9-3", Part::Whole),
            ("bytes=200-3", Part::Whole),
            ("bytes=0-1,5-6", Part::Whole),
            ("bytes=200-201,5-6", Part::Whole),
            ("rows=1-2", Part::Whole),
        ] {
            assert_eq!(of(range, 100), expected, "{range}");
        }
    }

    #[test]
    fn a_range_is_of_the_version_that_the_client_knows() {
        let asked = |name: HeaderName, value: &'static str| {
            let range = (RANGE, HeaderValue::from_static("bytes=0-9"));
            HeaderMap::from_iter([range, (name, HeaderValue::from_static(value))])
        };
        assert_eq!(part(&asked(IF_RANGE, "\"a\""), 100, "\"a\""), Part::Of(0, 10));
        assert_eq!(part(&asked(IF_RANGE, "\"b\""), 100, "\"a\""), Part::Whole);
        assert_eq!(part(&asked(IF_RANGE, "Sun, 06 Nov 1994 08:49:37 GMT"), 100, "\"a\""), Part::Whole);
        assert!(has(&asked(IF_NONE_MATCH, "\"x\", \"a\""), "\"a\"") && !has(&asked(IF_NONE_MATCH, "\"x\""), "\"a\""));
    }
}
