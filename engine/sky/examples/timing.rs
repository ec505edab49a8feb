//! How long do covers and tests of many positions take?
//!
//! Run with `cargo run --release -p sidereus-sky --example timing`.

#![allow(clippy::print_stdout, reason = "printing is its purpose")]

use sidereus_sky::{Circle, Polygon, Region, SkyError, coverage, hash29};
use std::hint::black_box;
use std::time::Instant;

fn main() -> Result<(), SkyError> {
    for (name, radius_deg) in [("1 arcsec", 1.0 / 3600.0), ("1 arcmin", 1.0 / 60.0), ("1 deg", 1.0), ("5 deg", 5.0)] {
        covers(name, |lon, lat| Ok(Region::Circle(Circle::from_degrees(lon, lat, radius_deg)?)))?;
    }
    covers("square of 1 deg", |lon, lat| {
        let (west, east) = (lon - 0.5, lon + 0.5);
        Ok(Region::Polygon(Polygon::from_degrees(&[(west, lat), (east, lat), (east, lat + 1.0), (west, lat + 1.0)])?))
    })?;
    covers("zone of 90 deg", |lon, _| Ok(Region::Circle(Circle::from_degrees(lon, 90.0, 90.0)?)))?;
    let circle = Region::Circle(Circle::from_degrees(180.0, 10.0, 1.0)?);
    tests("circle of 1 deg", &circle, 200);
    let square = Polygon::from_degrees(&[(179.0, 9.0), (181.0, 9.0), (181.0, 11.0), (179.0, 11.0)])?;
    tests("square of 2 deg", &Region::Polygon(square), 20);
    for count in [300_u32, 5_000] {
        let members = (0..count).map(|k| {
            let (step, row) = (f64::from(k % 71) / 71.0, f64::from(k / 71) / 71.0);
            Circle::from_degrees(179.0 + 2.0 * step, 9.0 + 2.0 * row, 0.01).map(Region::Circle)
        });
        let union = Region::Union(members.collect::<Result<_, _>>()?);
        let start = Instant::now();
        black_box(union.prepare());
        println!("prepare union of {count} circles: {:?}", start.elapsed());
        tests(&format!("union of {count} circles"), &union, 5);
        let start = Instant::now();
        let cover = coverage(&union, 150);
        println!(
            "cover of it: {:?}, {} ranges, {:.2} deg2",
            start.elapsed(),
            cover.ranges().len(),
            cover.area_sq_deg()
        );
        let start = Instant::now();
        let text = union.to_stcs();
        black_box(Region::from_stcs(&text)?);
        println!("as text and back: {:?}", start.elapsed());
    }
    hashes()
}

/// Times covers of a shape all over the sky; the median counts, since others share the machine.
fn covers(name: &str, shape: impl Fn(f64, f64) -> Result<Region, SkyError>) -> Result<(), SkyError> {
    let regions: Result<Vec<Region>, _> =
        (0..500).map(|k| shape(f64::from(k) * 137.5 % 360.0, f64::from(k) * 0.35 - 88.0)).collect();
    let regions = regions?;
    for budget in [64, 150] {
        let (mut ranges, mut excess, mut times) = (0, 0.0, Vec::new());
        for region in &regions {
            let start = Instant::now();
            let cover = coverage(black_box(region), budget);
            times.push(start.elapsed().as_secs_f64() * 1e6);
            ranges += cover.ranges().len();
            excess += cover.area_sq_deg() / region.area_sq_deg()?;
        }
        times.sort_by(f64::total_cmp);
        let micros = times[times.len() / 2];
        println!(
            "cover of {name}, budget {budget}: {micros:.1} us, {} ranges, {:.2} times its area",
            ranges / regions.len(),
            excess / regions.len() as f64
        );
    }
    Ok(())
}

/// Times tests of positions in and around a region.
fn tests(name: &str, region: &Region, rounds: u32) {
    let prepared = region.prepare();
    let lons: Vec<f64> = (0..100_000).map(|k| 178.5 + 3.0 * f64::from(k * 7919 % 100_000) / 100_000.0).collect();
    let lats: Vec<f64> = (0..100_000).map(|k| 8.5 + 3.0 * f64::from(k % 317) / 317.0).collect();
    let mut inside = Vec::new();
    // The best round: others share the machine.
    let mut nanos = f64::INFINITY;
    for _ in 0..rounds {
        let start = Instant::now();
        prepared.select(black_box(&lons), black_box(&lats), &mut inside);
        nanos = nanos.min(start.elapsed().as_secs_f64() * 1e9 / lons.len() as f64);
    }
    println!("test of {name}: {nanos:.1} ns a position, {} inside", inside.iter().filter(|inside| **inside).count());
}

fn hashes() -> Result<(), SkyError> {
    let start = Instant::now();
    let mut sum = 0_u64;
    for k in 0..1_000_000 {
        sum = sum.wrapping_add(hash29(f64::from(k % 3600) * 0.1, f64::from(k % 1799) * 0.1 - 89.9)?);
    }
    println!("hash29: {:.1} ns ({sum})", start.elapsed().as_secs_f64() * 1e3);
    Ok(())
}
