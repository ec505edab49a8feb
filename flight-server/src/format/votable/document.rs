//! What stands around the rows of a VOTable?

use std::sync::Arc;

use arrow::datatypes::Schema;
use sidereus_engine::Provenance;

use super::super::xml::escaped;
use super::super::{Ending, Head};
use super::field::field_element;
use super::trailing_status;

/// Longest query that is repeated in the document; lists of ids can have megabytes.
const MAX_QUERY_BYTES: usize = 64 * 1024;

const START: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
    <VOTABLE version=\"1.4\" xmlns=\"http://www.ivoa.net/xml/VOTable/v1.3\" \
    xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" \
    xsi:schemaLocation=\"http://www.ivoa.net/xml/VOTable/v1.3 http://www.ivoa.net/xml/VOTable/v1.3\">\n\
    <RESOURCE type=\"results\">\n";

const END: &str = "</RESOURCE>\n</VOTABLE>\n";

/// Everything before the data, the start of TABLE included.
pub(super) fn start(head: &Head) -> String {
    let mut text = START.to_owned();
    text.push_str("<INFO name=\"QUERY_STATUS\" value=\"OK\"/>\n");
    if let Some(query) = head.query.as_ref().filter(|query| query.len() <= MAX_QUERY_BYTES) {
        text.push_str(&format!("<INFO name=\"QUERY\" value=\"{}\"/>\n", escaped(query)));
    }
    text.push_str(&provenance(&head.schema));
    text.push_str(&table_start(&head.schema));
    text
}

/// What the answer was made of, an INFO each.
fn provenance(schema: &Schema) -> String {
    let entries = Provenance::KEYS.iter().filter_map(|key| Some((key, schema.metadata().get(*key)?)));
    entries.map(|(key, value)| format!("<INFO name=\"{key}\" value=\"{}\"/>\n", escaped(value))).collect()
}

/// Everything after the data.
pub(super) fn end(ending: Ending, repaired: bool) -> String {
    format!("</TABLE>\n{}{}{END}", trailing_status(ending), repair_note(repaired))
}

/// Everything after the data where an error ended it.
pub(super) fn end_with_error(message: &str) -> String {
    format!("</TABLE>\n{}{END}", error_info(message))
}

/// A document that tells an error and nothing else.
pub(crate) fn error_document(message: &str) -> String {
    format!("{START}{}{END}", error_info(message))
}

/// The same as cone searches tell it (Simple Cone Search 1.03, section 2.3).
pub(crate) fn cone_error_document(message: &str) -> String {
    let value = escaped(message);
    format!(
        "{START}<INFO name=\"QUERY_STATUS\" value=\"ERROR\">{}</INFO>\n<INFO name=\"Error\" value=\"{value}\"/>\n{END}",
        escaped_text(message)
    )
}

/// A document that describes columns and how the rows that lie elsewhere ended.
pub(in super::super) fn document_without_rows(head: &Head, ending: Ending) -> String {
    format!("{}{}", start(head), end(ending, false))
}

fn table_start(schema: &Arc<Schema>) -> String {
    let mut text = "<TABLE>\n".to_owned();
    for field in schema.fields() {
        text.push_str(&field_element(field));
    }
    text
}

fn error_info(message: &str) -> String {
    format!("<INFO name=\"QUERY_STATUS\" value=\"ERROR\">{}</INFO>\n", escaped_text(message))
}

/// Text content: line ends stay line ends, so that carets stand under what they point at.
fn escaped_text(message: &str) -> String {
    message.split('\n').map(escaped).collect::<Vec<_>>().join("\n")
}

const fn repair_note(repaired: bool) -> &'static str {
    if repaired {
        "<INFO name=\"WARNING\" value=\"characters that XML cannot hold were replaced by U+FFFD\"/>\n"
    } else {
        ""
    }
}
