//! What stands around the rows of a VOTable?

use arrow::datatypes::Schema;
use sidereus_engine::Provenance;

use super::super::head::Info;
use super::super::xml::escaped;
use super::super::{Ending, Head};
use super::field::{Serialization, field_element};
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
pub(super) fn start(head: &Head, serialization: Serialization) -> String {
    let mut text = START.to_owned();
    text.push_str("<INFO name=\"QUERY_STATUS\" value=\"OK\"/>\n");
    if let Some(query) = head.query.as_ref().filter(|query| query.len() <= MAX_QUERY_BYTES) {
        text.push_str(&format!("<INFO name=\"QUERY\" value=\"{}\"/>\n", escaped(query)));
    }
    text.push_str(&provenance(&head.schema));
    for Info { name, value, about } in &head.infos {
        let end = about.as_ref().map_or_else(|| "/>".to_owned(), |about| format!(">{}</INFO>", escaped(about)));
        text.push_str(&format!("<INFO name=\"{}\" value=\"{}\"{end}\n", escaped(name), escaped(value)));
    }
    text.push_str(&systems(head));
    text.push_str("<TABLE>\n");
    for field in head.schema.fields() {
        text.push_str(&field_element(field, head, serialization));
    }
    text
}

/// The systems that columns refer to.
fn systems(head: &Head) -> String {
    let mut text = String::new();
    for frame in &head.frames {
        let epoch = frame.epoch.as_ref().map(|epoch| format!(" epoch=\"{}\"", escaped(epoch))).unwrap_or_default();
        let (id, system) = (escaped(&frame.id), escaped(&frame.system));
        text.push_str(&format!("<COOSYS ID=\"{id}\" system=\"{system}\"{epoch}/>\n"));
    }
    for time in &head.times {
        let origin =
            time.origin.as_ref().map(|origin| format!(" timeorigin=\"{}\"", escaped(origin))).unwrap_or_default();
        let (id, scale, position) = (escaped(&time.id), escaped(&time.scale), escaped(&time.position));
        text.push_str(&format!("<TIMESYS ID=\"{id}\" timescale=\"{scale}\" refposition=\"{position}\"{origin}/>\n"));
    }
    text
}

/// What the answer was made of, an INFO each.
fn provenance(schema: &Schema) -> String {
    // References are said one by one.
    let entries = Provenance::KEYS
        .iter()
        .filter(|key| **key != Provenance::REFERENCES)
        .filter_map(|key| Some((key, schema.metadata().get(*key)?)));
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
    format!("{}{}", start(head, Serialization::TableData), end(ending, false))
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

#[cfg(test)]
mod tests {
    use super::super::super::head::{CoordinateFrame, TimeFrame};
    use super::super::super::kit;
    use super::*;

    #[test]
    fn columns_refer_to_their_systems() {
        let mut head = kit::head();
        let info = |about: Option<&str>| Info {
            name: "citation".to_owned(),
            value: "ivo://x/a&b".to_owned(),
            about: about.map(str::to_owned),
        };
        head.infos = vec![info(None), info(Some("public.t"))];
        head.frames = vec![CoordinateFrame {
            id: "sys1".to_owned(),
            system: "ICRS".to_owned(),
            epoch: Some("J2016.0".to_owned()),
            columns: vec!["ra".to_owned()],
        }];
        head.times = vec![TimeFrame {
            id: "time1".to_owned(),
            scale: "TCB".to_owned(),
            position: "BARYCENTER".to_owned(),
            origin: None,
            columns: vec!["seen".to_owned()],
        }];
        let text = start(&head, Serialization::TableData);
        for part in [
            "<INFO name=\"citation\" value=\"ivo://x/a&amp;b\"/>",
            "<INFO name=\"citation\" value=\"ivo://x/a&amp;b\">public.t</INFO>",
            "<COOSYS ID=\"sys1\" system=\"ICRS\" epoch=\"J2016.0\"/>",
            "<TIMESYS ID=\"time1\" timescale=\"TCB\" refposition=\"BARYCENTER\"/>",
            "ucd=\"pos.eq.ra;meta.main\" ref=\"sys1\"",
            "xtype=\"timestamp\" ref=\"time1\"",
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
    }
}
