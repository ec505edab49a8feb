//! Where do the messages of an Arrow stream begin and end, and is each what it says?
//!
//! A message says how long it is, how long its buffers are, and how long they are once unpacked: sizes that the decoder
//! trusts. They are held against the bytes that are there, and against a limit, before it sees them.
//!
//! *Source*: Arrow columnar format 1.5, "Serialization and interprocess communication"; LZ4 frame format 1.6.

use std::io::{self, BufRead, Read};

use arrow::buffer::Buffer;
use arrow::ipc::{CompressionType, Message, RecordBatch, root_as_message};

use super::limits::Guard;

/// Bytes of the description of a message.
const LONGEST_HEAD: u64 = 16 << 20;
/// Bytes of the buffers of a message from strangers, packed or not.
const LONGEST_BODY: u64 = 128 << 20;
/// The most values of an array: lengths times widths stay numbers.
const MOST_VALUES: i64 = i32::MAX as i64;
const CONTINUATION: [u8; 4] = [0xff; 4];

/// Reads message after message.
pub(super) struct Messages {
    input: Box<dyn BufRead + Send>,
    guard: Option<Guard>,
    /// Whether the end must be marked, as in files.
    is_file: bool,
}

impl Messages {
    /// At the first message.
    pub(super) fn new(input: Box<dyn BufRead + Send>, guard: Option<Guard>, is_file: bool) -> Self {
        Self { input, guard, is_file }
    }

    /// The next whole message with its prefix; `None` at the end.
    ///
    /// *Errors*: it is cut or damaged, or longer than is allowed.
    pub(super) fn next(&mut self) -> io::Result<Option<Buffer>> {
        let mut prefix = [0; 4];
        if !self.fill(&mut prefix)? {
            return Ok(None);
        }
        if prefix == CONTINUATION && !self.fill(&mut prefix)? {
            return Err(damaged("it ends within a message"));
        }
        let length = u64::from(u32::from_le_bytes(prefix));
        if length == 0 {
            return Ok(None);
        }
        if length > LONGEST_HEAD {
            return Err(damaged(format!("a message begins with {length} bytes of description")));
        }
        let mut bytes = [&CONTINUATION[..], &prefix].concat();
        self.append(length, &mut bytes)?;
        let message =
            root_as_message(&bytes[8..]).map_err(|error| damaged(format!("a message is damaged: {error}")))?;
        let body = u64::try_from(message.bodyLength()).map_err(|_| damaged("a message has a negative length"))?;
        self.check_length(body)?;
        let head = bytes.len();
        self.append(body, &mut bytes)?;
        self.check(&bytes[8..head], &bytes[head..])?;
        Ok(Some(Buffer::from_vec(bytes)))
    }

    /// Whether all could be read, or nothing.
    fn fill(&mut self, buffer: &mut [u8]) -> io::Result<bool> {
        if self.input.fill_buf()?.is_empty() {
            return if self.is_file { Err(damaged("it ends before its end is marked")) } else { Ok(false) };
        }
        self.input.read_exact(buffer)?;
        Ok(true)
    }

    /// Memory grows with the bytes that are there, not with those that are promised.
    fn append(&mut self, length: u64, bytes: &mut Vec<u8>) -> io::Result<()> {
        let read = self.input.by_ref().take(length).read_to_end(bytes)? as u64;
        if read == length {
            Ok(())
        } else {
            Err(damaged(format!("it ends {} bytes before the end of a message", length - read)))
        }
    }

    fn check_length(&self, bytes: u64) -> io::Result<()> {
        match &self.guard {
            Some(guard) if bytes > LONGEST_BODY => {
                let limit = LONGEST_BODY >> 20;
                let message = format!(
                    "one of its record batches has more than {limit} MB, the limit of an upload; write smaller ones"
                );
                Err(io::Error::new(io::ErrorKind::InvalidData, guard.too_large(message)))
            }
            _ => Ok(()),
        }
    }

    fn check(&self, head: &[u8], body: &[u8]) -> io::Result<()> {
        let message = root_as_message(head).map_err(|error| damaged(format!("a message is damaged: {error}")))?;
        match batch(&message) {
            Some(batch) => self.check_batch(&batch, body),
            None => Ok(()),
        }
    }

    fn check_batch(&self, batch: &RecordBatch<'_>, body: &[u8]) -> io::Result<()> {
        let is_count = |count: i64| (0..=MOST_VALUES).contains(&count);
        let mut counts = batch.nodes().into_iter().flatten().flat_map(|node| [node.length(), node.null_count()]);
        if !is_count(batch.length()) || !counts.all(is_count) {
            return Err(damaged("a record batch has a length that is none"));
        }
        if let Some(guard) = &self.guard {
            let rows = guard.check_rows(batch.length().unsigned_abs());
            rows.map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
        }
        let codec = batch.compression().map(|compression| compression.codec());
        let mut unpacked = 0_u64;
        for buffer in batch.buffers().into_iter().flatten() {
            let span = usize::try_from(buffer.offset()).ok().zip(usize::try_from(buffer.length()).ok());
            let bytes = span.and_then(|(start, length)| body.get(start..start.checked_add(length)?));
            let bytes = bytes.ok_or_else(|| damaged("a buffer lies outside its message"))?;
            let length = match codec {
                None => Some(bytes.len() as u64),
                Some(codec) => unpacked_length(codec, bytes),
            };
            let length = length.ok_or_else(|| damaged("a packed buffer is damaged"))?;
            unpacked = unpacked.saturating_add(length);
            self.check_length(unpacked)?;
        }
        Ok(())
    }
}

fn damaged(why: impl Into<String>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why.into())
}

fn batch<'a>(message: &Message<'a>) -> Option<RecordBatch<'a>> {
    message.header_as_record_batch().or_else(|| message.header_as_dictionary_batch()?.data())
}

/// The bytes that a packed buffer stands for; `None` where it could unpack to more than it says.
fn unpacked_length(codec: CompressionType, bytes: &[u8]) -> Option<u64> {
    if bytes.is_empty() {
        return Some(0);
    }
    let (prefix, packed) = bytes.split_first_chunk()?;
    let length = match i64::from_le_bytes(*prefix) {
        -1 => return Some(packed.len() as u64),
        0 => return Some(0),
        length => u64::try_from(length).ok()?,
    };
    let is_true = codec != CompressionType::LZ4_FRAME || most_of_lz4(packed)? <= length.saturating_add(16 << 20);
    is_true.then_some(length)
}

/// The most that a frame of LZ4 can unpack to: each of its blocks at its largest.
fn most_of_lz4(frame: &[u8]) -> Option<u64> {
    let flags = *frame.get(4)?;
    let block = match frame.get(5)? >> 4 & 7 {
        4 => 64_u64 << 10,
        5 => 256 << 10,
        6 => 1 << 20,
        7 => 4 << 20,
        _ => return None,
    };
    let has = |flag: u8| usize::from(flags & flag != 0);
    let mut at = 7 + 8 * has(0x08) + 4 * has(0x01);
    let mut most = 0_u64;
    while let Some(size) = frame.get(at..).and_then(|rest| rest.first_chunk()) {
        let size = u32::from_le_bytes(*size);
        if size == 0 {
            break;
        }
        most += block;
        at = at.checked_add(4 + (size & 0x7fff_ffff) as usize + 4 * has(0x10))?;
    }
    Some(most)
}
