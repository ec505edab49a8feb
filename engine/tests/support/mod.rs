//! What integration tests of the engine share: where data lies, how to ask, how to digest an answer.

#![allow(dead_code, unreachable_pub, reason = "each test binary uses a part of it")]
#![allow(clippy::print_stdout, reason = "a skipped test says so")]

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int64Type};
use futures::TryStreamExt;
use sha2::{Digest, Sha256};
use sidereus_engine::{
    CatalogRegistry, EngineError, EngineOptions, Label, Principal, QueryRequest, QueryService, Rules,
};

/// The project's root.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the engine lies in the project").to_path_buf()
}

/// Data and truth beside the project, where they are.
pub fn shared(path: &str) -> Option<PathBuf> {
    let found = [root().join("../shared"), root().join("../../shared")]
        .into_iter()
        .map(|shared| shared.join(path))
        .find(|path| path.exists());
    if found.is_none() {
        println!("skipped: ../shared/{path} is not there");
    }
    found
}

/// A service over some roots.
pub async fn service(roots: &[PathBuf]) -> QueryService {
    service_with(roots, EngineOptions::default()).await
}

/// A service over some roots with options of its own.
pub async fn service_with(roots: &[PathBuf], options: EngineOptions) -> QueryService {
    let roots: Vec<String> = roots.iter().map(|root| root.display().to_string()).collect();
    let registry = CatalogRegistry::open(&roots).await.expect("the roots open");
    QueryService::try_new(Arc::new(registry), options).expect("the service starts")
}

/// All batches of an ADQL query.
pub async fn ask(service: &QueryService, text: &str, rules: Rules) -> Result<Vec<RecordBatch>, EngineError> {
    ask_as(service, text, Label::Adql, rules).await
}

/// All batches of a query.
pub async fn ask_as(
    service: &QueryService,
    text: &str,
    label: Label,
    rules: Rules,
) -> Result<Vec<RecordBatch>, EngineError> {
    let request = QueryRequest { rules: Some(rules), ..QueryRequest::new(text, label) };
    service.run(&Principal::anonymous(), &request).await?.stream.try_collect().await
}

/// The first column of all batches as integers, ascending.
pub fn ids(batches: &[RecordBatch]) -> Vec<i64> {
    let mut ids: Vec<i64> = batches
        .iter()
        .flat_map(|batch| {
            let column = cast(batch.column(0), &DataType::Int64).expect("ids are integers");
            column.as_primitive::<Int64Type>().values().to_vec()
        })
        .collect();
    ids.sort_unstable();
    ids
}

/// First 16 hexadecimal digits of SHA-256 over the ids, decimal, joined with commas.
pub fn digest(ids: &[i64]) -> String {
    let text = ids.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
    let hash = Sha256::digest(text.as_bytes());
    hash.iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}
