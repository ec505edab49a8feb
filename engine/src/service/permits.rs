//! Which queries wait for others? Those that read much, when many of them run; the others never.
//!
//! A query that reads more rows of catalogs than a setting needs a permit for every batch that it makes, and gives it back while
//! its reader takes the batch. So queries that read much take turns in the order in which they asked, and a reader that has
//! gone to sleep keeps nobody waiting.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Permits of queries that read much.
#[derive(Debug, Clone)]
pub(crate) struct Permits(Option<Arc<Semaphore>>);

impl Permits {
    /// So many; 0 is without limit.
    pub(super) fn new(most: usize) -> Self {
        Self((most > 0).then(|| Arc::new(Semaphore::new(most.min(Semaphore::MAX_PERMITS)))))
    }

    /// Waits for a permit, which is given back when it is dropped.
    pub(super) async fn wait(&self) -> Option<OwnedSemaphorePermit> {
        // The semaphore is never closed.
        Arc::clone(self.0.as_ref()?).acquire_owned().await.ok()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use arrow::record_batch::RecordBatch;
    use futures::{StreamExt, TryStreamExt};
    use sidereus_adql::Label;

    use crate::catalog::CatalogRegistry;
    use crate::error::{EngineError, ErrorKind};
    use crate::options::{EngineOptions, QueryLimits};
    use crate::principal::Principal;
    use crate::service::{QueryRequest, QueryService};

    const WHOLE: &str = "SELECT COUNT(*) FROM hipparcos2 WHERE plx > 1";
    const CONE: &str = "SELECT hip FROM hipparcos2 WHERE DISTANCE(ra, dec, 56.75, 24.12) < 1";
    const PAIRS: &str = "SELECT COUNT(*) FROM hipparcos2 AS a JOIN hipparcos2 AS b \
        ON DISTANCE(a.ra, a.dec, b.ra, b.dec) < 0.1 \
        WHERE DISTANCE(a.ra, a.dec, 56.75, 24.12) < 1 AND DISTANCE(b.ra, b.dec, 56.75, 24.12) < 1";

    async fn service() -> QueryService {
        let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../testdata/catalogs").to_owned();
        let registry = CatalogRegistry::open(&[root]).await.unwrap();
        let options = EngineOptions { threads: 2, short_rows: 20_000, long_queries: 1, ..EngineOptions::default() };
        QueryService::try_new(registry.into(), options).unwrap()
    }

    async fn ask(service: &QueryService, text: &str, timeout: Duration) -> Result<usize, EngineError> {
        let limits = QueryLimits { timeout: Some(timeout), max_rows: None };
        let request = QueryRequest { limits, ..QueryRequest::new(text, Label::Adql) };
        let result = service.run(&Principal::anonymous(), &request).await?;
        let batches: Vec<RecordBatch> = result.stream.try_collect().await?;
        Ok(batches.iter().map(RecordBatch::num_rows).sum())
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn small_queries_are_answered_while_large_ones_wait() {
        let service = service().await;
        let long = Duration::from_secs(60);
        let held = service.permits.wait().await.unwrap();
        let late = ask(&service, WHOLE, Duration::from_millis(300)).await.unwrap_err();
        assert_eq!(late.kind(), ErrorKind::Timeout, "{late}");
        let waiting = async {
            let answer = ask(&service, WHOLE, long).await;
            assert_eq!(service.permits.0.as_ref().unwrap().available_permits(), 1, "it was answered under a permit");
            answer
        };
        let small = async {
            for small in [CONE, PAIRS, "SELECT table_name FROM TAP_SCHEMA.tables"] {
                assert!(ask(&service, small, long).await.unwrap() > 0, "{small}");
            }
            drop(held);
        };
        // The permit is given back only once the small ones are answered.
        let (large, ()) = tokio::join!(waiting, small);
        assert_eq!(large.unwrap(), 1);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_reader_that_stops_keeps_nobody_waiting() {
        let service = service().await;
        let request = QueryRequest::new("SELECT * FROM hipparcos2", Label::Adql);
        let mut stopped = service.run(&Principal::anonymous(), &request).await.unwrap();
        assert!(stopped.stream.next().await.unwrap().unwrap().num_rows() > 0);
        assert_eq!(ask(&service, WHOLE, Duration::from_secs(60)).await.unwrap(), 1);
        let rest: Vec<RecordBatch> = stopped.stream.try_collect().await.unwrap();
        assert!(rest.iter().map(RecordBatch::num_rows).sum::<usize>() > 50_000);
    }
}
