//! How much may a table from strangers be?
//!
//! A packed file is a promise that is only known when it is unpacked: bytes are counted as they come out, and what comes out
//! is held against what went in. Whoever hits a limit is told which one, and its number.

use std::io::{self, BufRead, Read};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use crate::error::{EngineError, ErrorKind};

/// The most that an uploaded table may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UploadLimits {
    /// Bytes of the file, unpacked where it came in gzip or zstd.
    pub bytes: u64,
    /// Rows.
    pub rows: u64,
    /// Columns.
    pub columns: usize,
    /// How many times as many bytes as it has may come of a file: by unpacking it, and as values of its table. The first
    /// 16 MB of either are free.
    pub unpacked_ratio: u64,
}

impl Default for UploadLimits {
    fn default() -> Self {
        Self { bytes: 4 << 30, rows: 100_000_000, columns: 4096, unpacked_ratio: 100 }
    }
}

/// Bytes that may come of the smallest file.
const FREE: u64 = 16 << 20;

/// Limits and what has been counted against them, shared by all who read one table.
#[derive(Debug, Clone)]
pub(crate) struct Guard {
    limits: UploadLimits,
    packed: Arc<AtomicU64>,
    exceeded: Arc<OnceLock<String>>,
}

impl Guard {
    /// Nothing counted yet; `packed` is told from outside.
    pub(crate) fn new(limits: UploadLimits, packed: Arc<AtomicU64>) -> Self {
        Self { limits, packed, exceeded: Arc::default() }
    }

    /// The limits.
    pub(crate) fn limits(&self) -> &UploadLimits {
        &self.limits
    }

    /// The first limit that was exceeded.
    pub(crate) fn exceeded(&self) -> Option<&str> {
        self.exceeded.get().map(String::as_str)
    }

    fn fail(&self, message: String) -> EngineError {
        EngineError::request(ErrorKind::LimitExceeded, self.exceeded.get_or_init(|| message).clone())
    }

    /// Whether a file may have so many bytes.
    pub(super) fn check_size(&self, bytes: u64) -> Result<(), EngineError> {
        match bytes > self.limits.bytes {
            true => Err(self.fail(format!("it has more than {} bytes, the limit of an upload", self.limits.bytes))),
            false => Ok(()),
        }
    }

    /// Whether a file may unpack to so many bytes.
    pub(super) fn check_unpacked(&self, bytes: u64) -> Result<(), EngineError> {
        self.check_size(bytes)?;
        let packed = self.packed.load(Ordering::Relaxed);
        if bytes > packed.saturating_mul(self.limits.unpacked_ratio).max(FREE) {
            let ratio = self.limits.unpacked_ratio;
            return Err(self.fail(format!("it unpacks to more than {ratio} times its bytes, the limit of an upload")));
        }
        Ok(())
    }

    /// Whether a file of so many bytes may have values of so many.
    pub(crate) fn check_values(&self, values: u64, file: u64) -> Result<(), EngineError> {
        if values > file.saturating_mul(self.limits.unpacked_ratio).max(FREE) {
            let ratio = self.limits.unpacked_ratio;
            return Err(self.fail(format!("its values take more than {ratio} times its bytes, the limit of an upload")));
        }
        Ok(())
    }

    /// Whether there may be so many rows.
    pub(crate) fn check_rows(&self, rows: u64) -> Result<(), EngineError> {
        match rows > self.limits.rows {
            true => Err(self.fail(format!("it has more than {} rows, the limit of an upload", self.limits.rows))),
            false => Ok(()),
        }
    }

    /// Whether there may be so many columns.
    pub(crate) fn check_columns(&self, columns: usize) -> Result<(), EngineError> {
        match columns > self.limits.columns {
            true => Err(self.fail(format!("it has more than {} columns, the limit of an upload", self.limits.columns))),
            false => Ok(()),
        }
    }

    /// Something else that is too large.
    pub(crate) fn too_large(&self, message: impl Into<String>) -> EngineError {
        self.fail(message.into())
    }
}

/// Counts what comes out of a reader.
pub(super) struct Guarded<R> {
    inner: R,
    guard: Guard,
    read: u64,
}

impl<R> Guarded<R> {
    /// Nothing read yet.
    pub(super) fn new(inner: R, guard: Guard) -> Self {
        Self { inner, guard, read: 0 }
    }

    fn count(&mut self, bytes: usize) -> io::Result<()> {
        self.read += bytes as u64;
        self.guard.check_unpacked(self.read).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
    }
}

impl<R: Read> Read for Guarded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.count(read)?;
        Ok(read)
    }
}

/// Errors of an unpacker about its bytes, told apart from those of the system.
pub(super) struct Unpacking<R>(pub(super) R);

impl<R: Read> Read for Unpacking<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer).map_err(|error| match error.raw_os_error() {
            Some(_) => error,
            None => io::Error::new(io::ErrorKind::InvalidData, format!("it cannot be unpacked: {error}")),
        })
    }
}

/// A reader of XML events, none of which may have more than a number of bytes.
pub(super) struct EventBytes {
    inner: Box<dyn BufRead + Send>,
    left: usize,
}

impl EventBytes {
    /// The most bytes of one event.
    pub(super) const MOST: usize = 16 << 20;

    /// Before the first event.
    pub(super) fn new(inner: Box<dyn BufRead + Send>) -> Self {
        Self { inner, left: Self::MOST }
    }

    /// Before the next event.
    pub(super) fn begin(&mut self) {
        self.left = Self::MOST;
    }
}

impl Read for EventBytes {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let available = self.fill_buf()?;
        let read = available.len().min(buffer.len());
        buffer[..read].copy_from_slice(&available[..read]);
        self.consume(read);
        Ok(read)
    }
}

impl BufRead for EventBytes {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.left == 0 {
            let message = format!("a text or a tag is longer than {} MB", Self::MOST >> 20);
            return Err(io::Error::new(io::ErrorKind::InvalidData, message));
        }
        let available = self.inner.fill_buf()?;
        Ok(&available[..available.len().min(self.left)])
    }

    fn consume(&mut self, bytes: usize) {
        self.left -= bytes;
        self.inner.consume(bytes);
    }
}
