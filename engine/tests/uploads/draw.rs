//! Bytes that are drawn from others: the same for a seed on every machine.

/// Numbers that follow from a seed (xorshift64 of Marsaglia, 2003).
#[derive(Debug)]
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self((seed ^ 0x5eed_0000_0000_0001).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// A number below `bound`, which is not 0.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        ((self.0 >> 33) % bound as u64) as usize
    }
}

/// Numbers at which sizes go wrong.
const SIZES: [i64; 16] = [
    0,
    1,
    -1,
    7,
    127,
    128,
    255,
    256,
    0x7fff,
    0xffff,
    0x7fff_ffff,
    0x8000_0000,
    0xffff_ffff,
    i64::MAX,
    i64::MIN,
    1 << 40,
];
/// Numbers and marks in text.
const WORDS: &str = "0 1 -1 2 1e12 999999999999 18446744073709551616 * 1x0 2x* nan \" , ; \n { } [ ] : < > & &lt; &#0; &x; ]]> \
    <![CDATA[ <!-- --> <TD> </TD> <TR/> <TR> <FIELD datatype=\"double\" arraysize=\"9\"/> <DESCRIPTION> </TABLE> bit char long \
    unicodeChar doubleComplex 9K 1PD(9) 0A 999X (3,4) 'A' END datatype: delimiter: - # \u{0} \u{e9} \u{1F30C}";

/// Changes bytes in one to eight places; `other` lends parts.
pub(crate) fn mutated(bytes: &[u8], other: &[u8], random: &mut Random) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    let most = 1 << random.below(4);
    for _ in 0..1 + random.below(most) {
        change(&mut bytes, other, random);
        bytes.truncate(1 << 17);
    }
    bytes
}

fn change(bytes: &mut Vec<u8>, other: &[u8], random: &mut Random) {
    let at = random.below(bytes.len() + 1);
    let end = (at + 1 + random.below(16)).min(bytes.len());
    let words: Vec<&str> = WORDS.split_whitespace().collect();
    let word = words[random.below(words.len())].as_bytes();
    match random.below(9) {
        0 if at < bytes.len() => bytes[at] ^= 1 << random.below(8),
        1 | 2 => {
            let (size, width) = (SIZES[random.below(SIZES.len())], [1, 2, 4, 8][random.below(4)]);
            let number = if random.below(2) == 0 { size.to_le_bytes() } else { size.to_be_bytes() };
            let number = if random.below(2) == 0 { &number[..width] } else { &number[8 - width..] };
            overwrite(bytes, at, number);
        }
        3 => overwrite(bytes, at, word),
        4 => bytes.splice(at..end.max(at), word.iter().copied()).for_each(drop),
        5 => bytes.splice(at..at, word.iter().copied()).for_each(drop),
        6 if at < end => drop(bytes.drain(at..end)),
        7 => {
            let from = random.below(other.len() + 1);
            let to = (from + random.below(200)).min(other.len());
            let length = if random.below(2) == 0 { to - from } else { 0 };
            let end = (at + length).min(bytes.len());
            bytes.splice(at..end, other[from..to].iter().copied()).for_each(drop);
        }
        8 if at < end => {
            let most = 1 << random.below(9);
            let copied = bytes[at..end].repeat(1 + random.below(most));
            bytes.splice(at..at, copied).for_each(drop);
        }
        _ => bytes.truncate(at),
    }
}

fn overwrite(bytes: &mut [u8], at: usize, with: &[u8]) {
    for (byte, new) in bytes[at..].iter_mut().zip(with) {
        *byte = *new;
    }
}
