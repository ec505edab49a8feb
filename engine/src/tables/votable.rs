//! The rows of a VOTable.
//!
//! The header is read event by event up to the data of the table that is wanted; then rows come in pieces, from cells of
//! text (TABLEDATA) or from base64 (BINARY, BINARY2). Empty cells are null.
//!
//! *Source*: VOTable 1.5, sections 3 to 6.

use std::sync::Arc;

use arrow::datatypes::{Schema, SchemaRef};
use quick_xml::Reader;
use quick_xml::events::Event;

use super::binary::BinaryColumn;
use super::input::Unpacked;
use super::limits::EventBytes;
use super::text::TextTable;
use super::votable_data::{BinaryRows, TextRows};
use super::votable_header::{VotableField, attribute};
use super::{Chunk, MOST_COLUMNS, ReadOptions, TableReader, bad_table, distinct_names};
use crate::error::EngineError;

/// The XML of a table.
pub(super) type Xml = Reader<EventBytes>;

/// Bytes of a service's error that are told.
const LONGEST_MESSAGE: usize = 4096;
/// Levels of elements.
const DEEPEST: usize = 64;
/// Bytes of names, units and descriptions of all columns.
const LONGEST_HEADER: usize = 16 << 20;

/// The next event of a document without declarations of types or entities.
///
/// *Errors*: a text for people.
pub(super) fn next_event<'b>(xml: &mut Xml, depth: &mut usize, buffer: &'b mut Vec<u8>) -> Result<Event<'b>, String> {
    buffer.clear();
    xml.get_mut().begin();
    let event = xml.read_event_into(buffer).map_err(|error| match error {
        quick_xml::Error::Io(error) => error.to_string(),
        error => format!("it is no XML: {error}"),
    })?;
    match event {
        Event::DocType(_) => return Err("it has a DOCTYPE, which is not read; leave it out".to_owned()),
        Event::Start(_) => *depth += 1,
        Event::End(_) => *depth = depth.saturating_sub(1),
        _ => {}
    }
    if *depth > DEEPEST {
        return Err(format!("its elements lie more than {DEEPEST} deep"));
    }
    Ok(event)
}

/// Columns of a VOTable's table.
pub(super) struct VotableColumns {
    /// What errors call the file.
    pub(super) name: String,
    /// How cells of text are read.
    pub(super) text: TextTable,
    /// How binary cells are read, and their fields.
    pub(super) binary: Vec<(BinaryColumn, VotableField)>,
}

/// Reads a VOTable.
pub(super) struct VotableReader {
    xml: Xml,
    columns: Arc<VotableColumns>,
    rows: Rows,
}

enum Rows {
    None,
    Text(TextRows),
    Binary(BinaryRows),
}

/// Where the header ended.
enum Data {
    None,
    Text,
    Binary { has_masks: bool },
}

impl VotableReader {
    /// Reads up to the rows of the table: the one that the options name, else the first with columns.
    pub(super) fn open(unpacked: Unpacked, options: &ReadOptions) -> Result<Self, EngineError> {
        let (piece, is_strict) = (unpacked.piece(), unpacked.guard.is_some());
        let name = unpacked.name;
        let mut xml = Reader::from_reader(EventBytes::new(unpacked.bytes));
        xml.config_mut().expand_empty_elements = true;
        let mut header = HeaderReader {
            name: &name,
            wanted: options.table.as_deref(),
            fields: Vec::new(),
            table: 0,
            is_wanted: false,
            bytes: 0,
        };
        let data = header.read(&mut xml)?;
        let columns = Arc::new(columns(&name, header.fields, is_strict)?);
        let rows = match data {
            Data::None => Rows::None,
            Data::Text => Rows::Text(TextRows::new(piece)),
            Data::Binary { has_masks } => Rows::Binary(BinaryRows::new(piece, has_masks)),
        };
        Ok(Self { xml, columns, rows })
    }
}

impl TableReader for VotableReader {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.columns.text.schema)
    }

    fn next_chunk(&mut self) -> Result<Option<Chunk>, EngineError> {
        match &mut self.rows {
            Rows::None => Ok(None),
            Rows::Text(rows) => rows.next_chunk(&mut self.xml, &self.columns),
            Rows::Binary(rows) => rows.next_chunk(&mut self.xml, &self.columns),
        }
    }
}

fn columns(name: &str, fields: Vec<VotableField>, is_strict: bool) -> Result<VotableColumns, EngineError> {
    if fields.is_empty() {
        return Err(bad_table(name, "it has no table with columns"));
    }
    let names = distinct_names(fields.iter().map(|field| field.name.clone()));
    let (mut schema, mut text, mut binary) = (Vec::new(), Vec::new(), Vec::new());
    for (column_name, field) in names.iter().zip(fields) {
        let column = field.column();
        let column =
            column.ok_or_else(|| bad_table(name, format!("column {column_name:?} has a type that VOTable has not")))?;
        schema.push(field.field(column_name, &column));
        text.push(field.text_column());
        binary.push((column, field));
    }
    let text = TextTable { schema: Arc::new(Schema::new(schema)), columns: text, is_strict };
    Ok(VotableColumns { name: name.to_owned(), text, binary })
}

struct HeaderReader<'a> {
    name: &'a str,
    wanted: Option<&'a str>,
    fields: Vec<VotableField>,
    table: u64,
    is_wanted: bool,
    /// Of attributes and descriptions of columns.
    bytes: usize,
}

impl HeaderReader<'_> {
    /// Reads up to the rows.
    ///
    /// *Errors*: the text is no XML, tells of an error of the service, or has no such table.
    fn read(&mut self, xml: &mut Xml) -> Result<Data, EngineError> {
        let (mut buffer, mut depth) = (Vec::new(), 0);
        let mut path: Vec<Vec<u8>> = Vec::new();
        let mut status: Option<String> = None;
        loop {
            let event = next_event(xml, &mut depth, &mut buffer).map_err(|why| bad_table(self.name, why))?;
            if self.bytes > LONGEST_HEADER {
                let message = format!("its columns are described in more than {} MB", LONGEST_HEADER >> 20);
                return Err(bad_table(self.name, message));
            }
            match event {
                Event::Start(element) => {
                    match element.local_name().as_ref() {
                        b"TABLE" => self.begin_table(&attribute(&element, "ID"), &attribute(&element, "name")),
                        b"FIELD" if self.fields.len() >= MOST_COLUMNS => {
                            return Err(bad_table(self.name, format!("it has more than {MOST_COLUMNS} columns")));
                        }
                        b"FIELD" => {
                            self.bytes += element.len();
                            self.fields.push(VotableField::of(&element));
                        }
                        b"VALUES" if path.last().is_some_and(|parent| parent == b"FIELD") => {
                            if let (Some(field), Some(null)) = (self.fields.last_mut(), attribute(&element, "null")) {
                                field.null = Some(null);
                            }
                        }
                        b"TABLEDATA" if self.is_wanted => return Ok(Data::Text),
                        b"STREAM" if self.is_wanted => return self.stream(&path, &element),
                        b"INFO" => {
                            let is_error = attribute(&element, "name").as_deref() == Some("QUERY_STATUS")
                                && attribute(&element, "value").as_deref() == Some("ERROR");
                            status = is_error.then(String::new);
                        }
                        _ => {}
                    }
                    path.push(element.local_name().as_ref().to_vec());
                }
                Event::End(element) => {
                    path.pop();
                    if element.local_name().as_ref() == b"TABLE" && self.is_wanted && !self.fields.is_empty() {
                        return Ok(Data::None);
                    }
                    if let Some(message) = status.take() {
                        return Err(bad_table(self.name, format!("a service's error: {}", message.trim())));
                    }
                }
                Event::Text(text) => {
                    let text = String::from_utf8_lossy(&text).into_owned();
                    self.add_text(&path, &text, &mut status);
                }
                Event::CData(text) => {
                    let text = String::from_utf8_lossy(&text).into_owned();
                    self.add_text(&path, &text, &mut status);
                }
                Event::GeneralRef(reference) => {
                    let text = super::votable_data::resolved(&reference).unwrap_or_default();
                    self.add_text(&path, &text, &mut status);
                }
                Event::Eof => return self.nothing_found(),
                _ => {}
            }
        }
    }

    fn begin_table(&mut self, id: &Option<String>, name: &Option<String>) {
        self.table += 1;
        self.fields.clear();
        self.is_wanted = self.wanted.is_none_or(|wanted| {
            let has_name = |found: &Option<String>| found.as_deref() == Some(wanted);
            wanted.parse() == Ok(self.table) || has_name(id) || has_name(name)
        });
    }

    fn add_text(&mut self, path: &[Vec<u8>], text: &str, status: &mut Option<String>) {
        if let Some(message) = status {
            if message.len() < LONGEST_MESSAGE {
                message.push_str(text);
            }
        } else if let [.., parent, last] = path
            && (parent.as_slice(), last.as_slice()) == (b"FIELD", b"DESCRIPTION")
            && let Some(field) = self.fields.last_mut()
        {
            self.bytes += text.len();
            // References cut a text into pieces: whether a space stood there is seen at their ends.
            for word in text.split_inclusive(char::is_whitespace) {
                field.description.push_str(word.trim());
                if word.ends_with(char::is_whitespace) && !field.description.ends_with(' ') {
                    field.description.push(' ');
                }
            }
        }
    }

    fn stream(&self, path: &[Vec<u8>], element: &quick_xml::events::BytesStart<'_>) -> Result<Data, EngineError> {
        let form = path.last().map_or(&b""[..], Vec::as_slice);
        if attribute(element, "href").is_some() {
            return Err(bad_table(self.name, "its rows lie elsewhere (STREAM with href); import that file"));
        }
        if attribute(element, "encoding").is_some_and(|encoding| encoding != "base64") {
            return Err(bad_table(self.name, "its rows are not encoded in base64"));
        }
        match form {
            b"BINARY" => Ok(Data::Binary { has_masks: false }),
            b"BINARY2" => Ok(Data::Binary { has_masks: true }),
            other => {
                let form = String::from_utf8_lossy(other);
                Err(bad_table(
                    self.name,
                    format!("rows in the form {form} cannot be read, expected TABLEDATA, BINARY or BINARY2"),
                ))
            }
        }
    }

    fn nothing_found(&self) -> Result<Data, EngineError> {
        let what = self.wanted.map_or_else(|| "table".to_owned(), |wanted| format!("table {wanted:?}"));
        Err(bad_table(self.name, format!("it has no {what} with columns ({} tables)", self.table)))
    }
}
