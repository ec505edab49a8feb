//! What is known of each star besides its place?
//!
//! Values that compress and distribute like those of a survey: errors grow with magnitude, a fifth of the stars have
//! no parallax, a class has a few values. Columns beyond the named ones are fluxes.

use std::sync::Arc;

use arrow::array::{ArrayRef, Float32Array, Float64Array, Int16Array, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use rand::Rng;
use rand::rngs::SmallRng;
use rand_distr::{Distribution, Exp1, StandardNormal};
use sidereus_engine::keyed_schema;

use super::rows::Rows;
use crate::error::BenchError;

type Make = fn(&Stars<'_>, &mut SmallRng) -> ArrayRef;

/// A column: name, type, unit, UCD, description and how its values are drawn.
struct Column(&'static str, DataType, &'static str, &'static str, &'static str, Make);

/// Named columns in order, without the key; the first three are always there.
const NAMED: [Column; 13] = [
    Column("source_id", DataType::Int64, "", "meta.id;meta.main", "Identifier, ascending along the sky", source_id),
    Column("ra", DataType::Float64, "deg", "pos.eq.ra;meta.main", "Right ascension, ICRS", ra),
    Column("dec", DataType::Float64, "deg", "pos.eq.dec;meta.main", "Declination, ICRS", dec),
    Column("ra_error", DataType::Float32, "mas", "stat.error;pos.eq.ra", "Standard error of right ascension", error),
    Column("dec_error", DataType::Float32, "mas", "stat.error;pos.eq.dec", "Standard error of declination", error),
    Column(
        "parallax",
        DataType::Float32,
        "mas",
        "pos.parallax.trig",
        "Parallax; null for a fifth of the stars",
        parallax,
    ),
    Column(
        "pmra",
        DataType::Float32,
        "mas/yr",
        "pos.pm;pos.eq.ra",
        "Proper motion in right ascension, times cos(dec)",
        motion,
    ),
    Column("pmdec", DataType::Float32, "mas/yr", "pos.pm;pos.eq.dec", "Proper motion in declination", motion),
    Column("phot_g_mean_mag", DataType::Float32, "mag", "phot.mag;em.opt", "Mean magnitude", magnitude),
    Column(
        "bp_rp",
        DataType::Float32,
        "mag",
        "phot.color;em.opt.B;em.opt.R",
        "Colour; null for a tenth of the stars",
        colour,
    ),
    Column("class", DataType::Utf8, "", "src.class", "STAR, BINARY, GALAXY or QSO", class),
    Column(
        "radial_velocity",
        DataType::Float32,
        "km/s",
        "spect.dopplerVeloc.opt",
        "Radial velocity; null for most stars",
        velocity,
    ),
    Column("phot_n_obs", DataType::Int16, "", "meta.number;obs", "Number of observations", observations),
];

/// What several columns of the same stars depend on.
struct Stars<'a> {
    rows: &'a Rows,
    magnitudes: Vec<f32>,
    has_motion: Vec<bool>,
}

/// The columns of a sky.
#[derive(Debug)]
pub(super) struct Columns {
    count: usize,
    schema: SchemaRef,
}

impl Columns {
    /// The first `count` columns, the key included.
    pub(super) fn first(count: usize) -> Result<Self, BenchError> {
        if !(4..=1000).contains(&count) {
            return Err(BenchError::Argument(format!("{count} columns, expected 4 to 1000")));
        }
        let fields: Vec<Field> = (0..count - 1).map(field).collect();
        Ok(Self { count, schema: keyed_schema(&Schema::new(fields)) })
    }

    /// The schema, the key first.
    pub(super) fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    /// Draws the values of some rows.
    pub(super) fn fill(&self, rows: &Rows, random: &mut SmallRng) -> Result<RecordBatch, BenchError> {
        let count = rows.keys.len();
        let magnitudes = (0..count).map(|_| (21.0 - 1.6 * draw::<f32>(Exp1, random)).max(3.0)).collect();
        let has_motion = (0..count).map(|_| random.random_ratio(4, 5)).collect();
        let stars = Stars { rows, magnitudes, has_motion };
        let mut arrays: Vec<ArrayRef> = vec![Arc::new(Int64Array::from(rows.keys.clone()))];
        for column in 0..self.count - 1 {
            let make = NAMED.get(column).map_or(flux as Make, |column| column.5);
            arrays.push(make(&stars, random));
        }
        Ok(RecordBatch::try_new(self.schema(), arrays)?)
    }
}

fn field(column: usize) -> Field {
    let flux_name = format!("flux_{:02}", (column + 1).saturating_sub(NAMED.len()));
    let (name, kind, unit, ucd, description) = match NAMED.get(column) {
        Some(Column(name, kind, unit, ucd, description, _)) => (*name, kind.clone(), *unit, *ucd, *description),
        None => (flux_name.as_str(), DataType::Float32, "Jy", "phot.flux.density", "Flux density"),
    };
    let metadata = [("unit", unit), ("ucd", ucd), ("description", description)];
    let metadata = metadata.into_iter().filter(|(_, value)| !value.is_empty());
    Field::new(name, kind, matches!(name, "parallax" | "pmra" | "pmdec" | "bp_rp" | "radial_velocity"))
        .with_metadata(metadata.map(|(key, value)| (key.to_owned(), value.to_owned())).collect())
}

fn draw<T>(distribution: impl Distribution<T>, random: &mut SmallRng) -> T {
    distribution.sample(random)
}

fn normal(random: &mut SmallRng) -> f32 {
    draw(StandardNormal, random)
}

/// As surveys number their sources: the order-12 cell in the high bits, a running number below.
fn source_id(stars: &Stars<'_>, _: &mut SmallRng) -> ArrayRef {
    const BELOW_ORDER_12: i64 = 34;
    let number = |row: usize| ((stars.rows.first + row) as i64) << 3;
    let ids = stars.rows.keys.iter().enumerate().map(|(row, key)| ((key >> BELOW_ORDER_12) << 35) | number(row));
    Arc::new(Int64Array::from_iter_values(ids))
}

fn ra(stars: &Stars<'_>, _: &mut SmallRng) -> ArrayRef {
    Arc::new(Float64Array::from(stars.rows.ra_deg.clone()))
}

fn dec(stars: &Stars<'_>, _: &mut SmallRng) -> ArrayRef {
    Arc::new(Float64Array::from(stars.rows.dec_deg.clone()))
}

/// Error in mas at a magnitude: a floor for bright stars, photon noise for faint ones.
fn error_at(magnitude: f32) -> f32 {
    0.015 + 0.02 * (0.2 * (magnitude - 15.0) * std::f32::consts::LN_10).exp()
}

fn error(stars: &Stars<'_>, random: &mut SmallRng) -> ArrayRef {
    let errors = stars.magnitudes.iter().map(|magnitude| error_at(*magnitude) * (0.2 * normal(random)).exp());
    Arc::new(Float32Array::from_iter_values(errors))
}

fn parallax(stars: &Stars<'_>, random: &mut SmallRng) -> ArrayRef {
    let values = stars.magnitudes.iter().zip(&stars.has_motion).map(|(magnitude, has_motion)| {
        has_motion.then(|| (0.9 * normal(random) - 0.6).exp() + error_at(*magnitude) * normal(random))
    });
    Arc::new(values.collect::<Float32Array>())
}

fn motion(stars: &Stars<'_>, random: &mut SmallRng) -> ArrayRef {
    let values =
        stars.has_motion.iter().map(|has_motion| has_motion.then(|| 6.0 * normal(random) * draw::<f32>(Exp1, random)));
    Arc::new(values.collect::<Float32Array>())
}

fn magnitude(stars: &Stars<'_>, _: &mut SmallRng) -> ArrayRef {
    Arc::new(Float32Array::from(stars.magnitudes.clone()))
}

fn colour(stars: &Stars<'_>, random: &mut SmallRng) -> ArrayRef {
    let values = stars.magnitudes.iter().map(|_| {
        let colour = 0.4 + 0.8 * draw::<f32>(Exp1, random) + 0.2 * normal(random);
        random.random_ratio(9, 10).then_some(colour)
    });
    Arc::new(values.collect::<Float32Array>())
}

fn class(stars: &Stars<'_>, random: &mut SmallRng) -> ArrayRef {
    let classes = stars.magnitudes.iter().map(|_| match random.random_range(0..100) {
        0..93 => "STAR",
        93..98 => "BINARY",
        98 => "GALAXY",
        _ => "QSO",
    });
    Arc::new(StringArray::from_iter_values(classes))
}

fn velocity(stars: &Stars<'_>, random: &mut SmallRng) -> ArrayRef {
    let values = stars.magnitudes.iter().map(|magnitude| (*magnitude < 14.0).then(|| 40.0 * normal(random)));
    Arc::new(values.collect::<Float32Array>())
}

fn observations(stars: &Stars<'_>, random: &mut SmallRng) -> ArrayRef {
    Arc::new(Int16Array::from_iter_values(stars.magnitudes.iter().map(|_| random.random_range(5..900))))
}

fn flux(stars: &Stars<'_>, random: &mut SmallRng) -> ArrayRef {
    let fluxes = stars
        .magnitudes
        .iter()
        .map(|magnitude| (-0.4 * magnitude * std::f32::consts::LN_10).exp() * 3631.0 * (0.1 * normal(random)).exp());
    Arc::new(Float32Array::from_iter_values(fluxes))
}
