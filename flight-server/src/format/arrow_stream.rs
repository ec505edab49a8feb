//! Rows as an Arrow IPC stream: schema with field metadata, then batches as they come.
//!
//! The stream ends with a marker; a transfer that breaks off has none. It has no place to say that rows were left out:
//! services tell it beside the body.

use arrow::ipc::writer::StreamWriter;
use arrow::record_batch::RecordBatch;

use super::{Encoder, Ending, FormatError, Head, OutputFormat};

/// The format.
#[derive(Debug)]
pub(super) struct ArrowStream;

impl OutputFormat for ArrowStream {
    fn name(&self) -> &'static str {
        "arrow"
    }

    fn media_type(&self) -> &'static str {
        "application/vnd.apache.arrow.stream"
    }

    fn encoder(&self, head: &Head) -> Result<Box<dyn Encoder>, FormatError> {
        Ok(Box::new(ArrowEncoder(StreamWriter::try_new(Vec::new(), &head.schema)?)))
    }
}

struct ArrowEncoder(StreamWriter<Vec<u8>>);

impl ArrowEncoder {
    fn drain(&mut self, out: &mut Vec<u8>) {
        out.append(self.0.get_mut());
    }
}

impl Encoder for ArrowEncoder {
    fn begin(&mut self, out: &mut Vec<u8>) -> Result<(), FormatError> {
        self.drain(out);
        Ok(())
    }

    fn batch(&mut self, batch: &RecordBatch, out: &mut Vec<u8>) -> Result<(), FormatError> {
        self.0.write(batch)?;
        self.drain(out);
        Ok(())
    }

    fn finish(&mut self, _ending: Ending, out: &mut Vec<u8>) -> Result<(), FormatError> {
        self.0.finish()?;
        self.drain(out);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::kit;
    use super::*;
    use arrow::ipc::reader::StreamReader;

    #[test]
    fn batches_and_metadata_come_back() {
        let bytes = kit::bytes(&ArrowStream, Ending::Complete);
        let reader = StreamReader::try_new(bytes.as_slice(), None).unwrap();
        assert_eq!(reader.schema(), kit::head().schema);
        let batches: Vec<RecordBatch> = reader.map(Result::unwrap).collect();
        assert_eq!(arrow::compute::concat_batches(&kit::head().schema, &batches).unwrap(), kit::batch());
    }
}
