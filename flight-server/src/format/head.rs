//! What is known of an answer before its first row?

use std::path::PathBuf;

use arrow::datatypes::SchemaRef;

/// Columns, and what a document says about itself.
#[derive(Debug, Clone)]
pub(crate) struct Head {
    /// Columns, with field metadata.
    pub(crate) schema: SchemaRef,
    /// The query, for formats that repeat it.
    pub(crate) query: Option<String>,
    /// What else VOTable says: a name and a value each, such as `citation` or `standardID`.
    pub(crate) infos: Vec<(String, String)>,
    /// Coordinate systems of columns.
    pub(crate) frames: Vec<CoordinateFrame>,
    /// Time systems of columns.
    pub(crate) times: Vec<TimeFrame>,
    /// Whether CSV, TSV and text tell an overflow in a last line that starts with `#`.
    pub(crate) overflow_line: bool,
    /// Where formats that must see every row first keep them meanwhile; the system's folder of temporary files without it.
    pub(crate) spool: Option<PathBuf>,
}

/// A coordinate system (VOTable 1.4, section 3.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CoordinateFrame {
    /// Unique in the document, a name of XML.
    pub(crate) id: String,
    /// `ICRS`, `eq_FK5`, `galactic`, ...
    pub(crate) system: String,
    /// Epoch of the positions, such as `J2016.0`.
    pub(crate) epoch: Option<String>,
    /// Columns that are given in it.
    pub(crate) columns: Vec<String>,
}

/// A time system (VOTable 1.4, section 3.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TimeFrame {
    /// Unique in the document, a name of XML.
    pub(crate) id: String,
    /// `TCB`, `TDB`, `UTC`, ...
    pub(crate) scale: String,
    /// `BARYCENTER`, `TOPOCENTER`, ...
    pub(crate) position: String,
    /// Where numbers count from: a Julian date, `JD-origin` or `MJD-origin`.
    pub(crate) origin: Option<String>,
    /// Columns that are given in it.
    pub(crate) columns: Vec<String>,
}

impl Head {
    /// Of columns and the query that asked for them; nothing else is said.
    pub(crate) const fn new(schema: SchemaRef, query: Option<String>) -> Self {
        Self {
            schema,
            query,
            infos: Vec::new(),
            frames: Vec::new(),
            times: Vec::new(),
            overflow_line: true,
            spool: None,
        }
    }

    /// The identifier that a column refers to, the coordinate system's before the time system's.
    pub(crate) fn reference(&self, column: &str) -> Option<&str> {
        let among = |columns: &[String]| columns.iter().any(|name| name == column);
        let frame = self.frames.iter().find(|frame| among(&frame.columns)).map(|frame| frame.id.as_str());
        frame.or_else(|| self.times.iter().find(|time| among(&time.columns)).map(|time| time.id.as_str()))
    }
}
