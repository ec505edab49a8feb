//! Rows as a FITS binary table (FITS 4.0, section 7.3).
//!
//! The header tells how many rows follow and how long the longest text is, so rows wait in a spool file until the last one
//! is known:
//!
//! ```text
//! batches -> spool (rows as they come, texts and lists with their length) -> header -> rows -> heap of texts and lists
//! ```
//! What fails, fails before the first byte. Units, UCDs, utypes, xtypes and descriptions are the cards TUNIT, TUCD, TUTYP, TXTYP and
//! TCOMM, as STILTS reads and writes them. FITS has no NULL for texts and lists, which become empty, nor for floating point, where
//! NULL is NaN.

mod columns;
mod header;
mod output;

use std::fs::File;
use std::io::{BufWriter, Write};

use arrow::record_batch::RecordBatch;

use super::cells::prepared;
use super::{Encoder, Ending, FormatError, Head, OutputFormat};
use columns::FitsColumn;
use output::Output;

/// Length of a unit of FITS files.
const BLOCK: usize = 2880;

/// The format.
#[derive(Debug)]
pub(super) struct Fits;

impl OutputFormat for Fits {
    fn name(&self) -> &'static str {
        "fits"
    }

    fn media_type(&self) -> &'static str {
        "application/fits"
    }

    fn aliases(&self) -> &'static [&'static str] {
        &["image/fits", "fits-basic"]
    }

    fn encoder(&self, head: &Head) -> Result<Box<dyn Encoder>, FormatError> {
        let columns = head.schema.fields().iter().map(|field| FitsColumn::new(field)).collect();
        Ok(Box::new(FitsEncoder { head: head.clone(), columns, spool: None, rows: 0, row: Vec::new(), output: None }))
    }
}

struct FitsEncoder {
    head: Head,
    columns: Vec<FitsColumn>,
    /// Made with the first row; the system removes it with the last handle.
    spool: Option<BufWriter<File>>,
    rows: u64,
    /// One row; kept for its capacity.
    row: Vec<u8>,
    output: Option<Output>,
}

impl FitsEncoder {
    fn spool(&mut self) -> Result<&mut BufWriter<File>, FormatError> {
        if self.spool.is_none() {
            let file = match &self.head.spool {
                Some(folder) => tempfile::tempfile_in(folder)?,
                None => tempfile::tempfile()?,
            };
            self.spool = Some(BufWriter::with_capacity(1 << 18, file));
        }
        self.spool.as_mut().ok_or_else(|| std::io::Error::other("there is no spool file").into())
    }
}

impl Encoder for FitsEncoder {
    fn begin(&mut self, _out: &mut Vec<u8>) -> Result<(), FormatError> {
        Ok(())
    }

    fn batch(&mut self, batch: &RecordBatch, _out: &mut Vec<u8>) -> Result<(), FormatError> {
        let arrays = prepared(batch.columns())?;
        let mut sources = Vec::with_capacity(arrays.len());
        for array in &arrays {
            sources.push(columns::Source::try_new(array.as_ref())?);
        }
        let mut bytes = std::mem::take(&mut self.row);
        bytes.clear();
        for row in 0..batch.num_rows() {
            for (column, source) in self.columns.iter_mut().zip(&sources) {
                column.add(source, row, &mut bytes)?;
            }
        }
        self.rows += batch.num_rows() as u64;
        self.spool()?.write_all(&bytes)?;
        self.row = bytes;
        Ok(())
    }

    fn finish(&mut self, ending: Ending, out: &mut Vec<u8>) -> Result<(), FormatError> {
        let spool = match self.spool.take() {
            Some(writer) => Some(writer.into_inner().map_err(std::io::IntoInnerError::into_error)?),
            None => None,
        };
        let layout = self.columns.iter().map(FitsColumn::layout).collect::<Result<Vec<_>, _>>()?;
        header::write(&self.head, &layout, (self.rows, ending), out)?;
        self.output = Some(Output::try_new(spool, layout, self.rows)?);
        Ok(())
    }

    fn rest(&mut self, out: &mut Vec<u8>) -> Result<bool, FormatError> {
        match &mut self.output {
            Some(output) => output.write_some(out),
            None => Ok(false),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::kit;
    use super::*;

    /// Cards and offsets are counted by hand after FITS 4.0; real readers look at the whole in the client checks.
    #[test]
    fn a_table_is_made_of_whole_blocks() {
        let bytes = kit::bytes(&Fits, Ending::Overflow);
        assert_eq!(bytes.len() % BLOCK, 0);
        let cards: Vec<String> =
            bytes[BLOCK..].chunks(80).map(|card| String::from_utf8_lossy(card).trim_end().to_owned()).collect();
        let has =
            |card: &str| assert!(cards.iter().any(|known| known.starts_with(card)), "{card}: {:#?}", &cards[..70]);
        has("XTENSION= 'BINTABLE'");
        has("NAXIS2  =                    3");
        has("TTYPE1  = 'id      '");
        has("TFORM1  = 'K       '");
        has("TUCD1   = 'meta.id;meta.main'");
        has("TCOMM1  = 'Source <id> & \"more\"'");
        has("TUNIT2  = 'deg     '");
        has("TUTYP3  = 'phot:mag'");
        has("TFORM4  = '20A     '");
        has("TFORM5  = 'L       '");
        has("TXTYP6  = 'timestamp'");
        has("TFORM7  = '1PD(2)  '");
        has("TFORM8  = 'K       '");
        has("TNULL8  = -9223372036854775808");
        has("TNULL9  = -9223372036854775808");
        has("OVERFLOW=                    T");
        assert!(!cards.iter().any(|card| card.starts_with("TNULL1 ")), "a column without NULLs");
        let end = cards.iter().position(|card| card == "END").unwrap();
        let data = BLOCK + (end + 1).div_ceil(36) * BLOCK;
        assert_eq!(bytes[data..data + 8], 1_i64.to_be_bytes());
        assert_eq!(bytes[data + 8..data + 16], 266.404996_f64.to_be_bytes());
    }
}
