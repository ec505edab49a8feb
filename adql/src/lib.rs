//! ADQL 2.1 and the Postgres/Q3C dialect: text in, checked and plain SQL out.
//!
//! ```text
//!  text --parse--> Request/Query --check(TableNames)--> CheckedQuery --lower--> Lowered (plain SQL statement)
//! ```
//!
//! [`parse()`] reads the text, [`check()`] binds every name and applies the rules of the language, reporting all
//! errors at once, each with its place, and [`lower()`] rewrites what is left to ordinary SQL. [`validate()`] judges a
//! text by the standard alone, without a catalog.
//!
//! This crate knows no DataFusion, no Arrow and no I/O: what tables exist, it asks of a [`TableNames`].
//!
//! ```
//! use sidereus_adql::{Label, Name, Request, TableInfo, TableLookup, TableNames, check, lower, parse};
//!
//! struct Stars;
//! impl TableNames for Stars {
//!     fn table(&self, path: &[Name]) -> TableLookup {
//!         match path {
//!             [name] if name.matches("stars") => TableLookup::Found(TableInfo {
//!                 path: vec!["public".into(), "stars".into()],
//!                 columns: ["id", "RAJ2000", "DEJ2000"].map(Into::into).into(),
//!             }),
//!             _ => TableLookup::NotFound { suggestions: vec!["stars".into()] },
//!         }
//!     }
//! }
//!
//! let text = "SELECT TOP 5 id FROM stars WHERE DISTANCE(raj2000, dej2000, 10, 20) < 0.5";
//! let Request::Select(query) = parse(text, Label::Adql)? else { unreachable!() };
//! let lowered = lower(check(query, &Stars)?)?;
//! assert_eq!(
//!     lowered.sql(),
//!     r#"SELECT "id" FROM "public"."stars" WHERE sky_distance("RAJ2000", "DEJ2000", 10, 20) < 0.5 LIMIT 5"#
//! );
//! # Ok::<(), sidereus_adql::QueryErrors>(())
//! ```

mod balance;
mod bind;
mod chain_reader;
mod check;
mod columns;
mod dialect;
mod error;
mod extensions;
mod frames;
mod functions;
mod grouping;
mod hints;
mod kinds;
mod limits;
mod lower;
mod names;
mod output;
mod parse;
mod personal;
mod request;
mod reserved;
mod runs;
mod sample_order;
mod scope;
mod shape;
mod snapshots;
mod strict;
mod tokens;
mod units;
mod validate;
mod walk;
mod write;

pub use check::{CheckedQuery, ColumnOrigin, TableReference, check};
pub use error::{QueryError, QueryErrorKind, QueryErrors};
pub use extensions::{Extension, Extensions, Language, UnknownExtension};
pub use functions::{Feature, Form, FunctionClass, FunctionEntry, Kind, find_function, function_table};
pub use limits::Limits;
pub use lower::{Lowered, Parameter, ParameterType, lower};
pub use names::{Name, SnapshotLookup, TableInfo, TableLookup, TableNames, closest};
pub use parse::parse;
pub use request::{Label, Query, Request, Target};
pub use reserved::is_reserved;
pub use validate::{ValidateOptions, Version, validate};
