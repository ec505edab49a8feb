//! The `sidereus` binary: Flight SQL, TAP and the command line over one engine.

mod admin;
mod auth;
mod cli;
mod config;
mod error;
mod failpoints;
mod flight_sql;
mod format;
mod hats;
mod health;
mod http;
mod jobs;
mod listener;
mod logging;
mod metadata;
mod metrics;
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
