//! A document packed by gzip while it is written.

use std::io::Write;

use arrow::record_batch::RecordBatch;
use flate2::Compression;
use flate2::write::GzEncoder;

use super::super::{Encoder, Ending, FormatError};

/// Packs what another encoder writes.
pub(super) struct GzipEncoder {
    inner: Box<dyn Encoder>,
    packer: GzEncoder<Vec<u8>>,
    /// What the other wrote; kept for its capacity.
    plain: Vec<u8>,
}

impl GzipEncoder {
    pub(super) fn new(inner: Box<dyn Encoder>) -> Self {
        Self { inner, packer: GzEncoder::new(Vec::new(), Compression::fast()), plain: Vec::new() }
    }

    /// Packs what is there; all of it can be read from what has left.
    fn pack(&mut self, out: &mut Vec<u8>) -> Result<(), FormatError> {
        self.packer.write_all(&self.plain)?;
        self.plain.clear();
        self.packer.flush()?;
        out.append(self.packer.get_mut());
        Ok(())
    }

    fn close(&mut self, out: &mut Vec<u8>) -> Result<(), FormatError> {
        self.packer.write_all(&self.plain)?;
        self.plain.clear();
        self.packer.try_finish()?;
        out.append(self.packer.get_mut());
        Ok(())
    }
}

impl Encoder for GzipEncoder {
    fn begin(&mut self, out: &mut Vec<u8>) -> Result<(), FormatError> {
        self.inner.begin(&mut self.plain)?;
        self.pack(out)
    }

    fn batch(&mut self, batch: &RecordBatch, out: &mut Vec<u8>) -> Result<(), FormatError> {
        self.inner.batch(batch, &mut self.plain)?;
        self.pack(out)
    }

    fn finish(&mut self, ending: Ending, out: &mut Vec<u8>) -> Result<(), FormatError> {
        self.inner.finish(ending, &mut self.plain)?;
        self.close(out)
    }

    fn fail(&mut self, message: &str, out: &mut Vec<u8>) -> bool {
        self.plain.clear();
        self.inner.fail(message, &mut self.plain) && self.close(out).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::super::super::kit;
    use super::super::{Binary2, Gzip};
    use super::*;

    #[test]
    fn the_document_is_that_of_binary2() {
        let mut text = String::new();
        let packed = kit::bytes(&Gzip, Ending::Overflow);
        flate2::read::GzDecoder::new(packed.as_slice()).read_to_string(&mut text).unwrap();
        assert_eq!(text, kit::text(&Binary2, Ending::Overflow));
    }
}
