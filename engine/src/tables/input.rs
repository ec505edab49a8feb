//! Where do the bytes of a table come from, and how are they unpacked?

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek};
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use flate2::bufread::MultiGzDecoder;

use super::limits::{Guard, Guarded, Unpacking};
use super::unreadable;
use crate::error::EngineError;

/// A file or a stream.
pub enum TableInput {
    /// A local file.
    File(PathBuf),
    /// A local file that came under another name.
    Spooled {
        /// What errors call it.
        name: String,
        /// Where it lies.
        path: PathBuf,
    },
    /// Bytes that come once.
    Stream {
        /// What errors call it; its ending may tell the format.
        name: String,
        /// The bytes.
        bytes: Box<dyn Read + Send>,
    },
}

impl std::fmt::Debug for TableInput {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.name())
    }
}

impl TableInput {
    /// What errors call it.
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            Self::File(path) => path.display().to_string(),
            Self::Spooled { name, .. } | Self::Stream { name, .. } => name.clone(),
        }
    }
}

/// The unpacked bytes of a table.
pub(super) struct Unpacked {
    /// What errors call it.
    pub(super) name: String,
    /// The bytes from the start.
    pub(super) bytes: Box<dyn BufRead + Send>,
    /// The local file, where it is not packed.
    pub(super) plain_file: Option<PathBuf>,
    /// Limits, where the table came from strangers.
    pub(super) guard: Option<Guard>,
}

/// Room of a buffer, and the most that is looked at before a format is chosen.
const BUFFER: usize = 1 << 20;
/// Bytes, as a power of two, that zstd may look back over in a file from strangers.
const LARGEST_WINDOW: u32 = 26;

impl Unpacked {
    /// Opens an input; `read` counts the bytes as they come, packed.
    pub(super) fn open(input: TableInput, read: Arc<AtomicU64>, guard: Option<Guard>) -> Result<Self, EngineError> {
        let name = input.name();
        let (raw, file): (Box<dyn Read + Send>, _) = match input {
            TableInput::File(path) | TableInput::Spooled { path, .. } => {
                let file = File::open(&path).map_err(|error| unreadable(&name, &error))?;
                (Box::new(file), Some(path))
            }
            TableInput::Stream { bytes, .. } => (bytes, None),
        };
        let mut raw = BufReader::with_capacity(BUFFER, Counted { inner: raw, read });
        let guarded = |bytes: Box<dyn Read + Send>| -> Box<dyn BufRead + Send> {
            let bytes: Box<dyn Read + Send> = match guard.clone() {
                Some(guard) => Box::new(Guarded::new(bytes, guard)),
                None => bytes,
            };
            Box::new(BufReader::with_capacity(BUFFER, bytes))
        };
        let unreadable = |error: io::Error| unreadable(&name, &error);
        let first = raw.fill_buf().map_err(unreadable)?;
        let (bytes, plain_file): (Box<dyn BufRead + Send>, _) = if first.starts_with(&[0x1f, 0x8b]) {
            (guarded(Box::new(Unpacking(MultiGzDecoder::new(raw)))), None)
        } else if first.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]) {
            let mut decoder = zstd::stream::read::Decoder::with_buffer(raw).map_err(unreadable)?;
            if guard.is_some() {
                decoder.window_log_max(LARGEST_WINDOW).map_err(unreadable)?;
            }
            (guarded(Box::new(Unpacking(decoder))), None)
        } else if guard.is_some() {
            (guarded(Box::new(raw)), file)
        } else {
            (Box::new(raw), file)
        };
        Ok(Self { name, bytes, plain_file, guard })
    }

    /// The first bytes, which stay to be read.
    pub(super) fn peek(&mut self) -> Result<&[u8], EngineError> {
        let name = &self.name;
        self.bytes.fill_buf().map_err(|error| unreadable(name, &error))
    }

    /// Bytes of a piece: few of a table from strangers, whose cells may be many and short.
    pub(super) fn piece(&self) -> usize {
        if self.guard.is_some() { 1 << 20 } else { 4 << 20 }
    }

    /// A file that can be read at any place: the local one, or a nameless copy.
    pub(super) fn into_file(mut self) -> Result<File, EngineError> {
        if let (Some(guard), Some(path)) = (&self.guard, &self.plain_file) {
            let bytes = std::fs::metadata(path).map_err(|error| unreadable(&self.name, &error))?.len();
            guard.check_size(bytes)?;
        }
        let mut copied = || -> io::Result<File> {
            if let Some(path) = &self.plain_file {
                return File::open(path);
            }
            let mut copy = tempfile::tempfile()?;
            io::copy(&mut self.bytes, &mut copy)?;
            copy.rewind()?;
            Ok(copy)
        };
        copied().map_err(|error| unreadable(&self.name, &error))
    }
}

struct Counted {
    inner: Box<dyn Read + Send>,
    read: Arc<AtomicU64>,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.read.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}

/// Reads a file on from a place, whatever else is read of it.
pub(super) struct ReadAt {
    /// The file.
    pub(super) file: Arc<File>,
    /// Where to read next.
    pub(super) at: u64,
}

impl Read for ReadAt {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read_at(buffer, self.at)?;
        self.at += read as u64;
        Ok(read)
    }
}
