//! Which VOTable type has an Arrow column?
//!
//! One mapping for TAP_SCHEMA, VOSI tables and every serialisation. Unsigned integers take the next wider signed type
//! (the largest one the widest there is); whatever VOTable has no type for is text. Text of people is `unicodeChar`: readers
//! take `char` for ASCII, and those of the binary serialisations fail on anything else. Times, numbers as text and types of
//! DALI are ASCII by definition and stay `char`.

use arrow::datatypes::{DataType, Field};

/// The VOTable type of a column.
///
/// *Source*: VOTable 1.5 section 2.1; DALI 1.1 section 3 for `xtype`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VotableType {
    /// `double`, `long`, `char`, ...
    pub datatype: &'static str,
    /// `None` for scalars, `*` for texts and lists, `2` for points.
    pub arraysize: Option<String>,
    /// DALI type, such as `timestamp` or `point`.
    pub xtype: Option<String>,
}

/// The VOTable type of a column; field metadata `xtype` is taken over.
///
/// ```
/// use arrow::datatypes::{DataType, Field};
/// use sidereus_engine::votable_type;
/// let id = votable_type(&Field::new("id", DataType::Int64, false));
/// assert_eq!((id.datatype, id.arraysize), ("long", None));
/// ```
#[must_use]
pub fn votable_type(field: &Field) -> VotableType {
    let (mut datatype, arraysize) = noted(field).unwrap_or_else(|| datatype(field.data_type()));
    let declared = field.metadata().get("xtype").filter(|xtype| !xtype.is_empty()).cloned();
    let is_time = matches!(field.data_type(), DataType::Timestamp(..) | DataType::Date32 | DataType::Date64);
    let xtype = declared.or_else(|| is_time.then(|| "timestamp".to_owned()));
    let is_ascii = xtype.as_ref().is_some_and(|xtype| {
        ASCII_XTYPES.contains(&xtype.to_ascii_lowercase().as_str()) || xtype.to_ascii_lowercase().starts_with("adql:")
    });
    // Who brought it as ASCII gets it back so.
    let is_ascii = is_ascii || field.metadata().get("datatype").is_some_and(|noted| noted == "char");
    if datatype == "char" && !is_ascii && holds_any_text(field.data_type()) {
        datatype = "unicodeChar";
    }
    VotableType { datatype, arraysize, xtype }
}

/// Types of DALI 1.1, section 3, whose texts are ASCII.
const ASCII_XTYPES: [&str; 10] =
    ["timestamp", "interval", "point", "circle", "range", "polygon", "moc", "multipolygon", "multishape", "shape"];

/// Whether a type that is text in VOTable may hold any character.
fn holds_any_text(data_type: &DataType) -> bool {
    match data_type {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => true,
        DataType::Dictionary(_, values) => holds_any_text(values),
        DataType::RunEndEncoded(_, values) => holds_any_text(values.data_type()),
        other => other.is_nested(),
    }
}

/// What the metadata of an uploaded column say that its Arrow type does not: that pairs of floats are complex numbers, and
/// the shape of an array of one size. `None` where they say nothing, or nothing that the type can hold.
fn noted(field: &Field) -> Option<(&'static str, Option<String>)> {
    let DataType::FixedSizeList(item, length) = field.data_type() else { return None };
    let (datatype, parts) = match (field.metadata().get("datatype").map(String::as_str), item.data_type()) {
        (Some("floatComplex"), DataType::Float32) => ("floatComplex", 2),
        (Some("doubleComplex"), DataType::Float64) => ("doubleComplex", 2),
        (_, item) => (scalar(item)?, 1),
    };
    let values = length / parts;
    let shape = field.metadata().get("arraysize").filter(|shape| {
        let product = shape.split('x').try_fold(1_i32, |product, size| product.checked_mul(size.parse().ok()?));
        product == Some(values)
    });
    match (shape, parts) {
        _ if length % parts != 0 => None,
        (Some(shape), _) => Some((datatype, Some(shape.clone()))),
        (None, 2) => Some((datatype, (values > 1).then(|| values.to_string()))),
        (None, _) => None,
    }
}

fn datatype(data_type: &DataType) -> (&'static str, Option<String>) {
    let text = || ("char", Some("*".to_owned()));
    match data_type {
        DataType::List(item) | DataType::LargeList(item) => {
            scalar(item.data_type()).map_or_else(text, |item| (item, Some("*".to_owned())))
        }
        DataType::FixedSizeList(item, length) => {
            scalar(item.data_type()).map_or_else(text, |item| (item, Some(length.to_string())))
        }
        DataType::Dictionary(_, values) => datatype(values),
        other => scalar(other).map_or_else(text, |name| (name, None)),
    }
}

/// The name of a type whose values have a fixed width in VOTable.
fn scalar(data_type: &DataType) -> Option<&'static str> {
    Some(match data_type {
        DataType::Boolean => "boolean",
        DataType::UInt8 => "unsignedByte",
        DataType::Int8 | DataType::Int16 => "short",
        DataType::UInt16 | DataType::Int32 => "int",
        DataType::UInt32 | DataType::Int64 | DataType::UInt64 => "long",
        DataType::Float16 | DataType::Float32 => "float",
        DataType::Float64 => "double",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::datatypes::TimeUnit;

    use super::*;

    #[test]
    fn maps_every_family_of_types() {
        let item = |kind| Arc::new(Field::new_list_field(kind, true));
        for (kind, datatype, arraysize, xtype) in [
            (DataType::Boolean, "boolean", None, None),
            (DataType::UInt8, "unsignedByte", None, None),
            (DataType::Int8, "short", None, None),
            (DataType::UInt16, "int", None, None),
            (DataType::UInt64, "long", None, None),
            (DataType::Float16, "float", None, None),
            (DataType::Float64, "double", None, None),
            (DataType::LargeUtf8, "unicodeChar", Some("*"), None),
            (DataType::Decimal128(38, 2), "char", Some("*"), None),
            (DataType::Timestamp(TimeUnit::Microsecond, None), "char", Some("*"), Some("timestamp")),
            (DataType::Date32, "char", Some("*"), Some("timestamp")),
            (DataType::List(item(DataType::Float32)), "float", Some("*"), None),
            (DataType::FixedSizeList(item(DataType::Float64), 2), "double", Some("2"), None),
            (DataType::List(item(DataType::Utf8)), "unicodeChar", Some("*"), None),
            (DataType::Struct(vec![Field::new("a", DataType::Int8, true)].into()), "unicodeChar", Some("*"), None),
            (DataType::Dictionary(Box::new(DataType::Int8), Box::new(DataType::Utf8)), "unicodeChar", Some("*"), None),
        ] {
            let found = votable_type(&Field::new("x", kind.clone(), true));
            let found = (found.datatype, found.arraysize.as_deref(), found.xtype.as_deref());
            assert_eq!(found, (datatype, arraysize, xtype), "{kind}");
        }
    }

    #[test]
    fn takes_over_the_shape_and_type_that_an_upload_had() {
        let array = |kind, length, notes: &[(&str, &str)]| {
            let kind = DataType::FixedSizeList(Arc::new(Field::new_list_field(kind, true)), length);
            let notes = notes.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
            let found = votable_type(&Field::new("x", kind, true).with_metadata(notes.collect()));
            (found.datatype, found.arraysize)
        };
        let size = |size: &str| Some(size.to_owned());
        assert_eq!(array(DataType::Int32, 6, &[("arraysize", "2x3")]), ("int", size("2x3")));
        assert_eq!(array(DataType::Int32, 6, &[("arraysize", "2x4")]), ("int", size("6")));
        assert_eq!(array(DataType::Float32, 2, &[("datatype", "floatComplex")]), ("floatComplex", None));
        assert_eq!(array(DataType::Float64, 6, &[("datatype", "doubleComplex")]), ("doubleComplex", size("3")));
        assert_eq!(array(DataType::Float64, 3, &[("datatype", "doubleComplex")]), ("double", size("3")));
        assert_eq!(array(DataType::Float64, 2, &[("datatype", "floatComplex")]), ("double", size("2")));
    }

    #[test]
    fn takes_over_a_declared_xtype() {
        let point = DataType::FixedSizeList(Arc::new(Field::new_list_field(DataType::Float64, false)), 2);
        let field = Field::new("p", point, true).with_metadata([("xtype".to_owned(), "point".to_owned())].into());
        assert_eq!(votable_type(&field).xtype.as_deref(), Some("point"));
        let region = Field::new("r", DataType::Utf8, true);
        let region = region.with_metadata([("xtype".to_owned(), "adql:REGION".to_owned())].into());
        assert_eq!(votable_type(&region).datatype, "char");
    }
}
