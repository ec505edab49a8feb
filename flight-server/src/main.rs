//! The `sidereus` binary: Flight SQL, TAP and the command line over one engine.

mod auth;
mod config;
mod error;
mod flight_sql;
mod http;
mod server;

fn main() {}
