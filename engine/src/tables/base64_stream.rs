//! The bytes of a base64 text that ends where markup begins.

use std::io::BufRead;

use base64::Engine;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Decodes piece by piece.
#[derive(Debug, Default)]
pub(super) struct Base64Stream {
    letters: Vec<u8>,
    at_end: bool,
}

impl Base64Stream {
    /// Appends some decoded bytes; false at the end.
    ///
    /// *Errors*: the text is no base64, or cannot be read.
    pub(super) fn read(&mut self, input: &mut dyn BufRead, bytes: &mut Vec<u8>) -> Result<bool, String> {
        if self.at_end {
            return Ok(false);
        }
        let available = input.fill_buf().map_err(|error| error.to_string())?;
        let end = memchr::memchr(b'<', available);
        let text = &available[..end.unwrap_or(available.len())];
        self.letters.extend(text.iter().filter(|byte| !byte.is_ascii_whitespace()));
        self.at_end = end.is_some() || available.is_empty();
        let used = text.len();
        input.consume(used);
        let whole = if self.at_end { self.letters.len() } else { self.letters.len() / 4 * 4 };
        let rest = self.letters.split_off(whole);
        let letters = std::mem::replace(&mut self.letters, rest);
        LENIENT.decode_vec(&letters, bytes).map_err(|error| format!("its data are no base64: {error}"))?;
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spaces_and_borders_of_pieces_do_not_matter() {
        let text = b"AAEC\n AwQF Bg== \n</STREAM>";
        for piece in [1, 3, 100] {
            let mut input = std::io::BufReader::with_capacity(piece, &text[..]);
            let (mut stream, mut bytes) = (Base64Stream::default(), Vec::new());
            while stream.read(&mut input, &mut bytes).unwrap() {}
            assert_eq!(bytes, [0, 1, 2, 3, 4, 5, 6]);
        }
        assert!(Base64Stream::default().read(&mut &b"A*BC<"[..], &mut Vec::new()).is_err());
    }
}
