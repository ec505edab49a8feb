//! What does a structure of Parquet's metadata say, before anything is made of it?
//!
//! Only numbers and their fields are read, whatever else there is is passed over: enough to hold sizes against each other.
//!
//! *Source*: Apache Thrift, compact protocol.

/// Levels of structures and lists.
const DEEPEST: usize = 32;

const TRUE: u8 = 1;
const FALSE: u8 = 2;
const BYTE: u8 = 3;
const I64: u8 = 6;
const DOUBLE: u8 = 7;
const BINARY: u8 = 8;
const LIST: u8 = 9;
const SET: u8 = 10;
const MAP: u8 = 11;
const STRUCT: u8 = 12;

/// Bytes of a structure, read from front to back.
#[derive(Debug)]
pub(super) struct Thrift<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Thrift<'a> {
    /// At the beginning of a structure.
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// Bytes read so far.
    pub(super) fn position(&self) -> usize {
        self.at
    }

    /// Reads a structure and tells of each number in it: the fields that lead to it, with the place of an item in the
    /// lists on the way left out, and its value. `None` where the bytes are no structure.
    pub(super) fn numbers(&mut self, seen: &mut dyn FnMut(&[i16], i64)) -> Option<()> {
        self.structure(&mut Vec::new(), seen)
    }

    fn structure(&mut self, path: &mut Vec<i16>, seen: &mut dyn FnMut(&[i16], i64)) -> Option<()> {
        if path.len() > DEEPEST {
            return None;
        }
        let mut field = 0_i16;
        loop {
            let head = self.byte()?;
            if head == 0 {
                // The end of a structure is told as a number of its own.
                seen(path, -1);
                return Some(());
            }
            field = match head >> 4 {
                0 => i16::try_from(self.zigzag()?).ok()?,
                step => field.checked_add(i16::from(step))?,
            };
            path.push(field);
            self.value(head & 15, path, seen)?;
            path.pop();
        }
    }

    fn value(&mut self, kind: u8, path: &mut Vec<i16>, seen: &mut dyn FnMut(&[i16], i64)) -> Option<()> {
        match kind {
            TRUE | FALSE => {}
            BYTE => drop(self.byte()?),
            4..=I64 => {
                let value = self.zigzag()?;
                seen(path, value);
            }
            DOUBLE => self.skip(8)?,
            BINARY => {
                let length = self.varint()?;
                self.skip(usize::try_from(length).ok()?)?;
            }
            LIST | SET => {
                let head = self.byte()?;
                let count = if head >> 4 == 15 { self.varint()? } else { u64::from(head >> 4) };
                self.items(count, &[head & 15], path, seen)?;
            }
            MAP => {
                let count = self.varint()?;
                let kinds = if count == 0 { 0 } else { self.byte()? };
                self.items(count, &[kinds >> 4, kinds & 15], path, seen)?;
            }
            STRUCT => self.structure(path, seen)?,
            _ => return None,
        }
        Some(())
    }

    fn items(
        &mut self,
        count: u64,
        kinds: &[u8],
        path: &mut Vec<i16>,
        seen: &mut dyn FnMut(&[i16], i64),
    ) -> Option<()> {
        // Every item takes a byte: more of them than bytes is a lie.
        if count > (self.bytes.len() - self.at) as u64 || path.len() > DEEPEST {
            return None;
        }
        for _ in 0..count {
            for kind in kinds {
                match *kind {
                    TRUE | FALSE => drop(self.byte()?),
                    kind => {
                        path.push(0);
                        self.value(kind, path, seen)?;
                        path.pop();
                    }
                }
            }
        }
        Some(())
    }

    fn byte(&mut self) -> Option<u8> {
        let byte = *self.bytes.get(self.at)?;
        self.at += 1;
        Some(byte)
    }

    fn skip(&mut self, bytes: usize) -> Option<()> {
        self.at = self.at.checked_add(bytes).filter(|end| *end <= self.bytes.len())?;
        Some(())
    }

    /// An unsigned number of seven bits a byte.
    pub(super) fn varint(&mut self) -> Option<u64> {
        let mut value = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }

    fn zigzag(&mut self) -> Option<i64> {
        let value = self.varint()?;
        Some((value >> 1).cast_signed() ^ -(value & 1).cast_signed())
    }
}
