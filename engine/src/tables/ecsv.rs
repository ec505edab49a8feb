//! ECSV: separated values below a header in YAML that tells types, units and descriptions.
//!
//! Of YAML only what writers of such headers use is understood: mappings in flow or block style, quoted and folded
//! scalars. Columns of arrays or objects (`subtype`) stay text, in JSON.
//!
//! *Source*: Astropy Proposal for Enhancement 6, version 1.0.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema};

use super::csv::{CsvReader, Separator, header};
use super::frame::LineFrames;
use super::input::Unpacked;
use super::text::{TextColumn, TextTable};
use super::{ReadOptions, bad_table, described};
use crate::error::EngineError;

type Pairs = BTreeMap<String, String>;

/// Reads the header; the rest is separated values.
pub(super) fn open_ecsv(unpacked: Unpacked, options: &ReadOptions) -> Result<CsvReader, EngineError> {
    let (piece, is_strict) = (unpacked.piece(), unpacked.guard.is_some());
    let name = unpacked.name;
    let mut frames = LineFrames::new(&name, unpacked.bytes, piece);
    let first = frames.next_lines()?.ok_or_else(|| bad_table(&name, "it is empty, expected an ECSV header"))?;
    let text = String::from_utf8_lossy(&first.bytes).into_owned();
    frames.put_back(first);
    let comments = text.lines().take_while(|line| line.starts_with('#'));
    let yaml: Vec<&str> =
        comments.map(|line| line.strip_prefix("# ").unwrap_or_else(|| &line[1..]).trim_end()).collect();
    let separator = match yaml.iter().find_map(|line| line.strip_prefix("delimiter:")).map(unquoted) {
        None => b' ',
        Some(text) => match text.as_bytes() {
            [b'\\', b't'] => b'\t',
            [one] => *one,
            _ => return Err(bad_table(&name, format!("its delimiter is {text:?}, expected one character"))),
        },
    };
    let columns = columns(&yaml);
    let (_, names) = header(&mut frames, &name, Separator::Is(separator))?;
    frames.set_quoting(separator);
    let told: Vec<&str> = columns.iter().map(|column| value(column, "name")).collect();
    if told != names {
        let at = told.iter().zip(&names).take_while(|(told, name)| *told == name).count();
        let (told, found) = (told.get(at).unwrap_or(&"nothing"), names.get(at).map_or("nothing", String::as_str));
        let message = format!("its header describes column {} as {told:?}, but its name is {found:?}", at + 1);
        return Err(bad_table(&name, message));
    }
    let fields: Vec<Field> = columns.iter().map(|column| field(column, options)).collect();
    let column = TextColumn { nulls: options.nulls.clone(), quoted_is_null: true, ..TextColumn::declared() };
    let table = TextTable { is_strict, columns: vec![column; fields.len()], schema: Arc::new(Schema::new(fields)) };
    Ok(CsvReader::of_table(frames, separator, table))
}

fn value<'a>(column: &'a Pairs, key: &str) -> &'a str {
    column.get(key).map_or("", String::as_str)
}

fn field(column: &Pairs, options: &ReadOptions) -> Field {
    let name = value(column, "name");
    let told = match value(column, "datatype") {
        "bool" => DataType::Boolean,
        "int8" => DataType::Int8,
        "int16" => DataType::Int16,
        "int32" => DataType::Int32,
        "int64" => DataType::Int64,
        "uint8" => DataType::UInt8,
        "uint16" => DataType::UInt16,
        "uint32" => DataType::UInt32,
        "uint64" => DataType::UInt64,
        "float16" | "float32" => DataType::Float32,
        "float64" | "float128" => DataType::Float64,
        _ => DataType::Utf8,
    };
    let kind = options.types.get(name).cloned().unwrap_or(told);
    let marks = ["unit", "ucd", "utype", "description"].map(|key| (key, value(column, key)));
    described(name, kind, &marks)
}

/// The mappings of the list `datatype`, with what is nested in them (`meta`) at their own level.
fn columns(yaml: &[&str]) -> Vec<Pairs> {
    let list = yaml.iter().skip_while(|line| **line != "datatype:").skip(1);
    let list: Vec<&str> = list.take_while(|line| line.starts_with(['-', ' ']) || line.is_empty()).copied().collect();
    let mut items: Vec<Vec<String>> = Vec::new();
    for line in list {
        match line.strip_prefix('-') {
            Some(rest) => items.push(vec![format!(" {rest}")]),
            None => items.last_mut().into_iter().for_each(|item| item.push(line.to_owned())),
        }
    }
    items.iter().map(|item| mapping(item)).collect()
}

fn mapping(lines: &[String]) -> Pairs {
    let mut pairs = Pairs::new();
    if lines.iter().map(|line| line.trim()).find(|line| !line.is_empty()).is_some_and(|line| line.starts_with('{')) {
        flow(&lines.join(" "), &mut pairs);
        return pairs;
    }
    let indent = |line: &str| line.len() - line.trim_start().len();
    let own = lines.iter().find(|line| !line.trim().is_empty()).map_or(0, |line| indent(line));
    let mut open: Option<String> = None;
    for line in lines.iter().filter(|line| !line.trim().is_empty()) {
        let text = line.trim().trim_start_matches("- ");
        let pair = text.split_once(':').filter(|(_, rest)| rest.is_empty() || rest.starts_with(' '));
        match (pair, &open) {
            (_, Some(key)) if indent(line) > own && key != "meta" => {
                let value = pairs.entry(key.clone()).or_default();
                value.push(' ');
                value.push_str(line.trim());
            }
            _ if text.starts_with('{') => flow(text, &mut pairs),
            (Some((key, rest)), _) => {
                let rest = rest.trim();
                if rest.contains('{') && rest.starts_with(['{', '!', '[']) {
                    flow(rest, &mut pairs);
                } else if !rest.starts_with('!') {
                    let folded = rest.is_empty() || rest.starts_with(['>', '|']);
                    let value = if folded { String::new() } else { rest.to_owned() };
                    pairs.entry(key.to_owned()).or_insert(value);
                }
                if indent(line) <= own {
                    open = Some(key.to_owned());
                }
            }
            (None, _) => {}
        }
    }
    pairs.values_mut().for_each(|value| *value = unquoted(value));
    pairs
}

/// Key and value pairs of a flow mapping at any depth.
fn flow(text: &str, pairs: &mut Pairs) {
    let mut rest = text;
    let mut key: Option<String> = None;
    while let Some(first) = rest.chars().next() {
        match first {
            '{' | '}' | '[' | ']' | ',' | ' ' | ':' => {
                if first == ',' || first == '{' {
                    key = None;
                }
                rest = &rest[1..];
            }
            _ => {
                let (scalar, after) = scalar(rest);
                rest = after;
                match key.take() {
                    Some(key) => {
                        pairs.entry(key).or_insert(scalar);
                    }
                    None => key = Some(scalar),
                }
            }
        }
    }
}

/// A scalar of a flow mapping, and what follows it.
fn scalar(text: &str) -> (String, &str) {
    let quote = text.chars().next().filter(|first| matches!(first, '\'' | '"'));
    if let Some(quote) = quote {
        let mut from = 1;
        while let Some(end) = text[from..].find(quote).map(|ahead| from + ahead) {
            let is_doubled = quote == '\'' && text[end + 1..].starts_with('\'');
            let is_escaped = quote == '"' && text[..end].ends_with('\\');
            if !is_doubled && !is_escaped {
                return (unquoted(&text[..=end]), &text[end + 1..]);
            }
            from = end + if is_doubled { 2 } else { 1 };
        }
    }
    let is_end = |place: usize, byte: u8| match byte {
        b'{' | b'}' | b'[' | b']' => true,
        b':' => text.as_bytes().get(place + 1) == Some(&b' '),
        b',' => matches!(text.as_bytes().get(place + 1), Some(b' ' | b'\n')),
        _ => false,
    };
    let end = text.bytes().enumerate().position(|(place, byte)| is_end(place, byte)).unwrap_or(text.len());
    // Where a separator begins the text, one step is taken all the same.
    let end = end.max(text.chars().next().map_or(0, char::len_utf8));
    (text[..end].trim().trim_end_matches(':').to_owned(), &text[end..])
}

fn unquoted(text: &str) -> String {
    let text = text.trim();
    let inner = |quote: char| text.strip_prefix(quote).and_then(|text| text.strip_suffix(quote));
    if let Some(inner) = inner('\'') {
        inner.replace("''", "'")
    } else if let Some(inner) = inner('"') {
        inner.replace("\\\"", "\"").replace("\\\\", "\\")
    } else {
        text.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flow_and_block_headers_say_the_same() {
        let block = [
            "datatype:",
            "-",
            "  name: ra",
            "  unit: deg",
            "  datatype: float64",
            "  description: 'right: ascension'",
            "  meta: !!omap",
            "  - {ucd: pos.eq.ra;meta.main}",
            "- name: n",
            "  datatype: int8",
            "  description: a long",
            "    story",
            "schema: astropy-2.0",
        ];
        let flow = [
            "datatype:",
            "- {name: ra, unit: deg, datatype: float64, description: 'right: ascension',",
            "  meta: !!omap [{ucd: pos.eq.ra;meta.main}]}",
            "- {name: n, datatype: int8, description: a long story}",
        ];
        let from_block = columns(&block);
        assert_eq!(from_block.len(), 2);
        for (column, other) in from_block.iter().zip(columns(&flow)) {
            for key in ["name", "unit", "datatype", "description", "ucd"] {
                assert_eq!(value(column, key), value(&other, key), "{key}");
            }
        }
        assert_eq!(value(&from_block[0], "ucd"), "pos.eq.ra;meta.main");
        assert_eq!(value(&from_block[0], "description"), "right: ascension");
        assert_eq!(value(&from_block[1], "description"), "a long story");
    }
}
