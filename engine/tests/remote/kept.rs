//! Does what is kept of remote files on the local disk save requests, and never give the rows of another version?

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sidereus_engine::{BlockCacheOptions, CatalogRegistry, EngineError, EngineOptions, QueryService, Rules};

use crate::many_files;
use crate::server::Server;
use crate::support::{self, ask, ids};

/// A catalog behind a server, and a folder for blocks of it.
struct Remote {
    folder: tempfile::TempDir,
    server: Server,
}

impl Remote {
    async fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        many_files::write_few(&folder.path().join("stars"));
        let server = Server::start(folder.path()).await;
        Self { folder, server }
    }

    fn catalog(&self) -> PathBuf {
        self.folder.path().join("stars")
    }

    /// A service as after a start of the program, with nothing in memory.
    async fn service(&self) -> QueryService {
        let root = format!("{}/stars", self.server.url());
        let registry = CatalogRegistry::open(&[root]).await.expect("it opens");
        assert!(registry.problems().is_empty(), "{:?}", registry.problems());
        let block_cache = Some(BlockCacheOptions { folder: self.folder.path().join("kept"), bytes: 64 << 20 });
        let options = EngineOptions { block_cache, ..EngineOptions::default() };
        let service = QueryService::try_new(Arc::new(registry), options).expect("it starts");
        self.server.take();
        service
    }

    /// Requests since the last time, without the range.
    fn requests(&self) -> Vec<String> {
        self.server.take().into_iter().map(|request| request.what.replace('?', "")).collect()
    }

    async fn truth(&self) -> Vec<i64> {
        ids(&ask(&support::service(&[self.catalog()]).await, &cone(), Rules::none()).await.expect("it answers"))
    }
}

fn cone() -> String {
    let (lon, lat) = many_files::middle(2);
    format!("SELECT id, g, name FROM stars WHERE DISTANCE(ra, dec, {lon}, {lat}) < 0.05")
}

async fn answer(service: &QueryService) -> Result<Vec<i64>, EngineError> {
    Ok(ids(&ask(service, &cone(), Rules::all()).await?))
}

fn leaf(catalog: &Path) -> PathBuf {
    catalog.join("dataset/Norder=5/Dir=0/Npix=2.parquet")
}

/// Writes the catalog again with other ids, in other places of the files.
fn exchange(catalog: &Path) {
    let path = leaf(catalog);
    let other = leaf(catalog).with_file_name("Npix=2.new");
    let reader =
        parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder::try_new(fs::File::open(&path).expect("a leaf"));
    let reader = reader.expect("a leaf").build().expect("a leaf");
    let batches: Vec<_> = reader.map(|batch| batch.expect("rows")).collect();
    let mut writer =
        parquet::arrow::ArrowWriter::try_new(fs::File::create(&other).expect("a file"), batches[0].schema(), None)
            .expect("a writer");
    for batch in &batches {
        let ids = batch.column_by_name("id").expect("ids");
        let fewer = arrow::compute::filter_record_batch(
            batch,
            &arrow::array::BooleanArray::from_unary(
                arrow::array::AsArray::as_primitive::<arrow::datatypes::Int64Type>(ids),
                |id| id % 3 == 0,
            ),
        );
        writer.write(&fewer.expect("rows")).expect("it is written");
    }
    writer.close().expect("it is written");
    fs::rename(other, path).expect("it is replaced");
}

/// Makes it a catalog that was published without a manifest.
fn unseal(catalog: &Path) {
    fs::remove_file(catalog.join("sidereus.manifest")).expect("a manifest");
    for name in ["hats.properties", "properties"] {
        let text = fs::read_to_string(catalog.join(name)).expect("properties");
        let lines: Vec<&str> = text.lines().filter(|line| !line.starts_with("sidereus_manifest")).collect();
        fs::write(catalog.join(name), lines.join("\n") + "\n").expect("it is written");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sealed_catalog_answers_again_without_a_request() {
    let remote = Remote::start().await;
    let truth = remote.truth().await;
    assert!(truth.len() > 20, "{}", truth.len());
    let first = remote.service().await;
    assert_eq!(answer(&first).await.expect("it answers"), truth);
    let cold = remote.requests();
    assert!(!cold.is_empty() && cold.iter().all(|what| what.starts_with("GET")), "{cold:#?}");
    assert_eq!(answer(&first).await.expect("it answers"), truth);
    assert_eq!(remote.requests(), Vec::<String>::new());
    drop(first);

    let second = remote.service().await;
    assert_eq!(answer(&second).await.expect("it answers"), truth);
    assert_eq!(remote.requests(), Vec::<String>::new(), "after a start");
    drop(second);

    let third = remote.service().await;
    exchange(&remote.catalog());
    assert_eq!(answer(&third).await.expect("it answers"), truth, "the snapshot, as it was published");
    fs::remove_dir_all(remote.folder.path().join("kept")).expect("it is removed");
    let error = answer(&third).await.expect_err("another file").to_string();
    assert!(error.contains("Npix=2.parquet"), "{error}");
    let error = answer(&third).await.expect_err("still another file").to_string();
    assert!(error.contains("Npix=2.parquet"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn another_catalog_is_asked_for_its_version_once_and_never_answers_with_an_older_one() {
    let remote = Remote::start().await;
    unseal(&remote.catalog());
    let truth = remote.truth().await;
    let service = remote.service().await;
    assert_eq!(answer(&service).await.expect("it answers"), truth);
    assert!(remote.requests().len() > 1);
    assert_eq!(answer(&service).await.expect("it answers"), truth);
    let warm = remote.requests();
    assert!(warm.len() == 1 && warm[0].starts_with("HEAD"), "{warm:#?}");

    exchange(&remote.catalog());
    let changed = remote.truth().await;
    assert!(changed.len() < truth.len() && changed.iter().all(|id| truth.contains(id)));
    assert_eq!(answer(&service).await.expect("it answers"), changed);
    remote.requests();
    assert_eq!(answer(&service).await.expect("it answers"), changed);
    let warm = remote.requests();
    assert!(warm.len() == 1 && warm[0].starts_with("HEAD"), "{warm:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn damaged_blocks_are_read_anew() {
    let remote = Remote::start().await;
    let truth = remote.truth().await;
    let service = remote.service().await;
    assert_eq!(answer(&service).await.expect("it answers"), truth);
    for group in fs::read_dir(remote.folder.path().join("kept")).expect("a folder") {
        let group = group.expect("an entry").path();
        for block in group.is_dir().then(|| fs::read_dir(&group).expect("a folder")).into_iter().flatten() {
            let block = block.expect("an entry").path();
            let mut content = fs::read(&block).expect("a block");
            let middle = content.len() / 2;
            content[middle] ^= 16;
            fs::write(&block, content).expect("it is written");
        }
    }
    remote.requests();
    assert_eq!(answer(&service).await.expect("it answers"), truth);
    assert!(!remote.requests().is_empty());
    assert_eq!(answer(&service).await.expect("it answers"), truth);
    assert_eq!(remote.requests(), Vec::<String>::new());
}
