//! How is a Parquet file, or a folder of them, a table?
//!
//! It has one partition without a cell, so no query skips a part of it by position. The columns are those of the first
//! file in order of name; a file that differs is found when it is read.

use arrow::datatypes::SchemaRef;
use futures::{StreamExt, TryStreamExt};
use object_store::ObjectMeta;
use object_store::path::Path;

use super::place::Place;
use super::{
    About, CatalogKind, CatalogMetadata, DataFile, Partition, TableName, fingerprint, footer, positions, schema,
};
use crate::error::EngineError;

/// Endings that a Parquet file may have.
const ENDINGS: [&str; 3] = [".parquet", ".parq", ".pq"];
/// Files up to which all footers are read at opening, to count rows and to compare columns.
const CHECKED_FILES: usize = 64;
/// Footers that are read at the same time.
const CONCURRENT_FOOTERS: usize = 8;

/// The table name of a Parquet file; `None` when its name has no ending of one.
pub(super) fn stem(file_name: &str) -> Option<&str> {
    ENDINGS.iter().find_map(|ending| file_name.strip_suffix(ending)).filter(|stem| !stem.is_empty())
}

/// Opens one file as a table.
pub(super) async fn open_file(place: &Place, path: Path, name: TableName) -> Result<CatalogMetadata, EngineError> {
    open_files(place, vec![DataFile { path, size: None, seal: None }], name).await
}

/// Opens a folder, with all folders below it, as one table.
///
/// *Errors*: no Parquet file, one that cannot be read, columns that differ, or a catalog among the files.
pub(super) async fn open_folder(place: &Place, name: TableName) -> Result<CatalogMetadata, EngineError> {
    let mut files = Vec::new();
    for file in place.files_below("").await? {
        let hidden = file.location.prefix_match(place.root()).into_iter().flatten();
        if hidden.into_iter().any(|part| part.as_ref().starts_with(['.', '_'])) {
            continue;
        }
        match file.location.filename() {
            Some("hats.properties" | "properties" | "collection.properties") => {
                let message = format!("the folder holds Parquet files of its own and a catalog ({})", file.location);
                return Err(place.broken(message + "; give each a folder of its own"));
            }
            Some(file_name) if stem(file_name).is_some() => files.push(with_size(file)),
            _ => {}
        }
    }
    if files.is_empty() {
        return Err(place.broken("the folder holds no Parquet file"));
    }
    open_files(place, files, name).await
}

fn with_size(file: ObjectMeta) -> DataFile {
    DataFile { path: file.location, size: Some(file.size), seal: None }
}

async fn open_files(place: &Place, files: Vec<DataFile>, name: TableName) -> Result<CatalogMetadata, EngineError> {
    let checked = if files.len() <= CHECKED_FILES { files.len() } else { 1 };
    let footers: Vec<_> = futures::stream::iter(files[..checked].to_vec())
        .map(|file| read_footer(place, file))
        .buffered(CONCURRENT_FOOTERS)
        .try_collect()
        .await?;
    let broken = |path: &Path, why: String| place.broken(format!("{path} {why}"));
    let mut columns = None;
    let mut rows = 0_u64;
    let mut sized = Vec::with_capacity(files.len());
    for (file, footer) in footers {
        let found = schema::from_footer(&footer.metadata).map_err(|why| broken(&file.path, why))?;
        let columns = columns.get_or_insert_with(|| SchemaRef::clone(&found));
        if let Some(difference) = schema::difference(columns, &found) {
            return Err(broken(&file.path, format!("differs from the first file of the folder: {difference}")));
        }
        rows += u64::try_from(footer.metadata.file_metadata().num_rows()).unwrap_or_default();
        sized.push(DataFile { path: file.path, size: Some(footer.size), seal: None });
    }
    let schema = columns.ok_or_else(|| place.broken("the table has no file"))?;
    let all_counted = checked == files.len();
    sized.extend(files.into_iter().skip(checked));
    Ok(fingerprint::stamp(CatalogMetadata {
        name,
        kind: CatalogKind::Plain,
        location: place.location(),
        positions: positions::guess(&schema),
        index: None,
        schema,
        partitions: vec![Partition { cell: None, files: sized }],
        rows: all_counted.then_some(rows),
        description: None,
        about: About::default(),
        groups: None,
        properties: std::collections::BTreeMap::new(),
        snapshot: String::new(),
        manifest: None,
        id_indexes: Vec::new(),
        collection: None,
        view: None,
    }))
}

async fn read_footer(place: &Place, file: DataFile) -> Result<(DataFile, footer::Footer), EngineError> {
    let found = footer::read(place.store().as_ref(), &file.path).await.map_err(|why| place.broken(why))?;
    let footer = found.ok_or_else(|| place.broken(format!("{} does not exist", file.path)))?;
    Ok((file, footer))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tables_by_their_files() {
        assert_eq!(stem("t.parquet"), Some("t"));
        assert_eq!(stem("a.snappy.parq"), Some("a.snappy"));
        assert_eq!(stem(".parquet"), None);
        assert_eq!(stem("t.csv"), None);
    }
}
