//! Where are cones asked for?
//!
//! Half of them anywhere on the sky, half on stars. A star is found through the target itself: a random point of a
//! random partition, and the first row near it. Partitions hold about equally many rows, so dense regions are asked
//! as often as people ask for them.

use arrow::array::{Array, AsArray};
use arrow::datatypes::Float64Type;
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use sidereus_sky::{Cell, Order, center};

use super::catalog::Catalog;
use super::target::{Answer, Target};
use super::tasks::cone_condition;
use crate::error::BenchError;

/// A position in degrees.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Place {
    /// Right ascension.
    pub(crate) ra_deg: f64,
    /// Declination.
    pub(crate) dec_deg: f64,
}

/// Points spread evenly over the sky.
pub(crate) fn anywhere(count: u32, seed: u64) -> Vec<Place> {
    let mut random = SmallRng::seed_from_u64(seed);
    let sky = Order::MAX.cell_count();
    (0..count).filter_map(|_| Cell::new(Order::MAX, random.random_range(0..sky)).ok()).map(place).collect()
}

/// Positions of stars of the catalog.
pub(crate) fn on_stars<T: Target>(
    count: u32,
    seed: u64,
    catalog: &Catalog,
    target: &mut T,
) -> Result<Vec<Place>, BenchError> {
    let mut random = SmallRng::seed_from_u64(seed ^ 0x5_7a25);
    (0..count)
        .map(|_| {
            let cell = catalog.cells[random.random_range(0..catalog.cells.len())];
            let range = cell.range29();
            let key = random.random_range(range.start..range.end);
            let near = Cell::new(Order::MAX, key).map(place);
            near.map_err(|error| BenchError::Argument(error.to_string()))
                .and_then(|near| star_near(near, catalog, target))
        })
        .collect()
}

fn place(cell: Cell) -> Place {
    let point = center(cell);
    Place { ra_deg: point.lon_deg(), dec_deg: point.lat_deg() }
}

fn star_near<T: Target>(near: Place, catalog: &Catalog, target: &mut T) -> Result<Place, BenchError> {
    for radius_deg in [0.02, 0.2, 2.0, 20.0, 180.0] {
        let Catalog { table, ra, dec, .. } = catalog;
        let condition =
            cone_condition(catalog, &[near.ra_deg, near.dec_deg, radius_deg].map(|value| value.to_string()));
        let answer = target.query(&format!("SELECT TOP 1 {ra}, {dec} FROM {table} WHERE {condition}"))?;
        if let Some(star) = positions(&answer, 0, 1)?.first() {
            return Ok(*star);
        }
    }
    Err(BenchError::WrongAnswer("there is no star on the whole sky".to_owned()))
}

/// The positions in an answer.
pub(crate) fn positions(answer: &Answer, ra: usize, dec: usize) -> Result<Vec<Place>, BenchError> {
    let mut places = Vec::new();
    for batch in &answer.batches {
        let column = |number: usize| {
            batch.column(number).as_primitive_opt::<Float64Type>().filter(|column| column.null_count() == 0)
        };
        let (Some(ra), Some(dec)) = (column(ra), column(dec)) else {
            return Err(BenchError::WrongAnswer("a position is null or not a double".to_owned()));
        };
        places.extend(ra.values().iter().zip(dec.values()).map(|(ra, dec)| Place { ra_deg: *ra, dec_deg: *dec }));
    }
    Ok(places)
}
