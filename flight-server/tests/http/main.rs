//! The built binary, asked over HTTP and on the command line, on the bundled catalogs.
//!
//! What is answered is compared with `testdata/truth`, which another program computed.

#![allow(clippy::unwrap_used, reason = "a test ends where a step of it fails")]

mod admin;
mod cli;
mod client;
mod formats;
mod jobs;
mod limits;
mod outgoing;
mod security;
mod server;
mod stopped;
mod tables;
mod tap;
mod truth;
