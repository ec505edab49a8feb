//! Where does a query put what memory does not hold?
//!
//! Sorts, joins and groupings that pass their share of the memory write rows to files and read them back. Whoever runs the query
//! says where, and is asked before every write: so the bytes are on somebody's account, and a disk that is nearly full is left alone.
//! A file is gone with the last who reads it.

use std::fmt::Debug;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::{SpillFile, SpillWriter, TempFileFactory};
use futures::{Stream, StreamExt, TryStreamExt};
use tempfile::NamedTempFile;
use tokio_util::io::ReaderStream;

use crate::error::EngineError;

/// Bytes that are read and written at a time.
const PIECE_BYTES: usize = 128 << 10;

/// Room for what the memory of a query does not hold.
pub trait SpillSpace: Debug + Send + Sync {
    /// The folder of its files.
    fn folder(&self) -> &Path;

    /// Asks for bytes before they are written.
    ///
    /// *Errors*: why they must not be; the query ends with it.
    fn grow(&self, bytes: u64) -> std::result::Result<(), EngineError>;

    /// Gives bytes back.
    fn shrink(&self, bytes: u64);
}

/// Makes the files of one query.
#[derive(Debug)]
pub(super) struct SpillFiles(pub(super) Arc<dyn SpillSpace>);

impl TempFileFactory for SpillFiles {
    fn create_temp_file(&self, _: &str) -> Result<Arc<dyn SpillFile>> {
        let file = NamedTempFile::new_in(self.0.folder()).map_err(DataFusionError::IoError)?;
        Ok(Arc::new(Spilled { file, bytes: Arc::default(), space: Arc::clone(&self.0) }))
    }
}

/// One file, as long as somebody may read it.
#[derive(Debug)]
struct Spilled {
    file: NamedTempFile,
    bytes: Arc<AtomicU64>,
    space: Arc<dyn SpillSpace>,
}

impl Drop for Spilled {
    fn drop(&mut self) {
        self.space.shrink(self.bytes.load(Ordering::Relaxed));
    }
}

impl SpillFile for Spilled {
    fn path(&self) -> Option<&Path> {
        Some(self.file.path())
    }

    fn size(&self) -> Option<u64> {
        Some(self.bytes.load(Ordering::Relaxed))
    }

    fn read_stream(&self) -> Result<Pin<Box<dyn Stream<Item = Result<Bytes>> + Send>>> {
        let path = self.file.path().to_owned();
        let opened =
            async move { tokio::fs::File::open(path).await.map(|file| ReaderStream::with_capacity(file, PIECE_BYTES)) };
        Ok(futures::stream::once(opened).try_flatten().map_err(DataFusionError::IoError).boxed())
    }

    fn open_writer(&self) -> Result<Box<dyn SpillWriter>> {
        let file = File::options().append(true).open(self.file.path()).map_err(DataFusionError::IoError)?;
        let counted = Counted { file, bytes: Arc::clone(&self.bytes), space: Arc::clone(&self.space) };
        Ok(Box::new(Writer(BufWriter::with_capacity(PIECE_BYTES, counted))))
    }
}

/// Writes in pieces that are worth asking for.
struct Writer(BufWriter<Counted>);

impl Write for Writer {
    fn write(&mut self, piece: &[u8]) -> io::Result<usize> {
        self.0.write(piece)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

impl SpillWriter for Writer {
    fn finish(&mut self) -> Result<()> {
        self.flush().map_err(DataFusionError::IoError)
    }
}

/// Asks before it writes.
struct Counted {
    file: File,
    bytes: Arc<AtomicU64>,
    space: Arc<dyn SpillSpace>,
}

impl Write for Counted {
    fn write(&mut self, piece: &[u8]) -> io::Result<usize> {
        let bytes = piece.len() as u64;
        self.space.grow(bytes).map_err(io::Error::other)?;
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
        self.file.write_all(piece)?;
        Ok(piece.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;
    use std::sync::Mutex;

    use super::*;
    use crate::error::ErrorKind;

    #[derive(Debug)]
    struct Allowance {
        folder: PathBuf,
        left: Mutex<u64>,
    }

    impl SpillSpace for Allowance {
        fn folder(&self) -> &Path {
            &self.folder
        }

        fn grow(&self, bytes: u64) -> std::result::Result<(), EngineError> {
            let mut left = self.left.lock().unwrap();
            *left = left.checked_sub(bytes).ok_or_else(|| EngineError::request(ErrorKind::LimitExceeded, "no more"))?;
            Ok(())
        }

        fn shrink(&self, bytes: u64) {
            *self.left.lock().unwrap() += bytes;
        }
    }

    #[tokio::test]
    async fn what_is_written_comes_back_and_is_counted() {
        let folder = tempfile::tempdir().unwrap();
        let space = Arc::new(Allowance { folder: folder.path().to_owned(), left: Mutex::new(10) });
        let files = SpillFiles(Arc::clone(&space) as _);
        let file = files.create_temp_file("a sort").unwrap();
        let mut writer = file.open_writer().unwrap();
        writer.write_all(b"12345").unwrap();
        writer.write_all(b"678").unwrap();
        writer.finish().unwrap();
        let read: Vec<Bytes> = file.read_stream().unwrap().try_collect().await.unwrap();
        assert_eq!((read.concat().as_slice(), file.size()), (b"12345678".as_slice(), Some(8)));
        writer.write_all(b"abc").unwrap();
        let told = EngineError::from(writer.finish().unwrap_err());
        assert_eq!((told.kind(), told.to_string().as_str()), (ErrorKind::LimitExceeded, "no more"));
        assert_eq!(*space.left.lock().unwrap(), 2);
        drop((writer, file));
        assert_eq!(*space.left.lock().unwrap(), 10);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
