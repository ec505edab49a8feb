//! Where do cells end? At the next separator or newline.
//!
//! 64 bytes are looked at in one go, eight in each step, and their stops kept as bits: cells of catalogs are short, and a
//! search of its own for each would mostly begin and end.

/// Bytes that are looked at in one go.
const BLOCK: usize = 64;
const LOW: u64 = 0x7f7f_7f7f_7f7f_7f7f;
const ONES: u64 = 0x0101_0101_0101_0101;

/// The stops of some bytes, which are asked for from front to back.
#[derive(Debug)]
pub(super) struct Stops<'a> {
    bytes: &'a [u8],
    separators: u64,
    /// Where the block begins that was looked at, and its stops.
    block: usize,
    bits: u64,
}

impl<'a> Stops<'a> {
    /// Stops at newlines and at one other byte.
    pub(super) fn new(bytes: &'a [u8], separator: u8) -> Self {
        let mut stops = Self { bytes, separators: ONES * u64::from(separator), block: 0, bits: 0 };
        stops.look_at(0);
        stops
    }

    /// The first stop at or behind a place, which is not before any that was asked for; the end of the bytes if there is none.
    pub(super) fn next(&mut self, place: usize) -> usize {
        if place >= self.block + BLOCK {
            self.look_at(place);
        }
        loop {
            let ahead = self.bits >> (place.max(self.block) - self.block);
            if ahead != 0 {
                return place.max(self.block) + ahead.trailing_zeros() as usize;
            }
            let next = self.block + BLOCK;
            if next >= self.bytes.len() {
                return self.bytes.len();
            }
            self.look_at(next);
        }
    }

    fn look_at(&mut self, block: usize) {
        self.block = block;
        let bytes = self.bytes.get(block..).unwrap_or_default();
        let mut last = [0; BLOCK];
        let whole = bytes.first_chunk::<BLOCK>().unwrap_or_else(|| {
            last[..bytes.len()].copy_from_slice(bytes);
            &last
        });
        let (words, _) = whole.as_chunks::<8>();
        self.bits = words.iter().rev().fold(0, |bits, word| bits << 8 | self.in_word(u64::from_le_bytes(*word)));
        if bytes.len() < BLOCK {
            // What fills the block up is nothing.
            self.bits &= (1 << bytes.len()) - 1;
        }
    }

    /// A bit for each of eight bytes.
    fn in_word(&self, word: u64) -> u64 {
        // The high bit of each byte that is not zero.
        let other = |word: u64| ((word & LOW) + LOW) | word;
        let stops = !(other(word ^ self.separators) & other(word ^ (ONES * u64::from(b'\n')))) & !LOW;
        ((stops >> 7).wrapping_mul(0x0102_0408_1020_4080)) >> 56
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn stops_are_those_that_looking_at_each_byte_finds(
            bytes in prop::collection::vec(prop_oneof![Just(b','), Just(b'\n'), Just(0x8a), Just(b'+'), any::<u8>()], 0..400),
            sparse in any::<bool>(),
            steps in prop::collection::vec(0..90_usize, 1..40),
        ) {
            let keep = |(place, byte): (usize, u8)| if sparse && place % 7 != 0 && byte < 0x40 { b'x' } else { byte };
            let bytes: Vec<u8> = bytes.into_iter().enumerate().map(keep).collect();
            let mut stops = Stops::new(&bytes, b',');
            let mut place = 0;
            for step in steps {
                place = (place + step).min(bytes.len());
                let is_stop = |byte: &u8| matches!(byte, b',' | b'\n');
                let expected = bytes[place..].iter().position(is_stop).map_or(bytes.len(), |ahead| place + ahead);
                prop_assert_eq!(stops.next(place), expected);
                place = expected.min(place + step);
            }
        }
    }
}
