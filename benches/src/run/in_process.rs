//! The engine without a server: what a query costs before any protocol.

use std::path::Path;
use std::sync::Arc;

use futures::TryStreamExt;
use sidereus_engine::{
    CatalogRegistry, EngineOptions, Execution, Label, PreparedQuery, Principal, QueryRequest, QueryResult,
    QueryService, ScalarValue,
};
use tokio::runtime::Runtime;

use super::target::{Answer, Target};
use crate::error::BenchError;

/// The engine in this process, asked by one thread.
#[derive(Debug)]
pub(crate) struct InProcess {
    runtime: Runtime,
    service: QueryService,
    principal: Principal,
}

impl InProcess {
    /// Opens a catalog.
    pub(crate) fn open(folder: &Path) -> Result<Self, BenchError> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| BenchError::Server(format!("no thread: {error}")))?;
        let registry = runtime.block_on(CatalogRegistry::open(&[folder.display().to_string()]));
        let service = QueryService::try_new(Arc::new(registry.map_err(failed)?), EngineOptions::default());
        Ok(Self { runtime, service: service.map_err(failed)?, principal: Principal::anonymous() })
    }
}

impl Target for InProcess {
    type Prepared = PreparedQuery;

    fn query(&mut self, sql: &str) -> Result<Answer, BenchError> {
        let request = QueryRequest::new(sql, Label::Sql);
        self.runtime.block_on(async {
            let result = self.service.run(&self.principal, &request).await;
            collect(result.map_err(failed)?).await
        })
    }

    fn prepare(&mut self, sql: &str) -> Result<Self::Prepared, BenchError> {
        let request = QueryRequest::new(sql, Label::Sql);
        self.runtime.block_on(self.service.prepare(&self.principal, &request)).map_err(failed)
    }

    fn execute(&mut self, prepared: &mut Self::Prepared, parameters: &[f64]) -> Result<Answer, BenchError> {
        let values: Vec<_> = parameters.iter().map(|value| ScalarValue::Float64(Some(*value))).collect();
        self.runtime.block_on(async {
            let execution = Execution { parameters: values, ..Execution::default() };
            let result = self.service.execute(&self.principal, prepared, execution).await;
            collect(result.map_err(failed)?).await
        })
    }
}

async fn collect(result: QueryResult) -> Result<Answer, BenchError> {
    Ok(Answer { batches: result.stream.try_collect().await.map_err(failed)? })
}

fn failed(error: impl std::fmt::Display) -> BenchError {
    BenchError::Query(error.to_string())
}
