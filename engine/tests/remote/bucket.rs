//! What needs a bucket runs in a process of its own, for a bucket's endpoint is set by variables.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::server::Server;

/// Set where there is a bucket.
const ENDPOINT: &str = "AWS_ENDPOINT";
const FOLDER: &str = "SIDEREUS_BUCKET";

/// Runs an ignored test of this program over a server's folder as the bucket.
pub(crate) fn run(test: &str, folder: &Path, server: &Server) {
    let this = std::env::current_exe().expect("this program");
    let child = Command::new(this)
        .args(["--ignored", "--exact", test])
        .env(ENDPOINT, server.url())
        .env("AWS_ALLOW_HTTP", "true")
        .env("AWS_SKIP_SIGNATURE", "true")
        .env("AWS_REGION", "nowhere")
        .env(FOLDER, folder)
        .output()
        .expect("it runs");
    let said = String::from_utf8_lossy(&child.stdout);
    assert!(child.status.success() && said.contains("1 passed"), "{said}{}", String::from_utf8_lossy(&child.stderr));
}

/// The endpoint, and the folder that is the bucket; `None` where a test was not started by [`run`].
pub(crate) fn found() -> Option<(String, PathBuf)> {
    Some((std::env::var(ENDPOINT).ok()?, std::env::var_os(FOLDER)?.into()))
}
