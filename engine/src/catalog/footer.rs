//! What does the footer of a Parquet file say?
//!
//! One request for the last 64 KiB, a second one only where the footer is longer. Tells apart a file that is missing,
//! empty, not Parquet, encrypted, or damaged. Reads no data.

use object_store::path::Path;
use object_store::{Error, GetOptions, GetRange, ObjectStore, ObjectStoreExt};
use parquet::file::metadata::{ParquetMetaData, ParquetMetaDataReader};

/// Bytes that the first request asks for.
const TAIL: u64 = 64 << 10;
/// Length field and magic at the end of a file.
const END: usize = 8;

/// A footer, and what was learned about the file on the way.
#[derive(Debug)]
pub(super) struct Footer {
    /// Schema, row groups, statistics.
    pub(super) metadata: ParquetMetaData,
    /// Bytes of the file.
    pub(super) size: u64,
}

/// Reads a file's footer; `None` when there is no such file.
///
/// *Errors*: a text for people, lower case, that names the file.
pub(super) async fn read(store: &dyn ObjectStore, path: &Path) -> Result<Option<Footer>, String> {
    let name = path.as_ref();
    let options = GetOptions { range: Some(GetRange::Suffix(TAIL)), ..GetOptions::default() };
    let found = match store.get_opts(path, options).await {
        Ok(found) => found,
        Err(Error::NotFound { .. }) => return Ok(None),
        Err(error) => return describe_failure(store, path, &error).await,
    };
    let size = found.meta.size;
    let tail = found.bytes().await.map_err(|error| format!("cannot read {name}: {error}"))?;
    let length = footer_length(&tail).map_err(|why| format!("{name} {why}"))?;
    let whole = length + END;
    let bytes = if whole <= tail.len() {
        tail.slice(tail.len() - whole..tail.len() - END)
    } else {
        let start =
            size.checked_sub(whole as u64).ok_or_else(|| format!("{name} is cut: its footer is longer than it"))?;
        let range = start..size - END as u64;
        store.get_range(path, range).await.map_err(|error| format!("cannot read {name}: {error}"))?
    };
    let metadata = ParquetMetaDataReader::decode_metadata(&bytes)
        .map_err(|error| format!("{name} has a damaged Parquet footer: {error}"))?;
    Ok(Some(Footer { metadata, size }))
}

/// Decodes the footer of a file whose bytes are all there.
///
/// *Errors*: as [`read`].
pub(super) fn decode(name: &str, content: &[u8]) -> Result<Footer, String> {
    let length = footer_length(content).map_err(|why| format!("{name} {why}"))?;
    let start = content.len().checked_sub(length + END);
    let start = start.ok_or_else(|| format!("{name} is cut: its footer is longer than it"))?;
    let metadata = ParquetMetaDataReader::decode_metadata(&content[start..content.len() - END])
        .map_err(|error| format!("{name} has a damaged Parquet footer: {error}"))?;
    Ok(Footer { metadata, size: content.len() as u64 })
}

/// Bytes of the footer proper, from the end of the file.
fn footer_length(tail: &[u8]) -> Result<usize, &'static str> {
    if tail.is_empty() {
        return Err("is empty (0 bytes), expected a Parquet file");
    }
    let Some(end) = tail.len().checked_sub(END).map(|start| &tail[start..]) else {
        return Err("is no Parquet file: it is too short");
    };
    match &end[4..] {
        b"PAR1" => Ok(u32::from_le_bytes([end[0], end[1], end[2], end[3]]) as usize),
        b"PARE" => Err("is an encrypted Parquet file, which cannot be read"),
        _ => Err("is no Parquet file: it does not end with PAR1"),
    }
}

/// Stores refuse a range of an empty file in their own ways: ask for the size before passing the refusal on.
async fn describe_failure(store: &dyn ObjectStore, path: &Path, error: &Error) -> Result<Option<Footer>, String> {
    match store.head(path).await {
        Ok(meta) if meta.size == 0 => Err(format!("{path} is empty (0 bytes), expected a Parquet file")),
        _ => Err(format!("cannot read {path}: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use object_store::memory::InMemory;

    use super::*;

    #[tokio::test]
    async fn tells_damages_apart() {
        let store = InMemory::new();
        let long = [b"x".repeat(100), b"\xff\xff\xff\x00PAR1".to_vec()].concat();
        for (name, content) in [
            ("empty", Vec::new()),
            ("short", b"PAR1".to_vec()),
            ("text", b"ra,dec\n1,2\n3,4\n".to_vec()),
            ("encrypted", b"xxxxxxxxxxxxPARE".to_vec()),
            ("cut", long),
            ("damaged", b"zzzzzzzz\x04\x00\x00\x00PAR1".to_vec()),
        ] {
            store.put(&Path::from(name), content.into()).await.unwrap();
        }
        let error = async |name: &str| read(&store, &Path::from(name)).await.unwrap_err();
        assert!(error("empty").await.contains("0 bytes"), "{}", error("empty").await);
        assert!(error("short").await.contains("too short"));
        assert!(error("text").await.contains("PAR1"));
        assert!(error("encrypted").await.contains("encrypted"));
        assert!(error("cut").await.contains("is cut"));
        assert!(error("damaged").await.contains("damaged"));
        assert!(read(&store, &Path::from("absent")).await.unwrap().is_none());
    }
}
