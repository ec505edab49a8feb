//! The rows of a FITS binary table.
//!
//! Rows are read in pieces of some megabytes; arrays of any length lie behind the table, which is then read from a file
//! (a copy, if it comes as a stream).
//!
//! *Source*: FITS standard 4.0, section 7.3. Texts that are blank are null; TDIM is told by the metadata `arraysize`.

use std::fs::File;
use std::io::{BufRead, Read};
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch};
use arrow::datatypes::{Field, Schema, SchemaRef};

use super::binary::{BinaryColumn, Element, Scaling, Shape};
use super::fits_header::Header;
use super::input::{ReadAt, Unpacked};
use super::{Chunk, ReadOptions, TableBatch, TableReader, bad_table, described, distinct_names, unreadable};
use crate::error::EngineError;

/// Rows of a piece where their arrays lie elsewhere, and the bytes of these.
const HEAP_ROWS: usize = 1024;
const HEAP_BYTES: u64 = 16 << 20;
/// The longest row, without and with its arrays.
const LONGEST_ROW: usize = 32 << 20;
const LONGEST_ARRAYS: u64 = 64 << 20;
/// Extensions that are named where there is no table.
const MOST_SEEN: usize = 20;

/// Reads a binary table.
pub(super) struct FitsReader {
    input: Box<dyn Read + Send>,
    /// Bytes of a piece, where rows are not longer.
    piece: usize,
    left: u64,
    row: u64,
    /// Rows that were read beyond those of the last piece.
    ahead: Vec<u8>,
    table: Arc<Table>,
}

struct Table {
    name: String,
    schema: SchemaRef,
    columns: Vec<Column>,
    row_bytes: usize,
    heap: Option<Heap>,
}

struct Column {
    /// Bytes within a row.
    bytes: Range<usize>,
    values: BinaryColumn,
    /// Bytes of each half of the descriptor, where the values lie in the heap.
    descriptor: Option<usize>,
    /// Elements of a value in the heap: two of a complex number.
    parts: usize,
}

struct Heap {
    file: Arc<File>,
    start: u64,
    bytes: u64,
}

impl FitsReader {
    /// Finds the table: the one that the options name, else the first.
    pub(super) fn open(unpacked: Unpacked, options: &ReadOptions) -> Result<Self, EngineError> {
        let piece = unpacked.piece();
        let Unpacked { name, mut bytes, plain_file, .. } = unpacked;
        let (header, start) = find_table(&mut bytes, &name, options.table.as_deref())?;
        let (fields, columns, row_bytes) = columns(&header, &name)?;
        let rows = header.size("NAXIS2", &name)?;
        let has_heap = columns.iter().any(|column| column.descriptor.is_some());
        let failed = |error: std::io::Error| unreadable(&name, &error);
        let (input, heap): (Box<dyn Read + Send>, _) = if has_heap {
            let data = header.data_bytes().ok_or_else(|| bad_table(&name, "its sizes are no numbers of bytes"))?;
            let (file, start) = match plain_file {
                Some(path) => (File::open(path).map_err(failed)?, start),
                None => {
                    let mut copy = tempfile::tempfile().map_err(failed)?;
                    std::io::copy(&mut bytes.take(data), &mut copy).map_err(failed)?;
                    (copy, 0)
                }
            };
            let gap = header.integer("THEAP").and_then(|heap| u64::try_from(heap).ok());
            let gap = gap.unwrap_or_else(|| rows.saturating_mul(row_bytes as u64));
            let file = Arc::new(file);
            let rows_file = ReadAt { file: Arc::clone(&file), at: start };
            // No more than there is, whatever the header says.
            let size = file.metadata().map_err(failed)?.len();
            let start = start.saturating_add(gap);
            let heap = Heap { bytes: data.saturating_sub(gap).min(size.saturating_sub(start)), file, start };
            (Box::new(std::io::BufReader::with_capacity(1 << 20, rows_file)), Some(heap))
        } else {
            (Box::new(bytes), None)
        };
        let schema = Arc::new(Schema::new(fields));
        let table = Table { name, schema, columns, row_bytes, heap };
        Ok(Self { input, piece, left: rows, row: 1, ahead: Vec::new(), table: Arc::new(table) })
    }
}

impl TableReader for FitsReader {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.table.schema)
    }

    fn next_chunk(&mut self) -> Result<Option<Chunk>, EngineError> {
        if self.left == 0 {
            return Ok(None);
        }
        let most = (self.piece / self.table.row_bytes).max(1);
        let most = if self.table.heap.is_some() { most.min(HEAP_ROWS) } else { most };
        let rows = self.left.min(most as u64);
        let wanted = rows.saturating_mul(self.table.row_bytes as u64);
        let mut bytes = std::mem::take(&mut self.ahead);
        let missing = wanted.saturating_sub(bytes.len() as u64);
        let read = self.input.by_ref().take(missing).read_to_end(&mut bytes);
        read.map_err(|error| unreadable(&self.table.name, &error))?;
        if (bytes.len() as u64) < wanted {
            let message = format!(
                "it ends within row {}, {} rows before its end",
                self.row + (bytes.len() / self.table.row_bytes) as u64,
                self.left
            );
            return Err(bad_table(&self.table.name, message));
        }
        let rows = self.table.rows_with_few_bytes(&bytes, self.row)?.unwrap_or(rows);
        self.ahead = bytes.split_off(rows as usize * self.table.row_bytes);
        let (table, first) = (Arc::clone(&self.table), self.row);
        self.left -= rows;
        self.row += rows;
        Ok(Some(Chunk::new(move || table.decode(&bytes, first))))
    }
}

impl Table {
    fn decode(&self, bytes: &[u8], first: u64) -> Result<TableBatch, EngineError> {
        let arrays = self.columns.iter().map(|column| {
            let cells = bytes.chunks_exact(self.row_bytes).map(|row| &row[column.bytes.clone()]);
            match (column.descriptor, &self.heap) {
                (Some(half), Some(heap)) => self.heap_array(column, half, (heap, cells)),
                _ => column.values.array(cells).map_err(|error| self.bad(error)),
            }
        });
        let arrays: Vec<ArrayRef> = arrays.collect::<Result<_, _>>()?;
        let rows = RecordBatch::try_new(Arc::clone(&self.schema), arrays).map_err(|error| self.bad(error))?;
        Ok(TableBatch::of_rows(rows, first))
    }

    fn heap_array<'a>(
        &self,
        column: &Column,
        half: usize,
        (heap, cells): (&Heap, impl Iterator<Item = &'a [u8]>),
    ) -> Result<ArrayRef, EngineError> {
        let mut values = Vec::new();
        for cell in cells {
            let (offset, length) = column.place(half, cell, heap).ok_or_else(|| self.bad(OUTSIDE))?;
            let mut value = vec![0; length];
            let read = heap.file.read_exact_at(&mut value, heap.start + offset);
            read.map_err(|error| self.bad(format!("an array cannot be read: {error}")))?;
            values.push(value);
        }
        column.values.array(values.iter().map(Vec::as_slice)).map_err(|error| self.bad(error))
    }

    /// How many of some rows have arrays of few bytes together; `None` where all arrays lie within the rows.
    ///
    /// *Errors*: one row has too many.
    fn rows_with_few_bytes(&self, bytes: &[u8], first: u64) -> Result<Option<u64>, EngineError> {
        let Some(heap) = &self.heap else { return Ok(None) };
        let (mut total, mut rows) = (0_u64, 0);
        for row in bytes.chunks_exact(self.row_bytes) {
            let mut own = 0_u64;
            for (column, half) in self.columns.iter().filter_map(|column| Some((column, column.descriptor?))) {
                let place = column.place(half, &row[column.bytes.clone()], heap).ok_or_else(|| self.bad(OUTSIDE))?;
                own = own.saturating_add(place.1 as u64);
            }
            if own > LONGEST_ARRAYS {
                let (row, most) = (first + rows, LONGEST_ARRAYS >> 20);
                return Err(self.bad(format!("row {row} has arrays of more than {most} MB")));
            }
            total += own;
            if total > HEAP_BYTES && rows > 0 {
                break;
            }
            rows += 1;
        }
        Ok(Some(rows))
    }

    fn bad(&self, message: impl std::fmt::Display) -> EngineError {
        bad_table(&self.name, message)
    }
}

const OUTSIDE: &str = "an array lies outside its heap";

impl Column {
    /// Where the array that a descriptor names begins in the heap, and how many bytes it has.
    fn place(&self, half: usize, cell: &[u8], heap: &Heap) -> Option<(u64, usize)> {
        let (count, offset) = (big_endian(&cell[..half]), big_endian(&cell[half..]));
        let count = usize::try_from(count).ok()?.checked_mul(self.parts)?;
        let length = self.values.element.bytes(count)?;
        (length == 0 || offset.checked_add(length as u64)? <= heap.bytes).then_some((offset, length))
    }
}

fn big_endian(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0, |value, byte| value << 8 | u64::from(*byte))
}

/// The header of the table, and where its rows begin.
fn find_table(input: &mut dyn BufRead, name: &str, wanted: Option<&str>) -> Result<(Header, u64), EngineError> {
    let mut start = 0_u64;
    let mut input = CountingRead { input, read: &mut start };
    let mut seen = Vec::new();
    for unit in 0.. {
        let Some(header) = Header::read(&mut input, name)? else { break };
        let is_table = header.text("XTENSION") == Some("BINTABLE") && header.text("ZIMAGE") != Some("T");
        let title = header.text("EXTNAME").unwrap_or_default();
        let is_wanted = wanted.is_none_or(|wanted| title.eq_ignore_ascii_case(wanted) || wanted.parse() == Ok(unit));
        if is_table && is_wanted {
            if header.text("ZTABLE") == Some("T") {
                return Err(bad_table(name, "tile-compressed FITS tables cannot be read; uncompress it with funpack"));
            }
            return Ok((header, start));
        }
        if unit > 0 && seen.len() < MOST_SEEN {
            let kind = header.text("XTENSION").unwrap_or("?");
            seen.push(format!("{unit} {title:?} {kind}"));
        }
        let data = header.data_bytes().ok_or_else(|| bad_table(name, "its sizes are no numbers of bytes"))?;
        let skipped = std::io::copy(&mut input.by_ref().take(data), &mut std::io::sink());
        skipped.map_err(|error| unreadable(name, &error))?;
    }
    let what = wanted.map_or_else(|| "no binary table".to_owned(), |wanted| format!("no binary table {wanted:?}"));
    let found = if seen.is_empty() { "nothing".to_owned() } else { seen.join(", ") };
    Err(bad_table(name, format!("it has {what}; its extensions are: {found}")))
}

struct CountingRead<'a> {
    input: &'a mut dyn BufRead,
    read: &'a mut u64,
}

impl Read for CountingRead<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let read = self.input.read(buffer)?;
        *self.read += read as u64;
        Ok(read)
    }
}

/// The columns, and the bytes of a row.
fn columns(header: &Header, name: &str) -> Result<(Vec<Field>, Vec<Column>, usize), EngineError> {
    let count = header.size("TFIELDS", name)?.min(999);
    let row_bytes = usize::try_from(header.size("NAXIS1", name)?).unwrap_or(usize::MAX);
    if row_bytes > LONGEST_ROW {
        return Err(bad_table(
            name,
            format!("its rows have {row_bytes} bytes, at most {} MB are read", LONGEST_ROW >> 20),
        ));
    }
    let key = |stem: &str, number: u64| format!("{stem}{number}");
    let text = |stem: &str, number: u64| header.text(&key(stem, number)).unwrap_or_default();
    let names = distinct_names((1..=count).map(|number| text("TTYPE", number).to_owned()));
    let (mut fields, mut columns, mut at) = (Vec::new(), Vec::new(), 0_usize);
    for (number, column_name) in (1..=count).zip(names) {
        let form = text("TFORM", number);
        let bad = || bad_table(name, format!("column {column_name:?} has the TFORM {form:?}, which is none"));
        let Form { width, element, count, descriptor } = Form::parse(form).ok_or_else(bad)?;
        let end = at.checked_add(width).filter(|end| *end <= row_bytes).ok_or_else(bad)?;
        let bytes = at..end;
        at = end;
        if width == 0 {
            continue;
        }
        let dimensions = dimensions(text("TDIM", number));
        let shape = match (descriptor, element, dimensions.as_slice()) {
            (Some(_), _, _) => Shape::Variable,
            (_, element, [letters, _, ..]) if element.is_text() && *letters > 0 => Shape::Texts(*letters),
            (_, element, _) if element.is_text() => Shape::Variable,
            (_, _, [_, ..]) => Shape::Fixed(count),
            _ if count == 1 => Shape::Scalar,
            _ => Shape::Fixed(count),
        };
        let scaling = scaling(element, (header.float(&key("TSCAL", number)), header.float(&key("TZERO", number))));
        let null = header.integer(&key("TNULL", number));
        let values = BinaryColumn { element, shape, scaling, null };
        let size: Vec<String> = dimensions.iter().map(usize::to_string).collect();
        let size = if dimensions.len() > 1 { size.join("x") } else { String::new() };
        let datatype = match form.trim_start_matches(|c: char| c.is_ascii_digit()).chars().next() {
            Some('C') => "floatComplex",
            Some('M') => "doubleComplex",
            _ => "",
        };
        let description = [text("TCOMM", number), text("TDESC", number)].into_iter().find(|text| !text.is_empty());
        let marks = [
            ("unit", text("TUNIT", number)),
            ("ucd", text("TUCD", number)),
            ("utype", text("TUTYP", number)),
            ("xtype", text("TXTYP", number)),
            ("description", description.unwrap_or_default()),
            ("arraysize", &size),
            ("datatype", datatype),
        ];
        fields.push(described(&column_name, values.kind(), &marks));
        columns.push(Column { bytes, values, descriptor, parts: count });
    }
    if columns.is_empty() || row_bytes == 0 {
        return Err(bad_table(name, "its table has no columns"));
    }
    Ok((fields, columns, row_bytes))
}

struct Form {
    width: usize,
    element: Element,
    count: usize,
    descriptor: Option<usize>,
}

impl Form {
    fn parse(form: &str) -> Option<Self> {
        let form = form.trim();
        let letter = form.trim_start_matches(|c: char| c.is_ascii_digit());
        let digits = &form[..form.len() - letter.len()];
        let repeat: usize = if digits.is_empty() { 1 } else { digits.parse().ok()? };
        let mut letters = letter.chars();
        let first = letters.next()?;
        if let 'P' | 'Q' = first {
            let half = if first == 'P' { 4 } else { 8 };
            let (element, parts) = element(letters.next()?)?;
            return Some(Self { width: 2 * half * repeat.min(1), element, count: parts, descriptor: Some(half) });
        }
        let (element, parts) = element(first)?;
        let count = repeat.checked_mul(parts)?;
        Some(Self { width: element.bytes(count)?, element, count, descriptor: None })
    }
}

/// The element that a letter stands for, and how many of it.
fn element(letter: char) -> Option<(Element, usize)> {
    Some(match letter {
        'L' => (Element::Logical, 1),
        'X' => (Element::Bit, 1),
        'B' => (Element::U8, 1),
        'I' => (Element::I16, 1),
        'J' => (Element::I32, 1),
        'K' => (Element::I64, 1),
        'A' => (Element::Char, 1),
        'E' => (Element::F32, 1),
        'D' => (Element::F64, 1),
        'C' => (Element::F32, 2),
        'M' => (Element::F64, 2),
        _ => return None,
    })
}

fn dimensions(text: &str) -> Vec<usize> {
    let inner = text.trim().trim_start_matches('(').trim_end_matches(')');
    inner.split(',').map(|size| size.trim().parse().ok()).collect::<Option<_>>().unwrap_or_default()
}

fn scaling(element: Element, (scale, zero): (Option<f64>, Option<f64>)) -> Scaling {
    let (scale, zero) = (scale.unwrap_or(1.0), zero.unwrap_or(0.0));
    let other_sign = match element {
        Element::U8 => Some(-128.0),
        Element::I16 => Some(32_768.0),
        Element::I32 => Some(2_147_483_648.0),
        Element::I64 => Some(9_223_372_036_854_775_808.0),
        Element::F32 | Element::F64 => None,
        Element::Logical | Element::Bit | Element::Char | Element::Wide => return Scaling::None,
    };
    match (scale, zero) {
        (1.0, 0.0) => Scaling::None,
        (1.0, zero) if Some(zero) == other_sign => Scaling::OtherSign,
        _ => Scaling::Linear { scale, zero },
    }
}
