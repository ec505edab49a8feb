//! What will a query cost? Told before it runs, from what the catalogs say of themselves: TAP's quote, and what decides
//! which queries wait for others.

use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::execution::SessionState;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::statistics::{StatisticsArgs, StatisticsContext};

use crate::error::EngineError;
use crate::scan::{FooterCache, HatsScanExec, row_bytes};

/// Bytes of an answer, in memory, that leave in a second: between those of a binary format and those of a text.
const SENT_PER_SECOND: f64 = 200e6;
/// Seconds that any query takes.
const LEAST_SECONDS: f64 = 0.002;

/// Scans of one plan that are tried; of others the guess is coarse.
const MOST_PROBED: usize = 8;

/// A guess at what a query reads and gives; `None` is not known.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Estimate {
    /// Rows of the answer.
    pub rows: Option<u64>,
    /// Bytes of the answer in memory.
    pub bytes: Option<u64>,
    /// Rows of catalogs that are read, before filters.
    pub rows_read: Option<u64>,
    /// Bytes of catalogs that are read, as stored.
    pub bytes_read: Option<u64>,
    /// Time, on a machine that does nothing else.
    pub seconds: Option<f64>,
}

impl Estimate {
    /// Of a plan on so many threads.
    pub(super) fn of(plan: &Arc<dyn ExecutionPlan>, threads: usize) -> Self {
        let mut scans = Scans { rows: Some(0.0), bytes: Some(0.0), seconds: Some(0.0), streams: 1 };
        scans.add(plan.as_ref());
        let statistics = StatisticsContext::new().compute(plan.as_ref(), &StatisticsArgs::new()).ok();
        let rows = statistics.and_then(|statistics| statistics.num_rows.get_value().copied()).map(|rows| rows as u64);
        let bytes = rows.map(|rows| rows.saturating_mul(row_bytes(&plan.schema()) as u64));
        let seconds = scans.seconds.map(|seconds| {
            let threads = scans.streams.min(threads.max(1)) as f64;
            LEAST_SECONDS + seconds / threads + bytes.unwrap_or(0) as f64 / SENT_PER_SECOND
        });
        Self {
            rows,
            bytes,
            rows_read: scans.rows.map(|rows| rows as u64),
            bytes_read: scans.bytes.map(|bytes| bytes as u64),
            seconds,
        }
    }
}

impl std::fmt::Display for Estimate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let number = |number: Option<u64>| number.map_or_else(|| "unknown".to_owned(), |number| number.to_string());
        let (rows, bytes) = (number(self.rows), number(self.bytes));
        let (rows_read, bytes_read) = (number(self.rows_read), number(self.bytes_read));
        write!(f, "answer: rows={rows}, bytes={bytes}\nread: rows={rows_read}, bytes={bytes_read}")?;
        self.seconds.map_or(Ok(()), |seconds| write!(f, "\ntime: {seconds:.2} s"))
    }
}

/// A plan whose scans know, from a part of what they would read, how many rows they hand out. It is not one to run.
///
/// *Errors*: a file that cannot be read.
pub(super) async fn probed(
    plan: Arc<dyn ExecutionPlan>,
    state: &SessionState,
) -> Result<Arc<dyn ExecutionPlan>, EngineError> {
    let Some(footers) = state.config().get_extension::<FooterCache>() else { return Ok(plan) };
    let mut scans = Vec::new();
    plan.apply(|node| {
        scans.extend(node.downcast_ref::<HatsScanExec>().cloned());
        Ok(TreeNodeRecursion::Continue)
    })?;
    let mut told = Vec::new();
    for scan in scans.into_iter().take(MOST_PROBED) {
        told.push(scan.probed(&footers).await?);
    }
    let mut told = told.into_iter();
    let rewritten = plan.transform_down(|node| {
        let scan = if node.is::<HatsScanExec>() { told.next().flatten() } else { None };
        Ok(match scan {
            Some(scan) => Transformed::yes(Arc::new(scan) as _),
            None => Transformed::no(node),
        })
    })?;
    Ok(rewritten.data)
}

/// What all scans of a plan read.
struct Scans {
    rows: Option<f64>,
    bytes: Option<f64>,
    /// Of one thread.
    seconds: Option<f64>,
    streams: usize,
}

impl Scans {
    fn add(&mut self, plan: &dyn ExecutionPlan) {
        if let Some(scan) = plan.downcast_ref::<HatsScanExec>() {
            let reading = scan.descriptor().reading();
            self.rows = self.rows.zip(reading.rows).map(|(some, more)| some + more);
            self.bytes = self.bytes.zip(reading.bytes).map(|(some, more)| some + more);
            self.seconds = self.seconds.zip(scan.descriptor().work()).map(|(some, more)| some + more);
            self.streams = self.streams.max(scan.descriptor().streams.len());
        }
        plan.children().into_iter().for_each(|child| self.add(child.as_ref()));
    }
}

/// Rows of catalogs that a plan reads, `None` where a catalog does not say how many it has.
pub(super) fn rows_read(plan: &dyn ExecutionPlan) -> Option<f64> {
    let mut scans = Scans { rows: Some(0.0), bytes: None, seconds: None, streams: 1 };
    scans.add(plan);
    scans.rows
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use arrow::array::AsArray;
    use futures::TryStreamExt;
    use sidereus_adql::Label;

    use super::*;
    use crate::catalog::CatalogRegistry;
    use crate::options::{EngineOptions, QueryLimits};
    use crate::principal::Principal;
    use crate::service::{QueryRequest, QueryService};

    fn catalogs() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata/catalogs")
    }

    async fn service() -> QueryService {
        let registry = CatalogRegistry::open(&[catalogs().display().to_string()]).await.unwrap();
        QueryService::try_new(registry.into(), EngineOptions { threads: 2, ..EngineOptions::default() }).unwrap()
    }

    async fn estimate(service: &QueryService, text: &str) -> Estimate {
        let principal = Principal::anonymous();
        let prepared = service.prepare(&principal, &QueryRequest::new(text, Label::Adql)).await.unwrap();
        service.estimate(&principal, &prepared, &[], QueryLimits::default()).await.unwrap()
    }

    async fn rows(service: &QueryService, text: &str) -> u64 {
        let result = service.run(&Principal::anonymous(), &QueryRequest::new(text, Label::Adql)).await.unwrap();
        result.stream.try_fold(0, |rows, batch| async move { Ok(rows + batch.num_rows() as u64) }).await.unwrap()
    }

    fn leaf_bytes(folder: &Path) -> u64 {
        let size = |path: PathBuf| match path.is_dir() {
            true => leaf_bytes(&path),
            false => {
                path.extension().map_or(0, |end| if end == "parquet" { path.metadata().unwrap().len() } else { 0 })
            }
        };
        std::fs::read_dir(folder).unwrap().map(|entry| size(entry.unwrap().path())).sum()
    }

    #[tokio::test]
    async fn a_whole_catalog_is_all_its_rows_and_bytes() {
        let service = service().await;
        let all = "SELECT * FROM hipparcos2";
        let (found, count) = (estimate(&service, all).await, rows(&service, all).await);
        assert_eq!((found.rows, found.rows_read), (Some(count), Some(count)));
        let stored = leaf_bytes(&catalogs().join("hipparcos2/dataset"));
        assert!(found.bytes_read.unwrap().abs_diff(stored) <= 1, "{found:?}, {stored} bytes are stored");
        let one = estimate(&service, "SELECT ra FROM hipparcos2").await;
        assert!(one.bytes_read.unwrap() < stored / 4 && one.rows_read == Some(count), "{one:?}");
        assert!(one.seconds.unwrap() < found.seconds.unwrap(), "{one:?}");
        assert_eq!(estimate(&service, "SELECT TOP 9 ra FROM hipparcos2").await.rows_read, Some(9));
        let rare = estimate(&service, "SELECT TOP 9 ra FROM hipparcos2 WHERE plx = 3").await;
        assert_eq!((rare.rows, rare.rows_read), (Some(9), Some(count)), "a rare row is sought among all");
        assert_eq!(estimate(&service, "SELECT table_name FROM TAP_SCHEMA.tables").await.rows_read, Some(0));
    }

    #[tokio::test]
    async fn a_region_is_about_its_rows() {
        let service = service().await;
        for (center, radius) in [("56.75, 24.12", 20.0), ("266.4, -29.0", 5.0), ("10, 89", 30.0), ("180, 0", 100.0)] {
            let cone = format!("SELECT source_id FROM gaia_dr3_bright WHERE DISTANCE(ra, dec, {center}) < {radius}");
            let (found, count) = (estimate(&service, &cone).await.rows_read.unwrap(), rows(&service, &cone).await);
            assert!(found > count / 4 && found < count * 4, "{cone}: {found}, but there are {count}");
        }
    }

    #[tokio::test]
    async fn an_explanation_ends_with_the_estimate() {
        let service = service().await;
        let request = QueryRequest::new("EXPLAIN SELECT COUNT(*) FROM hipparcos2 WHERE plx > 1", Label::Adql);
        let result = service.run(&Principal::anonymous(), &request).await.unwrap();
        let batches: Vec<_> = result.stream.try_collect().await.unwrap();
        let last = batches.last().unwrap();
        assert_eq!(last.column(0).as_string::<i32>().value(last.num_rows() - 1), "estimate");
        let text = last.column(1).as_string::<i32>().value(last.num_rows() - 1);
        assert!(text.starts_with("answer: rows=1, bytes=8\nread: rows=1") && text.contains("\ntime: "), "{text}");
    }
}
