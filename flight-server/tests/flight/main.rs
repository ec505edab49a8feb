//! The built binary, asked over Flight SQL, on the bundled catalogs.
//!
//! What is answered is compared with `testdata/truth`, which another program computed.

mod limits;
mod login;
mod metadata;
mod prepared;
mod queries;
mod server;
mod sessions;
mod versions;
