//! How many stars are in each cell of the sky?
//!
//! Expected counts follow a disc, a bulge and a halo in Galactic coordinates; counts are Poisson numbers about them,
//! then a few rows are added or taken away to meet the total.

use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use rand_distr::{Distribution, Poisson};
use rayon::prelude::*;
use sidereus_sky::{Cell, Frame, Order, center, transform};

/// Order of the cells that have a density each.
const ORDER: u8 = 9;
/// Cells whose numbers come from one random sequence.
const CELLS_PER_SEQUENCE: usize = 1 << 14;

/// Rows of each order-9 cell.
#[derive(Debug)]
pub(super) struct CellCounts {
    /// Rows before each cell, and all rows at the end.
    before: Vec<usize>,
}

impl CellCounts {
    /// Order of the cells.
    pub(super) fn order() -> Order {
        Order::new(ORDER).expect("9 is an order")
    }

    /// Draws counts that add up to `rows`; half of them in one percent of the sky, if that is wanted.
    pub(super) fn draw(rows: u64, seed: u64, crowded: bool) -> Self {
        let mut weights: Vec<f64> = (0..Self::order().cell_count()).into_par_iter().map(cell_density).collect();
        if crowded {
            crowd(&mut weights);
        }
        let scale = rows as f64 / weights.iter().sum::<f64>();
        let mut counts: Vec<u32> = weights
            .par_chunks(CELLS_PER_SEQUENCE)
            .enumerate()
            .flat_map_iter(|(chunk, weights)| {
                let mut random = SmallRng::seed_from_u64(sequence(seed, chunk as u64));
                weights.iter().map(move |weight| poisson(weight * scale, &mut random))
            })
            .collect();
        meet_total(&mut counts, &weights, rows, &mut SmallRng::seed_from_u64(sequence(seed, u64::MAX)));
        let mut before = Vec::with_capacity(counts.len() + 1);
        let mut sum = 0;
        before.push(0);
        for count in counts {
            sum += count as usize;
            before.push(sum);
        }
        Self { before }
    }

    /// Rows whose key is smaller than the given one, the first of an order-9 cell or the end of the sky.
    pub(super) fn rows_before(&self, key: u64) -> usize {
        self.before[(key >> Self::order().key_shift()) as usize]
    }

    /// Rows of an order-9 cell.
    pub(super) fn rows_in(&self, npix: u64) -> usize {
        self.before[npix as usize + 1] - self.before[npix as usize]
    }
}

/// A seed of its own for each part of the work.
pub(super) fn sequence(seed: u64, part: u64) -> u64 {
    seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ part.wrapping_mul(0xd1b5_4a32_d192_ed03).rotate_left(31)
}

fn cell_density(npix: u64) -> f64 {
    let cell = Cell::new(CellCounts::order(), npix).expect("the number is below the number of cells");
    let place = transform(Frame::Icrs, Frame::Galactic, center(cell));
    let latitude = place.lat_deg().abs();
    let from_center = place.lon_deg().min(360.0 - place.lon_deg());
    let halo = 0.03;
    let disc = 0.57 * (-latitude / 12.0).exp();
    let bulge = 0.4 * (-latitude / 5.0).exp() * (-from_center / 40.0).exp();
    halo + disc + bulge
}

/// Gives one percent of the sky, some whole cells of order 3, half of all weight.
fn crowd(weights: &mut [f64]) {
    let cell = weights.len() / 768;
    let is_crowded = |place: usize| (place / cell).is_multiple_of(96);
    let all: f64 = weights.iter().sum();
    let some: f64 = weights.iter().enumerate().filter(|(place, _)| is_crowded(*place)).map(|(_, weight)| weight).sum();
    let factor = (all - some) / some;
    for (_, weight) in weights.iter_mut().enumerate().filter(|(place, _)| is_crowded(*place)) {
        *weight *= factor;
    }
}

fn poisson(mean: f64, random: &mut SmallRng) -> u32 {
    Poisson::new(mean).map_or(0, |distribution| distribution.sample(random) as u32)
}

fn meet_total(counts: &mut [u32], weights: &[f64], rows: u64, random: &mut SmallRng) {
    let mut drawn: u64 = counts.iter().map(|count| u64::from(*count)).sum();
    while drawn != rows {
        let cell = random.random_range(0..counts.len());
        if random.random::<f64>() > weights[cell] {
            continue;
        }
        if drawn < rows {
            counts[cell] += 1;
            drawn += 1;
        } else if counts[cell] > 0 {
            counts[cell] -= 1;
            drawn -= 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_meet_the_total_and_follow_the_galaxy() {
        let counts = CellCounts::draw(2_000_000, 3, false);
        assert_eq!(counts.rows_before(12 << 58), 2_000_000);
        let (mut plane, mut pole) = (0, 0);
        for npix in 0..CellCounts::order().cell_count() {
            let place = center(Cell::new(CellCounts::order(), npix).unwrap());
            let latitude = transform(Frame::Icrs, Frame::Galactic, place).lat_deg().abs();
            if latitude < 5.0 {
                plane += counts.rows_in(npix);
            } else if latitude > 60.0 {
                pole += counts.rows_in(npix);
            }
        }
        // 8.7 % and 13.4 % of the sky.
        assert!(plane > 400_000 && pole < 120_000, "{plane} rows near the plane, {pole} near the poles");
    }

    #[test]
    fn few_rows_are_exact_too() {
        for rows in [1, 13] {
            assert_eq!(CellCounts::draw(rows, 5, false).rows_before(12 << 58), rows as usize);
        }
    }
}
