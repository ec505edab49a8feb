//! Which bytes of a local file are in memory already?
//!
//! Handing a read to a thread that may wait costs more than copying a few pages that the system has at hand. So small reads are
//! tried first on the thread that wants them, with the flag that forbids to wait for a disk.

use std::fs::File;
use std::ops::Range;

use bytes::Bytes;

/// Bytes above which another thread may as well do the copying.
const SMALL: u64 = 1 << 20;

/// The bytes of all ranges, where nothing must be waited for; `None` where something must, or the system cannot tell.
#[cfg(target_os = "linux")]
pub(super) fn read(file: &File, ranges: &[Range<u64>]) -> Option<Vec<Bytes>> {
    let length = |range: &Range<u64>| range.end.saturating_sub(range.start);
    // What a damaged footer asks for may add up to anything.
    if ranges.iter().fold(0, |total: u64, range| total.saturating_add(length(range))) > SMALL {
        return None;
    }
    ranges.iter().map(|range| read_range(file, range)).collect()
}

#[cfg(target_os = "linux")]
fn read_range(file: &File, range: &Range<u64>) -> Option<Bytes> {
    use std::io::IoSliceMut;

    use rustix::io::{ReadWriteFlags, preadv2};

    let mut bytes = vec![0; usize::try_from(range.end.checked_sub(range.start)?).ok()?];
    let mut done = 0;
    while done < bytes.len() {
        let rest = &mut [IoSliceMut::new(&mut bytes[done..])];
        match preadv2(file, rest, range.start + done as u64, ReadWriteFlags::NOWAIT).ok()? {
            0 => return None,
            more => done += more,
        }
    }
    Some(Bytes::from(bytes))
}

/// Other systems have no such flag.
#[cfg(not(target_os = "linux"))]
pub(super) fn read(_: &File, _: &[Range<u64>]) -> Option<Vec<Bytes>> {
    None
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn what_was_just_written_is_at_hand_and_what_is_not_there_is_not() {
        let scratch = tempfile::NamedTempFile::new().unwrap();
        let text: Vec<u8> = (0..300_000_u32).map(|place| (place % 251) as u8).collect();
        std::fs::write(scratch.path(), &text).unwrap();
        let file = File::open(scratch.path()).unwrap();
        let ranges = [5..9, 100_000..300_000, 7..7];
        // A file system that knows no such reads gives nothing, which is right as well.
        if let Some(parts) = read(&file, &ranges) {
            for (range, part) in ranges.iter().zip(&parts) {
                assert_eq!(part, &text[range.start as usize..range.end as usize]);
            }
        }
        #[expect(clippy::reversed_empty_ranges, reason = "what a damaged footer may ask for")]
        let backwards = 9..5;
        for refused in [299_999..300_001, 0..SMALL + 1, backwards] {
            assert!(read(&file, std::slice::from_ref(&refused)).is_none(), "{refused:?}");
        }
        let half = 0..1 << 63;
        assert!(read(&file, &[half.clone(), half]).is_none());
    }
}
