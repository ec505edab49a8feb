//! What is known of an answer before its first row?

use std::path::PathBuf;

use arrow::datatypes::{Schema, SchemaRef};
use sidereus_engine::{EPOCH, FRAME, Reference};

/// Columns, and what a document says about itself.
#[derive(Debug, Clone)]
pub(crate) struct Head {
    /// Columns, with field metadata.
    pub(crate) schema: SchemaRef,
    /// The query, for formats that repeat it.
    pub(crate) query: Option<String>,
    /// What else VOTable says: a name and a value each, such as `citation` or `standardID`.
    pub(crate) infos: Vec<Info>,
    /// Coordinate systems of columns.
    pub(crate) frames: Vec<CoordinateFrame>,
    /// Time systems of columns.
    pub(crate) times: Vec<TimeFrame>,
    /// Whether CSV, TSV and text tell an overflow in a last line that starts with `#`.
    pub(crate) overflow_line: bool,
    /// Where formats that must see every row first keep them meanwhile; the system's folder of temporary files without it.
    pub(crate) spool: Option<PathBuf>,
}

/// Something that a document says about itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Info {
    /// What is said.
    pub(crate) name: String,
    /// The value.
    pub(crate) value: String,
    /// The table that it is said of, where it is not the whole answer.
    pub(crate) about: Option<String>,
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
    /// Of columns and the query that asked for them; what the schema knows of frames and catalogs is said too.
    pub(crate) fn new(schema: SchemaRef, query: Option<String>) -> Self {
        let (infos, frames) = (infos(&schema), frames(&schema));
        Self { schema, query, infos, frames, times: Vec::new(), overflow_line: true, spool: None }
    }

    /// The identifier that a column refers to, the coordinate system's before the time system's.
    pub(crate) fn reference(&self, column: &str) -> Option<&str> {
        let among = |columns: &[String]| columns.iter().any(|name| name == column);
        let frame = self.frames.iter().find(|frame| among(&frame.columns)).map(|frame| frame.id.as_str());
        frame.or_else(|| self.times.iter().find(|time| among(&time.columns)).map(|time| time.id.as_str()))
    }
}

/// What the catalogs of an answer say of their origin (DataOrigin, IVOA note 1.1).
fn infos(schema: &Schema) -> Vec<Info> {
    let of_one = |Reference { table, entries }: Reference| {
        entries.into_iter().map(move |(name, value)| Info { name, value, about: Some(table.clone()) })
    };
    Reference::of_schema(schema).into_iter().flat_map(of_one).collect()
}

/// The systems of position columns, one for each frame and epoch.
fn frames(schema: &Schema) -> Vec<CoordinateFrame> {
    let mut frames: Vec<CoordinateFrame> = Vec::new();
    for field in schema.fields() {
        let Some(frame) = field.metadata().get(FRAME) else { continue };
        let system = if frame == "FK5" { "eq_FK5" } else { frame };
        let epoch = field.metadata().get(EPOCH).cloned();
        let known = frames.iter_mut().find(|known| known.system == system && known.epoch == epoch);
        match known {
            Some(known) => known.columns.push(field.name().clone()),
            None => frames.push(CoordinateFrame {
                id: format!("system{}", frames.len() + 1),
                system: system.to_owned(),
                epoch,
                columns: vec![field.name().clone()],
            }),
        }
    }
    frames
}
