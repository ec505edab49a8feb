//! What does reading from a web server or a bucket cost, and is it right? A server that counts is the judge.

#[path = "../support/mod.rs"]
mod support;

mod bucket;
mod counted;
mod few_requests;
mod import;
mod kept;
mod many_files;
mod nested;
mod server;
