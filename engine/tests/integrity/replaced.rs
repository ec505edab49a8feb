//! Is a file noticed that takes another's place, although each is sound by itself?

use std::fs;
use std::path::{Path, PathBuf};

use parquet::file::metadata::{PageIndexPolicy, ParquetMetaData, ParquetMetaDataReader};

use crate::sample::{answer, files, rows, write_stars, write_stars_in};
use crate::support::service;

const SUM: &str = "SELECT SUM(id), SUM(mag), COUNT(*) FROM stars";

fn leaves(root: &Path) -> Vec<PathBuf> {
    files(root).into_iter().filter(|path| path.extension().is_some_and(|extension| extension == "parquet")).collect()
}

fn metadata(path: &Path) -> ParquetMetaData {
    let reader = ParquetMetaDataReader::new().with_page_index_policy(PageIndexPolicy::Required);
    reader.parse_and_finish(&fs::File::open(path).unwrap()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_in_the_place_of_another_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("stars");
    write_stars_in(&root, &rows(40_000, 0), 40_000);
    let expected = answer(&service(std::slice::from_ref(&root)).await, SUM).await.unwrap();
    let mut swapped = 0;
    for path in leaves(&root) {
        let metadata = metadata(&path);
        let content = fs::read(&path).unwrap();
        for column in 0..metadata.row_group(0).num_columns() {
            let pages = &metadata.offset_index().unwrap()[0][column].page_locations;
            for pair in pages.windows(2).filter(|pair| pair[0].compressed_page_size == pair[1].compressed_page_size) {
                let (first, second, length) =
                    (pair[0].offset as usize, pair[1].offset as usize, pair[0].compressed_page_size as usize);
                let mut changed = content.clone();
                changed[first..first + length].copy_from_slice(&content[second..second + length]);
                changed[second..second + length].copy_from_slice(&content[first..first + length]);
                if changed == content {
                    continue;
                }
                fs::write(&path, &changed).unwrap();
                swapped += 1;
                let query = format!(
                    "SELECT MAX({}), COUNT(*) FROM stars WHERE id >= 0",
                    metadata.row_group(0).column(column).column_path()
                );
                let error = answer(&service(std::slice::from_ref(&root)).await, &query).await.unwrap_err().to_string();
                assert!(error.contains("is not the one that the catalog was published with"), "{error}");
                assert!(error.contains(path.file_name().unwrap().to_str().unwrap()), "{error}");
            }
        }
        fs::write(&path, &content).unwrap();
    }
    assert!(swapped > 0, "no two pages of one size");
    assert_eq!(answer(&service(std::slice::from_ref(&root)).await, SUM).await.unwrap(), expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leaf_of_an_equal_catalog_of_other_values_is_noticed_warm_and_cold() {
    let folder = tempfile::tempdir().unwrap();
    let (root, other) = (folder.path().join("stars"), folder.path().join("other"));
    write_stars(&root, &rows(6_000, 0));
    write_stars(&other, &rows(6_000, 1_000_000));
    let warm = service(std::slice::from_ref(&root)).await;
    let expected = answer(&warm, SUM).await.unwrap();
    let (mine, theirs) = (leaves(&root), leaves(&other));
    let place = mine.iter().find(|path| theirs.contains(&other.join(path.strip_prefix(&root).unwrap()))).unwrap();
    let content = fs::read(place).unwrap();
    fs::copy(other.join(place.strip_prefix(&root).unwrap()), place).unwrap();
    for service in [&warm, &service(std::slice::from_ref(&root)).await] {
        for query in [SUM, "SELECT COUNT(id) FROM stars"] {
            let error = answer(service, query).await.unwrap_err().to_string();
            assert!(error.contains("is not the one that the catalog was published with"), "{error}");
        }
    }
    assert_eq!(
        answer(&warm, "SELECT COUNT(*) FROM stars").await.unwrap(),
        ["6000"],
        "the manifest tells, no file is read"
    );
    fs::write(place, content).unwrap();
    assert_eq!(answer(&warm, SUM).await.unwrap(), expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plain_file_that_is_replaced_is_read_anew() {
    let folder = tempfile::tempdir().unwrap();
    let (one, two) = (folder.path().join("one"), folder.path().join("two"));
    write_stars(&one, &rows(100, 0));
    write_stars(&two, &rows(300, 1_000));
    let served = folder.path().join("stars.parquet");
    fs::copy(&leaves(&one)[0], &served).unwrap();
    let warm = service(std::slice::from_ref(&served)).await;
    for catalog in [&one, &two] {
        let leaf = &leaves(catalog)[0];
        fs::copy(leaf, folder.path().join("next")).unwrap();
        fs::rename(folder.path().join("next"), &served).unwrap();
        let rows = metadata(leaf).file_metadata().num_rows();
        assert_eq!(answer(&warm, "SELECT COUNT(*) FROM stars").await.unwrap(), [rows.to_string()]);
        assert_eq!(answer(&warm, "SELECT COUNT(id) FROM stars WHERE id >= 0").await.unwrap(), [rows.to_string()]);
    }
}
