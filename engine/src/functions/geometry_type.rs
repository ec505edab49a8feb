//! How is a geometry written in Arrow, and which geometry does a value hold?
//!
//! ```text
//! POINT    FixedSizeList<f64, 2>            longitude, latitude
//! CIRCLE   FixedSizeList<f64, 3>            longitude, latitude, radius
//! POLYGON  List<f64>                        longitude, latitude, longitude, latitude, ... (DALI order)
//! MOC      List<Struct<start, end: u64>>    ranges of order-29 cells, end exclusive
//! REGION   Utf8                             STC-S
//! ```
//! All angles are degrees, ICRS. A field tells its kind by the metadata key `xtype`. DataFusion drops field metadata in
//! some places (`CASE` and what becomes one, such as `COALESCE`; aggregates); there the shape decides, which is unique
//! for each kind. A field whose `xtype` names something else (an interval is a pair of numbers, too) is no geometry.
//!
//! This module must not know any SQL function.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, FixedSizeListArray, Float64Array};
use arrow::buffer::NullBuffer;
use arrow::datatypes::{DataType, Field, FieldRef, Fields, Float64Type};
use datafusion::common::{DataFusionError, Result, exec_datafusion_err};
use sidereus_sky::{Circle, Polygon, Region, SkyError, SkyPoint};

use super::moc_array::moc_of;

/// Field metadata key that names the kind of a value (VOTable `xtype`).
pub(crate) const XTYPE: &str = "xtype";

/// A kind of geometry that a column can hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum GeometryKind {
    /// A position.
    Point,
    /// A small circle.
    Circle,
    /// Great-circle edges.
    Polygon,
    /// A set of HEALPix cells.
    Moc,
    /// Any shape, as text.
    Region,
}

impl GeometryKind {
    const ALL: [Self; 5] = [Self::Point, Self::Circle, Self::Polygon, Self::Moc, Self::Region];

    /// The value of the metadata key [`XTYPE`].
    pub(crate) fn xtype(self) -> &'static str {
        match self {
            Self::Point => "point",
            Self::Circle => "circle",
            Self::Polygon => "polygon",
            Self::Moc => "moc",
            Self::Region => "region",
        }
    }

    /// The Arrow type that functions return for this kind.
    pub(crate) fn data_type(self) -> DataType {
        match self {
            Self::Point => DataType::FixedSizeList(coordinate_field(), 2),
            Self::Circle => DataType::FixedSizeList(coordinate_field(), 3),
            Self::Polygon => DataType::List(coordinate_field()),
            Self::Moc => {
                let bound = |name| Field::new(name, DataType::UInt64, false);
                let range = DataType::Struct(Fields::from(vec![bound("start"), bound("end")]));
                DataType::List(Arc::new(Field::new("item", range, true)))
            }
            Self::Region => DataType::Utf8,
        }
    }

    /// A nullable field of this kind.
    pub(crate) fn field(self, name: &str) -> Field {
        let mut metadata = HashMap::from([(XTYPE.to_owned(), self.xtype().to_owned())]);
        if matches!(self, Self::Point | Self::Circle | Self::Polygon) {
            metadata.insert("unit".to_owned(), "deg".to_owned());
        }
        Field::new(name, self.data_type(), true).with_metadata(metadata)
    }

    /// The kind of a field that stands where a geometry is demanded: by its `xtype`, else by its shape.
    ///
    /// `None` where the `xtype` names something else, or the type cannot hold the kind it names.
    pub(crate) fn of(field: &Field) -> Option<Self> {
        let by_shape = Self::of_shape(field.data_type());
        match field.metadata().get(XTYPE) {
            Some(xtype) => by_shape.filter(|kind| kind.answers_to(xtype)),
            None => by_shape,
        }
    }

    /// The kind that a type can hold; no two kinds share a type.
    pub(crate) fn of_shape(data_type: &DataType) -> Option<Self> {
        match data_type {
            DataType::FixedSizeList(item, 2) if item.data_type() == &DataType::Float64 => Some(Self::Point),
            DataType::FixedSizeList(item, 3) if item.data_type() == &DataType::Float64 => Some(Self::Circle),
            DataType::List(item) => match item.data_type() {
                DataType::Float64 => Some(Self::Polygon),
                DataType::Struct(fields) if is_cell_range(fields) => Some(Self::Moc),
                _ => None,
            },
            DataType::Utf8 => Some(Self::Region),
            _ => None,
        }
    }

    /// Whether an `xtype`, in today's or in the older `adql:` spelling, names this kind.
    fn answers_to(self, xtype: &str) -> bool {
        let name = xtype.strip_prefix("adql:").unwrap_or(xtype);
        debug_assert!(Self::ALL.contains(&self));
        name.eq_ignore_ascii_case(self.xtype())
    }
}

fn coordinate_field() -> FieldRef {
    Arc::new(Field::new("item", DataType::Float64, true))
}

fn is_cell_range(fields: &Fields) -> bool {
    fields.len() == 2 && fields.iter().all(|field| field.data_type() == &DataType::UInt64)
}

/// Longitude in [0, 360), the same for every spelling of a direction.
pub(crate) fn reduced_longitude(lon_deg: f64) -> f64 {
    if (0.0..360.0).contains(&lon_deg) {
        return lon_deg + 0.0;
    }
    let reduced = lon_deg.rem_euclid(360.0);
    // A tiny negative longitude rounds up to the full circle.
    if reduced >= 360.0 { 0.0 } else { reduced }
}

/// Whether a pair of numbers is a position: both finite, latitude within -90..=90.
pub(crate) fn is_position(lon_deg: f64, lat_deg: f64) -> bool {
    lon_deg.is_finite() && (-90.0..=90.0).contains(&lat_deg)
}

/// An array of one kind of geometry.
#[derive(Debug)]
pub(crate) struct GeometryArray {
    kind: GeometryKind,
    array: ArrayRef,
    /// The numbers of points and circles.
    numbers: Option<(FixedSizeListArray, Float64Array)>,
}

impl GeometryArray {
    /// Wraps an array that a field of kind `kind` describes.
    ///
    /// *Errors*: internal, when the array's type cannot hold the kind.
    pub(crate) fn try_new(kind: GeometryKind, array: ArrayRef) -> Result<Self> {
        if GeometryKind::of_shape(array.data_type()) != Some(kind) {
            let found = array.data_type();
            return Err(DataFusionError::Internal(format!("a {} cannot be held by {found}", kind.xtype())));
        }
        let numbers = array.as_fixed_size_list_opt().map(|list| (list.clone(), list.values().as_primitive().clone()));
        Ok(Self { kind, array, numbers })
    }

    /// The text of a region; `None` where it is null or the kind is another.
    pub(crate) fn text(&self, row: usize) -> Option<&str> {
        let texts = self.array.as_string_opt::<i32>()?;
        texts.is_valid(row).then(|| texts.value(row))
    }

    /// The numbers of a point or circle; `None` where it, or one of them, is null.
    #[inline]
    fn numbers<const N: usize>(&self, row: usize) -> Option<[f64; N]> {
        let (list, values) = self.numbers.as_ref()?;
        if list.is_null(row) {
            return None;
        }
        let start = usize::try_from(list.value_offset(row)).ok()?;
        if values.null_count() > 0 && (start..start + N).any(|index| values.is_null(index)) {
            return None;
        }
        values.values().get(start..start + N)?.try_into().ok()
    }

    /// The kind of every value.
    pub(crate) fn kind(&self) -> GeometryKind {
        self.kind
    }

    /// Whether a row has no geometry.
    pub(crate) fn is_null(&self, row: usize) -> bool {
        self.array.is_null(row)
    }

    /// Longitude and latitude of a point; `None` where it is null or no position, or the kind is another.
    pub(crate) fn position(&self, row: usize) -> Option<(f64, f64)> {
        if self.kind != GeometryKind::Point {
            return None;
        }
        let [lon, lat] = self.numbers::<2>(row)?;
        is_position(lon, lat).then(|| (reduced_longitude(lon), lat))
    }

    /// The geometry of a row; `None` where it, or one of its numbers, is null.
    ///
    /// *Errors*: numbers or a text that describe no geometry.
    pub(crate) fn region(&self, row: usize) -> Result<Option<Region>, SkyError> {
        if self.array.is_null(row) {
            return Ok(None);
        }
        match self.kind {
            GeometryKind::Point => {
                let values = self.numbers::<2>(row);
                values.map(|[lon, lat]| SkyPoint::from_degrees(lon, lat).map(Region::Point)).transpose()
            }
            GeometryKind::Circle => {
                let values = self.numbers::<3>(row);
                values.map(|[lon, lat, radius]| Circle::from_degrees(lon, lat, radius).map(Region::Circle)).transpose()
            }
            GeometryKind::Polygon => polygon(self.array.as_list::<i32>().value(row).as_ref()),
            GeometryKind::Moc => {
                moc_of(self.array.as_list::<i32>().value(row).as_ref()).map(|moc| Some(Region::Moc(moc)))
            }
            GeometryKind::Region => Region::from_stcs(self.array.as_string::<i32>().value(row)).map(Some),
        }
    }
}

/// The error of a value that describes no geometry.
pub(crate) fn invalid(error: &SkyError) -> DataFusionError {
    exec_datafusion_err!("{error}")
}

fn polygon(values: &dyn Array) -> Result<Option<Region>, SkyError> {
    let values = values.as_primitive::<Float64Type>();
    if values.null_count() > 0 {
        return Ok(None);
    }
    let vertices: Vec<(f64, f64)> = values.values().chunks_exact(2).map(|pair| (pair[0], pair[1])).collect();
    Polygon::from_degrees(&vertices).map(|polygon| Some(Region::Polygon(polygon)))
}

/// Puts the numbers of each row together as a geometry of fixed size; `coordinates` is one vector a coordinate.
pub(crate) fn fixed_size_array<const N: usize>(rows: &[Option<[f64; N]>]) -> Result<ArrayRef> {
    let nulls = NullBuffer::from_iter(rows.iter().map(Option::is_some));
    let values: Float64Array = rows.iter().flat_map(|row| row.unwrap_or([0.0; N])).collect::<Vec<f64>>().into();
    let size = i32::try_from(N).map_err(|_| DataFusionError::Internal("a geometry of too many numbers".to_owned()))?;
    let array = FixedSizeListArray::try_new(coordinate_field(), size, Arc::new(values), Some(nulls))?;
    Ok(Arc::new(array))
}
