//! How do the rows of the spool become those of the table, then the heap?
//!
//! Reads the spool once for the rows and, where values have variable length, once more for these; about a megabyte at a
//! time.

use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};

use super::super::FormatError;
use super::BLOCK;
use super::columns::Layout;
use super::header::heap_bytes;

/// Bytes that are given out at a time, or one row more.
const PIECE_BYTES: usize = 1 << 20;

/// How rows point at values of variable length (FITS 4.0, section 7.3.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Descriptor {
    /// `P`: two integers of 4 bytes.
    Short,
    /// `Q`: two integers of 8 bytes.
    Long,
}

impl Descriptor {
    /// The shorter one that reaches everything.
    pub(super) fn of(layout: &[Layout]) -> Self {
        if heap_bytes(layout) <= i32::MAX.cast_unsigned().into() { Self::Short } else { Self::Long }
    }

    const fn bytes(self) -> u64 {
        match self {
            Self::Short => 8,
            Self::Long => 16,
        }
    }
}

/// Bytes of a row of the table.
pub(super) fn row_bytes(layout: &[Layout], descriptor: Descriptor) -> u64 {
    let bytes = |layout: &Layout| match layout {
        Layout::Boolean => 1,
        Layout::Integer { width, .. } => *width as u64,
        Layout::Float(bytes) => *bytes as u64,
        Layout::Text(width) => (*width).max(1),
        Layout::Variable { .. } => descriptor.bytes(),
    };
    layout.iter().map(bytes).sum()
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Rows,
    Heap,
    Ended,
}

/// What is still to be written after the header.
#[derive(Debug)]
pub(super) struct Output {
    spool: Option<BufReader<File>>,
    layout: Vec<Layout>,
    descriptor: Descriptor,
    stage: Stage,
    /// Rows, and those of this stage that are done.
    rows: u64,
    done: u64,
    /// Where the next value of variable length comes to lie.
    heap: u64,
    written: u64,
    /// One value; kept for its capacity.
    value: Vec<u8>,
}

impl Output {
    /// Of a spool that holds that many rows.
    pub(super) fn try_new(spool: Option<File>, layout: Vec<Layout>, rows: u64) -> Result<Self, FormatError> {
        let descriptor = Descriptor::of(&layout);
        let mut spool = spool.map(|file| BufReader::with_capacity(1 << 18, file));
        if let Some(reader) = &mut spool {
            reader.seek(SeekFrom::Start(0))?;
        }
        let rows = if spool.is_some() { rows } else { 0 };
        let stage = Stage::Rows;
        Ok(Self { spool, layout, descriptor, stage, rows, done: 0, heap: 0, written: 0, value: Vec::new() })
    }

    /// Appends about a megabyte; false with the last of it.
    pub(super) fn write_some(&mut self, out: &mut Vec<u8>) -> Result<bool, FormatError> {
        let mark = out.len();
        while out.len() - mark < PIECE_BYTES && self.stage != Stage::Ended {
            if self.done == self.rows {
                self.next_stage()?;
                continue;
            }
            let layout = std::mem::take(&mut self.layout);
            let written = layout.iter().try_for_each(|column| self.write_value(*column, out));
            self.layout = layout;
            written?;
            self.done += 1;
        }
        self.written += (out.len() - mark) as u64;
        if self.stage == Stage::Ended {
            let over = usize::try_from(self.written % BLOCK as u64).unwrap_or_default();
            out.resize(out.len() + (BLOCK - over) % BLOCK, 0);
        }
        Ok(self.stage != Stage::Ended)
    }

    fn next_stage(&mut self) -> Result<(), FormatError> {
        let has_heap = self.stage == Stage::Rows && heap_bytes(&self.layout) > 0;
        self.stage = if has_heap { Stage::Heap } else { Stage::Ended };
        self.done = 0;
        if let Some(spool) = self.spool.as_mut().filter(|_| has_heap) {
            spool.seek(SeekFrom::Start(0))?;
        }
        Ok(())
    }

    fn write_value(&mut self, column: Layout, out: &mut Vec<u8>) -> Result<(), FormatError> {
        self.read_value(column)?;
        match (self.stage, column) {
            (Stage::Heap, Layout::Variable { .. }) => out.extend_from_slice(&self.value),
            (Stage::Heap, _) => {}
            (_, Layout::Variable { item, .. }) => {
                let (items, start) = ((self.value.len() / item) as u64, self.heap);
                for number in [items, start] {
                    let bytes = number.to_be_bytes();
                    out.extend_from_slice(if self.descriptor == Descriptor::Short { &bytes[4..] } else { &bytes });
                }
                self.heap += self.value.len() as u64;
            }
            (_, Layout::Integer { kept, width, shift, null, .. }) => {
                let number = match null {
                    Some(null) if self.value[0] == 1 => null,
                    _ => integer(&self.value[1..], kept).wrapping_add(shift),
                };
                out.extend_from_slice(&number.to_be_bytes()[8 - width..]);
            }
            (_, Layout::Text(width)) => {
                let end = out.len() + usize::try_from(width.max(1)).unwrap_or_default();
                out.extend_from_slice(&self.value);
                out.resize(end, 0);
            }
            (_, Layout::Boolean | Layout::Float(_)) => out.extend_from_slice(&self.value),
        }
        Ok(())
    }

    /// Reads the next value of the spool.
    fn read_value(&mut self, column: Layout) -> Result<(), FormatError> {
        let Some(spool) = &mut self.spool else { return Ok(()) };
        let bytes = match column {
            Layout::Boolean => 1,
            Layout::Integer { kept, .. } => kept + 1,
            Layout::Float(bytes) => bytes,
            Layout::Text(_) | Layout::Variable { .. } => {
                let mut length = [0; 4];
                spool.read_exact(&mut length)?;
                u32::from_be_bytes(length) as usize
            }
        };
        self.value.resize(bytes, 0);
        spool.read_exact(&mut self.value)?;
        Ok(())
    }
}

/// An integer as FITS stores it: bytes are unsigned.
fn integer(bytes: &[u8], kept: usize) -> i64 {
    let mut wide = [if kept > 1 && bytes[0] >= 0x80 { 0xff } else { 0 }; 8];
    wide[8 - kept..].copy_from_slice(bytes);
    i64::from_be_bytes(wide)
}
