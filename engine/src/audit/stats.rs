//! What is in a catalog? Figures for people, from all rows.

use std::fs::File;
use std::path::Path;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray};
use arrow::compute::{SortOptions, cast, concat, filter, is_not_null, sort_to_indices, take};
use arrow::datatypes::{DataType, Float64Type};
use arrow::error::ArrowError;
use arrow::util::display::array_value_to_string;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use rayon::prelude::*;
use sidereus_sky::{Cell, Moc, Order};

use super::leaf::{self, COUNTED_ORDER, Expected};
use crate::catalog::{CatalogMetadata, CatalogRegistry};
use crate::error::{EngineError, ErrorKind};

/// What a catalog holds.
#[derive(Debug, Clone, PartialEq)]
pub struct CatalogStats {
    /// Its name.
    pub name: String,
    /// Rows that were read.
    pub rows: u64,
    /// Bytes of its data files.
    pub bytes: u64,
    /// Partitions.
    pub partitions: usize,
    /// The digest of its manifest, where it has one.
    pub snapshot: Option<String>,
    /// Columns, in order.
    pub columns: Vec<ColumnStats>,
    /// Cells of order 10 that hold rows, where positions are known.
    pub coverage: Option<Moc>,
}

/// What a column holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnStats {
    /// Exact name.
    pub name: String,
    /// Type of its values.
    pub kind: String,
    /// Unit, empty where it has none.
    pub unit: String,
    /// Nulls.
    pub nulls: u64,
    /// NaNs, which are no nulls.
    pub nans: u64,
    /// Least value, without NaN; `None` where there is none, or none is least.
    pub min: Option<String>,
    /// Greatest value, without NaN.
    pub max: Option<String>,
}

/// Reads a catalog in a local folder, or the primary of a collection, and counts.
///
/// *Cost*: reads and decodes every byte; all threads.
///
/// *Errors*: a catalog that cannot be opened or read.
pub async fn catalog_stats(folder: &Path) -> Result<CatalogStats, EngineError> {
    let registry = CatalogRegistry::open(&[folder.display().to_string()]).await?;
    let [catalog] = registry.tables() else {
        let found = registry.problems().first().map_or_else(|| "it is none".to_owned(), ToString::to_string);
        let message = format!("{}: expected one catalog: {found}", folder.display());
        return Err(EngineError::request(ErrorKind::NotFound, message));
    };
    let files: Vec<_> = catalog.partitions.iter().flat_map(|partition| &partition.files).collect();
    let mut all = FileStats::default();
    let read: Vec<FileStats> = files
        .into_par_iter()
        .map(|file| of_file(&folder.join(file.path.as_ref()), catalog))
        .collect::<Result<_, _>>()
        .map_err(|message| EngineError::Catalog { catalog: folder.display().to_string(), message, source: None })?;
    for file in read {
        all.add(file).map_err(|error| EngineError::request(ErrorKind::Internal, error.to_string()))?;
    }
    Ok(all.finish(catalog))
}

#[derive(Default)]
struct FileStats {
    rows: u64,
    bytes: u64,
    columns: Vec<Values>,
    cells: Vec<u64>,
}

#[derive(Default)]
struct Values {
    nulls: u64,
    nans: u64,
    /// The least and the greatest, one value each.
    bounds: Option<[ArrayRef; 2]>,
}

fn of_file(path: &Path, catalog: &CatalogMetadata) -> Result<FileStats, String> {
    let failed = |error: &dyn std::fmt::Display| format!("{} cannot be read: {error}", path.display());
    let file = File::open(path).map_err(|error| failed(&error))?;
    let mut stats = FileStats { bytes: file.metadata().map_err(|error| failed(&error))?.len(), ..FileStats::default() };
    let reader =
        ParquetRecordBatchReaderBuilder::try_new(file).and_then(|builder| builder.with_batch_size(65_536).build());
    for batch in reader.map_err(|error| failed(&error))? {
        let batch = batch.map_err(|error| failed(&error))?;
        stats.rows += batch.num_rows() as u64;
        stats.columns.resize_with(batch.num_columns(), Values::default);
        for (values, column) in stats.columns.iter_mut().zip(batch.columns()) {
            values.add(&Values::of(column).map_err(|error| failed(&error))?).map_err(|error| failed(&error))?;
        }
    }
    let (positions, index) = (catalog.positions.as_ref(), catalog.index.as_ref());
    let expected = Expected { cell: None, is_margin: false, schema: &catalog.schema, positions, index };
    stats.cells = leaf::check(path, expected).counts.into_keys().collect();
    Ok(stats)
}

impl Values {
    fn of(column: &ArrayRef) -> Result<Self, ArrowError> {
        let nulls = column.null_count() as u64;
        let kind = column.data_type();
        if kind.is_nested() || matches!(kind, DataType::Binary | DataType::LargeBinary | DataType::BinaryView) {
            return Ok(Self { nulls, ..Self::default() });
        }
        let mut present = if nulls > 0 { filter(column, &is_not_null(column)?)? } else { ArrayRef::clone(column) };
        let mut nans = 0;
        if kind.is_floating() {
            let floats = cast(&present, &DataType::Float64)?;
            let numbers: BooleanArray =
                floats.as_primitive::<Float64Type>().values().iter().map(|value| Some(!value.is_nan())).collect();
            nans = (numbers.len() - numbers.true_count()) as u64;
            present = filter(&present, &numbers)?;
        }
        Ok(Self { nulls, nans, bounds: bounds(&present)? })
    }

    fn add(&mut self, other: &Self) -> Result<(), ArrowError> {
        self.nulls += other.nulls;
        self.nans += other.nans;
        let all: Vec<&dyn Array> =
            [&self.bounds, &other.bounds].into_iter().flatten().flatten().map(AsRef::as_ref).collect();
        if !all.is_empty() {
            self.bounds = bounds(&concat(&all)?)?;
        }
        Ok(())
    }
}

/// The least and the greatest of some values.
fn bounds(values: &ArrayRef) -> Result<Option<[ArrayRef; 2]>, ArrowError> {
    if values.is_empty() {
        return Ok(None);
    }
    let first = |descending| {
        let options = SortOptions { descending, nulls_first: false };
        take(values, &sort_to_indices(values, Some(options), Some(1))?, None)
    };
    Ok(Some([first(false)?, first(true)?]))
}

impl FileStats {
    fn add(&mut self, other: Self) -> Result<(), ArrowError> {
        self.rows += other.rows;
        self.bytes += other.bytes;
        self.columns.resize_with(other.columns.len().max(self.columns.len()), Values::default);
        for (mine, theirs) in self.columns.iter_mut().zip(&other.columns) {
            mine.add(theirs)?;
        }
        self.cells.extend(other.cells);
        Ok(())
    }

    fn finish(mut self, catalog: &CatalogMetadata) -> CatalogStats {
        self.columns.resize_with(catalog.schema.fields().len(), Values::default);
        let text = |value: &ArrayRef| array_value_to_string(value, 0).ok();
        let columns = catalog.schema.fields().iter().zip(self.columns).map(|(field, values)| ColumnStats {
            name: field.name().clone(),
            kind: field.data_type().to_string(),
            unit: field.metadata().get("unit").cloned().unwrap_or_default(),
            nulls: values.nulls,
            nans: values.nans,
            min: values.bounds.as_ref().and_then(|[min, _]| text(min)),
            max: values.bounds.as_ref().and_then(|[_, max]| text(max)),
        });
        let order = Order::new(COUNTED_ORDER).unwrap_or(Order::MIN);
        let cells = self.cells.into_iter().filter_map(|npix| Cell::new(order, npix).ok());
        let is_placed = catalog.positions.is_some() || catalog.index.is_some();
        CatalogStats {
            name: catalog.name.to_string(),
            rows: self.rows,
            bytes: self.bytes,
            partitions: catalog.partitions.len(),
            snapshot: catalog.manifest.map(|digest| digest.to_string()),
            columns: columns.collect(),
            coverage: is_placed.then(|| Moc::from_cells(cells, order)),
        }
    }
}
