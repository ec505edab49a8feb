//! Rows as VOTable 1.4, in TABLEDATA and BINARY2.
//!
//! The document says `QUERY_STATUS` before the table; a cut or an error that shows up later is a second `QUERY_STATUS` after it, and the
//! XML is closed properly in every case (DALI 1.1, section 4.4). Strings with characters that XML cannot hold are repaired
//! and a trailing INFO says so.

mod binary2;
mod document;
mod field;
mod tabledata;

use super::{Encoder, Ending, FormatError, Head, OutputFormat};

pub(super) use document::document_without_rows;
pub(crate) use document::{cone_error_document, error_document};

/// VOTable with one element a cell: readable, the default.
#[derive(Debug)]
pub(crate) struct TableData;

/// VOTable with binary cells: half the size and many times faster to read.
#[derive(Debug)]
pub(crate) struct Binary2;

impl OutputFormat for TableData {
    fn name(&self) -> &'static str {
        "votable"
    }

    fn media_type(&self) -> &'static str {
        "application/x-votable+xml"
    }

    fn aliases(&self) -> &'static [&'static str] {
        &[
            "votable/td",
            "votable_plain",
            "text/xml",
            "application/xml",
            "application/x-votable+xml;serialization=tabledata",
        ]
    }

    fn standard_id(&self) -> Option<&'static str> {
        Some("ivo://ivoa.net/std/TAPRegExt#output-votable-td")
    }

    fn encoder(&self, head: &Head) -> Result<Box<dyn Encoder>, FormatError> {
        Ok(Box::new(tabledata::TableDataEncoder::new(head)))
    }
}

impl OutputFormat for Binary2 {
    fn name(&self) -> &'static str {
        "votable/b2"
    }

    fn media_type(&self) -> &'static str {
        "application/x-votable+xml;serialization=binary2"
    }

    fn aliases(&self) -> &'static [&'static str] {
        &["votable-binary2"]
    }

    fn standard_id(&self) -> Option<&'static str> {
        Some("ivo://ivoa.net/std/TAPRegExt#output-votable-binary2")
    }

    fn encoder(&self, head: &Head) -> Result<Box<dyn Encoder>, FormatError> {
        Ok(Box::new(binary2::Binary2Encoder::new(head)))
    }
}

/// What an [`Ending`] adds after the table.
const fn trailing_status(ending: Ending) -> &'static str {
    match ending {
        Ending::Complete => "",
        Ending::Overflow => "<INFO name=\"QUERY_STATUS\" value=\"OVERFLOW\"/>\n",
    }
}
