//! What does a VOTable say of its columns?
//!
//! *Source*: VOTable 1.5, sections 2 and 4.

use arrow::datatypes::Field;
use quick_xml::escape::unescape;
use quick_xml::events::BytesStart;

use super::binary::{BinaryColumn, Element, Shape};
use super::described;
use super::lists::Items;
use super::text::TextColumn;

/// A FIELD.
#[derive(Debug, Clone, Default)]
pub(super) struct VotableField {
    pub(super) name: String,
    datatype: String,
    arraysize: String,
    unit: String,
    ucd: String,
    utype: String,
    xtype: String,
    pub(super) description: String,
    pub(super) null: Option<String>,
}

/// The most elements of arrays of one length.
const SMALL: usize = 1024;

/// The value of an attribute, empty where there is none.
pub(super) fn attribute(element: &BytesStart<'_>, key: &str) -> Option<String> {
    let found = element.try_get_attribute(key).ok().flatten()?;
    let text = String::from_utf8_lossy(&found.value);
    Some(unescape(&text).map_or_else(|_| text.to_string(), std::borrow::Cow::into_owned))
}

/// The product of some sizes; `None` where one is none, or the product no number.
fn product<'a>(mut sizes: impl Iterator<Item = &'a str>) -> Option<usize> {
    sizes.try_fold(1_usize, |product, size| product.checked_mul(size.parse().ok()?))
}

impl VotableField {
    /// Reads the attributes.
    pub(super) fn of(element: &BytesStart<'_>) -> Self {
        let text = |key| attribute(element, key).unwrap_or_default();
        let name = if text("name").is_empty() { text("ID") } else { text("name") };
        let (datatype, arraysize) = (text("datatype"), text("arraysize").trim().to_owned());
        let (unit, ucd, utype, xtype) = (text("unit"), text("ucd"), text("utype"), text("xtype"));
        Self { name, datatype, arraysize, unit, ucd, utype, xtype, ..Self::default() }
    }

    /// How its cells are stored in the binary forms; `None` for a type that is none.
    pub(super) fn column(&self) -> Option<BinaryColumn> {
        let (element, parts) = match self.datatype.as_str() {
            "boolean" => (Element::Logical, 1),
            "bit" => (Element::Bit, 1),
            "unsignedByte" => (Element::U8, 1),
            "short" => (Element::I16, 1),
            "int" => (Element::I32, 1),
            "long" => (Element::I64, 1),
            "char" => (Element::Char, 1),
            "unicodeChar" => (Element::Wide, 1),
            "float" => (Element::F32, 1),
            "double" => (Element::F64, 1),
            "floatComplex" => (Element::F32, 2),
            "doubleComplex" => (Element::F64, 2),
            _ => return None,
        };
        let sizes: Vec<&str> = self.arraysize.split('x').filter(|size| !size.is_empty()).collect();
        let count = product(sizes.iter().copied());
        let shape = match (sizes.as_slice(), count) {
            ([], _) if parts == 1 => Shape::Scalar,
            ([letters, _, ..], _) if element.is_text() => {
                Shape::Texts(letters.parse().ok().filter(|letters| *letters > 0)?)
            }
            (_, None) => Shape::Variable,
            // A polygon is one whatever its number of corners.
            _ if self.xtype.trim_start_matches("adql:").eq_ignore_ascii_case("polygon") && !element.is_text() => {
                Shape::Variable
            }
            (_, Some(1)) if parts == 1 && !element.is_text() => Shape::Scalar,
            // Arrays of one length take their room also where they are null: that is for small ones.
            (_, Some(count)) if count > SMALL => Shape::Variable,
            (_, Some(count)) => Shape::Fixed(count.checked_mul(parts)?),
        };
        let null = self.null.as_ref().and_then(|null| null.trim().parse().ok());
        Some(BinaryColumn { null, ..BinaryColumn::plain(element, shape) })
    }

    /// Elements that one value of a variable-length array counts as.
    pub(super) fn parts(&self) -> usize {
        if self.datatype.ends_with("Complex") { 2 } else { 1 }
    }

    /// Elements of a cell, where all have as many.
    pub(super) fn fixed_count(&self) -> Option<usize> {
        product(self.arraysize.split('x').filter(|size| !size.is_empty()))?.checked_mul(self.parts())
    }

    /// How its cells of text are read.
    pub(super) fn text_column(&self) -> TextColumn {
        let is_float = matches!(self.datatype.as_str(), "float" | "double");
        let nan = if is_float && self.arraysize.is_empty() { &["NaN", "nan", "NAN"][..] } else { &[] };
        let items = match self.column().map(|column| column.shape) {
            _ if self.datatype == "bit" => Items::Letters,
            Some(Shape::Texts(letters)) => Items::Pieces(letters),
            _ => Items::Words,
        };
        let unknown = (self.datatype == "boolean").then_some("?");
        let nulls = self.null.as_deref().into_iter().chain(nan.iter().copied()).chain(unknown);
        TextColumn { nulls: nulls.map(str::to_owned).collect(), items, ..TextColumn::declared() }
    }

    /// The Arrow field under a name of its own.
    pub(super) fn field(&self, name: &str, column: &BinaryColumn) -> Field {
        let size = if self.arraysize.contains('x') { self.arraysize.as_str() } else { "" };
        let is_noted = self.datatype.ends_with("Complex") || self.datatype == "char";
        let datatype = if is_noted { self.datatype.as_str() } else { "" };
        let marks = [
            ("unit", self.unit.as_str()),
            ("ucd", &self.ucd),
            ("utype", &self.utype),
            ("xtype", &self.xtype),
            ("description", &self.description),
            ("arraysize", size),
            ("datatype", datatype),
        ];
        described(name, column.kind(), &marks)
    }
}
