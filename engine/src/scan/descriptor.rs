//! What is one scan? A value that says what to read, and holds nothing open.
//!
//! Footers and other caches are looked up where the scan runs, so a descriptor may travel to another process.

use std::sync::Arc;

use arrow::datatypes::{DataType, Schema, SchemaRef};
use datafusion::physical_expr::PhysicalExpr;

use super::bounds;
use super::cover::SpatialFilter;
use super::estimate::{DECODED_PER_SECOND, Reading, row_bytes, skimmed_rows};
use super::filter::RowFilter;
use super::id_lookup::IdLookup;
use super::select;
use crate::catalog::CatalogMetadata;
use crate::options::Rules;

/// Rows under which a scan is not worth more than one thread.
const ROWS_PER_STREAM: f64 = 100_000.0;

/// A share of one file: row groups `share.0 * n / share.1` up to `(share.0 + 1) * n / share.1` of its `n`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ScanUnit {
    /// Number of the HEALPix partition in the catalog.
    pub(crate) partition: usize,
    /// Number of the file in the partition.
    pub(crate) file: usize,
    /// Which share of its row groups.
    pub(crate) share: (usize, usize),
}

/// What reading a part of a scan tells of the whole.
#[derive(Debug, Clone, Copy)]
pub(super) struct Probed {
    /// Rows that it hands out.
    pub(super) rows: f64,
    /// Seconds that one thread takes for the columns of its filters.
    pub(super) seconds: f64,
}

/// What to read of one catalog.
#[derive(Debug, Clone)]
pub(crate) struct ScanDescriptor {
    /// The snapshot.
    pub(crate) catalog: Arc<CatalogMetadata>,
    /// Columns to hand out.
    pub(crate) output: SchemaRef,
    /// Where bounds on the coordinates leave the position, where no region is asked for.
    pub(crate) bounds: Option<Arc<SpatialFilter>>,
    /// Filters and the columns that they read.
    pub(crate) filter: RowFilter,
    /// Rows after which each stream may stop, counted after the filters.
    pub(crate) limit: Option<usize>,
    /// Pruners to use.
    pub(crate) rules: Rules,
    /// Partitions that may hold rows.
    pub(crate) partitions: usize,
    /// What these hold, about.
    pub(super) reading: Reading,
    /// What was told by trying a part of it.
    pub(super) probed: Option<Probed>,
    /// Ids whose rows an index finds.
    pub(crate) lookup: Option<Arc<IdLookup>>,
    /// What each output partition reads, in spatial order.
    pub(crate) streams: Vec<Vec<ScanUnit>>,
}

/// What a scan is asked for.
#[derive(Debug)]
pub(crate) struct ScanRequest {
    /// Columns to hand out, by number.
    pub(crate) projection: Vec<usize>,
    /// The region of the position.
    pub(crate) spatial: Option<Arc<SpatialFilter>>,
    /// Comparisons over `filter_columns`, in that order.
    pub(crate) comparisons: Vec<Arc<dyn PhysicalExpr>>,
    /// Columns that filters read, by number; the position columns first where there is a region.
    pub(crate) filter_columns: Vec<usize>,
    /// Rows after which to stop.
    pub(crate) limit: Option<usize>,
    /// Ids that the comparisons demand, where an index finds their rows.
    pub(crate) lookup: Option<Arc<IdLookup>>,
}

impl ScanDescriptor {
    /// Plans which partitions are read, and by which of at most `threads` streams.
    pub(crate) fn plan(catalog: Arc<CatalogMetadata>, request: ScanRequest, rules: Rules, threads: usize) -> Self {
        let project = |columns: &[usize]| {
            let fields: Vec<_> = columns.iter().map(|column| Arc::clone(&catalog.schema.fields()[*column])).collect();
            Arc::new(Schema::new_with_metadata(fields, catalog.schema.metadata().clone()))
        };
        let filter = RowFilter::new(project(&request.filter_columns), request.spatial, &request.comparisons);
        let output = project(&request.projection);
        let bounds = bounds_of(&catalog, &filter).filter(|_| rules.coordinate_bounds);
        let pruner = filter.spatial.as_deref().or(bounds.as_deref());
        let partitions = select::partitions(&catalog, pruner, rules);
        let reading = Reading::of(&catalog, pruner, &partitions);
        let rows = match &request.lookup {
            Some(lookup) => Some(lookup.count() as f64),
            None => reading.rows,
        };
        let wanted = rows.map_or(threads, |rows| ((rows / ROWS_PER_STREAM).ceil() as usize).clamp(1, threads.max(1)));
        let streams = distribute(&catalog, &partitions, wanted);
        let (limit, lookup, partitions) = (request.limit, request.lookup, partitions.len());
        Self { output, bounds, filter, limit, rules, partitions, reading, probed: None, lookup, streams, catalog }
    }

    /// What says which partitions and pages are read.
    pub(crate) fn pruner(&self) -> Option<&Arc<SpatialFilter>> {
        self.filter.spatial.as_ref().or(self.bounds.as_ref())
    }

    /// Rows that it reads, and bytes of the columns that it reads.
    pub(crate) fn reading(&self) -> Reading {
        let read = row_bytes(&self.filter.schema) + row_bytes(&self.others());
        let part = read as f64 / row_bytes(&self.catalog.schema).max(1) as f64;
        let looked_up = self.lookup.as_ref().zip(self.reading.rows).map(|(lookup, rows)| lookup.count() as f64 / rows);
        // Comparisons may let through one row of many.
        let limit = self.limit.filter(|_| self.filter.comparisons.is_empty()).zip(self.reading.rows);
        let limited = limit.map(|(limit, rows)| limit as f64 / rows);
        let fewer = looked_up.into_iter().chain(limited).fold(1.0, f64::min);
        Reading { rows: self.reading.rows.map(|rows| rows * fewer), ..self.reading.scaled(part.min(1.0) * fewer) }
    }

    /// Seconds that one thread works on it: on columns of filters for every row that is read, on the others for rows that pass,
    /// whose pages are inflated whole.
    pub(crate) fn work(&self) -> Option<f64> {
        let read = self.reading().rows?;
        let passed = self.estimated_rows()? as f64;
        let filters = match &self.probed {
            Some(probed) if self.limit.is_none() => probed.seconds,
            _ => read * row_bytes(&self.filter.schema) as f64 / DECODED_PER_SECOND,
        };
        let others = row_bytes(&self.others()) as f64 / DECODED_PER_SECOND;
        Some(filters + (passed + skimmed_rows(passed, read)) * others)
    }

    /// Columns to hand out that no filter reads.
    fn others(&self) -> Schema {
        let others =
            self.output.fields().iter().filter(|field| self.filter.schema.field_with_name(field.name()).is_err());
        Schema::new(others.cloned().collect::<Vec<_>>())
    }

    /// Rows that the scan may hand out, where the catalog says how many it has.
    pub(crate) fn estimated_rows(&self) -> Option<usize> {
        if let Some(lookup) = &self.lookup {
            return Some(lookup.count());
        }
        let rows = self.reading.rows?;
        let guess = if self.filter.comparisons.is_empty() { rows } else { rows / 3.0 };
        let rows = self.probed.map_or(guess, |probed| probed.rows);
        Some(self.limit.map_or(rows as usize, |limit| (rows as usize).min(limit)))
    }
}

/// The region of the coordinates that comparisons leave, where keys were made of them.
fn bounds_of(catalog: &CatalogMetadata, filter: &RowFilter) -> Option<Arc<SpatialFilter>> {
    let positions = catalog.positions.as_ref()?;
    if filter.spatial.is_some() || catalog.index.is_none() {
        return None;
    }
    let kind = |name: &str| catalog.schema.field_with_name(name).ok().map(|field| field.data_type().clone());
    // Keys of positions that were rounded afterwards lie anywhere near: such catalogs are read as they are.
    let exact = [&positions.ra, &positions.dec].iter().all(|name| kind(name) == Some(DataType::Float64));
    let region = bounds::region(positions, filter.spans()).filter(|_| exact)?;
    Some(SpatialFilter::new(region, &DataType::Float64))
}

/// Shares the files of the partitions out to streams, contiguous in spatial order.
fn distribute(catalog: &CatalogMetadata, partitions: &[usize], wanted: usize) -> Vec<Vec<ScanUnit>> {
    let files: Vec<(usize, usize)> = partitions
        .iter()
        .flat_map(|partition| (0..catalog.partitions[*partition].files.len()).map(|file| (*partition, file)))
        .collect();
    if files.is_empty() {
        return vec![Vec::new()];
    }
    let shares = wanted.div_ceil(files.len());
    let units: Vec<ScanUnit> = files
        .iter()
        .flat_map(|(partition, file)| {
            (0..shares).map(|share| ScanUnit { partition: *partition, file: *file, share: (share, shares) })
        })
        .collect();
    units.chunks(units.len().div_ceil(wanted)).map(<[ScanUnit]>::to_vec).collect()
}
