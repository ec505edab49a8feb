//! How does the program open a connection of its own, and where to?
//!
//! ```text
//!  URL --Policy--> Route --Clients--> look up once --is_global--> connect to the very addresses that were judged
//!                    ^                                              |
//!                    '------------ each redirect, at most 5 --------'
//! ```
//! This is the one way out: catalogs, imports and tables by URL go through it. A host that the operator names may be anywhere;
//! every other must be on the public internet, if it may be reached at all. What was judged is what is connected to: a name is
//! looked up once for a connection, and only addresses that passed reach the connector. Proxies of the environment are not used.

mod address;
mod client;
mod connector;
mod error;
mod fetch;
mod hosts;
mod names;
mod policy;
mod stores;
#[cfg(test)]
mod tests;

pub use error::OutgoingError;
pub use fetch::{FetchLimits, Fetched, Outgoing};

pub(crate) use stores::{bucket, web};
