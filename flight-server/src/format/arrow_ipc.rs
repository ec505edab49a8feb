//! Rows as Arrow IPC, stream or file: schema with field metadata, then batches as they come.
//!
//! The file has a footer, where `sidereus.overflow` stands. The stream ends with a marker; `arrow-ipc` writes no metadata
//! beside a batch, so services tell an overflow beside the body. A failed document ends within a message: readers that
//! take the end of a transfer for the end of a stream still see that something is missing.

use arrow::ipc::writer::{FileWriter, StreamWriter};
use arrow::record_batch::RecordBatch;
use sidereus_engine::Provenance;

use super::{Encoder, Ending, FormatError, Head, OutputFormat};

/// The start of a message and the length of its metadata, which do not follow.
const BROKEN_MESSAGE: [u8; 8] = [0xff, 0xff, 0xff, 0xff, 0xf8, 0, 0, 0];

/// For readers that take batches as they come.
#[derive(Debug)]
pub(super) struct ArrowStream;

/// For readers that jump between batches, memory maps and files on disk (Feather version 2).
#[derive(Debug)]
pub(super) struct ArrowFile;

impl OutputFormat for ArrowStream {
    fn name(&self) -> &'static str {
        "arrow"
    }

    fn media_type(&self) -> &'static str {
        "application/vnd.apache.arrow.stream"
    }

    fn extension(&self) -> &'static str {
        "arrows"
    }

    fn encoder(&self, head: &Head) -> Result<Box<dyn Encoder>, FormatError> {
        Ok(Box::new(StreamEncoder(StreamWriter::try_new(Vec::new(), &head.schema)?)))
    }
}

impl OutputFormat for ArrowFile {
    fn name(&self) -> &'static str {
        "arrow-file"
    }

    fn media_type(&self) -> &'static str {
        "application/vnd.apache.arrow.file"
    }

    fn aliases(&self) -> &'static [&'static str] {
        &["feather"]
    }

    fn extension(&self) -> &'static str {
        "arrow"
    }

    fn encoder(&self, head: &Head) -> Result<Box<dyn Encoder>, FormatError> {
        let writer = FileWriter::try_new(Vec::new(), &head.schema)?;
        Ok(Box::new(FileEncoder { writer, head: head.clone() }))
    }
}

struct StreamEncoder(StreamWriter<Vec<u8>>);

impl Encoder for StreamEncoder {
    fn begin(&mut self, out: &mut Vec<u8>) -> Result<(), FormatError> {
        out.append(self.0.get_mut());
        Ok(())
    }

    fn batch(&mut self, batch: &RecordBatch, out: &mut Vec<u8>) -> Result<(), FormatError> {
        self.0.write(batch)?;
        out.append(self.0.get_mut());
        Ok(())
    }

    fn finish(&mut self, _ending: Ending, out: &mut Vec<u8>) -> Result<(), FormatError> {
        self.0.finish()?;
        out.append(self.0.get_mut());
        Ok(())
    }

    fn fail(&mut self, _message: &str, out: &mut Vec<u8>) -> bool {
        out.extend_from_slice(&BROKEN_MESSAGE);
        false
    }
}

struct FileEncoder {
    writer: FileWriter<Vec<u8>>,
    head: Head,
}

impl Encoder for FileEncoder {
    fn begin(&mut self, out: &mut Vec<u8>) -> Result<(), FormatError> {
        out.append(self.writer.get_mut());
        Ok(())
    }

    fn batch(&mut self, batch: &RecordBatch, out: &mut Vec<u8>) -> Result<(), FormatError> {
        self.writer.write(batch)?;
        out.append(self.writer.get_mut());
        Ok(())
    }

    fn finish(&mut self, ending: Ending, out: &mut Vec<u8>) -> Result<(), FormatError> {
        self.writer.write_metadata("sidereus.overflow", (ending == Ending::Overflow).to_string());
        for key in Provenance::KEYS {
            if let Some(value) = self.head.schema.metadata().get(key) {
                self.writer.write_metadata(key, value);
            }
        }
        self.writer.finish()?;
        out.append(self.writer.get_mut());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::super::kit;
    use super::*;
    use arrow::ipc::reader::{FileReader, StreamReader};

    #[test]
    fn batches_and_metadata_come_back() {
        let bytes = kit::bytes(&ArrowStream, Ending::Complete);
        let reader = StreamReader::try_new(bytes.as_slice(), None).unwrap();
        assert_eq!(reader.schema(), kit::head().schema);
        assert_eq!(whole(reader), kit::batch());

        let reader = FileReader::try_new(Cursor::new(kit::bytes(&ArrowFile, Ending::Overflow)), None).unwrap();
        assert_eq!(reader.schema(), kit::head().schema);
        assert_eq!(reader.custom_metadata()["sidereus.overflow"], "true");
        assert_eq!(whole(reader), kit::batch());
    }

    #[test]
    fn a_failed_stream_is_no_whole_stream() {
        let mut encoder = ArrowStream.encoder(&kit::head()).unwrap();
        let mut out = Vec::new();
        encoder.begin(&mut out).unwrap();
        encoder.batch(&kit::batch(), &mut out).unwrap();
        let without_marker: Vec<_> = StreamReader::try_new(out.as_slice(), None).unwrap().collect();
        assert!(without_marker.iter().all(Result::is_ok), "the end of a transfer alone is no error");
        assert!(!encoder.fail("lost", &mut out));
        assert!(StreamReader::try_new(out.as_slice(), None).unwrap().last().unwrap().is_err());
    }

    fn whole(batches: impl Iterator<Item = Result<RecordBatch, arrow::error::ArrowError>>) -> RecordBatch {
        let batches: Vec<RecordBatch> = batches.map(Result::unwrap).collect();
        arrow::compute::concat_batches(&kit::head().schema, &batches).unwrap()
    }
}
