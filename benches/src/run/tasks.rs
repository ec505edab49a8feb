//! The tasks, and what makes an answer right.
//!
//! Every answer of the warm-up pass is checked: the rows of a cone lie within it and a cone on a star holds the star;
//! the two halves of the filter and the cells of the map add up to the catalog's rows. The timed pass runs the same
//! queries again and must return as many rows.

use std::time::{Duration, Instant};

use arrow::array::AsArray;
use arrow::compute::{cast, sum};
use arrow::datatypes::{DataType, Int64Type};
use sidereus_sky::separation_deg;

use super::catalog::{Catalog, delimited};
use super::places::{Place, anywhere, on_stars, positions};
use super::target::{Answer, Target};
use crate::error::BenchError;

/// Cone radii in degrees, with their names.
const RADII: [(&str, f64); 3] = [("1 arcsec", 1.0 / 3600.0), ("1 arcmin", 1.0 / 60.0), ("1 deg", 1.0)];
/// Keys per cell of the density map: order 6.
const KEYS_PER_MAP_CELL: u64 = 1 << 46;
/// Magnitude below which the scan averages.
const BRIGHT: f64 = 18.0;
/// What rounding may add to a separation, in degrees.
const ROUNDING_DEG: f64 = 1e-11;

/// What to measure, and how often.
#[derive(Debug)]
pub(super) struct Plan<'a> {
    /// The catalog.
    pub(super) catalog: &'a Catalog,
    /// Places per cone task.
    pub(super) repeat: u32,
    /// Seed of the places.
    pub(super) seed: u64,
    /// Tasks whose names hold this.
    pub(super) tasks: &'a str,
    /// What cones select.
    pub(super) select: &'a str,
    /// Column that the scan filters on.
    pub(super) magnitude: &'a str,
}

/// The runs of one task, or why it failed.
#[derive(Debug)]
pub(super) struct Measurement {
    /// Name of the task.
    pub(super) name: String,
    /// Its runs.
    pub(super) outcome: Runs,
}

type Runs = Result<Vec<Timing>, BenchError>;

/// One run.
#[derive(Debug, Clone, Copy)]
pub(super) struct Timing {
    /// From the call to the last row.
    pub(super) elapsed: Duration,
    /// Rows returned.
    pub(super) rows: u64,
    /// Bytes returned.
    pub(super) bytes: u64,
}

/// Runs all tasks, one after the other; a failed task does not stop the others.
///
/// *Errors*: the stars cannot be found.
pub(super) fn measure<T: Target>(plan: &Plan<'_>, target: &mut T) -> Result<Vec<Measurement>, BenchError> {
    let on_stars = match plan.tasks.contains("anywhere") {
        true => Vec::new(),
        false => on_stars(plan.repeat, plan.seed, plan.catalog, target)?,
    };
    let mut measurements = Vec::new();
    let mut task = |name: String, run: &mut dyn FnMut() -> Runs| {
        if name.contains(plan.tasks) {
            measurements.push(Measurement { name, outcome: run() });
        }
    };
    for (kind, places, on_star) in
        [("anywhere", anywhere(plan.repeat, plan.seed), false), ("on a star", on_stars, true)]
    {
        for (radius, radius_deg) in RADII {
            let cones = Cones { catalog: plan.catalog, select: plan.select, places: &places, radius_deg, on_star };
            task(format!("cone {radius} {kind}, prepared"), &mut || prepared_cones(&cones, target));
            task(format!("cone {radius} {kind}, ad hoc"), &mut || ad_hoc_cones(&cones, target));
        }
    }
    let scans = (plan.repeat / 10).clamp(3, 10);
    task("filter and average".to_owned(), &mut || scan(plan, scans, target));
    task("density map, order 6".to_owned(), &mut || density(plan, scans, target));
    Ok(measurements)
}

/// The condition that a row lies in a cone, given as the texts of centre and radius.
pub(crate) fn cone_condition(catalog: &Catalog, [ra, dec, radius]: &[String; 3]) -> String {
    format!("1 = CONTAINS(POINT({}, {}), CIRCLE({ra}, {dec}, {radius}))", catalog.ra, catalog.dec)
}

struct Cones<'a> {
    catalog: &'a Catalog,
    select: &'a str,
    places: &'a [Place],
    radius_deg: f64,
    on_star: bool,
}

impl Cones<'_> {
    fn sql(&self, circle: &[String; 3]) -> String {
        format!("SELECT {} FROM {} WHERE {}", self.select, self.catalog.table, cone_condition(self.catalog, circle))
    }

    fn circle(&self, place: Place) -> [f64; 3] {
        [place.ra_deg, place.dec_deg, self.radius_deg]
    }

    fn check(&self, place: Place, answer: &Answer) -> Result<(), BenchError> {
        let column = |name: &str| {
            let schema = answer.batches.first().map(|batch| batch.schema());
            schema.and_then(|schema| schema.fields().iter().position(|field| delimited(field.name()) == name))
        };
        let found = match (column(&self.catalog.ra), column(&self.catalog.dec)) {
            (Some(ra), Some(dec)) => positions(answer, ra, dec)?,
            _ if answer.rows() == 0 => Vec::new(),
            _ => return Err(BenchError::WrongAnswer("the answer has no position columns".to_owned())),
        };
        let separation = |row: &Place| separation_deg(place.ra_deg, place.dec_deg, row.ra_deg, row.dec_deg);
        let farthest = found.iter().map(separation).fold(0.0, f64::max);
        if farthest > self.radius_deg + ROUNDING_DEG {
            return Err(BenchError::WrongAnswer(format!(
                "a row {farthest} degrees off in a cone of {}",
                self.radius_deg
            )));
        }
        if self.on_star && !found.contains(&place) {
            return Err(BenchError::WrongAnswer(format!("the star at {}, {} is missing", place.ra_deg, place.dec_deg)));
        }
        Ok(())
    }
}

fn prepared_cones<T: Target>(cones: &Cones<'_>, target: &mut T) -> Result<Vec<Timing>, BenchError> {
    let mut prepared = target.prepare(&cones.sql(&["?", "?", "?"].map(str::to_owned)))?;
    let mut ask = |place: &Place| target.execute(&mut prepared, &cones.circle(*place));
    time(cones.places, &mut ask, |place, answer| cones.check(*place, answer))
}

fn ad_hoc_cones<T: Target>(cones: &Cones<'_>, target: &mut T) -> Result<Vec<Timing>, BenchError> {
    let texts: Vec<(Place, String)> = cones
        .places
        .iter()
        .map(|place| (*place, cones.sql(&cones.circle(*place).map(|value| value.to_string()))))
        .collect();
    time(&texts, &mut |(_, sql)| target.query(sql), |(place, _), answer| cones.check(*place, answer))
}

fn scan<T: Target>(plan: &Plan<'_>, runs: u32, target: &mut T) -> Result<Vec<Timing>, BenchError> {
    let (table, column) = (&plan.catalog.table, delimited(plan.magnitude));
    let rest =
        target.query(&format!("SELECT COUNT(*) AS n FROM {table} WHERE {column} >= {BRIGHT} OR {column} IS NULL"))?;
    let rest = total(&rest, "n")?;
    let sql = format!("SELECT COUNT(*) AS n, AVG({column}) AS mean FROM {table} WHERE {column} < {BRIGHT}");
    let check = |_: &u32, answer: &Answer| meets_rows(plan.catalog, total(answer, "n")?.saturating_add(rest));
    time(&(0..runs).collect::<Vec<u32>>(), &mut |_| target.query(&sql), check)
}

fn density<T: Target>(plan: &Plan<'_>, runs: u32, target: &mut T) -> Result<Vec<Timing>, BenchError> {
    let Catalog { table, key, .. } = plan.catalog;
    let cell = format!("{key} / {KEYS_PER_MAP_CELL}");
    let sql = format!("SELECT {cell} AS cell, COUNT(*) AS n FROM {table} GROUP BY {cell}");
    let check = |_: &u32, answer: &Answer| meets_rows(plan.catalog, total(answer, "n")?);
    time(&(0..runs).collect::<Vec<u32>>(), &mut |_| target.query(&sql), check)
}

fn meets_rows(catalog: &Catalog, counted: i64) -> Result<(), BenchError> {
    if u64::try_from(counted) == Ok(catalog.rows) {
        return Ok(());
    }
    Err(BenchError::WrongAnswer(format!("the rows add up to {counted}, the catalog has {}", catalog.rows)))
}

/// The sum of a column of counts.
fn total(answer: &Answer, name: &str) -> Result<i64, BenchError> {
    let mut total = 0_i64;
    for batch in &answer.batches {
        let column =
            batch.column_by_name(name).ok_or_else(|| BenchError::WrongAnswer(format!("there is no column {name}")))?;
        let counts = cast(column, &DataType::Int64)?;
        total = total.saturating_add(sum(counts.as_primitive::<Int64Type>()).unwrap_or_default());
    }
    Ok(total)
}

/// Asks everything once, checking, then once more with the clock running.
fn time<I>(
    inputs: &[I],
    ask: &mut impl FnMut(&I) -> Result<Answer, BenchError>,
    check: impl Fn(&I, &Answer) -> Result<(), BenchError>,
) -> Result<Vec<Timing>, BenchError> {
    let mut expected_rows = Vec::with_capacity(inputs.len());
    for input in inputs {
        let answer = ask(input)?;
        check(input, &answer)?;
        expected_rows.push(answer.rows());
    }
    let mut timings = Vec::with_capacity(inputs.len());
    for (input, expected) in inputs.iter().zip(expected_rows) {
        let started = Instant::now();
        let answer = ask(input)?;
        let timing = Timing { elapsed: started.elapsed(), rows: answer.rows(), bytes: answer.bytes() };
        if timing.rows != expected {
            return Err(BenchError::WrongAnswer(format!("{} rows at first, {expected} before", timing.rows)));
        }
        timings.push(timing);
    }
    Ok(timings)
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{ArrayRef, Float64Array, Int64Array, RecordBatch};
    use std::sync::Arc;

    #[test]
    fn a_row_outside_the_cone_and_a_missing_star_are_noticed() {
        let catalog = catalog();
        let star = Place { ra_deg: 10.0, dec_deg: 0.0 };
        let cones = Cones { catalog: &catalog, select: "*", places: &[], radius_deg: 1.0, on_star: true };
        cones.check(star, &answer(&[(10.0, 0.0), (10.9, 0.0)])).unwrap();
        assert!(
            cones.check(star, &answer(&[(10.0, 0.0), (11.1, 0.0)])).unwrap_err().to_string().contains("degrees off")
        );
        assert!(cones.check(star, &answer(&[(10.1, 0.0)])).unwrap_err().to_string().contains("missing"));
        assert!(cones.check(star, &answer(&[])).is_err());
    }

    #[test]
    fn counts_must_meet_the_rows_of_the_catalog() {
        let batch = RecordBatch::try_from_iter([("n", Arc::new(Int64Array::from(vec![3, 4])) as ArrayRef)]).unwrap();
        let counted = total(&Answer { batches: vec![batch.clone(), batch] }, "n").unwrap();
        assert_eq!(counted, 14);
        assert!(
            meets_rows(&catalog(), 14).is_ok()
                && meets_rows(&catalog(), 13).is_err()
                && meets_rows(&catalog(), -1).is_err()
        );
    }

    #[test]
    fn an_answer_that_changes_is_noticed() {
        let mut rows = 0;
        let mut ask = |_: &u32| {
            rows += 1;
            Ok(answer(&vec![(0.0, 0.0); rows]))
        };
        assert!(time(&[1], &mut ask, |_, _| Ok(())).unwrap_err().to_string().contains("rows at first"));
    }

    fn catalog() -> Catalog {
        let [table, ra, dec, key] = ["t", "ra", "dec", "key"].map(delimited);
        Catalog { table, ra, dec, key, rows: 14, cells: Vec::new(), folder: String::new() }
    }

    fn answer(positions: &[(f64, f64)]) -> Answer {
        let (ra, dec): (Vec<f64>, Vec<f64>) = positions.iter().copied().unzip();
        let columns = [
            ("ra", Arc::new(Float64Array::from(ra)) as ArrayRef),
            ("dec", Arc::new(Float64Array::from(dec)) as ArrayRef),
        ];
        Answer { batches: vec![RecordBatch::try_from_iter(columns).unwrap()] }
    }
}
