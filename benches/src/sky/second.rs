//! Makes the second table of a crossmatch: half its objects on stars of a catalog, half anywhere.
//!
//! The half on stars lie up to 0.5" off a star that was drawn without replacement, so most have one match within 2" and
//! `truth` names it; the others are spread evenly over the sphere, and what they match is chance. The table is written
//! as a HATS catalog. The same seed and catalog give the same rows.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Float32Array, Float64Array, Int64Array, RecordBatch};
use arrow::datatypes::{DataType, Field, Float64Type, Int64Type, Schema};
use clap::Args;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use rand_distr::{Distribution, StandardNormal};
use sidereus_engine::{WriteOptions, write_catalog};
use sidereus_sky::{Cell, Degrees, Order, Radians, center};

use super::number;
use crate::error::BenchError;
use crate::run::catalog::Catalog;

/// Largest distance of an object from its star, in degrees.
const OFFSET_DEG: f64 = 0.5 / 3600.0;
/// Beyond this declination right ascensions move too much.
const HIGHEST_DEC_DEG: f64 = 89.99;

/// What to make.
#[derive(Debug, Clone, Args)]
pub(crate) struct MakeSecond {
    /// Folder of the HATS catalog whose stars are matched.
    #[arg(long)]
    pub(crate) catalog: PathBuf,
    /// Rows, exactly.
    #[arg(long, value_parser = number)]
    pub(crate) rows: u64,
    /// Folder to make; must not exist.
    #[arg(long)]
    pub(crate) out: PathBuf,
    /// Seed of all random numbers.
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
}

/// Makes the table.
pub(crate) fn make_second(arguments: &MakeSecond) -> Result<(), BenchError> {
    let files = leaves(&arguments.catalog)?;
    let mut random = SmallRng::seed_from_u64(arguments.seed ^ 0x5ec0_4d00);
    let rows = Catalog::read(&arguments.catalog)?.rows;
    let stars = draw_stars(&files, rows, arguments.rows / 2, &mut random)?;
    let mut objects: Vec<Object> = stars.into_iter().map(|star| beside(star, &mut random)).collect();
    objects.extend((objects.len() as u64..arguments.rows).map(|_| anywhere(&mut random)));
    let name = arguments.out.file_name().and_then(|name| name.to_str()).unwrap_or("second");
    write_catalog(&[batch(&objects, &mut random)?], &WriteOptions::new(name), &arguments.out)?;
    Ok(())
}

/// The Parquet files that hold a catalog's rows, in order.
pub(crate) fn leaves(catalog: &Path) -> Result<Vec<PathBuf>, BenchError> {
    let mut found = Vec::new();
    let mut waiting = vec![catalog.join("dataset")];
    while let Some(folder) = waiting.pop() {
        let failed = |source| BenchError::File { path: folder.clone(), source };
        for entry in std::fs::read_dir(&folder).map_err(failed)? {
            let path = entry.map_err(failed)?.path();
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            if path.is_dir() {
                waiting.push(path);
            } else if name.starts_with("Npix=") && name.ends_with(".parquet") {
                found.push(path);
            }
        }
    }
    found.sort();
    if found.is_empty() {
        return Err(BenchError::Argument(format!("{} has no files Npix=*.parquet in dataset", catalog.display())));
    }
    Ok(found)
}

/// Reads some columns of a Parquet file, in the order of the file.
pub(crate) fn read_columns(file: &Path, names: &[&str]) -> Result<Vec<RecordBatch>, BenchError> {
    let open = File::open(file).map_err(|source| BenchError::File { path: file.to_owned(), source })?;
    let unreadable = |error: String| BenchError::Argument(format!("{}: {error}", file.display()));
    let reader = ParquetRecordBatchReaderBuilder::try_new(open).map_err(|error| unreadable(error.to_string()))?;
    let mask = ProjectionMask::columns(reader.parquet_schema(), names.iter().copied());
    let batches = reader.with_projection(mask).build().map_err(|error| unreadable(error.to_string()))?;
    Ok(batches.collect::<Result<_, _>>()?)
}

#[derive(Debug, Clone, Copy)]
struct Object {
    ra_deg: f64,
    dec_deg: f64,
    truth: Option<i64>,
}

/// Draws some of `rows` rows without replacement, each with equal chance, in one pass.
fn draw_stars(files: &[PathBuf], rows: u64, wanted: u64, random: &mut SmallRng) -> Result<Vec<Object>, BenchError> {
    let (mut left, mut missing) = (rows, wanted.min(rows));
    let mut stars = Vec::new();
    for file in files {
        for batch in read_columns(file, &["source_id", "ra", "dec"])? {
            let column = |name: &str| {
                batch
                    .column_by_name(name)
                    .ok_or_else(|| BenchError::Argument(format!("no column {name} in the catalog")))
            };
            let ids = column("source_id")?.as_primitive::<Int64Type>();
            let (ra, dec) = (column("ra")?.as_primitive::<Float64Type>(), column("dec")?.as_primitive::<Float64Type>());
            for row in 0..batch.num_rows() {
                if random.random_range(0..left.max(1)) < missing {
                    stars.push(Object { ra_deg: ra.value(row), dec_deg: dec.value(row), truth: Some(ids.value(row)) });
                    missing -= 1;
                }
                left = left.saturating_sub(1);
            }
        }
    }
    Ok(stars)
}

fn beside(star: Object, random: &mut SmallRng) -> Object {
    let distance = OFFSET_DEG * random.random::<f64>().sqrt();
    let angle = random.random_range(0.0..std::f64::consts::TAU);
    if star.dec_deg.abs() > HIGHEST_DEC_DEG {
        return star;
    }
    let dec_deg = star.dec_deg + distance * angle.sin();
    let cos_dec = Radians::from(Degrees(star.dec_deg)).0.cos();
    let ra_deg = (star.ra_deg + distance * angle.cos() / cos_dec).rem_euclid(360.0);
    Object { ra_deg: if ra_deg == 360.0 { 0.0 } else { ra_deg }, dec_deg, truth: star.truth }
}

fn anywhere(random: &mut SmallRng) -> Object {
    let cell = Cell::new(Order::MAX, random.random_range(0..Order::MAX.cell_count()));
    let place = center(cell.expect("the number is below the number of cells"));
    Object { ra_deg: place.lon_deg(), dec_deg: place.lat_deg(), truth: None }
}

fn batch(objects: &[Object], random: &mut SmallRng) -> Result<RecordBatch, BenchError> {
    let described = |name: &str, kind: DataType, unit: &str, null: bool| {
        Field::new(name, kind, null).with_metadata([("unit".to_owned(), unit.to_owned())].into())
    };
    let fields = vec![
        Field::new("id", DataType::Int64, false),
        described("ra", DataType::Float64, "deg", false),
        described("dec", DataType::Float64, "deg", false),
        described("mag", DataType::Float32, "mag", false),
        Field::new("truth", DataType::Int64, true),
    ];
    let magnitudes = objects.iter().map(|_| {
        let normal: f32 = StandardNormal.sample(random);
        19.0 + 1.5 * normal
    });
    let columns: Vec<ArrayRef> = vec![
        Arc::new(Int64Array::from_iter_values(0..objects.len() as i64)),
        Arc::new(Float64Array::from_iter_values(objects.iter().map(|object| object.ra_deg))),
        Arc::new(Float64Array::from_iter_values(objects.iter().map(|object| object.dec_deg))),
        Arc::new(Float32Array::from_iter_values(magnitudes)),
        Arc::new(objects.iter().map(|object| object.truth).collect::<Int64Array>()),
    ];
    Ok(RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sky::tests::small_sky;
    use arrow::array::Array;
    use sidereus_sky::separation_deg;
    use std::collections::HashMap;

    #[test]
    fn half_of_the_objects_lie_beside_the_stars_that_they_name() {
        let folder = tempfile::tempdir().unwrap();
        let catalog = small_sky(&folder.path().join("sky"), 20_000);
        let out = folder.path().join("second");
        make_second(&MakeSecond { catalog: catalog.clone(), rows: 3001, out: out.clone(), seed: 2 }).unwrap();
        let stars = rows(&catalog, "source_id");
        let by_id: HashMap<i64, (f64, f64)> = stars.iter().map(|(id, ra, dec)| (*id, (*ra, *dec))).collect();
        let objects = rows(&out, "truth");
        assert_eq!(objects.len(), 3001);
        let near = objects.iter().filter_map(|(id, ra, dec)| {
            let star = by_id.get(id)?;
            Some(separation_deg(*ra, *dec, star.0, star.1) * 3600.0)
        });
        let near: Vec<f64> = near.collect();
        assert_eq!(near.len(), 1500);
        assert!(near.iter().all(|arcsec| *arcsec < 0.5001) && near.iter().any(|arcsec| *arcsec > 0.4));
        assert_eq!(near.len(), objects.iter().map(|(id, ..)| id).filter(|id| **id != -1).count());
    }

    fn rows(catalog: &Path, id: &str) -> Vec<(i64, f64, f64)> {
        let mut rows = Vec::new();
        for file in leaves(catalog).unwrap() {
            for batch in read_columns(&file, &[id, "ra", "dec"]).unwrap() {
                let float = |name: &str| batch.column_by_name(name).unwrap().as_primitive::<Float64Type>().clone();
                let ids = batch.column_by_name(id).unwrap().as_primitive::<Int64Type>();
                let (ra, dec) = (float("ra"), float("dec"));
                let id = |row| if ids.is_valid(row) { ids.value(row) } else { -1 };
                rows.extend((0..batch.num_rows()).map(|row| (id(row), ra.value(row), dec.value(row))));
            }
        }
        rows
    }
}
