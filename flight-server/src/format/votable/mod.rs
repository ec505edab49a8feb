//! Rows as VOTable 1.4: TABLEDATA, BINARY, BINARY2, and BINARY2 packed by gzip.
//!
//! The document says `QUERY_STATUS` before the table; a cut or an error that shows up later is a second `QUERY_STATUS` after it, and the
//! XML is closed properly in every case (DALI 1.1, section 4.4). Strings with characters that XML cannot hold are repaired
//! and a trailing INFO says so.
//!
//! | | NULL |
//! |---|---|
//! | TABLEDATA | an empty cell, in every type |
//! | BINARY2 | a bit for each cell |
//! | BINARY | the least integer, NaN, or nothing |

mod binary;
mod cell;
mod document;
mod field;
mod gzip;
mod tabledata;

use super::{Encoder, Ending, FormatError, Head, OutputFormat};

pub(super) use document::document_without_rows;
pub(crate) use document::{cone_error_document, error_document};
use field::Serialization;

/// VOTable with one element a cell: readable.
#[derive(Debug)]
pub(crate) struct TableData;

/// VOTable with binary cells and a mask of NULLs: half the size and many times faster to read.
#[derive(Debug)]
pub(crate) struct Binary2;

/// VOTable with binary cells for readers that are older than BINARY2.
#[derive(Debug)]
pub(crate) struct Binary;

/// [`Binary2`], packed; what astroquery calls `votable_gzip`.
#[derive(Debug)]
pub(crate) struct Gzip;

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
            "votable-td",
            "votable-tabledata",
            "votable_plain",
            "text/xml",
            "application/xml",
            "application/x-votable+xml;serialization=tabledata",
            "text/xml;content=x-votable",
        ]
    }

    fn extension(&self) -> &'static str {
        "vot"
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
        &["votable-binary2", "votable-b2", "votable/binary2"]
    }

    fn extension(&self) -> &'static str {
        "vot"
    }

    fn standard_id(&self) -> Option<&'static str> {
        Some("ivo://ivoa.net/std/TAPRegExt#output-votable-binary2")
    }

    fn encoder(&self, head: &Head) -> Result<Box<dyn Encoder>, FormatError> {
        Ok(Box::new(binary::BinaryEncoder::new(head, Serialization::Binary2)))
    }
}

impl OutputFormat for Binary {
    fn name(&self) -> &'static str {
        "votable/b"
    }

    fn media_type(&self) -> &'static str {
        "application/x-votable+xml;serialization=binary"
    }

    fn aliases(&self) -> &'static [&'static str] {
        &["votable-binary", "votable-b", "votable/binary"]
    }

    fn extension(&self) -> &'static str {
        "vot"
    }

    fn standard_id(&self) -> Option<&'static str> {
        Some("ivo://ivoa.net/std/TAPRegExt#output-votable-binary")
    }

    fn encoder(&self, head: &Head) -> Result<Box<dyn Encoder>, FormatError> {
        Ok(Box::new(binary::BinaryEncoder::new(head, Serialization::Binary)))
    }
}

impl OutputFormat for Gzip {
    fn name(&self) -> &'static str {
        "votable_gzip"
    }

    fn media_type(&self) -> &'static str {
        "application/x-votable+xml;content=gzip"
    }

    fn aliases(&self) -> &'static [&'static str] {
        &["votable-gzip", "votable/gzip"]
    }

    fn content_encoding(&self) -> Option<&'static str> {
        Some("gzip")
    }

    fn extension(&self) -> &'static str {
        "vot.gz"
    }

    fn encoder(&self, head: &Head) -> Result<Box<dyn Encoder>, FormatError> {
        Ok(Box::new(gzip::GzipEncoder::new(Binary2.encoder(head)?)))
    }
}

/// What an [`Ending`] adds after the table.
const fn trailing_status(ending: Ending) -> &'static str {
    match ending {
        Ending::Complete => "",
        Ending::Overflow => "<INFO name=\"QUERY_STATUS\" value=\"OVERFLOW\"/>\n",
    }
}
