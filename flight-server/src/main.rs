//! The `sidereus` binary: Flight SQL, TAP and the command line over one engine.

mod auth;
mod cli;
mod config;
mod error;
mod failpoints;
mod flight_sql;
mod format;
mod http;
mod jobs;
mod logging;
mod metadata;
#[cfg_attr(not(test), expect(dead_code, reason = "the list of running queries has no reader yet"))]
mod queries;
mod reload;
mod scs;
mod server;
mod services;
mod storage;
mod tap;

use std::process::ExitCode;

/// Queries make and drop small blocks by the thousand, on several threads.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    cli::run()
}
